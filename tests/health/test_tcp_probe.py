import asyncio
import contextlib

import pytest

from gslb.health.probes import PROBES


def probe(script, timeout=5.0, target="127.0.0.1", **options):
    async def run():
        server = await asyncio.start_server(script, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        try:
            return await PROBES["tcp"].run(target, PROBES["tcp"].options(port=port, **options), timeout)
        finally:
            server.close()

    return asyncio.run(run())


async def echoes(reader, writer):
    with contextlib.suppress(OSError):
        while chunk := await reader.read(100):
            writer.write(chunk.upper())
    writer.close()


async def greets(reader, writer):
    for part in (b"220 mail.exa", b"mple.test ESMTP\r\n"):
        writer.write(part)
        await writer.drain()
        await asyncio.sleep(0.02)
    writer.close()


async def floods(reader, writer):
    with contextlib.suppress(OSError):
        while True:
            writer.write(b"z" * 65536)
            await writer.drain()


async def silent(reader, writer):
    await reader.read()
    writer.close()


@pytest.mark.parametrize(
    ("script", "options", "ok", "reason"),
    [
        (silent, {}, True, "connected"),
        (greets, {"expect": "220 "}, True, "connected, got '220 '"),
        (greets, {"expect": "example.test"}, True, "connected, got 'example.test'"),
        (greets, {"expect": "250 "}, False, "closed before it sent '250 ', after '220 mail.example.test ESMTP\\r\\n'"),
        (echoes, {"send": "ping\r\n", "expect": "PING"}, True, "connected, got 'PING'"),
        (silent, {"expect": "x"}, False, "timed out after 0.5 s waiting for 'x'"),
        (floods, {"expect": "x"}, False, "no 'x' in the first 65536 octets"),
    ],
)
def test_the_connection_and_the_text_decide(script, options, ok, reason):
    result = probe(script, 0.5, **options)
    assert (result.ok, reason in result.reason) == (ok, True), result
    assert 0 < result.latency_seconds < 3


def test_a_name_is_resolved():
    assert probe(silent, target="localhost").ok


def test_a_refused_connection_is_down_with_the_reason():
    async def run():
        server = await asyncio.start_server(silent, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        server.close()
        await server.wait_closed()
        return await PROBES["tcp"].run("127.0.0.1", PROBES["tcp"].options(port=port), 2)

    assert asyncio.run(run()).reason == "connection refused"
