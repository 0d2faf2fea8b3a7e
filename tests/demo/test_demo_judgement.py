"""The judgement of the story: what was seen is ok, and each thing that can go wrong makes its step fail, by name."""

from dataclasses import replace

import pytest

from gslb.demo.judgement import (
    BackSeen,
    BadEditSeen,
    EditSeen,
    FailoverSeen,
    LostSeen,
    MendSeen,
    ReturnSeen,
    SharesSeen,
    StartSeen,
    StreamSeen,
    judge_back,
    judge_bad_edit,
    judge_edit,
    judge_failover,
    judge_lost,
    judge_mend,
    judge_return,
    judge_shares,
    judge_start,
    judge_stream,
)
from gslb.demo.story import STEPS

A, B, C = "192.0.2.1", "192.0.2.2", "192.0.2.3"
WEIGHTS = {A: 3, B: 1, C: 1}


def both(primary, *secondary):
    """By node; one value is for both."""
    return {"primary": primary, "secondary": secondary[0] if secondary else primary}


FAIR = SharesSeen(WEIGHTS, {A: 600, B: 205, C: 195})
SWAPPED = SharesSeen(WEIGHTS, {A: 200, B: 200, C: 600})
WITHOUT_A = SharesSeen({B: 1, C: 1}, {B: 260, C: 240})
START = StartSeen(1.2, 3, both(3), both(100))
FAILOVER = FailoverSeen(A, 1.8, 500, "down: connection refused", WITHOUT_A)
EDIT = EditSeen("new.demo.example", both(0.08, 0.12), 100, both(101), 0, both(FAIR))
PROBLEM = "/d/zone.yaml:20: www.A.gslb.weights: must be a whole number"
BAD_EDIT = BadEditSeen("/d/zone.yaml", 20, 0.07, PROBLEM, 101, both(101), 0, both(FAIR))
LOST = LostSeen("killed by SIGKILL", 500, 0, FAILOVER)
BACK = BackSeen(both(1.2, 1.4), 101, both(102), 2.2, (), 0)
STREAM = StreamSeen(2000, 2000, 0, 0, 0)


@pytest.mark.parametrize(
    "finding",
    [
        judge_start(START),
        judge_shares(both(FAIR)),
        judge_failover(both(FAILOVER)),
        judge_return(ReturnSeen(A, both(1.4))),
        judge_edit(EDIT),
        judge_bad_edit(BAD_EDIT),
        judge_mend(MendSeen(0.1, "", 0.2)),
        judge_lost(LOST),
        judge_back(BACK),
        judge_stream(both(StreamSeen(2000, 1500, 500, 0, 500), STREAM)),
    ],
    ids=lambda finding: finding.step,
)
def test_each_step_that_went_well_is_seen(finding):
    assert finding.ok, finding.text
    assert finding.step in STEPS


