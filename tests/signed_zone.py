"""Signed zones for tests that verify nothing: each authoritative rrset gets a signature of the right form, and the zone
a chain of NSEC or NSEC3 where it has none."""

from itertools import pairwise

import dns.rdata
import dns.rdataclass
import dns.rdatatype

from gslb.wire.codes import RRType, type_to_text
from gslb.wire.dnssec import SHA1, Nsec3Parameters, hashed_owner, type_bitmap
from gslb.wire.names import canonical_key, labels, name_to_text
from gslb.zone.builder import ZoneBuilder
from gslb.zone.completeness import check_signing
from gslb.zone.lookup import Node, ZoneIndex
from gslb.zone.rrset import RRset
from gslb.zone.signing import authoritative
from gslb.zone.zone import Zone

UNTIL = "20400101000000"


SIGNATURE = "A" * 86 + "=="
"""As long as that of ECDSA P-256."""
KEY = "256 3 13 " + "A" * 86 + "=="
_AT_A_CUT = {int(RRType.NS), int(RRType.DS)}


def signature(rrset: RRset, apex: bytes, until: str = UNTIL) -> RRset:
    """The RRSIG of an rrset, by key 1 of the zone."""
    count = sum(label != b"*" for label in labels(rrset.owner))
    kind, ttl_seconds = type_to_text(rrset.rtype), rrset.ttl_seconds
    text = f"{kind} 13 {count} {ttl_seconds} {until} 20200101000000 1 {name_to_text(apex)} {SIGNATURE}"
    rdata = dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.RRSIG, text).to_wire()
    return RRset(rrset.owner, RRType.RRSIG, ttl_seconds, (rdata,))


def with_signatures(zone: Zone, until: str = UNTIL) -> Zone:
    """The zone, which has its chain of denial already, with signatures over all that is authoritative."""
    nodes = ZoneIndex(zone).nodes
    builder = ZoneBuilder(zone.apex)
    for rrset in zone.each_rrset():
        builder.add(rrset)
        node = nodes.get(rrset.owner)
        is_link = rrset.rtype in {RRType.NSEC, RRType.NSEC3}
        if is_link or (node and node.above is None and (not node.is_cut or rrset.rtype == RRType.DS)):
            builder.add(signature(rrset, zone.apex, until))
    return builder.build()


def with_nsec(zone: Zone) -> Zone:
    """The zone with a key and a chain of NSEC."""
    zone = _with(zone, _record(zone.apex, "DNSKEY", KEY))
    nodes = sorted((node for node in authoritative(ZoneIndex(zone)).values() if node.rrsets), key=_order)
    following = {one.name: other.name for one, other in pairwise([*nodes, nodes[0]])}
    extra = {int(RRType.NSEC), int(RRType.RRSIG)}
    return _with(
        zone,
        *(
            RRset(node.name, RRType.NSEC, zone.soa.minimum, (following[node.name] + type_bitmap(_types(node, extra)),))
            for node in nodes
        ),
    )


def with_nsec3(zone: Zone, iterations: int, salt: bytes = b"", *, opt_out: bool = False) -> Zone:
    """The zone with a key and a chain of NSEC3; with `opt_out`, delegations without DS are left out of it, and empty
    names above none but those."""
    head = bytes((SHA1, 0)) + iterations.to_bytes(2, "big") + bytes((len(salt),)) + salt
    parameters = RRset(zone.apex, RRType.NSEC3PARAM, 0, (head,))
    zone = _with(zone, _record(zone.apex, "DNSKEY", KEY), parameters)
    nodes = authoritative(ZoneIndex(zone))
    linked = [node for node in nodes.values() if not opt_out or (node.rrsets and _is_shown(node))]
    for node in list(linked):  # what is empty above them
        name = node.name
        while name != zone.apex:
            name = name[1 + name[0] :]
            if nodes[name] not in linked:
                linked.append(nodes[name])
    hashes = {Nsec3Parameters(SHA1, iterations, salt).hash(node.name): node for node in linked}
    digests = sorted(hashes)
    start = head[:1] + bytes((opt_out,)) + head[2:]
    return _with(
        zone,
        *(
            RRset(
                hashed_owner(digest, zone.apex),
                RRType.NSEC3,
                zone.soa.minimum,
                (start + bytes((len(following),)) + following + type_bitmap(_types(hashes[digest], set())),),
            )
            for digest, following in pairwise([*digests, digests[0]])
        ),
    )


def _order(node: Node) -> bytes:
    return canonical_key(node.name)


def _is_shown(node: Node) -> bool:
    return not node.is_cut or RRType.DS in node.rrsets


def _types(node: Node, extra: set[int]) -> frozenset[int]:
    """What the bitmap of a node tells; without `extra` RRSIG, where anything has a signature."""
    types = {int(rtype) for rtype in node.rrsets}
    if node.is_cut:
        types &= _AT_A_CUT
    if types and _is_shown(node):
        types.add(int(RRType.RRSIG))
    return frozenset(types | extra)


def _record(owner: bytes, rtype: str, text: str) -> RRset:
    rdata = dns.rdata.from_text(dns.rdataclass.IN, rtype, text).to_wire()
    return RRset(owner, dns.rdatatype.from_text(rtype), 3600, (rdata,))


def _with(zone: Zone, *rrsets: RRset) -> Zone:
    builder = ZoneBuilder(zone.apex)
    for rrset in (*zone.each_rrset(), *rrsets):
        builder.add(rrset)
    return builder.build()


def complete(zone: Zone) -> Zone:
    """The zone with signatures, which lacks nothing then."""
    signed = with_signatures(zone)
    assert check_signing(signed) == []
    return signed
