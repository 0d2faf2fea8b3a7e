"""A reply on its way: the rrsets that a walk finds, rendered in the order of the walk, and which of them fit.

Truncation is at rrset boundaries: an optional rrset that does not fit goes silently, a required one sets TC.
"""

import struct
from collections.abc import Iterable, Sequence
from operator import attrgetter, itemgetter
from typing import NamedTuple

from gslb.answer.bundle import Bundle, Parts
from gslb.answer.compile import Renaming, ZoneTable
from gslb.answer.draws import Outcome
from gslb.answer.leg import Leg
from gslb.answer.run import Run
from gslb.answer.segments import ADDITIONAL, ANSWER, AUTHORITY, Link, Segment
from gslb.answer.template import POINTERS, record_header
from gslb.wire.codes import CLASS_IN, Rcode, RRType
from gslb.wire.message import MAX_POINTER_OFFSET, QNAME_POINTER, Counts, pointer
from gslb.wire.names import Name
from gslb.wire.query import HEADER_OCTETS, Query
from gslb.zone.steered import SteeredKey

_RECORD_FIXED_OCTETS = 10
_ALIAS = struct.Struct("!HHHIH")
"""What comes before the data of a CNAME whose owner is a pointer."""
_CNAME = int(RRType.CNAME)
_POINTER = 0xC000


class Row(NamedTuple):
    """Rrsets behind one another: of each where it ends, and how many records there are up to there."""

    ends: list[tuple[int, int]]

    def cut(self, room: int, _prefix_octets: int = 0) -> tuple[int, int]:
        """The records and the octets of those first rrsets for which there is room."""
        return next(((records, end) for end, records in reversed(self.ends) if end <= room), (0, 0))


class Piece(NamedTuple):
    """Rendered octets on their way into a message: an rrset, or several, of which `several` tells where they end. Those
    of a run are all required."""

    section: int
    records: int
    octets: bytes
    required: bool
    follows: bool = False
    several: Run | Parts | Row | None = None
    prefix_octets: int = 0

    def cut(self, room: int) -> "Piece":
        """Of several that are required the first that fit."""
        assert self.several is not None
        records, end = self.several.cut(room, self.prefix_octets)
        return Piece(self.section, records, self.octets[:end], required=True)


BY_SECTION = itemgetter(0)
_BY_NEED = attrgetter("required")


