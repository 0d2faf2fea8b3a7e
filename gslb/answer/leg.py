"""A leg: some steps of a chain that are the same whatever was asked, as one value.

From where a CNAME leads, a chain depends on the question in nothing but how names are written. So it does from one
DNAME to the next, as long as each leads to the owner of another DNAME or below: then all names along it begin with the
labels before the first one's owner. And where a DNAME leads to a name above its owner, it depends on how often the
labels come that it takes away: that often, or as often as there are steps, it leads to names below itself. Such steps
are rendered into a run when a chain comes that way the second time, and from then on take as long as one step, however
long the chain.

A leg ends where the answer depends on more: at a name that is no alias, or steered;
where a DNAME leads to names that may exist. It belongs to a zone in one version, and goes with it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple

from gslb.answer.compile import ZoneTable
from gslb.answer.run import Place, Rendering, Run
from gslb.answer.segments import Answer, Link, Segment, without_dname
from gslb.answer.template import Template
from gslb.wire.codes import RRType
from gslb.wire.message import QNAME_POINTER
from gslb.wire.names import MAX_NAME_OCTETS, Name, label_at
from gslb.zone.lookup import NOT_LED_ON, Alias, Outcome, Redirection
from gslb.zone.rrset import RRset

_Key = tuple[Name, Name, int, bool, int]
"""Apex, where a leg begins and the type it begins with, whether it is signed, and its most steps."""
MOST_KEPT = 1024
_MOST_ENDS = 16
_NO_TYPE = 0
"""To look for aliases alone."""
_CNAME_ALONE = frozenset({int(RRType.CNAME)})
_CNAME_DATA_OFFSET = len(QNAME_POINTER) + 10
"""From the beginning of a CNAME whose owner is a pointer."""


@dataclass(frozen=True, slots=True, eq=False)
class Leg:
    """Steps from a name on that owns a CNAME, or that a DNAME leads on from with all names below.

    `names` are where each step leads; behind the prefix, where there is one. `target` is where the last stands. The
    steps are not these when a type among `answered` is asked for, or a DNAME among `dnames` was sent before. `links`
    show what does not exist, but for the first step, and `proof` is all of them. `exact`: so do the names. `ends` are
    answers at the last name, where that has no prefix, by the type asked for.
    """

    run: Run
    names: tuple[Name, ...]
    target: Place
    answered: frozenset[int]
    dnames: frozenset[Name]
    links: dict[Name, Link]
    proof: Run | None
    exact: bool
    ends: dict[int, Answer] = field(default_factory=dict)

    def keep_end(self, qtype: int, answer: Answer) -> None:
        """Keep an answer at the last name, of the few types that are asked for; none that leads on by way of a DNAME
        or a CNAME: a longer leg will."""
        if answer.next is None and answer.dname is None:
            if len(self.ends) >= _MOST_ENDS:
                self.ends.clear()
            self.ends[qtype] = answer

    def possible(self, names: list[Name], seen: set[Name]) -> int:
        """How many steps there are until a name is too long, or comes a second time. `names` have the prefix."""
        if max(map(len, names)) <= MAX_NAME_OCTETS and seen.isdisjoint(names[:-1]):
            return len(names)
        for step, name in enumerate(names):
            if len(name) > MAX_NAME_OCTETS:
                return step
            if name in seen:
                return step + 1
        return len(names)


class Legs:
    """The legs of all zones that are served together."""

    def __init__(self) -> None:
        self._kept: dict[_Key, Leg | None] = {}
        self._met: set[_Key] = set()

    def of(self, outcome: Alias | Redirection, begin: Name, zone: ZoneTable, most: int, *, signed: bool) -> Leg | None:
        """The leg of at most so many steps from a name on with this outcome; of a DNAME, from names below. None where
        that would be of one step, and the first time: it may not come again."""
        key = (zone.apex, begin, outcome.rrset.rtype, signed, most)
        leg = self._kept.get(key)
        if leg is None and key not in self._kept:
            if key not in self._met:
                self._meet(key)
                return None
            leg = self._kept[key] = _leg(tuple(islice(_steps(outcome, begin, zone, signed=signed), most)), zone.apex)
        return leg

    def __len__(self) -> int:
        return len(self._kept)

    def _meet(self, key: _Key) -> None:
        if len(self._met) >= MOST_KEPT:
            self._met.clear()
            self._kept.clear()
        self._met.add(key)


class _Step(NamedTuple):
    """`segments` are its rrsets, but for the CNAME that a DNAME makes of a name with a prefix; `alias_ttl` is its TTL.
    `leads_to` is behind the prefix. `answered` are the types that end the chain here."""

    segments: tuple[Segment, ...]
    leads_to: Name
    alias_ttl: int | None = None
    answered: frozenset[int] = frozenset()
    dname: Name | None = None
    links: tuple[Link, ...] = ()
    exact: bool = False


def repeating(name: Name, owner: Name, taken: bytes, most: int) -> Name:
    """From where on the steps of a name are those of all names below, that is below a DNAME's owner, and so at most so
    many times: the owner, and before it the labels that the DNAME takes away, as often as they come."""
    octets = len(taken)
    last = begin = len(name) - len(owner)
    least = last - (most - 1) * octets
    if least > 0 and name.startswith(taken * (most - 1), least):
        begin = least
    while begin > octets and begin > least and name.startswith(taken, begin - octets):
        begin -= octets
    whole = 0
    while begin < last and (whole := label_at(name, begin, whole)) != begin:  # amidst a label
        begin += octets
    return name[begin:]


def _steps(outcome: Alias | Redirection, begin: Name, zone: ZoneTable, *, signed: bool) -> Iterator[_Step]:
    """The steps that are the same for all names with this outcome."""
    if isinstance(outcome, Redirection):
        return _below_dname(outcome.rrset, begin, zone, signed=signed)
    return _from_cname(outcome, zone, signed=signed)


def _from_cname(alias: Alias, zone: ZoneTable, *, signed: bool) -> Iterator[_Step]:
    """From the target of a CNAME on, all names are known."""
    outcome: Outcome = alias
    name = alias.node.name
    seen: set[Name] = set()
    dnames: set[Name] = set()
    while isinstance(outcome, Alias | Redirection):
        answer = zone.answer_to(outcome, name, _NO_TYPE, signed=signed)
        if answer.next is None:
            return
        segments = without_dname(answer) if answer.dname in dnames else answer.segments
        links = answer.proof if seen else ()
        yield _Step(segments, answer.next, None, _answered(outcome), answer.dname, links, answer.exact or not seen)
        if answer.dname is not None:
            dnames.add(answer.dname)
        name = answer.next
        if name in seen:
            return
        seen.add(name)
        outcome = zone.lookup(name, _NO_TYPE)


def _answered(outcome: Alias | Redirection) -> frozenset[int]:
    """The types that make no alias of this name."""
    if isinstance(outcome, Redirection):
        return frozenset()
    return NOT_LED_ON.union(outcome.node.rrsets)


def _below_dname(rrset: RRset, begin: Name, zone: ZoneTable, *, signed: bool) -> Iterator[_Step]:
    """From name to name below DNAMEs, whatever these begin with."""
    following: RRset | None = rrset
    suffix = begin
    seen = {suffix}
    dnames: set[Name] = set()
    while following is not None:
        renaming = zone.renaming(following, signed=signed)
        if renaming.endless or not renaming.stays:
            return
        segments = () if following.owner in dnames else renaming.segments
        leads_to = suffix[: len(suffix) - len(following.owner)] + renaming.target
        yield _Step(segments, leads_to, following.ttl_seconds, _CNAME_ALONE, following.owner)
        dnames.add(following.owner)
        if leads_to in seen:
            return
        seen.add(leads_to)
        suffix, following = leads_to, zone.dname_over(leads_to)


def _leg(steps: tuple[_Step, ...], apex: Name) -> Leg | None:
    """The steps as one value."""
    if len(steps) < 2:
        return None
    rendering = Rendering()
    links: dict[Name, Link] = {}
    for step in steps:
        rendering.owner = _render(step, rendering, apex)
        links |= {link.owner: link for link in step.links}
    assert rendering.owner is not None
    names = tuple(step.leads_to for step in steps)
    return Leg(
        rendering.run(),
        names,
        target=rendering.owner,
        answered=frozenset[int]().union(*(step.answered for step in steps)),
        dnames=frozenset(step.dname for step in steps if step.dname is not None),
        links=links,
        proof=_proof(links),
        exact=all(step.exact for step in steps),
    )


def _render(step: _Step, rendering: Rendering, apex: Name) -> Place:
    """Render a step, and give the place of the name where it leads: that is what its last rrset says, a CNAME, but for
    signatures."""
    begin = rendering.place
    for segment in step.segments:
        if not segment.follows:
            begin = rendering.place
        assert isinstance(segment.template, Template)
        rendering.add(segment.template, segment.count)
    if step.alias_ttl is not None:
        begin = rendering.place
        rendering.add_alias(step.alias_ttl, step.leads_to, apex)
    return Place(begin.octets + _CNAME_DATA_OFFSET, begin.prefixes)


def _proof(links: dict[Name, Link]) -> Run | None:
    if not links:
        return None
    rendering = Rendering()
    for link in links.values():
        rendering.add(link.template, link.count)
    return rendering.run()
