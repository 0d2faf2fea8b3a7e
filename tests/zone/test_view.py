"""The plain and the steering view of a zone, and the zone that comes out of them again."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.wire.codes import RRType
from gslb.wire.names import name_from_text, name_to_text
from gslb.zone.builder import ZoneBuilder
from gslb.zone.checks import check_zone
from gslb.zone.private import MARKER, PRIVATE_TYPE, is_private, reserved_owner
from gslb.zone.rrset import RRset
from gslb.zone.steered import AllDown, Member, Monitor, Pool, Rule, Status, Steered
from gslb.zone.view import (
    View,
    apex_of,
    has_marker,
    plain_view,
    soa_of,
    steering_view,
    without_private,
    zone_from_view,
)
from gslb.zone.zone import Zone

APEX = name_from_text("example.")
WWW = name_from_text("www.example.")
TEXT = """
    example. 3600 SOA ns1.example. ops.example. 7 3600 600 86400 60
    example. 300 NS ns1.example.
    ns1.example. 300 A 192.0.2.53
    txt.example. 300 TXT "x"
    deleg.example. 300 NS ns1.example.
"""
ONE, TWO, THREE = (bytes((192, 0, 2, last)) for last in (1, 2, 3))
MONITOR = Monitor("http", "192.0.2.1", '{"path":"/"}', 5.0, 2.0, 2, 3)
BASE = Steered(RRset(WWW, RRType.A, 30, (TWO, ONE)), (Pool("main", (Member(ONE), Member(TWO))),), (Rule("main"),))
ZoneOf = Callable[..., Zone]


def never(_: Steered) -> None:
    """No objection."""


def in_main(**changed) -> Steered:
    """BASE with one member changed."""
    return replace(BASE, pools=(Pool("main", (replace(Member(ONE), **changed), Member(TWO))),))


def stored_as(view: View, owner: str) -> tuple[bytes, ...]:
    return view[name_from_text(owner)][PRIVATE_TYPE].rdatas


def with_private(view: View, owner: str, *rdatas: bytes, rtype: int = PRIVATE_TYPE) -> View:
    """The view with other records at a name of the reserved subtree."""
    name = name_from_text(owner)
    return {**view, name: {rtype: RRset(name, rtype, 0, rdatas)}}


def document(view: View, **changed) -> bytes:
    """The rdata that steers www, with some of its keys changed."""
    written = json.loads(stored_as(view, "www._gslb.example.")[0][1:])
    return b"\x01" + json.dumps(written | changed).encode()


FEATURES = {
    "the plainest": BASE,
    "policy": replace(BASE, policy="failover"),
    "answers": replace(BASE, answers=2),
    "all_down values": replace(BASE, all_down=AllDown.VALUES),
    "all_down serve_all": replace(BASE, all_down=AllDown.SERVE_ALL),
    "all_down empty": replace(BASE, all_down=AllDown.EMPTY),
    "all_down servfail": replace(BASE, all_down=AllDown.SERVFAIL),
    "pools, fallback and min_healthy": replace(
        BASE,
        pools=(Pool("é", (Member(THREE),), fallback="main", min_healthy=0.3), *BASE.pools),
        rules=(Rule("é"),),
    ),
    "weight": in_main(weight=1000),
    "weight 0": in_main(weight=0),
    "status up": in_main(status=Status.UP),
    "status down": in_main(status=Status.DOWN),
    "status drain": in_main(status=Status.DRAIN),
    "priority": in_main(priority=5),
    "monitor": in_main(monitor=MONITOR),
    "monitor of another target": in_main(monitor=replace(MONITOR, target='h"\\ü.example')),
    "monitors that differ": replace(
        BASE,
        pools=(Pool("main", (Member(ONE, monitor=MONITOR), Member(TWO, monitor=replace(MONITOR, fall=9)))),),
    ),
    "a fraction of a second": in_main(monitor=replace(MONITOR, interval_seconds=0.1, timeout_seconds=0.01)),
    "the order of values": replace(BASE, rrset=replace(BASE.rrset, rdatas=(ONE, TWO))),
    "AAAA": Steered(RRset(WWW, RRType.AAAA, 30, (b"\x20" * 16,)), (Pool("p", (Member(b"\x20" * 16),)),), (Rule("p"),)),
    "CNAME": Steered(
        RRset(WWW, RRType.CNAME, 30, (b"\x01A\x00",)), (Pool("p", (Member(b"\x01A\x00"),)),), (Rule("p"),)
    ),
    "the apex": replace(BASE, rrset=replace(BASE.rrset, owner=APEX)),
    "a wildcard": replace(BASE, rrset=replace(BASE.rrset, owner=name_from_text("*.w.example."))),
    "an owner of any octets": replace(BASE, rrset=replace(BASE.rrset, owner=b"\x05_gslb\x04.\\\x00\xff" + APEX)),
}


@pytest.mark.parametrize("feature", FEATURES)
def test_the_steering_view_holds_all_that_steers(zone_of: ZoneOf, feature: str) -> None:
    zone = zone_of(TEXT, FEATURES[feature])
    assert zone_from_view(APEX, steering_view(zone), never) == (zone, ())


@pytest.mark.parametrize("feature", FEATURES)
def test_a_zone_that_was_transferred_has_the_digest_of_its_primary(zone_of: ZoneOf, feature: str) -> None:
    zone = zone_of(TEXT, FEATURES[feature])
    # Records have no order on their way.
    shuffled = {
        owner: {rtype: replace(rrset, rdatas=tuple(sorted(rrset.rdatas))) for rtype, rrset in types.items()}
        for owner, types in steering_view(zone).items()
    }
    assert zone_from_view(APEX, shuffled, never)[0].digest() == zone.digest()


def members(draw: st.DrawFn) -> tuple[Member, ...]:
    values = draw(st.lists(st.binary(min_size=4, max_size=4), min_size=1, max_size=4, unique=True))
    seconds = st.floats(0.01, 86400)
    monitors = st.builds(
        Monitor, st.text(), st.text(), st.text(), seconds, seconds, st.integers(1, 100), st.integers(1, 100)
    )
    return tuple(
        Member(
            value,
            draw(st.integers(0, 1000)),
            draw(st.sampled_from(Status)),
            draw(st.integers(0, 10**6)),
            draw(st.none() | monitors),
        )
        for value in values
    )


@given(st.data())
def test_any_steering_comes_through(data: st.DataObject) -> None:
    names = data.draw(st.lists(st.text(), min_size=1, max_size=4, unique=True))
    pools = tuple(
        Pool(name, members(data.draw), fallback, data.draw(st.floats(0, 1)))
        for name, fallback in zip(names, [*names[1:], None], strict=True)
    )
    values = data.draw(st.lists(st.binary(min_size=4, max_size=4), min_size=1, max_size=4, unique=True))
    steered = Steered(
        RRset(WWW, RRType.A, data.draw(st.integers(0, 2**31 - 1)), tuple(values)),
        pools,
        (Rule(names[0]),),
        data.draw(st.text()),
        data.draw(st.integers(1, 16)),
        data.draw(st.sampled_from(AllDown)),
    )
    builder = ZoneBuilder(APEX)
    builder.steer(steered)
    assert zone_from_view(APEX, steering_view(builder.build()), never) == (builder.build(), ())


def test_equal_steering_gives_equal_records_whatever_came_before(zone_of: ZoneOf) -> None:
    other = replace(BASE, rrset=replace(BASE.rrset, owner=name_from_text("a.example.")))
    one, two = steering_view(zone_of(TEXT, BASE, other)), steering_view(zone_of(TEXT, other, BASE))
    assert one == two


def test_two_types_of_one_owner_are_two_records(zone_of: ZoneOf) -> None:
    view = steering_view(zone_of(TEXT, BASE, FEATURES["AAAA"]))
    assert len(stored_as(view, "www._gslb.example.")) == 2


def test_the_record_is_the_version_and_json(zone_of: ZoneOf) -> None:
    (rdata,) = stored_as(steering_view(zone_of(TEXT, in_main(monitor=MONITOR))), "www._gslb.example.")
    assert rdata[0] == 1
    assert json.loads(rdata[1:]) == {
        "type": 1,
        "values": ["c0000202", "c0000201"],
        "policy": "weighted",
        "answers": 1,
        "all_down": "values",
        "rules": [{"pool": "main"}],
        "pools": [
            {
                "name": "main",
                "fallback": None,
                "min_healthy": 0.0,
                "members": [
                    {
                        "value": "c0000201",
                        "weight": 1,
                        "status": "obey",
                        "priority": 0,
                        "monitor": 0,
                        "target": "192.0.2.1",
                    },
                    {"value": "c0000202", "weight": 1, "status": "obey", "priority": 0},
                ],
            }
        ],
        "monitors": [
            {"probe": "http", "options": '{"path":"/"}', "interval": 5.0, "timeout": 2.0, "rise": 2, "fall": 3}
        ],
    }


class TestViews:
    def test_the_plain_view_is_the_rrsets_as_written(self, zone_of: ZoneOf) -> None:
        zone = zone_of(TEXT, BASE)
        assert plain_view(zone) == zone.rrsets
        assert not has_marker(APEX, plain_view(zone))

    def test_a_zone_without_steering_has_the_marker_too(self, zone_of: ZoneOf) -> None:
        view = steering_view(zone_of(TEXT))
        assert has_marker(APEX, view)
        assert stored_as(view, "_gslb.example.") == (MARKER,)

    def test_the_apex_and_the_marker_share_a_name(self, zone_of: ZoneOf) -> None:
        view = steering_view(zone_of(TEXT, FEATURES["the apex"]))
        assert len(stored_as(view, "_gslb.example.")) == 2
        assert MARKER in stored_as(view, "_gslb.example.")

    def test_without_its_private_records_the_steering_view_is_the_plain_one(self, zone_of: ZoneOf) -> None:
        zone = zone_of(TEXT, *FEATURES.values())
        assert without_private(steering_view(zone)) == plain_view(zone)

    def test_a_zone_never_holds_the_reserved_subtree(self, zone_of: ZoneOf) -> None:
        zone, _ = zone_from_view(APEX, steering_view(zone_of(TEXT, BASE)), never)
        assert not [owner for owner in zone.rrsets if is_private(owner, APEX)]

    def test_private_is_what_lies_at_or_below_the_reserved_name(self) -> None:
        private = {"_gslb.example.", "a._gslb.example.", "a.b._gslb.example."}
        others = {"example.", "_gslb.a.example.", "x_gslb.example.", "_gslb.", "_gslb.example.org."}
        for text in private | others:
            assert is_private(name_from_text(text), APEX) == (text in private), text

    def test_labels_decide_not_octets(self) -> None:
        assert not is_private(b"\x06\x05_gslb" + APEX, APEX)

    def test_the_soa_and_the_apex_are_found(self, zone_of: ZoneOf) -> None:
        view = steering_view(zone_of(TEXT))
        assert apex_of(view) == APEX
        assert soa_of(view, APEX).serial == 7
        with pytest.raises(ValueError, match="no SOA"):
            apex_of({})


def long_owner(length: int, apex: bytes = APEX) -> bytes:
    """An owner below `apex` of so many octets in all."""
    room = length - len(apex)
    labels = []
    while room > 64:
        labels.append(b"\x1f" + b"a" * 31)
        room -= 32
    return b"".join(labels) + bytes((room - 1,)) + b"b" * (room - 1) + apex


class TestSizes:
    @pytest.mark.parametrize("length", [248, 249, 250, 255])
    def test_owners_too_long_for_the_subtree_come_through(self, zone_of: ZoneOf, length: int) -> None:
        steered = replace(BASE, rrset=replace(BASE.rrset, owner=long_owner(length)))
        zone = zone_of(TEXT, steered)
        view = steering_view(zone)
        assert max(map(len, view)) <= 255
        assert zone_from_view(APEX, view, never) == (zone, ())

    @pytest.mark.parametrize("count", [10, 400, 5000])
    def test_pools_too_large_for_one_record_come_through(self, zone_of: ZoneOf, count: int) -> None:
        values = [number.to_bytes(4, "big") for number in range(count)]
        pool = Pool("main", tuple(Member(value, monitor=replace(MONITOR, target=value.hex())) for value in values))
        zone = zone_of(TEXT, replace(BASE, pools=(pool,)))
        view = steering_view(zone)
        assert max(map(len, stored_as(view, "www._gslb.example."))) < 50_000
        assert zone_from_view(APEX, view, never) == (zone, ())

    def test_a_lost_piece_leaves_the_owner_to_its_plain_values(self, zone_of: ZoneOf) -> None:
        members = tuple(Member(number.to_bytes(4, "big")) for number in range(2000))
        view = steering_view(zone_of(TEXT, replace(BASE, pools=(Pool("main", members),))))
        pieces = stored_as(view, "www._gslb.example.")
        assert len(pieces) > 2
        zone, warnings = zone_from_view(APEX, with_private(view, "www._gslb.example.", *pieces[1:]), never)
        assert not zone.steered
        assert warnings == ("www.example.: pieces of its steering are missing; its plain values are served",)

    def test_an_apex_without_room_for_the_subtree_is_refused_and_has_its_plain_view(self) -> None:
        apex = long_owner(250, b"\x00")
        soa = RRset(apex, RRType.SOA, 60, (b"\x00\x00" + bytes(20),))
        zone = Zone(apex, {apex: {RRType.SOA: soa}}, {})
        assert steering_view(zone) == plain_view(zone)
        assert any("longer than 249 octets" in finding.message for finding in check_zone(zone) if finding.is_error)

    def test_the_longest_apex_has_room_for_the_marker(self) -> None:
        apex = long_owner(249, b"\x00")
        zone = Zone(apex, {apex: {RRType.SOA: RRset(apex, RRType.SOA, 60, (b"\x00\x00" + bytes(20),))}}, {})
        assert has_marker(apex, steering_view(zone))
        assert not any("longer than" in finding.message for finding in check_zone(zone))


class TestSteeringThatCannotBe:
    """The owner serves its plain values and is named in a warning; the rest of the zone is steered."""

    OTHER = replace(BASE, rrset=replace(BASE.rrset, owner=name_from_text("other.example.")))

    @pytest.fixture
    def view(self, zone_of: ZoneOf) -> View:
        return steering_view(zone_of(TEXT, BASE, self.OTHER))

    def only_the_other_is_steered(self, view: View, objection=never) -> str:
        zone, warnings = zone_from_view(APEX, view, objection)
        assert set(zone.steered) == {self.OTHER.key}
        assert set(zone.rrsets[WWW][RRType.A].rdatas) == {ONE, TWO}
        (warning,) = warnings
        assert warning.startswith("www.example.")
        assert warning.endswith("its plain values are served")
        return warning

    def test_of_an_unknown_version(self, view: View) -> None:
        said = self.only_the_other_is_steered(with_private(view, "www._gslb.example.", b"\x02{}"))
        assert "has format version 2, and this node knows 1; update it" in said

    def test_of_no_version(self, view: View) -> None:
        assert "version (none)" in self.only_the_other_is_steered(with_private(view, "www._gslb.example.", b""))

    def test_to_which_this_node_objects(self, view: View) -> None:
        def objection(steered: Steered) -> str | None:
            return "its policy is not known here" if steered.key == BASE.key else None

        said = self.only_the_other_is_steered(view, objection)
        assert said == "www.example. A: its policy is not known here; its plain values are served"

    @pytest.mark.parametrize(
        ("rdata", "reason"),
        [
            (b"\x01", "cannot be read"),
            (b"\x01{", "cannot be read"),
            (b"\x01[]", "cannot be read"),
            (b"\x01\xff\xfe", "cannot be read"),
            (b"\x01" + b"[" * 40_000, "cannot be read"),
            (b'\x01{"of":1}', "a piece of its steering is damaged"),
            (b'\x01{"of":', "a piece of its steering is damaged"),
        ],
    )
    def test_that_is_no_text_of_ours(self, view: View, rdata: bytes, reason: str) -> None:
        assert reason in self.only_the_other_is_steered(with_private(view, "www._gslb.example.", rdata))

    @pytest.mark.parametrize(
        ("changed", "reason"),
        [
            ({"geo": []}, "geo: Extra inputs are not permitted"),
            ({"rules": [{"pool": "main", "subnets": []}]}, "rules.0.subnets"),
            ({"answers": "1"}, "answers"),
            ({"answers": 0}, "`answers` must be at least 1"),
            ({"all_down": "panic"}, "all_down"),
            ({"type": 28}, "it steers type 28, of which there is no record"),
            ({"values": ["c0000201"]}, "its values are not those of the record"),
            ({"values": ["c0000201", "hello"]}, "'hello' is no hexadecimal rdata"),
            ({"pools": []}, "a rule names the pool 'main', which is not defined"),
            ({"rules": []}, "no rule says which pool answers"),
        ],
    )
    def test_that_does_not_fit_the_schema_or_the_checks(self, view: View, changed: dict, reason: str) -> None:
        rdata = document(view, **changed)
        assert reason in self.only_the_other_is_steered(with_private(view, "www._gslb.example.", rdata))

    @pytest.mark.parametrize("reference", [{"monitor": 1, "target": "a"}, {"monitor": 0}, {"target": "a"}])
    def test_with_a_monitor_that_is_not_there(self, view: View, reference: dict) -> None:
        member = {"value": "c0000201", "weight": 1, "status": "obey", "priority": 0}
        pools = [{"name": "main", "fallback": None, "min_healthy": 0, "members": [member | reference]}]
        monitors = [{"probe": "tcp", "options": "{}", "interval": 5.0, "timeout": 2.0, "rise": 2, "fall": 3}]
        rdata = document(view, pools=pools, monitors=monitors)
        assert "has no monitor" in self.only_the_other_is_steered(with_private(view, "www._gslb.example.", rdata))

    @pytest.mark.parametrize("value", ["", "c00002", "c000020100", "2" * 32])
    def test_with_a_member_that_is_no_value_of_the_type(self, view: View, value: str) -> None:
        member = {"value": value, "weight": 1, "status": "obey", "priority": 0}
        pools = [{"name": "main", "fallback": None, "min_healthy": 0.0, "members": [member]}]
        said = self.only_the_other_is_steered(with_private(view, "www._gslb.example.", document(view, pools=pools)))
        assert f"the member {value} is not A data" in said

    def test_with_an_endless_interval(self, view: View) -> None:
        text = stored_as(view, "www._gslb.example.")[0].replace(b'"min_healthy":0.0', b'"min_healthy":Infinity')
        assert "min_healthy" in self.only_the_other_is_steered(with_private(view, "www._gslb.example.", text))

    def test_below_a_zone_cut(self, view: View) -> None:
        owner = name_from_text("a.deleg.example.")
        below = replace(BASE, rrset=replace(BASE.rrset, owner=owner))
        builder = ZoneBuilder(APEX)
        for types in without_private(view).values():
            for rrset in types.values():
                builder.add(rrset)
        builder.steer(below)
        zone, warnings = zone_from_view(APEX, steering_view(builder.build()), never)
        assert not zone.steered
        assert "deleg.example. is delegated to other servers" in warnings[0]

    def test_other_records_at_reserved_names_are_left_out_of_the_zone(self, view: View) -> None:
        zone, warnings = zone_from_view(APEX, with_private(view, "x._gslb.example.", b"\x01x", rtype=16), never)
        assert len(zone.steered) == 2
        assert warnings == (
            "x.example.: type 16 stands at the name that is reserved for the steering of this one; it is left out",
        )

    def test_at_an_owner_outside_the_zone(self, view: View) -> None:
        piece = json.dumps({"of": 1, "owner": "www.other.", "piece": 0, "text": "{}", "type": 1}, separators=(",", ":"))
        zone, warnings = zone_from_view(APEX, with_private(view, "www._gslb.example.", b"\x01" + piece.encode()), never)
        assert set(zone.steered) == {self.OTHER.key}
        assert warnings[0].startswith("www.other.: its steering cannot be read")

    @given(st.binary(max_size=60) | st.binary(max_size=60).map(lambda octets: b'\x01{"of":' + octets))
    def test_that_is_any_octets(self, octets: bytes) -> None:
        soa = RRset(APEX, RRType.SOA, 60, (b"\x00\x00" + bytes(20),))
        a = RRset(WWW, RRType.A, 60, (ONE,))
        view = with_private({APEX: {6: soa}, WWW: {1: a}}, "www._gslb.example.", octets)
        zone, warnings = zone_from_view(APEX, view, never)
        assert not zone.steered
        assert len(warnings) == (octets != MARKER)


def test_names_of_the_subtree_read_well() -> None:
    assert name_to_text(reserved_owner(APEX)) == "_gslb.example."
