"""What this node says to the steering of a zone that was transferred: the rules of the file reader, held against values
that some other node's reader has passed.

That node may be newer, with policies, probes or options that are not known here; it may also be someone else's, so the
bounds of every number hold again, and `probe_allow` says where it may make this node connect. An owner whose steering
this node cannot or will not do is left to its plain values; the rest of the zone is steered.
"""

import math
from functools import lru_cache

from pydantic import ValidationError

from gslb.config.access import ProbeBounds
from gslb.config.monitors import MonitorSchema
from gslb.health.probes import PROBES
from gslb.steering.distribution import MAX_TURNS, DrawnBy
from gslb.steering.policies import POLICIES
from gslb.wire.names import Name
from gslb.zone.steered import Monitor, Pool, Steered
from gslb.zone.view import View, zone_from_view
from gslb.zone.zone import Zone


def transferred_zone(apex: Name, view: View, bounds: ProbeBounds) -> tuple[Zone, tuple[str, ...]]:
    """The zone of a view that came from another node, and a warning for each owner that is left to its plain values."""
    return zone_from_view(apex, view, lambda steered: objection(steered, bounds))


def objection(steered: Steered, bounds: ProbeBounds) -> str | None:
    """Why this node does not steer so, or None."""
    policy = POLICIES.get(steered.policy)
    if policy is None:
        return f"its policy {steered.policy!r} is not known here ({', '.join(POLICIES)} are); update this node"
    if policy.drawn_by is DrawnBy.TURN:
        for pool in steered.pools:
            if _turns(pool) > MAX_TURNS:
                return f"the weights of pool {pool.name} make a rotation of more than {MAX_TURNS} turns"
    objections = (_monitor_objection(monitor, bounds) for monitor in steered.monitors())
    return min(filter(None, objections), default=None)  # of several always the same one


def _turns(pool: Pool) -> int:
    weights = [member.weight for member in pool.members if member.weight > 0]
    return sum(weights) // math.gcd(*weights) if weights else 0


def _monitor_objection(monitor: Monitor, bounds: ProbeBounds) -> str | None:
    if monitor.probe not in PROBES:
        return f"its probe {monitor.probe!r} is not known here ({', '.join(PROBES)} are); update this node"
    if not monitor.target:
        return "a monitor has no target"
    if not bounds.allows_target(monitor.target):
        return f"it would have this node probe {monitor.target!r}, which `probe_allow` does not hold"
    times = monitor.interval_seconds, monitor.timeout_seconds
    return _invalid(monitor.probe, monitor.options, *times, monitor.rise, monitor.fall)


@lru_cache(maxsize=4096)
def _invalid(probe: str, options: str, interval: float, timeout: float, rise: int, fall: int) -> str | None:
    """What is wrong with a monitor, whatever its target. Cached: a zone's members share a few."""
    durations = {"interval": f"{interval:.9f}s", "timeout": f"{timeout:.9f}s"}
    try:
        MonitorSchema.model_validate({"probe": probe, "rise": rise, "fall": fall, **durations})
        PROBES[probe].options.model_validate_json(options)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        return f"its {probe} monitor is not valid here: {where}: {first['msg']}"
    return None
