"""The zone as a value: SOA, serial, order, digest; and the builder that makes it."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from gslb.wire.codes import RRType
from gslb.wire.names import name_from_text, name_to_text
from gslb.wire.rdata import rdata_from_text
from gslb.zone.builder import ZoneBuilder
from gslb.zone.rrset import RRset
from gslb.zone.steered import AllDown, Member, Monitor, Pool, Rule, Status, Steered
from gslb.zone.zone import Soa, Zone

ZoneOf = Callable[..., Zone]

APEX = name_from_text("example.")
WWW = name_from_text("www.example.")
LINES = (
    "example. 3600 SOA ns1.example. ops.example. 7 3600 600 86400 60",
    "example. 300 NS ns1.example.",
    "b.example. 300 A 192.0.2.2",
    "b.example. 300 A 192.0.2.1",
    "a.b.example. 300 TXT x",
    "a.example. 300 AAAA 2001:db8::1",
    "a.example. 300 A 192.0.2.3",
)
TEXT = "\n".join(LINES)


def address(text: str) -> bytes:
    return rdata_from_text(RRType.A, text, APEX)


def monitor(target: str = "192.0.2.1") -> Monitor:
    return Monitor("tcp", target, "{}", 5.0, 2.0, 2, 3)


def steered() -> Steered:
    one = Member(address("192.0.2.1"), weight=3, monitor=monitor("192.0.2.1"))
    two = Member(address("192.0.2.2"), monitor=monitor("192.0.2.2"))
    values = RRset(WWW, RRType.A, 30, (one.value, two.value))
    return Steered(values, (Pool("main", (one, two)), Pool("spare", (two,))), (Rule("main"),))


def test_the_soa_reads_and_writes_its_fields(zone_of: ZoneOf) -> None:
    soa = zone_of(TEXT).soa
    assert soa == Soa(name_from_text("ns1.example."), name_from_text("ops.example."), 7, 3600, 600, 86400, 60)
    assert Soa.from_rdata(soa.to_rdata()) == soa


def test_another_serial_changes_nothing_else(zone_of: ZoneOf) -> None:
    zone = zone_of(TEXT, steered())
    later = zone.with_serial(4_000_000_000)
    assert (zone.serial, later.serial) == (7, 4_000_000_000)
    assert replace(later.soa, serial=7) == zone.soa
    assert later.with_serial(7) == zone
    assert later.steered == zone.steered


def test_rrsets_come_in_canonical_order_soa_first(zone_of: ZoneOf) -> None:
    found = [(name_to_text(rrset.owner), rrset.rtype) for rrset in zone_of(TEXT).each_rrset()]
    assert found == [
        ("example.", RRType.SOA),
        ("example.", RRType.NS),
        ("a.example.", RRType.A),
        ("a.example.", RRType.AAAA),
        ("b.example.", RRType.A),
        ("a.b.example.", RRType.TXT),
    ]


def test_the_digest_leaves_out_the_serial_and_the_order_of_records(zone_of: ZoneOf) -> None:
    digest = zone_of(TEXT).digest()
    assert zone_of(TEXT).with_serial(99).digest() == digest
    assert zone_of("\n".join(reversed(LINES))).digest() == digest


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("600 86400 60", "600 86400 61"),
        ("3600 SOA", "3601 SOA"),
        ("192.0.2.3", "192.0.2.4"),
        ("300 TXT x", "301 TXT x"),
        ("300 TXT x", "300 TXT X"),
        ("a.b.example.", "c.b.example."),
        ("b.example. 300 A 192.0.2.1", ""),
        ("AAAA 2001:db8::1", r"TYPE65282 \# 1 00"),
    ],
)
def test_the_digest_changes_with_everything_written(zone_of: ZoneOf, old: str, new: str) -> None:
    assert zone_of(TEXT.replace(old, new)).digest() != zone_of(TEXT).digest()


def changes() -> dict[str, Steered]:
    base = steered()
    main, spare = base.pools
    one, two = main.members
    return {
        "policy": replace(base, policy="round_robin"),
        "answers": replace(base, answers=2),
        "all_down": replace(base, all_down=AllDown.EMPTY),
        "rule": replace(base, rules=(Rule("spare"),)),
        "fallback": replace(base, pools=(replace(main, fallback="spare"), spare)),
        "min_healthy": replace(base, pools=(replace(main, min_healthy=0.5), spare)),
        "the order of pools": replace(base, pools=(spare, main)),
        "the order of members": replace(base, pools=(replace(main, members=(two, one)), spare)),
        "weight": replace(base, pools=(replace(main, members=(replace(one, weight=2), two)), spare)),
        "status": replace(base, pools=(replace(main, members=(replace(one, status=Status.DRAIN), two)), spare)),
        "priority": replace(base, pools=(replace(main, members=(replace(one, priority=1), two)), spare)),
        "monitor": replace(
            base, pools=(replace(main, members=(replace(one, monitor=monitor("192.0.2.9")), two)), spare)
        ),
        "the order of values": replace(base, rrset=replace(base.rrset, rdatas=base.rrset.rdatas[::-1])),
    }


@pytest.mark.parametrize("what", changes())
def test_the_digest_changes_with_the_steering(zone_of: ZoneOf, what: str) -> None:
    assert zone_of(TEXT, changes()[what]).digest() != zone_of(TEXT, steered()).digest()


def test_equal_steering_gives_an_equal_digest(zone_of: ZoneOf) -> None:
    assert zone_of(TEXT, steered()).digest() == zone_of(TEXT, steered()).digest()


def test_equal_monitors_count_once(zone_of: ZoneOf) -> None:
    assert zone_of(TEXT, steered()).monitors() == {monitor("192.0.2.1"), monitor("192.0.2.2")}


def test_a_steered_owner_has_its_plain_values_among_the_rrsets(zone_of: ZoneOf) -> None:
    zone = zone_of(TEXT, steered())
    assert zone.rrsets[WWW][RRType.A] == steered().rrset
    assert zone.steered[WWW, RRType.A] == steered()


def test_a_pool_is_found_by_name() -> None:
    assert steered().pool("spare").members[0].value == address("192.0.2.2")
    with pytest.raises(KeyError, match="none"):
        steered().pool("none")


def test_the_builder_merges_records_and_drops_duplicates() -> None:
    builder = ZoneBuilder(APEX)
    one, two = address("192.0.2.1"), address("192.0.2.2")
    builder.add(RRset(WWW, RRType.A, 30, (two,)))
    builder.add(RRset(WWW, RRType.A, 99, (one, two)))
    assert builder.build().rrsets[WWW][RRType.A] == RRset(WWW, RRType.A, 30, (two, one))


def test_a_zone_once_built_is_not_changed_by_its_builder() -> None:
    builder = ZoneBuilder(APEX)
    builder.add(RRset(WWW, RRType.A, 30, (address("192.0.2.1"),)))
    zone = builder.build()
    builder.add(RRset(WWW, RRType.TXT, 30, (b"\x01x",)))
    builder.add(RRset(APEX, RRType.NS, 30, (WWW,)))
    assert set(zone.rrsets) == {WWW}
    assert set(zone.rrsets[WWW]) == {RRType.A}


def test_the_key_of_a_monitor_is_its_identity() -> None:
    base = monitor()
    assert base.key == monitor().key
    assert base.key.startswith("tcp 192.0.2.1 ")
    others = [
        replace(base, probe="http"),
        replace(base, target="192.0.2.2"),
        replace(base, options='{"port":80}'),
        replace(base, interval_seconds=6.0),
        replace(base, timeout_seconds=3.0),
        replace(base, rise=1),
        replace(base, fall=1),
    ]
    assert len({base.key, *(other.key for other in others)}) == 8
    assert replace(base, options='{"port":80}').option_values() == {"port": 80}
