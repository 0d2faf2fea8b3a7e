"""What a signed zone lacks: every authoritative rrset needs its signature, every name its place in the chain.

A zone that lacks any of it would be bogus to a validator for some question, so it is not taken at all (RFC 4035
section 2, RFC 5155 section 7.1). Each finding says which owner and type. Signatures are not verified: that is the
validator's, who knows which keys it trusts. Zones without any of DNSSEC's types pass; a few of these in a zone that
is not signed are left from one that was.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import islice, pairwise

from gslb.wire.codes import RRType, type_to_text
from gslb.wire.dnssec import Nsec, Nsec3, signer, type_bitmap, types_of_bitmap
from gslb.wire.names import Name, ancestors, is_at_or_below, name_to_text, parent
from gslb.wire.rdata import is_signatures_key, signatures_key, type_of_key
from gslb.zone.denial import MAX_ITERATIONS, Nsec3Chain, NsecChain
from gslb.zone.finding import Finding
from gslb.zone.lookup import Node, ZoneIndex
from gslb.zone.rrset import RRset
from gslb.zone.signing import DNSSEC_TYPES, authoritative, chain_of, is_signed
from gslb.zone.step import Step
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
    nodes = authoritative(ZoneIndex(zone))
    return _first(_Completeness(zone, nodes, chain_of(zone, nodes)).findings())


def is_complete_after(step: Step) -> bool:
    """True where a version of a signed zone lacks nothing, given that the one before it lacked nothing: as far as what
    changed tells. False says no more than that the whole has to be looked at."""
    before, after = step.before.signing, step.after.signing
    zone = step.after.index.zone
    if before is None or after is None or zone.steered or RRType.DNSKEY not in zone.rrsets[zone.apex]:
        return False
    checks = _Completeness(zone, step.after.index.nodes, after.denial)
    changed = [node for name in step.nodes if (node := checks.nodes.get(name)) is not None and node.above is None]
    if any(_some(checks.check_signatures(node)) for node in changed):
        return False
    if isinstance(after.denial, NsecChain):
        return isinstance(before.denial, NsecChain) and _follow(after.denial, step.nodes, checks, changed)
    return (
        isinstance(before.denial, Nsec3Chain) and _ChangedHashes(step, before.denial, after.denial, checks).are_right()
    )


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
    """The checks of one zone. All of them take `nodes` to be the authoritative ones."""

    def __init__(self, zone: Zone, nodes: Mapping[Name, Node], chain: Nsec3Chain | NsecChain) -> None:
        self.nodes = nodes
        self._zone = zone
        self._chain = chain

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
        for node in self.nodes.values():
            yield from self.check_signatures(node)
        if isinstance(self._chain, Nsec3Chain):
            yield from self._check_nsec3(self._chain)
        else:
            yield from self._check_nsec(self._chain)

    # Signatures

    def check_signatures(self, node: Node) -> Iterator[Finding]:
        for key, rrset in node.rrsets.items():
            if not is_signatures_key(key) and not (node.is_cut and key not in {RRType.DS, RRType.NSEC}):
                yield from self.check_signed(rrset, node.rrsets.get(signatures_key(key)))

    def check_signed(self, rrset: RRset, signatures: RRset | None) -> Iterator[Finding]:
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
        lacking = [node for node in self.nodes.values() if node.rrsets and RRType.NSEC not in node.rrsets]
        for node in lacking:
            said = "the name has no NSEC record, and the zone no NSEC3PARAM; sign the zone"
            yield Finding(node.name, RRType.NSEC, said, is_absence=True)
        if lacking:
            return
        links = [*chain]
        for rrset, following in pairwise([*links, links[0]]):
            yield from self.check_link(rrset, following)

    def check_link(self, rrset: RRset, following: RRset) -> Iterator[Finding]:
        """That an NSEC leads to the one that follows, and names the types of its owner."""
        link = Nsec.from_rdata(rrset.rdatas[0])
        if len(rrset.rdatas) > 1 or link.next != following.owner:
            leads = f"leads to {name_to_text(link.next)}, and the name that follows is {name_to_text(following.owner)}"
            yield Finding(rrset.owner, RRType.NSEC, f"the NSEC {leads}; sign the zone anew")
        types = _types_at(self.nodes[rrset.owner]) | {RRType.RRSIG}
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
        for (_, rrset, link), (digest, following, _) in pairwise([*links, links[0]]):
            yield from self.check_hash(rrset, link, digest, following)
        yield from self._check_hashed(chain, {digest: (rrset, link) for digest, rrset, link in links})

    def check_hash(self, rrset: RRset, link: Nsec3, digest: bytes, following: RRset) -> Iterator[Finding]:
        """That an NSEC3, whose link is given, is signed and leads to the one that follows, at this hash."""
        if link.next != digest:
            said = f"the NSEC3 does not lead to the one that follows, {name_to_text(following.owner)}"
            yield Finding(rrset.owner, RRType.NSEC3, f"{said}; sign the zone anew")
        signatures = self._zone.rrsets[rrset.owner].get(signatures_key(RRType.NSEC3))
        yield from self.check_signed(rrset, signatures)

    def _check_hashed(self, chain: Nsec3Chain, links: Mapping[bytes, tuple[RRset, Nsec3]]) -> Iterator[Finding]:
        """Every name has an NSEC3, but those that may be opted out."""
        optional = self._optional_names()
        for name, node in self.nodes.items():
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
        for name, node in self.nodes.items():
            if not node.rrsets or (node.is_cut and RRType.DS not in node.rrsets):
                continue
            while name not in needed:  # and so are all names above
                needed.add(name)
                if name != self._zone.apex:
                    name = parent(name)  # noqa: PLW2901
        return self.nodes.keys() - needed


def _some(findings: Iterator[Finding]) -> bool:
    return next(findings, None) is not None


def _follow(chain: NsecChain, names: Iterable[Name], checks: _Completeness, changed: Iterable[Node]) -> bool:
    """True where the names that changed, and those before them, are in their places in the chain."""
    if any(node.rrsets and RRType.NSEC not in node.rrsets for node in changed):
        return False
    pairs = (pair for name in names for pair in pairwise(chain.around(name)))
    return not any(_some(checks.check_link(rrset, following)) for rrset, following in pairs)


class _ChangedHashes:
    """What changed in a step of a zone with a chain of hashes."""

    def __init__(self, step: Step, before: Nsec3Chain, after: Nsec3Chain, checks: _Completeness) -> None:
        self._step = step
        self._before = before
        self._after = after
        self._checks = checks
        self._has_gaps = before.opts_out or after.opts_out

    def are_right(self) -> bool:
        if self._before.parameters != self._after.parameters:
            return False
        return self._links_are_right() and all(map(self._has_its_place, self._names()))

    def _links_are_right(self) -> bool:
        """Each link that changed, and that before it, lead to the next. One that came, went, or tells other types was
        that of a name that changed: all others have theirs as before."""
        names = {self._after.parameters.hash(name) for name in self._step.nodes}
        for digest in self._digests():
            if digest not in names and self._bitmap(self._before, digest) != self._bitmap(self._after, digest):
                return False
            if not all(self._leads_on(*pair) for pair in pairwise(self._after.around(digest))):
                return False
        return True

    def _digests(self) -> set[bytes]:
        """Where there is a link that changed, or was one."""
        zones = (self._step.before.index.zone, self._step.after.index.zone)
        rrsets = (zone.rrsets.get(owner, {}).get(RRType.NSEC3) for zone in zones for owner in self._step.owners)
        return {own[0] for rrset in rrsets if rrset is not None and (own := self._after.own(rrset)) is not None}

    @staticmethod
    def _bitmap(chain: Nsec3Chain, digest: bytes) -> bytes | None:
        """The types that a link tells; None where there is no link."""
        rrset = chain.at(digest)
        link = chain.link(rrset) if rrset is not None else None
        return link.bitmap if link is not None else None

    def _leads_on(self, here: tuple[bytes, RRset], following: tuple[bytes, RRset]) -> bool:
        """Where names may have no link, those behind this one may be such names: it has to allow for that."""
        link = self._after.link(here[1])
        if link is None or (self._has_gaps and not link.opt_out):
            return False
        return not _some(self._checks.check_hash(here[1], link, *following))

    def _names(self) -> set[Name]:
        """The names that changed, and those above them, which may have been without a link until now."""
        nodes = self._checks.nodes
        above = {each for name in self._step.nodes for each in ancestors(name)}
        return {name for name in above if name in nodes and nodes[name].above is None}

    def _has_its_place(self, name: Name) -> bool:
        node, digest = self._checks.nodes[name], self._after.parameters.hash(name)
        rrset = self._after.at(digest)
        link = self._after.link(rrset) if rrset is not None else None
        if rrset is not None and link is not None:
            return not _some(_check_bitmap(rrset, name, link.bitmap, _types_of_hash(node)))
        is_optional = node.is_cut and RRType.DS not in node.rrsets
        return is_optional and _opts_out(self._after.link(self._after.covering(digest)))


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
