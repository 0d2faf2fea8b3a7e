"""A draw: a distribution made ready to answer with, each outcome's record already rendered.

Where the numbers come from is the caller's: `DrawSource` hands out the random number or the turn, so the same
source gives the same answers.
"""

from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate
from typing import Protocol

from gslb.answer.template import record_header
from gslb.steering.conditions import Conditions
from gslb.steering.distribution import Distribution, DrawnBy
from gslb.steering.select import Selection, select
from gslb.wire.codes import Rcode, RRType
from gslb.wire.ede import DEGRADED, NONE_AVAILABLE
from gslb.wire.names import Name, is_at_or_below
from gslb.wire.rdata import alias_target
from gslb.zone.steered import AllDown, Steered, SteeredKey


class DrawSource(Protocol):
    """What a draw is drawn by."""

    def random(self) -> float:
        """A number from 0 up to, not including, 1."""

    def turn(self, key: SteeredKey) -> int:
        """How many turns of this name were taken before, from 0; counts this one."""


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """One member's record from its type on. `next` is the owner a CNAME inside the zone leads to. Outcomes are
    compared by identity, so that counting them is cheap."""

    key: SteeredKey
    value: bytes
    record: bytes
    next: Name | None


@dataclass(frozen=True, slots=True, eq=False)
class Draw:
    """`outcomes[i]` is drawn with weight `weights[i]`; `answers` of them, distinct.

    `cumulative` is set when one outcome, which leads nowhere else, is drawn at random: the short path's case.
    `rotation` is set when turns pick. Without outcomes, `rcode` (NOERROR: nodata) is answered. `error` is the extended
    error that goes with the answer, rendered; b"" when all is as configured.
    """

    selection: Selection
    outcomes: tuple[Outcome, ...]
    weights: tuple[int, ...]
    answers: int
    cumulative: tuple[int, ...] | None
    rotation: tuple[int, ...] | None
    rcode: Rcode
    error: bytes = b""

    def shares(self) -> dict[bytes, float]:
        """The share of first answers of each value."""
        total = sum(self.weights)
        return {outcome.value: weight / total for outcome, weight in zip(self.outcomes, self.weights, strict=True)}

    @property
    def leads_on(self) -> bool:
        """True when an outcome is a CNAME to a name of the same zone."""
        return any(outcome.next is not None for outcome in self.outcomes)

    def pick_one(self, source: DrawSource) -> Outcome | None:
        """Draw where one outcome that leads nowhere else is the whole answer; None where it is not so simple."""
        if self.cumulative is not None:
            outcome = self.outcomes[bisect_right(self.cumulative, int(source.random() * self.cumulative[-1]))]
        elif self.rotation is not None and self.answers == 1 and not self.leads_on:
            outcome = self.outcomes[self.rotation[source.turn(self.selection.steered.key) % len(self.rotation)]]
        else:
            return None
        return outcome

    def pick(self, source: DrawSource) -> tuple[Outcome, ...]:
        """Draw `answers` distinct outcomes, the first in the exact shares."""
        if self.rotation is not None:
            return self._in_rotation(source.turn(self.selection.steered.key))
        if self.answers == 1:
            return (self.outcomes[_weighted_index(self.weights, source)],)
        return self._without_replacement(source)

    def _in_rotation(self, turn: int) -> tuple[Outcome, ...]:
        """The turn's outcome first, then those whose turns come next."""
        rotation = self.rotation or ()
        start = turn % len(rotation)
        order = dict.fromkeys(rotation[start:] + rotation[:start]) if self.answers > 1 else (rotation[start],)
        return tuple(self.outcomes[index] for index in list(order)[: self.answers])

    def _without_replacement(self, source: DrawSource) -> tuple[Outcome, ...]:
        outcomes, weights = list(self.outcomes), list(self.weights)
        picked = []
        for _ in range(self.answers):
            index = _weighted_index(weights, source)
            picked.append(outcomes.pop(index))
            weights.pop(index)
        return tuple(picked)


def _weighted_index(weights: tuple[int, ...] | list[int], source: DrawSource) -> int:
    cumulative = list(accumulate(weights))
    return bisect_right(cumulative, int(source.random() * cumulative[-1]))


def compile_draw(steered: Steered, conditions: Conditions, apex: Name) -> Draw:
    """Select under the conditions and render every outcome. Pure."""
    selection = select(steered, conditions)
    distribution = selection.distribution
    if distribution is None:
        rcode = Rcode.SERVFAIL if steered.all_down is AllDown.SERVFAIL else Rcode.NOERROR
        return Draw(selection, (), (), 0, None, None, rcode, _error(selection))
    outcomes = tuple(_outcome(steered, member.value, apex) for member in distribution.members)
    leads_on = any(outcome.next is not None for outcome in outcomes)
    one_at_random = distribution.drawn_by is DrawnBy.RANDOM and distribution.answers == 1 and not leads_on
    return Draw(
        selection,
        outcomes,
        distribution.weights,
        distribution.answers,
        cumulative=tuple(accumulate(distribution.weights)) if one_at_random else None,
        rotation=_rotation(distribution),
        rcode=Rcode.NOERROR,
        error=_error(selection),
    )


def _error(selection: Selection) -> bytes:
    if not selection.degraded:
        return b""
    return NONE_AVAILABLE if selection.pool is None else DEGRADED


def _rotation(distribution: Distribution) -> tuple[int, ...] | None:
    return distribution.rotation() if distribution.drawn_by is DrawnBy.TURN else None


def _outcome(steered: Steered, value: bytes, apex: Name) -> Outcome:
    rrset = steered.rrset
    record = record_header(rrset.rtype, rrset.ttl_seconds, len(value)) + value
    following = None
    if rrset.rtype == RRType.CNAME and is_at_or_below(alias_target(value), apex):
        following = alias_target(value)
    return Outcome(steered.key, value, record, following)
