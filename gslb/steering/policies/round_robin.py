"""round_robin: answers go round by turns; a member of weight 2 has two turns to another's one."""

from gslb.steering.distribution import Distribution, DrawnBy
from gslb.steering.policies.offer import Offer, Policy


def distribute(offer: Offer) -> Distribution:
    members = tuple(state.member for state in offer.states)
    return Distribution(members, offer.weights, offer.answers, DrawnBy.TURN)


POLICY = Policy("answers go round by turns, in the shares of the weights", DrawnBy.TURN, distribute)
