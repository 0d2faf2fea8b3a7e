"""Monitors and small targets for the tests of health."""

import asyncio
import contextlib
import json
import os
import time
from pathlib import Path

import pytest
from ports import free_port

from gslb.health.hysteresis import Track
from gslb.steering.conditions import Health, Verdict
from gslb.zone.steered import Monitor


@pytest.fixture
def monitor():
    """Make a monitor: `monitor("127.0.0.1", port=80)`."""

    def make(target="127.0.0.1", kind="tcp", interval=10.0, timeout=2.0, rise=2, fall=3, **options):
        return Monitor(kind, target, json.dumps(options or {"port": 1}), interval, timeout, rise, fall)

    return make


@pytest.fixture
def track():
    """Make a track: `track("up", checked=5.0)`."""

    def make(health="up", reason="said so", since=1.0, checked=2.0, failures=0, successes=0):
        return Track(Verdict(Health(health), since, reason, checked), failures, successes)

    return make


@pytest.fixture
def until():
    """Wait on the event loop for a condition: `await until(lambda: ...)`."""

    async def wait(condition, seconds=60.0):
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "the condition did not come true in time"
            await asyncio.sleep(0.01)

    return wait


@pytest.fixture
def is_alive():
    """True while a process runs: neither gone nor a zombie."""

    def look(pid):
        try:
            os.kill(pid, 0)
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
        except (ProcessLookupError, FileNotFoundError):
            return False

    return look


@contextlib.asynccontextmanager
async def listening(script, host="127.0.0.1", tls=None):
    """A TCP server that runs `script(reader, writer)` for each connection and leaves nothing behind; yields its
    port."""
    tasks = set()

    async def connected(reader, writer):
        task = asyncio.current_task()
        tasks.add(task)
        try:
            with contextlib.suppress(asyncio.CancelledError, OSError, asyncio.IncompleteReadError):
                await script(reader, writer)
        finally:
            tasks.discard(task)
            writer.close()
            if writer.transport.get_write_buffer_size():
                writer.transport.abort()

    server = await asyncio.start_server(connected, host, free_port(), ssl=tls, backlog=1000)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        while tasks:
            for task in list(tasks):
                task.cancel()
            await asyncio.wait(set(tasks))
        await asyncio.sleep(0.01)  # closed transports let go of their sockets on the next rounds of the loop


@pytest.fixture
def serve():
    """`async with serve(script) as port:`"""
    return listening


class Target:
    """An HTTP server on loopback whose status can be set; None: it takes connections and says nothing."""

    def __init__(self):
        self.status = 200
        self._server = listening(self._answer)

    async def __aenter__(self):
        self.port = await self._server.__aenter__()
        return self

    async def __aexit__(self, *raised):
        await self._server.__aexit__(*raised)

    async def _answer(self, reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        if self.status is None:
            await reader.read()
        else:
            writer.write(f"HTTP/1.1 {self.status} Said\r\nContent-Length: 0\r\n\r\n".encode())


@pytest.fixture
def target():
    return Target
