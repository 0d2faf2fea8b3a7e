"""The query parser: bytes from anyone, to a `Query` or a reason to refuse.

Any bytes give a `Query`, a `FormError` with the rcode to answer, or a `FormError` without one: silence, for what
is no query at all (too short for a header, or itself a response: answering those lets two servers bounce one
packet for ever). Sections are as RFC 1035 section 4.1; what must be there follows RFC 9619 (one question),
RFC 7873 section 5.4 (none, to ask for a cookie) and RFC 6891 (one OPT, owned by the root). What is longer, or has more
records or options, than a query has any use for is refused before it costs more than others do.
"""

import re
import struct
from typing import NamedTuple

from gslb.wire.codes import QR, Rcode, RRType
from gslb.wire.edns import Edns, Option, parse_options
from gslb.wire.names import LABELS_PATTERN, MAX_LABEL_OCTETS, MAX_NAME_OCTETS, Name

HEADER_OCTETS = 12
MAX_QUERY_OCTETS = 4096
"""A question, an OPT and a signature are far shorter. What costs time for each octet is bounded by this."""
MAX_RECORDS = 8
"""Beside the question: a query has an OPT and a TSIG or SIG(0), an IXFR an SOA, a NOTIFY one or a few of those."""
_NAME = re.compile(LABELS_PATTERN + b"\0", re.DOTALL)
_HEADER = struct.Struct("!5H")
"""Flags, and the counts of the four sections."""
_RECORD = struct.Struct("!HHBBHH")
"""Of an OPT: type, size, upper bits of the rcode, version, flags, and the length of the rdata (RFC 6891 section 6.1.3).
In other records class and TTL are there."""
_DO = 0x8000
_OPCODE = 0x7800
"""Of the flags; QUERY is 0."""
_OPT, _TSIG = int(RRType.OPT), int(RRType.TSIG)
NOT_ONE_QUESTION = "not exactly one question"


class FormError(Exception):
    """A packet we do not take. `rcode` None: no reply. `reason` is a short constant text, fit for a counter.

    `question_end` is the offset after the question where one could be read: the reply echoes it. `with_opt`: the
    fault lies in an OPT record, or in an opcode with one beside it, so the reply carries one (RFC 6891 section 7).
    """

    def __init__(
        self, rcode: Rcode | None, reason: str, question_end: int = HEADER_OCTETS, *, with_opt: bool = False
    ) -> None:
        super().__init__(reason)
        self.rcode = rcode
        self.reason = reason
        self.question_end = question_end
        self.with_opt = with_opt


class Query(NamedTuple):
    """One question. `qname` keeps the case in which it was asked; `question` are the octets of the section.

    Both are empty in a query for a cookie alone (RFC 7873 section 5.4), which has a COOKIE option and no question.
    """

    message_id: bytes
    flags: int
    qname: Name
    qtype: int
    qclass: int
    edns: Edns | None
    signed: bool

    @property
    def question(self) -> bytes:
        return self.qname and self.qname + self.qtype.to_bytes(2, "big") + self.qclass.to_bytes(2, "big")


def opcode_of(flags: int) -> int:
    return (flags >> 11) & 0xF


def parse_query(data: bytes) -> Query:
    """Parse a whole message. Raises `FormError`."""
    if len(data) < HEADER_OCTETS:
        raise FormError(None, "shorter than a header")
    flags, questions, answers, authorities, additionals = _HEADER.unpack_from(data, 2)
    if flags & QR:
        raise FormError(None, "a response, not a query")
    if flags & _OPCODE:
        raise FormError(Rcode.NOTIMP, "an opcode we do not serve", with_opt=_would_have_opt(data))
    if len(data) > MAX_QUERY_OCTETS:
        raise FormError(Rcode.FORMERR, "longer than any query")
    if questions == 0 and not answers and not authorities:
        return _parse_cookie_query(data, flags, additionals)
    if questions != 1:
        raise FormError(Rcode.FORMERR, NOT_ONE_QUESTION)
    end = _question_name_end(data)
    question_end = end + 4
    if question_end > len(data):
        raise FormError(Rcode.FORMERR, "the question is cut short")
    qtype = int.from_bytes(data[end : end + 2], "big")
    # The only records a query carries before its additional section: the SOA of an IXFR (RFC 1995 section 3).
    if answers or (authorities and (authorities > 1 or qtype != RRType.IXFR)):
        raise FormError(Rcode.FORMERR, "records in a section that a query leaves empty", question_end)
    edns, signed = _parse_records(data, question_end, authorities, additionals)
    return Query(
        data[:2],
        flags,
        data[HEADER_OCTETS:end],
        qtype,
        int.from_bytes(data[end + 2 : end + 4], "big"),
        edns,
        signed,
    )


