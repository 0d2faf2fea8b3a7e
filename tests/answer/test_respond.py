"""respond: what fits, what it says of the zone, and that no bytes whatever make it raise."""

import random
import struct
from collections.abc import Callable, Iterable

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dnslib
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.answer.compile import ZoneTable
from gslb.answer.respond import Reply, Silence, respond
from gslb.answer.table import AnswerTable
from gslb.steering.conditions import Conditions
from gslb.wire.codes import Rcode
from gslb.wire.names import name_from_text
from gslb.zone.lookup import Found, ZoneIndex
from gslb.zone.rrset import RRset
from gslb.zone.steered import Member, Pool, Rule, Steered
from gslb.zone.zone import Zone

ZoneOf = Callable[..., Zone]

SOA = "e. 60 SOA ns.e. ops.e. 1 1 1 1 1\n"


def ask(name: str | bytes, qtype: int = 1, edns: int | None = None) -> bytes:
    qname = name if isinstance(name, bytes) else name_from_text(name)
    opt = b"" if edns is None else b"\x00\x00\x29" + edns.to_bytes(2, "big") + bytes(6)
    counts = b"\x00\x01\x00\x00\x00\x00\x00" + (b"\x01" if opt else b"\x00")
    return b"\xab\xcd\x00\x00" + counts + qname + qtype.to_bytes(2, "big") + b"\x00\x01" + opt


def table_of(zone_of: ZoneOf, lines: str) -> AnswerTable:
    return AnswerTable().with_zone(ZoneTable(zone_of(SOA + lines)), Conditions())


def addresses(owner: str, count: int, net: int = 0) -> str:
    return "".join(f"{owner} 60 A 10.{net}.{number >> 8}.{number & 255}\n" for number in range(count))


def sections(reply: Reply) -> tuple[int, int, int]:
    return struct.unpack("!HHH", reply.wire[6:12])


def is_truncated(reply: Reply) -> bool:
    return bool(reply.wire[2] & 2)


# What fits.


@pytest.mark.parametrize(
    ("owner", "count", "edns", "limit", "truncated"),
    [
        # Header 12, question 9 (one more for aa.e.), a record 16, our OPT 11.
        ("a.e.", 30, None, 512, False),
        ("a.e.", 31, None, 512, True),
        ("a.e.", 30, 512, 512, False),  # 512 exactly
        ("aa.e.", 30, 512, 512, True),  # 513
        ("aa.e.", 30, 0, 512, True),
        ("aa.e.", 30, 513, 513, False),
        ("a.e.", 75, 1232, 1232, False),  # 1232 exactly
        ("aa.e.", 75, 1232, 1232, True),
        ("aa.e.", 75, 4096, 1232, True),
    ],
)
def test_an_answer_that_does_not_fit_is_left_out_whole_and_sets_tc(
    zone_of: ZoneOf, seeded, owner, count, edns, limit, truncated
) -> None:
    table = table_of(zone_of, addresses(owner, count))
    reply = respond(ask(owner, edns=edns), table, seeded(0))
    assert len(reply.wire) <= limit
    assert is_truncated(reply) is truncated
    assert sections(reply) == (0 if truncated else count, 0, 0 if edns is None else 1)
    whole = respond(ask(owner, edns=edns), table, seeded(0), udp=False)
    assert not is_truncated(whole)
    assert sections(whole)[0] == count


def test_members_of_an_answer_that_did_not_fit_are_not_counted_as_answered(zone_of: ZoneOf, seeded) -> None:
    values = tuple(bytes((10, 0, 0, number)) for number in range(40))
    pool = Pool("default", tuple(Member(value) for value in values))
    rrset = RRset(name_from_text("a.e."), 1, 60, values)
    zone = zone_of(SOA, Steered(rrset, (pool,), (Rule("default"),), answers=40))
    table = AnswerTable().with_zone(ZoneTable(zone), Conditions())
    assert respond(ask("a.e."), table, seeded(0)).outcomes == ()
    assert len(respond(ask("a.e."), table, seeded(0), udp=False).outcomes) == 40


