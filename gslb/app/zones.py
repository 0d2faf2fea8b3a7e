"""The zones of a node: which files they come from, what is served of each, and what is wrong with the rest.

`Zones.load` reads and numbers zones off the event loop and gives a `ZoneTable` of each; it changes nothing that is
served until it has one. A file that fails leaves its zone as it is, with the problems kept for `status`.

A version is on disk before it is served. That takes a few flushes of the disk, whether for one zone or for many, so
zones are loaded in batches: all of one are read, then stored together, and only then served. Where that fails they are
stored one by one, so that a zone which cannot be stored keeps no other from it.

A file that has not changed since it was read needs no reading: whoever asks for all zones anew gets those with news.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from gslb.answer.compile import ZoneTable
from gslb.app.pauses import set_aside
from gslb.app.watch import Fingerprint, fingerprint
from gslb.config.monitors import MonitorProfile
from gslb.config.problems import ConfigError, Problem
from gslb.config.sources import ZoneSource
from gslb.config.textfile import is_there
from gslb.config.versions import StaleSerialError, StoredVersion, VersionStore, raised_serial
from gslb.config.zones import load_zone, zone_text
from gslb.transfer.journal_file import JournalError
from gslb.wire.names import Name, name_to_text
from gslb.zone.view import View
from gslb.zone.zone import Zone

FROM_FILE, LAST_GOOD, GONE, FAILED = "file", "last good version", "file that is gone", "failed"

BATCH_ZONES = 500
BATCH_OCTETS = 1 << 20
"""Of zone files: a large zone is loaded by itself, and holds up no small ones."""
_STANDS_STILL_SECONDS = 2.0
"""How long before its reading a file must have changed last: with clocks that tick coarsely, it may change once more
under the same time."""


@dataclass(slots=True)
class ZoneEntry:
    """One configured zone. `files` are those it was read from the last time, in vain perhaps; included ones too.
    `served_from` is FROM_FILE, LAST_GOOD (the file has problems), GONE (there is no file any more, and it is dropped at
    `gone_until`) or FAILED (nothing to serve: SERVFAIL); `since` is when that version was loaded. Times are in Unix
    seconds. `fingerprint` is that of the file as it was read, None where that does not tell whether it was changed
    since."""

    source: ZoneSource
    table: ZoneTable | None = None
    served_from: str = FAILED
    since: float = 0.0
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    files: frozenset[Path] = frozenset()
    fingerprint: Fingerprint = None
    gone_until: float | None = None

    @property
    def text(self) -> str:
        return name_to_text(self.source.apex)


@dataclass(frozen=True, slots=True)
class Loaded:
    """What reading a zone gave: a table, or problems; `changed` tells that its content is not what was served."""

    apex: Name
    table: ZoneTable | None
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    changed: bool = True
    served_from: str = FROM_FILE
    files: frozenset[Path] = frozenset()
    fingerprint: Fingerprint = None
    view: View | None = None


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A zone that was read and numbered, and may be served once `version`, if any, is on disk. `loaded` is what comes
    of it but for its table and view."""

    source: ZoneSource
    zone: Zone
    version: StoredVersion | None
    loaded: Loaded


