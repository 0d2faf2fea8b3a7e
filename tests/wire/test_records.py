"""The reader of messages that carry records: any bytes, a message or a reason; names decompressed where they may be."""

import dns.message
import dns.rdata
import dns.rdatatype
import dns.renderer
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gslb.wire.codes import AA, CLASS_CH, CLASS_IN, QR, RRType
from gslb.wire.edns import Edns
from gslb.wire.names import name_from_text
from gslb.wire.rdata import RdataError, rdata_from_text, rdata_to_text
from gslb.wire.records import Message, MessageError, Question, Record, is_well_formed, parse_message, parse_request

EXAMPLE = name_from_text("example.")
WWW = name_from_text("www.example.")
QUESTION = Question(WWW, RRType.A)
SIGNATURE = b"\x03key\x00\x00\xfa\x00\xff\x00\x00\x00\x00\x00\x03abc"
OPT = b"\x00\x00\x29\x04\xd0\x01\x00\x80\x00\x00\x06\x00\x09\x00\x02\x01\x02"


def header(*counts: int, flags: int = QR | AA) -> bytes:
    return b"\xab\xcd" + b"".join(number.to_bytes(2, "big") for number in (flags, *counts))


def record(
    rdata: bytes, rtype: int = RRType.A, owner: bytes = b"\xc0\x0c", rclass: int = CLASS_IN, ttl: int = 60
) -> bytes:
    fixed = rtype.to_bytes(2, "big") + rclass.to_bytes(2, "big") + ttl.to_bytes(4, "big")
    return owner + fixed + len(rdata).to_bytes(2, "big") + rdata


def answering(*records: bytes) -> bytes:
    """A message of the question WWW, whose name stands at 12 and `example.` at 16, and these answers."""
    return header(1, len(records), 0, 0) + QUESTION.wire + b"".join(records)


def with_additional(*records: bytes) -> bytes:
    return header(1, 0, 0, len(records)) + QUESTION.wire + b"".join(records)


def only_rdata(data: bytes) -> bytes:
    (found,) = parse_message(data).answer
    return found.rdata


def test_a_message_has_its_sections_apart() -> None:
    first, second, third = (record(bytes((192, 0, 2, last))) for last in (1, 2, 3))
    data = header(1, 1, 1, 1) + QUESTION.wire + first + second + third
    expected = [Record(WWW, RRType.A, 60, bytes((192, 0, 2, last))) for last in (1, 2, 3)]
    assert parse_message(data) == Message(
        b"\xab\xcd", QR | AA, 0, QUESTION, (expected[0],), (expected[1],), (expected[2],), None, None
    )


def test_a_message_may_have_no_question() -> None:
    assert parse_message(header(0, 0, 0, 0)).question is None


def test_the_question_keeps_its_case_and_an_owner_is_canonical() -> None:
    question = Question(name_from_text("WwW.Example."), RRType.AXFR)
    message = parse_message(header(1, 1, 0, 0) + question.wire + record(bytes(4)))
    assert message.question == question
    assert message.answer[0].owner == WWW


def test_rdata_keeps_its_case() -> None:
    assert only_rdata(answering(record(b"\x02Ns\xc0\x10", RRType.NS))) == b"\x02Ns\x07example\x00"


def test_a_ttl_with_its_top_bit_set_is_zero() -> None:
    (largest, over) = parse_message(
        answering(record(bytes(4), ttl=0x7FFFFFFF), record(bytes(4), ttl=0x80000000))
    ).answer
    assert (largest.ttl_seconds, over.ttl_seconds) == (0x7FFFFFFF, 0)


