"""The reader of messages with records: what transfers, polls and NOTIFY are read with."""

from collections.abc import Iterator

import dns.exception
import dns.message
from fuzz_zones import plain_query, questions, zones
from fuzzing import Target
from mutating import mutate_message

from gslb.wire.codes import QR
from gslb.wire.names import MAX_NAME_OCTETS
from gslb.wire.pack import pack_message, pack_messages
from gslb.wire.records import Message, MessageError, Question, parse_message
from gslb.zone.diff import records
from gslb.zone.view import steering_view


def check(data: bytes) -> None:
    try:
        message = parse_message(data)
    except MessageError as error:
        assert error.reason
        return
    for record in message.answer + message.authority + message.additional:
        assert record.owner == record.owner.lower()
        assert len(record.owner) <= MAX_NAME_OCTETS
        assert 0 <= record.ttl_seconds < 1 << 31
    _check_again(message)


def _check_again(message: Message) -> None:
    """Written by us and read again it is the same: names in full need more room, so a message may have become too
    long to be written."""
    question = b"" if message.question is None else message.question.wire
    try:
        wire = pack_message(
            message.message_id, message.flags, question, answer=message.answer, authority=message.authority
        )
    except ValueError:
        return
    again = parse_message(wire)
    assert (again.answer, again.authority, again.question) == (message.answer, message.authority, message.question)
    try:
        dns.message.from_wire(wire, raise_on_truncation=False)
    except (dns.exception.DNSException, ValueError):
        assert not message.flags & QR or message.flags & 0x7800


def seeds() -> Iterator[bytes]:
    for zone in zones():
        question = Question(zone.apex, 252).wire
        yield from pack_messages(b"\x12\x34", QR, question, records(steering_view(zone), zone.apex), limit=1500)
    for qname, qtype in questions()[:20]:
        yield plain_query(qname, qtype)


TARGET = Target(
    "any octets are a message of well-formed records, which written and read again is the same, or a MessageError",
    seeds,
    check,
    mutate_message,
)
