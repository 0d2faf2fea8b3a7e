"""The steering policies. A new one is a file here and a line in `POLICIES`; config validation, explain, metrics
and the contract test in `tests/steering` pick it up from this dict."""

from gslb.steering.policies import failover, round_robin, weighted
from gslb.steering.policies.offer import Offer, Policy

POLICIES: dict[str, Policy] = {
    "weighted": weighted.POLICY,
    "round_robin": round_robin.POLICY,
    "failover": failover.POLICY,
}

__all__ = ["POLICIES", "Offer", "Policy"]