def test_our_own_udp_size_bounds_the_reply(zone_of: ZoneOf, seeded) -> None:
    table = table_of(zone_of, addresses("a.e.", 100))
    assert is_truncated(respond(ask("a.e.", edns=4096), table, seeded(0), udp_size=1400))
    assert not is_truncated(respond(ask("a.e.", edns=4096), table, seeded(0), udp_size=4096))


def test_a_chain_keeps_the_steps_that_fit_and_sets_tc(zone_of: ZoneOf, seeded) -> None:
    table = table_of(zone_of, "alias.e. 60 CNAME big.e.\n" + addresses("big.e.", 40))
    reply = respond(ask("alias.e."), table, seeded(0))
    message = dns.message.from_wire(reply.wire)
    assert message.flags & dns.flags.TC
    assert [dns.rdatatype.to_text(rrset.rdtype) for rrset in message.answer] == ["CNAME"]


def test_optional_additional_data_goes_without_a_word(zone_of: ZoneOf, seeded) -> None:
    lines = "e. 60 MX 1 big.e.\ne. 60 MX 2 small.e.\n" + addresses("big.e.", 40) + addresses("small.e.", 1)
    table = table_of(zone_of, lines)
    reply = respond(ask("e.", 15), table, seeded(0))
    message = dns.message.from_wire(reply.wire)
    assert not message.flags & dns.flags.TC
    assert [str(rrset.name) for rrset in message.additional] == ["small.e."]
    assert len(respond(ask("e.", 15), table, seeded(0), udp=False).wire) > 512


def test_an_answer_that_fills_the_reply_to_the_octet_leaves_no_room_for_additional(zone_of: ZoneOf, seeded) -> None:
    # Header 12, question 17, and 21 SRV records of 23 octets: 512.
    lines = "".join(f"aaaaaaaaa.e. 60 SRV 0 0 {port} t.e.\n" for port in range(21)) + "t.e. 60 A 192.0.2.1"
    reply = respond(ask("aaaaaaaaa.e.", 33), table_of(zone_of, lines), seeded(0))
    assert len(reply.wire) == 512
    assert (is_truncated(reply), sections(reply)) == (False, (21, 0, 0))


def test_a_synthesized_cname_and_a_negative_soa_are_required(zone_of: ZoneOf, seeded) -> None:
    # Header and question take 240 octets, the DNAME 24, the CNAME 240, the SOA 43.
    below = ".".join(["l" * 60] * 3 + ["l" * 35])
    table = table_of(zone_of, "d.e. 60 DNAME target.e.")
    reply = respond(ask(f"{below}.d.e."), table, seeded(0))
    assert (is_truncated(reply), sections(reply)) == (True, (2, 0, 0)), "the SOA is left out"
    longer = ".".join(["l" * 63] * 3 + ["l" * 40])
    table = table_of(zone_of, f"d.e. 60 DNAME {'t' * 10}.e.")
    reply = respond(ask(f"{longer}.d.e."), table, seeded(0))
    assert (is_truncated(reply), sections(reply)) == (True, (1, 0, 0)), "the CNAME is left out"


@pytest.mark.parametrize(
    ("ns", "truncated"),
    [
        ("ns.child.e.", True),  # inside the child: nobody else can give it (RFC 9471 section 3.1)
        ("ns.sibling.e.", False),
    ],
)
def test_required_glue_that_does_not_fit_sets_tc(zone_of: ZoneOf, seeded, ns: str, *, truncated: bool) -> None:
    lines = f"child.e. 60 NS {ns}\nsibling.e. 60 NS ns.sibling.e.\n" + addresses(ns, 40)
    reply = respond(ask("www.child.e."), table_of(zone_of, lines), seeded(0))
    assert is_truncated(reply) is truncated
    assert sections(reply) == (0, 1, 0)


