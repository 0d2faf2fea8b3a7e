"""Settings of gslb.yaml that a running node does not take over: changed since the start, they wait for the next one."""

from dataclasses import fields

from gslb.config.node_config import Limits, NodeConfig

_BY_NAME = ("node", "listen", "listen_tls", "state_dir", "api")
_LIVE_LIMITS = {"transfers_out"}
AT_START = (*_BY_NAME, "limits")
"""The keys of gslb.yaml that only a start takes."""


def pending_restart(started: NodeConfig, now: NodeConfig) -> list[str]:
    """The settings, as they are written, in which the configuration of `now` differs from that of the start."""
    changed = [name for name in _BY_NAME if getattr(started, name) != getattr(now, name)]
    limits = [each.name for each in fields(Limits) if each.name not in _LIVE_LIMITS]
    changed += [
        f"limits.{name.removesuffix('_seconds')}"
        for name in limits
        if getattr(started.limits, name) != getattr(now.limits, name)
    ]
    return changed