class Draft:
    """What a walk through a zone gathers for a reply of `limit` octets. `owner` is how the current step's owner is
    written, `offset` where the next piece will stand, `drawn` the steered owner whose outcomes were drawn last, `error`
    the extended error. `signed`: DO was set, and the zone is signed.

    Pieces come in the order of sections. What is required goes before what is not, so once the required ones do not fit
    the draft `is_full`: nothing that comes later will be sent, and it is not rendered.
    """

    def __init__(self, query: Query, zone: ZoneTable, limit: int) -> None:
        self.pieces: list[Piece] = []
        self.signed = zone.signing is not None and query.edns is not None and query.edns.dnssec_ok
        self.outcomes: tuple[Outcome, ...] = ()
        self.rcode = Rcode.NOERROR
        self.authoritative = True
        self.lasting = True
        self.drawn: SteeredKey | None = None
        self.error = b""
        self.owner = QNAME_POINTER
        self.offset = HEADER_OCTETS + len(query.qname) + 4
        self._begin = self.offset
        self._required_room = limit - self.offset
        self._apex = HEADER_OCTETS + len(query.qname) - len(zone.apex)
        self._apex_octets = len(zone.apex)
        self._target = 0
        self._shown: set[Name] = set()
        self._proof: list[Link | Leg] = []

    @property
    def octets(self) -> int:
        """Of all pieces."""
        return self.offset - self._begin

    def clear(self) -> None:
        """Drop all pieces."""
        self.pieces.clear()
        self._required_room += self.octets
        self.offset = self._begin

    @property
    def is_full(self) -> bool:
        return self._required_room < 0

    def _passes_over(self) -> bool:
        """Whether there is no use in what comes next; without that, the answer is not to be kept."""
        if self._required_room >= 0:
            return False
        self.lasting = False
        return True

    def add(self, segment: Segment | Bundle) -> None:
        if isinstance(segment, Bundle):
            self._add_bundle(segment)
            return
        if self._passes_over():
            return
        octets = segment.template.fill(self.owner, POINTERS[self._apex])
        if not segment.follows:
            self._target = self.offset + len(self.owner) + _RECORD_FIXED_OCTETS
        self._append(Piece(segment.section, segment.count, octets, segment.required, segment.follows))

    def _add_bundle(self, bundle: Bundle) -> None:
        if len(self.owner) != len(QNAME_POINTER):
            for segment in bundle.segments:
                self.add(segment)
        elif not self._passes_over():
            octets = bundle.template.fill(self.owner, POINTERS[self._apex])
            parts = bundle.compact if self.owner == QNAME_POINTER else bundle.plain
            self._append(Piece(bundle.section, bundle.count, octets, bundle.required, several=parts))

    def add_alias(self, ttl_seconds: int, target: Name) -> None:
        """Add the CNAME that a DNAME makes of the owner; `target` is a name of the zone."""
        if self._passes_over():
            return
        data = target[: -self._apex_octets] + POINTERS[self._apex] if self._apex_octets > 1 else target
        octets = self.owner + record_header(RRType.CNAME, ttl_seconds, len(data)) + data
        self._target = self.offset + len(self.owner) + _RECORD_FIXED_OCTETS
        self._append(Piece(ANSWER, 1, octets, required=True))

    def add_renamings(self, before: bytes, above: Name, steps: Sequence[tuple[int, Renaming]], sent: set[Name]) -> bool:
        """Add the CNAMEs that DNAMEs make one after another of a name of these labels before `above`, a name of the
        zone: each leads to `above` behind so many octets of them. The DNAMEs not yet `sent` go with them. False, and
        nothing is added, where not all owners can be pointers."""
        if self._passes_over():
            return True
        if len(self.owner) != len(QNAME_POINTER):
            return False
        apex = POINTERS[self._apex]
        tail = above[: -self._apex_octets] + apex if self._apex_octets > 1 else above
        pack, tail_octets, records = _ALIAS.pack, len(tail), 0
        target = begin = end = self.offset
        owner = int.from_bytes(self.owner, "big")
        parts: list[bytes] = []
        ends: list[tuple[int, int]] = []
        for left, renaming in steps:
            rrset = renaming.rrset
            if rrset.owner not in sent:
                sent.add(rrset.owner)
                for segment in renaming.segments:
                    octets = segment.template.fill(b"", apex)
                    parts.append(octets)
                    end += len(octets)
                    records += segment.count
                    ends.append((end - begin, records))
            target = end + _ALIAS.size
            if target > MAX_POINTER_OFFSET:
                return False
            end = target + left + tail_octets
            parts += (pack(owner, _CNAME, CLASS_IN, rrset.ttl_seconds, end - target), before[:left], tail)
            owner = target | _POINTER
            records += 1
            ends.append((end - begin, records))
        self._target = target
        self._append(Piece(ANSWER, records, b"".join(parts), required=True, several=Row(ends)))
        return True

    def add_outcomes(self, key: SteeredKey, outcomes: tuple[Outcome, ...]) -> None:
        octets = b"".join([self.owner + outcome.record for outcome in outcomes])
        self._target = self.offset + len(self.owner) + _RECORD_FIXED_OCTETS
        self._append(Piece(ANSWER, len(outcomes), octets, required=True))
        self.lasting = self.lasting and self.drawn is None
        self.outcomes += outcomes
        self.drawn = key

    def can_take(self, leg: Leg, prefix_octets: int) -> bool:
        """Whether a leg can be rendered where the draft is at."""
        return len(self.owner) == len(QNAME_POINTER) and leg.run.is_in_reach(self.offset, prefix_octets)

    def take(self, leg: Leg, prefix: bytes) -> None:
        """Add the steps of a leg."""
        if self._passes_over():
            return
        octets = leg.run.fill(self._apex, int.from_bytes(self.owner, "big"), self.offset, prefix)
        self._target = leg.target.at(self.offset, len(prefix))
        self._append(Piece(ANSWER, leg.run.records, octets, required=True, several=leg.run, prefix_octets=len(prefix)))
        if leg.proof is not None and self._shown.isdisjoint(leg.links):
            self._shown |= leg.links.keys()
            self._proof.append(leg)
        else:
            self.show(leg.links.values())

    def follow(self, name: Name) -> None:
        """The next owner, `name`, is the target of the CNAME just added: a pointer to where it stands in the rdata.
        MAX_STEPS CNAMEs and DNAMEs stay well within a pointer's reach; large signatures may not."""
        self.owner = pointer(self._target) if self._target <= MAX_POINTER_OFFSET else name

    def show(self, links: Iterable[Link]) -> None:
        """These have to be among the proof, each of them once."""
        for link in links:
            if link.owner not in self._shown:
                self._shown.add(link.owner)
                self._proof.append(link)

    def prove(self) -> None:
        """Add what has to be shown; whatever comes before it in the message is there already."""
        for part in self._proof:
            if isinstance(part, Link):
                self._prove(part)
            elif part.proof is not None and part.proof.is_in_reach(self.offset):
                self._prove_at_once(part.proof)
            else:
                for link in part.links.values():
                    self._prove(link)

    def _prove(self, link: Link) -> None:
        if not self._passes_over():
            octets = link.fill_at(self._apex, self.offset)
            self._append(Piece(AUTHORITY, link.count, octets, required=True))

    def _prove_at_once(self, proof: Run) -> None:
        if not self._passes_over():
            octets = proof.fill(self._apex, 0, self.offset)
            self._append(Piece(AUTHORITY, proof.records, octets, required=True, several=proof))

    def _append(self, piece: Piece) -> None:
        octets = len(piece.octets)
        self.offset += octets
        if piece.required:
            self._required_room -= octets
        self.pieces.append(piece)


def fit(draft: Draft, room: int) -> tuple[list[Piece], bool]:
    """The pieces that fit, in the order of sections, and whether a required one did not."""
    ordered = sorted(draft.pieces, key=BY_SECTION)
    if draft.octets <= room:
        return ordered, False
    kept: list[Piece] = []
    fits = True
    for piece in sorted(ordered, key=_BY_NEED, reverse=True):
        fits = len(piece.octets) <= room and (fits or not piece.follows)
        if not fits and piece.required:
            kept += [piece.cut(room)] if piece.several is not None else []
            return sorted(kept, key=BY_SECTION), True
        if fits:
            part = piece
        elif isinstance(piece.several, Parts):
            records, octets, fits = piece.several.pick(piece.octets, room)
            part = Piece(piece.section, records, octets, required=False)
        else:
            continue
        room -= len(part.octets)
        kept.append(part)
    return sorted(kept, key=BY_SECTION), False


def counts_of(pieces: list[Piece]) -> Counts:
    counts = [0, 0, 0]
    for piece in pieces:
        counts[piece.section] += piece.records
    return (counts[ANSWER], counts[AUTHORITY], counts[ADDITIONAL])
