"""Packets that a server may find dear, class by class: each name and how a pool of such packets is made.

The zones give them something to be dear about: chains, large rrsets, delegations with glue, deep names, wildcards.
"""

import random
import struct
from collections.abc import Callable, Sequence

from signed_zones import MOST, NSEC, NSEC3, master_files

Make = Callable[[random.Random], list[bytes]]

APEX = "costs.test"
KEY = "costs-key"
POOL = 256
FRESH = 1200
"""Names of a signed zone that were not asked for lately, as in a flood: more than the hashes that are kept."""
A, NS, CNAME, SOA, MX, TXT, AAAA, OPT, TSIG, IXFR, AXFR, ANY = 1, 2, 5, 6, 15, 16, 28, 41, 250, 251, 252, 255

CONFIG = f"""\
zones_dir: zones
cookies: {{secret: 00112233445566778899aabbccddeeff, previous: 0f0e0d0c0b0a09080706050403020100, required: yes}}
nsid: costs
keys: {{{KEY}: {{algorithm: hmac-sha512, secret: Y29zdHMgY29zdHMgY29zdHMgY29zdHMgY29zdHMgY29zdHM=}}}}
peers: {{elsewhere: {{address: 127.0.0.99, key: {KEY}}}}}
allow_transfer: [elsewhere]
zones: {{{", ".join(f"{apex}: {{file: {apex}.zone}}" for apex in (NSEC, NSEC3, MOST))}}}
"""
DEEP = ".".join("n" for _ in range(100))


def _zone() -> str:
    texts = ", ".join(f"{number:03d}{'t' * 240}" for number in range(200))
    lines = ["'': {type: NS, values: [ns1.costs.test., ns2.costs.test.]}"]
    lines += [f"ns{number}: {{type: A, value: 192.0.2.{number}}}" for number in (1, 2)]
    lines += [f"s{number}: {{type: A, value: 192.0.2.{number + 1}}}" for number in range(100)]
    lines += [f"c{number}: {{type: CNAME, value: c{number + 1}.costs.test.}}" for number in range(8)]
    lines += ["c8: {type: A, value: 192.0.2.1}"]
    lines += [f"d{number}: {{type: DNAME, value: d{number + 1}.costs.test.}}" for number in range(8)]
    lines += ["x.d8: {type: A, value: 192.0.2.1}", "'*.wild': {type: A, value: 192.0.2.1}"]
    lines += ["'*.cwild': {type: CNAME, value: c1.costs.test.}", f"up: {{type: DNAME, value: {APEX}.}}"]
    lines += [f"off: {{type: DNAME, value: {APEX}.}}"]
    lines += [f"e{number}: {{type: CNAME, value: e{number + 1}.costs.test.}}" for number in range(8)]
    lines += [f"{DEEP}: {{type: A, value: 192.0.2.1}}"]
    lines += [f"big: {{type: A, values: [{_addresses(70)}]}}", f"huge: {{type: A, values: [{_addresses(1000)}]}}"]
    lines += [f"texts: {{type: TXT, values: [{texts}]}}"]
    servers = ", ".join(f"h{number}.child.costs.test." for number in range(13))
    lines += [f"child: {{type: NS, values: [{servers}]}}"]
    lines += [
        f"h{number}.child: [{{type: A, value: 192.0.2.{number}}}, {{type: AAAA, value: '2001:db8::{number}'}}]"
        for number in range(13)
    ]
    exchanges = ", ".join(f"{{preference: {number}, exchange: s{number}.costs.test.}}" for number in range(40))
    lines += [f"mail: {{type: MX, values: [{exchanges}]}}"]
    lines += [f"one: {{type: A, values: [{_addresses(3)}], gslb: {{}}}}"]
    lines += [f"five: {{type: A, values: [{_addresses(50)}], gslb: {{answers: 16}}}}"]
    lines += [f"turns: {{type: A, values: [{_addresses(20)}], gslb: {{policy: round_robin, answers: 16}}}}"]
    lines += ["led: {type: CNAME, value: c0.costs.test., gslb: {}}"]
    lines += ["any:"]
    lines += [
        f"  - {{type: {kind}, {said}}}"
        for kind, said in (("AAAA", "value: '2001:db8::1'"), ("TXT", "value: x"), ("A", f"values: [{_addresses(200)}]"))
    ]
    return "\n".join(lines) + "\n"


