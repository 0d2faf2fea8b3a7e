"""Records as values, and the reader of the messages that carry them: transfers, SOA replies, NOTIFY.

A `Record` is one resource record of class IN, apart from any message: its owner canonical, its rdata uncompressed
and well-formed for its type, so that nothing behind this module looks at a length again. `parse_message` takes any
bytes and gives a `Message` or a `MessageError`. Names are decompressed wherever they may come compressed: owners,
and the rdata of the RFC 1035 types and of those that RFC 3597 section 4 lists for receivers. Rdata of other types is
checked by dnspython, and passed as it is when their layout is unknown. Names inside rdata keep their case.

A compression pointer must point before the name it ends, so a walk over pointers goes down and comes to an end;
their number is bounded too, against a message that is one long chain of them.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import dns.exception
import dns.rdatatype

from gslb.wire.codes import CLASS_IN, RRType, is_meta_type, type_to_text
from gslb.wire.edns import Edns, parse_options
from gslb.wire.names import MAX_NAME_OCTETS, Name
from gslb.wire.query import HEADER_OCTETS, MAX_QUERY_OCTETS, MAX_RECORDS
from gslb.wire.rdata import rrset_key
from gslb.wire.rdata_text import check_rdata

_MAX_POINTERS = 127
"""A name of 255 octets has at most 127 labels: more pointers than that name nothing."""
_MAX_TTL_SECONDS = 0x7FFFFFFF
_FIXED = struct.Struct("!HHIH")  # type, class, TTL, length of the rdata
_COUNTS = struct.Struct("!HHHH")
_DO = 0x8000
_FIRST_PRIVATE_TYPE = 65280
"""From here on nobody knows a shape (RFC 6895 section 3.1)."""


class MessageError(ValueError):
    """Octets that are no message we can use. `reason` is a short text that names no peer."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Record:
    """One record of class IN. `owner` is canonical; `rdata` holds uncompressed wire bytes."""

    owner: Name
    rtype: int
    ttl_seconds: int
    rdata: bytes

    @property
    def key(self) -> int:
        """What its rrset is found by at its owner."""
        return rrset_key(self.rtype, self.rdata)


class Question(NamedTuple):
    """What is asked; `qname` in the case in which it was sent."""

    qname: Name
    qtype: int
    qclass: int = CLASS_IN

    @property
    def wire(self) -> bytes:
        """The octets of the question section."""
        return self.qname + self.qtype.to_bytes(2, "big") + self.qclass.to_bytes(2, "big")


@dataclass(frozen=True, slots=True)
class Message:
    """A whole message. `rcode` has the upper bits of the OPT record; OPT and TSIG are not in `additional`, the one
    is `edns`, of the other `tsig_start` tells where its owner begins."""

    message_id: bytes
    flags: int
    rcode: int
    question: Question | None
    answer: tuple[Record, ...]
    authority: tuple[Record, ...]
    additional: tuple[Record, ...]
    edns: Edns | None
    tsig_start: int | None


def parse_message(data: bytes) -> Message:
    """Read a response, or a request that carries records (NOTIFY, IXFR). Raises `MessageError`.

    A TTL with its top bit set means 0 (RFC 2181 section 8).
    """
    if len(data) < HEADER_OCTETS:
        raise MessageError("shorter than a header")
    try:
        return _Parser(data, _READERS, _other).message()
    except (IndexError, struct.error):
        raise MessageError("cut short") from None


def parse_request(data: bytes) -> Message:
    """Read what anyone may send: a NOTIFY, a request for a transfer, a signed query. Raises `MessageError`.

    As `parse_message`, but of rdata only an SOA's is read, the rest is as it came; and a message with more octets or
    records than a request has any use for is refused: time spent on it is the sender's to choose.
    """
    if len(data) < HEADER_OCTETS:
        raise MessageError("shorter than a header")
    if len(data) > MAX_QUERY_OCTETS or sum(_COUNTS.unpack_from(data, 4)) > 1 + MAX_RECORDS:
        raise MessageError("longer than any request")
    try:
        return _Parser(data, _REQUEST_READERS, _as_it_came).message()
    except (IndexError, struct.error):
        raise MessageError("cut short") from None


def is_well_formed(rtype: int, rdata: bytes) -> bool:
    """True for octets that are rdata of this type, every name in full: what a record may hold."""
    try:
        return _READERS.get(rtype, _other)(rdata, 0, len(rdata), {}, rtype) == rdata
    except (MessageError, IndexError):
        return False


