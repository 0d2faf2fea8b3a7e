"""An answer as a value: what a zone says to one name and type, rendered but for the names that the question decides."""

from dataclasses import dataclass
from itertools import dropwhile
from typing import NamedTuple

from gslb.answer.compressed import CompressedTemplate
from gslb.answer.run import Run
from gslb.answer.template import POINTERS, Template
from gslb.wire.codes import Rcode
from gslb.wire.message import MAX_POINTER_OFFSET
from gslb.wire.names import Name
from gslb.zone.rrset import RRset
from gslb.zone.steered import SteeredKey

ANSWER, AUTHORITY, ADDITIONAL = 0, 1, 2


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """One rrset of a section. When it does not fit, `required` sets TC; the rest goes silently (RFC 2181 section 9).

    `signable` is the rrset where the zone speaks for it with authority, so that signatures go with it. A segment that
    `follows`, which are these signatures, is of no use without the one before. Segments are compared by identity, so
    that looking up what goes with one is cheap.
    """

    section: int
    count: int
    template: Template | CompressedTemplate
    required: bool = True
    signable: RRset | None = None
    follows: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Link:
    """An NSEC or NSEC3 rrset and its signatures, for the authority section; its template begins with `owner`. `run` is
    the same, for places that a pointer reaches."""

    owner: Name
    count: int
    template: Template
    run: Run

    def fill_at(self, apex: int, offset: int) -> bytes:
        """The octets for a place at `offset` in the message, where the apex stands at another."""
        if offset <= MAX_POINTER_OFFSET:
            return self.run.fill(apex, 0, offset)
        return self.template.fill(b"", POINTERS[apex], self.owner)


class Answer(NamedTuple):
    """What a zone answers to one name and type, but for the draw.

    `draw`: the steered owner and type whose outcomes make the answer section. `next`: the owner where a chain goes
    on, the target of the CNAME in the last segment, its signatures apart. `exact`: the name exists, so there are few
    answers like this one and they may be kept finished. `dname`: the owner of the DNAME in the first segment. `proof`
    shows what does not exist; a chain of answers may need a link several times, and a reply holds it once.
    """

    rcode: Rcode
    authoritative: bool
    segments: tuple[Segment, ...]
    exact: bool = False
    draw: SteeredKey | None = None
    next: Name | None = None
    dname: Name | None = None
    proof: tuple[Link, ...] = ()


def without_dname(answer: Answer) -> tuple[Segment, ...]:
    """The segments of an answer without the DNAME and its signatures."""
    return tuple(dropwhile(lambda segment: segment.follows, answer.segments[1:]))
