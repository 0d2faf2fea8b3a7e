"""Malformed packets, a row for each class that the query parser can meet: what comes, what goes back, and why.

A row is the packet; the rcode it gets, None for silence; whether the question comes back with it; and what the counter
is called. `tests/wire` holds the parser to it, `tests/conformance` compares with what Knot, NSD and BIND send.
"""

from gslb.wire.codes import CLASS_IN, Rcode, RRType
from gslb.wire.names import name_from_text

WWW = name_from_text("www.example.")
OPT = b"\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x00"
OPT_WITH_COOKIE = b"\x00\x00\x29\x04\xd0\x00\x00\x80\x00\x00\x0c" + b"\x00\x0a\x00\x08abcdefgh"
TSIG = b"\x03key\x00\x00\xfa\x00\xff\x00\x00\x00\x00\x00\x03abc"
SOA_RECORD = b"\xc0\x0c\x00\x06\x00\x01\x00\x00\x00\x00\x00\x16\x00\x00" + bytes(20)
A_RECORD = b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x00\x00\x04\xc0\x00\x02\x01"


def header(*, flags: int = 0x0100, counts: tuple[int, int, int, int] = (1, 0, 0, 0)) -> bytes:
    return b"\xab\xcd" + b"".join(number.to_bytes(2, "big") for number in (flags, *counts))


def question(name: bytes = WWW, qtype: int = RRType.A, qclass: int = CLASS_IN) -> bytes:
    return name + qtype.to_bytes(2, "big") + qclass.to_bytes(2, "big")


def with_additional(*records: bytes) -> bytes:
    return header(counts=(1, 0, 0, len(records))) + question() + b"".join(records)


def opt(rdata: bytes) -> bytes:
    return OPT[:-2] + len(rdata).to_bytes(2, "big") + rdata


LONGEST = (b"\x3f" + b"a" * 63) * 3 + b"\x3d" + b"a" * 61 + b"\x00"
TOO_LONG = (b"\x3f" + b"a" * 63) * 3 + b"\x3e" + b"a" * 62 + b"\x00"

