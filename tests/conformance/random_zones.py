r"""Random groups of small zones, and questions about them, from a seed.

Names are of few labels, so that everything collides: wildcards stand at several depths and inside names, aliases lead
into each other, delegations and DNAMEs hide data. The zones of a group are served together: alone, parent and child,
or siblings. Every name of a group ends in `~`, which stands for a label of its own, so that many groups can be served
at once; `Group.text` writes it out.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import dns.name

LABELS = ("a", "a", "b", "b", "c", "d", "*", "*", "*", "A", r"\255", r"e\.f", "_t", "x" * 63)
OUTSIDE = ("x.out.", "a.out.", "out.")
LONG_LABELS = (63, 63, 63, 62, 61, 50, 40, 30, 20)
_SERVED_TYPES = {
    "A": 10,
    "AAAA": 4,
    "TXT": 5,
    "MX": 4,
    "SRV": 2,
    "CNAME": 9,
    "DNAME": 5,
    "NS": 9,
    "DS": 3,
    "SVCB": 1,
    "HTTPS": 2,
    "NAPTR": 1,
    "AFSDB": 1,
    "PTR": 1,
    "KX": 1,
    "RP": 1,
    "CAA": 1,
    "TLSA": 1,
    "TYPE65280": 1,
}
_ASKED_TYPES = {
    "A": 10,
    "AAAA": 4,
    "NS": 7,
    "CNAME": 4,
    "DNAME": 3,
    "SOA": 3,
    "MX": 3,
    "TXT": 3,
    "DS": 6,
    "SRV": 1,
    "HTTPS": 1,
    "SVCB": 1,
    "ANY": 3,
    "RRSIG": 1,
    "NSEC": 1,
    "DNSKEY": 1,
    "NAPTR": 1,
    "CAA": 1,
    "TYPE65280": 1,
    "TYPE65281": 1,
    "MAILB": 1,
    "AXFR": 1,
}


@dataclass(frozen=True, slots=True)
class Group:
    """`zones`: the lines of each master file by apex."""

    zones: dict[str, tuple[str, ...]]

    def text(self, label: str) -> dict[str, str]:
        """The master files by apex, with `label` in place of `~`."""
        end = "" if label == "." else f"{label}."
        return {
            (apex.replace("~", end) or "."): "".join(f"{written(line, label)}\n" for line in lines)
            for apex, lines in self.zones.items()
        }

    def without(self, apex: str, *dropped: int) -> "Group":
        """The group without these lines of one zone."""
        left = tuple(line for number, line in enumerate(self.zones[apex]) if number not in dropped)
        return Group(self.zones | {apex: left})

    def without_zone(self, apex: str) -> "Group":
        return Group({other: lines for other, lines in self.zones.items() if other != apex})


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, and how: `edns` is the size offered, None for no OPT; `flags` of the header; `options` of EDNS in
    wire form; `mixed`: the name in mixed case."""

    qname: str
    qtype: str
    qclass: int = 1
    flags: int = 0
    edns: int | None = None
    dnssec_ok: bool = False
    options: bytes = b""
    tcp: bool = False
    mixed: bool = False

    def __str__(self) -> str:
        words = [self.qname, self.qtype]
        words += [f"class {self.qclass}"] if self.qclass != 1 else []
        words += [f"flags {self.flags:#06x}"] if self.flags else []
        words += [f"edns {self.edns}"] if self.edns is not None else []
        words += ["do"] * self.dnssec_ok + ["tcp"] * self.tcp + ["mixed"] * self.mixed
        words += [f"options {self.options.hex()}"] if self.options else []
        return " ".join(words)


def written(text: str, label: str) -> str:
    """`text` with the group's label in place of `~`; the label `.` makes it names below the root."""
    if label == ".":
        return " ".join(
            word.replace("~", "") or "." if word == "~" else word.replace("~", "") for word in text.split(" ")
        )
    return text.replace("~", f"{label}.")


def random_group(seed: int, first: str = "") -> Group:
    """The group of a seed; `first` is the apex of its first zone, if that is not to be drawn."""
    return _Maker(random.Random(seed)).group(first)


def random_questions(group: Group, seed: int, count: int) -> list[Question]:
    """Questions about a group: half of them plain."""
    rng = random.Random(seed)
    names = sorted({name for name in _names_asked(group, rng) if _fits(name)})
    owned: dict[str, list[str]] = {}
    for line in (line for lines in group.zones.values() for line in lines):
        owner, _, _, rtype, *_ = line.split(" ")
        owned.setdefault(owner, []).append(rtype)
    asked: dict[Question, None] = {}
    for _ in range(count * 2):
        if len(asked) >= count:
            break
        qname = rng.choice(names)
        types = owned.get(qname, [])
        qtype = rng.choice(types) if types and rng.random() < 0.4 else _weighted(rng, _ASKED_TYPES)
        question = Question(qname, qtype)
        asked[question if rng.random() < 0.5 else _variant(question, rng)] = None
    return list(asked)


