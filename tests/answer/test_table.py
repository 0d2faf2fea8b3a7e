"""The table: which zone holds a name, and what a reload and a health change touch."""

import random
from collections.abc import Callable

import pytest

from gslb.answer import table as table_module
from gslb.answer.compile import ZoneTable
from gslb.answer.draws import Draw
from gslb.answer.respond import respond
from gslb.answer.short import ShortPath
from gslb.answer.table import AnswerTable
from gslb.steering.conditions import Conditions, Health, Override, OverrideNote, Verdict
from gslb.wire.codes import RRType
from gslb.wire.names import is_at_or_below, name_from_text, name_to_text
from gslb.zone.zone import Zone

ZoneOf = Callable[..., Zone]

SOA = " 60 SOA ns.elsewhere. ops.elsewhere. {serial} 1 1 1 60\n"
STEERED = (name_from_text("steered.example."), 1)
TURNS = (name_from_text("turns.example."), 1)


def plain(zone_of: ZoneOf, apex: str, lines: str = "", serial: int = 1) -> ZoneTable:
    return ZoneTable(zone_of(f"{apex}{SOA.format(serial=serial)}{lines}"))


def ask(name: str, qtype: int = 1) -> bytes:
    return b"\xab\xcd" + bytes((0, 0, 0, 1, 0, 0, 0, 0, 0, 0)) + name_from_text(name) + bytes((0, qtype, 0, 1))


def seen(draw: Draw) -> tuple:
    """All of a draw that shows, outcomes by value."""
    outcomes = [(outcome.key, outcome.value, outcome.record, outcome.next) for outcome in draw.outcomes]
    return (draw.selection, outcomes, draw.weights, draw.answers, draw.cumulative, draw.rotation, draw.rcode)


def down(table: AnswerTable, key, *numbers: int) -> Conditions:
    members = table.draws[key].selection.steered.pools[0].members
    return Conditions({members[n].monitor.key: Verdict(Health.DOWN, 1.0, "refused", 1.0) for n in numbers})


@pytest.mark.parametrize(
    ("name", "qtype", "apex"),
    [
        ("example.", 1, "example."),
        ("www.example.", 1, "example."),
        ("child.example.", 1, "child.example."),
        ("www.child.example.", 1, "child.example."),
        ("child.example.", RRType.DS, "example."),
        ("www.child.example.", RRType.DS, "child.example."),
        ("deep.under.child.example.", 1, "deep.under.child.example."),
        ("deep.under.child.example.", RRType.DS, "child.example."),
        ("example.", RRType.DS, "example."),
        ("badexample.", 1, None),
        ("com.", 1, None),
        (".", 1, None),
        (".", RRType.DS, None),
    ],
)
def test_the_deepest_zone_holds_the_name_and_the_parent_the_ds(zone_of: ZoneOf, name, qtype, apex) -> None:
    table = AnswerTable()
    for each in ("example.", "child.example.", "deep.under.child.example."):
        table = table.with_zone(plain(zone_of, each), Conditions())
    found = table.apex_for(name_from_text(name), qtype)
    assert (found and name_to_text(found)) == apex


def test_a_health_change_gives_the_draws_of_a_table_built_anew(rich_zone: Zone, rich_table: AnswerTable) -> None:
    conditions = down(rich_table, STEERED, 0, 2)
    changed = rich_table.with_conditions([STEERED], conditions)
    anew = AnswerTable().with_zone(ZoneTable(rich_zone), conditions)
    assert seen(changed.draws[STEERED]) == seen(anew.draws[STEERED])
    assert seen(changed.draws[STEERED]) != seen(rich_table.draws[STEERED])
    assert set(changed.draws) == set(anew.draws)


def test_every_draw_compiled_again_is_that_of_a_table_built_anew(rich_zone: Zone, rich_table: AnswerTable) -> None:
    held = {
        (key, draw.selection.steered.pools[0].members[0].value): OverrideNote(Override.DRAIN, "ann", "", 1.0)
        for key, draw in rich_table.draws.items()
    }
    conditions = Conditions(overrides=held)
    changed = rich_table.with_conditions(list(rich_table.draws), conditions)
    anew = AnswerTable().with_zone(ZoneTable(rich_zone), conditions)
    assert {key: seen(draw) for key, draw in changed.draws.items()} == {
        key: seen(draw) for key, draw in anew.draws.items()
    }


def test_a_health_change_leaves_all_else_the_same_objects(rich_table: AnswerTable) -> None:
    before = dict(rich_table.draws)
    changed = rich_table.with_conditions([STEERED], down(rich_table, STEERED, 0))
    assert changed.draws[STEERED] is not before[STEERED]
    assert all(changed.draws[key] is draw for key, draw in before.items() if key != STEERED)
    assert changed.zones is rich_table.zones
    assert rich_table.draws == before, "the table in use is not touched"


