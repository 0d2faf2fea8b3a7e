"""TCP by RFC 7766: pipelining, half-close, slow readers, limits. A real server and sockets in one event loop."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import dns.message
import dns.rcode
import pytest

from gslb.answer.compile import ZoneTable
from gslb.answer.table import AnswerTable
from gslb.metrics import Metrics
from gslb.server.responder import Responder
from gslb.server.tcp import TcpConnections, TcpLimits
from gslb.steering.conditions import Conditions
from gslb.transfer.exchange import Exchange, Stream
from gslb.zone.zone import Zone

LINES = "x. 60 SOA ns.x. ops.x. 1 1 1 1 1\nx. 60 NS ns.x.\nns.x. 60 A 192.0.2.1\n" + "".join(
    f'big.x. 60 TXT "{number:03d}{"x" * 200}"\n' for number in range(200)
)


class Transfers(Exchange):
    """Answers every AXFR with a stream of 2,000 messages of 10,000 octets; `closed` tells how each went."""

    def __init__(self) -> None:
        super().__init__(lambda _: None, lambda *_: None, lambda *_: None)
        self.closed: list[bool] = []

    def answer(self, data, client, plain, *, udp):
        return Stream((data[:2] + bytes(9998) for _ in range(2000)), self.closed.append)


@contextlib.asynccontextmanager
async def serving(zone: Zone, limits: TcpLimits | None = None) -> AsyncIterator[tuple[int, TcpConnections]]:
    responder = Responder(Metrics())
    responder.table = AnswerTable().with_zone(ZoneTable(zone), Conditions())
    responder.exchange = Transfers()
    connections = TcpConnections(responder, limits or TcpLimits())
    server = await asyncio.get_running_loop().create_server(connections.connection, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], connections
    finally:
        server.close()
        connections.close()
        await asyncio.sleep(0)


def framed(name: str, rtype: str) -> bytes:
    wire = dns.message.make_query(name, rtype).to_wire()
    return len(wire).to_bytes(2, "big") + wire


async def read_message(reader: asyncio.StreamReader) -> bytes:
    length = await asyncio.wait_for(reader.readexactly(2), 5)
    return await asyncio.wait_for(reader.readexactly(int.from_bytes(length, "big")), 5)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110  what is waited for has no event
            await asyncio.sleep(0.005)


@pytest.fixture
def zone(zone_of) -> Zone:
    return zone_of(LINES)


def test_queries_that_come_in_pieces_and_together_are_answered_in_order(zone: Zone) -> None:
    async def run() -> None:
        async with serving(zone) as (port, _):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            stream = b"".join(framed(f"n{number}.x.", "A") for number in range(20))
            for at in range(0, len(stream), 11):
                writer.write(stream[at : at + 11])
                await asyncio.sleep(0)
            for number in range(20):
                reply = dns.message.from_wire(await read_message(reader))
                assert reply.question[0].name.to_text() == f"n{number}.x."
                assert reply.rcode() == dns.rcode.NXDOMAIN
            writer.close()

    asyncio.run(run())


def test_a_client_that_ends_its_half_still_gets_every_answer(zone: Zone) -> None:
    async def run() -> None:
        async with serving(zone) as (port, connections):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(framed("x.", "AXFR") + framed("ns.x.", "A"))
            writer.write_eof()
            got = 0
            for _ in range(2000):
                got += len(await read_message(reader))
            assert got == 20_000_000
            assert dns.message.from_wire(await read_message(reader)).answer
            assert await asyncio.wait_for(reader.read(1), 5) == b""
            assert connections.responder.exchange.closed == [True]
            writer.close()

    asyncio.run(run())


def test_queries_of_others_pass_between_the_messages_of_a_transfer(zone: Zone) -> None:
    async def run() -> None:
        async with serving(zone) as (port, connections):
            slow_reader, slow_writer = await asyncio.open_connection("127.0.0.1", port)
            slow_writer.write(framed("x.", "AXFR"))
            await read_message(slow_reader)
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(framed("ns.x.", "A"))
            assert dns.message.from_wire(await read_message(reader)).answer
            assert connections.responder.exchange.closed == []  # the transfer goes on: nobody reads it
            slow_writer.close()
            writer.close()
            await until(lambda: connections.responder.exchange.closed == [False])

    asyncio.run(run())


def test_the_queries_of_a_client_that_does_not_read_wait(zone: Zone) -> None:
    async def run() -> None:
        async with serving(zone, TcpLimits(idle_seconds=0.5)) as (port, connections):
            _, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
            writer.write(framed("big.x.", "TXT") * 2000)  # 2,000 answers of 40 kB, and not one is read
            (connection,) = [await _first(connections)]
            await until(lambda: connection._paused)
            assert connection._transport.get_write_buffer_size() < 1_000_000
            await until(lambda: not connections._open)  # cut off, not waited for without end
            writer.close()

    asyncio.run(run())


async def _first(connections: TcpConnections):
    await until(lambda: connections._open)
    return next(iter(connections._open))


def test_a_connection_without_a_whole_query_ends_however_it_trickles(zone: Zone) -> None:
    async def run() -> None:
        async with serving(zone, TcpLimits(idle_seconds=0.3)) as (port, _):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            query = framed("ns.x.", "A")

            async def trickle() -> None:
                with contextlib.suppress(ConnectionError):
                    for octet in query[:-1]:
                        writer.write(bytes((octet,)))
                        await writer.drain()
                        await asyncio.sleep(0.05)

            task = asyncio.create_task(trickle())
            assert await asyncio.wait_for(reader.read(1), 5) == b""
            task.cancel()
            writer.close()

    asyncio.run(run())


@pytest.mark.parametrize(("limits", "limit"), [(TcpLimits(connections=3), "all"), (TcpLimits(per_client=3), "client")])
def test_connections_are_capped_and_places_come_free(zone: Zone, limits: TcpLimits, limit: str) -> None:
    async def run() -> None:
        async with serving(zone, limits) as (port, connections):
            held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
            await until(lambda: len(connections._open) == 3)
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            with contextlib.suppress(ConnectionError):
                assert await asyncio.wait_for(reader.read(1), 5) == b""
            writer.close()
            refused = connections.responder.metrics.tcp_refused.labels(limit)._value.get()
            assert refused == 1
            held[0][1].close()
            await until(lambda: len(connections._open) == 2)
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(framed("ns.x.", "A"))
            assert dns.message.from_wire(await read_message(reader)).answer
            for _, each in [*held[1:], (reader, writer)]:
                each.close()

    asyncio.run(run())


@pytest.mark.parametrize("octets", [b"\x00\x00", b"\x00\x01\x00", b"\x00\x0c" + b"\xff" * 12])
def test_what_is_no_query_ends_the_connection(zone: Zone, octets: bytes) -> None:
    async def run() -> None:
        async with serving(zone) as (port, _):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(octets)
            assert await asyncio.wait_for(reader.read(1), 5) == b""
            writer.close()

    asyncio.run(run())
