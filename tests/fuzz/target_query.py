"""Query parsing and answering."""

from collections import Counter
from collections.abc import Iterator
from random import Random

from fuzz_zones import NOW, fresh_table, plain_query, questions, signed_tables
from fuzzing import Target
from mutating import after, mutate_message
from replies import check_reply

from gslb.answer.options import NodeOptions
from gslb.answer.respond import Reply, respond
from gslb.answer.short import ShortPath
from gslb.wire.cookies import ServerCookies
from gslb.wire.edns import render_opt, render_option
from gslb.wire.names import name_from_text
from gslb.wire.query import FormError, parse_query
from gslb.zone.steered import SteeredKey

CLIENT = "192.0.2.33"
CONTROL_OCTETS = 2
NODES = (
    NodeOptions(),
    NodeOptions(b"node", ServerCookies(bytes(16)), idle_seconds=lambda: 10.0, expires=lambda _: 3600, version=b"v"),
    NodeOptions(cookies=ServerCookies(bytes(16), b"p" * 16, required=True)),
)
SIZES = (512, 1232, 4096, 65535)
TABLES = (fresh_table(), *signed_tables())
SHORTS = {
    (table, node, size): ShortPath(size) for table in range(len(TABLES)) for node in range(len(NODES)) for size in SIZES
}
for (_, _node, _), _short in SHORTS.items():
    _short.cookies = NODES[_node].cookies


class Source:
    """Draws that two runs can share."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed).random
        self._turns: Counter[SteeredKey] = Counter()
        self._seed = seed

    def turn(self, key: SteeredKey) -> int:
        self._turns[key] += 1
        return self._seed + self._turns[key]


def check(data: bytes) -> None:
    """Two octets say how the packet comes: the first the transport, the size, the node and the zones, the second the
    draws."""
    control, packet = data[:CONTROL_OCTETS].ljust(CONTROL_OCTETS, b"\x00"), data[CONTROL_OCTETS:]
    udp, size, node = not control[0] & 1, SIZES[control[0] >> 1 & 3], control[0] >> 3 & 3
    node, which = min(node, len(NODES) - 1), min(control[0] >> 5 & 3, len(TABLES) - 1)
    table = TABLES[which]
    reply = respond(
        packet,
        table,
        Source(control[1]),
        udp=udp,
        udp_size=size,
        node=NODES[node],
        client=CLIENT,
        now=NOW,
    )
    short = SHORTS[which, node, size].answer(packet, table, Source(control[1]), CLIENT, NOW) if udp else None
    if not isinstance(reply, Reply):
        assert reply.reason
        assert short is None
        return
    check_reply(packet, reply.wire, _limit(packet, size) if udp else 65535)
    if short is not None:
        assert short[0] == reply.wire, "the short path says something else than respond"
        assert not reply.fault
        assert (short[2],) == (reply.outcomes or (None,))


def _limit(packet: bytes, size: int) -> int:
    try:
        edns = parse_query(packet).edns
    except FormError:
        return 512
    return 512 if edns is None else max(512, min(edns.udp_size, size))


def seeds() -> Iterator[bytes]:
    cookie = render_option(10, NODES[1].cookies.answer(b"abcdefgh", CLIENT, NOW)[0][4:])
    for number, (qname, qtype) in enumerate(questions()):
        control = bytes((number % 128, number % 256))
        packet = plain_query(qname, qtype)
        yield control + packet
        with_opt = packet[:11] + b"\x01" + packet[12:]
        options = (b"", cookie, render_option(10, b"abcdefgh"), render_option(3, b""), render_option(19, b""))[
            number % 5
        ]
        yield (
            control + with_opt + render_opt(0, dnssec_ok=bool(number % 2), udp_size=SIZES[number % 4], options=options)
        )
    yield b"\x00\x00" + plain_query(name_from_text("www.broken.test."), 1)
    yield b"\x00\x00" + plain_query(b"\x01a" * 127 + b"\x00", 1)


TARGET = Target(
    "any octets give a valid reply or silence, and where the short path speaks it says what respond says",
    seeds,
    check,
    after(CONTROL_OCTETS, mutate_message),
)
