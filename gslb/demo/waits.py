"""Waiting for something to be seen, and how long that took, in seconds of the demo's clock."""

import asyncio
from collections.abc import Awaitable, Callable

from gslb.demo.clock import now
from gslb.demo.parts import DemoNode
from gslb.demo.stream import ask

_POLL_SECONDS = 0.005


async def until(condition: Callable[[], bool], patience_seconds: float) -> float | None:
    """Seconds until `condition` held, None when it did not in time."""

    async def holds() -> bool:
        return condition()

    return await _until(holds, patience_seconds)


async def until_status(node: DemoNode, condition: Callable[[], bool], patience_seconds: float) -> float | None:
    """As `until`, of what the node says, which is asked for again and again."""

    async def holds() -> bool:
        await node.poll()
        return condition()

    return await _until(holds, patience_seconds)


async def until_asked(node: DemoNode, name: str, patience_seconds: float) -> float | None:
    """Seconds until the node answered `name` with something, None when it did not in time."""

    async def holds() -> bool:
        reply = await ask(node.server, name)
        return reply is not None and bool(reply.values)

    return await _until(holds, patience_seconds)


async def until_well(nodes: list[DemoNode], patience_seconds: float) -> tuple[float | None, tuple[str, ...]]:
    """Seconds until `gslb cluster status` had no trouble to tell on any of the nodes; and the last troubles, if not."""
    last: tuple[str, ...] = ()

    async def holds() -> bool:
        nonlocal last
        last = tuple(trouble for told in await asyncio.gather(*(node.troubles() for node in nodes)) for trouble in told)
        return not last

    return await _until(holds, patience_seconds), last


async def _until(holds: Callable[[], Awaitable[bool]], patience_seconds: float) -> float | None:
    begun = now()
    while not await holds():
        if now() - begun > patience_seconds:
            return None
        await asyncio.sleep(_POLL_SECONDS)
    return now() - begun
