"""What is kept of answers over changes: whatever zones came, went or changed, and whoever fell ill, an answer is that
of a table made anew."""

import random
from collections import Counter
from collections.abc import Callable

import pytest
from signed_zone import complete, with_nsec

from gslb.answer.compile import ZoneTable
from gslb.answer.respond import Reply, respond
from gslb.answer.short import ShortPath
from gslb.answer.table import AnswerTable
from gslb.steering.conditions import Conditions, Health, Override, OverrideNote, Verdict
from gslb.wire.names import Name, name_from_text
from gslb.zone.rrset import RRset
from gslb.zone.steered import Member, Monitor, Pool, Rule, Steered
from gslb.zone.zone import Zone

ZoneOf = Callable[..., Zone]

APEXES = (".", "e.", "c.e.", "s.c.e.", "d.e.", "o.", "be.")
HOSTS = ("www", "x.www", "s", "ns", "mx", "alias", "steered", "led", "a.w", "*.w", "sub.d", "nx", "c", "d", "x.s.c")
TYPES = (1, 2, 5, 6, 15, 16, 43, 255)
ENDINGS = {
    "no EDNS": b"",
    "1232": b"\x00\x00\x29\x04\xd0" + bytes(6),
    "1232, DO": b"\x00\x00\x29\x04\xd0\x00\x00\x80\x00\x00\x00",
}


def below(label: str, apex: str) -> str:
    return f"{label}.{apex}".replace("..", ".")


def text_of(apex: str, serial: int, draw: random.Random) -> str:
    """A zone of some of these lines, which lead to other zones as often as to itself."""
    number, elsewhere = draw.randrange(250), draw.choice(APEXES)
    lines = [
        f"{below('www', apex)} 60 A 192.0.2.{number}",
        f"{below('mx', apex)} 60 MX 10 {below('www', elsewhere)}",
        f"{below('ns', apex)} 60 A 192.0.2.{number}",
        f"{below('alias', apex)} 60 CNAME {below(draw.choice(HOSTS), elsewhere)}",
        f"{below('*.w', apex)} 60 A 192.0.2.{number}",
        f"{below('x.s.c', apex)} 60 TXT {number}",
        f"{below('d', apex)} 60 DNAME {below('w', elsewhere)}",
    ]
    cut = below(draw.choice(("c", "s", "s.c")), apex)
    kept = [line for line in lines if draw.random() < 0.7]
    if draw.random() < 0.5:
        glue = below("ns", draw.choice((cut, elsewhere)))
        kept += [f"{cut} 60 NS {below('ns', cut)}", f"{cut} 60 NS {glue}", f"{below('ns', cut)} 60 A 192.0.2.{number}"]
        kept += [f"{cut} 60 DS {number} 13 2 {'ab' * 32}"] * draw.randrange(2)
    head = f"{apex} 60 SOA ns.{apex} ops.{apex} {serial} 1 1 1 {number}\n{apex} 60 NS {below('ns', elsewhere)}\n"
    return head.replace("..", ".") + "\n".join(dict.fromkeys(kept))


def steered_of(apex: str, draw: random.Random) -> list[Steered]:
    """An address and an alias that are steered, or not."""
    wanted = [
        (below("steered", apex), 1, [bytes((198, 51, 100, draw.randrange(9))) for _ in range(3)]),
        (below("led", apex), 5, [name_from_text(below(draw.choice(HOSTS[:4]), draw.choice(APEXES))) for _ in range(2)]),
    ]
    found = []
    for owner, rtype, values in wanted:
        members = tuple(
            Member(value, monitor=Monitor("tcp", f"{number}", "{}", 5.0, 2.0, 2, 3))
            for number, value in enumerate(dict.fromkeys(values))
        )
        rrset = RRset(name_from_text(owner), rtype, 30, (members[0].value,))
        policy = draw.choice(("weighted", "round_robin", "failover"))
        if draw.random() < 0.7:
            found.append(Steered(rrset, (Pool("main", members),), (Rule("main"),), policy=policy))
    return found


