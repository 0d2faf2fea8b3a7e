"""Signed zones for tests that verify nothing: each authoritative rrset gets a signature of the right form."""

import dns.rdata
import dns.rdataclass
import dns.rdatatype

from gslb.wire.codes import RRType, type_to_text
from gslb.wire.names import labels, name_to_text
from gslb.zone.builder import ZoneBuilder
from gslb.zone.completeness import check_signing
from gslb.zone.lookup import ZoneIndex
from gslb.zone.rrset import RRset
from gslb.zone.zone import Zone

UNTIL = "20400101000000"


def signature(rrset: RRset, apex: bytes, until: str = UNTIL) -> RRset:
    """The RRSIG of an rrset, by key 1 of the zone."""
    count = sum(label != b"*" for label in labels(rrset.owner))
    kind, ttl_seconds = type_to_text(rrset.rtype), rrset.ttl_seconds
    text = f"{kind} 13 {count} {ttl_seconds} {until} 20200101000000 1 {name_to_text(apex)} AAAA"
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


def complete(zone: Zone) -> Zone:
    """The zone with signatures, which lacks nothing then."""
    signed = with_signatures(zone)
    assert check_signing(signed) == []
    return signed