def _variant(question: Question, rng: random.Random) -> Question:
    flags = rng.choice((0, 0, 0x0100, 0x0010, 0x0020, 0x0130))
    if rng.random() < 0.03:
        question = replace(question, qclass=rng.choice((2, 3, 4, 254, 255)))
    if question.qtype not in {"AXFR", "IXFR"} and rng.random() < 0.2:
        question = replace(question, tcp=True)
    if rng.random() < 0.7:
        question = replace(
            question,
            edns=rng.choice((0, 512, 512, 600, 1232, 1232, 4096, 65535)),
            dnssec_ok=rng.random() < 0.4,
            options=rng.choice((b"", b"", b"", b"\xff\xf0\x00\x02ab", b"\x00\x03\x00\x00")),
        )
    return replace(question, flags=flags, mixed=rng.random() < 0.15)


def _names_asked(group: Group, rng: random.Random) -> Iterator[str]:
    yield from ("x.~", "~", "out.")
    for apex, lines in group.zones.items():
        yield from (apex, f"x.{apex}", f"*.{apex}")
        for line in lines:
            owner, _, _, rtype, *rdata = line.split(" ")
            yield from _around(owner)
            if rtype == "DNAME":
                yield from _long_names(owner, rng)
            if rdata and rdata[-1].endswith("~"):
                yield from (rdata[-1], f"a.{rdata[-1]}")


def _around(owner: str) -> Iterator[str]:
    below = owner if owner.startswith("~") else owner.partition(".")[2] if "\\" not in owner else owner
    yield from (owner, f"a.{owner}", f"*.{owner}", f"x.b.{owner}", f"c.*.{owner}", below or "~", f"y.{below}")


def _fits(name: str) -> bool:
    """True for a name of at most 255 octets."""
    try:
        dns.name.from_text(written(name, "d000000"))
    except dns.name.NameTooLong:
        return False
    return True


def _long_names(owner: str, rng: random.Random) -> Iterator[str]:
    """Names below a DNAME near the bound of 255 octets."""
    for _ in range(3):
        count = rng.randint(2, 3)
        yield ".".join("l" * rng.choice(LONG_LABELS) for _ in range(count)) + f".{owner}"


def _weighted(rng: random.Random, weights: dict[str, int]) -> str:
    return rng.choices(list(weights), list(weights.values()))[0]


