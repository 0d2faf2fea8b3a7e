"""The answer to an AXFR or IXFR request as it comes in, message by message (RFC 5936 section 2.2, RFC 1995 section 4).

`AnswerStream` takes parsed messages and yields what they amount to. It is a machine whose state is the method that
takes the next record:

    AXFR   newest SOA ─▶ whole: records … until the newest SOA comes again
    IXFR   newest SOA ─▶ style ─┬─ the SOA we have ─▶ removed ─ SOA ─▶ added ─┬─ SOA ─▶ removed …
                                │                                            └─ newest SOA: differences
                                └─ anything else ─▶ whole
           newest SOA with the serial we have: nothing to do
           newest SOA alone in the first message: the server has no room for more; ask for an AXFR

It holds what it took until the end, and is bounded in octets, messages and records. Time belongs to the caller.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from gslb.transfer.acceptance import Acceptance
from gslb.transfer.faults import Fault, FaultError
from gslb.transfer.gathering import Gathering
from gslb.transfer.request import Asked, Wanted, check_reply
from gslb.wire.codes import RRType
from gslb.wire.names import name_to_text
from gslb.wire.records import Message, Record
from gslb.zone.diff import ChangeSet
from gslb.zone.serial import is_newer
from gslb.zone.zone import Soa

_NUMBERS = 20
"""Octets after the names of an SOA."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """The most that one transfer may bring."""

    octets: int = 512 << 20
    messages: int = 1_000_000
    records: int = 5_000_000


@dataclass(frozen=True, slots=True)
class Current:
    """The primary has the version that we have."""


@dataclass(frozen=True, slots=True)
class LoneSoa:
    """The primary has a newer version and says no more than that: ask for the whole zone."""


@dataclass(frozen=True, slots=True)
class Differences:
    """The steps from the version we have to the newest, at least one."""

    change_sets: tuple[ChangeSet, ...]


@dataclass(frozen=True, slots=True)
class Whole:
    """All records of the newest version."""

    gathering: Gathering


Outcome = Current | LoneSoa | Differences | Whole


class AnswerStream:
    """One answer. For each message call `open`, then `take` with its records, in any portions; after that `outcome`
    is what it came to, or None while more is to come."""

    def __init__(self, asked: Asked, acceptance: Acceptance, bounds: Bounds) -> None:
        self.outcome: Outcome | None = None
        self.octets = 0
        self.messages = 0
        self.records = 0
        self._asked = asked
        self._acceptance = acceptance
        self._bounds = bounds
        self._state: Callable[[Record], None] = self._newest_soa
        self._newest: Record
        self._gathering = Gathering()
        self._change_sets: list[ChangeSet] = []
        self._from_soa: Record
        self._to_soa: Record
        self._removed: list[Record] = []
        self._added: list[Record] = []

    def open(self, message: Message, octets: int) -> Sequence[Record]:
        """Judge a message apart from its records, which are returned. Raises `FaultError`."""
        self.octets += octets
        self.messages += 1
        check_reply(message, self._asked, first=self.messages == 1)
        if not message.answer:
            raise FaultError(Fault.MALFORMED, "sent a message without records in the middle of a transfer")
        self.records += len(message.answer)
        self._check_bounds()
        return message.answer

    def _check_bounds(self) -> None:
        bounds = self._bounds
        for count, most, unit in (
            (self.octets, bounds.octets, "octets (`limits.transfer_size`)"),
            (self.messages, bounds.messages, "messages"),
            (self.records, bounds.records, "records"),
        ):
            if count > most:
                raise FaultError(
                    Fault.BOUNDS,
                    f"sent more than {most:,} {unit}, which is the most a transfer may bring: is its zone that large?",
                )

    def take(self, records: Sequence[Record]) -> None:
        """Take the next records. Raises `FaultError`."""
        for record in records:
            self._state(record)

    def close(self) -> None:
        """A message is over."""
        if self.messages == 1 and self.records == 1 and self._state == self._style:
            self.outcome = LoneSoa()

    # States

    def _newest_soa(self, record: Record) -> None:
        if not self._is_soa(record):
            raise FaultError(Fault.MALFORMED, "sent a transfer that does not begin with the SOA of the zone")
        self._newest = record
        self._acceptance.check_record(record)
        if nothing_newer(serial_of(record), self._asked):
            self.outcome, self._state = Current(), self._pass_over
        elif self._asked.qtype == RRType.IXFR:
            self._state = self._style
        else:
            self._gathering.add(record)
            self._state = self._whole

    def _style(self, record: Record) -> None:
        """The second record of an IXFR tells what kind of answer it is."""
        if self._is_soa(record) and not same_soa(record, self._newest):
            self._begin_difference(record, self._asked.have)
            return
        self._gathering.add(self._newest)
        self._state = self._whole
        self._whole(record)

    def _whole(self, record: Record) -> None:
        if record.rtype != RRType.SOA:
            self._acceptance.check_record(record)
            self._gathering.add(record)
        elif self._is_soa(record) and same_soa(record, self._newest):
            self.outcome, self._state = Whole(self._gathering), self._nothing_more
        else:
            raise FaultError(Fault.MALFORMED, f"sent a second SOA ({_described(record)}) in the middle of the zone")

    def _begin_difference(self, record: Record, position: int | None) -> None:
        if serial_of(record) != position:
            text = f"sent differences from serial {serial_of(record)}, where those from {position} belong"
            raise FaultError(Fault.MALFORMED, text)
        self._from_soa = record
        self._removed, self._added = [], []
        self._state = self._take_removed

    def _take_removed(self, record: Record) -> None:
        if record.rtype != RRType.SOA:
            self._removed.append(record)
            return
        if not self._is_soa(record) or not is_newer(serial_of(record), serial_of(self._from_soa)):
            start = serial_of(self._from_soa)
            text = f"sent differences from serial {start} to {_described(record)}, which is not newer"
            raise FaultError(Fault.MALFORMED, text)
        self._acceptance.check_record(record)
        self._to_soa = record
        self._state = self._take_added

    def _take_added(self, record: Record) -> None:
        if record.rtype != RRType.SOA:
            self._acceptance.check_record(record)
            self._added.append(record)
            return
        if not self._is_soa(record):
            raise FaultError(Fault.MALFORMED, f"sent a second SOA ({_described(record)}) among its differences")
        change_set = ChangeSet(self._from_soa, self._to_soa, tuple(self._removed), tuple(self._added))
        self._change_sets.append(change_set)
        if not same_soa(self._to_soa, self._newest):
            self._begin_difference(record, serial_of(self._to_soa))
        elif same_soa(record, self._newest):
            self.outcome, self._state = Differences(tuple(self._change_sets)), self._nothing_more
        else:
            raise FaultError(Fault.MALFORMED, f"sent differences beyond the newest serial {serial_of(self._newest)}")

    def _nothing_more(self, _record: Record) -> None:
        raise FaultError(Fault.MALFORMED, "sent records after the SOA that ends the transfer")

    def _pass_over(self, record: Record) -> None:
        """We have this version: whatever else comes is of no interest."""

    def _is_soa(self, record: Record) -> bool:
        return record.rtype == RRType.SOA and record.owner == self._asked.apex


def nothing_newer(serial: int, asked: Asked) -> bool:
    """True when a primary at `serial` has nothing for us. Raises `FaultError` when it is behind us."""
    have = asked.have
    if have is None or asked.wanted is Wanted.ANY or is_newer(serial, have):
        return False
    if serial == have:
        return asked.wanted is Wanted.NEWER
    raise FaultError(
        Fault.OLDER,
        f"has serial {serial}, which is older than ours, {have}: raise the serial there above {have}, "
        "or drop the zone here to start anew",
    )


def serial_of(record: Record) -> int:
    return Soa.from_rdata(record.rdata).serial


def same_soa(one: Record, other: Record) -> bool:
    """Equal numbers, and equal names but for their case, which compression can change."""
    mine, theirs = one.rdata, other.rdata
    return mine[-_NUMBERS:] == theirs[-_NUMBERS:] and mine[:-_NUMBERS].lower() == theirs[:-_NUMBERS].lower()


def _described(record: Record) -> str:
    return f"{name_to_text(record.owner)} serial {serial_of(record)}"


def in_steps(change_set: ChangeSet, size: int) -> Iterator[ChangeSet]:
    """The same change in steps of at most `size` records; all but the last stay at the old SOA."""
    at = change_set.from_soa
    removed, added = change_set.removed, change_set.added
    for start in range(0, len(removed), size):
        yield ChangeSet(at, at, removed[start : start + size], ())
    for start in range(0, len(added), size):
        yield ChangeSet(at, at, (), added[start : start + size])
    yield ChangeSet(at, change_set.to_soa, (), ())
