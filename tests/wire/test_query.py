"""The query parser: what each class of malformed packet gets back, and why."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from malformed import (
    A_RECORD,
    LONGEST,
    MALFORMED,
    OPT,
    OPT_WITH_COOKIE,
    SOA_RECORD,
    TSIG,
    WWW,
    header,
    opt,
    question,
    with_additional,
)

from gslb.wire.codes import Rcode, RRType
from gslb.wire.edns import Edns
from gslb.wire.query import FormError, Query, parse_query


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
        "no question, and an OPT without a cookie",
        "two OPT records",
        "an OPT not owned by the root",
        "an OPT owned by a pointer to the root label",
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
        (  # a query for a cookie alone (RFC 7873 section 5.4)
            header(counts=(0, 0, 0, 1)) + OPT_WITH_COOKIE,
            Query(
                b"\xab\xcd",
                0x0100,
                b"",
                0,
                0,
                Edns(1232, 0, dnssec_ok=True, options=((10, b"abcdefgh"),)),
                signed=False,
            ),
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
