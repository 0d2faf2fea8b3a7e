"""The table in force follows the zones and the health of their members."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from gslb.answer.compile import ZoneTable
from gslb.app.answering import Answering
from gslb.config.node import load_node
from gslb.metrics import Metrics
from gslb.steering.conditions import Conditions, Health, Verdict
from gslb.wire.names import name_from_text, name_to_text
from gslb.zone.rrset import RRset
from gslb.zone.steered import Member, Monitor, Pool, Rule, Steered
from gslb.zone.zone import Zone

MONITOR = Monitor("http", "192.0.2.1", "{}", 5.0, 2.0, 2, 3)
ONE, OTHER = bytes((192, 0, 2, 1)), bytes((192, 0, 2, 2))
DOWN = Conditions({MONITOR.key: Verdict(Health.DOWN, 1.0, "refused", 1.0)})


class FakeHealth:
    """Knows what it is told to know."""

    def __init__(self, _state_dir, on_change, *, concurrency) -> None:
        self.on_change = on_change
        self.conditions = Conditions()

    def hand_on(self, edited) -> None:
        verdicts = dict(self.conditions.verdicts)
        verdicts |= {new.key: verdicts[former.key] for former, new in edited if former.key in verdicts}
        self.conditions = Conditions(verdicts)

    def goes_down(self) -> None:
        self.conditions = DOWN
        self.on_change(DOWN, frozenset({MONITOR.key}), frozenset())


@pytest.fixture
def answering(tmp_path, monkeypatch) -> Answering:
    monkeypatch.setattr("gslb.app.answering.HealthService", FakeHealth)
    file = tmp_path / "gslb.yaml"
    file.write_text("state_dir: state\n")
    return Answering(load_node(file), Metrics())


@pytest.fixture
def zone(zone_of) -> Callable[[str], Zone]:
    """A zone whose `www` is steered: two addresses, the first of which is probed."""

    def build(apex: str, monitor: Monitor = MONITOR) -> Zone:
        rrset = RRset(name_from_text(f"www.{apex}"), 1, 30, (ONE, OTHER))
        members = (Member(ONE, monitor=monitor), Member(OTHER))
        text = f"{apex} 60 SOA ns.{apex} ops.{apex} 1 1 1 1 1\n{apex} 60 NS ns.{apex}"
        return zone_of(text, Steered(rrset, (Pool("main", members),), (Rule("main"),)))

    return build


def shares(answering: Answering, apex: str) -> dict[bytes, float]:
    return answering.table.draws[name_from_text(f"www.{apex}"), 1].shares()


def test_a_verdict_changes_what_is_answered_of_every_zone_with_that_monitor(answering, zone) -> None:
    for apex in ("a.example.", "b.example."):
        answering.take({name_from_text(apex): ZoneTable(zone(apex))})
    answering.health.goes_down()
    assert shares(answering, "a.example.") == shares(answering, "b.example.") == {OTHER: 1.0}


def test_a_verdict_on_a_member_of_a_zone_just_dropped_changes_the_other_zones(answering, zone) -> None:
    """A reload drops zones first; others are read then, and meanwhile verdicts come."""
    for apex in ("a.example.", "b.example."):
        answering.take({name_from_text(apex): ZoneTable(zone(apex))})
    answering.drop(name_from_text("a.example."))
    answering.health.goes_down()
    assert shares(answering, "b.example.") == {OTHER: 1.0}


def test_a_zone_taken_while_a_member_is_down_leaves_it_out_at_once(answering, zone) -> None:
    answering.health.goes_down()
    answering.take_secondary(name_from_text("a.example."), ZoneTable(zone("a.example.")))
    assert shares(answering, "a.example.") == {OTHER: 1.0}


@pytest.mark.parametrize("edit", [{"options": '{"port":8444}'}, {"probe": "tcp"}, {"target": "ns"}, {"fall": 5}])
def test_a_member_whose_monitor_was_edited_keeps_its_verdict_in_the_first_answer_already(answering, zone, edit) -> None:
    apexes = [name_from_text(apex) for apex in ("a.example.", "b.example.")]
    answering.take({apex: ZoneTable(zone(name_to_text(apex))) for apex in apexes})
    answering.health.goes_down()
    edited = replace(MONITOR, **edit)
    answering.take({apexes[0]: ZoneTable(zone("a.example.", edited))})
    assert shares(answering, "a.example.") == {OTHER: 1.0}
    answering.take_secondary(apexes[1], ZoneTable(zone("b.example.", edited)))
    assert shares(answering, "b.example.") == {OTHER: 1.0}


def test_a_member_of_a_zone_that_is_new_has_no_verdict_of_another_monitor(answering, zone) -> None:
    answering.take({name_from_text("a.example."): ZoneTable(zone("a.example."))})
    answering.health.goes_down()
    answering.take({name_from_text("b.example."): ZoneTable(zone("b.example.", replace(MONITOR, options="[]")))})
    assert shares(answering, "b.example.") == {ONE: 0.5, OTHER: 0.5}


def test_a_secondary_zone_that_expired_has_nothing_to_answer(answering, zone) -> None:
    apex = name_from_text("a.example.")
    answering.take_secondary(apex, ZoneTable(zone("a.example.")))
    answering.take_secondary(apex, None)
    assert answering.table.zones == {apex: None}
    assert not answering.table.draws
