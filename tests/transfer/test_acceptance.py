"""Which content a secondary takes, beyond a well-formed stream."""

import pytest
from fake_primary import APEX, MARKER_RECORD, NS, record, soa, view, zone

from gslb.transfer.acceptance import Acceptance
from gslb.transfer.faults import Fault, FaultError
from gslb.zone.diff import view_of

STEERING = view_of([*zone(1), MARKER_RECORD])


def refused(kind, records):
    with pytest.raises(FaultError) as raised:
        Acceptance(APEX, kind).check_view(view_of(records))
    assert raised.value.fault is Fault.CONTENT
    return raised.value.reason


@pytest.mark.parametrize("kind", ["gslb", "foreign"])
def test_a_zone_needs_ns_at_its_apex(kind):
    assert "no NS record at its apex" in refused(kind, [soa(1), MARKER_RECORD])


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
