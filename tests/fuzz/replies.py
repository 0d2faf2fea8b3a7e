"""What every reply must be, whatever it answers: read by our parser, by dnspython and by dnslib."""

import dns.message
import dnslib

from gslb.wire.codes import Opcode, Rcode, RRType
from gslb.wire.query import opcode_of
from gslb.wire.records import Message, parse_message

_QR, _RD, _Z, _AD_CD, _TC = 0x8000, 0x0100, 0x0040, 0x0030, 0x0200
_WITHOUT_QUESTION = {Rcode.FORMERR, Rcode.NOTIMP}
_READ_BY_DNSPYTHON = {Opcode.QUERY, Opcode.NOTIFY}  # UPDATE it takes for a request, DSO it does not know


def check_reply(packet: bytes, reply: bytes, limit: int, *, any_zone: bool = False) -> Message:
    """Raise AssertionError, or what a parser raises, for a reply that is not valid. `any_zone`: its records are from
    a zone with names that dnslib does not take, and several CNAMEs at one, of which dnspython keeps the last."""
    assert len(reply) <= limit, f"{len(reply)} octets, over the limit of {limit}"
    message = parse_message(reply)
    asked = int.from_bytes(packet[2:4], "big")
    assert message.message_id == packet[:2]
    assert message.flags & _QR
    assert opcode_of(message.flags) == opcode_of(asked)
    assert message.flags & _RD == (asked & _RD if opcode_of(asked) == Opcode.QUERY else 0)
    assert not message.flags & (_Z | _AD_CD)
    _check_question(packet, message)
    _check_by_dnspython(reply, message, any_zone=any_zone)
    if not any_zone and message.tsig_start is None and (message.question is None or _is_text(message.question.qname)):
        dnslib.DNSRecord.parse(reply)
    return message


def _check_question(packet: bytes, message: Message) -> None:
    if message.question is None:
        assert message.rcode in _WITHOUT_QUESTION or packet[4:6] == b"\x00\x00"
        assert not message.answer
        assert not message.authority
        return
    wire = message.question.wire
    assert packet[12 : 12 + len(wire)] == wire


def _check_by_dnspython(reply: bytes, message: Message, *, any_zone: bool) -> None:
    if opcode_of(message.flags) not in _READ_BY_DNSPYTHON:
        return
    read = dns.message.from_wire(reply, keyring=_unverified)
    assert read.rcode() == message.rcode
    if not any_zone and (message.question is None or message.question.qtype not in {RRType.AXFR, RRType.IXFR}):
        assert sum(len(rrset) for rrset in read.answer) == len(set(message.answer))


def _unverified(_message: object, _name: object) -> bytes:
    """dnspython takes a key that is empty for leave to pass a signature over."""
    return b""


def _is_text(qname: bytes) -> bool:
    """dnslib takes names for text, and refuses legal ones with octets that are none."""
    return max(qname) < 128
