"""EDNS options, a table for each: what is asked, over what, and what stands in the reply, read by dnspython."""

from collections.abc import Callable
from typing import Any

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import dnslib
import pytest

from gslb.answer.compile import ZoneTable
from gslb.answer.options import KINDS, NodeOptions
from gslb.answer.respond import Reply, respond
from gslb.answer.short import ShortPath
from gslb.answer.table import AnswerTable
from gslb.steering.conditions import Conditions, Health, Verdict
from gslb.wire.cookies import ServerCookies
from gslb.wire.names import Name, name_from_text
from gslb.zone.rrset import RRset
from gslb.zone.steered import Member, Monitor, Pool, Rule, Steered

SECRET = bytes(range(16))
NOW = 1_750_000_000.0
CLIENT = "192.0.2.33"
EXAMPLE = name_from_text("example.")
NSID, EXPIRE, COOKIE, KEEPALIVE, PADDING, EDE, ZONEVERSION = 3, 9, 10, 11, 12, 15, 19
SERIAL = b"\x00\x00\x00\x01"


def expires(apex: Name) -> int | None:
    return 1234 if apex == EXAMPLE else None


NODE = NodeOptions(b"node-1", ServerCookies(SECRET), lambda: 10.0, expires)
SILENT = NodeOptions()


def asked(name: str, rtype: str, *options: tuple[int, bytes], flags: int = 0, version: int = 0) -> bytes:
    query = dns.message.make_query(name, rtype)
    generic = [dns.edns.GenericOption(code, value) for code, value in options]
    query.use_edns(version, ednsflags=flags, payload=1232, options=generic)
    return query.to_wire()


def reply_to(data: bytes, table: AnswerTable, source: Any, **more: Any) -> dns.message.Message:
    reply = respond(data, table, source, client=CLIENT, now=NOW, **({"node": NODE} | more))
    assert isinstance(reply, Reply)
    dnslib.DNSRecord.parse(reply.wire)
    return dns.message.from_wire(reply.wire)


def options_of(message: dns.message.Message) -> dict[int, bytes]:
    found = [(int(option.otype), option.to_wire()) for option in message.options]
    assert len(found) == len(dict(found)), "no option stands twice"
    return dict(found)


@pytest.fixture
def ask(rich_table, seeded) -> Callable[..., dns.message.Message]:
    def asking(name: str, rtype: str, *options: tuple[int, bytes], **more: Any) -> dns.message.Message:
        return reply_to(asked(name, rtype, *options), rich_table.with_failed(b"\x06broken\x00"), seeded(0), **more)

    return asking


