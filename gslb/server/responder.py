"""What the transports share: the table in force, the draws, the counting, and the guard around our own bugs."""

import random
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Protocol

import structlog

from gslb.answer.finished import Facts
from gslb.answer.options import NodeOptions
from gslb.answer.respond import Reply, Silence, respond
from gslb.answer.short import ShortPath
from gslb.answer.table import AnswerTable
from gslb.metrics import FOLD_AT, Metrics, Tally
from gslb.server.query_access import QueryAccess, RestrictedShortPath
from gslb.transfer.exchange import Exchange, Stream
from gslb.wire.codes import Rcode
from gslb.wire.edns import DEFAULT_UDP_SIZE
from gslb.wire.message import NO_RECORDS, render_header
from gslb.wire.tsig import TsigKey
from gslb.zone.steered import SteeredKey

log = structlog.get_logger("gslb.server")

_GRANTED = frozenset({Rcode.NOERROR, Rcode.NXDOMAIN})
_LOGGED_ERRORS = 20
"""Tracebacks logged in full; a bug that every query meets must not fill the disk. The counter goes on."""


class Permit(Protocol):
    """Judges the reply to the query `data`: what goes out instead, the reply itself, another, or None."""

    def __call__(self, data: bytes, client: str, reply: bytes, facts: Facts) -> bytes | None: ...


class SystemDraws:
    """Draws for a running server: pseudo-random numbers, and a count of turns per steered name."""

    def __init__(self, seed: int | None = None) -> None:
        self.random = random.Random(seed).random  # noqa: S311  shares, not secrets
        self._turns: defaultdict[SteeredKey, int] = defaultdict(int)

    def turn(self, key: SteeredKey) -> int:
        turn = self._turns[key]
        self._turns[key] = turn + 1
        return turn


class Responder:
    """Bytes to bytes. `table` and `node`, what the node says in EDNS options, are replaced as a whole by the app; each
    query reads them once. `clock` gives Unix seconds."""

    def __init__(
        self, metrics: Metrics, udp_size: int = DEFAULT_UDP_SIZE, *, clock: Callable[[], float] = time.time
    ) -> None:
        self.table = AnswerTable()
        self.source = SystemDraws()
        self.udp_size = udp_size
        self.clock = clock
        self.short = ShortPath(udp_size)
        self._node = NodeOptions()
        self._access: QueryAccess | None = None
        self.metrics = metrics
        self.exchange: Exchange | None = None
        self._logged = 0

    @property
    def node(self) -> NodeOptions:
        """What the node says in EDNS options."""
        return self._node

    @node.setter
    def node(self, options: NodeOptions) -> None:
        self._node = options
        self.short.cookies = options.cookies

    @property
    def access(self) -> QueryAccess | None:
        """Who may ask which zone; None: everyone."""
        return self._access

    @access.setter
    def access(self, access: QueryAccess | None) -> None:
        self._access = access
        self.short = ShortPath(self.udp_size) if access is None else RestrictedShortPath(self.udp_size, access)
        self.short.cookies = self._node.cookies

    def answer(
        self, data: bytes, client: str, tally: Tally, *, udp: bool, tls: str = "", permit: Permit | None = None
    ) -> bytes | Stream | None:
        """The reply to any octets from a client's address; a stream for a transfer, None for silence. Counts what it
        does. `tls` is the version of TLS that carries them, "" for none. `permit` has the last word on what goes out.
        """
        try:
            reply = self._respond(data, client, udp=udp, tls=tls)
            if isinstance(reply, Reply) and reply.for_peers and self.exchange is not None:
                return self._answer_peer(self.exchange, data, client, reply, tally, udp=udp, tls=tls, permit=permit)
            if isinstance(reply, Reply) and permit is not None:
                reply = _permitted(reply, permit(data, client, reply.wire, reply.facts))
        except Exception as error:  # noqa: BLE001  the one guard: a bug of ours costs this query, not the server
            return self.servfail(data, error)
        if not isinstance(reply, Reply):
            self.metrics.malformed.labels(tally.transport, reply.reason).inc()
            return None
        if reply.fault:
            self.metrics.malformed.labels(tally.transport, reply.fault).inc()
        if not reply.wire:
            return None
        tally.log.append(reply.facts)
        tally.log.extend(reply.outcomes)
        if len(tally.log) >= FOLD_AT:
            tally.fold()
        return reply.wire

    def _respond(self, data: bytes, client: str, *, udp: bool, tls: str, key: TsigKey | None = None) -> Reply | Silence:
        access = self._access
        return respond(
            data,
            self.table,
            self.source,
            udp=udp,
            udp_size=self.udp_size,
            node=self._node,
            client=client,
            now=self.clock(),
            tls=tls,
            refuses=None if access is None else lambda apex: access.refuses(apex, client, key),
        )

    def _answer_peer(
        self,
        exchange: Exchange,
        data: bytes,
        client: str,
        refusal: Reply,
        tally: Tally,
        *,
        udp: bool,
        tls: str,
        permit: Permit | None,
    ) -> bytes | Stream | None:
        """As `answer`, for what peers ask. What they signed is counted once, by its reply. What they are granted needs
        no permit."""
        inside: list[Facts] = []

        def plain(unsigned: bytes, key: TsigKey | None) -> bytes | None:
            reply = self._respond(unsigned, client, udp=udp, tls=tls, key=key)
            if not isinstance(reply, Reply):
                return None
            inside.append(reply.facts)
            return reply.wire

        reply = exchange.answer(data, client, plain, udp=udp, tls=tls)
        if isinstance(reply, bytes):
            rcode = reply[3] & 0xF
            facts = inside[0] if inside else Facts("", refusal.facts.qtype, rcode)
            if permit is not None and rcode not in _GRANTED and permit(data, client, reply, facts) is None:
                return None
            tally.log.append(facts)
        return reply

    def servfail(self, data: bytes, error: Exception) -> bytes:
        """Count and log a bug of ours; the reply to the query that met it."""
        self.metrics.internal_errors.inc()
        if self._logged < _LOGGED_ERRORS:
            self._logged += 1
            log.error("internal_error", advice="please report this, with the query", query=data.hex(), exc_info=error)
        flags = int.from_bytes(data[2:4], "big")
        return render_header(data[:2], flags, 0, Rcode.SERVFAIL, NO_RECORDS, questions=0)


def _permitted(reply: Reply, wire: bytes | None) -> Reply:
    """The reply as it goes out; with nothing on the wire it does not. A cut one has no member in it."""
    return reply if wire is reply.wire else reply._replace(wire=wire or b"", outcomes=())
