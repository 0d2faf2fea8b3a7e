"""From the zone and the conditions to a distribution: which pool answers, and who takes part.

A case is written as pools of members. A member is its name, then what is so of it: `a` is up, `a-` is found down
by its probe, `a!` is held down by an operator, `a*3` has the weight 3, `a*0` stands by.
"""

import re
from dataclasses import replace

import pytest

from gslb.steering.conditions import Conditions, Health, Override, OverrideNote, Verdict
from gslb.steering.select import Selection, fallback_path, select
from gslb.zone.rrset import RRset
from gslb.zone.steered import AllDown, Member, Monitor, Pool, Rule, Steered

OWNER = b"\x03www\x07example\x00"
KEY = (OWNER, 1)


def value(name: str) -> bytes:
    return bytes((192, 0, 2, ord(name)))


def monitor(name: str) -> Monitor:
    return Monitor("tcp", name, "{}", 5.0, 2.0, 2, 3)


def build(pools: str, values: str = "a", **options) -> tuple[Steered, Conditions]:
    """`"a b- / c!"`: the pools p1 and p2, each falling back to the next."""
    verdicts, overrides, made = {}, {}, []
    texts = pools.split("/")
    for number, text in enumerate(texts, 1):
        members = []
        for name, marks, weight in re.findall(r"([a-z])([-!]*)(?:\*(\d+))?", text):
            members.append(Member(value(name), weight=int(weight or 1), monitor=monitor(name)))
            verdicts[monitor(name).key] = Verdict(Health.DOWN if "-" in marks else Health.UP, 1.0, "", 1.0)
            if "!" in marks:
                overrides[KEY, value(name)] = OverrideNote(Override.DRAIN, "ann", "", 1.0)
        fallback = f"p{number + 1}" if number < len(texts) else None
        made.append(Pool(f"p{number}", tuple(members), fallback, options.get("min_healthy", 0.0)))
    rrset = RRset(OWNER, 1, 30, tuple(value(name) for name in values))
    options = {key: option for key, option in options.items() if key != "min_healthy"}
    return Steered(rrset, tuple(made), (Rule("p1"),), **options), Conditions(verdicts, overrides)


def drawn(selection: Selection) -> str:
    """`"p1: a*3 b*1"`, or `"-: ..."` where no pool answers, or `"nobody"`."""
    distribution = selection.distribution
    if distribution is None:
        return "nobody"
    members = [
        f"{chr(member.value[3])}*{weight}"
        for member, weight in zip(distribution.members, distribution.weights, strict=True)
    ]
    return f"{selection.pool or '-'}: {' '.join(members)}"


@pytest.mark.parametrize(
    ("pools", "expected"),
    [
        ("a*3 b*1", "p1: a*3 b*1"),
        ("a*3 b-*1", "p1: a*3"),
        ("a!*3 b*1", "p1: b*1"),
        # The fallback path.
        ("a / b", "p1: a*1"),
        ("a- / b", "p2: b*1"),
        ("a! / b", "p2: b*1"),
        ("a- / b- / c", "p3: c*1"),
        # A member of weight 0 stands by: nobody else in any pool is available.
        ("a b*0", "p1: a*1"),
        ("a- b*0", "p1: b*1"),
        ("a- b*0 c*0", "p1: b*1 c*1"),
        ("a- b*0 / c", "p2: c*1"),
        ("a- b*0 / c-", "p1: b*1"),
        ("a- b- / c- d*0", "p2: d*1"),
        ("a*0 / b", "p2: b*1"),
        ("a*0", "p1: a*1"),
    ],
)
def test_the_first_pool_with_available_members_answers(pools: str, expected: str) -> None:
    assert drawn(select(*build(pools))) == expected


@pytest.mark.parametrize(
    ("pools", "min_healthy", "expected"),
    [
        ("a b c- d- / e", 0.5, "p1: a*1 b*1"),
        ("a b- c- d- / e", 0.5, "p2: e*1"),
        ("a b c- / e", 0.5, "p1: a*1 b*1"),
        ("a b- c- / e", 0.5, "p2: e*1"),
        ("a b- / c", 1.0, "p2: c*1"),
        ("a b / c", 1.0, "p1: a*1 b*1"),
        # Without a pool that has enough, the first with any.
        ("a b-", 1.0, "p1: a*1"),
        ("a b- / c d-", 1.0, "p1: a*1"),
        ("a- b- / c d-", 1.0, "p2: c*1"),
        # Those who stand by do not count, and come after every member with a weight.
        ("a b*0 / c", 1.0, "p1: a*1"),
        ("a- b*0 / c d-", 1.0, "p2: c*1"),
        ("a- b*0 / c- d-", 1.0, "p1: b*1"),
    ],
)
def test_a_pool_below_min_healthy_leaves_the_answer_to_its_fallback(pools, min_healthy, expected) -> None:
    assert drawn(select(*build(pools, min_healthy=min_healthy))) == expected