TOLD = {
    # NSID (RFC 5001): a query's own payload is of no account.
    "nsid": ("www.example.", "A", (NSID, b""), {}, b"node-1"),
    "nsid with a payload": ("www.example.", "A", (NSID, b"what?"), {}, b"node-1"),
    "nsid of a refusal": ("elsewhere.", "A", (NSID, b""), {}, b"node-1"),
    "nsid of a node that tells none": ("www.example.", "A", (NSID, b""), {"node": SILENT}, None),
    # EXPIRE (RFC 7314): at the SOA of a zone.
    "expire": ("example.", "SOA", (EXPIRE, b""), {}, (1234).to_bytes(4, "big")),
    "expire in capitals": ("EXAMPLE.", "SOA", (EXPIRE, b""), {}, (1234).to_bytes(4, "big")),
    "expire of another type": ("example.", "NS", (EXPIRE, b""), {}, None),
    "expire below the apex": ("www.example.", "SOA", (EXPIRE, b""), {}, None),
    "expire of no zone of ours": ("elsewhere.", "SOA", (EXPIRE, b""), {}, None),
    "expire where nothing is known": ("example.", "SOA", (EXPIRE, b""), {"node": SILENT}, None),
    # TCP keepalive (RFC 7828): in tenths of a second; over UDP it is passed over.
    "keepalive": ("www.example.", "A", (KEEPALIVE, b""), {"udp": False}, b"\x00\x64"),
    "keepalive with a time": ("www.example.", "A", (KEEPALIVE, b"\x01\x00"), {"udp": False}, b"\x00\x64"),
    "keepalive of a refusal": ("elsewhere.", "A", (KEEPALIVE, b""), {"udp": False}, b"\x00\x64"),
    "keepalive over UDP": ("www.example.", "A", (KEEPALIVE, b""), {}, None),
    "a malformed keepalive over UDP": ("www.example.", "A", (KEEPALIVE, b"x"), {}, None),
    "keepalive of a long time": (
        "www.example.",
        "A",
        (KEEPALIVE, b""),
        {"udp": False, "node": NodeOptions(idle_seconds=lambda: 9000.0)},
        b"\xff\xff",
    ),
    # ZONEVERSION (RFC 9660 section 3.2): labels of the apex, type 0, serial; whatever the answer.
    "zone version": ("www.example.", "A", (ZONEVERSION, b""), {}, b"\x01\x00" + SERIAL),
    "zone version of a negative": ("nowhere.example.", "A", (ZONEVERSION, b""), {}, b"\x01\x00" + SERIAL),
    "zone version of nodata": ("www.example.", "MX", (ZONEVERSION, b""), {}, b"\x01\x00" + SERIAL),
    "zone version of a referral": ("www.child.example.", "A", (ZONEVERSION, b""), {}, b"\x01\x00" + SERIAL),
    "zone version of no zone of ours": ("elsewhere.", "A", (ZONEVERSION, b""), {}, None),
    "zone version of a zone without one": ("broken.", "A", (ZONEVERSION, b""), {}, None),
    # What we do not know or take, we pass over (RFC 6891 section 6.1.2).
    "an unknown option": ("www.example.", "A", (100, b"xyz"), {}, None),
    "an unknown option of private use": ("www.example.", "A", (65001, b""), {}, None),
    # Padding (RFC 7830) is for what is encrypted.
    "padding over UDP": ("www.example.", "A", (PADDING, bytes(40)), {}, None),
    "padding over TCP": ("www.example.", "A", (PADDING, bytes(40)), {"udp": False}, None),
    "an extended error": ("www.example.", "A", (EDE, b"\x00\x00"), {}, None),
    "a cookie where none are made": ("www.example.", "A", (COOKIE, b"abcdefgh"), {"node": SILENT}, None),
}


@pytest.mark.parametrize("case", TOLD)
def test_an_option_is_answered_or_passed_over(ask, case: str) -> None:
    name, rtype, option, more, expected = TOLD[case]
    reply = ask(name, rtype, option, **more)
    told = options_of(reply)
    told.pop(EDE, None)
    assert told == ({} if expected is None else {option[0]: expected})
    assert reply.rcode() in {dns.rcode.NOERROR, dns.rcode.NXDOMAIN, dns.rcode.REFUSED, dns.rcode.SERVFAIL}


def test_a_cookie_is_answered_with_ours_whatever_the_answer(ask) -> None:
    for name in ("www.example.", "nowhere.example.", "www.child.example.", "elsewhere.", "broken.", "steered.example."):
        told = options_of(ask(name, "A", (COOKIE, b"abcdefgh")))[COOKIE]
        assert told == NODE.cookies.answer(b"abcdefgh", CLIENT, NOW)[0][4:]
        assert options_of(ask(name, "A", (COOKIE, told)))[COOKIE] == told
        assert options_of(ask(name, "A", (COOKIE, told), udp=False))[COOKIE] == told


@pytest.mark.parametrize("length", [*range(8), *range(9, 16), 41, 100])
@pytest.mark.parametrize("udp", [True, False])
def test_a_malformed_cookie_is_formerr(ask, length: int, *, udp: bool) -> None:
    reply = ask("www.example.", "A", (NSID, b""), (COOKIE, bytes(length)), udp=udp)
    assert (reply.rcode(), reply.edns, reply.answer, reply.options) == (dns.rcode.FORMERR, 0, [], ())
    assert ask("www.example.", "A", (COOKIE, bytes(length)), node=SILENT).rcode() == dns.rcode.FORMERR


