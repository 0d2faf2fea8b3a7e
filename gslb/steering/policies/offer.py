"""What a policy is given, and the shape of a policy."""

from collections.abc import Callable
from dataclasses import dataclass

from gslb.steering.conditions import MemberState
from gslb.steering.distribution import Distribution, DrawnBy


@dataclass(frozen=True, slots=True)
class Offer:
    """The members that may be answered, at least one, in the order written; each with a weight above 0 (members
    that stand by are offered with weight 1). `answers` is how many distinct members to answer, at least 1."""

    states: tuple[MemberState, ...]
    weights: tuple[int, ...]
    answers: int


@dataclass(frozen=True, slots=True)
class Policy:
    """A named pure function from an offer to a distribution. `summary` is for people: help, explain, docs.
    `in_order`: the members' priorities decide, and their weights play no part."""

    summary: str
    drawn_by: DrawnBy
    distribute: Callable[[Offer], Distribution]
    in_order: bool = False
