"""File descriptors: a connection takes one, and the limit that a process starts with is often below `limits`.

Where they run out, nobody is let in any more, and the files of zones cannot be read. So no more connections are taken
than leave descriptors for all else; of those that are taken, idle ones make room for new ones.
"""

import resource

import structlog

log = structlog.get_logger("gslb")

SPARE = 256
"""Sockets that listen, files, the journal, peers, and connections that are being let in or turned away."""
_LEAST_SHARE = 4  # of few descriptors, a quarter is for connections


def make_room(connections: int, others: int) -> int:
    """Raise this process's own limit for so many connections and other sockets besides what else it opens, as far as
    it may. Gives how many connections there is room for."""
    wanted = connections + others + SPARE
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return connections
    reachable = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (reachable, hard))
    if reachable == wanted:
        return connections
    fit = min(connections, max(1, reachable - others - SPARE, reachable // _LEAST_SHARE))
    advice = f"let the process open {wanted} files (LimitNOFILE= of the unit), or lower `limits.tcp_connections`"
    log.warning("descriptors_short", wanted=wanted, allowed=reachable, connections=fit, advice=advice)
    return fit