@pytest.mark.parametrize(
    ("option", "udp"), [((KEEPALIVE, b"x"), False), ((KEEPALIVE, b"xyz"), False), ((ZONEVERSION, b"\x01"), True)]
)
def test_an_option_of_a_wrong_length_is_formerr(ask, option: tuple[int, bytes], *, udp: bool) -> None:
    assert ask("www.example.", "A", option, udp=udp).rcode() == dns.rcode.FORMERR


def test_of_an_option_that_comes_twice_the_first_counts(ask) -> None:
    told = options_of(ask("www.example.", "A", (COOKIE, b"abcdefgh"), (NSID, b""), (COOKIE, b"ijklmnop"), (NSID, b"")))
    assert told[COOKIE][:8] == b"abcdefgh"
    assert told[NSID] == b"node-1"


def test_all_options_at_once(ask) -> None:
    every = [(code, b"abcdefgh" if code == COOKIE else b"") for code in (*KINDS, 77, 65535)]
    assert options_of(ask("example.", "SOA", *every, udp=False, tls="TLSv1.3")).keys() == KINDS.keys()


def test_the_options_of_another_version_are_not_read(rich_table, seeded) -> None:
    data = asked("www.example.", "A", (COOKIE, b"short"), (NSID, b""), version=1)
    reply = reply_to(data, rich_table, seeded(0))
    assert (reply.rcode(), reply.edns, reply.options) == (dns.rcode.BADVERS, 0, ())


def test_of_the_flags_do_comes_back_alone(rich_table, seeded) -> None:
    for flags, expected in ((0x7FFF, 0), (0xFFFF, 0x8000), (0x8000, 0x8000)):
        reply = reply_to(asked("www.example.", "A", flags=flags), rich_table, seeded(0))
        assert (reply.rcode(), reply.ednsflags & 0xFFFF) == (dns.rcode.NOERROR, expected)


@pytest.mark.parametrize("size", [0, 1, 511, 512, 513, 1232, 4096, 65535])
def test_every_size_is_taken(rich_table, seeded, size: int) -> None:
    query = dns.message.make_query("www.example.", "A", use_edns=0, payload=size)
    reply = reply_to(query.to_wire(), rich_table, seeded(0))
    assert (reply.rcode(), len(reply.answer), reply.payload) == (dns.rcode.NOERROR, 1, 1232)


def test_options_count_against_the_size(zone_of, seeded) -> None:
    lines = "e. 60 SOA ns.e. ops.e. 1 1 1 1 1\n" + "\n".join(f"a.e. 60 A 10.0.0.{n}" for n in range(30))
    table = AnswerTable().with_zone(ZoneTable(zone_of(lines)), Conditions())
    for options in ((), ((NSID, b""),), ((COOKIE, b"abcdefgh"),), ((COOKIE, b"abcdefgh"), (NSID, b""))):
        query = dns.message.make_query("a.e.", "A", use_edns=0, payload=512)
        query.use_edns(0, payload=512, options=[dns.edns.GenericOption(*option) for option in options])
        reply = respond(query.to_wire(), table, seeded(0), node=NODE, client=CLIENT, now=NOW)
        assert isinstance(reply, Reply)
        message = dns.message.from_wire(reply.wire)
        assert len(reply.wire) <= 512
        assert bool(message.flags & dns.flags.TC) is bool(options)
        assert len(message.options) == len(options)


# Required cookies (RFC 7873 section 5.2)

STRICT = NodeOptions(cookies=ServerCookies(SECRET, required=True))


