"""A chain says the same by whatever way its answer is made: as a plain walk says it, octet for octet."""

import random
from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest
from plain_walk import plain_reply
from signed_zone import complete, with_nsec, with_nsec3

from gslb.answer import leg as leg_module
from gslb.answer.compile import ZoneTable
from gslb.answer.leg import repeating
from gslb.answer.respond import Reply, respond
from gslb.answer.table import AnswerTable
from gslb.steering.conditions import Conditions, Override, OverrideNote
from gslb.wire.codes import RRType
from gslb.wire.names import MAX_NAME_OCTETS, name_from_text, parent
from gslb.zone.builder import ZoneBuilder
from gslb.zone.rrset import RRset
from gslb.zone.steered import AllDown, Member, Pool, Rule, Status, Steered
from gslb.zone.zone import Zone

SOA = "e. 60 SOA ns.e. ops.e. 1 1 1 1 1\n"
APEXES = ("e.", "chains.example.", ".")
LABELS = ("a", "b", "c", "d", "n", "x", "*", "l" * 40)
CHAINS: dict[str, Callable[[Zone], Zone]] = {
    "not signed": lambda zone: zone,
    "NSEC": lambda zone: complete(with_nsec(zone)),
    "NSEC3": lambda zone: complete(with_nsec3(zone, 0)),
    "NSEC3, opt-out": lambda zone: complete(with_nsec3(zone, 2, b"salt", opt_out=True)),
}
TYPES = (1, 1, 1, 1, 28, 5, 39, 43, 46, 47, 255, 65280)
OPT = b"\x00\x00\x29"
WAYS = {
    "no EDNS": (b"", True, 1232),
    "1232": (OPT + b"\x04\xd0" + bytes(6), True, 1232),
    "DO, 512": (OPT + b"\x02\x00\x00\x00\x80\x00\x00\x00", True, 1232),
    "DO, 1232": (OPT + b"\x04\xd0\x00\x00\x80\x00\x00\x00", True, 1232),
    "DO, 4096": (OPT + b"\x10\x00\x00\x00\x80\x00\x00\x00", True, 4096),
    "TCP": (OPT + b"\x04\xd0\x00\x00\x00\x00\x00\x00", False, 1232),
    "DO, TCP": (OPT + b"\x04\xd0\x00\x00\x80\x00\x00\x00", False, 1232),
}


