"""DNS over TLS: the same connections as TCP, behind a handshake. A real server and clients in one event loop."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import dns.edns
import dns.message
import dns.rcode
import pytest
from certificates import SERVER_NAME, Authority, authority, client_context
from stream_client import BOUND_SECONDS, framed, read_end, read_message, until

from gslb.answer.compile import ZoneTable
from gslb.answer.table import AnswerTable
from gslb.config.problems import Findings
from gslb.config.tls import TlsSchema, read_tls
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
    """Answers every AXFR with a stream of 300 messages of 10,000 octets; `spoken` is what they came over."""

    def __init__(self) -> None:
        super().__init__(lambda _: None, lambda *_: None, lambda *_: None)
        self.closed: list[bool] = []
        self.spoken: list[str] = []

    def answer(self, data, client, plain, *, udp, tls=""):
        self.spoken.append(tls)
        return Stream((data[:2] + bytes(9998) for _ in range(300)), self.closed.append)


@pytest.fixture(scope="module")
def made(tmp_path_factory, tool) -> Authority:
    return authority(tmp_path_factory.mktemp("authority"), tool("openssl"))


@pytest.fixture
def context(tmp_path: Path, made: Authority) -> ssl.SSLContext:
    return server_context(tmp_path, made)


def server_context(folder: Path, made: Authority, common_name: str = SERVER_NAME) -> ssl.SSLContext:
    made.issue(folder / "cert.pem", folder / "key.pem", common_name)
    schema = TlsSchema(certificate=folder / "cert.pem", key=folder / "key.pem")
    settings = read_tls(schema, folder / "gslb.yaml", Findings(""), 1)
    assert settings is not None
    return settings.context


class Server:
    """Connections over TLS at `port`; `context` may be replaced."""

    def __init__(self, zone: Zone, context: ssl.SSLContext, limits: TcpLimits) -> None:
        responder = Responder(Metrics())
        responder.table = AnswerTable().with_zone(ZoneTable(zone), Conditions())
        responder.exchange = Transfers()
        self.context = context
        self.connections = TcpConnections(responder, limits)
        self.port = 0

    def handshakes(self) -> dict[str, float]:
        samples = self.connections.responder.metrics.tls_handshakes.collect()[0].samples
        return {sample.labels["result"]: sample.value for sample in samples if sample.name.endswith("_total")}


@contextlib.asynccontextmanager
async def serving(zone: Zone, context: ssl.SSLContext, limits: TcpLimits | None = None) -> AsyncIterator[Server]:
    found = Server(zone, context, limits or TcpLimits())
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: found.connections.connection(found.context), "127.0.0.1", 0)
    found.port = server.sockets[0].getsockname()[1]
    try:
        yield found
    finally:
        server.close()
        found.connections.close()
        await asyncio.sleep(0)


async def connect(port: int, made: Authority, **more: object):
    found = client_context(made, **more)
    found.set_alpn_protocols(["dot"])
    return await asyncio.open_connection("127.0.0.1", port, ssl=found, server_hostname=SERVER_NAME)


class ByHand:
    """A client whose TLS is done by hand, so that it can leave it halfway."""

    def __init__(self, made: Authority, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = client_context(made).wrap_bio(self._incoming, self._outgoing, server_hostname=SERVER_NAME)

    @classmethod
    async def connected(cls, made: Authority, port: int, **more: object) -> "ByHand":
        """After the handshake."""
        client = cls(made, *await asyncio.open_connection("127.0.0.1", port, **more))
        while True:
            try:
                client.tls.do_handshake()
            except ssl.SSLWantReadError:
                client.send()
                client._incoming.write(await asyncio.wait_for(client.reader.read(65536), BOUND_SECONDS))
            else:
                return client

    def send(self, more: bytes = b"") -> None:
        """Send what the session has written, and some octets outside of it."""
        self.writer.write(self._outgoing.read() + more)

    def end_our_half(self) -> None:
        with contextlib.suppress(ssl.SSLWantReadError):
            self.tls.unwrap()
        self.send()


@pytest.fixture
def zone(zone_of) -> Zone:
    return zone_of(LINES)


def test_pipelined_queries_are_answered_and_dot_is_agreed(zone: Zone, context, made: Authority) -> None:
    async def run() -> None:
        async with serving(zone, context) as server:
            reader, writer = await connect(server.port, made)
            session = writer.get_extra_info("ssl_object")
            assert (session.version(), session.selected_alpn_protocol()) == ("TLSv1.3", "dot")
            stream = b"".join(framed(f"n{number}.x.", "A") for number in range(50)) + framed("big.x.", "TXT")
            for at in range(0, len(stream), 97):
                writer.write(stream[at : at + 97])
                await asyncio.sleep(0)
            for number in range(50):
                reply = dns.message.from_wire(await read_message(reader))
                assert reply.question[0].name.to_text() == f"n{number}.x."
            assert len(await read_message(reader)) > 40_000
            assert server.handshakes() == {"ok": 1}
            writer.close()
            await until(lambda: not len(server.connections.places))
            server.connections.fold()
            sample = {"transport": "tls", "type": "A", "rcode": "NXDOMAIN", "zone": "x."}
            assert server.connections.responder.metrics.registry.get_sample_value("gslb_queries_total", sample) == 50

    asyncio.run(run())


def test_tls_1_2_is_served_and_older_is_not(zone: Zone, context, made: Authority) -> None:
    async def run() -> None:
        async with serving(zone, context) as server:
            reader, writer = await connect(server.port, made, maximum_version=ssl.TLSVersion.TLSv1_2)
            writer.write(framed("ns.x.", "A") + framed("x.", "AXFR"))
            assert dns.message.from_wire(await read_message(reader)).answer
            await read_message(reader)
            assert server.connections.responder.exchange.spoken == ["TLSv1.2/dot"]
            writer.close()
            old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
            old.set_ciphers("ALL:@SECLEVEL=0")
            old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
            with pytest.raises((ssl.SSLError, ConnectionError)):
                await asyncio.open_connection("127.0.0.1", server.port, ssl=old)
            await until(lambda: server.handshakes().get("failed") == 1)

    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        asyncio.run(run())


def test_what_is_no_handshake_is_counted_and_not_logged_as_a_fault(zone: Zone, context, caplog) -> None:
    async def run() -> None:
        async with serving(zone, context) as server:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(framed("ns.x.", "A"))
            with contextlib.suppress(ConnectionError):
                await read_end(reader)
            writer.close()
            _, writer = await asyncio.open_connection("127.0.0.1", server.port)
            await until(lambda: len(server.connections.places) == 1)
            writer.close()
            await until(lambda: server.handshakes() == {"failed": 1, "left": 1})

    asyncio.run(run())
    assert not caplog.records


def test_a_handshake_that_trickles_ends(zone: Zone, context) -> None:
    async def run() -> None:
        async with serving(zone, context, TcpLimits(idle_seconds=0.3)) as server:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)

            async def trickle() -> None:
                for octet in b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc":
                    writer.write(bytes((octet,)))
                    await asyncio.sleep(0.05)

            task = asyncio.create_task(trickle())
            with contextlib.suppress(ConnectionResetError):  # by an octet that crossed our end
                assert await read_end(reader) == b""
            await until(lambda: server.handshakes() == {"timeout": 1})
            await until(lambda: not len(server.connections.places))
            task.cancel()
            writer.close()

    asyncio.run(run())


def test_a_handshake_that_is_not_through_takes_a_place(zone: Zone, context, made: Authority) -> None:
    async def run() -> None:
        async with serving(zone, context, TcpLimits(per_client=1)) as server:
            _, first = await asyncio.open_connection("127.0.0.1", server.port)
            first.write(b"\x16\x03\x01")
            await until(lambda: len(server.connections.places))
            with pytest.raises((ConnectionError, ssl.SSLError)):
                await connect(server.port, made)
            first.close()
            await until(lambda: not len(server.connections.places))
            reader, writer = await connect(server.port, made)
            writer.write(framed("ns.x.", "A"))
            assert dns.message.from_wire(await read_message(reader)).answer
            writer.close()

    asyncio.run(run())


def test_a_client_that_says_it_is_done_gets_its_answers_and_our_end(zone: Zone, context, made: Authority) -> None:
    async def run() -> None:
        async with serving(zone, context) as server:
            client = await ByHand.connected(made, server.port)
            client.tls.write(framed("x.", "AXFR") + framed("ns.x.", "A"))
            client.end_our_half()  # the server's goes on
            assert len(await read_end(client.reader)) > 3_000_000
            assert server.connections.responder.exchange.closed == [True]
            assert server.connections.responder.exchange.spoken == ["TLSv1.3"]
            client.writer.close()

    asyncio.run(run())


def test_what_follows_the_end_of_a_session_is_not_kept(zone: Zone, context, made: Authority) -> None:
    async def run() -> None:
        async with serving(zone, context) as server:
            client = await ByHand.connected(made, server.port, limit=1024)
            client.tls.write(framed("x.", "AXFR") * 4)  # nobody reads them, so the connection stays open
            client.send()
            (connection,) = server.connections.places
            await until(lambda: connection._paused)
            client.end_our_half()
            kept = 0
            for _ in range(300):
                client.send(bytes(100_000))
                await asyncio.sleep(0.001)
                kept = max(kept, connection._tls._incoming.pending + len(connection._sealed))
            assert kept < 1_000_000
            client.writer.transport.abort()

    asyncio.run(run())


class Wire:
    """A transport that keeps what is written until `take`."""

    def __init__(self) -> None:
        self.written = b""
        self.closed = False
        self.reading = True

    def get_extra_info(self, name: str) -> tuple[str, int]:
        return ("192.0.2.1", 5353)

    def write(self, data: bytes) -> None:
        self.written += data

    def take(self) -> bytes:
        taken, self.written = self.written, b""
        return taken

    def get_write_buffer_size(self) -> int:
        return len(self.written)

    def is_closing(self) -> bool:
        return self.closed

    def is_reading(self) -> bool:
        return self.reading

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def close(self) -> None:
        self.closed = True

    abort = close


def test_a_turn_looks_at_little_of_what_came_however_small_its_records_are(
    zone: Zone, context, made: Authority
) -> None:
    async def run() -> None:
        async with serving(zone, context) as server:
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            client = client_context(made).wrap_bio(incoming, outgoing, server_hostname=SERVER_NAME)
            connection, wire = server.connections.connection(server.context), Wire()
            connection.connection_made(wire)
            while not connection._tls.established:
                with contextlib.suppress(ssl.SSLWantReadError):
                    client.do_handshake()
                connection.data_received(outgoing.read())
                await until(lambda: connection._step not in server.connections.turns)
                incoming.write(wire.take())
            asked = framed("ns.x.", "A") * 200
            for octet in asked:  # a record each, of 23 octets
                client.write(bytes((octet,)))
            sent = outgoing.read()
            connection.data_received(sent)
            assert not wire.reading  # enough waits
            assert connection._step()
            assert len(sent) - 600 < len(connection._sealed) < len(sent)
            await until(lambda: connection._step not in server.connections.turns)
            assert wire.reading
            incoming.write(wire.take())
            replies = b""
            with contextlib.suppress(ssl.SSLWantReadError):
                while True:
                    replies += client.read(65536)
            length = 2 + int.from_bytes(replies[:2], "big")
            assert len(replies) == 200 * length
            connection.connection_lost(None)

    asyncio.run(run())


def test_another_certificate_is_shown_to_new_clients_and_old_ones_go_on(
    zone: Zone, context, made: Authority, tmp_path: Path
) -> None:
    def shown(writer: asyncio.StreamWriter) -> str:
        subject = writer.get_extra_info("ssl_object").getpeercert()["subject"]
        return dict(pair for (pair,) in subject)["commonName"]

    async def run() -> None:
        async with serving(zone, context) as server:
            reader, writer = await connect(server.port, made)
            assert shown(writer) == SERVER_NAME
            server.context = server_context(tmp_path, made, "renewed")
            writer.write(framed("ns.x.", "A"))
            assert dns.message.from_wire(await read_message(reader)).answer
            _, later = await connect(server.port, made)
            assert shown(later) == "renewed"
            later.close()
            writer.close()

    asyncio.run(run())


@pytest.mark.parametrize("name", ["ns.x.", "no.x.", "elsewhere.", "big.x."])
def test_a_reply_is_padded_to_whole_blocks_when_the_query_was(zone: Zone, context, made: Authority, name: str) -> None:
    async def run() -> None:
        async with serving(zone, context) as server:
            reader, writer = await connect(server.port, made)
            padding = [dns.edns.GenericOption(12, bytes(20))]
            writer.write(framed(name, "TXT" if name == "big.x." else "A", use_edns=0, options=padding))
            padded = await read_message(reader)
            assert len(padded) % 468 == 0
            (option,) = dns.message.from_wire(padded).options[-1:]
            assert option.otype == 12
            assert not any(option.to_wire())
            writer.write(framed(name, "A", use_edns=0))
            assert 12 not in [option.otype for option in dns.message.from_wire(await read_message(reader)).options]
            writer.close()

    asyncio.run(run())


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_client_that_comes_back_resumes_its_session(zone: Zone, context, made: Authority, version) -> None:
    def ask(port: int, found: ssl.SSLContext, session: ssl.SSLSession | None) -> tuple[bool, ssl.SSLSession]:
        import socket  # noqa: PLC0415  sessions are not to be had of asyncio's streams

        with (
            socket.create_connection(("127.0.0.1", port), timeout=BOUND_SECONDS) as plain,
            found.wrap_socket(plain, server_hostname=SERVER_NAME, session=session) as wrapped,
        ):
            wrapped.sendall(framed("ns.x.", "A"))
            assert wrapped.recv(2)
            return wrapped.session_reused, wrapped.session

    async def run() -> None:
        async with serving(zone, context) as server:
            found = client_context(made, minimum_version=version, maximum_version=version)
            first, session = await asyncio.to_thread(ask, server.port, found, None)
            again, _ = await asyncio.to_thread(ask, server.port, found, session)
            assert (first, again) == (False, True)

    asyncio.run(run())


def test_octets_that_are_no_tls_after_the_handshake_end_the_connection(zone: Zone, context, made: Authority) -> None:
    async def run() -> None:
        async with serving(zone, context) as server:
            client = await ByHand.connected(made, server.port)
            client.send(b"\x17\x03\x03\x00\x20" + bytes(32))
            with contextlib.suppress(ConnectionError):
                await read_end(client.reader)
            await until(lambda: not len(server.connections.places))
            assert server.connections.responder.metrics.internal_errors._value.get() == 0
            client.writer.close()

    asyncio.run(run())
