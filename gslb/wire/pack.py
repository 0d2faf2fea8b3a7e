"""Messages out of records: the streams of a zone transfer, and single messages such as NOTIFY.

`pack_messages` fills message after message, each up to a limit, so that a transfer of many records takes few of them
(RFC 5936 section 2.2); the question stands in the first alone (section 2.2.2). Owners, and the names in rdata that
every receiver decompresses, are compressed within their message. Only a name of equal octets is pointed at, so the
case of names in rdata arrives as it was. No message is ever over 65,535 octets, less what the caller keeps free for a
TSIG.
"""

import struct
from collections.abc import Iterable, Iterator
from itertools import chain

from gslb.wire.codes import CLASS_IN, type_to_text
from gslb.wire.message import MAX_MESSAGE_OCTETS, MAX_POINTER_OFFSET, pointer
from gslb.wire.names import Name, name_to_text
from gslb.wire.query import HEADER_OCTETS
from gslb.wire.rdata import embedded_names
from gslb.wire.records import Record

DEFAULT_LIMIT = 16384
"""Octets a message of a stream is filled up to: as far as compression pointers reach."""

_HEADER = struct.Struct("!2s5H")  # id, flags, counts of the four sections
_FIXED = struct.Struct("!HHIH")  # type, class, TTL, length of the rdata
_FIXED_OCTETS = 10
_LENGTH = struct.Struct("!H")


class OversizedRecordError(ValueError):
    """A record that no message, or not the one that must hold it, has room for; the text names it."""


def pack_messages(
    message_id: bytes,
    flags: int,
    question: bytes,
    records: Iterable[Record],
    *,
    limit: int = DEFAULT_LIMIT,
    reserve: int = 0,
    opt: bytes = b"",
) -> Iterator[bytes]:
    """The messages whose answer sections, in order, hold `records`; none is empty, except one when there are none.

    `flags` is the whole flags word, rcode included. A message is filled up to `limit` octets, the `reserve` for a TSIG
    counted in; only one that holds a single record may be longer. `opt` is an OPT record for every message (RFC 6891
    section 7). Raises `OversizedRecordError`.
    """
    keep = reserve + len(opt)
    room = min(limit, MAX_MESSAGE_OCTETS) - keep
    hard = MAX_MESSAGE_OCTETS - keep
    packer = _Packer(question)
    count = 0
    for record in records:
        if count and len(packer.out) + len(record.owner) + _FIXED_OCTETS + len(record.rdata) > room:
            yield packer.finish(message_id, flags, (count, 0), opt)
            packer = _Packer(b"")
            count = 0
        packer.add(record, hard)
        count += 1
    # The last record went into a message that is still open; only a stream without records ends in an empty one.
    yield packer.finish(message_id, flags, (count, 0), opt)


def pack_message(
    message_id: bytes,
    flags: int,
    question: bytes,
    *,
    answer: Iterable[Record] = (),
    authority: Iterable[Record] = (),
    opt: bytes = b"",
) -> bytes:
    """One message: NOTIFY with its SOA as the answer, an IXFR request with its SOA as the authority, a plain query.

    Raises `OversizedRecordError` when it would pass 65,535 octets.
    """
    packer = _Packer(question)
    sections = tuple(answer), tuple(authority)
    for record in chain(*sections):
        packer.add(record, MAX_MESSAGE_OCTETS - len(opt))
    return packer.finish(message_id, flags, (len(sections[0]), len(sections[1])), opt)


class _Packer:
    """One message as it grows. `pointers` holds the pointer to each name, and suffix of a name, written so far."""

    __slots__ = ("out", "pointers", "questions")

    def __init__(self, question: bytes) -> None:
        self.out = bytearray(HEADER_OCTETS)
        self.pointers: dict[Name, bytes] = {}
        self.questions = 1 if question else 0
        if question:
            self._put_name(question[:-4])
            self.out += question[-4:]

    def add(self, record: Record, hard: int) -> None:
        """Append a record. Raises `OversizedRecordError` when the message then has more than `hard` octets."""
        out, rtype, rdata = self.out, record.rtype, record.rdata
        known = self.pointers.get(record.owner)
        if known is None:
            self._put_name(record.owner)
        else:
            out += known
        out += _FIXED.pack(rtype, CLASS_IN, record.ttl_seconds, len(rdata))
        if names := embedded_names(rtype, rdata):
            self._put_rdata(rdata, names)
        else:
            out += rdata
        if len(out) > hard:
            raise OversizedRecordError(
                f"{name_to_text(record.owner)} {type_to_text(rtype)}: a record with {len(rdata)} octets of data does "
                f"not fit in a message of at most {MAX_MESSAGE_OCTETS}"
            )

    def _put_name(self, name: Name) -> None:
        """Append a name: its labels up to the longest suffix that stands in the message, then a pointer to that."""
        out, pointers = self.out, self.pointers
        position = 0
        while length := name[position]:
            suffix = name[position:]
            known = pointers.get(suffix)
            if known is not None:
                out += known
                return
            if len(out) <= MAX_POINTER_OFFSET:
                pointers[suffix] = pointer(len(out))
            end = position + 1 + length
            out += name[position:end]
            position = end
        out.append(0)

    def _put_rdata(self, rdata: bytes, names: list[tuple[int, int]]) -> None:
        """Append rdata with its names compressed, and mend the length that stands before it."""
        out, written, start = self.out, 0, len(self.out)
        for name_start, name_end in names:
            out += rdata[written:name_start]
            self._put_name(rdata[name_start:name_end])
            written = name_end
        out += rdata[written:]
        _LENGTH.pack_into(out, start - 2, len(out) - start)

    def finish(self, message_id: bytes, flags: int, counts: tuple[int, int], opt: bytes) -> bytes:
        """The message, `counts` being the records of its answer and authority sections."""
        self.out[:HEADER_OCTETS] = _HEADER.pack(message_id, flags, self.questions, *counts, 1 if opt else 0)
        return bytes(self.out) + opt