MALFORMED = {
    # Silence: nothing to answer to, or a loop of two servers answering one another.
    "no octets": (b"", None, False, "shorter than a header"),
    "eleven octets": (header()[:11], None, False, "shorter than a header"),
    "a response": (header(flags=0x8000) + question(), None, False, "a response"),
    "a response of another opcode": (header(flags=0xA000) + question(), None, False, "a response"),
    # NOTIMP: the rest may have any shape, so no question is read.
    "opcode IQUERY": (header(flags=0x0800) + question(), Rcode.NOTIMP, False, "an opcode"),
    "opcode STATUS": (header(flags=0x1000) + question(), Rcode.NOTIMP, False, "an opcode"),
    "opcode NOTIFY": (header(flags=0x2000) + question(), Rcode.NOTIMP, False, "an opcode"),
    "opcode UPDATE": (header(flags=0x2800) + question(), Rcode.NOTIMP, False, "an opcode"),
    "opcode 2 with an OPT": (
        header(flags=0x1000, counts=(1, 0, 0, 1)) + question() + OPT,
        Rcode.NOTIMP,
        False,
        "an opcode",
    ),
    "opcode 15": (header(flags=0x7800), Rcode.NOTIMP, False, "an opcode"),
    # One question (RFC 9619).
    "a header only": (header(counts=(0, 0, 0, 0)), Rcode.FORMERR, False, "not exactly one question"),
    "no question, and an OPT without a cookie": (
        header(counts=(0, 0, 0, 1)) + OPT,
        Rcode.FORMERR,
        False,
        "not exactly one question",
    ),
    "no question, and a cookie beside an answer": (
        header(counts=(0, 1, 0, 1)) + A_RECORD + OPT_WITH_COOKIE,
        Rcode.FORMERR,
        False,
        "not exactly one question",
    ),
    "no question, and a cookie that is cut short": (
        header(counts=(0, 0, 0, 1)) + OPT_WITH_COOKIE[:-1],
        Rcode.FORMERR,
        False,
        "a record is cut short",
    ),
    "two questions": (
        header(counts=(2, 0, 0, 0)) + question() * 2,
        Rcode.FORMERR,
        False,
        "not exactly one question",
    ),
    # The question cannot be read: the reply has none.
    "no question where one is counted": (header(), Rcode.FORMERR, False, "the question is cut short"),
    "a name that runs out": (header() + b"\x03ww", Rcode.FORMERR, False, "the question is cut short"),
    "a name without its root": (header() + b"\x03www", Rcode.FORMERR, False, "the question is cut short"),
    "no type": (header() + WWW, Rcode.FORMERR, False, "the question is cut short"),
    "half a class": (header() + question()[:-1], Rcode.FORMERR, False, "the question is cut short"),
    "a pointer to itself": (header() + b"\xc0\x0c\x00\x01\x00\x01", Rcode.FORMERR, False, "a pointer"),
    "a pointer after a label": (header() + b"\x01a\xc0\x0c\x00\x01\x00\x01", Rcode.FORMERR, False, "a pointer"),
    "a label of 64 octets": (
        header() + b"\x40" + b"a" * 64 + b"\x00\x00\x01\x00\x01",
        Rcode.FORMERR,
        False,
        "a pointer or a bad label",
    ),
    "the reserved label type 10": (header() + b"\x80a\x00\x00\x01\x00\x01", Rcode.FORMERR, False, "a bad label"),
    "a name of 256 octets": (header() + question(TOO_LONG), Rcode.FORMERR, False, "more than 255 octets"),
    # Sections.
    "an answer": (
        header(counts=(1, 1, 0, 0)) + question() + A_RECORD,
        Rcode.FORMERR,
        True,
        "a section that a query leaves empty",
    ),
    "an authority record": (
        header(counts=(1, 0, 1, 0)) + question() + SOA_RECORD,
        Rcode.FORMERR,
        True,
        "a section that a query leaves empty",
    ),
    "two authority records in an IXFR": (
        header(counts=(1, 0, 2, 0)) + question(qtype=RRType.IXFR) + SOA_RECORD * 2,
        Rcode.FORMERR,
        True,
        "a section that a query leaves empty",
    ),
    "octets after the question": (header() + question() + b"\x00", Rcode.FORMERR, True, "after the last record"),
    "octets after the OPT": (with_additional(OPT) + b"x", Rcode.FORMERR, True, "after the last record"),
    "fewer records than counted": (
        header(counts=(1, 0, 0, 2)) + question() + OPT,
        Rcode.FORMERR,
        True,
        "a record is cut short",
    ),
    # More than a query has any use for: refused before it costs more than others do.
    "65,535 records counted": (header(counts=(1, 0, 0, 65535)) + question(), Rcode.FORMERR, True, "more records than"),
    "nine records": (with_additional(*[A_RECORD] * 9), Rcode.FORMERR, True, "more records than a query has"),
    "4,097 octets": (
        with_additional(opt(bytes(4097 - len(with_additional(OPT))))),
        Rcode.FORMERR,
        False,
        "longer than any query",
    ),
    "a record's owner of 256 octets": (with_additional(TOO_LONG + A_RECORD[1:]), Rcode.FORMERR, True, "cut short"),
    "a record's owner cut": (with_additional(b"\x03ke"), Rcode.FORMERR, True, "a record is cut short"),
    "a record's owner of label type 10": (with_additional(b"\x80" + OPT), Rcode.FORMERR, True, "cut short"),
    "half a pointer": (with_additional(b"\xc0"), Rcode.FORMERR, True, "a record is cut short"),
    "a record's fixed part cut": (with_additional(OPT[:-1]), Rcode.FORMERR, True, "a record is cut short"),
    "a record's rdata cut": (with_additional(opt(b"abcde")[:-1]), Rcode.FORMERR, True, "a record is cut short"),
    # EDNS (RFC 6891 section 6.1.1) and TSIG (RFC 8945 section 5.1).
    "two OPT records": (with_additional(OPT, OPT), Rcode.FORMERR, True, "a second or misplaced OPT"),
    "an OPT not owned by the root": (
        with_additional(b"\x01a" + OPT),
        Rcode.FORMERR,
        True,
        "a second or misplaced OPT",
    ),
    "an OPT in the authority section": (
        header(counts=(1, 0, 1, 0)) + question(qtype=RRType.IXFR) + OPT,
        Rcode.FORMERR,
        True,
        "a second or misplaced OPT",
    ),
    "an option that runs out": (
        with_additional(opt(b"\x00\x0a\x00\x08abcd")),
        Rcode.FORMERR,
        True,
        "a malformed EDNS option",
    ),
    "half an option code": (with_additional(opt(b"\x00")), Rcode.FORMERR, True, "a malformed EDNS option"),
    "a TSIG in the authority section": (
        header(counts=(1, 0, 1, 0)) + question(qtype=RRType.IXFR) + TSIG,
        Rcode.FORMERR,
        True,
        "a TSIG before the additional section",
    ),
    "an OPT owned by a pointer to the root label": (
        with_additional(b"\xc0\x18" + OPT[1:]),
        Rcode.FORMERR,
        True,
        "a second or misplaced OPT",
    ),
    "an OPT in the answer section": (
        header(counts=(1, 1, 0, 0)) + question() + OPT,
        Rcode.FORMERR,
        True,
        "a section that a query leaves empty",
    ),
    "two TSIG records": (with_additional(TSIG, TSIG), Rcode.FORMERR, True, "a record after the TSIG"),
    "a record after the TSIG": (with_additional(TSIG, OPT), Rcode.FORMERR, True, "a record after the TSIG"),
}


# Where we answer otherwise than Knot, NSD and BIND all do, and why.
ON_PURPOSE = {
    **dict.fromkeys(
        (
            "two OPT records",
            "an OPT not owned by the root",
            "an OPT owned by a pointer to the root label",
            "an OPT in the authority section",
            "an option that runs out",
            "half an option code",
        ),
        "FORMERR without an OPT would say that we do not speak EDNS (RFC 6891 section 7)",
    ),
    "two authority records in an IXFR": "more than RFC 1995 section 3 has there is no request we know",
}