@pytest.mark.parametrize(
    ("available", "count", "min_healthy"),
    [(7, 100, 0.07), (14, 100, 0.14), (7, 50, 0.14), (55, 100, 0.55), (3, 10, 0.3), (7, 10, 0.7), (1, 3, 1 / 3)],
)
def test_exactly_min_healthy_is_enough_and_one_less_is_not(available: int, count: int, min_healthy: float) -> None:
    # In binary fractions 0.07 * 100 is more than 7.
    members = tuple(Member(bytes((10, 0, 0, number)), monitor=monitor(str(number))) for number in range(count))
    pools = (Pool("p1", members, "p2", min_healthy), Pool("p2", (Member(value("z")),)))
    steered = Steered(RRset(OWNER, 1, 30, (value("a"),)), pools, (Rule("p1"),))

    def with_up(up: int) -> Conditions:
        down = Verdict(Health.DOWN, 1.0, "", 1.0)
        return Conditions({monitor(str(number)).key: down for number in range(up, count)})

    assert select(steered, with_up(available)).pool == "p1"
    assert select(steered, with_up(available - 1)).pool == "p2"


@pytest.mark.parametrize(
    ("pools", "values", "all_down", "expected"),
    [
        ("a- b-", "ax", AllDown.VALUES, "-: a*1 x*1"),
        ("a- b-", "ax", AllDown.SERVE_ALL, "-: a*1 b*1"),
        ("a-*3 b-*0", "a", AllDown.SERVE_ALL, "-: a*3 b*1"),
        ("a- / b-", "x", AllDown.SERVE_ALL, "-: a*1"),
        ("a- b-", "a", AllDown.EMPTY, "nobody"),
        ("a- b-", "a", AllDown.SERVFAIL, "nobody"),
        # Failing open disregards probes, never an operator's hold while any other member remains.
        ("a! b-", "ab", AllDown.VALUES, "-: b*1"),
        ("a! b-", "ab", AllDown.SERVE_ALL, "-: b*1"),
        ("a-! b-", "ab", AllDown.SERVE_ALL, "-: b*1"),
        ("a! / b-", "ab", AllDown.SERVE_ALL, "-: b*1"),
        ("a! b-", "a", AllDown.VALUES, "-: b*1"),
        ("a! / b-", "a", AllDown.VALUES, "-: b*1"),
        # Nobody but those who are held remains.
        ("a! b!", "a", AllDown.VALUES, "-: a*1"),
        ("a!*3 b!", "a", AllDown.SERVE_ALL, "-: a*3 b*1"),
        ("a! / b!", "ab", AllDown.SERVE_ALL, "-: a*1"),
    ],
)
def test_when_nothing_is_available_all_down_decides(pools, values, all_down, expected) -> None:
    selection = select(*build(pools, values, all_down=all_down))
    assert drawn(selection) == expected
    assert f"all_down {all_down.value}" in selection.degraded


def test_all_plain_values_are_answered_when_failing_open() -> None:
    selection = select(*build("a- b-", "axy", answers=1))
    assert selection.distribution is not None
    assert selection.distribution.answers == 3


@pytest.mark.parametrize(("wanted", "available", "answers"), [(1, "a b c", 1), (2, "a b c", 2), (3, "a b-", 1)])
def test_no_more_answers_than_members(wanted: int, available: str, answers: int) -> None:
    selection = select(*build(available, answers=wanted))
    assert selection.distribution is not None
    assert selection.distribution.answers == answers


@pytest.mark.parametrize(
    ("pools", "degraded"),
    [
        ("a b-", ""),
        ("a b*0", ""),
        ("a- / b", "pool p1 has too few available: p2 answers"),
        ("a- b*0", "pool p1 is down to members of weight 0"),
        ("a- / b-", "nothing available in pool p1 or p2: all_down values"),
    ],
)
def test_what_is_not_as_configured_is_said(pools: str, degraded: str) -> None:
    assert select(*build(pools)).degraded == degraded


def test_a_pool_below_min_healthy_without_fallback_is_said() -> None:
    assert select(*build("a b-", min_healthy=1.0)).degraded == "pool p1 is below min_healthy"


def test_the_selection_keeps_every_pool_of_the_path_and_why() -> None:
    selection = select(*build("a- b / c", min_healthy=0.75))
    assert [state.pool.name for state in selection.path] == ["p1", "p2"]
    assert [state.summary for state in selection.path] == [
        "1 of 2 available, min_healthy 0.75",
        "1 of 1 available, min_healthy 0.75",
    ]
    assert [[state.available for state in pool.states] for pool in selection.path] == [[False, True], [True]]


def test_the_path_begins_at_the_rule_and_visits_a_pool_once() -> None:
    steered, _ = build("a / b / c")
    first, second, third = steered.pools
    looping = replace(steered, pools=(first, second, replace(third, fallback="p2")), rules=(Rule("p2"),))
    assert [pool.name for pool in fallback_path(looping)] == ["p2", "p3"]


@pytest.mark.parametrize("pools", ["a*3 b", "a- b / c", "a- / b-", "a! b*0"])
def test_equal_arguments_give_equal_selections(pools: str) -> None:
    assert select(*build(pools)) == select(*build(pools))
