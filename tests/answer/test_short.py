"""The short path says what `respond` says, or nothing; and it does speak for ordinary questions."""

import random
from collections.abc import Callable, Iterable, Iterator

import dns.message
import dnslib
import pytest

from gslb.answer.compile import ZoneTable
from gslb.answer.draws import DrawSource
from gslb.answer.options import NodeOptions
from gslb.answer.respond import Reply, respond
from gslb.answer.short import ShortPath
from gslb.answer.table import AnswerTable
from gslb.steering.conditions import Conditions, Health, Verdict
from gslb.wire.codes import RRType
from gslb.wire.cookies import ServerCookies
from gslb.wire.names import name_from_text

Seeded = Callable[[int], DrawSource]

TYPES = (1, 2, 5, 6, 15, 16, 28, 33, 39, 43, 65, 97, 252, 255, 65282)
OPT = b"\x00\x00\x29"
CLIENT, NOW = "192.0.2.33", 1_750_000_000.0
NODE = NodeOptions(b"node", ServerCookies(bytes(16)))
STRICT = NodeOptions(cookies=ServerCookies(bytes(16), required=True))
PLAIN_NODE = NodeOptions()
CLIENT_COOKIE = b"\x00\x0c\x00\x0a\x00\x08abcdefgh"
OUR_COOKIE = b"\x00\x1c" + ServerCookies(bytes(16)).answer(b"abcdefgh", CLIENT, NOW)[0]
ADDITIONS = {
    "no EDNS": b"",
    "512": OPT + b"\x02\x00" + bytes(6),
    "0 octets": OPT + bytes(8),
    "1232": OPT + b"\x04\xd0" + bytes(6),
    "1232, DO": OPT + b"\x04\xd0\x00\x00\x80\x00\x00\x00",
    "4096, DO": OPT + b"\x10\x00\x00\x00\x80\x00\x00\x00",
    "65535": OPT + b"\xff\xff" + bytes(6),
    "1233": OPT + b"\x04\xd1" + bytes(6),
    "Z bit": OPT + b"\x04\xd0\x00\x00\x40\x00\x00\x00",
    "extended rcode": OPT + b"\x04\xd0\x01\x00\x00\x00\x00\x00",
    "version 1": OPT + b"\x04\xd0\x00\x01\x00\x00\x00\x00",
    "cookie": OPT + b"\x04\xd0\x00\x00\x00\x00" + CLIENT_COOKIE,
    "cookie of ours, DO": OPT + b"\x04\xd0\x00\x00\x80\x00" + OUR_COOKIE,
    "cookie of another's": OPT + b"\x04\xd0\x00\x00\x00\x00\x00\x1c\x00\x0a\x00\x18abcdefgh" + bytes(16),
    "cookie, 512": OPT + b"\x02\x00\x00\x00\x00\x00" + CLIENT_COOKIE,
    "cookie, version 1": OPT + b"\x04\xd0\x00\x01\x00\x00" + CLIENT_COOKIE,
    "malformed cookie": OPT + b"\x04\xd0\x00\x00\x00\x00\x00\x0d\x00\x0a\x00\x09abcdefghi",
    "cookie cut short": OPT + b"\x04\xd0\x00\x00\x00\x00" + CLIENT_COOKIE[:-1],
    "cookie with a wrong length": OPT + b"\x04\xd0\x00\x00\x00\x00\x00\x0b" + CLIENT_COOKIE[2:],
    "cookie without an OPT": CLIENT_COOKIE,
    "nsid": OPT + b"\x04\xd0\x00\x00\x00\x00\x00\x04\x00\x03\x00\x00",
    "nsid and cookie": OPT + b"\x04\xd0\x00\x00\x00\x00\x00\x10\x00\x03\x00\x00" + CLIENT_COOKIE[2:],
    "cut option": OPT + b"\x04\xd0\x00\x00\x00\x00\x00\x02\x00\x0a",
}
FLAGS = (0x0000, 0x0100, 0x0010, 0x0020, 0x0130, 0x0080, 0x0040, 0x0400, 0x0200, 0x8100, 0x2000)
ORDINARY_FLAGS = (0x0000, 0x0100, 0x0010, 0x0020, 0x0130)
ORDINARY_ADDITIONS = ("no EDNS", "512", "1232", "1232, DO", "4096, DO", "cookie", "cookie of ours, DO", "cookie, 512")