def read_name(data: bytes, start: int, known: dict[int, Name], pointers: int = 0) -> tuple[Name, int]:
    """The name at `start`, decompressed, and the offset after it (RFC 1035 section 4.1.4).

    `known` holds the names read before by their offsets, and is added to. Raises `MessageError` for a name that is
    none, and `IndexError` where it runs past the end.
    """
    position = start
    while (length := data[position]) < 0x40:
        position += 1 + length
        if not length:
            name = data[start:position]
            break
    else:
        tail = _pointed_at(data, start, position, known, pointers)
        name = data[start:position] + tail
        position += 2
    if len(name) > MAX_NAME_OCTETS:
        raise MessageError("a name of more than 255 octets")
    known[start] = name
    return name, position


def _pointed_at(data: bytes, start: int, position: int, known: dict[int, Name], pointers: int) -> Name:
    """The name that the pointer at `position` stands for, in a name that begins at `start`."""
    target = (data[position] << 8 | data[position + 1]) - 0xC000
    if target < HEADER_OCTETS:  # below 0xC000: the label types 0x40 and 0x80, which nobody uses (RFC 6891 section 5)
        raise MessageError("a bad label" if target < 0 else "a compression pointer into the header")
    if target >= start:
        raise MessageError("a compression pointer that does not point back")
    tail = known.get(target)
    if tail is not None:
        return tail
    if pointers == _MAX_POINTERS:
        raise MessageError("a chain of compression pointers without end")
    return read_name(data, target, known, pointers + 1)[0]


class _Parser:
    """One walk over a message, front to back."""

    __slots__ = ("data", "edns", "extended_rcode", "known", "other", "position", "readers", "tsig_start")

    def __init__(self, data: bytes, readers: dict[int, "_Reader"], other: "_Reader") -> None:
        self.data = data
        self.readers = readers
        self.other = other
        self.position = HEADER_OCTETS
        self.known: dict[int, Name] = {}
        self.edns: Edns | None = None
        self.extended_rcode = 0
        self.tsig_start: int | None = None

    def message(self) -> Message:
        data = self.data
        flags = int.from_bytes(data[2:4], "big")
        questions, answers, authorities, additionals = _COUNTS.unpack_from(data, 4)
        question = self._question(questions)
        answer = self._records(answers)
        authority = self._records(authorities)
        additional = self._records(additionals, additional=True)
        if self.position != len(data):
            raise MessageError("octets after the last record")
        rcode = self.extended_rcode << 4 | flags & 0xF
        return Message(data[:2], flags, rcode, question, answer, authority, additional, self.edns, self.tsig_start)

    def _question(self, count: int) -> Question | None:
        if count > 1:
            raise MessageError("more than one question")
        if not count:
            return None
        qname, end = read_name(self.data, self.position, self.known)
        qtype, qclass = struct.unpack_from("!HH", self.data, end)
        self.position = end + 4
        return Question(qname, qtype, qclass)

    def _records(self, count: int, *, additional: bool = False) -> tuple[Record, ...]:
        data, known, position = self.data, self.known, self.position
        readers, other = self.readers, self.other
        found = []
        for number in range(count):
            owner, fixed = read_name(data, position, known)
            rtype, rclass, ttl_seconds, length = _FIXED.unpack_from(data, fixed)
            start, position_before = fixed + 10, position
            position = start + length
            if position > len(data):
                raise MessageError("a record is cut short")
            if additional and rtype in {RRType.OPT, RRType.TSIG}:
                self._pseudo_record(rtype, position_before, start, position, last=number == count - 1)
                continue
            if rclass != CLASS_IN:
                raise MessageError(f"a record of class {rclass}, not IN")
            rdata = readers.get(rtype, other)(data, start, position, known, rtype)
            if ttl_seconds > _MAX_TTL_SECONDS:
                ttl_seconds = 0
            found.append(Record(owner.lower(), rtype, ttl_seconds, rdata))
        self.position = position
        return tuple(found)

    def _pseudo_record(self, rtype: int, owner: int, start: int, end: int, *, last: bool) -> None:
        if rtype == RRType.OPT:
            self._opt(owner, start, end)
        elif last:
            self.tsig_start = owner
        else:
            raise MessageError("a record after the TSIG")

    def _opt(self, owner: int, start: int, end: int) -> None:
        """The OPT record (RFC 6891 section 6.1.2): its class is a size, its TTL holds rcode, version and flags."""
        if self.edns is not None or self.data[owner]:
            raise MessageError("a second or misplaced OPT record")
        udp_size, self.extended_rcode, version, flags = struct.unpack_from("!HBBH", self.data, start - 8)
        try:
            options = parse_options(self.data[start:end]) if version == 0 else ()
        except ValueError:
            raise MessageError("a malformed EDNS option") from None
        self.edns = Edns(udp_size, version, bool(flags & _DO), options)