@pytest.mark.parametrize(
    ("rtype", "sent", "whole"),
    [
        ("NS", b"\xc0\x0c", WWW),
        ("CNAME", b"\x01a\xc0\x10", b"\x01a" + EXAMPLE),
        ("PTR", b"\x00", b"\x00"),
        ("DNAME", b"\xc0\x10", EXAMPLE),
        ("MB", b"\xc0\x10", EXAMPLE),
        ("MINFO", b"\xc0\x10\xc0\x0c", EXAMPLE + WWW),
        ("SOA", b"\xc0\x0c\xc0\x10" + bytes(range(20)), WWW + EXAMPLE + bytes(range(20))),
        ("MX", b"\x00\x0a\xc0\x10", b"\x00\x0a" + EXAMPLE),
        ("RP", b"\xc0\x10\xc0\x0c", EXAMPLE + WWW),
        ("AFSDB", b"\x00\x01\xc0\x10", b"\x00\x01" + EXAMPLE),
        ("RT", b"\x00\x01\xc0\x10", b"\x00\x01" + EXAMPLE),
        ("PX", b"\x00\x01\xc0\x10\xc0\x0c", b"\x00\x01" + EXAMPLE + WWW),
        ("SRV", b"\x00\x01\x00\x02\x00\x03\xc0\x10", b"\x00\x01\x00\x02\x00\x03" + EXAMPLE),
        ("NAPTR", b"\0\1\0\2\1u\3sip\0\xc0\x10", b"\0\1\0\2\1u\3sip\0" + EXAMPLE),
        ("SIG", bytes(18) + b"\xc0\x10signature", bytes(18) + EXAMPLE + b"signature"),
        ("NXT", b"\xc0\x10\x40\x01", EXAMPLE + b"\x40\x01"),
    ],
)
def test_names_in_rdata_are_decompressed(rtype: str, sent: bytes, whole: bytes) -> None:
    assert only_rdata(answering(record(sent, dns.rdatatype.from_text(rtype)))) == whole


def test_a_name_may_point_at_one_that_ends_in_a_pointer() -> None:
    first = record(bytes(4), owner=b"\x01a\xc0\x0c")  # at 29, after the question
    message = parse_message(answering(first, record(bytes(4), owner=b"\x01b\xc0\x1d")))
    assert [found.owner for found in message.answer] == [b"\x01a" + WWW, b"\x01b\x01a" + WWW]


def test_a_name_may_point_into_the_middle_of_another() -> None:
    assert parse_message(answering(record(bytes(4), owner=b"\xc0\x10"))).answer[0].owner == EXAMPLE


def test_a_name_may_point_at_a_name_in_rdata() -> None:
    alias = record(b"\x01a\x01b\x00", RRType.CNAME)
    message = parse_message(answering(alias, record(bytes(4), owner=b"\xc0\x2b")))
    assert message.answer[1].owner == b"\x01b\x00"


@pytest.mark.parametrize(
    ("rtype", "rdata"),
    [
        (RRType.A, b"\xc0\x00\x02"),
        (RRType.A, bytes(5)),
        (RRType.AAAA, bytes(4)),
        (RRType.TXT, b""),
        (RRType.TXT, b"\x02a"),
        (RRType.TXT, b"\x01ab"),
        (RRType.NS, b""),
        (RRType.NS, b"\x01a\x00\x00"),
        (RRType.MX, b"\x00"),
        (RRType.MX, b"\x00\x0a"),
        (RRType.SOA, b"\x00\x00" + bytes(19)),
        (RRType.SOA, b"\x00\x00" + bytes(21)),
        (dns.rdatatype.NAPTR, b"\x00\x01\x00\x02\x01u"),
        (dns.rdatatype.NXT, b""),
        (dns.rdatatype.CAA, b"\x00"),
        (RRType.HTTPS, b"\x00\x01\x00\x00\x01\x00\x09"),
        (RRType.HTTPS, b"\x00\x00\x00\x00\x01\x00\x09"),
        (RRType.SVCB, b"\x00\x01\xc0\x0c"),  # its target is never compressed
        (RRType.SVCB, b"\x00\x01\x00\x00\x03\x00"),
        (dns.rdatatype.TLSA, b"\x03\x01"),
        (RRType.DNSKEY, b"\x01"),
        (RRType.DS, b"\x00\x01\x0d\x02"),  # no digest at all
    ],
)
def test_rdata_of_a_wrong_length_or_shape_is_refused(rtype: int, rdata: bytes) -> None:
    following = record(bytes(300), 65282)  # so that what is too short runs into the next record, not off the end
    with pytest.raises(MessageError, match="wrong length or shape"):
        parse_message(answering(record(rdata, rtype), following))


