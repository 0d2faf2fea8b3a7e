"""Messages out of records: what was packed is read again, by us and by others, and no bound is passed."""

import dns.message
import dns.name
import dns.rdata
import dns.rdatatype
import dns.rrset
import dnslib
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.wire.codes import AA, QR, Opcode, RRType
from gslb.wire.edns import render_opt
from gslb.wire.names import Name, name_from_text
from gslb.wire.pack import DEFAULT_LIMIT, OversizedRecordError, pack_message, pack_messages
from gslb.wire.rdata import rdata_from_text
from gslb.wire.records import Question, Record, parse_message

EXAMPLE = name_from_text("example.")
AXFR = Question(EXAMPLE, RRType.AXFR)
FLAGS = QR | AA
POINTER_TO_EXAMPLE = b"\xc0\x0c"


def record(owner: str, rtype: str, rdata: str, ttl_seconds: int = 60) -> Record:
    number = int(dns.rdatatype.from_text(rtype))
    return Record(name_from_text(owner, EXAMPLE), number, ttl_seconds, rdata_from_text(number, rdata, EXAMPLE))


SOA = record("@", "SOA", "ns1 hostmaster 1 2 3 4 5")
ZONE = [
    SOA,
    record("@", "NS", "ns1"),
    record("@", "NS", "ns1.other.test."),
    record("@", "MX", "10 Mail.Example."),
    record("ns1", "A", "192.0.2.1"),
    record("ns1", "AAAA", "2001:db8::1"),
    record("a.deep.name", "TXT", '"a" "b"'),
    record("b.deep.name", "CNAME", "a.deep.name"),
    record("_sip._udp", "SRV", "1 2 5060 ns1"),
    record("d", "DNAME", "other"),
    record("x", "HTTPS", "1 . alpn=h2"),
    record("*.wild", "CAA", '0 issue "ca.example"'),
    record("unknown", "TYPE65282", r"\# 2 c00c"),
    SOA,
]


def packed(records: list[Record], **options: object) -> list[bytes]:
    return list(pack_messages(b"\xab\xcd", FLAGS, AXFR.wire, records, **options))


def answers(messages: list[bytes]) -> list[Record]:
    return [found for data in messages for found in parse_message(data).answer]


def many(count: int) -> list[Record]:
    return [SOA, *(record(f"host{number}", "A", "192.0.2.1") for number in range(count)), SOA]


def as_dnspython(found: Record) -> tuple[dns.name.Name, int, dns.rdata.Rdata]:
    rdata = dns.rdata.from_wire("IN", found.rtype, found.rdata, 0, len(found.rdata))
    return dns.name.from_wire(found.owner, 0)[0], found.ttl_seconds, rdata


def test_what_was_packed_is_read_again_in_its_order() -> None:
    (data,) = packed(ZONE)
    message = parse_message(data)
    assert list(message.answer) == ZONE
    assert (message.message_id, message.flags, message.question) == (b"\xab\xcd", FLAGS, AXFR)


def test_dnspython_reads_equal_content() -> None:
    (data,) = packed(ZONE)
    message = dns.message.from_wire(data, xfr=True, one_rr_per_rrset=True)
    found = [(rrset.name, rrset.ttl, rrset[0]) for rrset in message.answer]
    assert found == [as_dnspython(one) for one in ZONE]


def test_dnslib_reads_equal_content() -> None:
    (data,) = packed(ZONE)
    found = dnslib.DNSRecord.parse(data).rr
    assert [(rr.rname.label, rr.rtype, rr.ttl) for rr in found] == [
        (tuple(dns.name.from_wire(one.owner, 0)[0].labels[:-1]), one.rtype, one.ttl_seconds) for one in ZONE
    ]
    addresses = [str(rr.rdata) for rr in found if rr.rtype in {RRType.A, RRType.AAAA, RRType.MX, RRType.SRV}]
    assert addresses == ["10 Mail.Example.", "192.0.2.1", "2001:db8::1", "1 2 5060 ns1.example."]


def test_owners_and_the_names_of_rfc_1035_rdata_are_compressed() -> None:
    (data,) = packed([record("@", "NS", "ns.example."), record("www.example.", "CNAME", "ns.example.")])
    first = POINTER_TO_EXAMPLE + b"\x00\x02\x00\x01\x00\x00\x00\x3c\x00\x05\x02ns" + POINTER_TO_EXAMPLE
    ns_at = (0xC000 | data.index(b"\x02ns")).to_bytes(2, "big")
    second = b"\x03www" + POINTER_TO_EXAMPLE + b"\x00\x05\x00\x01\x00\x00\x00\x3c\x00\x02" + ns_at
    assert data[12 + len(AXFR.wire) :] == first + second


@pytest.mark.parametrize(("rtype", "rdata"), [("SRV", "1 2 3 ns.example."), ("DNAME", "example."), ("RP", "@ @")])
def test_names_in_rdata_of_later_types_are_not_compressed(rtype: str, rdata: str) -> None:
    one = record("@", rtype, rdata)
    (data,) = packed([one])
    assert data.endswith(one.rdata)


def test_a_name_in_rdata_that_differs_in_case_is_not_pointed_at() -> None:
    one = record("@", "NS", "Ns.EXAMPLE.")
    assert answers(packed([one])) == [one]


