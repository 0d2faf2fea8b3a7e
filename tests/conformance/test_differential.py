"""Where we stand beside NSD, Knot and BIND: the same random zones, the same questions, and how replies are judged.
differential.py is the long form."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from accepted import ACCEPTED
from agreement import Seen, Verdict, differences, verdict_of
from dense_zones import dense_group, dense_questions
from differential import Tally, run, run_dense
from fleet import OURS, PEERS, PROGRAMS
from random_zones import Group, Question, random_group, random_questions

SEEDS = range(1, 101)
QUESTIONS = 25
DENSE = range(1, 41)
SOME = frozenset({("a.example.", 1, "192.0.2.1")})
OTHER = frozenset({("a.example.", 1, "192.0.2.2")})
REPLY = Seen("NOERROR", "QR AA", answer=SOME)


@pytest.fixture(scope="module")
def folder(tool: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    for program in PROGRAMS.values():
        tool(program)
    return tmp_path_factory.mktemp("fleet")


@pytest.fixture(scope="module")
def tally(folder: Path) -> Tally:
    found = Tally()
    run(SEEDS, QUESTIONS, folder / "random", found)
    return found


@pytest.fixture(scope="module")
def dense(folder: Path) -> Tally:
    found = Tally()
    run_dense(DENSE, folder / "dense", found)
    return found


def test_no_answer_differs_from_what_the_peers_agree_on(tally: Tally) -> None:
    assert not tally.failing(), "\n\n".join(case.describe() for case in tally.failing()[:5])


def test_every_server_was_compared_in_most_groups(tally: Tally) -> None:
    assert tally.questions > len(SEEDS) * QUESTIONS * 0.9
    for peer in PEERS:
        assert tally.compared[OURS, peer] > tally.questions / 2


def test_we_match_nsd_and_knot_as_often_as_they_match_each_other(tally: Tally) -> None:
    for peer in ("nsd", "knot"):
        assert tally.rate(OURS, peer) > tally.rate("nsd", "knot") - 0.01, tally.report()


def test_where_all_stands_close_together_most_peers_answer_as_we_do(dense: Tally) -> None:
    assert dense.questions > len(DENSE) * 150
    assert not dense.looked_at, "\n\n".join(case.describe() for case in dense.looked_at[:5])


def test_a_number_makes_the_same_dense_zone_again() -> None:
    assert dense_group(7) == dense_group(7)
    assert len({str(dense_group(number)) for number in range(100)}) > 90
    assert len(dense_questions(dense_group(7))) == len(set(dense_questions(dense_group(7))))


def test_a_seed_makes_the_same_zones_and_questions_again() -> None:
    assert random_group(7) == random_group(7)
    assert random_group(7) != random_group(8)
    assert random_questions(random_group(7), 7, 10) == random_questions(random_group(7), 7, 10)


@pytest.mark.parametrize(
    ("ours", "nsd", "knot", "bind", "verdict"),
    [
        (SOME, SOME, SOME, SOME, Verdict.AGREE),
        (SOME, OTHER, OTHER, OTHER, Verdict.ALONE),
        (SOME, SOME, OTHER, OTHER, Verdict.OUTVOTED),
        (SOME, SOME, OTHER, frozenset(), Verdict.SIDED),
        (SOME, OTHER, OTHER, frozenset(), Verdict.MINORITY),
    ],
)
def test_a_difference_is_judged_by_what_the_peers_agree_on(ours, nsd, knot, bind, verdict) -> None:
    answers = dict(zip((OURS, *PEERS), (ours, nsd, knot, bind), strict=True))
    assert verdict_of({server: replace(REPLY, answer=answer) for server, answer in answers.items()}) is verdict


def test_ttls_that_differ_from_those_of_all_peers_are_a_difference_of_their_own() -> None:
    ttls = {OURS: 60} | dict.fromkeys(PEERS, 300)
    replies = {
        server: replace(REPLY, ttls=frozenset({("a.example.", 1, "192.0.2.1", ttl)})) for server, ttl in ttls.items()
    }
    assert verdict_of(replies) is Verdict.LESSER


@pytest.mark.parametrize(
    "change",
    [
        {"rcode": "NXDOMAIN"},
        {"flags": "QR"},
        {"answer": OTHER},
        {"additional": SOME},
        {"truncated": True},
        {"question": "a. IN A"},
    ],
)
def test_replies_that_say_something_else_do_not_match(change) -> None:
    assert differences(REPLY, replace(REPLY, **change))


def test_authority_counts_where_an_answer_section_is_empty() -> None:
    empty = replace(REPLY, answer=frozenset())
    assert not differences(REPLY, replace(REPLY, authority=SOME))
    assert differences(empty, replace(empty, authority=SOME))


@pytest.mark.parametrize("rule", ACCEPTED)
def test_no_rule_accepts_an_answer_that_is_plainly_wrong(rule: str) -> None:
    replies = {OURS: replace(REPLY, answer=OTHER)} | dict.fromkeys(PEERS, REPLY)
    assert not ACCEPTED[rule](Group({}), Question("a.example.", "A"), replies)


def test_a_group_is_written_below_its_label() -> None:
    group = Group({"a.~": ("a.~ 300 IN SOA ns.a.~ h.a.~ 1 2 3 4 5",)})
    assert group.text("d1") == {"a.d1.": "a.d1. 300 IN SOA ns.a.d1. h.a.d1. 1 2 3 4 5\n"}
