"""What a secondary is sent: the records of an AXFR (RFC 5936) or IXFR (RFC 1995) answer, in order.

A transfer reads immutable values, so it sends one version from its first message to its last whatever is edited
meanwhile. A gslb peer gets the steering view, everybody else the plain one, under one serial.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from gslb.wire.names import Name
from gslb.wire.records import Record
from gslb.zone.diff import ChangeSet, records, soa_record
from gslb.zone.private import is_private
from gslb.zone.serial import is_newer
from gslb.zone.view import View, apex_of, soa_of

How = Literal["axfr", "ixfr", "current"]
History = Callable[[Name, int, bool], Sequence[ChangeSet] | None]
"""The change sets from a serial up to now, or None where they do not reach back; the last argument: with the private
records of the steering view."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """An answer to a transfer request: `how` it is given, under which `serial`, and its records."""

    how: How
    serial: int
    records: Iterator[Record]


def outgoing(view: View, have: int | None, history: History, *, private: bool) -> Outgoing:
    """The answer to an AXFR request (`have` None) or an IXFR request of a secondary at serial `have`, from the
    steering view of a zone; without its private records unless `private`.

    An IXFR falls back to the whole zone where the history does not reach back, or is longer than the zone itself.
    """
    apex = apex_of(view)
    serial = soa_of(view, apex).serial
    if have is not None and (have == serial or is_newer(have, serial)):
        return Outgoing("current", serial, iter((soa_record(view),)))
    changes = history(apex, have, private) if have is not None else None
    if changes and changes[-1].to_serial == serial and _holds(_whole(apex, view, private=private), _size(changes)):
        return Outgoing("ixfr", serial, _differences(soa_record(view), changes))
    return Outgoing("axfr", serial, _whole(apex, view, private=private))


def _whole(apex: Name, view: View, *, private: bool) -> Iterator[Record]:
    """An AXFR's records, each made when it is asked for: a zone of any size is sent between two batches of queries."""
    for record in records(view, apex):
        if private or not is_private(record.owner, apex):
            yield record
    yield soa_record(view)


def _differences(soa: Record, changes: Sequence[ChangeSet]) -> Iterator[Record]:
    """RFC 1995 section 4: the new SOA, then per step the old SOA, what goes, the new SOA, what comes."""
    yield soa
    for change in changes:
        yield change.from_soa
        yield from change.removed
        yield change.to_soa
        yield from change.added
    yield soa


def _size(changes: Sequence[ChangeSet]) -> int:
    return sum(2 + len(change.removed) + len(change.added) for change in changes)


def _holds(records: Iterator[Record], count: int) -> bool:
    """True when there are at least so many; looks no further."""
    return next(islice(records, count, None), None) is not None