class _Maker:
    """A zone full of chains: CNAMEs and DNAMEs at few names that lead to each other, wildcards among them, as a line of
    steps or at random, and what may stand at their ends."""

    def __init__(self, rng: random.Random, apex: str, *, steered: bool) -> None:
        self.rng = rng
        self.origin = name_from_text(apex)
        self.builder = ZoneBuilder(self.origin)
        self.taken: set[bytes] = set()
        self.steered: dict[bytes, Steered] = {}
        ns = name_from_text("ns", self.origin)
        soa = ns + name_from_text("ops", self.origin) + b"".join(n.to_bytes(4, "big") for n in (1, 60, 60, 60, 60))
        self._add(self.origin, RRType.SOA, soa)
        self._add(self.origin, RRType.NS, ns)
        self._add(ns, RRType.A, bytes(4))
        owners = [self._name() for _ in range(rng.randrange(4, 26))]
        self._line([owner for owner in owners if rng.random() < 0.7])
        for owner in owners:
            self._anything(owner, owners, steered=steered)

    @property
    def zone(self) -> Zone:
        return self.builder.build()

    def _name(self) -> bytes:
        """Of one to three labels below the apex."""
        text = ".".join(self.rng.choice(LABELS) for _ in range(self.rng.choice((1, 1, 1, 2, 2, 3))))
        return name_from_text(text, self.origin)

    def _add(self, owner: bytes, rtype: int, *rdatas: bytes) -> None:
        self.taken.add(owner)
        self.builder.add(RRset(owner, rtype, self.rng.choice((30, 300, 70000)), rdatas))

    def _line(self, owners: list[bytes]) -> None:
        """Each leads to the next: through what it stands in for, where it is a wildcard."""
        owners = list(dict.fromkeys(owner for owner in owners if owner not in self.taken))
        kind = self.rng.choice((RRType.CNAME, RRType.DNAME, None))
        for owner, following in pairwise(owners):
            target = b"\x01y" + following[2:] if following[:2] == b"\x01*" else following
            rtype = kind or self.rng.choice((RRType.CNAME, RRType.DNAME))
            if rtype == RRType.DNAME and self.rng.random() < 0.2:
                target = b"\x03pre" + target
            self._add(owner, rtype, target.upper() if self.rng.random() < 0.1 else target)

    def _anything(self, owner: bytes, owners: list[bytes], *, steered: bool) -> None:
        if owner in self.taken:
            return
        rng = self.rng
        target = rng.choice((*owners, rng.choice(owners), self._name(), self.origin, name_from_text("out.side.")))
        kind = rng.random()
        if kind < 0.3:
            self._add(owner, RRType.CNAME, target)
        elif kind < 0.55:
            self._add(owner, RRType.DNAME, rng.choice((target, target, parent(owner))))
        elif kind < 0.62 and owner[:2] != b"\x01*":
            self._add(owner, RRType.NS, b"\x02ns" + owner)
        elif kind < 0.85 and steered:
            self._steer(owner, owners)
        elif kind < 0.95:
            count = rng.choice((1, 1, 3, 40, 1200))
            self._add(owner, RRType.A, *(number.to_bytes(4, "big") for number in range(count)))
        else:
            self._add(owner, RRType.SRV, b"\x00\x01\x00\x02\x00\x03" + target)

    def _steer(self, owner: bytes, owners: list[bytes]) -> None:
        rng = self.rng
        if rng.random() < 0.6:
            values, rtype = tuple(dict.fromkeys(rng.choice(owners) for _ in range(2))), RRType.CNAME
        else:
            values, rtype = (b"\x0a\x00\x00\x01", b"\x0a\x00\x00\x02"), RRType.A
        status = rng.choice((Status.OBEY, Status.OBEY, Status.DOWN))
        members = tuple(Member(value, status=status) for value in values)
        self.taken.add(owner)
        self.builder.steer(
            Steered(
                RRset(owner, rtype, 30, (values[0],)),
                (Pool("main", members),),
                (Rule("main"),),
                all_down=rng.choice(list(AllDown)),
            )
        )