def query(qname: bytes, qtype: int, flags: int = 0x0100, addition: str = "no EDNS", qclass: int = 1) -> bytes:
    tail = ADDITIONS[addition]
    counts = b"\x00\x01\x00\x00\x00\x00" + (b"\x00\x01" if tail else b"\x00\x00")
    question = qname + qtype.to_bytes(2, "big") + qclass.to_bytes(2, "big")
    return b"\xab\xcd" + flags.to_bytes(2, "big") + counts + question + tail


def in_cases(qname: bytes) -> Iterable[bytes]:
    """The name in three mixtures of upper and lower case."""
    return (qname, qname.upper(), qname[:3].swapcase() + qname[3:])


def variants(names: Iterable[bytes]) -> Iterator[bytes]:
    for qname in names:
        for qtype in TYPES:
            yield from (query(cased, qtype) for cased in in_cases(qname))
            yield from (query(qname, qtype, 0x0100, addition) for addition in ADDITIONS)
            yield from (query(qname, qtype, flags) for flags in FLAGS)
        yield query(qname, 1, qclass=3)
        yield query(qname, 1, qclass=255)


def is_equal(
    data: bytes,
    table: AnswerTable,
    seeded: Seeded,
    seed: int,
    node: NodeOptions = NODE,
    path: ShortPath | None = None,
) -> bool:
    """Ask the short path with equal draws; True when it answered, and then it has to answer alike."""
    path = path or ShortPath()
    path.cookies = node.cookies
    short = path.answer(data, table, seeded(seed), CLIENT, NOW)
    if short is None:
        return False
    wire, finished, outcome = short
    reply = respond(data, table, seeded(seed), node=node, client=CLIENT, now=NOW)
    assert isinstance(reply, Reply)
    assert wire == reply.wire
    assert finished.facts == reply.facts
    assert ((outcome,) if outcome else ()) == reply.outcomes
    assert reply.fault == ""
    return True


def test_the_short_path_answers_as_respond_or_not_at_all(rich_table, rich_names, seeded) -> None:
    every = list(variants(rich_names))
    for data in every:
        respond(data, rich_table, seeded(0))  # now everything that may be kept is kept
    spoken = sum(is_equal(data, rich_table, seeded, seed % 7) for seed, data in enumerate(every))
    assert spoken > len(every) / 8


@pytest.mark.parametrize("node", [NODE, STRICT, PLAIN_NODE], ids=["cookies", "cookies required", "no cookies"])
def test_a_path_that_keeps_whole_replies_answers_as_respond_or_not_at_all(
    rich_table, rich_names, seeded, node: NodeOptions
) -> None:
    path = ShortPath()
    every = [
        query(name, qtype, addition=addition) for name in rich_names for qtype in (1, 16, 5) for addition in ADDITIONS
    ]
    for data in every:
        respond(data, rich_table, seeded(0))
    for data in every * 2:
        is_equal(data, rich_table, seeded, 1, node, path)


def test_the_short_path_answers_for_a_signed_zone_as_respond_or_not_at_all(signed_table, signed_names, seeded) -> None:
    every = list(variants(signed_names))
    for data in every:
        respond(data, signed_table, seeded(0))
    spoken = sum(is_equal(data, signed_table, seeded, 0) for data in every)
    assert spoken > len(every) / 8


@pytest.mark.parametrize("node", [NODE, STRICT, PLAIN_NODE], ids=["cookies", "cookies required", "no cookies"])
def test_a_path_that_keeps_whole_replies_does_so_for_a_signed_zone(
    signed_table, signed_names, seeded, node: NodeOptions
) -> None:
    path = ShortPath()
    every = [
        query(name, qtype, addition=addition) for name in signed_names for qtype in (1, 43) for addition in ADDITIONS
    ]
    for data in every * 2:
        is_equal(data, signed_table, seeded, 1, node, path)


NOT_THERE = ("nowhere.example.", "a.b.c.nowhere.example.", "x.www.example.", r"\255.example.", "a.b.b.c.example.")


@pytest.mark.parametrize("name", NOT_THERE)
@pytest.mark.parametrize("qtype", [1, 28, 43, 65, 97, 1000])
def test_what_shows_that_a_name_is_not_there_takes_the_short_path_unasked(
    signed_table, seeded, name: str, qtype: int
) -> None:
    qname = name_from_text(name)
    for flags in ORDINARY_FLAGS:
        for addition in ("no EDNS", "512", "1232", "1232, DO", "4096, DO", "cookie", "cookie of ours, DO"):
            for cased in in_cases(qname):
                assert is_equal(query(cased, qtype, flags, addition), signed_table, seeded, 1)


