"""Doing again what failed, for what a node has to do as long as it runs.

A fault that passes, such as a lack of descriptors or a full disk, must not end for good the watching of files or
addresses. It is told of each time: there is a pause between.
"""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

log = structlog.get_logger("gslb")

PAUSE_SECONDS = 5.0


async def until_done(what: str, action: Callable[[], Awaitable[object]], pause_seconds: float | None = None) -> None:
    """Await `action` until it comes to its end without an error. `what` it is, for the log.
    Between is PAUSE_SECONDS, unless said otherwise."""
    pause = PAUSE_SECONDS if pause_seconds is None else pause_seconds
    while True:
        try:
            await action()
        except Exception:
            advice = f"it is tried again every {pause:g} s; if the cause is none of this machine, please report it"
            log.exception("will_try_again", what=what, advice=advice)
            await asyncio.sleep(pause)
        else:
            return
