"""File descriptors: a connection takes one, and the limit that a process starts with is often below `limits`."""

import resource

import structlog

log = structlog.get_logger("gslb")

SPARE = 256
"""Sockets that listen, files, the journal, peers."""


def make_room(sockets: int) -> None:
    """Raise this process's own limit for so many sockets besides what else it opens, as far as it may."""
    wanted = sockets + SPARE
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    reachable = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (reachable, hard))
    if reachable < wanted:
        advice = f"let the process open {wanted} files (LimitNOFILE= of the unit), or lower `limits.tcp_connections`"
        log.warning("descriptors_short", wanted=wanted, allowed=reachable, advice=advice)
