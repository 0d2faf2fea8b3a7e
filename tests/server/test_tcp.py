"""TCP by RFC 7766: pipelining, transfers between queries, half-close, slow readers, limits; in one event loop."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import dns.message
import dns.rcode
import pytest
from stream_client import framed, read_end, read_message, until

from gslb.answer.compile import ZoneTable
from gslb.answer.table import AnswerTable
from gslb.metrics import Metrics
from gslb.server.responder import Responder
from gslb.server.tcp import STREAMS, TcpConnections, TcpLimits
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

    def answer(self, data, client, plain, *, udp, tls=""):
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
            messages = [await read_message(reader) for _ in range(2001)]
            (answer,) = [message for message in messages if len(message) < 10_000]
            assert dns.message.from_wire(answer).answer
            assert sum(len(message) for message in messages) == 20_000_000 + len(answer)
            assert await read_end(reader) == b""
            assert connections.responder.exchange.closed == [True]
            writer.close()

    asyncio.run(run())


def test_a_client_that_ends_its_half_may_take_its_time_over_the_last_answers(zone: Zone) -> None:
    async def run() -> None:
        async with serving(zone) as (port, connections):
            client = socket.socket()
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(("127.0.0.1", port))
            connection = await _first(connections)
            connection._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
            reader, writer = await asyncio.open_connection(sock=client, limit=1024)
            writer.write(framed("big.x.", "TXT") * 6)
            writer.write_eof()
            await until(lambda: connection._ended and connection._paused)
            for _ in range(6):
                assert len(await read_message(reader)) > 40_000
            assert await read_end(reader) == b""
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
            await until(lambda: not len(connections.places))  # cut off, not waited for without end
            writer.close()

    asyncio.run(run())


async def _first(connections: TcpConnections):
    await until(lambda: len(connections.places))
    return next(iter(connections.places))


def test_a_connection_without_a_whole_query_ends_however_it_trickles(zone: Zone) -> None:
    async def run() -> None:
        async with serving(zone, TcpLimits(idle_seconds=0.3)) as (port, connections):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            query = framed("ns.x.", "A")

            async def trickle() -> None:
                with contextlib.suppress(ConnectionError):
                    for octet in query[:-1]:
                        writer.write(bytes((octet,)))
                        await writer.drain()
                        await asyncio.sleep(0.05)

            task = asyncio.create_task(trickle())
            with contextlib.suppress(ConnectionResetError):  # by an octet that crossed our end
                assert await read_end(reader) == b""
            await until(lambda: not len(connections.places))
            task.cancel()
            writer.close()

    asyncio.run(run())


def test_connections_of_one_client_are_capped_and_places_come_free(zone: Zone) -> None:
    async def run() -> None:
        async with serving(zone, TcpLimits(per_client=3)) as (port, connections):
            held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
            await until(lambda: len(connections.places) == 3)
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            with contextlib.suppress(ConnectionError):
                assert await read_end(reader) == b""
            writer.close()
            refused = connections.responder.metrics.tcp_refused.labels("client")._value.get()
            assert refused == 1
            held[0][1].close()
            await until(lambda: len(connections.places) == 2)
            await answers("127.0.0.1", port)
            for _, each in held[1:]:
                each.close()

    asyncio.run(run())


async def answers(host: str, port: int) -> None:
    """A new connection gets its answer."""
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(framed("ns.x.", "A"))
    assert dns.message.from_wire(await read_message(reader)).answer
    writer.close()


@pytest.fixture
def long_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections are not closed early when there are few places left."""
    monkeypatch.setattr("gslb.server.places.LEAST_IDLE_SECONDS", TcpLimits().idle_seconds)


