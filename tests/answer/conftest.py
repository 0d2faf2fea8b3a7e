"""A zone with something of everything, steered owners among it, for the tests that walk over all its questions."""

import random
from collections import Counter
from collections.abc import Callable, Iterator

import pytest
from signed_zone import complete, with_nsec, with_nsec3

from gslb.answer.compile import ZoneTable
from gslb.answer.table import AnswerTable
from gslb.steering.conditions import Conditions
from gslb.wire.names import name_from_text
from gslb.zone.rrset import RRset
from gslb.zone.steered import AllDown, Member, Monitor, Pool, Rule, Steered, SteeredKey
from gslb.zone.zone import Zone

LONG = "l" * 63
PLAIN = rf"""
example. 3600 SOA ns1.example. ops.example. 1 3600 600 86400 60
example. 300 NS ns1.example.
example. 300 NS ns2.elsewhere.
example. 300 MX 10 mail.example.
example. 300 TXT "v=spf1 -all"
ns1.example. 300 A 192.0.2.53
ns1.example. 300 AAAA 2001:db8::53
mail.example. 300 A 192.0.2.25
www.example. 300 A 192.0.2.1
www.example. 300 HTTPS 1 . alpn=h2
www.example. 300 TYPE97 \# 2 abcd
a.b.c.example. 300 TXT deep
alias.example. 60 CNAME www.example.
alias2.example. 60 CNAME alias.example.
tosteered.example. 60 CNAME steered.example.
dangling.example. 60 CNAME nowhere.example.
outside.example. 60 CNAME www.elsewhere.
loop.example. 60 CNAME loop.example.
*.wild.example. 300 TXT wild
*.wild.example. 300 A 192.0.2.3
*.cwild.example. 300 CNAME www.example.
child.example. 300 NS ns.child.example.
child.example. 300 NS ns1.example.
child.example. 300 DS 60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118
ns.child.example. 300 A 192.0.2.77
*.cuts.example. 300 NS ns1.example.
d.example. 300 DNAME target.example.
www.target.example. 300 A 192.0.2.11
srv.example. 300 SRV 1 2 443 www.example.
_sip._tcp.example. 300 SRV 1 2 5060 mail.example.
\000zero.example. 300 A 192.0.2.90
a\000b.example. 300 A 192.0.2.91
\001a\000.example. 300 A 192.0.2.92
\255\200.example. 300 TXT eightbit
dot\.ted.example. 300 TXT dotted
{LONG}.{LONG}.example. 300 A 192.0.2.12
"""


def address(number: int) -> bytes:
    return bytes((198, 51, 100, number))


def monitor(number: int) -> Monitor:
    return Monitor("tcp", f"198.51.100.{number}", "{}", 5.0, 2.0, 2, 3)


def steer(owner: str, *numbers: int, weights: tuple[int, ...] = (), **options) -> Steered:
    members = tuple(
        Member(address(number), weight=weight, monitor=monitor(number))
        for number, weight in zip(numbers, weights or (1,) * len(numbers), strict=True)
    )
    rrset = RRset(name_from_text(owner), 1, 30, (members[0].value,))
    return Steered(rrset, (Pool("main", members),), (Rule("main"),), **options)


def steer_cname(owner: str, *targets: str) -> Steered:
    members = tuple(Member(name_from_text(target)) for target in targets)
    rrset = RRset(name_from_text(owner), 5, 30, (members[0].value,))
    return Steered(rrset, (Pool("main", members),), (Rule("main"),))


STEERED = (
    steer("steered.example.", 1, 2, 3, weights=(5, 3, 1)),
    steer("turns.example.", 4, 5, weights=(2, 1), policy="round_robin"),
    steer("first.example.", 6, 7, policy="failover"),
    steer("many.example.", 8, 9, 10, answers=2),
    steer("manyturns.example.", 8, 9, 10, answers=2, policy="round_robin"),
    steer("*.swild.example.", 11, 12),
    steer("empty.example.", 13, all_down=AllDown.EMPTY),
    steer("fail.example.", 14, all_down=AllDown.SERVFAIL),
    steer_cname("scname.example.", "www.example.", "steered.example.", "www.elsewhere.", "nowhere.example."),
    steer_cname("scname2.example.", "scname.example."),
    steer_cname("scout.example.", "a.elsewhere.", "b.elsewhere."),
)


class SeededSource:
    """A draw source that two runs can share: equal seeds give equal draws."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed).random
        self._turns: Counter[SteeredKey] = Counter({each.key: seed for each in STEERED})

    def turn(self, key: SteeredKey) -> int:
        self._turns[key] += 1
        return self._turns[key] - 1


def asked_names(zone: Zone) -> Iterator[bytes]:
    """Every owner, its parents, a name below each, what a wildcard covers, and names outside."""
    names = set()
    for owner in zone.rrsets:
        name = owner
        while name != zone.apex:
            names |= {name, b"\x05below" + name}
            name = name[1 + name[0] :]
        if owner[:2] == b"\x01*":
            names |= {b"\x01q" + owner[2:], b"\x01p\x01q" + owner[2:]}
    names |= {zone.apex, b"\x07nowhere" + zone.apex, b"\x00", b"\x09elsewhere\x00", b"\x0abadexample\x00"}
    yield from sorted(name for name in names if len(name) <= 255)


@pytest.fixture(scope="session")
def rich_zone(zone_of: Callable[..., Zone]) -> Zone:
    return zone_of(PLAIN, *STEERED)


@pytest.fixture(scope="session")
def rich_names(rich_zone: Zone) -> list[bytes]:
    return list(asked_names(rich_zone))


@pytest.fixture
def rich_table(rich_zone: Zone) -> AnswerTable:
    return AnswerTable().with_zone(ZoneTable(rich_zone), Conditions())


CHAINS = {
    "NSEC": with_nsec,
    "NSEC3": lambda zone: with_nsec3(zone, 0),
    "NSEC3, salt, opt-out": lambda zone: with_nsec3(zone, 5, b"salt", opt_out=True),
}
"""How a zone is signed."""
UNSAFE = """
unsafe.example. 300 NS ns1.example.
very.unsafe.in.example. 300 NS ns1.example.
"""


@pytest.fixture(scope="session", params=CHAINS)
def signed_zone(request: pytest.FixtureRequest, zone_of: Callable[..., Zone]) -> Zone:
    """The zone without what is steered, signed."""
    return complete(CHAINS[request.param](zone_of(PLAIN + UNSAFE)))


@pytest.fixture(scope="session")
def signed_names(signed_zone: Zone) -> list[bytes]:
    return list(asked_names(signed_zone))


@pytest.fixture
def signed_table(signed_zone: Zone) -> AnswerTable:
    return AnswerTable().with_zone(ZoneTable(signed_zone), Conditions())


@pytest.fixture(scope="session")
def seeded() -> Callable[[int], SeededSource]:
    return SeededSource