@pytest.mark.parametrize(
    ("rtype", "rdata"),
    [
        (65282, b""),
        (65282, b"\xc0\x0c"),
        (1234, b"anything"),
        (RRType.HTTPS, rdata_from_text(RRType.HTTPS, "1 . alpn=h2", EXAMPLE)),
        (RRType.HTTPS, b"\x00\x00\x00\x00\x01\x00\x03\x02h2"),  # AliasMode with SvcParams (RFC 9460 section 2.4.2)
        (dns.rdatatype.CAA, rdata_from_text(dns.rdatatype.CAA, '0 issue "x.example"', EXAMPLE)),
    ],
)
def test_rdata_without_compressible_names_arrives_as_it_was_sent(rtype: int, rdata: bytes) -> None:
    assert only_rdata(answering(record(rdata, rtype))) == rdata


@pytest.mark.parametrize(
    ("rtype", "rdata"),
    [
        (RRType.DS, "0001 0d 02 abcd"),  # a digest of another length than that of its type
        (RRType.DS, "0001 0d 00 abcd"),  # a digest type that is reserved
        (dns.rdatatype.SSHFP, "01 01 abcd"),
        (dns.rdatatype.TLSA, "03 01 01 abcd"),
        (dns.rdatatype.SMIMEA, "03 01 01"),
        (dns.rdatatype.ZONEMD, "00000001 00 01 abcd"),  # a scheme that is reserved, and a short digest
        (dns.rdatatype.CAA, "00 00 61"),  # a tag of no letters
        (dns.rdatatype.URI, "0001 0001"),  # no target
        (dns.rdatatype.LOC, "01 000000"),  # another version
        (dns.rdatatype.LOC, "00 000000 00000000 00000000 00000000"),  # south of the pole
        (dns.rdatatype.AMTRELAY, "0a 7f ab"),  # a type of relay that nobody knows
        (dns.rdatatype.IPSECKEY, "0a 05 02 ab"),
        (dns.rdatatype.CSYNC, "00000001 0000 0000"),  # a bitmap of no types
        (dns.rdatatype.APL, "0001 21 00"),  # a prefix of 33 bits
        (dns.rdatatype.GPOS, "0178 0131 0131"),  # no number
        (RRType.SVCB, "0001 00 0002 0000"),  # no-default-alpn without alpn
        (RRType.HTTPS, "0001 00 0005 0003 ababab"),  # an ech that is no list
        (RRType.HTTPS, "0001 00 0003 0002 0035 0001 0003 026832"),  # keys out of order
    ],
)
def test_what_only_clients_can_make_no_sense_of_is_taken_and_shown_in_the_generic_form(rtype: int, rdata: str) -> None:
    octets = bytes.fromhex(rdata)
    assert only_rdata(answering(record(octets, rtype))) == octets
    if rtype not in {RRType.DS, dns.rdatatype.ZONEMD}:
        assert rdata_to_text(rtype, octets) == rf"\# {len(octets)} {octets.hex()}"
        with pytest.raises(RdataError):
            rdata_from_text(rtype, rdata_to_text(rtype, octets), EXAMPLE)


def test_an_opt_record_gives_its_options_and_the_upper_bits_of_the_rcode() -> None:
    data = header(1, 0, 0, 2, flags=QR | 0x0003) + QUESTION.wire + record(bytes(4)) + OPT
    message = parse_message(data)
    assert message.edns == Edns(1232, 0, dnssec_ok=True, options=((9, b"\x01\x02"),))
    assert message.rcode == 0x13
    assert len(message.additional) == 1


def test_a_tsig_record_is_told_by_its_offset() -> None:
    data = with_additional(OPT, SIGNATURE)
    message = parse_message(data)
    assert message.tsig_start == len(data) - len(SIGNATURE)
    assert message.additional == ()


