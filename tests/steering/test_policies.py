"""The contract of every policy in the registry, and what each of them promises."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.steering.conditions import Health, MemberState
from gslb.steering.distribution import Distribution, DrawnBy
from gslb.steering.policies import POLICIES, Offer, Policy
from gslb.zone.steered import Member


def state(number: int, priority: int = 0, weight: int = 1) -> MemberState:
    member = Member(bytes((10, 0, number >> 8, number & 255)), weight=weight, priority=priority)
    return MemberState(member, Health.UP, available=True, held=False, reason="", since=None)


@st.composite
def offers(draw: st.DrawFn) -> Offer:
    weights = draw(st.lists(st.integers(1, 255), min_size=1, max_size=12))
    priorities = draw(st.lists(st.integers(0, 3), min_size=len(weights), max_size=len(weights)))
    states = tuple(state(number, priority, weights[number]) for number, priority in enumerate(priorities))
    return Offer(states, tuple(weights), draw(st.integers(1, len(weights))))


@pytest.mark.parametrize("name", POLICIES)
@given(offer=offers())
def test_any_offer_gives_a_valid_distribution(name: str, offer: Offer) -> None:
    policy = POLICIES[name]
    distribution = policy.distribute(offer)
    offered = [each.member for each in offer.states]
    assert set(distribution.members) <= set(offered)
    assert len(set(distribution.members)) == len(distribution.members) == len(distribution.weights)
    assert all(type(weight) is int and weight > 0 for weight in distribution.weights)
    assert 1 <= distribution.answers <= len(distribution.members)
    assert distribution.answers == offer.answers
    assert distribution.drawn_by is policy.drawn_by
    assert sum(distribution.shares()) == 1


@pytest.mark.parametrize("name", POLICIES)
@given(offer=offers())
def test_equal_offers_give_equal_distributions(name: str, offer: Offer) -> None:
    again = Offer(tuple(offer.states), tuple(offer.weights), offer.answers)
    assert POLICIES[name].distribute(offer) == POLICIES[name].distribute(again)


@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)
def test_every_policy_says_what_it_does_in_one_line(policy: Policy) -> None:
    assert policy.summary
    assert "\n" not in policy.summary


@pytest.mark.parametrize("name", ["weighted", "round_robin"])
@given(offer=offers())
def test_shares_are_the_weights(name: str, offer: Offer) -> None:
    distribution = POLICIES[name].distribute(offer)
    assert distribution.members == tuple(each.member for each in offer.states)
    assert distribution.weights == offer.weights


def test_only_round_robin_goes_by_turns() -> None:
    assert {name for name, policy in POLICIES.items() if policy.drawn_by is DrawnBy.TURN} == {"round_robin"}


@pytest.mark.parametrize(
    ("priorities", "answers", "expected"),
    [
        ([2, 1, 3], 1, [1]),
        ([2, 1, 3], 2, [1, 0]),
        ([1, 1, 0], 2, [2, 0]),
        ([5, 5], 1, [0]),
        ([0, 1], 2, [0, 1]),
    ],
)
def test_failover_takes_the_lowest_priorities_in_the_order_written(priorities, answers, expected) -> None:
    states = tuple(state(number, priority, 100) for number, priority in enumerate(priorities))
    distribution = POLICIES["failover"].distribute(Offer(states, (100,) * len(states), answers))
    assert distribution == Distribution(tuple(states[number].member for number in expected), (1,) * answers, answers)
