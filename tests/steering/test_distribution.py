"""Distributions: exact shares, and rotations that are never further than one turn from them."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.steering.distribution import MAX_TURNS, Distribution
from gslb.zone.steered import Member


def distribution(*weights: int) -> Distribution:
    return Distribution(tuple(Member(bytes((number,))) for number in range(len(weights))), weights)


def test_shares_are_exact() -> None:
    assert distribution(3, 1).shares() == (Fraction(3, 4), Fraction(1, 4))
    assert distribution(1, 1, 1).shares() == (Fraction(1, 3),) * 3


@pytest.mark.parametrize(
    ("weights", "rotation"),
    [
        ((1,), (0,)),
        ((7,), (0,)),
        ((1, 1), (0, 1)),
        ((50, 50), (0, 1)),
        ((2, 1), (0, 0, 1)),
        ((200, 100), (0, 0, 1)),
        ((1, 1, 1), (0, 1, 2)),
    ],
)
def test_a_rotation_is_one_period_of_the_reduced_weights(weights, rotation) -> None:
    assert distribution(*weights).rotation() == rotation


def furthest(weights: tuple[int, ...], rotation: tuple[int, ...]) -> Fraction:
    """How far any member is from its exact share after any number of turns of two periods."""
    total = sum(weights)
    served = [0] * len(weights)
    worst = Fraction(0)
    for turns, index in enumerate(rotation * 2, 1):
        served[index] += 1
        worst = max(worst, *(abs(count - Fraction(turns * w, total)) for count, w in zip(served, weights, strict=True)))
    return worst


@given(st.lists(st.integers(1, 60), min_size=1, max_size=10).map(tuple))
def test_after_any_number_of_turns_each_member_is_within_one_of_its_share(weights: tuple[int, ...]) -> None:
    rotation = distribution(*weights).rotation()
    assert furthest(weights, rotation) < 1
    assert {index: rotation.count(index) * sum(weights) for index in range(len(weights))} == {
        index: weight * len(rotation) for index, weight in enumerate(weights)
    }


@pytest.mark.parametrize("weights", [(1000, 1), (997, 991, 3), (1, 2, 4, 8, 16, 32, 64, 128), (1,) * 200, (255, 254)])
def test_extreme_weights_stay_within_one_turn(weights: tuple[int, ...]) -> None:
    assert furthest(weights, distribution(*weights).rotation()) < 1


def test_a_rotation_that_is_too_long_is_refused_with_its_length() -> None:
    with pytest.raises(ValueError, match="20001 turns"):
        distribution(MAX_TURNS, 1).rotation()
    assert len(distribution(MAX_TURNS - 1, 1).rotation()) == MAX_TURNS


def test_a_common_divisor_keeps_long_weights_legal() -> None:
    assert distribution(1_000_000, 500_000).rotation() == (0, 0, 1)


@given(st.lists(st.integers(1, 400), min_size=1, max_size=8), st.data())
def test_a_subset_of_members_never_has_a_longer_rotation(weights: list[int], data: st.DataObject) -> None:
    # What config checks once for all members holds for whoever is left of them.
    kept = data.draw(st.lists(st.sampled_from(range(len(weights))), min_size=1, unique=True))
    whole = distribution(*weights).rotation()
    assert len(distribution(*(weights[index] for index in kept)).rotation()) <= len(whole)