@pytest.mark.usefixtures("long_idle")
def test_when_all_places_are_taken_the_longest_idle_connection_makes_room(zone: Zone) -> None:
    async def run() -> None:
        async with serving(zone, TcpLimits(connections=3)) as (port, connections):
            held = []
            for number in range(3):
                held.append(await asyncio.open_connection("127.0.0.1", port))
                await until(lambda number=number: len(connections.places) == number + 1)
            held[0][1].write(framed("ns.x.", "A"))  # the first has just been answered: now the second is idle longest
            await read_message(held[0][0])
            await answers("127.0.0.1", port)
            assert await read_end(held[1][0]) == b""
            held[0][1].write(framed("ns.x.", "A"))
            assert dns.message.from_wire(await read_message(held[0][0])).answer
            metrics = connections.responder.metrics
            assert metrics.tcp_evicted.labels("tcp")._value.get() == 1
            assert metrics.tcp_refused.labels("all")._value.get() == 0
            for _, each in held:
                each.close()

    asyncio.run(run())


def test_a_connection_that_makes_room_is_gone_at_once_though_its_client_does_not_read(zone: Zone) -> None:
    async def run() -> None:
        async with serving(zone, TcpLimits(connections=1, idle_seconds=60)) as (_, connections):
            for asked in (framed("ns.x.", "A"), b"\x00\x00"):  # the second is no query: that one is closing already
                connection, wire = connections.connection(), Wire()
                connection.connection_made(wire)
                connection.data_received(framed("ns.x.", "A"))
                connection.data_received(asked)
                await until(lambda wire=wire, connection=connection: wire.written and not connection.busy)
                connections.connection().connection_made(Wire())
                assert wire.aborted

    asyncio.run(run())


@pytest.mark.usefixtures("long_idle")
def test_a_connection_with_a_transfer_under_way_does_not_make_room(zone: Zone) -> None:
    async def run() -> None:
        async with serving(zone, TcpLimits(connections=2)) as (port, connections):
            held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
            for reader, writer in held:
                writer.write(framed("x.", "AXFR"))
                await read_message(reader)
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            with contextlib.suppress(ConnectionError):
                assert await read_end(reader) == b""
            assert connections.responder.metrics.tcp_refused.labels("all")._value.get() == 1
            assert connections.responder.exchange.closed == []
            for _, each in [*held, (reader, writer)]:
                each.close()

    asyncio.run(run())


def test_a_query_behind_a_transfer_is_answered_between_its_messages(zone: Zone) -> None:
    async def run() -> None:
        async with serving(zone) as (port, connections):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(framed("x.", "AXFR"))
            await read_message(reader)
            writer.write(framed("ns.x.", "A") * 3)
            messages = []
            while sum(len(message) < 10_000 for message in messages) < 3:
                messages.append(await read_message(reader))
            assert connections.responder.exchange.closed == []
            writer.close()

    asyncio.run(run())


def test_transfers_on_one_connection_go_on_side_by_side_and_more_of_them_wait(zone: Zone) -> None:
    async def run() -> None:
        async with serving(zone) as (port, connections):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            ids = [bytes((0, number)) for number in range(STREAMS + 2)]
            asked = [framed("x.", "AXFR", id=int.from_bytes(message_id, "big")) for message_id in ids]
            writer.write(b"".join(asked) + framed("ns.x.", "A", id=0xFFFF))
            seen = [(await read_message(reader))[:2] for _ in range(10 * STREAMS)]
            assert set(ids[:STREAMS]) <= set(seen)
            assert not set(ids[STREAMS:]) & set(seen)  # they wait, and the query behind them does not
            assert len(set(seen)) == STREAMS + 1
            ended = [seen.count(message_id) for message_id in ids[:STREAMS]]
            assert max(ended) - min(ended) <= 2
            rest = [(await read_message(reader))[:2] for _ in range(2000 * (STREAMS + 2) + 1 - len(seen))]
            assert all((seen + rest).count(message_id) == 2000 for message_id in ids)
            writer.close()
            await until(lambda: connections.responder.exchange.closed == [True] * (STREAMS + 2))

    asyncio.run(run())


