"""The records of our zones that every server has: without what is drawn, and what is others' to answer."""

from collections.abc import Iterator

import dns.name
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import dns.zone
import yaml
from our_zones import FILES


def _steered_owners() -> set[tuple[dns.name.Name, str]]:
    """Owners and types whose answers are drawn."""
    found = set()
    for file, text in FILES.items():
        origin, _, kind = file.rpartition(".")
        if kind != "yaml":
            continue
        for owner, records in yaml.safe_load(text).items():
            for record in records if isinstance(records, list) else [records]:
                if "dynamic" in record or record.get("gslb", {}).keys() - {"soa"}:
                    found.add((dns.name.from_text(f"{owner}.{origin}".lstrip(".")), record["type"]))
    return found


def plain_rrsets(zone: dns.zone.Zone) -> Iterator[dns.rrset.RRset]:
    """What a resolver must find of a zone as it is written: no steered names, nothing that is another server's."""
    steered = _steered_owners()
    cuts = [
        name
        for name, node in zone.items()
        if node.get_rdataset(dns.rdataclass.IN, dns.rdatatype.NS) and name != zone.origin
    ]
    cuts_and_moved = [
        *cuts,
        *(name for name, node in zone.items() if node.get_rdataset(dns.rdataclass.IN, dns.rdatatype.DNAME)),
    ]
    for name, rdataset in zone.iterate_rdatasets():
        rtype = dns.rdatatype.to_text(rdataset.rdtype)
        is_below = any(name != cut and name.is_subdomain(cut) for cut in cuts_and_moved)
        if not is_below and not (name in cuts and rtype != "DS") and (name, rtype) not in steered:
            yield dns.rrset.from_rdata_list(name, rdataset.ttl, list(rdataset))
