import asyncio

import pytest

from gslb.health.probes import PROBES


@pytest.fixture
def probe(serve):
    """One probe of a server that runs `script`."""

    def attempt(script, timeout=20.0, target="127.0.0.1", **options):
        async def run():
            async with serve(script) as port:
                return await PROBES["tcp"].run(target, PROBES["tcp"].options(port=port, **options), timeout)

        return asyncio.run(run())

    return attempt


async def echoes(reader, writer):
    while chunk := await reader.read(100):
        writer.write(chunk.upper())


async def greets(reader, writer):
    for part in (b"220 mail.exa", b"mple.test ESMTP\r\n"):
        writer.write(part)
        await writer.drain()
        await asyncio.sleep(0.02)


async def floods(reader, writer):
    while True:
        writer.write(b"z" * 65536)
        await writer.drain()


async def silent(reader, writer):
    await reader.read()


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
def test_the_connection_and_the_text_decide(probe, script, options, ok, reason):
    result = probe(script, 0.5 if "timed out" in reason else 20.0, **options)
    assert (result.ok, reason in result.reason) == (ok, True), result
    assert 0 < result.latency_seconds < 3


def test_a_name_is_resolved(probe):
    assert probe(silent, target="localhost").ok


def test_a_refused_connection_is_down_with_the_reason(serve):
    async def run():
        async with serve(silent) as port:
            pass
        return await PROBES["tcp"].run("127.0.0.1", PROBES["tcp"].options(port=port), 2)

    assert asyncio.run(run()).reason == "connection refused"
