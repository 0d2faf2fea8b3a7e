"""Errors that the event loop meets where nobody waits for the outcome: lines of the log like any other, and bounded.

Left to itself, asyncio writes tracebacks of its own: when descriptors run out, hundreds a second for each socket that
listens.
"""

import asyncio
import errno
import time
from collections.abc import Callable
from typing import Any

import structlog

from gslb.transfer.sparing import Sparing

log = structlog.get_logger("gslb")

_USED_UP = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class LoopErrors:
    """An exception handler for asyncio's `set_exception_handler`. `clock` gives seconds."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._sparing = Sparing()
        self._clock = clock

    def __call__(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:  # noqa: ARG002  asyncio's
        error = context.get("exception")
        is_used_up = isinstance(error, OSError) and error.errno in _USED_UP
        event = "descriptors_used_up" if is_used_up else "event_loop_error"
        untold = self._sparing.leave(event, self._clock())
        if untold is None:
            return
        more = {"untold": untold} if untold else {}
        if is_used_up:
            advice = "let the process open more files (LimitNOFILE= of the unit), or lower `limits.tcp_connections`"
            log.warning(event, problem=str(error), advice=advice, **more)
        else:
            problem = str(context.get("message", ""))
            log.error(event, problem=problem, advice="please report this", exc_info=error, **more)
