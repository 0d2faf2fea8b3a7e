"""octoDNS itself reads our files; record by record it must find what we find."""

import logging
import warnings
from pathlib import Path

import dns.rdata
import pytest

from gslb.config.forms import FORMS
from gslb.config.monitors import MonitorProfile
from gslb.config.record_types import REFUSED
from gslb.config.sources import ZoneSource
from gslb.config.zones import load_zone
from gslb.wire.codes import RRType, type_from_text
from gslb.wire.names import name_from_text, name_to_text

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from octodns.provider.yaml import YamlProvider
    from octodns.record import Record
    from octodns.zone import Zone as OctodnsZone

DATA = Path(__file__).parent / "data"
EXAMPLES = Path(__file__).parent.parent.parent / "zones"
FILES = [(DATA, "breadth.example."), (EXAMPLES, "example.com.")]


@pytest.fixture(params=FILES, ids=[name for _, name in FILES])
def both(request):
    folder, apex = request.param
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            theirs = OctodnsZone(apex, [])
            YamlProvider("test", str(folder), enforce_order=False, escaped_semicolons=True).populate(theirs)
    finally:
        logging.disable(logging.NOTSET)
    source = ZoneSource(name_from_text(apex), folder / f"{apex}yaml", "octodns")
    profile = MonitorProfile("tcp", "{}", 10.0, 2.0, 2, 3)
    return theirs, load_zone(source, {"web": profile}).zone


def lowered(rtype, rdata):
    """octoDNS lower-cases the names in its values; ours keep their case."""
    return rdata.lower() if rtype in {RRType.CNAME, RRType.NS, RRType.PTR, RRType.DNAME} else rdata


def their_rrsets(zone):
    found = {}
    for record in zone.records:
        rrset = record.to_rrset()
        rtype = type_from_text(record._type)
        rdatas = {dns.rdata.from_text("IN", rtype, text).to_wire() for text in rrset.rdatas}
        found[name_from_text(rrset.name).lower(), rtype] = (rrset.ttl, rdatas)
    return found


def our_rrsets(zone):
    return {
        (rrset.owner, rrset.rtype): (rrset.ttl_seconds, {lowered(rrset.rtype, rdata) for rdata in rrset.rdatas})
        for rrset in zone.each_rrset()
        if rrset.rtype != RRType.SOA
    }


def test_octodns_and_we_read_the_same_records(both):
    theirs, ours = both
    assert our_rrsets(ours) == their_rrsets(theirs)


def test_octodns_and_we_read_the_same_pools(both):
    theirs, ours = both
    dynamic = {
        (name_from_text(record.fqdn), type_from_text(record._type)): record.dynamic
        for record in theirs.records
        if getattr(record, "dynamic", None)
    }
    assert dynamic
    for key, their_dynamic in dynamic.items():
        steered = ours.steered[key]
        assert [rule.pool for rule in steered.rules] == [rule.data["pool"] for rule in their_dynamic.rules]
        assert {pool.name: pool.fallback for pool in steered.pools} == {
            name: pool.data["fallback"] for name, pool in their_dynamic.pools.items()
        }
        for name, pool in their_dynamic.pools.items():
            found = {(member.value, member.weight, member.status.value) for member in steered.pool(name).members}
            assert found == {
                (dns.rdata.from_text("IN", key[1], value["value"]).to_wire(), value["weight"], value["status"])
                for value in pool.data["values"]
            }


def test_the_file_has_every_type_that_octodns_knows_but_those_that_are_no_dns_types(both):
    theirs, _ = both
    if theirs.name == "breadth.example.":
        assert {record._type for record in theirs.records} == set(FORMS)


def test_every_octodns_type_has_a_form_or_a_refusal():
    assert set(Record.registered_types()) <= set(FORMS) | set(REFUSED)


def test_owners_are_read_alike(both):
    theirs, ours = both
    assert {name_to_text(owner) for owner in ours.rrsets} == {record.fqdn for record in theirs.records}
