"""The zones of a node: which files they come from, what is served of each, and what is wrong with the rest.

`Zones.load` reads and numbers one zone off the event loop and gives a `ZoneTable`; it changes nothing that is
served until it has one. A file that fails leaves its zone as it is, with the problems kept for `status`.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from gslb.answer.compile import ZoneTable
from gslb.app.pauses import set_aside
from gslb.config.node import MonitorProfile, ZoneSource
from gslb.config.problems import ConfigError, Problem
from gslb.config.textfile import read_text
from gslb.config.versions import StaleSerialError, VersionStore
from gslb.config.zones import load_zone
from gslb.transfer.journal import JournalError
from gslb.wire.names import Name, name_to_text
from gslb.zone.view import View
from gslb.zone.zone import Zone

FROM_FILE, LAST_GOOD, GONE, FAILED = "file", "last good version", "file that is gone", "failed"


@dataclass(slots=True)
class ZoneEntry:
    """One configured zone. `files` are those it was read from, included ones too. `served_from` is FROM_FILE,
    LAST_GOOD (the file has problems), GONE (there is no file any more, and it is dropped at `gone_until`) or FAILED
    (nothing to serve: SERVFAIL); `since` is when that version was loaded. Times are in Unix seconds."""

    source: ZoneSource
    table: ZoneTable | None = None
    served_from: str = FAILED
    since: float = 0.0
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    files: frozenset[Path] = frozenset()
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
    view: View | None = None


@dataclass(slots=True)
class Zones:
    """The entries by apex. `load` may run in a thread; `accept` and `drop` belong to the event loop. `record` puts a
    version into the journal and gives its steering view."""

    versions: VersionStore
    record: Callable[[Zone], View]
    clock: Callable[[], float] = time.time
    entries: dict[Name, ZoneEntry] = field(default_factory=dict)

    def load(self, source: ZoneSource, monitors: Mapping[str, MonitorProfile], *, starting: bool = False) -> Loaded:
        """Read, check and number a zone. When `starting`, a file that fails is replaced by its last good version."""
        loaded = self._load_file(source, monitors)
        if loaded.table is None and starting:
            loaded = self._load_last_good(source, monitors, loaded.problems)
        if loaded.table is not None:
            set_aside(len(loaded.table.zone.rrsets))
        return loaded

    def _load_file(self, source: ZoneSource, monitors: Mapping[str, MonitorProfile]) -> Loaded:
        try:
            text = read_text(source.path)
            read = load_zone(source, monitors, text.encode())
            zone = self.versions.number(read.zone, text, source.format, int(self.clock()), read.serial_floor)
            view = self.record(zone)
        except ConfigError as error:
            return Loaded(source.apex, None, error.problems)
        except StaleSerialError as error:
            return Loaded(source.apex, None, (Problem(str(source.path), 1, name_to_text(source.apex), str(error)),))
        except (OSError, JournalError) as error:
            return Loaded(source.apex, None, (_not_stored(source, error),))
        served = self.entries.get(source.apex)
        same = served is not None and served.table is not None and served.table.zone.serial == zone.serial
        table = served.table if same and served is not None else ZoneTable(zone)
        return Loaded(
            source.apex, table, warnings=read.warnings, changed=not same, files=frozenset(read.files), view=view
        )

    def _load_last_good(
        self, source: ZoneSource, monitors: Mapping[str, MonitorProfile], problems: tuple[Problem, ...]
    ) -> Loaded:
        stored = self.versions.stored(source.apex)
        if stored is None:
            return Loaded(source.apex, None, problems, served_from=FAILED)
        former = replace(source, format=stored.format)
        try:
            zone = load_zone(former, monitors, stored.text.encode()).zone.with_serial(stored.serial)
            view = self.record(zone)
        except ConfigError as error:
            return Loaded(source.apex, None, problems + error.problems, served_from=FAILED)
        except JournalError as error:
            return Loaded(source.apex, None, (*problems, _not_stored(source, error)), served_from=FAILED)
        return Loaded(source.apex, ZoneTable(zone), problems, served_from=LAST_GOOD, view=view)

    def accept(self, source: ZoneSource, loaded: Loaded) -> None:
        """Note what a load gave. A failed one keeps what is served, and its problems."""
        entry = self.entries.get(source.apex)
        if entry is None:
            entry = self.entries[source.apex] = ZoneEntry(source)
        entry.source = source
        entry.gone_until = None
        entry.problems, entry.warnings = loaded.problems, loaded.warnings
        if loaded.table is None:
            entry.served_from = FAILED if entry.table is None else LAST_GOOD
            return
        if loaded.changed or not entry.since:
            entry.since = self.clock()
        entry.table, entry.served_from, entry.files = loaded.table, loaded.served_from, loaded.files

    def files_of(self, source: ZoneSource) -> frozenset[Path]:
        """The files that make a zone: its own, and what it included when it was last read."""
        entry = self.entries.get(source.apex)
        return frozenset({source.path}) | (entry.files if entry is not None else frozenset())

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
            if entry.gone_until is not None and entry.gone_until <= now and not entry.source.path.exists()
        }

    def drop(self, apex: Name) -> None:
        """Forget a zone that is no longer configured."""
        self.entries.pop(apex, None)


def _not_stored(source: ZoneSource, error: Exception) -> Problem:
    return Problem(str(source.path), 1, name_to_text(source.apex), f"cannot be stored: {error}")