def test_required_glue_goes_before_optional(zone_of: ZoneOf, seeded) -> None:
    lines = "child.e. 60 NS ns.sibling.e.\nchild.e. 60 NS ns.child.e.\nsibling.e. 60 NS ns.sibling.e.\n"
    lines += addresses("ns.sibling.e.", 16, net=1) + addresses("ns.child.e.", 16, net=2)
    reply = respond(ask("www.child.e."), table_of(zone_of, lines), seeded(0))
    message = dns.message.from_wire(reply.wire)
    assert not is_truncated(reply)
    assert [str(rrset.name) for rrset in message.additional] == ["ns.child.e."]


def test_a_draw_that_does_not_fit_is_left_out_whole_and_sets_tc(zone_of: ZoneOf, seeded) -> None:
    owner = name_from_text("a.e.")
    members = tuple(Member(bytes((10, 0, 0, number))) for number in range(40))
    rrset = RRset(owner, 1, 30, (members[0].value,))
    steered = Steered(rrset, (Pool("main", members),), (Rule("main"),), answers=40)
    table = AnswerTable().with_zone(ZoneTable(zone_of(SOA, steered)), Conditions())
    reply = respond(ask("a.e."), table, seeded(0))
    assert (is_truncated(reply), sections(reply)) == (True, (0, 0, 0))
    assert sections(respond(ask("a.e."), table, seeded(0), udp=False)) == (40, 0, 0)


def test_an_answer_of_thousands_of_records_goes_over_tcp(zone_of: ZoneOf, seeded) -> None:
    table = table_of(zone_of, "alias.e. 60 CNAME big.e.\n" + addresses("big.e.", 4000))
    reply = respond(ask("alias.e."), table, seeded(0), udp=False)
    assert len(reply.wire) > 64_000
    assert [len(rrset) for rrset in dns.message.from_wire(reply.wire).answer] == [1, 4000]


def test_an_answer_beyond_65535_octets_is_truncated_over_tcp_too(zone_of: ZoneOf, seeded) -> None:
    reply = respond(ask("a.e."), table_of(zone_of, addresses("a.e.", 4200)), seeded(0), udp=False)
    assert is_truncated(reply)
    assert sections(reply) == (0, 0, 0)


# What it says.


def decoded(wire: bytes) -> set[tuple[str, int, int, str]]:
    message = dns.message.from_wire(wire)
    return {
        (rrset.name.to_text(), rrset.rdtype, rrset.ttl, rdata.to_text()) for rrset in message.answer for rdata in rrset
    }


def test_every_plain_rrset_is_answered_as_the_zone_holds_it(rich_zone: Zone, rich_table: AnswerTable, seeded) -> None:
    index = ZoneIndex(rich_zone)
    asked = 0
    for rrset in rich_zone.each_rrset():
        if (rrset.owner, rrset.rtype) in rich_zone.steered:
            continue
        if not isinstance(index.lookup(rrset.owner, rrset.rtype), Found):
            continue
        wire = respond(ask(rrset.owner, rrset.rtype), rich_table, seeded(0)).wire
        message = dns.message.from_wire(wire)
        assert not message.flags & dns.flags.TC
        (answered,) = message.answer
        assert answered.name.to_wire() == rrset.owner
        assert (answered.rdtype, answered.ttl) == (rrset.rtype, rrset.ttl_seconds)
        assert [rdata.to_wire() for rdata in answered] == list(rrset.rdatas)
        asked += 1
    assert asked > 30


def test_dnslib_reads_every_reply_as_dnspython_does(rich_names: list[bytes], rich_table: AnswerTable, seeded) -> None:
    read = 0
    for qname in rich_names:
        if max(qname) > 127 or 0 in qname[:-1] or b"." in qname:  # dnslib keeps labels as text
            continue
        for qtype in (1, 2, 5, 6, 15, 16, 28, 33, 43, 65):
            wire = respond(ask(qname, qtype, edns=4096), rich_table, seeded(read)).wire
            message, record = dns.message.from_wire(wire, one_rr_per_rrset=True), dnslib.DNSRecord.parse(wire)
            for theirs, rrs in ((message.answer, record.rr), (message.authority, record.auth)):
                assert [(rr.rtype, rr.ttl, bytes(rr.rname.label[0]) if rr.rname.label else b"") for rr in rrs] == [
                    (rrset.rdtype, rrset.ttl, rrset.name.labels[0]) for rrset in theirs
                ]
            read += 1
    assert read > 500


