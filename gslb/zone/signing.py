"""What a signed zone is served by: its chain of denial, and until when its signatures hold.

A zone is *signed* when its apex has any of DNSKEY, NSEC, NSEC3PARAM or a signature. It is served signed or not at all:
`zone.completeness` says what it lacks, and only a zone that lacks nothing is served. Where both chains are there, as
while a signer goes from one to the other, NSEC3PARAM says that NSEC3 is in use (RFC 5155 sections 10.4 and 10.5).
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from gslb.wire.codes import RRType
from gslb.wire.dnssec import SHA1, Nsec3Parameters, expiration
from gslb.wire.names import Name
from gslb.wire.rdata import is_signatures_key
from gslb.zone.denial import Changes, Nsec3Chain, NsecChain
from gslb.zone.lookup import Node, ZoneIndex
from gslb.zone.rrset import RRset
from gslb.zone.serial import is_newer
from gslb.zone.zone import Zone

DNSSEC_TYPES = frozenset({RRType.DNSKEY, RRType.RRSIG, RRType.NSEC, RRType.NSEC3, RRType.NSEC3PARAM})
"""Types that only a signed zone has."""
_SIGNED_APEX = (RRType.DNSKEY, RRType.NSEC, RRType.NSEC3PARAM)


@dataclass(frozen=True, slots=True, eq=False)
class Signing:
    """`denial` is the chain in use. `expires` is when the first rrset is without a signature that holds, in Unix
    seconds modulo 2**32; `expiries` tells of how many rrsets that is so at which time."""

    denial: NsecChain | Nsec3Chain
    expires: int
    expiries: Mapping[int, int]


def is_signed(zone: Zone) -> bool:
    at_apex = zone.rrsets.get(zone.apex, {})
    return any(rtype in at_apex for rtype in _SIGNED_APEX) or any(map(is_signatures_key, at_apex))


def signing_of(index: ZoneIndex) -> Signing | None:
    """How a zone is signed, None when it is not. Raises `ValueError` for one that `zone.completeness` would refuse."""
    zone = index.zone
    if not is_signed(zone):
        return None
    chain = chain_of(zone, authoritative(index))
    return signing_by(chain, Counter(_expiries(zone.rrsets.values())))


def signing_by(chain: NsecChain | Nsec3Chain, expiries: Mapping[int, int]) -> Signing:
    """Raises `ValueError` where chain or signatures are missing."""
    expires = first_expiry(expiries)
    if not chain or expires is None:
        raise ValueError("the zone is signed in part: see zone.completeness")
    return Signing(chain, expires, expiries)


def signing_after(
    before: Signing, old: ZoneIndex, new: ZoneIndex, owners: Iterable[Name], nodes: Iterable[Name]
) -> Signing:
    """`signing_of(new)`, made from that of the version before, `old`, by what changed: the rrsets of these owners, and
    these nodes. Raises `ValueError` as it does."""
    chain = before.denial
    if isinstance(chain, Nsec3Chain) or _parameters_in_use(new.zone.rrsets[new.zone.apex]) is not None:
        changed = _nsec3_changes(chain, old.zone, new.zone, owners)
    else:
        changed = _nsec_changes(old, new, nodes)
    denial = chain_of(new.zone, authoritative(new)) if changed is None else chain.edited(changed)
    gone, come = (Counter(_expiries(zone.rrsets.get(owner, {}) for owner in owners)) for zone in (old.zone, new.zone))
    return signing_by(denial, _counted(before.expiries, gone, come))


def _nsec3_changes(chain: NsecChain | Nsec3Chain, old: Zone, new: Zone, owners: Iterable[Name]) -> Changes | None:
    """The links of a chain of hashes that changed; None when another chain is in use."""
    if not isinstance(chain, Nsec3Chain) or chain.parameters != _parameters_in_use(new.rrsets[new.apex]):
        return None

    def link(zone: Zone, owner: Name) -> RRset | None:
        rrset = zone.rrsets.get(owner, {}).get(RRType.NSEC3)
        return rrset if rrset is not None and chain.own(rrset) is not None else None

    return _differing((owner, link(old, owner), link(new, owner)) for owner in owners)


def _nsec_changes(old: ZoneIndex, new: ZoneIndex, nodes: Iterable[Name]) -> Changes:
    def link(index: ZoneIndex, name: Name) -> RRset | None:
        node = index.nodes.get(name)
        return node.rrsets.get(RRType.NSEC) if node is not None and node.above is None else None

    return _differing((name, link(old, name), link(new, name)) for name in nodes)


def _differing(links: Iterable[tuple[Name, RRset | None, RRset | None]]) -> Changes:
    return {owner: after for owner, before, after in links if before is not after}


def _counted(before: Mapping[int, int], gone: Mapping[int, int], come: Mapping[int, int]) -> Mapping[int, int]:
    """How many of each there are after some went and some came."""
    after = dict(before)
    for each in gone.keys() | come.keys():
        count = after.get(each, 0) + come.get(each, 0) - gone.get(each, 0)
        if count:
            after[each] = count
        else:
            after.pop(each, None)
    return after


def authoritative(index: ZoneIndex) -> Mapping[Name, Node]:
    """The nodes that a chain of denial has links for: all but those that something veils from above."""
    return {name: node for name, node in index.nodes.items() if node.above is None}


def chain_of(zone: Zone, nodes: Mapping[Name, Node]) -> Nsec3Chain | NsecChain:
    """The chain in use over the `authoritative` nodes; it may turn out to be empty."""
    parameters = _parameters_in_use(zone.rrsets[zone.apex])
    if parameters is not None:
        return Nsec3Chain.of(zone, parameters)
    return NsecChain.of(node.rrsets[RRType.NSEC] for node in nodes.values() if RRType.NSEC in node.rrsets)


def _parameters_in_use(at_apex: Mapping[int, RRset]) -> Nsec3Parameters | None:
    """Of several NSEC3PARAM the cheapest. One with flags is not for us (RFC 5155 section 4.1.2)."""
    rdatas = at_apex[RRType.NSEC3PARAM].rdatas if RRType.NSEC3PARAM in at_apex else ()
    found = [Nsec3Parameters.from_rdata(rdata) for rdata in rdatas if rdata[1] == 0]
    known = [each for each in found if each.algorithm == SHA1]
    return min(known, key=lambda each: (each.iterations, each.salt), default=None)


def _expiries(owners: Iterable[Mapping[int, RRset]]) -> Iterator[int]:
    """Until when each rrset of some owners has a signature that holds: of several the last."""
    for types in owners:
        for key, rrset in types.items():
            if is_signatures_key(key):
                found, *others = map(expiration, rrset.rdatas)
                for each in others:
                    found = each if is_newer(each, found) else found
                yield found


def first_expiry(expiries: Iterable[int]) -> int | None:
    """The first of some times modulo 2**32 (RFC 4034 section 3.1.5); None when there are none."""
    found: int | None = None
    for each in expiries:
        if found is None or is_newer(found, each):
            found = each
    return found
