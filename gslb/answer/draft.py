"""A reply on its way: the rrsets that a walk finds, rendered in the order of the walk, and which of them fit.

Truncation is at rrset boundaries: an optional rrset that does not fit goes silently, a required one sets TC.
"""

from operator import itemgetter
from typing import NamedTuple

from gslb.answer.compile import ZoneTable
from gslb.answer.draws import Outcome
from gslb.answer.segments import ADDITIONAL, ANSWER, AUTHORITY, Link, Segment
from gslb.answer.template import POINTERS
from gslb.wire.codes import Rcode
from gslb.wire.message import MAX_POINTER_OFFSET, QNAME_POINTER, Counts, pointer
from gslb.wire.names import Name
from gslb.wire.query import HEADER_OCTETS, Query
from gslb.zone.steered import SteeredKey

_RECORD_FIXED_OCTETS = 10


class Piece(NamedTuple):
    """One rendered rrset on its way into a message."""

    section: int
    records: int
    octets: bytes
    required: bool
    follows: bool = False


BY_SECTION = itemgetter(0)


class Draft:
    """What a walk through a zone gathers. `owner` is how the current step's owner is written, `offset` where the
    next piece will stand, `drawn` the steered owner whose outcomes were drawn last, `error` the extended error.
    `signed`: DO was set, and the zone is signed; `proof` is what then has to be shown not to exist."""

    def __init__(self, query: Query, zone: ZoneTable) -> None:
        self.pieces: list[Piece] = []
        self.signed = zone.signing is not None and query.edns is not None and query.edns.dnssec_ok
        self.proof: dict[Name, Link] = {}
        self.outcomes: tuple[Outcome, ...] = ()
        self.rcode = Rcode.NOERROR
        self.authoritative = True
        self.lasting = True
        self.drawn: SteeredKey | None = None
        self.error = b""
        self.owner = QNAME_POINTER
        self.offset = HEADER_OCTETS + len(query.qname) + 4
        self._apex = POINTERS[HEADER_OCTETS + len(query.qname) - len(zone.apex)]
        self._last_start = self.offset

    def add(self, segment: Segment) -> None:
        octets = segment.template.fill(self.owner, self._apex)
        self._append(Piece(segment.section, segment.count, octets, segment.required, segment.follows))

    def prove(self) -> None:
        """Add what has to be shown; whatever comes before it in the message is there already."""
        for link in self.proof.values():
            octets = link.template.fill_at(self.owner, self._apex, self.offset, link.owner)
            self._append(Piece(AUTHORITY, link.count, octets, required=True))

    def add_outcomes(self, key: SteeredKey, outcomes: tuple[Outcome, ...]) -> None:
        octets = b"".join(self.owner + outcome.record for outcome in outcomes)
        self._append(Piece(ANSWER, len(outcomes), octets, required=True))
        self.lasting = self.lasting and self.drawn is None
        self.outcomes += outcomes
        self.drawn = key

    def _append(self, piece: Piece) -> None:
        if not piece.follows:
            self._last_start = self.offset
        self.offset += len(piece.octets)
        self.pieces.append(piece)

    def follow(self, name: Name) -> None:
        """The next owner, `name`, is the target of the CNAME just added: a pointer to where it stands in the rdata.
        MAX_STEPS CNAMEs and DNAMEs stay well within a pointer's reach; large signatures may not."""
        target = self._last_start + len(self.owner) + _RECORD_FIXED_OCTETS
        self.owner = pointer(target) if target <= MAX_POINTER_OFFSET else name


def fit(pieces: list[Piece], room: int) -> tuple[list[Piece], bool]:
    """The pieces that fit, in the order of sections, and whether a required one did not."""
    ordered = sorted(pieces, key=BY_SECTION)
    if sum([len(piece.octets) for piece in ordered]) <= room:
        return ordered, False
    kept: list[Piece] = []
    before_fits = True
    for piece in sorted(ordered, key=lambda piece: not piece.required):
        before_fits = len(piece.octets) <= room and (before_fits or not piece.follows)
        if before_fits:
            room -= len(piece.octets)
            kept.append(piece)
        elif piece.required:
            return sorted(kept, key=BY_SECTION), True
    return sorted(kept, key=BY_SECTION), False


def counts_of(pieces: list[Piece]) -> Counts:
    counts = [0, 0, 0]
    for piece in pieces:
        counts[piece.section] += piece.records
    return (counts[ANSWER], counts[AUTHORITY], counts[ADDITIONAL])
