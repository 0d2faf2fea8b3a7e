"""Fetching a zone from a primary: SOA poll, then IXFR or AXFR (RFC 1995, RFC 5936), signed when there is a key.

`fetch` gives the version the primary has, whole and checked, or raises `TransferError`; it changes nothing. What is
pure stands elsewhere: `transfer.request` (what is asked), `transfer.stream` (what an answer amounts to) and
`transfer.acceptance` (which content is taken).

An IXFR that fails by what it says is followed by an AXFR from the same primary. Queries are answered on the same event
loop, so work comes in portions of about a millisecond, and the loop gets its turn after each; only the reader of a
message works in one piece.
"""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

from gslb.config.peers import Peer
from gslb.transfer.acceptance import Acceptance
from gslb.transfer.client import Connection, Signed, ask_udp, connected
from gslb.transfer.faults import NO_ANSWER, Fault, FaultError, Phase, TransferError
from gslb.transfer.key_choice import KeyChoice
from gslb.transfer.request import Asked, Polled, Wanted, read_poll, render_request
from gslb.transfer.stream import (
    AnswerStream,
    Bounds,
    Current,
    Differences,
    LoneSoa,
    Outcome,
    Whole,
    in_steps,
    nothing_newer,
)
from gslb.wire.codes import Rcode, RRType
from gslb.wire.names import Name
from gslb.wire.records import Message, MessageError, Record, parse_message
from gslb.wire.tsig import TsigKey
from gslb.zone.diff import ChangeSet, ChangeSetError, Editor, soa_record
from gslb.zone.indexing import Indexing
from gslb.zone.view import View, soa_of

PORTION = 500
"""Records handled between two turns of the event loop: about a millisecond."""
_KNOW_NO_EDNS = frozenset({Rcode.FORMERR, Rcode.NOTIMP, Rcode.BADVERS})
_AXFR_MAY_HELP = frozenset({Fault.BROKEN_OFF, Fault.RCODE, Fault.MALFORMED, Fault.BOUNDS})

_Ask = Callable[[bytes], Awaitable[bytes]]
"""Sends a request and gives the first message that answers it."""
How = Literal["current", "ixfr", "axfr"]


@dataclass(frozen=True, slots=True)
class InboundLimits:
    """Bounds of one fetch. `seconds` is for a whole transfer, `idle_seconds` for one message of it; each of
    `udp_seconds` is how long one datagram's answer is waited for, before TCP is tried."""

    bounds: Bounds = field(default_factory=Bounds)
    seconds: float = 600.0
    idle_seconds: float = 30.0
    connect_seconds: float = 5.0
    udp_seconds: tuple[float, ...] = (1.0, 2.0)


@dataclass(frozen=True, slots=True)
class Places:
    """How many zones may be polled, and how many transferred, at the same time. Made once for all zones of a node."""

    polls: AbstractAsyncContextManager[object] = field(default_factory=nullcontext)
    transfers: AbstractAsyncContextManager[object] = field(default_factory=nullcontext)

    @classmethod
    def of(cls, transfers: int, polls: int = 64) -> "Places":
        return cls(asyncio.Semaphore(polls), asyncio.Semaphore(transfers))


ANY_NUMBER = Places()


@dataclass(frozen=True, slots=True)
class Fetched:
    """A version of a zone. `change_sets` lead to it from the one we had, None when it came whole; `how` "current": it
    is the one we had. `expire_seconds` is the primary's EXPIRE option; `instead_of` is why an IXFR was not used."""

    view: View
    serial: int
    change_sets: tuple[ChangeSet, ...] | None
    how: How
    octets: int
    seconds: float
    messages: int
    expire_seconds: int | None = None
    instead_of: str | None = None


async def fetch(
    apex: Name,
    primary: Peer,
    have: View | None,
    *,
    limits: InboundLimits,
    clock: Callable[[], float] = time.time,
    wanted: Wanted = Wanted.NEWER,
    places: Places = ANY_NUMBER,
    keys: KeyChoice | None = None,
    indexing: Indexing | None = None,
    hasty: bool = False,
) -> Fetched:
    """The version of the zone at `primary`, when it is `wanted`; `have` is ours, and `indexing` knows it. `clock` gives
    Unix seconds, which signatures need; `keys` knows which key signs. `hasty`: a primary that leaves the first datagram
    unanswered has failed, for there are others to ask. Raises `TransferError`."""
    acceptance = Acceptance(apex, primary.kind, indexing or Indexing())
    return await _Fetch(acceptance, primary, have, limits, clock, wanted, places, hasty=hasty).run(keys or KeyChoice())


