"""Talking to a running node over its control socket."""

import asyncio
from pathlib import Path
from typing import Any

import aiohttp

from gslb.api.control import SOCKET_NAME, short_path

TIMEOUT_SECONDS = 30.0


class NodeUnreachableError(Exception):
    """No node answers, or it refused; the message says what to do."""


def call(
    state_dir: Path,
    method: str,
    path: str,
    *,
    body: dict[str, Any] | None = None,
    query: dict[str, str] | None = None,
) -> dict[str, Any]:
    """One request to the node that uses `state_dir`. Raises `NodeUnreachableError`."""
    return asyncio.run(request(state_dir, method, path, body=body, query=query))


async def request(
    state_dir: Path,
    method: str,
    path: str,
    *,
    body: dict[str, Any] | None = None,
    query: dict[str, str] | None = None,
    timeout_seconds: float = TIMEOUT_SECONDS,
) -> dict[str, Any]:
    """As `call`, on the event loop that runs. Raises `NodeUnreachableError`."""
    shortest = short_path(state_dir / SOCKET_NAME)
    timeout = aiohttp.ClientTimeout(total=timeout_seconds)
    try:
        async with (
            aiohttp.ClientSession(connector=aiohttp.UnixConnector(shortest), timeout=timeout) as session,
            session.request(method, f"http://node{path}", json=body, params=query) as response,
        ):
            answer: dict[str, Any] = await response.json()
    except PermissionError:
        raise NodeUnreachableError(
            f"may not open {shortest}: run this as the user the node runs as, or as root"
        ) from None
    except TimeoutError:
        raise NodeUnreachableError(f"the node at {shortest} did not answer in {timeout_seconds:g} s") from None
    except (aiohttp.ClientConnectionError, FileNotFoundError, ConnectionError):
        raise NodeUnreachableError(
            f"no node answers at {shortest}: is it running with this configuration? Start one with `gslb serve`"
        ) from None
    if response.status != 200:
        raise NodeUnreachableError(str(answer.get("error", f"the node answered {response.status}")))
    return answer
