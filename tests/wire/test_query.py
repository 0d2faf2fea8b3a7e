"""The query parser: what each class of malformed packet gets back, and why."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.wire.codes import CLASS_IN, Rcode, RRType
from gslb.wire.edns import Edns
from gslb.wire.names import name_from_text
from gslb.wire.query import FormError, Query, parse_query

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

# The packet; the rcode it gets, None for silence; whether the question is echoed; what the counter is called.
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
    "65,535 records counted": (header(counts=(1, 0, 0, 65535)) + question(), Rcode.FORMERR, True, "cut short"),
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
    "a record after the TSIG": (with_additional(TSIG, OPT), Rcode.FORMERR, True, "a record after the TSIG"),
}


@pytest.mark.parametrize("kind", MALFORMED)
def test_a_malformed_packet_gets_its_rcode_or_silence(kind: str) -> None:
    packet, rcode, echoed, reason = MALFORMED[kind]
    with pytest.raises(FormError, match=reason) as caught:
        parse_query(packet)
    assert caught.value.rcode is rcode
    assert packet[12 : caught.value.question_end] == (packet[12 : packet.find(0, 12) + 5] if echoed else b"")


def test_a_fault_in_or_beside_an_opt_asks_for_an_opt_in_the_reply() -> None:
    marked = set()
    for kind, (packet, *_) in MALFORMED.items():
        with pytest.raises(FormError) as caught:
            parse_query(packet)
        marked |= {kind} if caught.value.with_opt else set()
    assert marked == {
        "opcode 2 with an OPT",
        "two OPT records",
        "an OPT not owned by the root",
        "an OPT in the authority section",
        "an option that runs out",
        "half an option code",
    }


@pytest.mark.parametrize(
    ("packet", "expected"),
    [
        (header() + question(), Query(b"\xab\xcd", 0x0100, WWW, 1, 1, None, signed=False)),
        (header(flags=0x0130) + question(), Query(b"\xab\xcd", 0x0130, WWW, 1, 1, None, signed=False)),
        (
            header() + question(b"\x03wWw\x07ExAmPlE\x00", 65, 3),
            Query(b"\xab\xcd", 0x0100, b"\x03wWw\x07ExAmPlE\x00", 65, 3, None, signed=False),
        ),
        (header() + question(b"\x00"), Query(b"\xab\xcd", 0x0100, b"\x00", 1, 1, None, signed=False)),
        (header() + question(LONGEST), Query(b"\xab\xcd", 0x0100, LONGEST, 1, 1, None, signed=False)),
        (
            with_additional(OPT),
            Query(b"\xab\xcd", 0x0100, WWW, 1, 1, Edns(1232, 0, dnssec_ok=False), signed=False),
        ),
        (
            with_additional(OPT_WITH_COOKIE),
            Query(
                b"\xab\xcd",
                0x0100,
                WWW,
                1,
                1,
                Edns(1232, 0, dnssec_ok=True, options=((10, b"abcdefgh"),)),
                signed=False,
            ),
        ),
        (  # the answer to another version is BADVERS, whatever its rdata holds (RFC 6891 section 6.1.3)
            with_additional(opt(b"\x00\x0a\x00\x08abcd").replace(b"\x00\x00\x00\x00", b"\x00\x01\x80\x00", 1)),
            Query(b"\xab\xcd", 0x0100, WWW, 1, 1, Edns(1232, 1, dnssec_ok=True), signed=False),
        ),
        (
            with_additional(OPT, TSIG),
            Query(b"\xab\xcd", 0x0100, WWW, 1, 1, Edns(1232, 0, dnssec_ok=False), signed=True),
        ),
        (
            with_additional(b"\x3f" + b"k" * 63 + TSIG[4:]),  # a key's name of the longest label
            Query(b"\xab\xcd", 0x0100, WWW, 1, 1, None, signed=True),
        ),
        (
            with_additional(A_RECORD, OPT),
            Query(b"\xab\xcd", 0x0100, WWW, 1, 1, Edns(1232, 0, dnssec_ok=False), signed=False),
        ),
        (
            header(counts=(1, 0, 1, 0)) + question(qtype=RRType.IXFR) + SOA_RECORD,
            Query(b"\xab\xcd", 0x0100, WWW, RRType.IXFR, 1, None, signed=False),
        ),
    ],
)
def test_a_well_formed_query_parses(packet: bytes, expected: Query) -> None:
    assert parse_query(packet) == expected


@given(st.binary(min_size=1, max_size=63), st.integers(0, 65535), st.integers(0, 65535))
def test_a_query_gives_back_the_octets_of_its_question(label: bytes, qtype: int, qclass: int) -> None:
    asked = question(bytes((len(label),)) + label + b"\x07example\x00", qtype, qclass)
    assert parse_query(header() + asked).question == asked


@given(st.binary(max_size=80))
def test_any_octets_after_a_query_header_parse_or_raise_form_error(tail: bytes) -> None:
    for counts in ((1, 0, 0, 0), (1, 0, 0, 1), (1, 0, 0, 2), (1, 0, 1, 0)):
        packet = header(counts=counts) + tail
        refused = None
        try:
            query = parse_query(packet)
        except FormError as error:
            refused = error
        if refused is None:
            assert packet[12:].startswith(query.question)
        else:
            assert refused.rcode is Rcode.FORMERR
            assert 12 <= refused.question_end <= len(packet)
