"""The control socket: how the commands talk to a running node. HTTP with JSON over a Unix socket in `state_dir`.

The socket's mode is 0600: whoever may open it may do everything. A refused request gets `{"error": …}` saying what
would be accepted.
"""

import asyncio
import json
import os
import socket
from pathlib import Path
from typing import Any, Protocol

from aiohttp import web

SOCKET_NAME = "control.sock"


class ControlError(Exception):
    """A request that cannot be carried out; the message says what would be."""


class Controlled(Protocol):
    """What a node offers to its commands. All results are plain JSON values."""

    async def status(self) -> dict[str, Any]: ...

    def explain(self, name: str, rtype: str, client: str | None) -> dict[str, Any]: ...

    def set_override(self, request: dict[str, Any]) -> dict[str, Any]: ...

    def clear_override(self, request: dict[str, Any]) -> dict[str, Any]: ...

    async def reload(self) -> dict[str, Any]: ...

    async def cluster_status(self) -> dict[str, Any]: ...


def control_app(node: Controlled) -> web.Application:
    """The routes of the control socket."""

    async def status(_: web.Request) -> web.Response:
        return await _written(await node.status())

    async def explain(request: web.Request) -> web.Response:
        query = request.query
        return web.json_response(node.explain(query.get("name", ""), query.get("type", "A"), query.get("client")))

    async def set_override(request: web.Request) -> web.Response:
        return web.json_response(node.set_override(await _asked(request)))

    async def clear_override(request: web.Request) -> web.Response:
        return web.json_response(node.clear_override(await _asked(request)))

    async def reload(_: web.Request) -> web.Response:
        return web.json_response(await node.reload())

    async def cluster(_: web.Request) -> web.Response:
        return await _written(await node.cluster_status())

    @web.middleware
    async def say_errors(request: web.Request, handler: Any) -> web.StreamResponse:
        try:
            response: web.StreamResponse = await handler(request)
        except (ControlError, ValueError) as error:
            return web.json_response({"error": str(error)}, status=400)
        return response

    app = web.Application(middlewares=[say_errors])
    app.router.add_get("/status", status)
    app.router.add_get("/explain", explain)
    app.router.add_post("/override", set_override)
    app.router.add_delete("/override", clear_override)
    app.router.add_post("/reload", reload)
    app.router.add_get("/cluster", cluster)
    return app


async def _written(value: dict[str, Any]) -> web.Response:
    """A value that may be large: it is written in a thread, while queries are answered."""
    return web.json_response(text=await asyncio.to_thread(_json, value))


def _json(value: dict[str, Any]) -> str:
    """The value as JSON, lists row by row: in one go the interpreter would give nobody else a turn."""
    return "{" + ", ".join([f"{json.dumps(key)}: {_json_of(each)}" for key, each in value.items()]) + "}"


def _json_of(value: Any) -> str:
    if isinstance(value, list):
        return "[" + ", ".join([json.dumps(row) for row in value]) + "]"
    return json.dumps(value)


async def _asked(request: web.Request) -> dict[str, Any]:
    """The JSON object that a request brings. Raises `ControlError`."""
    try:
        asked = await request.json()
    except (ValueError, LookupError, RecursionError):  # of json, of the text's encoding
        asked = None
    if not isinstance(asked, dict):
        raise ControlError('the body of a request is a JSON object: {"name": "www.example.com", "member": "192.0.2.1"}')
    return asked


def control_socket(state_dir: Path) -> socket.socket:
    """Bind the control socket; one left by a node that was killed is replaced. Raises `OSError`."""
    path = state_dir / SOCKET_NAME
    path.unlink(missing_ok=True)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        sock.bind(short_path(path))
    finally:
        os.umask(before)
    return sock


def short_path(path: Path) -> str:
    """A path that fits the 107 octets of a Unix socket address: relative where that is shorter."""
    return min(str(path), os.path.relpath(path), key=len)
