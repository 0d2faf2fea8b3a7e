"""What a signed zone lacks: every authoritative rrset needs its signature, every name its place in the chain.

A zone that lacks any of it would be bogus to a validator for some question, so it is not taken at all (RFC 4035
section 2, RFC 5155 section 7.1). Each finding says which owner and type. Signatures are not verified: that is the
validator's, who knows which keys it trusts. Zones without any of DNSSEC's types pass; a few of these in a zone that
is not signed are left from one that was.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import islice, pairwise

from gslb.wire.codes import RRType, type_to_text
from gslb.wire.dnssec import Nsec, Nsec3, signer, type_bitmap, types_of_bitmap
from gslb.wire.names import Name, is_at_or_below, name_to_text, parent
from gslb.wire.rdata import is_signatures_key, signatures_key, type_of_key
from gslb.zone.denial import MAX_ITERATIONS, Nsec3Chain, NsecChain
from gslb.zone.finding import Finding
from gslb.zone.lookup import Node, ZoneIndex
from gslb.zone.rrset import RRset
from gslb.zone.signing import DNSSEC_TYPES, authoritative, chain_of, is_signed
from gslb.zone.zone import Zone

_AT_A_CUT = frozenset({RRType.NS, RRType.DS})


_MOST = 10
"""Findings that are told one by one: a zone that is not signed right has as many as it has names."""


def check_signing(zone: Zone) -> list[Finding]:
    """What keeps a signed zone from being served, and, as warnings, what of a signed zone stands in one that is not:
    other name servers serve that as data like any other."""
    if not is_signed(zone):
        stray = check_unsigned(zone, "the zone is not signed: leave this out, or sign it again")
        return [replace(finding, is_error=False) for finding in stray]
    if RRType.SOA not in zone.rrsets[zone.apex] or not all(is_at_or_below(owner, zone.apex) for owner in zone.rrsets):
        return []  # what is wrong then is told by `zone.checks`
    return _first(_Completeness(zone).findings())


def check_unsigned(zone: Zone, advice: str) -> list[Finding]:
    """What of a signed zone stands in one that is not to have it."""
    return _first(
        Finding(owner, rtype, f"{type_to_text(rtype)} is of signed zones; {advice}")
        for owner, types in zone.rrsets.items()
        for rtype in DNSSEC_TYPES & {type_of_key(key) for key in types}
    )


def _first(findings: Iterator[Finding]) -> list[Finding]:
    told = list(islice(findings, _MOST))
    more = sum(1 for _ in findings)
    if more:
        told[-1] = replace(told[-1], message=f"{told[-1].message} (and {more} more like this)")
    return told


class _Completeness:
    """The check of one zone; what is authoritative in it is known from its index."""

    def __init__(self, zone: Zone) -> None:
        self._zone = zone
        self._nodes = authoritative(ZoneIndex(zone))
        self._chain = chain_of(zone, self._nodes)

    def findings(self) -> Iterator[Finding]:
        apex = self._zone.apex
        if self._zone.steered:
            owner, rtype = next(iter(self._zone.steered))
            yield Finding(
                owner, rtype, "a signed zone cannot be steered: its signatures are of one answer, not of a draw"
            )
        if RRType.DNSKEY not in self._zone.rrsets[apex]:
            said = "the zone has signatures or a chain of denial, but no DNSKEY at its apex; sign it as a whole"
            yield Finding(apex, RRType.DNSKEY, said, is_absence=True)
        for node in self._nodes.values():
            yield from self._check_signatures(node)
        if isinstance(self._chain, Nsec3Chain):
            yield from self._check_nsec3(self._chain)
        else:
            yield from self._check_nsec(self._chain)

    # Signatures

    def _check_signatures(self, node: Node) -> Iterator[Finding]:
        for key, rrset in node.rrsets.items():
            if not is_signatures_key(key) and not (node.is_cut and key not in {RRType.DS, RRType.NSEC}):
                yield from self._check_signed(rrset, node.rrsets.get(signatures_key(key)))

    def _check_signed(self, rrset: RRset, signatures: RRset | None) -> Iterator[Finding]:
        kind = type_to_text(rrset.rtype)
        if signatures is None:
            yield Finding(
                rrset.owner, rrset.rtype, f"no RRSIG covers the {kind} records; sign the zone", is_absence=True
            )
        elif all(signer(rdata) != self._zone.apex for rdata in signatures.rdatas):
            said = f"no RRSIG over the {kind} records is by the zone's own keys; sign the zone"
            yield Finding(rrset.owner, rrset.rtype, said)

    # NSEC (RFC 4035 section 2.3)

    def _check_nsec(self, chain: NsecChain) -> Iterator[Finding]:
        lacking = [node for node in self._nodes.values() if node.rrsets and RRType.NSEC not in node.rrsets]
        for node in lacking:
            said = "the name has no NSEC record, and the zone no NSEC3PARAM; sign the zone"
            yield Finding(node.name, RRType.NSEC, said, is_absence=True)
        if lacking:
            return
        links = [*chain]
        for rrset, following in pairwise([*links, links[0]]):
            link = Nsec.from_rdata(rrset.rdatas[0])
            if len(rrset.rdatas) > 1 or link.next != following.owner:
                leads = (
                    f"leads to {name_to_text(link.next)}, and the name that follows is {name_to_text(following.owner)}"
                )
                yield Finding(rrset.owner, RRType.NSEC, f"the NSEC {leads}; sign the zone anew")
            types = _types_at(self._nodes[rrset.owner]) | {RRType.RRSIG}
            yield from _check_bitmap(rrset, rrset.owner, link.bitmap, types)

    # NSEC3 (RFC 5155 section 7.1)

    def _check_nsec3(self, chain: Nsec3Chain) -> Iterator[Finding]:
        if chain.parameters.iterations > MAX_ITERATIONS:
            said = f"names are hashed with {chain.parameters.iterations} iterations, and {MAX_ITERATIONS} are the most"
            said += " that is served; sign the zone with 0 of them (RFC 9276 section 3.1)"
            yield Finding(self._zone.apex, RRType.NSEC3PARAM, said)
            return
        if not chain:
            said = "there is an NSEC3PARAM but no NSEC3 record with its values; sign the zone"
            yield Finding(self._zone.apex, RRType.NSEC3, said, is_absence=True)
            return
        links = [(digest, rrset, link) for digest, rrset in chain if (link := chain.link(rrset))]
        yield from self._check_links([*links, links[0]])
        yield from self._check_hashed(chain, {digest: (rrset, link) for digest, rrset, link in links})

    def _check_links(self, links: list[tuple[bytes, RRset, Nsec3]]) -> Iterator[Finding]:
        for (_, rrset, link), (digest, following, _) in pairwise(links):
            if link.next != digest:
                said = f"the NSEC3 does not lead to the one that follows, {name_to_text(following.owner)}"
                yield Finding(rrset.owner, RRType.NSEC3, f"{said}; sign the zone anew")
            signatures = self._zone.rrsets[rrset.owner].get(signatures_key(RRType.NSEC3))
            yield from self._check_signed(rrset, signatures)

    def _check_hashed(self, chain: Nsec3Chain, links: Mapping[bytes, tuple[RRset, Nsec3]]) -> Iterator[Finding]:
        """Every name has an NSEC3, but those that may be opted out."""
        optional = self._optional_names()
        for name, node in self._nodes.items():
            digest = chain.parameters.hash(name)
            found = links.get(digest)
            if found is not None:
                yield from _check_bitmap(found[0], name, found[1].bitmap, _types_of_hash(node))
            elif name not in optional or not _opts_out(chain.link(chain.covering(digest))):
                said = "the name has no NSEC3 record, nor is it opted out; sign the zone"
                yield Finding(name, RRType.NSEC3, said, is_absence=True)

    def _optional_names(self) -> set[Name]:
        """Delegations without DS, and empty non-terminals that lead to nothing else (RFC 5155 section 7.1)."""
        needed: set[Name] = set()
        for name, node in self._nodes.items():
            if not node.rrsets or (node.is_cut and RRType.DS not in node.rrsets):
                continue
            while name not in needed:  # and so are all names above
                needed.add(name)
                if name != self._zone.apex:
                    name = parent(name)  # noqa: PLW2901
        return self._nodes.keys() - needed


def _opts_out(link: Nsec3 | None) -> bool:
    return link is not None and link.opt_out


def _types_at(node: Node) -> frozenset[int]:
    """The types that a link of the chain has to name, RRSIG apart."""
    if node.is_cut:
        return frozenset(key for key in node.rrsets if key in _AT_A_CUT | {RRType.NSEC})
    return frozenset(key for key in node.rrsets if not is_signatures_key(key))


def _types_of_hash(node: Node) -> frozenset[int]:
    types = _types_at(node)
    is_signed = types - {RRType.NS} if node.is_cut else types
    return types | {RRType.RRSIG} if is_signed else types


def _check_bitmap(rrset: RRset, name: Name, bitmap: bytes, types: frozenset[int]) -> Iterator[Finding]:
    if bitmap == type_bitmap(types):
        return
    said = set(types_of_bitmap(bitmap))
    kind, shown = type_to_text(rrset.rtype), name_to_text(name)
    for rtype in sorted(types - said):
        denied = f"the {kind} says that {shown} has no {type_to_text(rtype)}, and it has; sign the zone anew"
        yield Finding(name, rrset.rtype, denied)
    for rtype in sorted(said - types):
        claimed = f"the {kind} says that {shown} has {type_to_text(rtype)}, and it has not; sign the zone anew"
        yield Finding(name, rrset.rtype, claimed)
