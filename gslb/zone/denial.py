"""Denial of existence: which NSEC or NSEC3 rrsets show that a name or a type is not there.

A zone has one chain in use. Names in it are found by bisection: in an NSEC chain (RFC 4034 section 4) by canonical
order, in an NSEC3 chain (RFC 5155) by their hashes. Each kind answers the same four questions (RFC 4035 section 3.1.3,
RFC 5155 section 7.2); the closest encloser, which `zone.lookup` knows, is told and never searched for.

Owners of nothing but NSEC3 are no names of the zone (RFC 5155 section 7.2.8): `is_hashed_owner` tells them.

Hashing costs time that whoever asks decides to spend, so there is a bound of iterations (RFC 9276 section 3.1 wants
none at all), and hashes of names that exist are kept. A name that does not exist is hashed once an answer.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Protocol

from gslb.wire.codes import RRType
from gslb.wire.dnssec import Nsec3, Nsec3Parameters, hash_of_owner, hashed_owner
from gslb.wire.names import WILDCARD_LABEL, Name, canonical_key, parent
from gslb.wire.rdata import signatures_key
from gslb.zone.rrset import RRset
from gslb.zone.zone import Zone

MAX_ITERATIONS = 50
"""A zone that has its names hashed more often is not served: validators take it for unsigned (RFC 9276 section 3.2),
and one query would cost as much as ten others."""

_OF_NSEC3 = frozenset({int(RRType.NSEC3), signatures_key(RRType.NSEC3)})

Proof = tuple[RRset, ...]
"""NSEC or NSEC3 rrsets, each of them once."""


def is_hashed_owner(types: Mapping[int, RRset]) -> bool:
    """True for what stands at an owner of nothing but NSEC3 and its signatures."""
    return RRType.NSEC3 in types and types.keys() <= _OF_NSEC3


def without_nsec3(types: Mapping[int, RRset]) -> Mapping[int, RRset]:
    """What stands at an owner apart from its being a hash."""
    return MappingProxyType({key: rrset for key, rrset in types.items() if key not in _OF_NSEC3})


class Denial(Protocol):
    """The chain of a zone. Names are canonical and in the zone; `encloser` is the closest encloser of `qname`."""

    @property
    def kind(self) -> str:
        """For people: NSEC, or NSEC3 and how it is done."""

    def nodata(self, name: Name) -> Proof:
        """That a name which exists, asked for or a zone cut, has not the type (nor, at a cut, a DS)."""

    def nxdomain(self, qname: Name, encloser: Name) -> Proof:
        """That there is no such name and no wildcard for it."""

    def expansion(self, qname: Name, encloser: Name) -> Proof:
        """That there is no such name, so that the wildcard below `encloser` answers."""

    def wildcard_nodata(self, qname: Name, encloser: Name) -> Proof:
        """That there is no such name, and the wildcard below `encloser` has not the type."""


class NsecChain:
    """`rrsets` are those of NSEC records at authoritative names and zone cuts."""

    kind = "NSEC"

    def __init__(self, rrsets: list[RRset]) -> None:
        keyed = {canonical_key(rrset.owner): rrset for rrset in rrsets}
        self._keys = sorted(keyed)
        self._rrsets = [keyed[key] for key in self._keys]

    def __iter__(self) -> Iterator[RRset]:
        """The rrsets in canonical order of their owners."""
        return iter(self._rrsets)

    def __len__(self) -> int:
        return len(self._rrsets)

    def nodata(self, name: Name) -> Proof:
        return (self._at_or_before(name),)

    def nxdomain(self, qname: Name, encloser: Name) -> Proof:
        return _once(self._at_or_before(qname), self._at_or_before(WILDCARD_LABEL + encloser))

    def expansion(self, qname: Name, encloser: Name) -> Proof:  # noqa: ARG002  NSEC shows it by the name itself
        return (self._at_or_before(qname),)

    def wildcard_nodata(self, qname: Name, encloser: Name) -> Proof:
        return self.nxdomain(qname, encloser)

    def _at_or_before(self, name: Name) -> RRset:
        """The NSEC of a name, or that which covers it: an empty non-terminal has no NSEC of its own, but the one
        before it, whose next name lies below."""
        return self._rrsets[bisect_right(self._keys, canonical_key(name)) - 1]


class Nsec3Chain:
    """The NSEC3 rrsets of a zone with these parameters."""

    def __init__(self, zone: Zone, parameters: Nsec3Parameters) -> None:
        self.parameters = parameters
        self._zone = zone
        self.opts_out = False
        self._hashes: dict[Name, bytes] = {}
        self._links = sorted(self._own_hashes())

    def _own_hashes(self) -> Iterator[bytes]:
        """The hashes that have an NSEC3 of this chain."""
        for owner, types in self._zone.rrsets.items():
            if RRType.NSEC3 not in types or parent(owner) != self._zone.apex:
                continue
            link, digest = self.link(types[RRType.NSEC3]), hash_of_owner(owner)
            if link is not None and digest is not None:
                self.opts_out = self.opts_out or link.opt_out
                yield digest

    def __iter__(self) -> Iterator[tuple[bytes, RRset]]:
        """The hashes in order, and their rrsets."""
        for digest in self._links:
            yield digest, self._rrset(digest)

    def __len__(self) -> int:
        return len(self._links)

    def link(self, rrset: RRset) -> Nsec3 | None:
        """The record of an NSEC3 rrset that is of this chain; there may be other chains at the time."""
        links = (Nsec3.from_rdata(rdata) for rdata in rrset.rdatas)
        return next((link for link in links if link.parameters == self.parameters), None)

    @property
    def kind(self) -> str:
        salt = f"salt {self.parameters.salt.hex()}" if self.parameters.salt else "no salt"
        opt_out = ", opt-out" if self.opts_out else ""
        return f"NSEC3, {self.parameters.iterations} iterations, {salt}{opt_out}"

    def nodata(self, name: Name) -> Proof:
        found = self._matching(name)
        # A cut without DS, or an empty non-terminal above such, that is opted out (RFC 5155 sections 7.2.4 and 7.2.7).
        return (found,) if found is not None else self._encloser_proof(name, name)[1]

    def nxdomain(self, qname: Name, encloser: Name) -> Proof:
        provable, proof = self._encloser_proof(qname, encloser)
        return _once(*proof, self.covering(self._hash_kept(WILDCARD_LABEL + provable)))

    def expansion(self, qname: Name, encloser: Name) -> Proof:
        return (self.covering(self.parameters.hash(_child_towards(qname, encloser))),)

    def wildcard_nodata(self, qname: Name, encloser: Name) -> Proof:
        wildcard = WILDCARD_LABEL + encloser
        _, proof = self._encloser_proof(qname, encloser)
        return _once(*proof, self._matching(wildcard) or self.covering(self._hash_kept(wildcard)))

    def _encloser_proof(self, qname: Name, encloser: Name) -> tuple[Name, Proof]:
        """The closest encloser that has an NSEC3, and the proof that it is one (RFC 5155 section 7.2.1). Names that
        are opted out have none, so it may lie above the `encloser` there is."""
        while (found := self._matching(encloser)) is None:
            encloser = parent(encloser)
        covering = self.covering(self.parameters.hash(_child_towards(qname, encloser)))
        return encloser, _once(found, covering)

    def _matching(self, name: Name) -> RRset | None:
        """The NSEC3 of a name that exists, None where there is none."""
        digest = self._hash_kept(name)
        found = self._links[bisect_right(self._links, digest) - 1]
        return self._rrset(digest) if found == digest else None

    def covering(self, digest: bytes) -> RRset:
        """The NSEC3 with the greatest hash up to `digest`; the last one where all are greater."""
        return self._rrset(self._links[bisect_right(self._links, digest) - 1])

    def _rrset(self, digest: bytes) -> RRset:
        return self._zone.rrsets[hashed_owner(digest, self._zone.apex)][RRType.NSEC3]

    def _hash_kept(self, name: Name) -> bytes:
        """The hash of a name that exists, or of a wildcard below one."""
        digest = self._hashes.get(name)
        if digest is None:
            digest = self._hashes[name] = self.parameters.hash(name)
        return digest


def _child_towards(qname: Name, encloser: Name) -> Name:
    """The name one label longer than `encloser` that is `qname` or above it: the next closer name."""
    while (above := parent(qname)) != encloser:
        qname = above
    return qname


def _once(*rrsets: RRset) -> Proof:
    return tuple({rrset.owner: rrset for rrset in rrsets}.values())
