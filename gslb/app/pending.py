"""Settings of gslb.yaml that a running node does not take over: changed since the start, they wait for the next one."""

from dataclasses import fields

from gslb.config.node import Limits, NodeConfig

_AT_START: dict[str, tuple[str, ...]] = {
    "node": ("node",),
    "listen": ("listen",),
    "listen_tls": ("listen_tls",),
    "state_dir": ("state_dir",),
    "api": ("api",),
    "log": ("log_format", "log_level"),
}
"""Keys of gslb.yaml, and what they are in a `NodeConfig`."""
_LIVE_LIMITS = {"transfers_out"}


def pending_restart(started: NodeConfig, now: NodeConfig) -> list[str]:
    """The settings, as they are written, in which the configuration of `now` differs from that of the start."""
    changed = [
        key for key, names in _AT_START.items() if any(getattr(started, name) != getattr(now, name) for name in names)
    ]
    limits = [each.name for each in fields(Limits) if each.name not in _LIVE_LIMITS]
    changed += [
        f"limits.{name.removesuffix('_seconds')}"
        for name in limits
        if getattr(started.limits, name) != getattr(now.limits, name)
    ]
    return changed