@pytest.mark.parametrize("qtype", [252, 255, 1024, 65535])
def test_types_of_which_nothing_is_kept_are_left_to_respond_in_a_signed_zone(signed_table, seeded, qtype: int) -> None:
    data = query(name_from_text("nowhere.example."), qtype, addition="1232, DO")
    assert ShortPath().answer(data, signed_table, seeded(0)) is None


def test_a_denial_over_the_limit_is_left_to_respond(signed_table, seeded) -> None:
    nowhere = name_from_text(f"{'n' * 63}.{'n' * 63}.nowhere.example.")
    whole = respond(query(nowhere, 1, addition="4096, DO"), signed_table, seeded(0)).wire
    for size, fits in ((len(whole), True), (len(whole) - 1, False)):
        short = ShortPath(udp_size=size).answer(query(nowhere, 1, addition="4096, DO"), signed_table, seeded(0))
        assert (short is not None) is fits


def test_mutated_queries_to_a_signed_zone_are_answered_alike(signed_table, signed_names, seeded) -> None:
    numbers = random.Random(11)
    pool = [
        query(qname, qtype, 0x0100, addition)
        for qname in signed_names
        for qtype in (1, 43)
        for addition in ("1232", "1232, DO", "4096, DO", "cookie of ours, DO")
    ]
    for seed in range(8_000):
        data = bytearray(numbers.choice(pool))
        for _ in range(numbers.randint(1, 3)):
            data[numbers.randrange(2, len(data))] = numbers.choice((0, 1, 32, 65, 97, 255, numbers.randrange(256)))
        is_equal(bytes(data), signed_table, seeded, seed % 5)


def test_a_degraded_answer_says_so_on_the_short_path_too(rich_zone, seeded) -> None:
    down = {monitor.key: Verdict(Health.DOWN, 1.0, "refused", 1.0) for monitor in rich_zone.monitors()}
    table = AnswerTable().with_zone(ZoneTable(rich_zone), Conditions(down))
    spoken = 0
    for name in ("first.example.", "turns.example.", "steered.example.", "tosteered.example."):
        for addition in ORDINARY_ADDITIONS:
            data = query(name_from_text(name), 1, addition=addition)
            respond(data, table, seeded(0))
            spoken += is_equal(data, table, seeded, 1)
    assert spoken


def test_a_required_cookie_that_is_not_good_is_left_to_respond(rich_table, seeded) -> None:
    www = name_from_text("www.example.")
    respond(query(www, 1), rich_table, seeded(0))
    assert is_equal(query(www, 1, addition="cookie of ours, DO"), rich_table, seeded, 0, STRICT)
    for addition in ("cookie", "cookie of another's"):
        assert not is_equal(query(www, 1, addition=addition), rich_table, seeded, 0, STRICT)


def test_equal_answers_for_every_draw(rich_table, rich_names, seeded) -> None:
    for qname in rich_names:
        data = query(qname, RRType.A)
        respond(data, rich_table, seeded(0))
        for seed in range(20):
            is_equal(data, rich_table, seeded, seed)


@pytest.mark.parametrize(
    ("name", "qtype"),
    [
        ("www.example.", 1),
        ("www.example.", 65),
        ("www.example.", 97),
        ("www.example.", 28),
        ("example.", 6),
        ("example.", 2),
        ("c.example.", 1),
        ("alias2.example.", 1),
        ("alias.example.", 5),
        ("dangling.example.", 5),
        ("tosteered.example.", 1),
        ("steered.example.", 1),
        ("turns.example.", 1),
        ("first.example.", 1),
        ("scout.example.", 1),
        ("child.example.", 1),
        ("child.example.", 43),
        ("*.wild.example.", 16),
        (r"\255\200.example.", 16),
    ],
)
def test_an_ordinary_question_asked_before_takes_the_short_path(rich_table, seeded, name: str, qtype: int) -> None:
    qname = name_from_text(name)
    respond(query(qname, qtype), rich_table, seeded(0))
    for flags in ORDINARY_FLAGS:
        for addition in ORDINARY_ADDITIONS:
            for cased in in_cases(qname):
                assert is_equal(query(cased, qtype, flags, addition), rich_table, seeded, 1)


