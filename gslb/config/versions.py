"""The versions of zones on disk: which serial each has, and the text it was last loaded from.

One file per zone in `state_dir/zones`, replaced as a whole and flushed before the version is served. So a serial
never goes back over a restart, unchanged content keeps its serial, and a node that starts with a broken zone file
has the last good one to serve.

The versions of many zones are written together: all aside, then flushed by several threads at once, for a disk takes
many flushes in hardly more time than one, then renamed, and the folder flushed once.
"""

import json
import os
import tempfile
import urllib.parse
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

import structlog

from gslb.durable import flush
from gslb.wire.names import Name, name_to_text
from gslb.zone.serial import is_newer, next_serial
from gslb.zone.signing import is_signed
from gslb.zone.zone import Zone

log = structlog.get_logger("gslb.config")

_FLUSHES_AT_ONCE = 8
_ASIDE = ".new-"
"""What the names of files begin with that are not renamed yet."""


@dataclass(frozen=True, slots=True)
class StoredVersion:
    """A zone as it was last served: its serial, `Zone.digest()`, and the source it was read from."""

    zone: str
    serial: int
    digest: str
    format: str
    text: str


class StaleSerialError(ValueError):
    """A signed zone whose serial is not newer than that of another version."""


class VersionStore:
    """Raises `OSError` where the disk does not take a write. There is one of a `state_dir` at a time: what it finds
    aside was left by a node that was killed, and goes."""

    def __init__(self, state_dir: Path) -> None:
        self._dir = state_dir / "zones"
        self._dir.mkdir(parents=True, exist_ok=True)
        for left in self._dir.glob(f"{_ASIDE}*"):
            left.unlink(missing_ok=True)

    def stored(self, apex: Name) -> StoredVersion | None:
        """The last version of a zone, or None when there is none or its file is damaged (which is logged)."""
        try:
            return _read(self._file_of(name_to_text(apex)))
        except (ValueError, TypeError, OSError) as error:
            path = self._file_of(name_to_text(apex))
            log.warning("zone_version_damaged", file=str(path), problem=str(error))
            return None

    def number(
        self, zone: Zone, text: str, source_format: str, now_seconds: int, floor: int | None = None
    ) -> tuple[Zone, StoredVersion | None]:
        """The zone under its serial, and what has to be kept before that is served; None: it is on disk already.

        Unchanged content keeps its serial; else it is max(last + 1, now). `floor` is the serial that a master file
        states itself: it is taken where it is newer than the last one. A signed zone can have no other; raises
        `StaleSerialError` when it is not newer.
        """
        last = self.stored(zone.apex)
        digest = zone.digest()
        serial = _serial_of(zone, last, digest, now_seconds, floor)
        version = StoredVersion(name_to_text(zone.apex), serial, digest, source_format, text)
        return zone.with_serial(serial), version if version != last else None

    def keep(self, versions: Sequence[StoredVersion]) -> None:
        """Put versions of different zones on disk; they are there when this returns. Where it raises, some may be, and
        each file is the version before or the new one."""
        if not versions:
            return
        with ExitStack() as stack:
            aside = [self._written_aside(stack, version) for version in versions]
            if len(aside) == 1:
                flush(aside[0])
            else:
                with ThreadPoolExecutor(_FLUSHES_AT_ONCE, thread_name_prefix="flush") as pool:
                    list(pool.map(flush, aside))
            for version, path in zip(versions, aside, strict=True):
                path.replace(self._file_of(version.zone))
        flush(self._dir)

    def _written_aside(self, stack: ExitStack, version: StoredVersion) -> Path:
        """A new file, which is removed at the end where it still is what it was."""
        handle, name = tempfile.mkstemp(dir=self._dir, prefix=_ASIDE)
        path = Path(name)
        stack.callback(path.unlink, missing_ok=True)
        with os.fdopen(handle, "w") as file:
            json.dump(asdict(version), file)
        return path

    def _file_of(self, zone: str) -> Path:
        return _file_in(self._dir, zone)


def serial_ahead(state_dir: Path, zone: Zone, floor: int) -> int:
    """The serial that the node of `state_dir` would serve a master file's zone under; `floor` is what the file states.
    Nothing is changed. Raises `StaleSerialError`, and `OSError` where the folder may not be read."""
    try:
        last = _read(_file_in(state_dir / "zones", name_to_text(zone.apex)))
    except (ValueError, TypeError):  # damaged: the node takes it for none, and says so
        last = None
    return _serial_of(zone, last, zone.digest(), floor, floor)


def raised_serial(written: int, served: int) -> str:
    """What to say of a master file whose serial is below that of a version served before."""
    return (
        f"its serial {written} is below what was served before: the zone is served under {served}; raise it above that"
    )


def _file_in(folder: Path, zone: str) -> Path:
    return folder / f"{urllib.parse.quote(zone, safe='')}json"


def _read(path: Path) -> StoredVersion | None:
    try:
        return StoredVersion(**json.loads(path.read_text()))
    except FileNotFoundError:
        return None


def _serial_of(zone: Zone, last: StoredVersion | None, digest: str, now_seconds: int, floor: int | None) -> int:
    serial = _serial(last, digest, now_seconds, floor)
    if serial != zone.serial and is_signed(zone):
        before = last.serial if last is not None else 0
        raise StaleSerialError(
            f"its serial {zone.serial} is not newer than {before}, which was served before, and that of a signed "
            "zone cannot be changed here: raise it, and sign the zone again"
        )
    return serial


def _serial(last: StoredVersion | None, digest: str, now_seconds: int, floor: int | None) -> int:
    if floor is not None:
        if last is None or is_newer(floor, last.serial):
            return floor
        return last.serial if last.digest == digest else next_serial(last.serial, floor)
    if last is not None and last.digest == digest:
        return last.serial
    return next_serial(last.serial if last is not None else None, now_seconds)