def test_an_owner_points_only_at_octets_before_the_bound_of_pointers() -> None:
    filler = [Record(name_from_text("filler", EXAMPLE), 65282, 60, bytes(0x3FF0))]
    repeated = [record("late.name", "A", "192.0.2.1")] * 3
    (data,) = packed([*filler, *repeated], limit=65535)
    late = b"\x04late\x04name" + POINTER_TO_EXAMPLE
    assert data.count(late) == 3
    assert answers([data]) == [*filler, *repeated]


@pytest.mark.parametrize("limit", [512, 1232, DEFAULT_LIMIT, 65535, 1 << 20])
def test_messages_are_filled_up_to_the_limit_and_never_over_it(limit: int) -> None:
    records = many(5000)
    messages = packed(records, limit=limit)
    bound = min(limit, 65535)
    assert max(map(len, messages)) <= bound
    assert min(map(len, messages[:-1])) > bound - 60
    assert answers(messages) == records


def test_the_question_stands_in_the_first_message_alone() -> None:
    first, *others = [parse_message(data) for data in packed(many(200), limit=512)]
    assert first.question == AXFR
    assert {message.question for message in others} == {None}
    assert {(message.message_id, message.flags) for message in others} == {(b"\xab\xcd", FLAGS)}


def test_room_is_kept_for_a_signature_and_an_opt_record() -> None:
    opt = render_opt(0, dnssec_ok=False)
    records = [Record(b"\x00", 65282, 60, bytes(100))] * 2  # of the root: their octets are the same, compressed or not
    full = 12 + len(AXFR.wire) + 2 * (1 + 10 + 100) + len(opt) + 50
    (both,) = packed(records, limit=full, reserve=50, opt=opt)
    assert len(both) == full - 50
    each = packed(records, limit=full - 1, reserve=50, opt=opt)
    assert len(each) == 2
    assert all(parse_message(data).edns is not None for data in [both, *each])


def test_a_record_larger_than_the_limit_goes_alone() -> None:
    large = Record(EXAMPLE, 65282, 60, bytes(40000))
    messages = packed([SOA, large, SOA])
    assert [len(parse_message(data).answer) for data in messages] == [1, 1, 1]
    assert answers(messages) == [SOA, large, SOA]


def test_the_largest_record_that_fits_is_packed_and_one_octet_more_is_refused_by_name() -> None:
    owner = name_from_text("large", EXAMPLE)
    room = 65535 - 100 - 12 - len(owner) - 10
    fits = Record(owner, 65282, 60, bytes(room))
    assert len(packed([SOA, fits], reserve=100)[1]) == 65535 - 100
    with pytest.raises(OversizedRecordError, match=r"large\.example\. TYPE65282"):
        packed([SOA, Record(owner, 65282, 60, bytes(room + 1))], reserve=100)


def test_no_records_make_one_message() -> None:
    (data,) = packed([])
    assert parse_message(data).question == AXFR


def test_a_notify_holds_its_soa_as_the_answer() -> None:
    question = Question(EXAMPLE, RRType.SOA)
    message = parse_message(pack_message(b"\x00\x01", Opcode.NOTIFY << 11 | AA, question.wire, answer=[SOA]))
    assert (message.question, message.answer, message.authority) == (question, (SOA,), ())


def test_an_ixfr_request_holds_its_soa_as_the_authority() -> None:
    question = Question(EXAMPLE, RRType.IXFR)
    opt = render_opt(0, dnssec_ok=False)
    message = parse_message(pack_message(b"\x00\x01", 0, question.wire, authority=[SOA], opt=opt))
    assert (message.answer, message.authority) == ((), (SOA,))
    assert message.edns is not None


def test_a_single_message_over_the_bound_of_all_messages_is_refused() -> None:
    with pytest.raises(OversizedRecordError):
        pack_message(b"\x00\x01", QR, AXFR.wire, answer=[Record(EXAMPLE, 65282, 60, bytes(65530))])


LABELS = st.sampled_from([b"a", b"A", b"b", b"\xff", b".", b"x" * 63])


@st.composite
def names(draw: st.DrawFn) -> Name:
    labels = draw(st.lists(LABELS, max_size=3))
    return b"".join(bytes((len(label),)) + label for label in labels) + draw(st.sampled_from([EXAMPLE, b"\x00"]))


@st.composite
def any_record(draw: st.DrawFn) -> Record:
    rtype, rdata = draw(
        st.one_of(
            st.tuples(st.just(1), st.binary(min_size=4, max_size=4)),
            st.tuples(st.sampled_from([2, 5, 12, 39]), names()),
            st.tuples(st.just(15), names().map(lambda name: b"\x00\x0a" + name)),
            st.tuples(st.just(6), st.tuples(names(), names()).map(lambda pair: b"".join(pair) + bytes(20))),
            st.tuples(st.just(65282), st.binary(max_size=400)),
        )
    )
    return Record(draw(names()).lower(), rtype, draw(st.integers(0, 0x7FFFFFFF)), rdata)


@given(st.lists(any_record(), max_size=30), st.integers(12, 2000))
def test_any_records_are_read_again_as_they_were(records: list[Record], limit: int) -> None:
    messages = packed(records, limit=limit)
    assert answers(messages) == records
    for data in messages:
        assert len(data) <= limit or len(parse_message(data).answer) <= 1
        assert len(dns.message.from_wire(data, one_rr_per_rrset=True).answer) == len(parse_message(data).answer)
