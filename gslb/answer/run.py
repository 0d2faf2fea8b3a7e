"""A run: rendered rrsets behind one another, in which names are left open.

As in a `Template`, names that depend on the question are compression pointers. Those in a run point into the question,
to where the first owner stands, or into the run itself; and names along a chain of DNAMEs all begin with the same
labels, the *prefix*. So a run is octets with gaps for the prefix, and with pointers and lengths that grow with a few
numbers: where the apex stands in the message, how the first owner is written, where the run begins, how long the prefix
is. The octets are kept as one number. For each of the others there is one more, with a small factor in the place of
each pointer or length that grows with it: times that, all are moved at once.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from gslb.answer.template import APEX, OWNER, START, Hole, Template, record_header
from gslb.wire.codes import RRType
from gslb.wire.message import MAX_POINTER_OFFSET
from gslb.wire.names import Name

PREFIX = 3
_POINTER = 0xC000
"""The upper two bits that make a pointer of an offset."""


class Place(NamedTuple):
    """Where something stands in a run: so many octets and prefixes come before."""

    octets: int
    prefixes: int

    def at(self, start: int, prefix_octets: int) -> int:
        """Its offset in the message."""
        return start + self.octets + self.prefixes * prefix_octets


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """`number` are the octets but for the prefixes, with what is open at 0, and `growth` what is added for each of
    APEX, OWNER, START and PREFIX. `between` are the octets between the gaps, if there are any. `ends` tell of each
    rrset where it ends, and how many records there are up to there."""

    number: int
    growth: tuple[int, int, int, int]
    between: tuple[slice, ...]
    ends: tuple[tuple[int, Place], ...]

    @property
    def records(self) -> int:
        return self.ends[-1][0]

    def end(self, start: int, prefix_octets: int = 0) -> int:
        """The offset behind it."""
        return self.ends[-1][1].at(start, prefix_octets)

    def is_in_reach(self, start: int, prefix_octets: int = 0) -> bool:
        """Whether pointers can lead to all of it."""
        return self.end(start, prefix_octets) <= MAX_POINTER_OFFSET

    def fill(self, apex: int, owner: int, start: int, prefix: bytes = b"") -> bytes:
        """The octets of a run in reach. `apex` and `start` are offsets in the message, `owner` a pointer."""
        by_apex, by_owner, by_start, by_prefix = self.growth
        number = self.number + apex * by_apex + owner * by_owner + start * by_start + len(prefix) * by_prefix
        octets = number.to_bytes(self.ends[-1][1].octets, "big")
        return prefix.join([octets[each] for each in self.between]) if self.between else octets

    def cut(self, room: int, prefix_octets: int) -> tuple[int, int]:
        """The records and the octets of those first rrsets that are no more octets than there is room for."""
        for records, place in reversed(self.ends):
            end = place.at(0, prefix_octets)
            if end <= room:
                return records, end
        return 0, 0


class Rendering:
    """A run as it grows. `owner`: where the name stands that owns what comes next; None for the first owner."""

    def __init__(self) -> None:
        self.owner: Place | None = None
        self._octets = bytearray()
        self._gaps: list[int] = []
        self._factors: list[tuple[Hole, int, int]] = []
        self._ends: list[tuple[int, Place]] = []
        self._records = 0

    @property
    def place(self) -> Place:
        """Where the next octets will stand."""
        return Place(len(self._octets), len(self._gaps))

    def add(self, template: Template, records: int) -> None:
        """An rrset."""
        begin = self.place
        self._octets += template.parts[0]
        for hole, part in zip(template.holes, template.parts[1:], strict=True):
            if hole == APEX:
                self._grow(APEX)
                self._octets += _POINTER.to_bytes(2, "big")
            else:
                self._point(begin if hole == START else self.owner)
            self._octets += part
        self._end(records)

    def add_alias(self, ttl_seconds: int, target: Name, apex: Name) -> None:
        """The CNAME to the prefix and then `target`, at or below the apex."""
        self._point(self.owner)
        written = target if len(apex) == 1 else target[: len(target) - len(apex)] + _POINTER.to_bytes(2, "big")
        self._octets += record_header(RRType.CNAME, ttl_seconds, len(written))
        self._grow(PREFIX, back=2)  # the length of the data
        self._gaps.append(len(self._octets))
        self._octets += written
        if len(apex) > 1:
            self._grow(APEX, back=2)
        self._end(1)

    def _point(self, place: Place | None) -> None:
        """A pointer to a place in the run; None: the first owner."""
        if place is None:
            self._grow(OWNER)
            self._octets += bytes(2)
            return
        self._grow(START)
        self._grow(PREFIX, place.prefixes)
        self._octets += (_POINTER + place.octets).to_bytes(2, "big")

    def _grow(self, number: Hole, factor: int = 1, back: int = 0) -> None:
        """The two octets that come next, or so many before, grow with a number."""
        self._factors.append((number, len(self._octets) - back, factor))

    def _end(self, records: int) -> None:
        self._records += records
        self._ends.append((self._records, self.place))

    def run(self) -> Run:
        """What was rendered."""
        growth = tuple(bytearray(len(self._octets)) for _ in (APEX, OWNER, START, PREFIX))
        for number, at, factor in self._factors:
            growth[number][at + 1] = factor
        by_apex, by_owner, by_start, by_prefix = (int.from_bytes(each, "big") for each in growth)
        number = int.from_bytes(self._octets, "big")
        bounds = (0, *self._gaps, None) if self._gaps else ()
        between = tuple(slice(begin, end) for begin, end in pairwise(bounds))
        return Run(number, (by_apex, by_owner, by_start, by_prefix), between, tuple(self._ends))