def names_asked(zone: Zone, rng: random.Random) -> Iterator[bytes]:
    """Every owner, names below, what wildcards stand in for, and names as long as they may be."""
    owners = list(zone.rrsets)
    for owner in owners:
        below = owner[2:] if owner[:2] == b"\x01*" else owner
        yield owner
        yield b"\x03new" + below
        above = parent(owner)
        again = owner[: len(owner) - len(above)]
        times = rng.randrange(2, 11) if again else 0
        yield b"\x03new" + again * min(times, (MAX_NAME_OCTETS - 4 - len(above)) // max(1, len(again))) + above
        yield b"\x01" + rng.choice(b"abcdnx").to_bytes(1, "big") + below
        yield b"\x01q" + b"".join(b"\x01" + bytes((rng.choice(b"abcdnx"),)) for _ in range(9)) + below
        room = rng.randrange(max(1, MAX_NAME_OCTETS - len(below) - 60), MAX_NAME_OCTETS - len(below) + 1)
        yield b"".join(b"\x01" + bytes((rng.choice(b"abz"),)) for _ in range(room // 2)) + below


def query(qname: bytes, qtype: int, addition: bytes) -> bytes:
    counts = b"\x00\x01\x00\x00\x00\x00" + (b"\x00\x01" if addition else b"\x00\x00")
    return b"\xab\xcd\x01\x00" + counts + qname + qtype.to_bytes(2, "big") + b"\x00\x01" + addition


@pytest.mark.parametrize("seed", range(24))
@pytest.mark.parametrize("chain", CHAINS)
def test_every_chain_is_answered_as_a_plain_walk_answers_it(chain: str, seed: int, seeded) -> None:
    rng = random.Random(f"{chain} {seed}")
    zone = CHAINS[chain](_Maker(rng, rng.choice(APEXES), steered=chain == "not signed").zone)
    table = AnswerTable().with_zone(ZoneTable(zone), Conditions())
    plain = AnswerTable().with_zone(ZoneTable(zone), Conditions())
    asked = [(qname, rng.choice(TYPES), rng.choice(list(WAYS))) for qname in names_asked(zone, rng)]
    for number, (qname, qtype, way) in enumerate(asked * 3):  # what was kept the first time is used from then on
        addition, udp, udp_size = WAYS[way]
        data = query(qname, qtype, addition)
        reply = respond(data, table, seeded(number), udp=udp, udp_size=udp_size)
        assert isinstance(reply, Reply)
        expected = plain_reply(data, plain, seeded(number), udp=udp, udp_size=udp_size)
        assert reply.wire.hex() == expected.hex(), (qname, qtype, way)


@pytest.mark.parametrize("chain", CHAINS)
@pytest.mark.parametrize("owner", ["new.w0.e.", f"{'l' * 60}.d0.e.", "c0.e."])
def test_a_chain_is_cut_where_a_plain_walk_cuts_it(chain: str, owner: str, zone_of, seeded) -> None:
    lines = "".join(
        f"*.w{n}.e. 60 CNAME x.w{n + 1}.e.\nd{n}.e. 60 DNAME d{n + 1}.e.\nc{n}.e. 60 CNAME c{n + 1}.e.\n"
        for n in range(8)
    )
    zone = CHAINS[chain](zone_of(SOA + "e. 60 NS ns.e.\nns.e. 60 A 192.0.2.1\n" + lines))
    table = AnswerTable().with_zone(ZoneTable(zone), Conditions())
    plain = AnswerTable().with_zone(ZoneTable(zone), Conditions())
    for size in range(512, 3200, 5):
        data = query(name_from_text(owner), 1, OPT + size.to_bytes(2, "big") + b"\x00\x00\x80\x00\x00\x00")
        reply = respond(data, table, seeded(0), udp_size=size)
        assert reply.wire.hex() == plain_reply(data, plain, seeded(0), udp=True, udp_size=size).hex(), size


UPWARDS = {
    "up": "e.",
    "off": "e.",
    "a.b": "e.",
    "xup": "e.",
    "s": "up.e.",
    "t": "c.e.",
    "u.c": "c.e.",
    "v.c": "c.e.",
    **{f"m{number}": "e." for number in range(9)},  # more than are kept
}


@pytest.mark.parametrize("chain", CHAINS)
def test_dnames_that_lead_above_themselves_by_turns_are_answered_as_a_plain_walk_does(
    chain: str, zone_of, seeded
) -> None:
    rng = random.Random(chain)
    lines = "".join(f"{owner}.e. {60 + len(owner)} DNAME {target}\n" for owner, target in UPWARDS.items())
    lines += "n.e. 60 CNAME x.up.off.up.e.\ny.e. 60 CNAME y.off.up.e.\nz.c.e. 60 CNAME z.u.c.v.c.e.\n"
    ends = "z.e. 60 A 192.0.2.1\ne. 60 NS z.e.\n"
    zone = CHAINS[chain](zone_of(SOA + lines + ends))
    table = AnswerTable().with_zone(ZoneTable(zone), Conditions())
    plain = AnswerTable().with_zone(ZoneTable(zone), Conditions())
    labels = [*UPWARDS, "up", "off", "up", "off", "u", "v", "u.c", "v.c", "b", "n", "\\003off", "xx\\002up"]
    for number in range(1200):
        few = rng.sample(labels, 3) if rng.random() < 0.7 else labels
        first = rng.choice(([], ["x"], ["y"], ["y"], ["z"], ["n"], ["l" * 60], ["n"] * 80))
        owner = ".".join((*first, *rng.choices(few, k=rng.randrange(1, 12)), rng.choice(("e.", "c.e."))))
        addition, udp, udp_size = WAYS[rng.choice(list(WAYS))]
        if rng.random() < 0.5:
            udp_size = rng.randrange(512, 2500)
            addition = OPT + udp_size.to_bytes(2, "big") + b"\x00\x00\x80\x00\x00\x00"
        data = query(name_from_text(owner), rng.choice(TYPES), addition)
        reply = respond(data, table, seeded(number), udp=udp, udp_size=udp_size)
        expected = plain_reply(data, plain, seeded(number), udp=udp, udp_size=udp_size)
        assert reply.wire.hex() == expected.hex(), (owner, udp_size)


HOSTS = "".join(
    f"h{n}.e. 60 A 192.0.2.{n}\n" * (n != 3)
    + "".join(f"h{n}.e. 60 AAAA 2001:db8::{n}:{m}\n" for m in range(n % 4))
    + f"mail.e. 60 MX {n} h{n}.e.\n*.wild.e. 60 MX {n} h{n}.e.\n"
    + f"child.e. 60 NS g{n}.child.e.\ng{n}.child.e. 60 A 192.0.2.{n}\ng{n}.child.e. 60 AAAA 2001:db8::{n}\n"
    for n in range(8)
)
BRINGING = f"{SOA}e. 60 NS ns.e.\n{HOSTS}child.e. 60 NS h1.e.\nchild.e. 60 NS out.side.\nto.e. 60 CNAME mail.e.\n"


@pytest.mark.parametrize("chain", CHAINS)
@pytest.mark.parametrize(
    ("owner", "qtype"), [("mail.e.", 15), ("to.e.", 15), ("x.wild.e.", 15), ("x.child.e.", 1), ("child.e.", 43)]
)
def test_what_hosts_bring_along_is_cut_where_a_plain_walk_cuts_it(
    chain: str, owner: str, qtype: int, zone_of, seeded
) -> None:
    zone = CHAINS[chain](zone_of(f"{BRINGING}ns.e. 60 A 192.0.2.1\n"))
    table = AnswerTable().with_zone(ZoneTable(zone), Conditions())
    for flags in (b"\x00\x00", b"\x80\x00"):
        for size in (*range(512, 1500, 7), *range(1500, 4000, 63)):
            data = query(
                name_from_text(owner), qtype, OPT + size.to_bytes(2, "big") + b"\x00\x00" + flags + b"\x00\x00"
            )
            reply = respond(data, table, seeded(0), udp_size=size)
            assert reply.wire.hex() == plain_reply(data, table, seeded(0), udp=True, udp_size=size).hex(), size


@pytest.mark.parametrize(
    ("name", "times"),
    [
        ("x.e.", 0),
        ("x.up.e.", 1),
        ("x.up.up.e.", 2),
        ("up.up.e.", 1),  # one of them is below the owner
        ("x.y.up.up.up.up.up.e.", 3),  # of four steps
        ("xxx\\002up.e.", 0),  # amidst a label
        ("xxx\\002up\\002up.up.e.", 1),
        ("xup.up.e.", 1),
    ],
)
def test_how_often_a_dname_leads_below_itself_is_seen_in_the_name(name: str, times: int) -> None:
    asked, taken, owner = name_from_text(name[:-2] + "up.e."), b"\x02up", name_from_text("up.e.")
    assert repeating(asked, owner, taken, 4) == taken * times + owner


CHAIN = "*.w.e. 60 CNAME a.e.\na.e. 60 CNAME b.e.\nb.e. 60 CNAME c.e.\nc.e. 60 CNAME {}\n"


def ask_thrice(table: AnswerTable, source, *owners: str) -> list[bytes]:
    """The replies to a third question below each owner; what may be kept of a chain is kept by then."""
    wires = []
    for owner in owners:
        for label in ("one", "two", "end"):
            reply = respond(query(name_from_text(f"{label}.{owner}"), 1, b""), table, source)
        wires.append(reply.wire)
    return wires


def test_a_chain_to_a_steered_name_draws_anew_and_follows_its_health(zone_of, seeded) -> None:
    values = (bytes((192, 0, 2, 1)), bytes((192, 0, 2, 2)))
    rrset = RRset(name_from_text("s.e."), RRType.A, 30, values)
    steered = Steered(rrset, (Pool("main", tuple(Member(value) for value in values)),), (Rule("main"),))
    table = AnswerTable().with_zone(ZoneTable(zone_of(SOA + CHAIN.format("s.e."), steered)), Conditions())
    drawn = {ask_thrice(table, seeded(seed), "w.e.")[0][-4:] for seed in range(20)}
    assert drawn == set(values)
    held = {(steered.key, values[0]): OverrideNote(Override.DOWN, "someone", "a test", 0.0)}
    changed = table.with_conditions([steered.key], Conditions(overrides=held))
    assert {ask_thrice(changed, seeded(seed), "w.e.")[0][-4:] for seed in range(20)} == {values[1]}


@pytest.mark.parametrize("chain", CHAINS)
def test_more_types_than_are_kept_at_the_end_of_a_chain_are_answered_alike(chain: str, zone_of, seeded) -> None:
    end = "x.e. 60 A 192.0.2.1\nx.e. 60 TXT x\ne. 60 NS ns.e.\nns.e. 60 A 192.0.2.1\n"
    zone = CHAINS[chain](zone_of(SOA + CHAIN.format("x.e.") + end))
    table = AnswerTable().with_zone(ZoneTable(zone), Conditions())
    plain = AnswerTable().with_zone(ZoneTable(zone), Conditions())
    for qtype in (1, 1, 1, *range(1, 60), 1, 16, *range(60)):
        data = query(name_from_text("new.w.e."), qtype, WAYS["DO, 1232"][0])
        reply = respond(data, table, seeded(0))
        assert reply.wire.hex() == plain_reply(data, plain, seeded(0), udp=True, udp_size=1232).hex(), qtype


def test_what_was_kept_of_a_chain_goes_with_its_zone(zone_of, seeded) -> None:
    lines = SOA + "x.e. 60 A 192.0.2.{}\n"
    table = AnswerTable().with_zone(ZoneTable(zone_of(CHAIN.format("x.e.") + lines.format(1))), Conditions())
    shorter = table.with_zone(ZoneTable(zone_of(lines.format(2) + "*.w.e. 60 CNAME x.e.\n")), Conditions())
    assert [wire[7] for wire in ask_thrice(table, seeded(0), "w.e.")] == [5]
    assert [wire[7] for wire in ask_thrice(shorter, seeded(0), "w.e.")] == [2]
    assert [wire[-1] for wire in ask_thrice(shorter, seeded(0), "w.e.")] == [2]


def test_chains_beyond_those_that_are_kept_are_answered_alike(zone_of, seeded, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leg_module, "MOST_KEPT", 10)
    lines = "".join(f"d{number}.e. 60 DNAME d{number + 1}.e.\n" for number in range(40))
    table = AnswerTable().with_zone(ZoneTable(zone_of(SOA + lines)), Conditions())
    owners = [f"d{number}.e." for number in range(40)]
    assert ask_thrice(table, seeded(0), *owners) == ask_thrice(table, seeded(0), *reversed(owners))[::-1]
    assert len(table.legs) <= 10
