"""A client of DNS over a stream, TCP or TLS, in the event loop of its server."""

import asyncio
from collections.abc import Callable

import dns.message

BOUND_SECONDS = 30.0
"""How long is waited for what will come: only a bound, since a busy machine takes its time."""


def framed(name: str, rtype: str, **more: object) -> bytes:
    """A query with its length before it; `more` is for dnspython's `make_query`."""
    wire = dns.message.make_query(name, rtype, **more).to_wire()
    return len(wire).to_bytes(2, "big") + wire


async def read_message(reader: asyncio.StreamReader) -> bytes:
    """The next message. Raises `IncompleteReadError` when the stream ends before."""
    length = await asyncio.wait_for(reader.readexactly(2), BOUND_SECONDS)
    return await asyncio.wait_for(reader.readexactly(int.from_bytes(length, "big")), BOUND_SECONDS)


async def read_end(reader: asyncio.StreamReader) -> bytes:
    """What comes before the server ends the stream."""
    return await asyncio.wait_for(reader.read(), BOUND_SECONDS)


async def until(condition: Callable[[], object]) -> None:
    """Wait for what has no event."""
    async with asyncio.timeout(BOUND_SECONDS):
        while not condition():  # noqa: ASYNC110  what is waited for has no event
            await asyncio.sleep(0.005)