def test_a_reply_has_the_facts_for_the_counters(rich_table: AnswerTable, seeded) -> None:
    facts = respond(ask("nowhere.example.", 28), rich_table, seeded(0)).facts
    assert (facts.zone, facts.qtype, facts.rcode) == ("example.", 28, Rcode.NXDOMAIN)
    refused = respond(ask("elsewhere.", 28), rich_table, seeded(0)).facts
    assert (refused.zone, refused.qtype, refused.rcode) == ("", 28, Rcode.REFUSED)


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (ask("www.example."), ""),
        (ask("elsewhere."), ""),
        (ask("www.example.") + b"x", "octets after the last record"),
        (b"\xab\xcd\x28" + ask("www.example.")[3:], "an opcode we do not serve"),
    ],
)
def test_a_fault_of_the_query_is_named(rich_table: AnswerTable, seeded, data: bytes, fault: str) -> None:
    assert respond(data, rich_table, seeded(0)).fault == fault


def test_a_signed_query_is_notauth_while_we_have_no_keys(rich_table: AnswerTable, seeded) -> None:
    tsig = b"\x03key\x00\x00\xfa\x00\xff\x00\x00\x00\x00\x00\x03abc"
    query = ask("www.example.")
    reply = respond(query[:11] + b"\x01" + query[12:] + tsig, rich_table, seeded(0))
    assert reply.facts.rcode == Rcode.NOTAUTH
    assert dns.message.from_wire(reply.wire).rcode() == Rcode.NOTAUTH


@pytest.mark.parametrize("rdata", [b"\x00", b"\x00\x0a\x00\x08abc"])
def test_a_malformed_option_is_formerr_with_an_opt(rich_table: AnswerTable, seeded, rdata: bytes) -> None:
    query = ask("www.example.", edns=1232)[:-2] + len(rdata).to_bytes(2, "big") + rdata
    message = dns.message.from_wire(respond(query, rich_table, seeded(0)).wire)
    assert (message.rcode(), message.edns, len(message.question)) == (Rcode.FORMERR, 0, 1)


def test_a_formerr_for_anything_else_has_no_opt(rich_table: AnswerTable, seeded) -> None:
    message = dns.message.from_wire(respond(ask("www.example.") + b"x", rich_table, seeded(0)).wire)
    assert (message.rcode(), message.edns, len(message.question)) == (Rcode.FORMERR, -1, 1)


def test_equal_arguments_give_equal_replies(rich_names: list[bytes], rich_table: AnswerTable, seeded) -> None:
    for qname in rich_names:
        one, other = (respond(ask(qname), rich_table, seeded(3)) for _ in range(2))
        assert one == other


# Any bytes.


def check(data: bytes, table: AnswerTable, source, *, udp: bool = True) -> Reply | Silence:
    """Any bytes give a valid reply or silence."""
    reply = respond(data, table, source, udp=udp)
    if isinstance(reply, Silence):
        assert len(data) < 12 or data[2] & 0x80
        return reply
    assert len(reply.wire) <= (1232 if udp else 65535)
    assert reply.wire[:2] == data[:2]
    assert reply.wire[2] & 0x80
    opcode, rd = data[2] & 0x78, data[2] & 0x01
    assert reply.wire[2] & 0x79 == (opcode or rd), "the opcode is the query's, and so is RD with opcode QUERY"
    assert reply.wire[3] & 0xB0 == 0, "neither RA nor AD nor CD"
    message = dns.message.from_wire(reply.wire)
    assert message.rcode() == reply.facts.rcode
    questions = int.from_bytes(reply.wire[4:6], "big")
    assert questions == len(message.question) <= 1
    if questions:
        end = reply.wire.find(message.question[0].name.to_wire(), 12) + len(message.question[0].name.to_wire()) + 4
        assert reply.wire[12:end] == data[12:end]
    return reply


