"""A primary that does as it is told, and the records it sends. Tests of transfers import from here."""

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Self

from ports import free_port

from gslb.config.peers import Kind, Peer
from gslb.wire.codes import AA, QR, RRType, type_from_text
from gslb.wire.names import Name, name_from_text
from gslb.wire.pack import pack_messages
from gslb.wire.rdata import rdata_from_text
from gslb.wire.records import Message, Record, parse_message
from gslb.wire.tsig import ResponseSigner, TsigError, TsigKey, tsig_octets, verify_request
from gslb.zone.diff import ChangeSet, view_of
from gslb.zone.private import MARKER, PRIVATE_TYPE, reserved_owner
from gslb.zone.view import View
from gslb.zone.zone import Soa

APEX = name_from_text("example.")
MARKER_RECORD = Record(reserved_owner(APEX), PRIVATE_TYPE, 0, MARKER)


def soa(serial: int, refresh: int = 3600, retry: int = 600, expire: int = 86400, apex: Name = APEX) -> Record:
    fields = Soa(b"\x02ns" + apex, b"\x0ahostmaster" + apex, serial, refresh, retry, expire, 60)
    return Record(apex, RRType.SOA, 300, fields.to_rdata())


def record(line: str, apex: Name = APEX) -> Record:
    """`www 300 A 192.0.2.1`, owner relative to the apex."""
    owner, ttl, rtype, rdata = line.split(None, 3)
    kind = type_from_text(rtype)
    return Record(name_from_text(owner, apex).lower(), kind, int(ttl), rdata_from_text(kind, rdata, apex))


NS = record("@ 300 NS ns.example.")


def zone(serial: int, *lines: str, **timers: int) -> list[Record]:
    """The records of a version, SOA first."""
    return [soa(serial, **timers), NS, *(record(line) for line in lines)]


def view(serial: int, *lines: str, **timers: int) -> View:
    return view_of(zone(serial, *lines, **timers))


def difference(one: Record, other: Record, removed: Iterable[str] = (), added: Iterable[str] = ()) -> ChangeSet:
    return ChangeSet(one, other, tuple(map(record, removed)), tuple(map(record, added)))


def ixfr_records(*change_sets: ChangeSet) -> list[Record]:
    """The answer of RFC 1995 section 4."""
    newest = change_sets[-1].to_soa
    found = [newest]
    for each in change_sets:
        found += [each.from_soa, *each.removed, each.to_soa, *each.added]
    return [*found, newest]


HANG_UP = object()
"""In the place of a message: the connection is closed."""
HANG = object()
"""In the place of a message: silence from here on."""
PAUSE = object()
"""In the place of a message: a fiftieth of a second goes by."""

Answer = Callable[[Message], Iterable[object]]


@dataclass
class FakePrimary:
    """Serves `records` (SOA first) with `history`; `behave[qtype]` answers in its place. `sign` False leaves the
    answers to signed requests unsigned; `clock` is the primary's."""

    records: list[Record]
    key: TsigKey | None = None
    kind: Kind = "foreign"
    history: list[ChangeSet] = field(default_factory=list)
    behave: dict[int, Answer] = field(default_factory=dict)
    sign: bool = True
    udp: bool = True
    limit: int = 16384
    clock: Callable[[], float] = time.time
    asked: list[tuple[str, str]] = field(default_factory=list)
    """What was asked: `("udp", "SOA")`."""
    port: int = 0
    _server: asyncio.Server | None = None
    _transport: asyncio.DatagramTransport | None = None
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)

    def peer(self, key: TsigKey | None = None, name: str = "primary") -> Peer:
        key = key or self.key
        return Peer(name, "127.0.0.1", self.port, (key,) if key is not None else (), self.kind)

    async def __aenter__(self) -> Self:
        self.port = self.port or free_port()
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self.port)
        if self.udp:
            loop = asyncio.get_running_loop()
            self._transport, _ = await loop.create_datagram_endpoint(
                lambda: _Datagrams(self), local_addr=("127.0.0.1", self.port)
            )
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        if self._transport is not None:
            self._transport.close()
        for writer in self._writers:
            writer.transport.abort()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while True:
                length = int.from_bytes(await reader.readexactly(2), "big")
                for message in self.answers(await reader.readexactly(length), "tcp"):
                    if message is HANG:
                        await asyncio.Event().wait()
                    if message is HANG_UP:
                        return
                    if message is not PAUSE:
                        writer.write(len(message).to_bytes(2, "big") + message)
                        await writer.drain()
                    await asyncio.sleep(0.02 if message is PAUSE else 0)
        except (OSError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()

    def answers(self, data: bytes, transport: str) -> Iterator[object]:
        """The messages that answer a request, signed where they should be."""
        request = parse_message(data)
        self.asked.append((transport, RRType(request.question.qtype).name))
        signer = None
        if request.tsig_start is not None:
            try:
                signer = ResponseSigner(
                    verify_request(data, {self.key.name: self.key} if self.key else {}, self.clock())
                )
            except TsigError as error:
                yield error.reply(data, self.clock())
                return
        for message in self.behave.get(request.question.qtype, self.serve)(request):
            octets = isinstance(message, bytes)
            yield signer.sign(message, self.clock()) if octets and signer is not None and self.sign else message

    def serve(self, request: Message) -> Iterator[bytes]:
        qtype = request.question.qtype
        if qtype == RRType.SOA:
            return self.pack(request, self.records[:1])
        have = next((Soa.from_rdata(each.rdata).serial for each in request.authority), None)
        steps = [each for each in self.history if have is not None and each.from_serial >= have]
        if have == Soa.from_rdata(self.records[0].rdata).serial:
            return self.pack(request, self.records[:1])
        if steps and steps[0].from_serial == have:
            return self.pack(request, ixfr_records(*steps))
        return self.pack(request, [*self.records, self.records[0]])

    def pack(self, request: Message, records: Iterable[Record], rcode: int = 0, opt: bytes = b"") -> Iterator[bytes]:
        reserve = tsig_octets(self.key) if self.key is not None else 0
        flags = QR | AA | rcode
        question = request.question.wire
        return pack_messages(request.message_id, flags, question, records, limit=self.limit, reserve=reserve, opt=opt)

    def edit(self, removed: Iterable[str] = (), added: Iterable[str] = (), **timers: int) -> None:
        """The next version, one serial on."""
        old = self.records[0]
        change_set = difference(old, soa(Soa.from_rdata(old.rdata).serial + 1, **timers), removed, added)
        gone = set(change_set.removed)
        self.records = [change_set.to_soa, *(each for each in self.records[1:] if each not in gone), *change_set.added]
        self.history.append(change_set)


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, primary: FakePrimary) -> None:
        self._primary = primary

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        for message in self._primary.answers(data, "udp"):
            if isinstance(message, bytes):
                self._transport.sendto(message, addr)