@pytest.mark.parametrize(
    ("value", "udp", "rcode"),
    [
        (b"abcdefgh", True, dns.rcode.BADCOOKIE),
        (b"abcdefgh" + bytes(16), True, dns.rcode.BADCOOKIE),
        (STRICT.cookies.answer(b"abcdefgh", CLIENT, NOW)[0][4:], True, dns.rcode.NOERROR),
        (STRICT.cookies.answer(b"abcdefgh", "192.0.2.34", NOW)[0][4:], True, dns.rcode.BADCOOKIE),
        (b"abcdefgh", False, dns.rcode.NOERROR),
        (None, True, dns.rcode.NOERROR),
    ],
)
def test_where_cookies_are_required_one_that_is_not_good_comes_back_with_a_good_one(
    ask, value: bytes | None, udp: bool, rcode: int
) -> None:
    options = () if value is None else ((COOKIE, value),)
    reply = ask("www.example.", "A", *options, node=STRICT, udp=udp)
    assert reply.rcode() == rcode
    assert bool(reply.answer) is (rcode == dns.rcode.NOERROR)
    if value is not None:
        assert ask("www.example.", "A", (COOKIE, options_of(reply)[COOKIE]), node=STRICT).rcode() == dns.rcode.NOERROR


def test_a_cookie_that_is_not_good_is_never_turned_away_unless_configured(ask) -> None:
    assert ask("www.example.", "A", (COOKIE, b"abcdefgh" + bytes(16))).rcode() == dns.rcode.NOERROR


def cookie_alone(*options: tuple[int, bytes], version: int = 0) -> bytes:
    """A query without a question (RFC 7873 section 5.4)."""
    query = dns.message.Message(id=0xABCD)
    query.use_edns(version, options=[dns.edns.GenericOption(code, value) for code, value in options])
    return query.to_wire()


OURS = ServerCookies(SECRET).answer(b"abcdefgh", CLIENT, NOW)[0][4:]
ALONE = {
    "a client cookie": (NODE, (COOKIE, b"abcdefgh"), dns.rcode.NOERROR, OURS),
    "a client cookie where cookies are required": (STRICT, (COOKIE, b"abcdefgh"), dns.rcode.NOERROR, OURS),
    "a good server cookie": (NODE, (COOKIE, OURS), dns.rcode.NOERROR, OURS),
    "one that is not good": (NODE, (COOKIE, b"abcdefgh" + bytes(16)), dns.rcode.BADCOOKIE, OURS),
    "one of a wrong length": (NODE, (COOKIE, bytes(9)), dns.rcode.FORMERR, None),
    "no cookie": (NODE, (NSID, b""), dns.rcode.FORMERR, None),
    "cookies are off": (SILENT, (COOKIE, b"abcdefgh"), dns.rcode.FORMERR, None),
}


@pytest.mark.parametrize("udp", [True, False])
@pytest.mark.parametrize("case", ALONE)
def test_a_query_may_ask_for_a_cookie_alone(rich_table, seeded, case: str, *, udp: bool) -> None:
    node, option, rcode, cookie = ALONE[case]
    data = cookie_alone(option)
    assert ShortPath().answer(data, rich_table, seeded(0), CLIENT, NOW) is None
    reply = reply_to(data, rich_table, seeded(0), node=node, udp=udp)
    assert (reply.rcode(), reply.edns) == (rcode, 0)
    assert options_of(reply).get(COOKIE) == cookie
    assert not (reply.question + reply.answer + reply.authority + reply.additional)


def test_a_query_without_a_question_of_another_version_is_badvers(rich_table, seeded) -> None:
    reply = reply_to(cookie_alone((COOKIE, b"short"), version=1), rich_table, seeded(0))
    assert (reply.rcode(), reply.question) == (dns.rcode.BADVERS, [])


# Extended errors (RFC 8914)