def test_a_transfer_that_takes_longer_than_it_may_is_broken_off(zone: Zone) -> None:
    async def run() -> None:
        async with serving(zone, TcpLimits(transfer_seconds=0.3)) as (port, connections):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(framed("x.", "AXFR"))
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                while True:  # it takes a message now and then, so it is never idle
                    await read_message(reader)
                    await asyncio.sleep(0.01)
            await until(lambda: connections.responder.exchange.closed == [False])
            writer.close()

    asyncio.run(run())


def test_a_flood_of_pipelined_queries_lets_others_have_their_turn(zone: Zone) -> None:
    async def run() -> None:
        async with serving(zone) as (port, _):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            count = 5000
            writer.write(framed("no.x.", "A") * count)
            turns = 0

            async def turn() -> None:
                nonlocal turns
                while True:
                    turns += 1
                    await asyncio.sleep(0)

            other = asyncio.create_task(turn())
            before = turns
            for _ in range(count):
                await read_message(reader)
            assert turns - before > 50  # of about a millisecond each
            other.cancel()
            writer.close()

    asyncio.run(run())


class Wire:
    """A transport whose client takes nothing."""

    def __init__(self) -> None:
        self.written = b""
        self.closed = self.aborted = False

    def get_extra_info(self, name: str) -> tuple[str, int]:
        return ("192.0.2.1", 5353)

    def write(self, data: bytes) -> None:
        self.written += data

    def get_write_buffer_size(self) -> int:
        return len(self.written)

    def is_closing(self) -> bool:
        return self.closed

    def is_reading(self) -> bool:
        return True

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = self.aborted = True


def test_a_client_that_does_not_take_the_last_answers_is_cut_off(zone: Zone) -> None:
    async def run() -> None:
        async with serving(zone, TcpLimits(idle_seconds=0.2)) as (_, connections):
            connection, wire = connections.connection(), Wire()
            connection.connection_made(wire)
            connection.data_received(framed("ns.x.", "A"))
            await until(lambda: wire.closed)
            assert wire.written
            assert not wire.aborted
            await until(lambda: wire.aborted)

    asyncio.run(run())


def test_nothing_more_is_written_to_a_client_that_is_gone(zone: Zone) -> None:
    class Broken(Wire):
        """Its client is found gone at the first write; asyncio warns of each one after that."""

        def write(self, data: bytes) -> None:
            super().write(data)
            self.closed = True

    async def run() -> None:
        async with serving(zone) as (_, connections):
            connection, wire = connections.connection(), Broken()
            connection.connection_made(wire)
            query = framed("ns.x.", "A")
            connection.data_received(query * 50)
            await until(lambda: connection._step not in connections.turns)
            assert len(wire.written) == 2 + int.from_bytes(wire.written[:2], "big")
            connection.connection_lost(None)

    asyncio.run(run())


def test_length_and_message_leave_in_one_write(zone: Zone) -> None:
    class Counting(Wire):
        writes = 0

        def write(self, data: bytes) -> None:
            self.writes += 1
            super().write(data)

    async def run() -> None:
        async with serving(zone) as (_, connections):
            connection, wire = connections.connection(), Counting()
            connection.connection_made(wire)
            connection.data_received(framed("ns.x.", "A"))
            await until(lambda: wire.written)
            assert wire.writes == 1
            assert len(wire.written) == 2 + int.from_bytes(wire.written[:2], "big")

    asyncio.run(run())


@pytest.mark.parametrize("octets", [b"\x00\x00", b"\x00\x01\x00", b"\x00\x0c" + b"\xff" * 12])
def test_what_is_no_query_ends_the_connection(zone: Zone, octets: bytes) -> None:
    async def run() -> None:
        async with serving(zone) as (port, _):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(octets)
            assert await read_end(reader) == b""
            writer.close()

    asyncio.run(run())
