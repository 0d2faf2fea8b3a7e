"""What peers ask on the DNS port: transfers, NOTIFY, and anything they signed.

A signed request is verified first, and what answers it is signed too (RFC 8945 section 5.3). What is asked inside is
then an ordinary query, which the caller answers, a NOTIFY (RFC 1996), or a transfer, whose answer is a stream of
messages. Who may transfer what is the zone's `AccessList`; the steering view is for gslb peers that signed.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import structlog

from gslb.answer.options import Asking, NodeOptions, fault_of, padded, reply_opt
from gslb.config.access import AccessList
from gslb.config.peers import Peer
from gslb.transfer.outbound import History, Outgoing, outgoing
from gslb.transfer.report import REPORT_TYPE, Report, render_report
from gslb.transfer.sparing import Sparing
from gslb.wire.codes import AA, CLASS_IN, QR, RD, Opcode, Rcode, RRType, type_to_text
from gslb.wire.ede import BUSY, NO_NOTIFY, NO_TRANSFER, NO_VERSION, NOT_OURS, TCP_ONLY
from gslb.wire.edns import render_opt
from gslb.wire.message import MAX_MESSAGE_OCTETS, NO_RECORDS, render_header
from gslb.wire.names import Name, name_to_text, parent
from gslb.wire.pack import DEFAULT_LIMIT, pack_messages
from gslb.wire.query import opcode_of
from gslb.wire.records import Message, MessageError, Question, Record, parse_request
from gslb.wire.tsig import ResponseSigner, TsigError, TsigKey, tsig_octets, verify_request
from gslb.zone.diff import soa_record
from gslb.zone.private import reserved_owner
from gslb.zone.view import View
from gslb.zone.zone import Soa

log = structlog.get_logger("gslb.transfer")

_TLS_OF_TRANSFERS = frozenset({"", "TLSv1.3/dot"})

Plain = Callable[[bytes, TsigKey | None], bytes | None]
"""Answers an ordinary query, its signature taken off; the key is what signed it."""


@dataclass(frozen=True, slots=True)
class Published:
    """A zone as peers may fetch it: its steering view, None while there is none to serve. `primaries` are whose NOTIFY
    we take, empty where we are the primary."""

    view: View | None
    allow_transfer: AccessList
    primaries: tuple[Peer, ...] = ()


@dataclass(slots=True)
class TransferCounts:
    """Transfers sent, by zone, how and "ok", "failed" or "refused"; octets by zone and how; and NOTIFYs heard."""

    results: Counter[tuple[Name, str, str]] = field(default_factory=Counter)
    octets: Counter[tuple[Name, str]] = field(default_factory=Counter)
    notifies: Counter[tuple[Name, str]] = field(default_factory=Counter)


@dataclass(slots=True)
class Stream:
    """The answer to a transfer request: `messages` are to be written as the client takes them. Close it with how it
    went: it holds one of the places for transfers."""

    messages: Iterator[bytes]
    close: Callable[[bool], None]


class Exchange:
    """`published` are the zones by apex, looked up at each request. `notified` is told of a NOTIFY that is taken."""

    def __init__(
        self,
        published: Callable[[Name], Published | None],
        history: History,
        notified: Callable[[Name, int | None, str], None],
        *,
        places: int = 10,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.keys: Mapping[Name, TsigKey] = {}
        self.places = places
        self.node = NodeOptions()
        self.report: Callable[[Name], Report] = lambda _: {}
        self.counts = TransferCounts()
        self._published = published
        self._history = history
        self._notified = notified
        self._clock = clock
        self._under_way = 0
        self._sparing = Sparing()

    def answer(self, data: bytes, client: str, plain: Plain, *, udp: bool, tls: str = "") -> bytes | Stream | None:
        """The reply to a message of a peer's (`Reply.for_peers`): octets, a stream, or None for silence. `tls` is the
        version of TLS that carries it, with the protocol that was agreed by ALPN (`TLSv1.3/dot`); "" for none."""
        try:
            message = parse_request(data)
        except MessageError:
            return _bare(data, Rcode.FORMERR)
        if message.question is None:
            return _bare(data, Rcode.FORMERR)
        asking = self._asking(message, message.question, client, udp=udp, tls=tls)
        request = _Request(data, message, message.question, asking, None)
        if message.edns is not None and message.edns.version != 0:
            return request.echo_without_options(Rcode.BADVERS)
        if fault_of(message.edns, udp=udp):
            return request.echo_without_options(Rcode.FORMERR)
        if message.tsig_start is None:
            return self._asked(request, plain)
        try:
            signed = verify_request(data, self.keys, self._clock())
        except TsigError as error:
            self._say("tsig_refused", request, reason=error)
            return error.reply(data, self._clock())
        signer = ResponseSigner(signed)
        request = replace(request, data=_without_tsig(data, message.tsig_start), key=signed.key)
        reply = self._asked(request, plain)
        if isinstance(reply, Stream):
            return Stream((signer.sign(octets, self._clock()) for octets in reply.messages), reply.close)
        return None if reply is None else signer.sign(reply, self._clock())

    def _asking(self, message: Message, question: Question, client: str, *, udp: bool, tls: str) -> Asking:
        qname, now = question.qname.lower(), self._clock()
        return Asking(message.edns, qname, question.qtype, self.node, client, now, udp, tls)

    def _asked(self, request: "_Request", plain: Plain) -> bytes | Stream | None:
        if opcode_of(request.message.flags) == Opcode.NOTIFY:
            return self._notify(request)
        if request.question.qtype in {RRType.AXFR, RRType.IXFR}:
            return self._transfer(request)
        if request.question.qtype == REPORT_TYPE and request.key is not None:
            return self._tell(request)
        return plain(request.data, request.key)

    def _say(self, event: str, request: "_Request", level: int = logging.WARNING, /, **facts: object) -> None:
        """Log what others do, within bounds: anyone can send what is refused, as often as they like, and hundreds of
        zones times secondaries are as many transfers at each restart. What is wrong with a signature is put into words
        for a line that is written, and for no other."""
        untold = self._sparing.leave(event, self._clock())
        if untold is not None:
            more: dict[str, object] = {"untold": untold} if untold else {}
            told = {name: str(fact) if isinstance(fact, TsigError) else fact for name, fact in facts.items()}
            log.log(level, event, **told, **request.facts, **more)

    # NOTIFY

    def _notify(self, request: "_Request") -> bytes:
        apex = request.apex
        if request.question.qtype != RRType.SOA:  # no other event is known here (RFC 1996)
            return request.echo(Rcode.FORMERR)
        published = self._published(apex) if request.question.qclass == CLASS_IN else None
        if published is None or not published.primaries:
            self._say("notify_refused", request, reason="not a secondary zone here")
            return request.echo(Rcode.NOTAUTH, error=NOT_OURS)
        if not any(peer.matches(request.client, request.key) for peer in published.primaries):
            self.counts.notifies[apex, "refused"] += 1
            advice = "if it is a primary, name it in the zone's `primaries`, with its key"
            self._say("notify_refused", request, reason="not from a primary of the zone", advice=advice)
            return request.echo(Rcode.REFUSED, error=NO_NOTIFY)
        self.counts.notifies[apex, "ok"] += 1
        hints = [record for record in request.message.answer if (record.owner, record.rtype) == (apex, RRType.SOA)]
        self._notified(apex, Soa.from_rdata(hints[0].rdata).serial if hints else None, request.client)
        return request.echo(Rcode.NOERROR, AA)

    # How this node sees a zone

    def _tell(self, request: "_Request") -> bytes:
        apex = parent(request.apex)
        published = self._published(apex)
        if published is None or request.apex != reserved_owner(apex):
            return request.echo(Rcode.NOTAUTH, error=NOT_OURS)
        theirs = any(peer.matches(request.client, request.key) for peer in published.primaries)
        if not theirs and published.allow_transfer.kind_for(request.client, request.key) != "gslb":
            return self._refuse(request, "not a gslb peer of the zone")
        return next(request.pack(iter(render_report(apex, self.report(apex))), MAX_MESSAGE_OCTETS))

    # Transfers

    def _transfer(self, request: "_Request") -> bytes | Stream:
        if request.udp and request.question.qtype == RRType.AXFR:  # defined for TCP alone (RFC 5936 section 4.2)
            return request.echo(Rcode.NOTIMP, error=TCP_ONLY)
        published = self._published(request.apex)
        if published is None or request.question.qclass != CLASS_IN:  # RFC 5936 section 2.2.1
            return request.echo(Rcode.NOTAUTH, error=NOT_OURS)
        kind = published.allow_transfer.kind_for(request.client, request.key)
        if kind is None:
            return self._refuse(request, "not in the zone's `allow_transfer`")
        if request.asking.tls not in _TLS_OF_TRANSFERS:
            return self._refuse(request, "over TLS a transfer wants TLS 1.3 and ALPN dot (RFC 9103 section 7.1)")
        if published.view is None:
            return request.echo(Rcode.SERVFAIL, error=NO_VERSION)
        incremental = request.question.qtype == RRType.IXFR
        have = _serial_of(request.message, request.apex) if incremental else None
        if incremental and have is None:
            return request.echo(Rcode.FORMERR)
        if request.udp:  # one SOA: nothing newer, or come back over TCP (RFC 1995 section 2)
            return next(request.pack(iter((soa_record(published.view),))))
        if self._under_way >= self.places:
            return self._refuse(request, "`limits.transfers_out` are under way; it will come again", BUSY)
        return self._stream(request, outgoing(published.view, have, self._history, private=kind == "gslb"))

    def _refuse(self, request: "_Request", reason: str, error: bytes = NO_TRANSFER) -> bytes:
        how = type_to_text(request.question.qtype).lower()
        self.counts.results[request.apex, how, "refused"] += 1
        self._say("transfer_refused", request, reason=reason)
        return request.echo(Rcode.REFUSED, error=error)

    def _stream(self, request: "_Request", answer: Outgoing) -> Stream:
        self._under_way += 1
        started = self._clock()
        sent = 0

        def messages() -> Iterator[bytes]:
            nonlocal sent
            for octets in request.pack(answer.records):
                sent += len(octets)
                yield octets

        def close(whole: bool) -> None:  # noqa: FBT001  a callback with one fact to tell
            self._under_way -= 1
            self.counts.results[request.apex, answer.how, "ok" if whole else "failed"] += 1
            self.counts.octets[request.apex, answer.how] += sent
            seconds = round(self._clock() - started, 3)
            facts = {"how": answer.how, "serial": answer.serial, "octets": sent, "seconds": seconds}
            if not whole:
                self._say("transfer_broken_off", request, **facts)
            elif answer.how == "current":
                log.debug("transfer_sent", **facts, **request.facts)
            else:
                self._say("transfer_sent", request, logging.INFO, **facts)

        return Stream(messages(), close)


@dataclass(frozen=True, slots=True)
class _Request:
    """A message of a peer's, its signature verified and taken off; `key` is what signed it."""

    data: bytes
    message: Message
    question: Question
    asking: Asking
    key: TsigKey | None

    @property
    def apex(self) -> Name:
        return self.asking.qname

    @property
    def client(self) -> str:
        return self.asking.client

    @property
    def udp(self) -> bool:
        return self.asking.udp

    @property
    def facts(self) -> dict[str, str]:
        """For the log: who asks for what."""
        asked = f"{name_to_text(self.question.qname)} {type_to_text(self.question.qtype)}"
        signed = {"key": name_to_text(self.key.name)} if self.key is not None else {}
        return {"client": self.client, "question": asked} | signed

    def echo(self, rcode: Rcode, flags: int = 0, error: bytes = b"") -> bytes:
        """A reply of the question and an rcode; `error` is a rendered extended error."""
        opt = reply_opt(self.asking, rcode, error=error)
        return padded(self._closed(rcode, flags, opt), opt, self.asking)

    def echo_without_options(self, rcode: Rcode) -> bytes:
        """To a request whose EDNS options cannot be read."""
        return self._closed(rcode, 0, render_opt(rcode, dnssec_ok=False))

    def _closed(self, rcode: Rcode, flags: int, opt: bytes) -> bytes:
        header = render_header(self.data[:2], self.message.flags, flags, rcode, (0, 0, 1 if opt else 0))
        return header + self.question.wire + opt

    def pack(self, records: Iterator[Record], limit: int = DEFAULT_LIMIT) -> Iterator[bytes]:
        """The messages of a transfer, with room for a signature."""
        flags = QR | AA | (self.message.flags & RD)
        reserve = tsig_octets(self.key) if self.key is not None else 0
        opt = reply_opt(self.asking, Rcode.NOERROR)
        return pack_messages(self.data[:2], flags, self.question.wire, records, limit=limit, reserve=reserve, opt=opt)


def _serial_of(request: Message, apex: Name) -> int | None:
    """The serial that a secondary has, from the SOA in its IXFR request (RFC 1995 section 3)."""
    for record in request.authority:
        if record.rtype == RRType.SOA and record.owner == apex:
            return Soa.from_rdata(record.rdata).serial
    return None


def _without_tsig(data: bytes, start: int) -> bytes:
    """The message as it was before it was signed: without its last record."""
    additional = int.from_bytes(data[10:12], "big") - 1
    return data[:10] + additional.to_bytes(2, "big") + data[12:start]


def _bare(data: bytes, rcode: Rcode) -> bytes:
    flags = int.from_bytes(data[2:4], "big")
    return render_header(data[:2], flags, 0, rcode, NO_RECORDS, questions=0)