def _addresses(count: int) -> str:
    return ", ".join(f"10.1.{number // 250}.{number % 250 + 1}" for number in range(count))


ZONES = {f"{APEX}.yaml": _zone()} | {
    f"z{number}.test.yaml": f"'': {{type: NS, value: ns1.{APEX}.}}\nwww: {{type: A, value: 192.0.2.1}}\n"
    for number in range(20)
}


def signed_files() -> dict[str, str]:
    """The signed zones' master files, by file name."""
    return {f"{apex}.zone": text for apex, text in master_files().items()}


# Parts of packets


def name(text: str) -> bytes:
    return b"".join(bytes((len(label),)) + label.encode() for label in text.split(".") if label) + b"\x00"


def cased(octets: bytes, rng: random.Random) -> bytes:
    """The name in random case, as a resolver sends it that makes forging harder (0x20)."""
    return bytes(octet ^ 0x20 if 97 <= octet <= 122 and rng.random() < 0.5 else octet for octet in octets)


def opt(options: bytes = b"", size: int = 1232, flags: int = 0) -> bytes:
    return b"\x00" + struct.pack("!HHHHH", OPT, size, 0, flags, len(options)) + options


def option(code: int, value: bytes = b"") -> bytes:
    return struct.pack("!HH", code, len(value)) + value


def message(
    qname: bytes, qtype: int, *, flags: int = 0x0100, additional: Sequence[bytes] = (), before: Sequence[bytes] = ()
) -> bytes:
    """`before` are the records of the authority section."""
    counts = (1, 0, len(before), len(additional))
    header = struct.pack("!HH4H", 0x1234, flags, *counts)
    return header + qname + struct.pack("!HH", qtype, 1) + b"".join(before) + b"".join(additional)


def record(owner: bytes, rtype: int, rdata: bytes, rclass: int = 1) -> bytes:
    return owner + struct.pack("!HHIH", rtype, rclass, 0, len(rdata)) + rdata


def tsig(key: str, mac: bytes = bytes(64), algorithm: str = "hmac-sha512", time: int = 1) -> bytes:
    rdata = name(algorithm) + struct.pack("!HIHH", 0, time, 300, len(mac)) + mac + struct.pack("!HHH", 0x1234, 0, 0)
    return record(name(key), TSIG, rdata, 255)


EDNS = (opt(),)
DO = (opt(flags=0x8000),)


def asked(text: str, qtype: int = A, **more: object) -> Make:
    """One question again and again, in random case, with EDNS."""
    return lambda rng: [message(cased(name(text), rng), qtype, additional=EDNS, **more) for _ in range(POOL)]


def each(build: Callable[[random.Random], bytes]) -> Make:
    return lambda rng: [build(rng) for _ in range(POOL)]


def plus(*additional: bytes, text: str = f"s1.{APEX}", **more: object) -> Make:
    return lambda rng: [message(cased(name(text), rng), A, additional=additional, **more) for _ in range(POOL)]


def fresh(rng: random.Random, labels: int = 1, below: str = APEX) -> bytes:
    """A name that was not asked before, with so many labels before the zone."""
    first = "".join(rng.choices("abcdefghijklmnop", k=10))
    return name(".".join([first, *("x" for _ in range(labels - 1)), below]))


