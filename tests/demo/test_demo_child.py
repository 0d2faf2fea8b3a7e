"""Processes of the demo: ready when they say so, killed for real, and told of when they fail."""

import asyncio
import socket

import pytest
from ports import free_port

from gslb.demo.child import Child, ChildError

ADDRESS = "127.0.0.1"


def backend(log, port):
    return Child("backend", "gslb.demo.backend", (ADDRESS, str(port)), log)


def test_a_backend_answers_when_start_returns_is_gone_after_a_kill_and_comes_back(tmp_path):
    async def run():
        port = free_port()
        child = backend(tmp_path / "log", port)
        assert child.kill() is False
        await child.start(speaks=True)
        first = child.pid
        assert await get(port, "/health") == b"ok\n"
        assert child.kill() is True
        await child.stop()
        assert (child.pid, child.how_it_ended) == (None, "killed by SIGKILL")
        with pytest.raises(ConnectionRefusedError):
            await get(port, "/")
        await child.start(speaks=True)
        assert child.pid not in {None, first}
        assert await get(port, "/") == f"backend {ADDRESS} port {port}\n".encode()
        await child.stop()
        assert child.how_it_ended == "exited with status 0"

    asyncio.run(run())


async def get(port, path):
    reader, writer = await asyncio.open_connection(ADDRESS, port)
    writer.write(f"GET {path} HTTP/1.0\r\n\r\n".encode())
    reply = await reader.read()
    writer.close()
    return reply.partition(b"\r\n\r\n")[2]


def test_one_that_does_not_start_tells_its_last_words(tmp_path):
    with socket.create_server((ADDRESS, 0)) as taken:
        child = backend(tmp_path / "log", taken.getsockname()[1])
        with pytest.raises(
            ChildError, match=r"backend did not start \(exited with status 1\): .*Address already in use"
        ):
            asyncio.run(child.start(speaks=True))


def test_one_whose_start_is_cancelled_can_still_be_stopped(tmp_path):
    async def run():
        child = backend(tmp_path / "log", free_port())
        starting = asyncio.create_task(child.start(speaks=True))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting
        assert child.pid is not None
        await child.stop()
        assert child.how_it_ended

    asyncio.run(run())