def test_a_finished_answer_outlives_a_health_change_and_draws_anew(rich_table: AnswerTable, seeded) -> None:
    query = ask("steered.example.")
    respond(query, rich_table, seeded(0))
    changed = rich_table.with_conditions([STEERED], down(rich_table, STEERED, 0, 1))
    for seed in range(10):
        short = ShortPath().answer(query, changed, seeded(seed))
        assert short is not None
        assert short[0].endswith(b"\xc6\x33\x64\x03"), "198.51.100.3 is the one that is up"


def test_a_reload_drops_finished_answers(zone_of: ZoneOf, seeded) -> None:
    table = AnswerTable().with_zone(plain(zone_of, "e.", "www.e. 60 A 192.0.2.1"), Conditions())
    respond(ask("www.e."), table, seeded(0))
    assert ShortPath().answer(ask("www.e."), table, seeded(0)) is not None
    reloaded = table.with_zone(plain(zone_of, "e.", "www.e. 60 A 192.0.2.2", serial=2), Conditions())
    assert ShortPath().answer(ask("www.e."), reloaded, seeded(0)) is None
    assert respond(ask("www.e."), reloaded, seeded(0)).wire.endswith(b"\xc0\x00\x02\x02")
    assert respond(ask("www.e."), table, seeded(0)).wire.endswith(b"\xc0\x00\x02\x01")


def test_a_reload_replaces_the_draws_of_its_zone_only(
    zone_of: ZoneOf, rich_zone: Zone, rich_table: AnswerTable
) -> None:
    with_other = rich_table.with_zone(plain(zone_of, "other."), Conditions())
    assert all(with_other.draws[key] is draw for key, draw in rich_table.draws.items())
    reloaded = with_other.with_zone(plain(zone_of, "example."), Conditions())
    assert dict(reloaded.draws) == {}
    assert set(reloaded.zones) == {name_from_text("example."), name_from_text("other.")}
    restored = reloaded.with_zone(ZoneTable(rich_zone), Conditions())
    assert set(restored.draws) == set(rich_zone.steered)


def test_a_failed_zone_stays_ours_and_draws_nothing(rich_table: AnswerTable, seeded) -> None:
    failed = rich_table.with_failed(name_from_text("example."))
    assert dict(failed.draws) == {}
    assert respond(ask("steered.example."), failed, seeded(0)).facts.rcode == 2
    assert respond(ask("steered.example."), rich_table, seeded(0)).facts.rcode == 0


def test_a_zone_taken_away_is_refused(rich_table: AnswerTable, seeded) -> None:
    without = rich_table.without_zone(name_from_text("example."))
    assert dict(without.draws) == {}
    assert respond(ask("steered.example."), without, seeded(0)).facts.rcode == 5


def test_a_turn_goes_on_over_a_health_change(rich_table: AnswerTable, seeded) -> None:
    source = seeded(0)
    changed = rich_table.with_conditions([TURNS], Conditions())
    wires = [respond(ask("turns.example."), table, source).wire for table in (rich_table, changed, rich_table, changed)]
    assert [wire[-1] for wire in wires] == [4, 4, 5, 4]


def test_the_oldest_half_of_finished_answers_goes_when_there_are_too_many(
    zone_of: ZoneOf, seeded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table_module, "MAX_FINISHED", 10)
    lines = "\n".join(f"n{number}.e. 60 A 192.0.2.1" for number in range(25))
    table = AnswerTable().with_zone(plain(zone_of, "e.", lines), Conditions())
    for number in range(25):
        respond(ask(f"n{number}.e."), table, seeded(0))
        kept = [n for n in range(number + 1) if ShortPath().answer(ask(f"n{n}.e."), table, seeded(0))]
        assert number in kept
        assert len(kept) <= 10


def test_a_zone_is_found_whatever_came_and_went_before(zone_of: ZoneOf, seeded) -> None:
    draw = random.Random(5)
    names = ["a.", "bc.", "a.bc.", "x.a.bc.", "longer.a.", "b.longer.a.", "y.bc."]
    table, there = AnswerTable(), set()
    for step in range(200):
        apex = draw.choice(names)
        wire = name_from_text(apex)
        change = draw.choice(["add", "fail", "remove"])
        if change == "remove":
            table = table.without_zone(wire)
            there.discard(wire)
        else:
            table = table.with_failed(wire) if change == "fail" else table.with_zone(plain(zone_of, apex), Conditions())
            there.add(wire)
        if step % 3 == 0:
            table = table.with_conditions([], Conditions())
        for name in (*names, "q.x.a.bc.", "b.q.longer.a.", "abc.", "."):
            qname = name_from_text(name)
            expected = max((apex for apex in there if is_at_or_below(qname, apex)), key=len, default=None)
            assert table.apex_for(qname, 1) == expected
            short = ShortPath().answer(ask(f"nx.{name}".replace("..", ".")), table, seeded(0))
            assert (short is not None) is (expected is not None and table.zones[expected] is not None)