def filled(records: bytes, room: int) -> tuple[bytes, ...]:
    """The record as often as it goes into so many octets."""
    return (records,) * (room // len(records))


def many(build: Callable[[random.Random], bytes]) -> Make:
    return lambda rng: [build(rng) for _ in range(FRESH)]


def signed(title: str, apex: str) -> dict[str, Make]:
    """What a signed zone has to show, with DO."""

    def below(owner: str, labels: int = 1) -> Make:
        zone = f"{owner}.{apex}" if owner else apex
        return many(lambda rng: message(fresh(rng, labels, zone), A, additional=DO))

    def options(rng: random.Random) -> bytes:
        return message(fresh(rng, 1, apex), A, additional=(opt(option(3) + option(19), flags=0x8000),))

    def small(rng: random.Random) -> bytes:
        return message(fresh(rng, 1, apex), A, additional=(opt(size=512, flags=0x8000),))

    def any_type(qname: str) -> Make:
        return each(lambda rng: message(name(qname), rng.randrange(300, 60000), additional=DO))

    classes = {
        "answer, random case": lambda rng: [
            message(cased(name(f"s{rng.randrange(100)}.{apex}"), rng), A, additional=DO) for _ in range(POOL)
        ],
        "NXDOMAIN": below(""),
        "NXDOMAIN, options": many(options),
        "NXDOMAIN, 512 octets": many(small),
        "NXDOMAIN, types that nobody uses": many(
            lambda rng: message(fresh(rng, 1, apex), rng.randrange(2000, 60000), additional=DO)
        ),
        "NXDOMAIN, 100 labels deep": below("", 100),
        "NXDOMAIN below a name 100 labels deep": below(DEEP),
        "NXDOMAIN, the longest labels": many(lambda rng: message(longest(rng, apex), A, additional=DO)),
        "NODATA, random type": any_type(f"s1.{apex}"),
        "NODATA, 50 labels deep": any_type(f"{DEEP[100:]}.{apex}"),
        "NODATA at a wildcard": many(
            lambda rng: message(fresh(rng, 1, f"wild.{apex}"), rng.randrange(300, 60000), additional=DO)
        ),
        "wildcard": below("wild"),
        "wildcard, 100 labels below it": below("wild", 100),
        "wildcards, a chain of 8": below("w0"),
        "CNAME chain of 8": lambda rng: [
            message(cased(name(f"c0.{apex}"), rng), A, additional=DO) for _ in range(POOL)
        ],
        "CNAME chain of 8, 512 octets": lambda rng: [
            message(cased(name(f"c0.{apex}"), rng), A, additional=(opt(size=512, flags=0x8000),)) for _ in range(POOL)
        ],
        "DNAME chain of 8": below("d0"),
        "DNAME to the apex, 8 times over": below("up." * 7 + "up"),
        "DNAMEs to the apex by turns, 8 times over": below("up.off." * 3 + "up.off"),
        "DNAME chain of 8, the longest names": below("d0", 100),
        "referral, signed": below("safe"),
        "referral, not signed": below("unsafe"),
        "referral, not signed, 100 labels deep": below(f"{DEEP}.under"),
        "NXDOMAIN above a referral 100 labels deep": below(f"{DEEP[2:]}.under"),
    }
    return {f"{title}: {what}": make for what, make in classes.items()}


def longest(rng: random.Random, below: str) -> bytes:
    """A name of as many octets as there may be, in as few labels."""
    room = 255 - len(name(below))
    labels = b""
    while room > 1:
        size = min(63, room - 1)
        labels += bytes((size,)) + bytes(rng.choices(b"abcdefgh", k=size))
        room -= 1 + size
    return labels + name(below)


_SOA_RDATA = name("ns") + name("ops") + bytes(20)
_BOMB_RDATA = b"\xc0\x0c" * 2 + bytes(20)
YARDSTICKS = ("best: asked before to the octet", "ordinary: static, EDNS, random case")

CLASSES: dict[str, Make] = {
    YARDSTICKS[0]: lambda _: [message(name(f"s1.{APEX}"), A, additional=EDNS)],
    YARDSTICKS[1]: each(lambda rng: message(cased(name(f"s{rng.randrange(100)}.{APEX}"), rng), A, additional=EDNS)),
    "plain, without EDNS": each(lambda rng: message(cased(name(f"s{rng.randrange(100)}.{APEX}"), rng), A)),
    "steered, one of three": asked(f"one.{APEX}"),
    "steered, 16 of 50": asked(f"five.{APEX}"),
    "steered by turns, 16 of 20": asked(f"turns.{APEX}"),
    "steered CNAME and a chain of 8": asked(f"led.{APEX}"),
    "NXDOMAIN, random name": each(lambda rng: message(fresh(rng), A, additional=EDNS)),
    "NXDOMAIN, 120 labels deep": each(lambda rng: message(fresh(rng, 110), A, additional=EDNS)),
    "NXDOMAIN below a name 100 labels deep": each(
        lambda rng: message(fresh(rng, 1, f"{DEEP}.{APEX}"), A, additional=EDNS)
    ),
    "NXDOMAIN, types that nobody uses": each(
        lambda rng: message(fresh(rng), rng.randrange(2000, 60000), additional=EDNS)
    ),
    "NODATA, random type": each(lambda rng: message(name(f"s1.{APEX}"), rng.randrange(300, 60000), additional=EDNS)),
    "NODATA at an empty non-terminal 90 deep": asked(".".join(DEEP.split(".")[10:]) + f".{APEX}"),
    "not ours, 127 labels": each(
        lambda rng: message(
            b"".join(b"\x01" + bytes((rng.randrange(97, 123),)) for _ in range(127)) + b"\x00", A, additional=EDNS
        )
    ),
    "not ours, short": asked("elsewhere.example"),
    "class CH": each(lambda rng: message(name("version.bind"), TXT)[:-2] + b"\x00\x03"),
    "CNAME chain of 8": asked(f"c0.{APEX}"),
    "DNAME chain of 8": each(lambda rng: message(fresh(rng, 1, f"d0.{APEX}"), A, additional=EDNS)),
    "DNAME chain of 8, the longest names": each(lambda rng: message(fresh(rng, 100, f"d0.{APEX}"), A, additional=EDNS)),
    "DNAME chain of 8, random type": each(
        lambda rng: message(fresh(rng, 1, f"d0.{APEX}"), rng.randrange(300, 60000), additional=EDNS)
    ),
    "DNAME to the apex, 8 times over": each(
        lambda rng: message(fresh(rng, 1, f"{'up.' * 8}{APEX}"), A, additional=EDNS)
    ),
    "DNAMEs to the apex by turns, 8 times over": each(
        lambda rng: message(fresh(rng, 1, f"{'up.off.' * 4}{APEX}"), A, additional=EDNS)
    ),
    "CNAME chain of 8, with an option": plus(opt(option(3)), text=f"c0.{APEX}"),
    "CNAME chain of 8 that ends nowhere": asked(f"e0.{APEX}"),
    "wildcard": each(lambda rng: message(fresh(rng, 1, f"wild.{APEX}"), A, additional=EDNS)),
    "wildcard, 110 labels below it": each(lambda rng: message(fresh(rng, 110, f"wild.{APEX}"), A, additional=EDNS)),
    "wildcard CNAME and a chain of 8": each(lambda rng: message(fresh(rng, 1, f"cwild.{APEX}"), A, additional=EDNS)),
    "wildcard CNAME and a chain of 8, random type": each(
        lambda rng: message(fresh(rng, 1, f"cwild.{APEX}"), rng.randrange(300, 60000), additional=EDNS)
    ),
    "referral, 13 servers with glue": each(lambda rng: message(fresh(rng, 1, f"child.{APEX}"), A, additional=EDNS)),
    "referral, 13 servers with glue, 512 octets": each(lambda rng: message(fresh(rng, 1, f"child.{APEX}"), A)),
    "MX of 40 with their addresses": asked(f"mail.{APEX}", MX),
    "ANY, 3 types": asked(f"any.{APEX}", ANY),
    **signed("NSEC", NSEC),
    **signed("NSEC3", NSEC3),
    **signed("NSEC3, most iterations, opt-out", MOST),
    "70 addresses": asked(f"big.{APEX}"),
    "70 addresses, cut at 512": each(lambda rng: message(cased(name(f"big.{APEX}"), rng), A)),
    "1000 addresses, cut": asked(f"huge.{APEX}"),
    "48 KB of TXT, cut": asked(f"texts.{APEX}", TXT),
    "cookie, client's alone": each(
        lambda rng: message(name(f"s1.{APEX}"), A, additional=(opt(option(10, rng.randbytes(8))),))
    ),
    "cookie, another's, required": each(
        lambda rng: message(
            name(f"s1.{APEX}"),
            A,
            additional=(
                opt(option(10, rng.randbytes(8) + b"\x01\x00\x00\x00" + struct.pack("!I", 1 << 31) + rng.randbytes(8))),
            ),
        )
    ),
    "cookie of another shape": each(
        lambda rng: message(name(f"s1.{APEX}"), A, additional=(opt(option(10, rng.randbytes(40))),))
    ),
    "cookie, malformed": each(lambda rng: message(name(f"s1.{APEX}"), A, additional=(opt(option(10, b"123")),))),
    "every option we know": plus(opt(b"".join(option(code) for code in (3, 9, 19)) + option(10, b"12345678"))),
    "EDNS options, 4 KB of empty ones": plus(opt(option(65001) * 1000)),
    "EDNS options, 1000 cookies": plus(opt(option(10, b"") * 1000)),
    "EDNS option of 4 KB": plus(opt(option(65001, bytes(4000)))),
    "EDNS version 1": plus(b"\x00" + struct.pack("!HHHHH", OPT, 1232, 1, 0, 0)),
    "additional, 4 KB of empty records": plus(*filled(record(b"\x00", 65280, b""), 4000)),
    "additional, 4 KB of pointers": plus(*filled(record(b"\xc0\x0c", SOA, _BOMB_RDATA), 4000)),
    "additional, names of 127 labels": plus(*filled(record(b"\x01a" * 127 + b"\x00", A, bytes(4)), 4000)),
    "additional, one name of 4000 labels": plus(record(b"\x01a" * 1900 + b"\x00", A, bytes(4))),
    "two OPTs": plus(opt(), opt()),
    "octets after the message": each(lambda rng: message(name(f"s1.{APEX}"), A) + rng.randbytes(3000)),
    "no question": each(lambda rng: struct.pack("!HH4H", 0x1234, 0x0100, 0, 0, 0, 0)),
    "65535 questions": each(lambda rng: struct.pack("!HH4H", 0x1234, 0x0100, 65535, 0, 0, 0) + rng.randbytes(400)),
    "a pointer as the question": each(lambda rng: message(b"\xc0\x0c", A)),
    "header alone": each(lambda rng: rng.randbytes(2) + b"\x01\x00" + b"\x00\x01" + bytes(6)),
    "random octets": each(lambda rng: rng.randbytes(2) + bytes((rng.randrange(128),)) + rng.randbytes(200)),
    "opcode IQUERY": plus(*EDNS, flags=0x0800),
    "opcode UPDATE, 4 KB of records": lambda rng: [
        message(name(APEX), SOA, flags=0x2800, before=filled(record(b"\xc0\x0c", A, bytes(4)), 4000))
        for _ in range(POOL)
    ],
    "opcode 15, 4 KB of additional": plus(*filled(record(b"\x00", 65280, b""), 4000), flags=0x7800),
    "NOTIFY": lambda rng: [message(name(APEX), SOA, flags=0x2400) for _ in range(POOL)],
    "NOTIFY, unknown zone of 127 labels": lambda rng: [
        message(fresh(rng, 100, "test"), SOA, flags=0x2400) for _ in range(POOL)
    ],
    "NOTIFY, 4 KB of pointers": lambda rng: [
        message(name(APEX), SOA, flags=0x2400, additional=filled(record(b"\xc0\x0c", SOA, _BOMB_RDATA), 4000))
        for _ in range(POOL)
    ],
    "NOTIFY, 4 KB of a type to be judged": lambda rng: [
        message(name(APEX), SOA, flags=0x2400, additional=filled(record(b"\x00", 44, b"\x01\x01ab"), 4000))
        for _ in range(POOL)
    ],
    "NOTIFY, SVCB of 1000 parameters": lambda rng: [
        message(name(APEX), SOA, flags=0x2400, additional=(record(b"\x00", 64, _svcb()),)) for _ in range(POOL)
    ],
    "AXFR, refused": asked(APEX, AXFR),
    "IXFR, refused": lambda rng: [
        message(name(APEX), IXFR, before=(record(b"\xc0\x0c", SOA, _SOA_RDATA),)) for _ in range(POOL)
    ],
    "AXFR of a zone that is not ours": asked("elsewhere.example", AXFR),
    "TSIG, unknown key": plus(tsig("no-such-key")),
    "TSIG, unknown key of 127 labels": plus(tsig(".".join("k" * 100))),
    "TSIG, wrong MAC": plus(tsig(KEY)),
    "TSIG, wrong MAC, 3 KB option": plus(opt(option(65001, bytes(3000))), tsig(KEY)),
    "TSIG, wrong algorithm": plus(tsig(KEY, algorithm="hmac-md5.sig-alg.reg.int")),
    "TSIG, malformed": plus(record(name(KEY), TSIG, b"\x00", 255)),
    "TSIG, wrong MAC on AXFR": lambda rng: [message(name(APEX), AXFR, additional=(tsig(KEY),)) for _ in range(POOL)],
    "TSIG, wrong MAC on NOTIFY": lambda rng: [
        message(name(APEX), SOA, flags=0x2400, additional=(tsig(KEY),)) for _ in range(POOL)
    ],
}


def _svcb() -> bytes:
    return b"\x00\x01\x00" + b"".join(struct.pack("!HH", number + 100, 0) for number in range(900))


def _framed(packet: bytes) -> bytes:
    return len(packet).to_bytes(2, "big") + packet


def _large(packet: bytes) -> Callable[[random.Random], list[bytes]]:
    return lambda _: [packet]


TCP_ONLY: dict[str, Callable[[random.Random], list]] = {
    "additional, 64 KB of empty records": _large(
        message(name(f"s1.{APEX}"), A, additional=filled(record(b"\x00", 65280, b""), 65000))
    ),
    "EDNS options, 64 KB of empty ones": _large(
        message(name(f"s1.{APEX}"), A, additional=(opt(option(65001) * 16000),))
    ),
    "NOTIFY, 64 KB of pointers": _large(
        message(name(APEX), SOA, flags=0x2400, additional=filled(record(b"\xc0\x0c", SOA, _BOMB_RDATA), 65000))
    ),
    "NOTIFY, 64 KB of a type to be judged": _large(
        message(name(APEX), SOA, flags=0x2400, additional=filled(record(b"\x00", 44, b"\x01\x01ab"), 65000))
    ),
    "NOTIFY, TXT of 64 KB of empty strings": _large(
        message(name(APEX), SOA, flags=0x2400, additional=(record(b"\x00", TXT, bytes(65000)),))
    ),
    "TSIG, wrong MAC over 64 KB": _large(
        message(name(f"s1.{APEX}"), A, additional=(opt(option(65001, bytes(65000))), tsig(KEY)))
    ),
    "pipelined, 64 queries a segment": lambda rng: [
        [_framed(message(cased(name(f"s1.{APEX}"), rng), A, additional=EDNS)) * 64] for _ in range(16)
    ],
    "pipelined, 500 headers a segment": lambda rng: [
        [_framed(struct.pack("!HH4H", 1, 0x0100, 1, 0, 0, 0)) * 500] for _ in range(16)
    ],
    "a query octet by octet, each": lambda rng: [
        [bytes((octet,)) for octet in _framed(message(name(f"s1.{APEX}"), A))]
    ],
    "a message of no octets": _large(b""),
}
