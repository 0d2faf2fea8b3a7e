"""The records of an answer as values: what a reply of these segments would hold, read back from its very octets.

Nothing here renders or parses by itself. The segments are filled as `respond` fills them at the end of a chain, each
into a message that asks for their owner, and the reader of messages takes that apart; so what is shown is what is sent,
TTLs included.
"""

from collections.abc import Sequence
from itertools import chain
from typing import Any

from gslb.answer.draws import Outcome
from gslb.answer.segments import Segment
from gslb.answer.template import POINTERS
from gslb.wire.codes import CLASS_IN, type_to_text
from gslb.wire.message import MAX_MESSAGE_OCTETS, QNAME_POINTER, render_header
from gslb.wire.names import Name, name_to_text
from gslb.wire.query import HEADER_OCTETS
from gslb.wire.rdata import rdata_to_text
from gslb.wire.records import Record, parse_message

_NO_ID = bytes(2)
_SECTIONS = ("answer", "authority", "additional")


def shown_segments(owner: Name, apex: Name, segments: Sequence[Segment]) -> list[dict[str, Any]]:
    """Each record of the segments as plain JSON values: section, owner, ttl (seconds), type, and data as dig has it.
    An rrset that no message can hold is left out, as nobody gets it."""
    pointer = POINTERS[HEADER_OCTETS + len(owner) - len(apex)]
    octets = (segment.template.fill(owner, pointer) for segment in segments)
    return list(
        chain.from_iterable(
            _shown(_SECTIONS[segment.section], _read(owner, filled, segment.count))
            for segment, filled in zip(segments, octets, strict=True)
            if len(filled) < MAX_MESSAGE_OCTETS
        )
    )


def shown_outcomes(owner: Name, outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    """The records that may be drawn, likewise."""
    return list(
        chain.from_iterable(_shown("answer", _read(owner, QNAME_POINTER + each.record, 1)) for each in outcomes)
    )


def _read(owner: Name, records: bytes, count: int) -> tuple[Record, ...]:
    """Records that point into a question for `owner`."""
    question = owner + bytes(2) + CLASS_IN.to_bytes(2, "big")
    return parse_message(render_header(_NO_ID, 0, 0, 0, (count, 0, 0)) + question + records).answer


def _shown(section: str, records: Sequence[Record]) -> list[dict[str, Any]]:
    return [
        {
            "section": section,
            "owner": name_to_text(record.owner),
            "ttl": record.ttl_seconds,
            "type": type_to_text(record.rtype),
            "data": rdata_to_text(record.rtype, record.rdata),
        }
        for record in records
    ]
