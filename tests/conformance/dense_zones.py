"""Zones of two to four records that stand as close to each other as they can, and every question that matters there.

Where `random_zones` draws from a wide field, this field is small and is walked densely: ten owners, of which most are
wildcards or lie below one, and for each the types that change the meaning of names, with every kind of target: inside,
outside, the owner itself, below it, a wildcard, the apex, above the apex. One number is one zone. The questions are not
drawn: all types that differ, at all names where something may differ.
"""

import random
from collections.abc import Iterator

from random_zones import Group, Question

APEXES = ("~", "~", "~", "c.~", "a.~", "b.*.~")
OWNERS = ("", "a", "a", "b", "*", "*", "*.a", "a.a", "b.a", "*.*", "a.*", "*.b.a")
_INSIDE = ("a", "b", "*", "a.a", "b.a", "*.a", "x.a", "a.*", "*.*", "x.b")
_ABOUT_THE_OWNER = ("=", "x.=", "*.=", "ns.=")
TARGETS = ("x.out.", "~", "@", *_INSIDE, *_ABOUT_THE_OWNER)
"""`@` is the apex, `=` the owner; the rest is below the apex."""
KINDS = {"A": 2, "AAAA": 1, "TXT": 2, "NS": 5, "NS+glue": 3, "CNAME": 6, "DNAME": 5, "DS": 1, "MX": 1, "SRV": 1}
_NO_OWNERS = ("x", "x.a", "x.b", "x.*", "x.x", "a.b", "x.a.a", "x.b.a", "*.x", "a.x.a", "x.*.a", "ns.a", "ns.b")
ASKED_NAMES = (*OWNERS, *_NO_OWNERS)
ASKED_TYPES = ("A", "NS", "CNAME", "DNAME", "SOA", "DS", "TXT", "MX")


def dense_group(number: int) -> Group:
    """The zone of a number."""
    rng = random.Random(number)
    apex = rng.choice(APEXES)
    lines = [f"{apex} 500 IN SOA ns1.out. root.out. 3 604800 86400 2419200 300", f"{apex} 500 IN NS ns1.out."]
    if rng.random() < 0.2:
        lines += [f"{apex} 500 IN NS ns.{apex}", f"ns.{apex} 500 IN A 192.0.2.54"]
    for _ in range(rng.choice((2, 2, 3, 3, 4))):
        owner, kind = rng.choice(OWNERS), rng.choices(list(KINDS), list(KINDS.values()))[0]
        if kind.startswith("NS") and owner.startswith("*") and rng.random() < 0.8:  # BIND does not load it
            kind = "CNAME"
        lines += _records(_below(owner, apex), kind, apex, rng)
    return Group({apex: tuple(_without_clashes(dict.fromkeys(lines)))})


def dense_questions(group: Group) -> list[Question]:
    """All that may be answered in a way of its own."""
    (apex,) = group.zones
    names = dict.fromkeys(_below(name, apex) for name in ASKED_NAMES)
    return [Question(name, qtype) for name in names for qtype in ASKED_TYPES]


def _below(name: str, apex: str) -> str:
    return f"{name}.{apex}" if name else apex


def _records(owner: str, kind: str, apex: str, rng: random.Random) -> Iterator[str]:
    target = _target(rng.choice(TARGETS), owner, apex)
    if kind == "NS+glue":
        yield f"{owner} 500 IN NS ns.{owner}"
        yield f"ns.{owner} 500 IN A 192.0.2.53"
    else:
        rdata = _RDATA[kind].format(target=target)
        yield f"{owner} 500 IN {kind} {rdata}"
        is_inside = target.endswith(f".{apex}")
        if kind in {"NS", "MX", "SRV"} and is_inside and (owner == apex or rng.random() < 0.5):
            yield f"{target} 500 IN {rng.choice(('A 192.0.2.7', 'AAAA 2001:db8::7'))}"


def _target(target: str, owner: str, apex: str) -> str:
    if target.endswith(("=", "@")):
        return target.replace("=", owner).replace("@", apex)
    return target if target.endswith((".", "~")) else _below(target, apex)


_RDATA = {
    "A": "192.0.2.1",
    "AAAA": "2001:db8::1",
    "TXT": '"text"',
    "NS": "{target}",
    "CNAME": "{target}",
    "DNAME": "{target}",
    "DS": "1 13 2 " + "ab" * 32,
    "MX": "1 {target}",
    "SRV": "1 2 3 {target}",
}


def _without_clashes(lines: dict[str, None]) -> Iterator[str]:
    """Without what no server loads: anything beside a CNAME, a second CNAME or DNAME, a DS at the apex, and data below
    a DNAME."""
    held: dict[str, set[str]] = {}
    for line in lines:
        owner, _, _, rtype, *_ = line.split(" ")
        types = held.setdefault(owner, set())
        apex = next(iter(held))
        above = [name for name, others in held.items() if "DNAME" in others and owner.endswith(f".{name}")]
        below = [name for name, others in held.items() if others and rtype == "DNAME" and name.endswith(f".{owner}")]
        clashes = "CNAME" in types or (rtype == "CNAME" and types) or (rtype == "DNAME" and rtype in types)
        if not (clashes or above or below or (rtype == "DS" and owner == apex)):
            types.add(rtype)
            yield line