@dataclass(slots=True)
class Zones:
    """The entries by apex. `load` may run in a thread; `accept` and `drop` belong to the event loop. `record` puts
    versions into the journal and gives their steering views."""

    versions: VersionStore
    record: Callable[[Sequence[Zone]], list[View]]
    clock: Callable[[], float] = time.time
    entries: dict[Name, ZoneEntry] = field(default_factory=dict)

    def load(
        self, sources: Sequence[ZoneSource], monitors: Mapping[str, MonitorProfile], *, starting: bool = False
    ) -> list[Loaded]:
        """Read, check, number and store zones, in order. When `starting`, a file that fails is replaced by its last
        good version."""
        found = self._stored([self._read(source, monitors) for source in sources])
        if starting:
            pairs = zip(sources, found, strict=True)
            retried = [
                loaded if loaded.table is not None else self._last_good(source, monitors, loaded)
                for source, loaded in pairs
            ]
            found = self._stored(retried)
        for loaded in found:
            if loaded.table is not None:
                set_aside(len(loaded.table.zone.rrsets))
        return found

    def _read(self, source: ZoneSource, monitors: Mapping[str, MonitorProfile]) -> _Candidate | Loaded:
        """What the file has, or the problems with it."""
        try:
            seen = self._fingerprint(source.path)
            text = zone_text(source)
            read = load_zone(source, monitors, text.encode())
            zone, version = self.versions.number(read.zone, text, source.format, int(self.clock()), read.serial_floor)
        except ConfigError as error:
            return Loaded(source.apex, None, error.problems, files=error.files)
        except StaleSerialError as error:
            problem = read.serial_problem(str(error))
            return Loaded(source.apex, None, (problem,), files=frozenset(read.files))
        warnings = read.warnings
        if read.serial_floor not in {None, zone.serial}:
            warnings += (read.serial_problem(raised_serial(read.zone.serial, zone.serial)),)
        alone = len(read.files) == 1  # what a file includes is read after its fingerprint was taken
        loaded = Loaded(
            source.apex,
            None,
            warnings=warnings,
            files=frozenset(read.files),
            fingerprint=seen if alone else None,
        )
        return _Candidate(source, zone, version, loaded)

    def _last_good(
        self, source: ZoneSource, monitors: Mapping[str, MonitorProfile], failed: Loaded
    ) -> _Candidate | Loaded:
        """The version served last, for want of a better one."""
        stored = self.versions.stored(source.apex)
        if stored is None:
            return replace(failed, served_from=FAILED)
        former = replace(source, format=stored.format)
        try:
            zone = load_zone(former, monitors, stored.text.encode()).zone.with_serial(stored.serial)
        except ConfigError as error:
            return replace(failed, problems=failed.problems + error.problems, served_from=FAILED)
        return _Candidate(source, zone, None, replace(failed, served_from=LAST_GOOD))

    def _stored(self, found: Sequence[_Candidate | Loaded]) -> list[Loaded]:
        """Those that can be served, once they are on disk."""
        candidates = [each for each in found if isinstance(each, _Candidate)]
        stored = {each.apex: each for each in self._store(candidates)} if candidates else {}
        return [stored[each.source.apex] if isinstance(each, _Candidate) else each for each in found]

    def _store(self, candidates: Sequence[_Candidate]) -> Iterator[Loaded]:
        try:
            self.versions.keep([each.version for each in candidates if each.version is not None])
            views = self.record([each.zone for each in candidates])
        except (OSError, JournalError) as error:
            if len(candidates) > 1:
                for each in candidates:
                    yield from self._store([each])
            for each in candidates if len(candidates) == 1 else ():
                problems = (*each.loaded.problems, _not_stored(each.source, error))
                yield Loaded(each.source.apex, None, problems, served_from=FAILED, files=each.loaded.files)
        else:
            yield from map(self._ready, candidates, views)

    def _ready(self, candidate: _Candidate, view: View) -> Loaded:
        zone, served = candidate.zone, self.entries.get(candidate.zone.apex)
        if served is not None and served.table is not None and served.table.zone.serial == zone.serial:
            return replace(candidate.loaded, table=served.table, view=view, changed=False)
        return replace(candidate.loaded, table=ZoneTable(zone), view=view)

    def _fingerprint(self, path: Path) -> Fingerprint:
        """That of a file about to be read, None where the file may change once more without another."""
        found = fingerprint(path)
        stands_still = found is not None and found[-1] / 1e9 < self.clock() - _STANDS_STILL_SECONDS
        return found if stands_still else None

    def is_as_read(self, source: ZoneSource) -> bool:
        """True when reading a file again would give what is served from it, given the same monitors."""
        entry = self.entries.get(source.apex)
        if entry is None or entry.fingerprint is None or entry.source != source:
            return False
        as_written = entry.served_from == FROM_FILE and not entry.problems and entry.gone_until is None
        return as_written and fingerprint(source.path) == entry.fingerprint

    def accept(self, source: ZoneSource, loaded: Loaded) -> None:
        """Note what a load gave. A failed one keeps what is served, and its problems."""
        entry = self.entries.get(source.apex)
        if entry is None:
            entry = self.entries[source.apex] = ZoneEntry(source)
        entry.source = source
        entry.gone_until = None
        entry.problems, entry.warnings = loaded.problems, loaded.warnings
        entry.files = loaded.files  # of one that failed too: an edit of any may be its mend
        if loaded.table is None:
            entry.served_from = FAILED if entry.table is None else LAST_GOOD
            return
        if loaded.changed or not entry.since:
            entry.since = self.clock()
        entry.table, entry.served_from, entry.fingerprint = loaded.table, loaded.served_from, loaded.fingerprint

    def files_of(self, source: ZoneSource) -> frozenset[Path]:
        """The files that make a zone: its own, and what it included when it was last read, in vain perhaps."""
        entry = self.entries.get(source.apex)
        return frozenset({source.path}) | (entry.files if entry is not None else frozenset())

    def files(self, sources: Iterable[ZoneSource]) -> set[Path]:
        """The files that make these zones, and those of others that are not dropped yet."""
        found = {source.path for source in sources}
        return found.union(*[entry.files for entry in self.entries.values()])

    def hold(self, apex: Name, until: float) -> bool:
        """Serve a zone on whose file is gone. True when that is news."""
        entry = self.entries[apex]
        news = entry.gone_until is None
        entry.gone_until = until
        entry.problems = ()
        if entry.table is not None:
            entry.served_from = GONE
        return news

    def due(self, now: float) -> set[Name]:
        """The zones whose file is gone, and whose time is over."""
        return {
            apex
            for apex, entry in self.entries.items()
            if entry.gone_until is not None and entry.gone_until <= now and not is_there(entry.source.path)
        }

    def drop(self, apex: Name) -> None:
        """Forget a zone that is no longer configured."""
        self.entries.pop(apex, None)


def batches(sources: Iterable[ZoneSource]) -> Iterator[list[ZoneSource]]:
    """The sources in portions to load together, in order."""
    batch: list[ZoneSource] = []
    octets = 0
    for source in sources:
        size = _octets(source.path)
        if batch and (len(batch) >= BATCH_ZONES or octets + size > BATCH_OCTETS):
            yield batch
            batch, octets = [], 0
        batch.append(source)
        octets += size
    if batch:
        yield batch


def _octets(path: Path) -> int:
    """Of a file; 0 where there is none, which whoever reads it says."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _not_stored(source: ZoneSource, error: Exception) -> Problem:
    return Problem(str(source.path), 1, name_to_text(source.apex), f"cannot be stored: {error}")