ERRORS = {
    "a name of no zone of ours": ("elsewhere.", "A", "REFUSED", "EDE 20 (Not Authoritative)"),
    "a zone without a version": ("broken.", "A", "SERVFAIL", "EDE 14 (Not Ready): no version of the zone"),
    "a transfer": ("example.", "IXFR", "REFUSED", "EDE 18 (Prohibited): transfer not allowed"),
    "an AXFR over UDP": ("example.", "AXFR", "NOTIMP", "EDE 21 (Not Supported)"),
    "a type that is no question": ("www.example.", "TYPE128", "FORMERR", "EDE 30"),
    "nothing available: nodata": ("empty.example.", "A", "NOERROR", "EDE 0 (Other): no member is available"),
    "nothing available: servfail": ("fail.example.", "A", "SERVFAIL", "EDE 0 (Other): no member is available"),
    "nothing available: values": ("first.example.", "A", "NOERROR", "EDE 0 (Other): no member is available"),
}
DOWN = {number: Verdict(Health.DOWN, 1.0, "refused", 1.0) for number in (6, 7, 13, 14)}


@pytest.mark.parametrize("case", ERRORS)
def test_a_refusal_or_a_degraded_answer_says_why(rich_zone, seeded, case: str) -> None:
    name, rtype, rcode, expected = ERRORS[case]
    monitors = {monitor.key: monitor for monitor in rich_zone.monitors()}
    verdicts = {
        key: DOWN[int(monitor.target.rpartition(".")[2])]
        for key, monitor in monitors.items()
        if int(monitor.target.rpartition(".")[2]) in DOWN
    }
    conditions = Conditions(verdicts)
    table = AnswerTable().with_zone(ZoneTable(rich_zone), conditions).with_failed(b"\x06broken\x00")
    reply = reply_to(asked(name, rtype), table, seeded(0))
    assert dns.rcode.to_text(reply.rcode()) == rcode
    said = [option.to_text() for option in reply.options]
    assert len(said) == 1
    assert said[0] == expected or said[0].startswith(f"{expected} ")
    plain = dns.message.make_query(name, rtype).to_wire()
    assert not reply_to(plain, table, seeded(0)).options, "without EDNS there is no place for it"


def test_an_answer_as_configured_has_no_extended_error(ask) -> None:
    for name in ("www.example.", "nowhere.example.", "steered.example.", "www.child.example.", "many.example."):
        assert not ask(name, "A").options


@pytest.mark.parametrize(
    ("members", "says_why", "truncated"), [(28, True, False), (30, False, False), (31, False, True)]
)
def test_an_extended_error_is_the_first_to_go_where_there_is_no_room(
    zone_of, seeded, *, members: int, says_why: bool, truncated: bool
) -> None:
    values = tuple(bytes((10, 0, 0, number)) for number in range(members))
    monitor = Monitor("tcp", "10.0.0.0", "{}", 5.0, 2.0, 2, 3)
    pool = Pool("main", tuple(Member(value, monitor=monitor) for value in values))
    steered = Steered(RRset(name_from_text("a.e."), 1, 30, values), (pool,), (Rule("main"),))
    conditions = Conditions({monitor.key: Verdict(Health.DOWN, 1.0, "refused", 1.0)})
    zone = zone_of("e. 60 SOA ns.e. ops.e. 1 1 1 1 1\n", steered)
    table = AnswerTable().with_zone(ZoneTable(zone), conditions)
    query = dns.message.make_query("a.e.", "A", use_edns=0, payload=512)
    reply = reply_to(query.to_wire(), table, seeded(0))
    assert bool(reply.options) is says_why
    assert bool(reply.flags & dns.flags.TC) is truncated
    assert len(reply.answer[0] if reply.answer else ()) == (0 if truncated else members)


def test_an_opcode_we_do_not_serve_is_told_with_an_opt(rich_table, seeded) -> None:
    data = asked("www.example.", "A")
    reply = reply_to(data[:2] + b"\x10" + data[3:], rich_table, seeded(0))
    assert (reply.rcode(), reply.edns) == (dns.rcode.NOTIMP, 0)
    assert [option.to_text() for option in reply.options] == ["EDE 21 (Not Supported)"]