MALFORMED = {
    "no octets": (b"", "shorter than a header"),
    "eleven octets": (header(0, 0, 0, 0)[:11], "shorter than a header"),
    "two questions": (header(2, 0, 0, 0) + QUESTION.wire * 2, "more than one question"),
    "a question that is cut short": (header(1, 0, 0, 0) + QUESTION.wire[:-1], "cut short"),
    "a name that is cut short": (header(1, 0, 0, 0) + WWW[:-1], "cut short"),
    "a record that is not there": (header(1, 1, 0, 0) + QUESTION.wire, "cut short"),
    "a record without its rdata": (answering(record(bytes(4)))[:-1], "cut short"),
    "a fixed part that is cut short": (answering(record(b""))[:-1], "cut short"),
    "octets after the last record": (answering() + b"\x00", "octets after"),
    "a pointer at itself": (answering(record(bytes(4), owner=b"\xc0\x1d")), "does not point back"),
    "a name that points at itself": (answering(record(bytes(4), owner=b"\x01a\xc0\x1d")), "does not point back"),
    "a pointer forward": (answering(record(bytes(4), owner=b"\xc0\x30")), "does not point back"),
    "a pointer into the header": (answering(record(bytes(4), owner=b"\xc0\x0b")), "into the header"),
    "a label type 0x40": (answering(record(bytes(4), owner=b"\x41a\x00")), "a bad label"),
    "a label type 0x80": (answering(record(bytes(4), owner=b"\x81a\x00")), "a bad label"),
    "a name of 256 octets": (
        header(1, 0, 0, 0) + (b"\x3f" + b"a" * 63) * 3 + b"\x3e" + b"a" * 62 + b"\x00" + bytes(4),
        "more than 255",
    ),
    "a name that is too long with its pointer": (
        answering(record(bytes(4), owner=(b"\x3f" + b"a" * 63) * 3 + b"\x3f" + b"a" * 63 + b"\xc0\x0c")),
        "more than 255",
    ),
    "a record of class CH": (answering(record(bytes(4), rclass=CLASS_CH)), "class 3, not IN"),
    "a record of type ANY": (answering(record(b"", RRType.ANY)), "type ANY"),
    "an OPT among the answers": (answering(record(b"", RRType.OPT)), "type OPT"),
    "two OPT records": (with_additional(OPT, OPT), "misplaced OPT"),
    "an OPT not of the root": (with_additional(b"\x01a" + OPT), "misplaced OPT"),
    "an option that is cut short": (with_additional(OPT[:-4] + b"\x00\x07\x01\x02"), "EDNS option"),
    "a record after the TSIG": (with_additional(SIGNATURE, OPT), "after the TSIG"),
    "a TSIG among the answers": (answering(SIGNATURE), "class 255"),
}


@pytest.mark.parametrize(("data", "reason"), MALFORMED.values(), ids=MALFORMED)
def test_what_is_no_message_is_refused_with_a_reason(data: bytes, reason: str) -> None:
    with pytest.raises(MessageError, match=reason) as caught:
        parse_message(data)
    assert caught.value.reason == str(caught.value)


def test_a_long_chain_of_pointers_is_refused() -> None:
    first = 29 + 12
    chain = b"\x00" + b"".join((0xC000 | first + max(0, 2 * n - 1)).to_bytes(2, "big") for n in range(2000))
    assert len(chain) < 65535
    last = (0xC000 | first + len(chain) - 2).to_bytes(2, "big")
    with pytest.raises(MessageError, match="chain of compression pointers"):
        parse_message(answering(record(chain, 65282), record(bytes(4), owner=last)))


def refused_or_whole(data: bytes) -> Message | None:
    try:
        return parse_message(data)
    except MessageError:
        return None


@given(st.binary(max_size=300))
@example(answering(record(bytes(4))))
def test_any_octets_are_a_message_or_a_message_error(data: bytes) -> None:
    message = refused_or_whole(data)
    assert message is None or message.message_id == data[:2]


VALID = with_additional(record(b"\x00\x0a\x01m\xc0\x10", RRType.MX), record(b"\xc0\x0c", RRType.CNAME), OPT, SIGNATURE)


@given(st.data())
def test_any_change_to_a_message_leaves_a_message_or_a_message_error(data: st.DataObject) -> None:
    changed = bytearray(VALID)
    for position in data.draw(st.lists(st.integers(0, len(VALID) - 1), min_size=1, max_size=6)):
        changed[position] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(VALID)))
    for octets in (bytes(changed), bytes(changed[:cut])):
        message = refused_or_whole(octets)
        for found in message.additional if message else ():
            assert len(found.owner) <= 255
            dns.rdata.from_wire("IN", found.rtype, found.rdata, 0, len(found.rdata))