@pytest.mark.parametrize(
    ("finding", "step", "said"),
    [
        (judge_start(replace(START, up=both(3, 2))), "start", "the secondary did not find all backends up"),
        (judge_start(replace(START, serials=both(100, 99))), "start", "the serials are not equal"),
        (judge_shares(both(SWAPPED, FAIR)), "shares", f"primary: {A} was answered in 20.0%, not in 60.0%"),
        (judge_shares(both(FAIR, SWAPPED)), "shares", f"secondary: {A} was answered in 20.0%, not in 60.0%"),
        (judge_shares(both(SharesSeen(WEIGHTS, {A: 60, B: 20, C: 10}))), "shares", "only 90 answers"),
        (judge_shares(both(SharesSeen(WEIGHTS, {A: 600, B: 200, C: 199, "": 1}))), "shares", "nothing was answered"),
        (judge_failover(both(FAILOVER, replace(FAILOVER, why=""))), "failover", "secondary: 192.0.2.1 was not found"),
        (
            judge_failover(both(replace(FAILOVER, last_held=4.1))),
            "failover",
            "still answered 4.10 s after it was killed",
        ),
        (
            judge_failover(both(FAILOVER, replace(FAILOVER, others=SharesSeen({B: 1, C: 1}, {B: 500})))),
            "failover",
            f"secondary: {B} was answered in 100.0%",
        ),
        (judge_return(ReturnSeen(A, both(1.4, None))), "return", "the secondary never answered it"),
        (judge_return(ReturnSeen(A, both(4.1, 1.4))), "return", "the primary was late, its bound is 3 s"),
        (judge_edit(replace(EDIT, served=both(0.1, None))), "edit", "the secondary never answered it"),
        (judge_edit(replace(EDIT, served=both(1.6, 1.7))), "edit", "the primary was late, its bound is 0.5 s"),
        (judge_edit(replace(EDIT, served=both(0.1, 2.1))), "edit", "the secondary was late, its bound is 1 s"),
        (judge_edit(replace(EDIT, serials=both(100))), "edit", "the serial of the primary did not rise"),
        (judge_edit(replace(EDIT, serials=both(101, 100))), "edit", "the serials are not equal"),
        (judge_edit(replace(EDIT, lost=1)), "edit", "1 queries got no right answer"),
        (judge_edit(replace(EDIT, after=both(FAIR, SWAPPED))), "edit", "secondary: 192.0.2.1 was answered in 20.0%"),
        (judge_bad_edit(replace(BAD_EDIT, refused=None)), "bad edit", "was not noticed"),
        (judge_bad_edit(replace(BAD_EDIT, problem="/d/zone.yaml:21: www")), "bad edit", "it is at /d/zone.yaml:20"),
        (
            judge_bad_edit(replace(BAD_EDIT, serials=both(101, 102))),
            "bad edit",
            "the serial of the secondary changed from 101 to 102",
        ),
        (judge_bad_edit(replace(BAD_EDIT, after=both(SWAPPED))), "bad edit", "not in 60.0%"),
        (judge_bad_edit(replace(BAD_EDIT, lost=3)), "bad edit", "3 queries got no right answer"),
        (judge_mend(MendSeen(None, PROBLEM, None)), "mend", PROBLEM),
        (judge_mend(MendSeen(0.1, "", None)), "mend", "the secondary did not follow"),
        (judge_lost(replace(LOST, ended="")), "primary lost", "the primary runs"),
        (judge_lost(replace(LOST, answered=0)), "primary lost", "the secondary answered nothing"),
        (judge_lost(replace(LOST, lost=2)), "primary lost", "2 queries got no right answer"),
        (judge_lost(replace(LOST, failover=replace(FAILOVER, why=""))), "primary lost", "was not found down"),
        (judge_back(replace(BACK, served=both(1.2, None))), "primary back", "the secondary did not serve the edit"),
        (judge_back(replace(BACK, serials=both(101))), "primary back", "did not rise"),
        (judge_back(replace(BACK, serials=both(102, 101))), "primary back", "the serials are not equal"),
        (judge_back(replace(BACK, equal=None, troubles=("z: differs",))), "primary back", "status`: z: differs"),
        (judge_back(replace(BACK, lost=1)), "primary back", "1 queries got no right answer"),
        (judge_stream(both(STREAM, replace(STREAM, lost=1))), "stream", "secondary: 1 queries got no right answer"),
        (judge_stream(both(replace(STREAM, lost=9, excused=8))), "stream", "1 queries got no right answer"),
        (judge_stream(both(replace(STREAM, failed=2))), "stream", "2 queries got no right answer"),
        (judge_stream(both(StreamSeen(0, 0, 0, 0, 0), STREAM)), "stream", "the primary was asked nothing"),
    ],
)
def test_each_thing_that_goes_wrong_fails_its_step_and_is_told(finding, step, said):
    assert not finding.ok
    assert finding.step == step
    assert said in finding.text


def test_a_bound_has_a_second_of_grace_and_no_more():
    assert judge_failover(both(replace(FAILOVER, last_held=4.0))).ok
    assert not judge_failover(both(replace(FAILOVER, last_held=4.01))).ok