@pytest.mark.parametrize(
    ("name", "qtype"),
    [
        ("q.wild.example.", 16),
        ("dangling.example.", 1),
        ("www.child.example.", 1),
        ("www.d.example.", 1),
        ("many.example.", 1),
        ("scname.example.", 1),
        ("example.", 252),
        ("elsewhere.", 1),
    ],
)
def test_what_is_without_end_or_not_simple_is_left_to_respond(rich_table, seeded, name: str, qtype: int) -> None:
    data = query(name_from_text(name), qtype)
    respond(data, rich_table, seeded(0))
    assert ShortPath().answer(data, rich_table, seeded(0)) is None


@pytest.mark.parametrize("name", ["nowhere.example.", "a.b.c.nowhere.example.", r"n\000w.example.", "x.www.example."])
@pytest.mark.parametrize("qtype", [1, 28, 65, 97, 1000])
def test_a_name_that_is_not_there_takes_the_short_path_unasked(rich_table, seeded, name: str, qtype: int) -> None:
    qname = name_from_text(name)
    zero_inside = b"\x00" in qname[:-1]  # ends the name early for the short path: left to respond
    for flags in ORDINARY_FLAGS:
        for addition in ORDINARY_ADDITIONS:
            for cased in in_cases(qname):
                packet = query(cased, qtype, flags, addition)
                assert is_equal(packet, rich_table, seeded, 1) is not zero_inside


@pytest.mark.parametrize("octets", [b"\x40aaa", b"\xc0", b"\x05ab", b"\x3f" + b"a" * 63 + b"\x3f" + b"b" * 63])
def test_octets_that_are_no_name_are_left_to_respond(rich_table, seeded, octets: bytes) -> None:
    for apex in (b"", b"\x07example"):
        packet = query(octets * (4 if len(octets) > 60 else 1) + apex + b"\x00", 1)
        assert ShortPath().answer(packet, rich_table, seeded(0)) is None


def test_a_question_not_asked_before_is_left_to_respond(rich_table, seeded) -> None:
    assert ShortPath().answer(query(name_from_text("www.example."), 1), rich_table, seeded(0)) is None


@pytest.mark.parametrize(
    "qname",
    [
        b"\x03a\x00b\x07example\x00",  # a zero octet in a label
        b"\x01\x00\x07example\x00",
        b"\x40" + b"a" * 64 + b"\x07example\x00",  # a label of 64 octets
        b"\xc0\x0c",  # a pointer
        (b"\x3f" + b"a" * 63) * 3 + b"\x36" + b"a" * 54 + b"\x07example\x00",  # 256 octets
    ],
)
def test_an_odd_name_that_is_not_there_is_left_to_respond(rich_table, seeded, qname: bytes) -> None:
    assert ShortPath().answer(query(qname, 1), rich_table, seeded(0)) is None


def test_the_longest_name_that_is_not_there_takes_the_short_path(rich_table, seeded) -> None:
    longest = (b"\x3f" + b"a" * 63) * 3 + b"\x35" + b"a" * 53 + b"\x07example\x00"
    assert len(longest) == 255
    assert is_equal(query(longest, 1), rich_table, seeded, 0)


def test_floods_of_types_that_nobody_uses_are_not_kept(rich_table, seeded) -> None:
    nowhere = name_from_text("nowhere.example.")
    for qtype in (1024, 32769, 65282, 65535):
        assert ShortPath().answer(query(nowhere, qtype), rich_table, seeded(0)) is None


def test_type_65_is_not_97_in_lower_case(rich_table, seeded) -> None:
    www = name_from_text("www.example.")
    replies = {qtype: respond(query(www, qtype), rich_table, seeded(0)) for qtype in (65, 97)}
    shorts = {qtype: ShortPath().answer(query(www, qtype), rich_table, seeded(0)) for qtype in (65, 97)}
    assert {dns.message.from_wire(reply.wire).answer[0].rdtype for reply in replies.values()} == {65, 97}
    assert all(shorts[qtype][0] == replies[qtype].wire for qtype in (65, 97))


def test_class_and_type_octets_that_are_letters_are_compared_as_they_are(rich_table, seeded) -> None:
    www = name_from_text("www.example.")
    respond(query(www, 97), rich_table, seeded(0))
    # 0x4141 in lower case is 0x6161, and 0x0041 is 0x0061.
    for qtype, qclass in ((0x41, 1), (0x61, 0x41), (0x4161, 1), (0x6141, 1)):
        assert ShortPath().answer(query(www, qtype, qclass=qclass), rich_table, seeded(0)) is None