ZONE = """
@ 3600 SOA ns1 hostmaster 1 2 3 4 5
@ 3600 NS ns1
@ 3600 MX 10 mail
ns1 60 A 192.0.2.1
ns1 60 AAAA 2001:db8::1
deep.in.the.zone 60 TXT "a" "b"
_sip._udp 60 SRV 1 2 5060 ns1
@ 60 NAPTR 1 2 "u" "sip" "!x!y!" .
@ 60 RP hostmaster txt
@ 60 CAA 0 issue "ca.example"
@ 60 HTTPS 1 . alpn=h2
d 60 DNAME other
unknown 60 TYPE65282 \\# 2 abcd
"""


def test_what_dnspython_packs_is_read_with_equal_content() -> None:
    lines = [line.split(" ", 3) for line in ZONE.strip().splitlines()]
    records = [
        Record(
            name_from_text(owner, EXAMPLE),
            rtype := dns.rdatatype.from_text(rtype_text),
            int(ttl),
            rdata_from_text(rtype, rdata, EXAMPLE),
        )
        for owner, ttl, rtype_text, rdata in lines
    ]
    renderer = dns.renderer.Renderer(1, QR, 65535)
    for found in records:
        rdata = dns.rdata.from_wire("IN", found.rtype, found.rdata, 0, len(found.rdata))
        rrset = dns.rrset.from_rdata(dns.name.from_wire(found.owner, 0)[0], found.ttl_seconds, rdata)
        renderer.add_rrset(dns.renderer.ANSWER, rrset)
    renderer.write_header()
    assert list(parse_message(renderer.get_wire()).answer) == records


@pytest.mark.parametrize(
    ("rtype", "rdata", "well_formed"),
    [
        (RRType.A, bytes(4), True),
        (RRType.A, bytes(3), False),
        (RRType.AAAA, bytes(16), True),
        (RRType.CNAME, b"\x01a\x00", True),
        (RRType.CNAME, b"\x01a", False),
        (RRType.CNAME, b"", False),
        (RRType.CNAME, b"\x0caaaaaaaaaaaa\xc0\x0c", False),
        (RRType.CNAME, (b"\x3f" + bytes(63)) * 4 + b"\x00", False),
        (RRType.CNAME, b"\x01a\x00\x00", False),
        (RRType.TXT, b"\x01ab", False),
        (44, b"\x01", False),
        (65300, b"anything", True),
    ],
)
def test_rdata_by_itself_is_well_formed_or_not(rtype: int, rdata: bytes, *, well_formed: bool) -> None:
    assert is_well_formed(rtype, rdata) is well_formed


def request(*records: bytes, question: bytes = b"\x07example\x00\x00\x06\x00\x01") -> bytes:
    counts = (1, 0, 0, len(records))
    return b"\x12\x34\x20\x00" + b"".join(count.to_bytes(2, "big") for count in counts) + question + b"".join(records)


def test_of_a_request_only_the_soa_is_read() -> None:
    damaged = b"\x00\x00\x01\x00\x01\x00\x00\x00\x00\x00\x01x"  # an address of one octet
    assert parse_request(request(damaged)).additional == (Record(b"\x00", RRType.A, 0, b"x"),)
    soa = b"\xc0\x0c\x00\x06\x00\x01\x00\x00\x00\x00\x00\x18\xc0\x0c\xc0\x0c" + bytes(20)
    (read,) = parse_request(request(soa)).additional
    assert read.rdata == b"\x07example\x00" * 2 + bytes(20)
    with pytest.raises(MessageError):
        parse_message(request(damaged))


@pytest.mark.parametrize(
    "data",
    [
        request(*[b"\x00\x00\x10\x00\x01\x00\x00\x00\x00\x00\x00"] * 9),
        request(b"\x00\x00\x10\x00\x01\x00\x00\x00\x00\x0f\xff" + bytes(4095)),
        request()[:11],
        request()[:-1],
    ],
    ids=["nine records", "over 4,096 octets", "no header", "cut short"],
)
def test_what_no_request_is_is_refused_before_it_is_read(data: bytes) -> None:
    with pytest.raises(MessageError):
        parse_request(data)
