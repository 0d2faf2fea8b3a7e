"""From a steered owner and the conditions to a distribution: which pool answers, and who takes part.

The steps, in order: the rule names a pool; along its fallback path the first pool with enough available members
answers; if none has enough, the first with any; then the first with members that stand by (weight 0); when
nothing on the path is available, `all_down` decides. Every step leaves its reason in the result.
"""

from dataclasses import dataclass

from gslb.steering.conditions import Conditions, MemberState
from gslb.steering.distribution import Distribution
from gslb.steering.policies import POLICIES, Offer
from gslb.zone.steered import AllDown, Member, Pool, Steered, SteeredKey


@dataclass(frozen=True, slots=True)
class PoolState:
    """A pool on the path with its members' states."""

    pool: Pool
    states: tuple[MemberState, ...]

    @property
    def available(self) -> tuple[MemberState, ...]:
        return tuple(state for state in self.states if state.available and state.member.weight > 0)

    @property
    def standing_by(self) -> tuple[MemberState, ...]:
        return tuple(state for state in self.states if state.available and state.member.weight == 0)

    @property
    def weighted_count(self) -> int:
        return sum(member.weight > 0 for member in self.pool.members)

    @property
    def has_enough(self) -> bool:
        # Divided, not multiplied: 7 / 50 is the very float written 0.14, and 0.14 * 50 is more than 7.
        return bool(self.available) and len(self.available) / self.weighted_count >= self.pool.min_healthy

    @property
    def summary(self) -> str:
        """For people: `1 of 3 available, min_healthy 0.5`."""
        wanted = f", min_healthy {self.pool.min_healthy:g}" if self.pool.min_healthy else ""
        return f"{len(self.available)} of {self.weighted_count} available{wanted}"


@dataclass(frozen=True, slots=True)
class Selection:
    """What a steered owner answers with under given conditions.

    `distribution` None: nobody answers, and `all_down` says whether that is nodata or SERVFAIL. `pool` is the pool
    that answers, None when `all_down` took over. `degraded` names what is wrong, "" when all is as configured.
    """

    steered: Steered
    path: tuple[PoolState, ...]
    pool: str | None
    distribution: Distribution | None
    degraded: str = ""


def fallback_path(steered: Steered) -> tuple[Pool, ...]:
    """The pool of the rule that matches, then its fallbacks in order."""
    path: list[Pool] = []
    name: str | None = steered.rules[0].pool
    while name is not None and all(pool.name != name for pool in path):
        path.append(steered.pool(name))
        name = path[-1].fallback
    return tuple(path)


def select(steered: Steered, conditions: Conditions) -> Selection:
    """Choose the pool and make its distribution. Pure: equal arguments give equal results."""
    path = tuple(_state_of_pool(steered.key, pool, conditions) for pool in fallback_path(steered))
    for state in path:
        if state.has_enough:
            degraded = (
                "" if state is path[0] else f"pool {path[0].pool.name} has too few available: {state.pool.name} answers"
            )
            return _chosen(steered, path, state, state.available, degraded)
    for state in path:
        if state.available:
            return _chosen(steered, path, state, state.available, f"pool {state.pool.name} is below min_healthy")
    for state in path:
        if state.standing_by:
            return _chosen(
                steered, path, state, state.standing_by, f"pool {state.pool.name} is down to members of weight 0"
            )
    return _all_down(steered, path)


def _state_of_pool(key: SteeredKey, pool: Pool, conditions: Conditions) -> PoolState:
    return PoolState(pool, tuple(conditions.state_of(key, member) for member in pool.members))


def _chosen(
    steered: Steered, path: tuple[PoolState, ...], chosen: PoolState, states: tuple[MemberState, ...], degraded: str
) -> Selection:
    return Selection(steered, path, chosen.pool.name, _distribute(steered, states), degraded)


def _distribute(steered: Steered, states: tuple[MemberState, ...]) -> Distribution:
    weights = tuple(max(state.member.weight, 1) for state in states)
    return POLICIES[steered.policy].distribute(Offer(states, weights, min(steered.answers, len(states))))


def _all_down(steered: Steered, path: tuple[PoolState, ...]) -> Selection:
    """Nothing on the path is available. Failing open disregards probes, never an operator's word, while any other
    member remains: plain values give way to members of the path, and the first pool to the next."""
    said = (
        f"nothing available in pool {' or '.join(state.pool.name for state in path)}: all_down {steered.all_down.value}"
    )
    if steered.all_down in {AllDown.EMPTY, AllDown.SERVFAIL}:
        return Selection(steered, path, None, None, said)
    not_held = (tuple(state for state in pool.states if not state.held) for pool in path)
    remaining = next(filter(None, not_held), ())
    held = {state.member.value for state in path_states(path) if state.held}
    values = tuple(value for value in steered.rrset.rdatas if value not in held)
    if steered.all_down is AllDown.VALUES and (values or not remaining):
        return Selection(steered, path, None, _all_of(values or steered.rrset.rdatas), said)
    return Selection(steered, path, None, _distribute(steered, remaining or path[0].states), said)


def _all_of(values: tuple[bytes, ...]) -> Distribution:
    members = tuple(Member(value) for value in values)
    return Distribution(members, (1,) * len(members), answers=len(members))


def path_states(path: tuple[PoolState, ...]) -> list[MemberState]:
    return [state for pool in path for state in pool.states]