class _Fetch:
    """One call of `fetch`."""

    def __init__(
        self,
        acceptance: Acceptance,
        primary: Peer,
        have: View | None,
        limits: InboundLimits,
        clock: Callable[[], float],
        wanted: Wanted,
        places: Places,
        *,
        hasty: bool,
    ) -> None:
        self._hasty = hasty
        self._apex = acceptance.apex
        self._primary = primary
        self._have = have
        self._limits = limits
        self._clock = clock
        self._places = places
        self._acceptance = acceptance
        if wanted is Wanted.NEWER and have is not None and not self._acceptance.can_build_on(have):
            wanted = Wanted.WHOLE  # the kind of the peer was changed: the same serial has other content now
        self._wanted = wanted
        self._started = time.monotonic()
        self._key: TsigKey | None = None
        self._phase: Phase = "soa"
        self._octets = 0
        self._messages = 0

    async def run(self, keys: KeyChoice) -> Fetched:
        try:
            return await keys.ask(self._primary, self._signing_with)
        except FaultError as error:
            raise self._error(error) from None

    async def _signing_with(self, key: TsigKey | None) -> Fetched:
        self._key = key
        self._phase = "soa"
        async with self._places.polls:
            polled = await self._poll()
        if self._have is not None and nothing_newer(polled.soa.serial, self._asked(RRType.SOA)):
            return self._fetched(self._have, None, "current", polled)
        async with self._places.transfers:
            self._started = time.monotonic()
            return await self._transfer(polled)

    def _error(self, error: FaultError) -> TransferError:
        peer = self._primary
        where = f"primary {peer.name} ({peer.host} port {peer.port})"
        seconds = time.monotonic() - self._started
        return TransferError(f"{where} {error.reason}", error.fault, self._phase, self._octets, seconds)

    def _asked(self, qtype: RRType) -> Asked:
        have = soa_of(self._have, self._apex).serial if self._have is not None else None
        return Asked(self._apex, qtype, secrets.token_bytes(2), have, self._wanted)

    def _fetched(
        self,
        view: View,
        change_sets: tuple[ChangeSet, ...] | None,
        how: How,
        polled: Polled,
        instead_of: str | None = None,
    ) -> Fetched:
        seconds = time.monotonic() - self._started
        serial = soa_of(view, self._apex).serial
        return Fetched(
            view,
            serial,
            change_sets,
            how,
            self._octets,
            seconds,
            self._messages,
            polled.expire_seconds,
            instead_of,
        )

    # The poll

    async def _poll(self) -> Polled:
        """The primary's SOA: over UDP, and over TCP when that gives nothing to go by."""
        patience = self._limits.udp_seconds
        for wait_seconds in patience[:1] if self._hasty else patience:
            try:
                return await self._poll_once(partial(ask_udp, self._primary, wait_seconds=wait_seconds))
            except FaultError as error:
                if error.fault is Fault.RCODE or (self._hasty and error.fault in NO_ANSWER):
                    raise
                if error.fault is not Fault.TIMEOUT:
                    break
        return await self._poll_once(self._over_tcp)

    async def _poll_once(self, ask: _Ask) -> Polled:
        message, asked = await self._ask_soa(ask, expire=True)
        if message.rcode in _KNOW_NO_EDNS:
            message, asked = await self._ask_soa(ask, expire=False)
        return read_poll(message, asked)

    async def _ask_soa(self, ask: _Ask, *, expire: bool) -> tuple[Message, Asked]:
        asked = self._asked(RRType.SOA)
        request = Signed(render_request(asked, expire=expire), self._key, self._clock)
        data = await ask(request.octets)
        self._octets += len(data)
        request.verify(data)
        return _parse(data), asked

    async def _over_tcp(self, request: bytes) -> bytes:
        async with connected(self._primary, self._limits.connect_seconds, self._limits.idle_seconds) as connection:
            await connection.send(request)
            return await connection.receive()

    # The transfer

    async def _transfer(self, polled: Polled) -> Fetched:
        try:
            async with asyncio.timeout(self._limits.seconds):
                return await self._by_ixfr_or_axfr(polled)
        except TimeoutError:
            text = (
                f"did not end its transfer within {self._limits.seconds:g} s (`limits.transfer_timeout`): is it slow?"
            )
            raise FaultError(Fault.TIMEOUT, text) from None

    async def _by_ixfr_or_axfr(self, polled: Polled) -> Fetched:
        instead_of = None
        if self._have is not None and self._wanted is Wanted.NEWER:
            try:
                return await self._by_ixfr(self._have, polled)
            except FaultError as error:
                if error.fault not in _AXFR_MAY_HELP:
                    raise
                instead_of = error.reason
        return await self._by_axfr(polled, instead_of)

    async def _by_ixfr(self, have: View, polled: Polled) -> Fetched:
        self._phase = "ixfr"
        outcome = await self._receive(self._asked(RRType.IXFR), soa_record(have))
        if isinstance(outcome, Current):
            return self._fetched(have, None, "current", polled)
        if isinstance(outcome, LoneSoa):
            raise FaultError(Fault.MALFORMED, "answers IXFR with the newest SOA alone")
        if isinstance(outcome, Whole):
            return await self._whole(outcome, polled)
        view = await self._changed(have, outcome)
        await asyncio.to_thread(self._acceptance.check_view, view)
        return self._fetched(view, outcome.change_sets, "ixfr", polled)

    async def _by_axfr(self, polled: Polled, instead_of: str | None) -> Fetched:
        self._phase = "axfr"
        outcome = await self._receive(self._asked(RRType.AXFR), None)
        if isinstance(outcome, Current) and self._have is not None:
            return self._fetched(self._have, None, "current", polled, instead_of)
        assert isinstance(outcome, Whole)
        return await self._whole(outcome, polled, instead_of)

    async def _whole(self, outcome: Whole, polled: Polled, instead_of: str | None = None) -> Fetched:
        for _ in outcome.gathering.freeze():
            await asyncio.sleep(0)
        view = outcome.gathering.view
        await asyncio.to_thread(self._acceptance.check_view, view)
        return self._fetched(view, None, "axfr", polled, instead_of)

    async def _changed(self, view: View, outcome: Differences) -> View:
        editor = Editor(view)
        try:
            for change_set in outcome.change_sets:
                for step in in_steps(change_set, PORTION):
                    editor.change(step)
                    await asyncio.sleep(0)
        except ChangeSetError as error:
            raise FaultError(Fault.MALFORMED, f"sent differences that do not fit: {error}") from None
        return editor.view()

    async def _receive(self, asked: Asked, soa: Record | None) -> Outcome:
        """Ask over TCP, and take messages until the answer is whole and its signature right."""
        stream = AnswerStream(asked, self._acceptance, self._limits.bounds)
        request = Signed(render_request(asked, soa=soa), self._key, self._clock)
        async with connected(self._primary, self._limits.connect_seconds, self._limits.idle_seconds) as connection:
            await connection.send(request.octets)
            while stream.outcome is None:
                await self._take_message(connection, request, stream)
        if not isinstance(stream.outcome, Current | LoneSoa):
            request.finish()
        return stream.outcome

    async def _take_message(self, connection: Connection, request: Signed, stream: AnswerStream) -> None:
        data = await connection.receive()
        self._octets += len(data)
        self._messages += 1
        request.verify(data)
        await asyncio.sleep(0)
        records = stream.open(_parse(data), len(data))
        for portion in _portions(records):
            await asyncio.sleep(0)
            stream.take(portion)
        stream.close()


def _portions(records: Sequence[Record]) -> list[Sequence[Record]]:
    return [records[start : start + PORTION] for start in range(0, len(records), PORTION)]


def _parse(data: bytes) -> Message:
    try:
        return parse_message(data)
    except MessageError as error:
        text = f"sent a message that cannot be read ({error.reason}): is a DNS server there?"
        raise FaultError(Fault.MALFORMED, text) from None
