"""The log of answers, shares, and how far a measured one may be off."""

import math
import random

import pytest

from gslb.demo.shares import AnswerLog, allowed_error, shares


@pytest.fixture
def log():
    """a at 1, 2, 4; b at 3, 5."""
    log = AnswerLog(100)
    for time, value in enumerate("aabab", 1):
        log.add(float(time), value)
    return log


def test_the_last_answers_are_counted_by_value(log):
    assert log.last(3) == {"b": 2, "a": 1}
    assert log.last(1000) == {"a": 3, "b": 2}


def test_answers_are_counted_from_a_moment_on(log):
    assert log.since(3.0) == {"b": 2, "a": 1}
    assert log.since(5.5) == {}


def test_first_and_last_time_of_a_value_are_not_before_the_moment_asked_for(log):
    assert log.last_of("a", 0.0) == 4.0
    assert log.last_of("a", 4.5) is None
    assert log.first_of("b", 0.0) == 3.0
    assert log.first_of("b", 3.5) == 5.0
    assert log.first_of("c", 0.0) is None


def test_the_log_forgets_what_is_beyond_its_size():
    log = AnswerLog(2)
    for time, value in enumerate("abb"):
        log.add(float(time), value)
    assert log.last(10) == {"b": 2}
    assert log.first_of("a", 0.0) is None


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ({"a": 3, "b": 1}, {"a": 0.75, "b": 0.25}),
        ({"a": 0, "b": 2}, {"a": 0.0, "b": 1.0}),
        ({"a": 0}, {"a": 0.0}),
        ({}, {}),
    ],
)
def test_shares_are_weights_over_their_sum(weights, expected):
    assert shares(weights) == expected


def test_the_allowed_error_shrinks_with_the_count_and_holds_for_fair_draws():
    assert allowed_error(0.5, 10_000) < allowed_error(0.5, 100) < allowed_error(0.5, 0) == 1.0
    draw = random.Random(1).random
    for _ in range(200):
        count = 400
        found = sum(draw() < 0.6 for _ in range(count)) / count
        assert abs(found - 0.6) <= allowed_error(0.6, count)


def test_the_allowed_error_of_a_sure_draw_is_one_answer():
    assert math.isclose(allowed_error(1.0, 200), 1 / 200)
