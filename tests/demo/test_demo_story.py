"""The judgement of the story: what was seen is ok, and each thing that can go wrong makes its step fail, by name."""

from dataclasses import replace

import pytest

from gslb.demo.story import (
    STEPS,
    BadEditSeen,
    EditSeen,
    FailoverSeen,
    Finding,
    MendSeen,
    ReturnSeen,
    SharesSeen,
    Story,
    StreamSeen,
    judge_bad_edit,
    judge_edit,
    judge_failover,
    judge_mend,
    judge_return,
    judge_shares,
    judge_start,
    judge_stream,
)
from gslb.demo.unattended import MIN_SECONDS, window_seconds

A, B, C = "192.0.2.1", "192.0.2.2", "192.0.2.3"
WEIGHTS = {A: 3, B: 1, C: 1}
FAIR = SharesSeen(WEIGHTS, {A: 600, B: 205, C: 195})
SWAPPED = SharesSeen(WEIGHTS, {A: 200, B: 200, C: 600})
WITHOUT_A = SharesSeen({B: 1, C: 1}, {B: 260, C: 240})
FAILOVER = FailoverSeen(A, 1.8, 500, "down: connection refused", WITHOUT_A)
EDIT = EditSeen("new.demo.example", 0.08, 100, 101, 0, FAIR)
PROBLEM = "/d/zone.yaml:20: www.A.gslb.weights: must be a whole number"
BAD_EDIT = BadEditSeen("/d/zone.yaml", 20, 0.07, PROBLEM, 101, 101, 0, FAIR)
STREAM = StreamSeen(2000, 2000, 0, 0, 10.0)


@pytest.mark.parametrize(
    "finding",
    [
        judge_start(1.2, 3, 3),
        judge_shares(FAIR),
        judge_failover(FAILOVER),
        judge_return(ReturnSeen(A, 1.4)),
        judge_edit(EDIT),
        judge_bad_edit(BAD_EDIT),
        judge_mend(MendSeen(0.1, "")),
        judge_stream(STREAM),
    ],
    ids=STEPS,
)
def test_each_step_that_went_well_is_seen(finding):
    assert finding.ok, finding.text


@pytest.mark.parametrize(
    ("finding", "step", "said"),
    [
        (judge_start(1.2, 2, 3), "start", "2 of 3 backends up"),
        (judge_shares(SWAPPED), "shares", f"{A} was answered in 20.0%, not in 60.0%"),
        (judge_shares(SharesSeen(WEIGHTS, {A: 60, B: 20, C: 10})), "shares", "only 90 answers"),
        (judge_shares(SharesSeen(WEIGHTS, {A: 600, B: 200, C: 199, "": 1})), "shares", "nothing was answered"),
        (judge_failover(replace(FAILOVER, why="")), "failover", "was not found down"),
        (judge_failover(replace(FAILOVER, last_held=3.6)), "failover", "still answered 3.60 s after it was killed"),
        (judge_failover(replace(FAILOVER, others=SharesSeen({B: 1, C: 1}, {B: 500}))), "failover", f"{C} was answered"),
        (judge_return(ReturnSeen(A, None)), "return", "was not answered again"),
        (judge_return(ReturnSeen(A, 3.6)), "return", "too late"),
        (judge_edit(replace(EDIT, served=None)), "edit", "no answer for new.demo.example"),
        (judge_edit(replace(EDIT, served=1.6)), "edit", "too late"),
        (judge_edit(replace(EDIT, serial_after=100)), "edit", "the serial did not rise"),
        (judge_edit(replace(EDIT, lost=1)), "edit", "1 queries got no right answer"),
        (judge_edit(replace(EDIT, after=SWAPPED)), "edit", "not in 60.0%"),
        (judge_bad_edit(replace(BAD_EDIT, refused=None)), "bad edit", "was not noticed"),
        (judge_bad_edit(replace(BAD_EDIT, problem="/d/zone.yaml:21: www")), "bad edit", "it is at /d/zone.yaml:20"),
        (judge_bad_edit(replace(BAD_EDIT, serial_after=102)), "bad edit", "the serial changed"),
        (judge_bad_edit(replace(BAD_EDIT, after=SWAPPED)), "bad edit", "not in 60.0%"),
        (judge_bad_edit(replace(BAD_EDIT, lost=3)), "bad edit", "3 queries got no right answer"),
        (judge_mend(MendSeen(None, PROBLEM)), "mend", PROBLEM),
        (judge_stream(replace(STREAM, lost=1)), "stream", "1 queries got no right answer"),
        (judge_stream(replace(STREAM, failed=2)), "stream", "2 queries got no right answer"),
        (judge_stream(StreamSeen(0, 0, 0, 0, 10.0)), "stream", "nothing was asked"),
    ],
)
def test_each_thing_that_goes_wrong_fails_its_step_and_is_told(finding, step, said):
    assert not finding.ok
    assert finding.step == step
    assert said in finding.text


def test_a_bound_has_a_second_of_grace_and_no_more():
    assert judge_failover(replace(FAILOVER, last_held=3.5)).ok
    assert not judge_failover(replace(FAILOVER, last_held=3.51)).ok


def story(*failing):
    return Story(tuple(Finding(step, step not in failing, f"about {step}") for step in STEPS), 12.3)


def test_a_story_is_seen_when_every_step_was():
    assert story().failed is None
    assert story().to_json()["ok"] is True
    assert "all of it was seen" in story().to_text()


def test_a_story_that_broke_off_names_the_step_and_what_was_not_reached():
    broke_off = Story((Finding("start", ok=True, text=""), Finding("shares", ok=False, text="why")), 3.0)
    assert broke_off.failed == "shares"
    assert broke_off.to_json() | {"steps": []} == {"ok": False, "failed": "shares", "seconds": 3.0, "steps": []}
    assert "FAILED  shares    why" in broke_off.to_text()
    assert "failover  not reached" in broke_off.to_text()
    assert "the step 'shares' was not seen" in broke_off.to_text()


def test_a_story_without_all_of_its_steps_is_not_seen():
    assert Story((Finding("start", ok=True, text=""),), 3.0).failed == "shares"


def test_more_time_is_spent_on_measuring_shares_within_bounds():
    assert window_seconds(MIN_SECONDS) == 2.0
    assert window_seconds(40.0) == 7.0
    assert window_seconds(600.0) == 10.0
