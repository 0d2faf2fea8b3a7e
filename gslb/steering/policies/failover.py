"""failover: the available member of the lowest priority answers; with `answers: n`, the n lowest.

Equal priorities keep the order in which they were written. Weights play no part.
"""

from gslb.steering.distribution import Distribution, DrawnBy
from gslb.steering.policies.offer import Offer, Policy


def distribute(offer: Offer) -> Distribution:
    ranked = sorted((state.member for state in offer.states), key=lambda member: member.priority)
    chosen = tuple(ranked[: offer.answers])
    return Distribution(chosen, (1,) * len(chosen), offer.answers, DrawnBy.RANDOM)


POLICY = Policy("the first available member in order of priority", DrawnBy.RANDOM, distribute, in_order=True)
