"""Which content a secondary takes, beyond a well-formed stream."""

import pytest
from fake_primary import APEX, MARKER_RECORD, NS, record, soa, view, zone
from signed_zone import with_signatures

from gslb.transfer.acceptance import Acceptance
from gslb.transfer.faults import Fault, FaultError
from gslb.wire.codes import RRType
from gslb.zone.diff import records, view_of

STEERING = view_of([*zone(1), MARKER_RECORD])


def refused(kind, records):
    with pytest.raises(FaultError) as raised:
        Acceptance(APEX, kind).check_view(view_of(records))
    assert raised.value.fault is Fault.CONTENT
    return raised.value.reason


def test_a_zone_without_ns_at_its_apex_is_taken_as_its_primary_serves_it():
    Acceptance(APEX, "gslb").check_view(view_of([soa(1), MARKER_RECORD]))
    Acceptance(APEX, "foreign").check_view(view_of([soa(1)]))


def test_a_zone_needs_one_soa():
    assert "one SOA" in refused("foreign", [NS])
    assert "one SOA" in refused("foreign", [soa(1), soa(2), NS])


def test_a_gslb_primary_must_send_the_marker():
    Acceptance(APEX, "gslb").check_view(STEERING)
    reason = refused("gslb", zone(1))
    assert "_gslb.example." in reason
    assert "kind: gslb" in reason
    assert "kind: foreign" in reason


def test_a_record_at_the_place_of_the_marker_is_none():
    assert "no marker" in refused("gslb", [*zone(1), record("_gslb 60 TXT hello")])


def test_a_foreign_primary_needs_no_marker():
    Acceptance(APEX, "foreign").check_view(view(1))


@pytest.mark.parametrize(
    ("kind", "have", "can"),
    [("gslb", STEERING, True), ("gslb", view(1), False), ("foreign", STEERING, False), ("foreign", view(1), True)],
)
def test_differences_are_for_a_view_of_the_same_kind(kind, have, can):
    assert Acceptance(APEX, kind).can_build_on(have) is can


def test_names_below_the_zone_are_told_by_labels_not_by_octets():
    with pytest.raises(FaultError, match="outside"):
        Acceptance(APEX, "foreign").check_record(record("badexample. 60 A 192.0.2.1"))


SIGNED = """
example. 60 SOA ns.example. ops.example. 1 3600 600 86400 60
example. 60 NS ns.example.
example. 60 DNSKEY 257 3 13 AAAA
example. 60 NSEC ns.example. NS SOA RRSIG NSEC DNSKEY
ns.example. 60 A 192.0.2.53
ns.example. 60 NSEC example. A RRSIG NSEC
"""


def signed_records(zone_of):
    return [*records(with_signatures(zone_of(SIGNED)).rrsets, APEX)]


@pytest.mark.parametrize(("kind", "more"), [("foreign", []), ("gslb", [MARKER_RECORD])])
def test_a_signed_zone_is_taken_when_it_is_complete(zone_of, kind, more):
    Acceptance(APEX, kind).check_view(view_of([*signed_records(zone_of), *more]))


def test_what_a_signed_zone_lacks_is_told(zone_of):
    lacking = [each for each in signed_records(zone_of) if each.rtype != RRType.NSEC]
    reason = refused("foreign", lacking)
    assert reason.startswith("sent a signed zone that is not complete: example.: the name has no NSEC record, and")
    lacking = [each for each in signed_records(zone_of) if each.rtype != RRType.RRSIG or each.owner == APEX]
    assert "ns.example.: no RRSIG covers the A records; sign the zone" in refused("foreign", lacking)


@pytest.mark.parametrize("steering", [r"\# 4 017b227d", r"\# 1 02"])
def test_a_signed_zone_cannot_be_steered(zone_of, steering):
    private = record(f"www._gslb 0 TYPE65282 {steering}")
    reason = refused("gslb", [*signed_records(zone_of), MARKER_RECORD, private])
    assert "signed zone that is steered" in reason