@given(st.binary(max_size=600))
def test_any_bytes_give_a_valid_reply_or_silence(rich_zone: Zone, seeded, data: bytes) -> None:
    check(data, AnswerTable().with_zone(ZoneTable(rich_zone), Conditions()), seeded(0))


@given(st.binary(max_size=120), st.integers(0, 3), st.integers(0, 2))
def test_any_bytes_after_a_good_header_give_a_valid_reply(rich_zone: Zone, seeded, tail, questions, additional) -> None:
    header = b"\xab\xcd\x01\x00" + bytes((0, questions, 0, 0, 0, 0, 0, additional))
    table = AnswerTable().with_zone(ZoneTable(rich_zone), Conditions())
    assert isinstance(check(header + tail, table, seeded(0)), Reply)


def mutations(queries: list[bytes], count: int) -> Iterable[bytes]:
    """Queries with a few octets changed, cut out, doubled or put in."""
    numbers = random.Random(42)
    for _ in range(count):
        data = bytearray(numbers.choice(queries))
        for _ in range(numbers.randint(1, 4)):
            at = numbers.randrange(len(data) or 1)
            match numbers.randrange(5):
                case 0 | 1:
                    data[at : at + 1] = bytes((numbers.choice((0, 1, 63, 64, 192, 255, numbers.randrange(256))),))
                case 2:
                    del data[at : at + numbers.randint(1, 8)]
                case 3:
                    data[at:at] = data[at : at + numbers.randint(1, 16)]
                case _:
                    data[at:at] = numbers.randbytes(numbers.randint(1, 4))
        yield bytes(data)


def test_mutated_queries_give_a_valid_reply_or_silence(
    rich_names: list[bytes], rich_table: AnswerTable, seeded
) -> None:
    queries = [ask(qname, qtype, edns) for qname in rich_names for qtype in (1, 5, 255) for edns in (None, 1232)]
    replies = silences = 0
    for number, data in enumerate(mutations(queries, 20_000)):
        if isinstance(check(data, rich_table, seeded(number % 9), udp=number % 2 == 0), Reply):
            replies += 1
        else:
            silences += 1
    assert replies > 10_000
    assert silences > 100


@pytest.mark.parametrize(
    ("asked", "leads_to", "rcode"),
    [
        ("x.d.sub.e.", "x.t.sub.e.", "NXDOMAIN"),
        ("sub.d.sub.e.", "sub.t.sub.e.", "NXDOMAIN"),
        ("x.out.sub.e.", "x.e.", "NOERROR"),  # a name of another zone
        ("sub.out.sub.e.", "sub.e.", "NOERROR"),  # by way of a zone above ours, into ours
        ("www.sub.out.sub.e.", "www.sub.e.", "NOERROR"),
        ("x.top.sub.e.", "x.", "NOERROR"),
        ("sub.e.top.sub.e.", "sub.e.", "NOERROR"),
    ],
)
def test_the_cname_that_a_dname_makes_leads_on_within_the_zone(
    zone_of: ZoneOf, seeded, asked: str, leads_to: str, rcode: str
) -> None:
    zone = zone_of(
        "sub.e. 60 SOA ns.e. ops.e. 1 1 1 1 1\nd.sub.e. 60 DNAME t.sub.e.\nout.sub.e. 60 DNAME e.\n"
        "top.sub.e. 60 DNAME .\nwww.sub.e. 60 A 192.0.2.1\n"
    )
    table = AnswerTable().with_zone(ZoneTable(zone), Conditions())
    for _ in range(2):  # made, and made of what was kept
        reply = respond(ask(asked), table, seeded(0))
        message = dns.message.from_wire(reply.wire)
        assert message.answer[1].to_text() == f"{asked} 60 IN CNAME {leads_to}"
        assert dns.rcode.to_text(message.rcode()) == rcode
        followed = leads_to.endswith("sub.e.") and rcode == "NOERROR"
        assert bool(message.answer[2:] or message.authority) is (followed or rcode == "NXDOMAIN")
