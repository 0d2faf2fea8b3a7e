"""Talking to a running node over its control socket."""

import asyncio
import errno
from pathlib import Path
from typing import Any

import aiohttp

from gslb.api.control import SOCKET_NAME, short_path

TIMEOUT_SECONDS = 30.0
_REFUSALS = {errno.EACCES, errno.EPERM}


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
    except TimeoutError:
        raise NodeUnreachableError(f"the node at {shortest} did not answer in {timeout_seconds:g} s") from None
    except (aiohttp.ClientConnectionError, FileNotFoundError, ConnectionError) as error:
        raise NodeUnreachableError(_why_not(shortest, error)) from None
    if response.status != 200:
        raise NodeUnreachableError(str(answer.get("error", f"the node answered {response.status}")))
    return answer


def _why_not(path: str, error: Exception) -> str:
    """No connection: with what would be right. The client wraps what the kernel says, but for its number."""
    if getattr(error, "errno", None) in _REFUSALS:
        return f"may not open {path}: permission denied; run this as root, or as the user that the node runs as"
    return f"no node answers at {path}: is it running with this configuration? Start one with `gslb serve`"