@pytest.mark.parametrize("name", [r"\000zero.example.", r"a\000b.example.", r"\001a\000.example."])
def test_a_zero_octet_in_a_label_is_no_end_of_the_name(rich_table, seeded, name: str) -> None:
    data = query(name_from_text(name), 1)
    reply = respond(data, rich_table, seeded(0))
    assert dns.message.from_wire(reply.wire).answer[0][0].address.startswith("192.0.2.9")
    short = ShortPath().answer(data, rich_table, seeded(0))
    assert short is None or short[0] == reply.wire


def test_mutated_queries_are_answered_alike(rich_table, rich_names, seeded) -> None:
    numbers = random.Random(7)
    pool = [
        query(qname, qtype, 0x0100, addition) for qname in rich_names for qtype in (1, 65) for addition in ADDITIONS
    ]
    for data in pool:
        respond(data, rich_table, seeded(0))
    for seed in range(20_000):
        data = bytearray(numbers.choice(pool))
        for _ in range(numbers.randint(1, 3)):
            data[numbers.randrange(2, len(data))] = numbers.choice((0, 1, 32, 65, 97, 255, numbers.randrange(256)))
        is_equal(bytes(data), rich_table, seeded, seed % 5)


def test_a_reply_over_the_limit_is_left_to_respond(zone_of, seeded) -> None:
    soa = "e. 60 SOA ns.e. ops.e. 1 1 1 1 1\n"
    zone = zone_of(soa + "\n".join(f"big.e. 60 A 10.0.{n >> 8}.{n & 255}" for n in range(60)))
    table = AnswerTable().with_zone(ZoneTable(zone), Conditions())
    big = name_from_text("big.e.")
    respond(query(big, 1), table, seeded(0))
    # 60 records of 16 octets: more than 512, less than 1232.
    assert ShortPath().answer(query(big, 1), table, seeded(0)) is None
    assert ShortPath().answer(query(big, 1, addition="512"), table, seeded(0)) is None
    assert is_equal(query(big, 1, addition="1232"), table, seeded, 0)
    small = ShortPath(udp_size=len(respond(query(big, 1, addition="1232"), table, seeded(0)).wire))
    assert small.answer(query(big, 1, addition="1232"), table, seeded(0)) is not None
    small = ShortPath(udp_size=len(respond(query(big, 1, addition="1232"), table, seeded(0)).wire) - 1)
    assert small.answer(query(big, 1, addition="1232"), table, seeded(0)) is None


@pytest.mark.parametrize(("addresses", "room_for_a_cookie"), [(28, True), (29, False), (30, False)])
def test_a_cookie_counts_against_the_limit(zone_of, seeded, addresses: int, *, room_for_a_cookie: bool) -> None:
    soa = "e. 60 SOA ns.e. ops.e. 1 1 1 1 1\n"
    zone = zone_of(soa + "\n".join(f"a.e. 60 A 10.0.0.{n}" for n in range(addresses)))
    table = AnswerTable().with_zone(ZoneTable(zone), Conditions())
    name, path = name_from_text("a.e."), ShortPath()
    respond(query(name, 1), table, seeded(0))
    for _ in range(2):  # made, then kept whole
        assert is_equal(query(name, 1, addition="cookie, 512"), table, seeded, 0, NODE, path) is room_for_a_cookie
        assert is_equal(query(name, 1, addition="512"), table, seeded, 0, NODE, path)


def test_the_bytes_of_the_short_path_are_read_alike_by_dnslib_and_dnspython(rich_table, rich_names, seeded) -> None:
    for qname in rich_names:
        for qtype in TYPES:
            data = query(qname, qtype, addition="1232, DO")
            respond(data, rich_table, seeded(0))
            short = ShortPath().answer(data, rich_table, seeded(0))
            if short is None or max(qname) > 127:  # dnslib refuses labels of eight bits
                continue
            message, record = dns.message.from_wire(short[0]), dnslib.DNSRecord.parse(short[0])
            assert [len(message.sections[section]) > 0 for section in (1, 2)] == [bool(record.rr), bool(record.auth)]
            assert message.rcode() == record.header.rcode
