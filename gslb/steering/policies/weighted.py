"""weighted: each answer drawn at random, in the shares of the weights."""

from gslb.steering.distribution import Distribution, DrawnBy
from gslb.steering.policies.offer import Offer, Policy


def distribute(offer: Offer) -> Distribution:
    members = tuple(state.member for state in offer.states)
    return Distribution(members, offer.weights, offer.answers, DrawnBy.RANDOM)


POLICY = Policy("each answer drawn at random, in the shares of the weights", DrawnBy.RANDOM, distribute)
