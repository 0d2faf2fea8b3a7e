"""Bundles: rrsets that stand behind one another in every reply that has them, rendered at once.

What hosts bring along is many small rrsets: a referral to 13 servers has glue of 26, a mail domain of 40 exchanges the
addresses of all. Those of one section, all of them required or none, are made into one template, and are taken apart
again only where a reply has not the room for all: then as if each had come by itself.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import reduce
from itertools import groupby
from typing import NamedTuple

from gslb.answer.compressed import CompressedTemplate
from gslb.answer.segments import Segment
from gslb.answer.template import Template


class Part(NamedTuple):
    """An rrset in a bundle; one that `follows` is of no use without the one before."""

    records: int
    octets: int
    follows: bool


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """The rrsets in some octets, in their order."""

    each: tuple[Part, ...]

    def cut(self, room: int, _prefix_octets: int = 0) -> tuple[int, int]:
        """The records and the octets of those first rrsets for which there is room."""
        records = octets = 0
        for part in self.each:
            if octets + part.octets > room:
                break
            records += part.records
            octets += part.octets
        return records, octets

    def pick(self, whole: bytes, room: int) -> tuple[int, bytes, bool]:
        """The records and the octets of those rrsets for which there is room when it is their turn, and whether the
        last is among them."""
        kept: list[bytes] = []
        records, begin, fits = 0, 0, True
        for part in self.each:
            end = begin + part.octets
            fits = part.octets <= room and (fits or not part.follows)
            if fits:
                records += part.records
                room -= part.octets
                kept.append(whole[begin:end])
            begin = end
        return records, b"".join(kept), fits


@dataclass(frozen=True, slots=True, eq=False)
class Bundle:
    """Several segments of a section as one, as long as each owner is written as a pointer. `compact` are the parts
    where the templates are compressed, right after the question, and `plain` elsewhere."""

    section: int
    count: int
    required: bool
    template: Template | CompressedTemplate
    segments: tuple[Segment, ...]
    compact: Parts
    plain: Parts


def bundled(segments: tuple[Segment, ...]) -> tuple[Segment | Bundle, ...]:
    """The segments, neighbours in bundles where they are compressed."""
    return tuple(_groups(segments))


def bundle(segments: tuple[Segment, ...]) -> Bundle:
    """Segments of one section, all required or none, whose templates are of one kind."""
    compressed = [each.template for each in segments if isinstance(each.template, CompressedTemplate)]
    plain = [
        each.template.plain if isinstance(each.template, CompressedTemplate) else each.template for each in segments
    ]
    return Bundle(
        segments[0].section,
        sum(segment.count for segment in segments),
        segments[0].required,
        reduce(CompressedTemplate.then, compressed) if compressed else reduce(Template.then, plain),
        segments,
        _parts(segments, compressed or plain),
        _parts(segments, plain),
    )


def _groups(segments: tuple[Segment, ...]) -> Iterator[Segment | Bundle]:
    for (_, _, is_compressed), group in groupby(segments, _kind):
        together = tuple(group)
        if is_compressed and len(together) > 1:
            yield bundle(together)
        else:
            yield from together


def _kind(segment: Segment) -> tuple[int, bool, bool]:
    return segment.section, segment.required, isinstance(segment.template, CompressedTemplate)


def _parts(segments: Iterable[Segment], templates: Iterable[Template | CompressedTemplate]) -> Parts:
    return Parts(
        tuple(
            Part(segment.count, template.octets, segment.follows)
            for segment, template in zip(segments, templates, strict=True)
        )
    )