class _Maker:
    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.names: list[str] = []
        self.apexes: list[str] = []

    def group(self, first: str) -> Group:
        rng = self.rng
        first = first or rng.choice(("~", "~", "a.~", "a.~", "b.a.~", "b.a.~", "*.~"))
        self.apexes = [first]
        names = self._names(first)
        for _ in range(rng.choice((0, 0, 0, 1, 1, 2))):
            if rng.random() < 0.7:
                self.apexes.append(rng.choice([name for name in names if _is_plain(name)] or [f"b.{first}"]))
            elif first != "~":
                self.apexes.append("z.~")
        self.apexes = list({apex.lower(): apex for apex in self.apexes}.values())
        zones = {}
        for apex in self.apexes:
            zones[apex] = tuple(self._zone(apex))
        return Group(zones)

    def _names(self, apex: str) -> list[str]:
        """Names below an apex, most of them below each other."""
        found = [apex]
        for _ in range(self.rng.randint(3, 9)):
            above = self.rng.choice(found)
            if above.count(".") < 6 and len(above) < 120:
                found.append(f"{self.rng.choice(LABELS)}.{above}")
        self.names += found
        return [name for name in dict.fromkeys(found) if name != apex] or [f"a.{apex}"]

    def _zone(self, apex: str) -> Iterator[str]:
        rng = self.rng
        names = self._names(apex) + [name for name in self.names if name.endswith(f".{apex}")]
        held: dict[str, set[str]] = {apex.lower(): {"SOA", "NS"}}
        minimum, ttl = rng.choice((60, 300, 7200)), rng.choice((60, 600, 3600))
        yield f"{apex} {ttl} IN SOA ns.{apex} host.{apex} 1 7200 900 86400 {minimum}"
        yield from self._nameservers(apex, names, held)
        wanted = [
            (rng.choice([apex, *names, *names]), _weighted(rng, _SERVED_TYPES)) for _ in range(rng.randint(2, 10))
        ]
        wanted += [(child, "NS") for child in self.apexes if child.endswith(f".{apex}") and rng.random() < 0.8]
        for owner, rtype in wanted:
            if _may_stand(held, owner, rtype, apex):
                held.setdefault(owner.lower(), set()).add(rtype)
                yield from self._rrset(owner, rtype, names, held)

    def _nameservers(self, apex: str, names: Sequence[str], held: dict[str, set[str]]) -> Iterator[str]:
        for server in self.rng.sample((f"ns.{apex}", *OUTSIDE, self.rng.choice(names)), self.rng.randint(1, 2)):
            yield f"{apex} 600 IN NS {server}"
            if server.endswith("~") and self.rng.random() < 0.95:
                held.setdefault(server.lower(), set()).add("A")
                yield f"{server} 600 IN A 192.0.2.53"

    def _rrset(self, owner: str, rtype: str, names: Sequence[str], held: dict[str, set[str]]) -> Iterator[str]:
        rng = self.rng
        ttl = rng.choice((30, 300, 600, 3600))
        most = 1 if rtype in {"CNAME", "DNAME", "DS"} else rng.choice((1, 1, 1, 2, 3))
        if rtype in {"TXT", "NS", "MX"} and rng.random() < 0.15:
            most = 9
        rdatas = dict.fromkeys(self._rdata(rtype, names, number) for number in range(most))
        if rtype in {"HTTPS", "SVCB"} and len(rdatas) > 1:  # an alias form beside a service form is not served
            rdatas = dict.fromkeys(list(rdatas)[:1])
        for rdata in rdatas:
            yield f"{owner} {ttl} IN {rtype} {rdata}"
        if rtype == "NS":
            for host in [rdata for rdata in rdatas if rdata.endswith("~") and rng.random() < 0.8]:
                yield from self._glue(host, names, held)

    def _glue(self, host: str, names: Sequence[str], held: dict[str, set[str]]) -> Iterator[str]:
        apex = next(iter(held))
        inside = host.lower().endswith(f".{apex}")
        for rtype in ("A", "AAAA"):
            if inside and _may_stand(held, host, rtype, apex) and self.rng.random() < 0.7:
                held.setdefault(host.lower(), set()).add(rtype)
                yield f"{host} 300 IN {rtype} {self._rdata(rtype, names, self.rng.randint(0, 200))}"

    def _host(self, names: Sequence[str]) -> str:
        rng = self.rng
        at = rng.random()
        if at < 0.12:
            return rng.choice(OUTSIDE)
        pool = self.names if at < 0.3 else names
        host = rng.choice(pool)
        if rng.random() < 0.35:
            host = f"{rng.choice(('a', 'b', 'x', 'ns', '*'))}.{host}"
        return host

    def _rdata(self, rtype: str, names: Sequence[str], number: int) -> str:
        rng = self.rng
        if rtype == "TXT":
            return '"' + "t" * rng.choice((3, 40, 120, 200)) + f'{number}"'
        return _FORMS[rtype].format(host=self._host(names), n=number + 1, any=rng.randint(0, 9))


_FORMS = {
    "A": "192.0.2.{n}",
    "AAAA": "2001:db8::{n:x}",
    "MX": "{n} {host}",
    "SRV": "{n} 0 {any} {host}",
    "CNAME": "{host}",
    "DNAME": "{host}",
    "NS": "{host}",
    "PTR": "{host}",
    "DS": "{n} 13 2 " + "ab" * 32,
    "SVCB": "{any} {host}",
    "HTTPS": "{any} {host}",
    "NAPTR": '{n} 0 "s" "x+y" "" {host}',
    "AFSDB": "{n} {host}",
    "KX": "{n} {host}",
    "RP": "{host} {host}",
    "CAA": '0 issue "ca{n}.example"',
    "TLSA": "3 1 1 " + "cd" * 32,
    "TYPE65280": "\\# 3 0102{n:02x}",
}


def _is_plain(name: str) -> bool:
    """True for what every server's configuration takes as the name of a zone."""
    return "\\" not in name and not name.startswith("*")


def _may_stand(held: dict[str, set[str]], owner: str, rtype: str, apex: str) -> bool:
    """False for what servers do not load: other data beside a CNAME, data below a DNAME, a DNAME at a zone cut, a type
    twice, a DS at the apex."""
    owner, apex = owner.lower(), apex.lower()
    types = held.get(owner, set())
    if rtype in types or "CNAME" in types or (rtype == "CNAME" and types) or (rtype == "DS" and owner == apex):
        return False
    if any("DNAME" in others and owner.endswith(f".{above}") for above, others in held.items()):
        return False
    if rtype == "DNAME" and any(below.endswith(f".{owner}") for below in held):
        return False
    return not (rtype in {"DNAME", "NS"} and types & {"DNAME", "NS"} and owner != apex)
