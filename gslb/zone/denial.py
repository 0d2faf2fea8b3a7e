"""Denial of existence: which NSEC or NSEC3 rrsets show that a name or a type is not there.

A zone has one chain in use. Names in it are found by bisection: in an NSEC chain (RFC 4034 section 4) by canonical
order, in an NSEC3 chain (RFC 5155) by their hashes. Each kind answers the same four questions (RFC 4035 section 3.1.3,
RFC 5155 section 7.2); the closest encloser, which `zone.lookup` knows, is told and never searched for.

Owners of nothing but NSEC3 are no names of the zone (RFC 5155 section 7.2.8): `is_hashed_owner` tells them.

A name that is not there is denied by its *next closer* name (RFC 5155 section 1.3), the one a label below the closest
encloser: nothing stands at that or below, so what covers it covers the name. All else that a denial says depends on the
encloser alone, which exists, and is kept by it. Hashing costs time that whoever asks decides to spend, so there is a
bound of iterations (RFC 9276 section 3.1 wants none at all), and hashes of names that are not there are kept for some
time.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple, Protocol

from gslb.wire.codes import RRType
from gslb.wire.dnssec import Nsec3, Nsec3Parameters, hash_of_owner
from gslb.wire.names import WILDCARD_LABEL, Name, canonical_key, label_at, label_key, parent
from gslb.wire.rdata import signatures_key
from gslb.zone.rrset import RRset
from gslb.zone.zone import Zone

MAX_ITERATIONS = 50
"""A zone that has its names hashed more often is not served: validators take it for unsigned (RFC 9276 section 3.2),
and one query would cost as much as ten others."""

_OF_NSEC3 = frozenset({int(RRType.NSEC3), signatures_key(RRType.NSEC3)})

_MOST_DENIED = 1024
"""Names that are not there, whose hashes are kept: of a chain through several wildcards there is one a step, and an
answer that is too long for the short path is made twice."""

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


Changes = Mapping[Name, RRset | None]
"""By owner its link in a chain, None where it has none any more."""


class _Links:
    """The rrsets of a chain, and their keys in order; a circle."""

    def __init__(self, keys: list[bytes], rrsets: list[RRset]) -> None:
        self.keys = keys
        self.rrsets = rrsets

    @classmethod
    def of(cls, found: Mapping[bytes, RRset]) -> "_Links":
        keys = sorted(found)
        return cls(keys, [found[key] for key in keys])

    def edited(self, changes: Iterable[tuple[bytes, RRset | None]]) -> "_Links":
        """With some put, replaced or taken out; takes little more than copying two lists."""
        keys, rrsets = self.keys.copy(), self.rrsets.copy()
        for key, rrset in changes:
            at = bisect_left(keys, key)
            is_there = at < len(keys) and keys[at] == key
            if is_there:
                del keys[at], rrsets[at]
            if rrset is not None:
                keys.insert(at, key)
                rrsets.insert(at, rrset)
        return _Links(keys, rrsets)

    def around(self, key: bytes) -> list[tuple[bytes, RRset]]:
        """The one before a key, that at it, if any, and the one behind."""
        at, behind = bisect_left(self.keys, key), bisect_right(self.keys, key)
        places = [at - 1, *range(at, behind), behind % len(self.keys)]
        return [(self.keys[each], self.rrsets[each]) for each in places]

    def at(self, key: bytes) -> RRset | None:
        at = bisect_left(self.keys, key)
        return self.rrsets[at] if at < len(self.keys) and self.keys[at] == key else None


class _NsecEncloser(NamedTuple):
    """What an NSEC chain says of a name that exists: the NSEC of its own or that covers it, that of the wildcard below
    it, and what the keys of all names below begin with."""

    own: RRset
    wildcard: RRset
    below: bytes


class NsecChain:
    """Of the NSEC records at authoritative names and zone cuts."""

    kind = "NSEC"

    def __init__(self, links: _Links) -> None:
        self._links = links
        self._keys, self._rrsets = links.keys, links.rrsets
        self._enclosers: dict[Name, _NsecEncloser] = {}

    @classmethod
    def of(cls, rrsets: Iterable[RRset]) -> "NsecChain":
        return cls(_Links.of({canonical_key(rrset.owner): rrset for rrset in rrsets}))

    def edited(self, changes: Changes) -> "NsecChain":
        """The chain with these links changed."""
        return NsecChain(self._links.edited((canonical_key(owner), rrset) for owner, rrset in changes.items()))

    def around(self, owner: Name) -> list[RRset]:
        """The link before an owner, that at it, if any, and the one behind."""
        return [rrset for _, rrset in self._links.around(canonical_key(owner))]

    def __iter__(self) -> Iterator[RRset]:
        """The rrsets in canonical order of their owners."""
        return iter(self._rrsets)

    def __len__(self) -> int:
        return len(self._rrsets)

    def nodata(self, name: Name) -> Proof:
        return (self._encloser(name).own,)

    def nxdomain(self, qname: Name, encloser: Name) -> Proof:
        return _once(self._denying(qname, encloser), self._encloser(encloser).wildcard)

    def expansion(self, qname: Name, encloser: Name) -> Proof:
        return (self._denying(qname, encloser),)

    def wildcard_nodata(self, qname: Name, encloser: Name) -> Proof:
        return self.nxdomain(qname, encloser)

    def _encloser(self, name: Name) -> _NsecEncloser:
        kept = self._enclosers.get(name)
        if kept is None:
            key = canonical_key(name)
            below = key + b"\x00" if key else b""
            wildcard = self._at_or_before(below + label_key(b"*"))
            kept = self._enclosers[name] = _NsecEncloser(self._at_or_before(key), wildcard, below)
        return kept

    def _denying(self, qname: Name, encloser: Name) -> RRset:
        """The NSEC that covers the next closer name."""
        start = _next_closer(qname, encloser)
        label = qname[start + 1 : start + 1 + qname[start]]
        return self._at_or_before(self._encloser(encloser).below + label_key(label))

    def _at_or_before(self, key: bytes) -> RRset:
        """The NSEC of a name, or that which covers it: an empty non-terminal has no NSEC of its own, but the one
        before it, whose next name lies below."""
        return self._rrsets[bisect_right(self._keys, key) - 1]


class _Nsec3Encloser(NamedTuple):
    """What an NSEC3 chain says of a name that exists: the NSEC3 of its own, that which covers or matches the wildcard
    below it, and None. Where the name is opted out and has none of its own: these of the closest name above that has,
    and that which covers the next closer name, which is the same for all below."""

    matching: RRset
    wildcard: RRset
    covering: RRset | None


class Nsec3Chain:
    """The NSEC3 rrsets of a zone with these parameters; `opted_out` is how many of them opt out."""

    def __init__(self, apex: Name, parameters: Nsec3Parameters, links: _Links, opted_out: int) -> None:
        self.parameters = parameters
        self._apex = apex
        self._chain = links
        self._links, self._rrsets = links.keys, links.rrsets
        self._opted_out = opted_out
        self._enclosers: dict[Name, _Nsec3Encloser] = {}
        self._denied: dict[Name, RRset] = {}

    @classmethod
    def of(cls, zone: Zone, parameters: Nsec3Parameters) -> "Nsec3Chain":
        """What of a zone is in this chain."""
        empty = cls(zone.apex, parameters, _Links([], []), 0)
        found: dict[bytes, RRset] = {}
        opted_out = 0
        for types in zone.rrsets.values():
            own = empty.own(types[RRType.NSEC3]) if RRType.NSEC3 in types else None
            if own is not None:
                found[own[0]] = types[RRType.NSEC3]
                opted_out += own[1].opt_out
        return cls(zone.apex, parameters, _Links.of(found), opted_out)

    def edited(self, changes: Changes) -> "Nsec3Chain":
        """The chain with these links changed, all of them its `own`."""
        hashed = [(digest, rrset) for owner, rrset in changes.items() if (digest := hash_of_owner(owner)) is not None]
        more = sum(self._opts_out(rrset) - self._opts_out(self.at(digest)) for digest, rrset in hashed)
        return Nsec3Chain(self._apex, self.parameters, self._chain.edited(hashed), self._opted_out + more)

    def own(self, rrset: RRset) -> tuple[bytes, Nsec3] | None:
        """The hash at which an NSEC3 rrset stands in this chain, and its link; None where it is in none, or another."""
        if parent(rrset.owner) != self._apex:
            return None
        link, digest = self.link(rrset), hash_of_owner(rrset.owner)
        return (digest, link) if link is not None and digest is not None else None

    def _opts_out(self, rrset: RRset | None) -> bool:
        link = self.link(rrset) if rrset is not None else None
        return link is not None and link.opt_out

    @property
    def opts_out(self) -> bool:
        """True where there may be names without a link."""
        return self._opted_out > 0

    def at(self, digest: bytes) -> RRset | None:
        """The NSEC3 of a hash."""
        return self._chain.at(digest)

    def around(self, digest: bytes) -> list[tuple[bytes, RRset]]:
        """The NSEC3 before a hash, that at it, if any, and the one behind, with their hashes."""
        return self._chain.around(digest)

    def __iter__(self) -> Iterator[tuple[bytes, RRset]]:
        """The hashes in order, and their rrsets."""
        return zip(self._links, self._rrsets, strict=True)

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
        # A cut without DS, or an empty non-terminal above such, may be opted out (RFC 5155 sections 7.2.4 and 7.2.7).
        kept = self._encloser(name)
        return (kept.matching,) if kept.covering is None else _once(kept.matching, kept.covering)

    def nxdomain(self, qname: Name, encloser: Name) -> Proof:
        kept = self._encloser(encloser)
        return _once(kept.matching, kept.covering or self._denying(qname, encloser), kept.wildcard)

    def expansion(self, qname: Name, encloser: Name) -> Proof:
        return (self._denying(qname, encloser),)

    def wildcard_nodata(self, qname: Name, encloser: Name) -> Proof:
        return self.nxdomain(qname, encloser)

    def _encloser(self, name: Name) -> _Nsec3Encloser:
        """The closest encloser proof (RFC 5155 section 7.2.1) for what is below a name that exists, as far as it is the
        same for all of that. Names that are opted out have no NSEC3, so the encloser may lie above."""
        kept = self._enclosers.get(name)
        if kept is None:
            kept = self._enclosers[name] = self._encloser_at(name) or self._encloser_above(name)
        return kept

    def _encloser_at(self, name: Name) -> _Nsec3Encloser | None:
        digest = self.parameters.hash(name)
        found = bisect_right(self._links, digest) - 1
        if self._links[found] != digest:
            return None
        wildcard = self.covering(self.parameters.hash(WILDCARD_LABEL + name))
        return _Nsec3Encloser(self._rrsets[found], wildcard, None)

    def _encloser_above(self, name: Name) -> _Nsec3Encloser:
        above = self._encloser(parent(name))
        return above if above.covering else above._replace(covering=self.covering(self.parameters.hash(name)))

    def _denying(self, qname: Name, encloser: Name) -> RRset:
        """The NSEC3 that covers the next closer name."""
        name = qname[_next_closer(qname, encloser) :]
        kept = self._denied.get(name)
        if kept is None:
            if len(self._denied) >= _MOST_DENIED:
                self._denied.clear()
            kept = self._denied[name] = self.covering(self.parameters.hash(name))
        return kept

    def covering(self, digest: bytes) -> RRset:
        """The NSEC3 with the greatest hash up to `digest`; the last one where all are greater."""
        return self._rrsets[bisect_right(self._links, digest) - 1]


def _next_closer(qname: Name, encloser: Name) -> int:
    """Where the name starts that is one label longer than `encloser`, and `qname` or above it."""
    end = len(qname) - len(encloser)
    return 0 if 1 + qname[0] == end else label_at(qname, end - 1)


def _once(*rrsets: RRset) -> Proof:
    return tuple({rrset.owner: rrset for rrset in rrsets}.values())
