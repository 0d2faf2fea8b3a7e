"""The distribution: what every policy compiles to, and all that the server draws from.

A draw of several answers is without replacement: the first member falls in the configured shares, each next one
in the shares of those that remain.
"""

import enum
import heapq
import math
from dataclasses import dataclass
from fractions import Fraction

from gslb.zone.steered import Member

MAX_TURNS = 20_000
"""The longest rotation of a `turn` distribution: the weights' sum divided by their greatest common divisor."""


class DrawnBy(enum.Enum):
    """What picks the outcome: a random number, or the turn of the name."""

    RANDOM = "random"
    TURN = "turn"


@dataclass(frozen=True, slots=True)
class Distribution:
    """`members[i]` is drawn with share `weights[i] / sum(weights)`; weights are positive integers. `answers` distinct
    members are answered, at most all of them."""

    members: tuple[Member, ...]
    weights: tuple[int, ...]
    answers: int = 1
    drawn_by: DrawnBy = DrawnBy.RANDOM

    def shares(self) -> tuple[Fraction, ...]:
        """The exact share of queries whose first answer is each member."""
        total = sum(self.weights)
        return tuple(Fraction(weight, total) for weight in self.weights)

    def rotation(self) -> tuple[int, ...]:
        """Indexes of members in the order in which turns serve them, one whole period.

        After any number of turns each member has been served within one of its exact share (R. Tijdeman, "The
        chairman assignment problem", 1980): each turn goes to the member with the earliest deadline among those
        whose next turn is due. Takes time proportional to the period; at most MAX_TURNS, or `ValueError`.
        """
        divisor = math.gcd(*self.weights)
        weights = [weight // divisor for weight in self.weights]
        period = sum(weights)
        if period > MAX_TURNS:
            raise ValueError(f"a rotation of {period} turns is longer than {MAX_TURNS}; use smaller weights")
        # The k-th turn (k from 0) of weight w is due from turn floor(k * period / w) and has to be served before
        # turn ceil((k + 1) * period / w).
        waiting = [(0, index, 0) for index in range(len(weights))]
        due: list[tuple[int, int, int]] = []
        order = []
        for turn in range(period):
            while waiting and waiting[0][0] <= turn:
                _, index, served = heapq.heappop(waiting)
                heapq.heappush(due, (-(-(served + 1) * period // weights[index]), index, served))
            _, index, served = heapq.heappop(due)
            order.append(index)
            if served + 1 < weights[index]:
                heapq.heappush(waiting, ((served + 1) * period // weights[index], index, served + 1))
        return tuple(order)