def _parse_cookie_query(data: bytes, flags: int, additionals: int) -> Query:
    edns, signed = _parse_records(data, HEADER_OCTETS, 0, additionals)
    if edns is None or (edns.version == 0 and all(code != Option.COOKIE for code, _ in edns.options)):
        raise FormError(Rcode.FORMERR, NOT_ONE_QUESTION, with_opt=edns is not None)
    return Query(data[:2], flags, b"", 0, 0, edns, signed)


def asks_transfer(data: bytes) -> bool:
    """True when a message asks for a zone, AXFR or IXFR; whatever else may be wrong with it."""
    try:
        end = _question_name_end(data)
    except FormError:
        return False
    return int.from_bytes(data[end : end + 2], "big") in {RRType.AXFR, RRType.IXFR}


def _would_have_opt(data: bytes) -> bool:
    """Whether the message, were it a query, would have an OPT record. Only its sender knows how else to read it."""
    try:
        return parse_query(data[:2] + bytes((data[2] & 0x87,)) + data[3:]).edns is not None
    except FormError as error:
        return error.with_opt


def _question_name_end(data: bytes) -> int:
    whole = _NAME.match(data, HEADER_OCTETS, HEADER_OCTETS + MAX_NAME_OCTETS)
    if whole is None:
        raise FormError(Rcode.FORMERR, _fault_of_name(data))
    return whole.end()


def _fault_of_name(data: bytes) -> str:
    """What is wrong with a question name that is none."""
    position = HEADER_OCTETS
    while position < len(data):
        length = data[position]
        if length > MAX_LABEL_OCTETS:
            return "a pointer or a bad label in the question"
        position += 1 + length
        if position - HEADER_OCTETS > MAX_NAME_OCTETS:
            return "a name of more than 255 octets"
    return "the question is cut short"


def _parse_records(data: bytes, start: int, authorities: int, additionals: int) -> tuple[Edns | None, bool]:
    """Walk the records after the question: the OPT, if any, and whether a TSIG closes the message."""
    if authorities + additionals > MAX_RECORDS:
        raise FormError(Rcode.FORMERR, "more records than a query has", start)
    edns: Edns | None = None
    signed = False
    position = start
    for number in range(authorities + additionals):
        if signed:
            raise FormError(Rcode.FORMERR, "a record after the TSIG", start)
        owner_is_root = data[position : position + 1] == b"\x00"
        fixed = position + 1 if owner_is_root else _skip_name(data, position, start)
        rdata = fixed + _RECORD.size
        if rdata > len(data):
            raise FormError(Rcode.FORMERR, "a record is cut short", start)
        rtype, size, _, version, flags, octets = _RECORD.unpack_from(data, fixed)
        position = rdata + octets
        if position > len(data):
            raise FormError(Rcode.FORMERR, "a record is cut short", start)
        if rtype == _OPT:
            if edns is not None or not owner_is_root or number < authorities:
                raise FormError(Rcode.FORMERR, "a second or misplaced OPT record", start, with_opt=True)
            edns = _parse_opt(size, version, flags, data[rdata:position], start)
        signed = rtype == _TSIG
        if signed and number < authorities:
            raise FormError(Rcode.FORMERR, "a TSIG before the additional section", start)
    if position != len(data):
        raise FormError(Rcode.FORMERR, "octets after the last record", start)
    return edns, signed


def _parse_opt(size: int, version: int, flags: int, rdata: bytes, question_end: int) -> Edns:
    """What another version than 0 puts into the rdata is not known here."""
    if version or not rdata:
        return Edns(size, version, bool(flags & _DO))
    try:
        options = parse_options(rdata)
    except ValueError:
        raise FormError(Rcode.FORMERR, "a malformed EDNS option", question_end, with_opt=True) from None
    return Edns(size, version, bool(flags & _DO), options)


def _skip_name(data: bytes, position: int, question_end: int) -> int:
    """The offset after a name, a compression pointer closing it. The name itself is of no interest here."""
    limit = min(len(data), position + MAX_NAME_OCTETS)
    while position < limit:
        length = data[position]
        if length >= 0xC0:
            return position + 2
        if length > 63:
            break
        position += 1 + length
        if not length:
            return position
    raise FormError(Rcode.FORMERR, "a record is cut short", question_end)
