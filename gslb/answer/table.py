"""The AnswerTable: everything a query needs, behind one reference.

A query takes the reference once, so it sees each zone in one version. Changes make a new table: a reload replaces
one zone's part, a health change some draws. A finished answer names its draw and never holds it, so it stays over a
health change; and it is made of one zone alone, so it goes when that changes, and when names change hands because
another zone comes or goes. Else a node with thousands of zones would have no use of what it keeps.
"""

from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType

from gslb.answer.compile import ZoneTable
from gslb.answer.draws import Draw, compile_draw
from gslb.answer.finished import Finished
from gslb.answer.leg import Legs
from gslb.steering.conditions import Conditions
from gslb.wire.codes import RRType
from gslb.wire.names import FEW_LABELS_OCTETS, Name, label_at, name_to_text, parent
from gslb.zone.steered import SteeredKey

MAX_FINISHED = 200_000


class AnswerTable:
    """`zones[apex]` is None for a zone that is configured and has no version to serve: SERVFAIL."""

    __slots__ = ("apex_lengths", "draws", "kept", "legs", "longest_apex", "zones")

    def __init__(
        self,
        zones: Mapping[Name, ZoneTable | None] = MappingProxyType({}),
        draws: Mapping[SteeredKey, Draw] = MappingProxyType({}),
        finished: dict[bytes, Finished] | None = None,
        apex_lengths: frozenset[int] = frozenset(),
        legs: Legs | None = None,
    ) -> None:
        self.zones = zones
        self.draws = draws
        self.kept = {} if finished is None else finished
        """The finished answers by question: canonical name, type and class in wire form. To be read only; the same
        object for as long as they hold."""
        self.legs = Legs() if legs is None else legs
        """What was kept of chains; until any zone changes."""
        self.apex_lengths = apex_lengths
        """In octets, those of zones that are gone too: no other part of a name needs to be looked up."""
        self.longest_apex = max(apex_lengths, default=0)

    def keep(self, question: bytes, finished: Finished) -> None:
        """Keep a finished answer for the short path; the oldest half goes when there are too many."""
        if len(self.kept) >= MAX_FINISHED:
            for old in list(self.kept)[: MAX_FINISHED // 2]:
                del self.kept[old]
        self.kept[question] = finished

    def apex_for(self, qname: Name, qtype: int) -> Name | None:
        """The deepest zone of ours that holds the name; for DS at an apex the zone above, where that is ours too
        (RFC 4035 section 3.1.4.1)."""
        zones, lengths = self.zones, self.apex_lengths
        position, last = 0, len(qname) - 1
        if last > FEW_LABELS_OCTETS:
            position = label_at(qname, last + 1 - self.longest_apex)
        while last + 1 - position not in lengths or qname[position:] not in zones:
            if position == last:
                return None
            position += 1 + qname[position]
        name = qname[position:]
        if qtype == RRType.DS and name == qname and name[0]:
            return self.apex_for(parent(name), 0) or name
        return name

    def with_zone(self, table: ZoneTable, conditions: Conditions) -> "AnswerTable":
        """A table with one zone added or replaced, its draws compiled under the conditions."""
        return self.with_zones({table.apex: table}, conditions)

    def with_failed(self, apex: Name) -> "AnswerTable":
        """A table with a zone that cannot be answered for."""
        return self.with_zones({apex: None}, Conditions())

    def with_zones(self, zones: Mapping[Name, ZoneTable | None], conditions: Conditions) -> "AnswerTable":
        """A table with these zones added or replaced; None: one that cannot be answered for."""
        draws = self._draws_outside(zones)
        for apex, table in zones.items():
            steered = table.zone.steered if table is not None else {}
            draws |= {key: compile_draw(each, conditions, apex) for key, each in steered.items()}
        kept = self._kept_without(zones, [apex for apex in zones if apex not in self.zones])
        return AnswerTable({**self.zones, **zones}, draws, kept, self.apex_lengths | set(map(len, zones)))

    def without_zone(self, apex: Name) -> "AnswerTable":
        zones = {name: table for name, table in self.zones.items() if name != apex}
        return AnswerTable(zones, self._draws_outside([apex]), self._kept_without([apex], [apex]), self.apex_lengths)

    def with_conditions(self, keys: Iterable[SteeredKey], conditions: Conditions) -> "AnswerTable":
        """A table with the draws of these steered owners compiled anew; nothing else is touched."""
        draws = dict(self.draws)
        for key in keys:
            draw = draws[key]
            apex = self._apex_of(draw)
            draws[key] = compile_draw(draw.selection.steered, conditions, apex)
        return AnswerTable(self.zones, draws, self.kept, self.apex_lengths, self.legs)

    def _apex_of(self, draw: Draw) -> Name:
        apex = self.apex_for(draw.selection.steered.rrset.owner, 0)
        assert apex is not None
        return apex

    def _kept_without(self, changed: Iterable[Name], come_or_gone: Collection[Name]) -> dict[bytes, Finished]:
        """The finished answers that hold on when these zones change. One that comes takes names from the zone above it,
        and the DS from those below, and gives them back when it goes."""
        if not self.kept:
            return {}
        touched = {*changed, *(self.apex_for(parent(apex), 0) for apex in come_or_gone)}
        touched.update(apex for apex in self.zones if apex.endswith(tuple(come_or_gone)))
        texts = {name_to_text(apex) for apex in touched if apex is not None}
        return {question: each for question, each in self.kept.items() if each.facts.zone not in texts}

    def _draws_outside(self, apexes: Iterable[Name]) -> dict[SteeredKey, Draw]:
        """The draws of all other zones."""
        draws = dict(self.draws)
        for apex in apexes:
            replaced = self.zones.get(apex)
            for key in replaced.zone.steered if replaced is not None else ():
                draws.pop(key, None)
        return draws
