"""What a node answers to `gslb status`, for the tests of how that is shown."""

from typing import Any


def status_answer(**more: Any) -> dict[str, Any]:
    """That of a node which serves and has nothing to tell, but for what is given."""
    return {
        "node": "ns1",
        "version": "0",
        "pid": 1,
        "started": 0.0,
        "state": "serving",
        "listen": [],
        "tls": None,
        "api": None,
        "config": {"problems": [], "warnings": [], "pending_restart": []},
        "replies": 0,
        "rate_limit": None,
        "descriptors_short": None,
        "prober": {"state": "running", "pid": 2, "restarts": 0, "last_exit": ""},
        "zones": [],
        "degraded": [],
        "members": [],
        "overrides": [],
    } | more


def zone_row(**more: Any) -> dict[str, Any]:
    """The row of a primary zone that is served as its file has it, but for what is given."""
    return {
        "zone": "x.example.",
        "role": "primary",
        "file": "x.yaml",
        "serial": 7,
        "owners": 3,
        "steered": 0,
        "signing": None,
        "served_from": "file",
        "since": None,
        "problems": [],
        "warnings": [],
        "gone_seconds_left": None,
        "allow_query": None,
    } | more
