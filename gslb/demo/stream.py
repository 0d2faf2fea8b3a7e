"""The demo's own queries: a steady stream over UDP to one node, and single ones. A plain client: dnslib does the DNS.

The stream sends at its rate and never catches up what it missed, so its load is bounded whatever happens. A query
without a reply within `LOST_SECONDS` of the demo's clock is lost.
"""

import asyncio
import math
import struct
from collections import deque
from dataclasses import dataclass

import dnslib

from gslb.demo.clock import now
from gslb.demo.shares import AnswerLog

LOST_SECONDS = 2.0
_LOG_SIZE = 20_000
_ASK_SECONDS = 1.0
_LOOK_SECONDS = 0.01
NOERROR = 0

Server = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Reply:
    """What a client makes of a reply: `rcode`, and the rdata of its answer section as text."""

    rcode: int
    values: tuple[str, ...]


def parse_reply(packet: bytes) -> tuple[int, Reply]:
    """The query id and the reply. Raises `dnslib.DNSError`."""
    record = dnslib.DNSRecord.parse(packet)
    return record.header.id, Reply(record.header.rcode, tuple(str(answer.rdata) for answer in record.rr))


def first_value(reply: Reply) -> str:
    """The first address, "" when there is none."""
    return next(iter(reply.values), "")


class QueryStream(asyncio.DatagramProtocol):
    """Asks `server` for the addresses of `name`, `rate` times a second, from `start` to `stop`."""

    def __init__(self, server: Server, name: str, rate: float) -> None:
        self.answers = AnswerLog(_LOG_SIZE)
        self.sent = 0
        self.answered = 0
        self.lost = 0
        self.failed = 0
        """Replies that are no answer: another rcode than NOERROR, or not parsed."""
        self._server = server
        self._question = dnslib.DNSRecord.question(name).pack()[2:]
        self._rate = rate
        self._unanswered: deque[float] = deque(maxlen=_LOG_SIZE)
        self._waiting: dict[int, float] = {}
        self._next_id = 0
        self._transport: asyncio.DatagramTransport | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, remote_addr=self._server)
        self._task = asyncio.create_task(self._run(), name="query stream")

    async def finish(self) -> None:
        """Ask no more, and wait for the replies that are still to come; those that do not are lost."""
        await self._ask_no_more()
        end = now() + LOST_SECONDS
        while self._waiting and now() < end:  # noqa: ASYNC110  the demo's clock is not the loop's
            await asyncio.sleep(_LOOK_SECONDS)
        for number in list(self._waiting):
            self._lose(number)

    async def _ask_no_more(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def stop(self) -> None:
        await self._ask_no_more()
        if self._transport is not None:
            self._transport.close()

    def unanswered(self, since: float, until: float = math.inf) -> int:
        """How many queries sent in that time are known by now to have had no right answer."""
        return sum(since <= sent <= until for sent in self._unanswered)

    def datagram_received(self, data: bytes, _: Server) -> None:
        try:
            number, reply = parse_reply(data)
        except dnslib.DNSError:
            self.failed += 1
            return
        sent = self._waiting.pop(number, None)
        if sent is None:
            return
        self.answered += 1
        if reply.rcode != NOERROR or not reply.values:
            self.failed += 1
            self._unanswered.append(sent)
        self.answers.add(now(), first_value(reply))

    def error_received(self, exc: Exception) -> None:
        """Nobody listens there: the query will count as lost."""

    async def _run(self) -> None:
        due = now()
        while True:
            self._send(now())
            due = max(due + 1 / self._rate, now())
            await asyncio.sleep(due - now())

    def _send(self, time: float) -> None:
        assert self._transport is not None
        self._count_lost(time)
        self._next_id = (self._next_id + 1) % 0x10000
        self._waiting[self._next_id] = time
        self._transport.sendto(struct.pack("!H", self._next_id) + self._question)
        self.sent += 1

    def _count_lost(self, time: float) -> None:
        while self._waiting:
            number = next(iter(self._waiting))
            if time - self._waiting[number] < LOST_SECONDS:
                return
            self._lose(number)

    def _lose(self, number: int) -> None:
        self.lost += 1
        self._unanswered.append(self._waiting.pop(number))


class _Once(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.packet: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, _: Server) -> None:
        if not self.packet.done():
            self.packet.set_result(data)

    def error_received(self, exc: Exception) -> None:
        if not self.packet.done():
            self.packet.set_exception(exc)


async def ask(server: Server, name: str, qtype: str = "A") -> Reply | None:
    """One query; None when no reply came within a second."""
    loop = asyncio.get_running_loop()
    transport, once = await loop.create_datagram_endpoint(_Once, remote_addr=server)
    try:
        transport.sendto(dnslib.DNSRecord.question(name, qtype).pack())
        return parse_reply(await asyncio.wait_for(once.packet, _ASK_SECONDS))[1]
    except (TimeoutError, OSError, dnslib.DNSError):
        return None
    finally:
        transport.close()
