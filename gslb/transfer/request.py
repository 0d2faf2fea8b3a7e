"""What a secondary asks of a primary, and what any reply must look like: SOA, IXFR and AXFR queries as bytes.

The SOA query bears an empty EXPIRE option: a primary that is itself a secondary tells how long its copy is still good
(RFC 7314). The transfer queries are as plain as can be; old servers are strict there.
"""

import enum
from dataclasses import dataclass

import dns.rcode

from gslb.transfer.faults import Fault, FaultError, RefusedError
from gslb.wire.codes import AA, CLASS_IN, QR, TC, Opcode, Rcode, RRType, type_to_text
from gslb.wire.edns import Option, render_opt, render_option
from gslb.wire.names import Name, name_to_text
from gslb.wire.pack import pack_message
from gslb.wire.query import opcode_of
from gslb.wire.records import Message, Question, Record
from gslb.zone.zone import Soa

_OPT = render_opt(0, dnssec_ok=False, options=render_option(Option.EXPIRE, b""))

REFUSALS = frozenset({Rcode.REFUSED, Rcode.NOTAUTH})
"""What may be answered to a key that is known, but not for this."""

_ADVICE: dict[int, str] = {
    Rcode.REFUSED: "allow it there for the address and key of this node",
    Rcode.NOTAUTH: "is the zone configured there, and the key the same on both sides?",
    Rcode.SERVFAIL: "it has the zone configured, but cannot serve it: see its log",
    Rcode.NXDOMAIN: "it serves another zone: is the address right?",
    Rcode.NOTIMP: "it does not know this kind of request",
}


class Wanted(enum.Enum):
    """Which version of a zone is asked for."""

    NEWER = "newer than ours"
    WHOLE = "all of it, when it is ours or newer"
    ANY = "all of it, whatever its serial"


@dataclass(frozen=True, slots=True)
class Asked:
    """A request; `have` is the serial that we have, None without any."""

    apex: Name
    qtype: int
    message_id: bytes
    have: int | None = None
    wanted: Wanted = Wanted.NEWER


@dataclass(frozen=True, slots=True)
class Polled:
    """What a primary says of a zone. `expire_seconds` is its EXPIRE option."""

    soa: Soa
    expire_seconds: int | None


def render_request(asked: Asked, *, soa: Record | None = None, expire: bool = False) -> bytes:
    """The query; `soa` goes into an IXFR, `expire` asks for the EXPIRE option."""
    authority = (soa,) if soa is not None else ()
    question = Question(asked.apex, asked.qtype).wire
    return pack_message(asked.message_id, 0, question, authority=authority, opt=_OPT if expire else b"")


def check_reply(message: Message, asked: Asked, *, first: bool = True) -> None:
    """Check that a message answers what was asked (RFC 5936 section 2.2). Raises `FaultError`.

    Only the first message of a stream must repeat the question; a server that leaves it out there is put up with.
    """
    if message.message_id != asked.message_id or not message.flags & QR or opcode_of(message.flags) != Opcode.QUERY:
        raise FaultError(Fault.MALFORMED, "sent a message that answers another question: is a DNS server there?")
    question = message.question
    if question is not None and (question.qname.lower(), *question[1:]) != (asked.apex, asked.qtype, CLASS_IN):
        text = f"answers {name_to_text(question.qname)} {type_to_text(question.qtype)}, which was not asked"
        raise FaultError(Fault.MALFORMED, text)
    if message.rcode != Rcode.NOERROR:
        kind = RefusedError if message.rcode in REFUSALS else FaultError
        raise kind(Fault.RCODE, _refusal(message.rcode, asked))
    if message.flags & TC:
        when = "" if first else " in the middle of a transfer"
        raise FaultError(Fault.MALFORMED, f"sent a truncated message{when}")


def _refusal(rcode: int, asked: Asked) -> str:
    what = f"{type_to_text(asked.qtype)} of {name_to_text(asked.apex)}"
    return f"answers {dns.rcode.to_text(dns.rcode.Rcode.make(rcode))} to {what}: {_ADVICE.get(rcode, 'see its log')}"


def read_poll(message: Message, asked: Asked) -> Polled:
    """What the reply to an SOA query says. Raises `FaultError`, unless it is authoritative and has the SOA."""
    check_reply(message, asked)
    if not message.flags & AA:
        text = f"is not authoritative for {name_to_text(asked.apex)}: is the zone configured there?"
        raise FaultError(Fault.MALFORMED, text)
    found = [record for record in message.answer if (record.owner, record.rtype) == (asked.apex, RRType.SOA)]
    if len(found) != 1:
        text = f"does not answer with the SOA of {name_to_text(asked.apex)}: it serves another zone"
        raise FaultError(Fault.MALFORMED, text)
    return Polled(Soa.from_rdata(found[0].rdata), _expire_seconds(message))


def _expire_seconds(message: Message) -> int | None:
    for code, value in message.edns.options if message.edns is not None else ():
        if code == Option.EXPIRE and len(value) == 4:
            return int.from_bytes(value, "big")
    return None