class Source:
    """Equal seeds give equal draws."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed).random
        self._seed = seed

    def turn(self, _: object) -> int:
        return self._seed


class Story:
    """A node and its clients, and all that may happen to it."""

    def __init__(self, seed: int, zone_of: ZoneOf) -> None:
        self.draw = random.Random(seed)
        self.zone_of = zone_of
        self.zones: dict[Name, Zone | None] = {}
        self.conditions = Conditions()
        self.table = AnswerTable()
        self.path = ShortPath()
        self.said: Counter[str] = Counter()

    def zone(self, apex: str, serial: int) -> Zone:
        while True:  # some of the lines do not go together, such as data beside an alias
            text, steered = text_of(apex, serial, self.draw), steered_of(apex, self.draw)
            try:
                return self.zone_of(text, *steered) if self.draw.random() < 0.7 else self.signed(text)
            except ValueError:
                continue

    def signed(self, text: str) -> Zone:
        return complete(with_nsec(self.zone_of(text)))

    def change(self, serial: int) -> None:
        """Zones are read, come, fail or go; members or overrides change."""
        what = self.draw.choices(("edit", "edits", "fail", "go", "health", "override"), (5, 2, 1, 2, 3, 1))[0]
        if what in {"edit", "edits"}:
            chosen = self.draw.sample(APEXES, 1 if what == "edit" else 3)
            zones: dict[Name, Zone | None] = {name_from_text(apex): self.zone(apex, serial) for apex in chosen}
            self.zones |= zones
            tables = {apex: ZoneTable(zone) for apex, zone in zones.items() if zone is not None}
            self.table = self.table.with_zones(tables, self.conditions)
        elif what == "fail":
            apex = name_from_text(self.draw.choice(APEXES))
            self.zones[apex] = None
            self.table = self.table.with_failed(apex)
        elif what == "go":
            apex = name_from_text(self.draw.choice(APEXES))
            self.zones.pop(apex, None)
            self.table = self.table.without_zone(apex)
        else:
            self.fall_ill(by_hand=what == "override")

    def fall_ill(self, *, by_hand: bool) -> None:
        """Or get well."""
        verdicts, overrides = dict(self.conditions.verdicts), dict(self.conditions.overrides)
        members = [
            (key, member)
            for key, draw in self.table.draws.items()
            for member in draw.selection.steered.pools[0].members
        ]
        for key, member in self.draw.sample(members, min(len(members), 2)):
            if by_hand:
                overrides[key, member.value] = OverrideNote(self.draw.choice(list(Override)), "ann", "", 1.0)
            else:
                verdicts[member.monitor.key] = Verdict(self.draw.choice(list(Health)), 1.0, "", 1.0)
        self.conditions = Conditions(verdicts, overrides)
        self.table = self.table.with_conditions(list(self.table.draws), self.conditions)

    def anew(self) -> AnswerTable:
        tables = {apex: None if zone is None else ZoneTable(zone) for apex, zone in self.zones.items()}
        return AnswerTable().with_zones(tables, self.conditions)

    def ask(self, data: bytes, fresh: AnswerTable, seed: int) -> None:
        """As the server does: by the short path, else in full."""
        expected = respond(data, fresh, Source(seed))
        assert isinstance(expected, Reply)
        short = self.path.answer(data, self.table, Source(seed))
        if short is not None:
            assert (short[0], short[1].facts) == (expected.wire, expected.facts)
        reply = respond(data, self.table, Source(seed))
        assert isinstance(reply, Reply)
        assert (reply.wire, reply.facts) == (expected.wire, expected.facts)
        self.said["in full" if short is None else "by the short path"] += 1

    def question(self) -> bytes:
        apex = self.draw.choice(APEXES)
        qname = name_from_text(self.draw.choice((apex, below(self.draw.choice(HOSTS), apex))))
        qname = qname.upper() if self.draw.random() < 0.1 else qname
        ending = self.draw.choice(list(ENDINGS.values()))
        counts = b"\x00\x01\x00\x00\x00\x00\x00" + bytes([ending != b""])
        return b"\xab\xcd\x01\x00" + counts + qname + bytes((0, self.draw.choice(TYPES), 0, 1)) + ending


@pytest.mark.parametrize("seed", range(8))
def test_an_answer_is_that_of_a_table_made_anew_whatever_happened(zone_of: ZoneOf, seed: int) -> None:
    story = Story(seed, zone_of)
    hot = [story.question() for _ in range(120)]
    for serial in range(1, 80):
        story.change(serial)
        fresh = story.anew()
        for number, data in enumerate(hot + [story.question() for _ in range(10)]):
            story.ask(data, fresh, number % 5)
    assert story.said["by the short path"] > story.said["in full"] / 5


def plain(zone_of: ZoneOf, apex: str, serial: int = 1) -> ZoneTable:
    return ZoneTable(
        zone_of(f"{apex} 60 SOA ns.o. ops.o. {serial} 1 1 1 60\n{below('www', apex)} 60 A 192.0.2.{serial}")
    )


def ask(name: str, qtype: int = 1) -> bytes:
    return b"\xab\xcd\x01\x00\x00\x01" + bytes(6) + name_from_text(name) + bytes((0, qtype, 0, 1))


class TestWhatHolds:
    """`e.`, `c.e.` below it and `o.` are asked for; then one of the zones changes."""

    NAMES = ("www.e.", "www.c.e.", "www.o.")

    @pytest.fixture
    def path(self) -> ShortPath:
        return ShortPath()

    @pytest.fixture
    def asked(self, zone_of: ZoneOf, path: ShortPath) -> AnswerTable:
        tables = {each.apex: each for each in (plain(zone_of, apex) for apex in ("e.", "c.e.", "o."))}
        table = AnswerTable().with_zones(tables, Conditions())
        for name in self.NAMES:
            respond(ask(name), table, Source(0))
            for _ in range(2):
                assert path.answer(ask(name), table, Source(0)) is not None
        return table

    def kept(self, table: AnswerTable) -> set[str]:
        return {name for name in self.NAMES if ask(name)[12:] in table.kept}

    def test_a_new_version_concerns_its_zone_alone(self, zone_of, asked) -> None:
        changed = asked.with_zone(plain(zone_of, "e.", serial=2), Conditions())
        assert self.kept(changed) == {"www.c.e.", "www.o."}
        assert respond(ask("www.e."), changed, Source(0)).wire[-1] == 2

    def test_so_does_a_failure(self, asked) -> None:
        assert self.kept(asked.with_failed(name_from_text("c.e."))) == {"www.e.", "www.o."}

    def test_a_zone_that_comes_concerns_those_above_and_below_it(self, zone_of, asked) -> None:
        changed = asked.with_zone(plain(zone_of, "x.e."), Conditions())
        assert self.kept(changed) == {"www.c.e.", "www.o."}
        above = asked.with_zone(plain(zone_of, "."), Conditions())
        assert self.kept(above) == set()

    def test_so_does_one_that_goes(self, asked) -> None:
        assert self.kept(asked.without_zone(name_from_text("c.e."))) == {"www.o."}

    def test_the_table_before_is_not_touched(self, zone_of, path, asked) -> None:
        before = dict(asked.kept)
        changed = asked.with_zone(plain(zone_of, "e.", serial=2), Conditions())
        respond(ask("www.e."), changed, Source(0))
        assert asked.kept == before
        assert path.answer(ask("www.e."), changed, Source(0))[0][-1] == 2
        assert path.answer(ask("www.e."), asked, Source(0))[0][-1] == 1
