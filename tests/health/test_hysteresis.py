import pytest

from gslb.health.hysteresis import Track, step, unknown
from gslb.health.probes import ProbeResult
from gslb.steering.conditions import Health, Verdict

GOOD = ProbeResult(ok=True, reason="200 OK", latency_seconds=0.1)
BAD = ProbeResult(ok=False, reason="503 Busy", latency_seconds=0.2)


def walk(results, rise, fall, track=None):
    """The healths after each of `results`: `+` a success, `-` a failure; `U` up, `D` down."""
    seen = ""
    for now, sign in enumerate(results):
        track = step(track, GOOD if sign == "+" else BAD, now, rise, fall)
        seen += {Health.UP: "U", Health.DOWN: "D"}[track.verdict.health]
    return seen


@pytest.mark.parametrize(
    ("rise", "fall", "results", "healths"),
    [
        (2, 3, "+", "U"),
        (2, 3, "-", "D"),
        (2, 3, "+---", "UUUD"),
        (1, 1, "+-+-", "UDUD"),
        (2, 3, "-++", "DDU"),
        (2, 3, "-+-+-++", "DDDDDDU"),
        # Failures accumulate over single successes ...
        (2, 3, "+-+-+-", "UUUUUD"),
        (3, 3, "+-++-++-", "UUUUUUUD"),
        # ... and `rise` straight successes forgive them.
        (2, 3, "+--++--", "UUUUUUU"),
        (2, 3, "+--++---", "UUUUUUUD"),
        (1, 2, "+-+-+--", "UUUUUUD"),
        # Coming up starts with a clean count.
        (2, 2, "+--++-", "UUDDUU"),
        (2, 2, "+--++--", "UUDDUUD"),
        (5, 1, "-++++-+++++", "DDDDDDDDDDU"),
    ],
)
def test_fall_failures_bring_down_and_rise_straight_successes_bring_up(rise, fall, results, healths):
    assert walk(results, rise, fall) == healths


def test_the_first_result_after_unknown_is_the_verdict_whatever_the_thresholds():
    start = unknown(5.0, "stale")
    assert walk("-", 9, 9, start) == "D"
    assert walk("+", 9, 9, start) == "U"


def test_since_is_when_the_health_changed_and_checked_is_the_last_result():
    track = None
    for now, result in enumerate([GOOD, BAD, BAD, BAD]):
        track = step(track, result, now, 2, 2)
    assert (track.verdict.since, track.verdict.checked) == (2, 3)


def test_latency_is_that_of_the_last_success():
    first = step(None, BAD, 0, 1, 1)
    assert first.verdict.latency_seconds is None
    up = step(first, GOOD, 1, 1, 1)
    assert step(up, BAD, 2, 1, 1).verdict.latency_seconds == GOOD.latency_seconds


def test_a_result_against_the_verdict_says_how_far_it_has_come():
    up = step(step(None, GOOD, 0, 2, 3), BAD, 1, 2, 3)
    assert up.verdict.reason == "503 Busy (1 of 3 failures)"
    rising = step(step(None, BAD, 0, 2, 3), GOOD, 1, 2, 3)
    assert rising.verdict.reason == "200 OK (1 of 2 successes)"
    assert step(None, GOOD, 0, 2, 3).verdict.reason == "200 OK"


def test_an_unknown_track_says_why():
    assert unknown(7.0, "why") == Track(Verdict(Health.UNKNOWN, 7.0, "why", 7.0))