class _Layout(NamedTuple):
    """Rdata that holds names which may come compressed: octets, character strings, names, octets."""

    before: int
    strings: int
    names: int
    after: int | None
    """None: any number."""


_ONE_NAME = _Layout(0, 0, 1, 0)
_TWO_NAMES = _Layout(0, 0, 2, 0)
_PREFERENCE_AND_NAME = _Layout(2, 0, 1, 0)

# RFC 1035 section 3.3, RFC 3597 section 4; DNAME comes uncompressed (RFC 6672 section 2.1), but has this layout.
_LAYOUTS: dict[int, _Layout] = {
    RRType.NS: _ONE_NAME,
    dns.rdatatype.MD: _ONE_NAME,
    dns.rdatatype.MF: _ONE_NAME,
    RRType.CNAME: _ONE_NAME,
    RRType.SOA: _Layout(0, 0, 2, 20),
    dns.rdatatype.MB: _ONE_NAME,
    dns.rdatatype.MG: _ONE_NAME,
    dns.rdatatype.MR: _ONE_NAME,
    RRType.PTR: _ONE_NAME,
    dns.rdatatype.MINFO: _TWO_NAMES,
    RRType.MX: _PREFERENCE_AND_NAME,
    dns.rdatatype.RP: _TWO_NAMES,
    dns.rdatatype.AFSDB: _PREFERENCE_AND_NAME,
    dns.rdatatype.RT: _PREFERENCE_AND_NAME,
    dns.rdatatype.SIG: _Layout(18, 0, 1, None),
    dns.rdatatype.PX: _Layout(2, 0, 2, 0),
    dns.rdatatype.NXT: _Layout(0, 0, 1, None),
    RRType.SRV: _Layout(6, 0, 1, 0),
    dns.rdatatype.NAPTR: _Layout(4, 3, 1, 0),
    RRType.DNAME: _ONE_NAME,
}

_Reader = Callable[[bytes, int, int, dict[int, Name], int], bytes]


def _wrong_length(rtype: int) -> MessageError:
    return MessageError(f"{type_to_text(rtype)} data of a wrong length or shape")


def _address(data: bytes, start: int, end: int, _known: dict[int, Name], rtype: int) -> bytes:
    if end - start != (4 if rtype == RRType.A else 16):
        raise _wrong_length(rtype)
    return data[start:end]


def _text(data: bytes, start: int, end: int, _known: dict[int, Name], rtype: int) -> bytes:
    """At least one character string, and nothing after the last (RFC 1035 section 3.3.14)."""
    position = start
    while position < end:
        position += 1 + data[position]
    if position != end or start == end:
        raise _wrong_length(rtype)
    return data[start:end]


def _with_names(data: bytes, start: int, end: int, known: dict[int, Name], rtype: int) -> bytes:
    before, strings, names, after = _LAYOUTS[rtype]
    position = start + before
    for _ in range(strings):
        position += 1 + data[position]
    parts = [data[start:position]]
    for _ in range(names):
        name, position = read_name(data, position, known)
        parts.append(name)
    if position > end or after not in {None, end - position}:
        raise _wrong_length(rtype)
    parts.append(data[position:end])
    return b"".join(parts)


def _other(data: bytes, start: int, end: int, _known: dict[int, Name], rtype: int) -> bytes:
    """A type without names to decompress: dnspython judges its shape, and takes what it does not know."""
    if is_meta_type(rtype):
        raise MessageError(f"a record of type {type_to_text(rtype)}, which no zone holds")
    rdata = data[start:end]
    if rtype >= _FIRST_PRIVATE_TYPE:
        return rdata
    try:
        check_rdata(rtype, rdata)
    except (dns.exception.DNSException, ValueError):
        raise _wrong_length(rtype) from None
    return rdata


_READERS: dict[int, _Reader] = {
    RRType.A: _address,
    RRType.AAAA: _address,
    RRType.TXT: _text,
    **dict.fromkeys(_LAYOUTS, _with_names),
}


def _as_it_came(data: bytes, start: int, end: int, _known: dict[int, Name], _rtype: int) -> bytes:
    return data[start:end]


_REQUEST_READERS: dict[int, _Reader] = {RRType.SOA: _with_names}
