"""File descriptors: a connection takes one, and the limit that a process starts with is often below `limits`.

Where they run out, nobody is let in any more, `gslb status` and the scraper neither, and the files of zones cannot be
read. So no more connections are taken than leave descriptors for all else; of those that are taken, idle ones make
room for new ones. Should they run short all the same, because the limit was lowered or the machine has no more, the
event loop may well close new connections without a word (libuv does). So a look each second sees to it that some stay
free: idle connections are closed, and fewer are taken until descriptors have been free for a while.
"""

import errno
import os
import resource
from contextlib import ExitStack
from typing import Any, Protocol

import structlog
from prometheus_client import Gauge

from gslb.transfer.sparing import Sparing

log = structlog.get_logger("gslb")

SPARE = 256
"""Sockets that listen, files, the journal, peers, and connections that are being let in or turned away."""
_LEAST_SHARE = 4  # of few descriptors, a quarter is for connections
LOOK_SECONDS = 1.0
LEAST_FREE = 16
"""What a reload, a scrape and a command take together."""
_CLOSED_AT_ONCE = 32
QUIET_SECONDS = 60.0
"""Descriptors are not short any more when they were free for so long."""


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


class Connections(Protocol):
    """The connections of clients, as seen from here."""

    @property
    def connections(self) -> int:
        """Those that are open."""

    def make_do_with(self, connections: int | None) -> int:
        """Have no more than so many; None: as many as configured. Gives how many were closed for it."""


class DescriptorWatch:
    """Keeps LEAST_FREE descriptors free, at the cost of connections. `short` is 1 while it has to."""

    def __init__(self, connections: Connections, short: Gauge) -> None:
        self._connections = connections
        self._gauge = short
        self._sparing = Sparing()
        self._last: float | None = None
        self._places = 0
        short.set(0)

    def look(self, now: float) -> None:
        """Make room if descriptors are short. `now`: seconds of a clock that does not jump."""
        if are_short():
            self._make_room(now)
        elif self._last is not None and now - self._last >= QUIET_SECONDS:
            self._last = None
            self._gauge.set(0)
            self._connections.make_do_with(None)
            log.info("descriptors_free_again", advice="as many connections as configured are taken again")

    def _make_room(self, now: float) -> None:
        self._last = now
        self._gauge.set(1)
        self._places = max(1, self._connections.connections - _CLOSED_AT_ONCE)
        closed = self._connections.make_do_with(self._places)
        untold = self._sparing.leave("descriptors_used_up", now)
        if untold is not None:
            more = {"untold": untold} if untold else {}
            advice = "let the process open more files (LimitNOFILE= of the unit), or lower `limits.tcp_connections`"
            log.warning("descriptors_used_up", closed=closed, connections=self._places, advice=advice, **more)

    def status(self) -> dict[str, Any] | None:
        """For `gslb status`: how many connections are taken while descriptors are short; None: they are not."""
        return None if self._last is None else {"connections": self._places}


def are_short() -> bool:
    """True when fewer than LEAST_FREE descriptors are to be had, by trying: to count those that are open takes long
    where there are many."""
    try:
        with ExitStack() as opened:
            for _ in range(LEAST_FREE):
                opened.callback(os.close, os.open(os.devnull, os.O_RDONLY))
    except OSError as error:
        return error.errno in {errno.EMFILE, errno.ENFILE}
    return False
