"""The versions of zones on disk: which serial each has, and the text it was last loaded from.

One file per zone in `state_dir/zones`, replaced as a whole and flushed before the version is served. So a serial
never goes back over a restart, unchanged content keeps its serial, and a node that starts with a broken zone file
has the last good one to serve.
"""

import json
import os
import tempfile
import urllib.parse
from dataclasses import asdict, dataclass
from pathlib import Path

import structlog

from gslb.wire.names import Name, name_to_text
from gslb.zone.serial import is_newer, next_serial
from gslb.zone.signing import is_signed
from gslb.zone.zone import Zone

log = structlog.get_logger("gslb.config")


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
    """Raises `OSError` where the disk does not take a write; nothing is changed then."""

    def __init__(self, state_dir: Path) -> None:
        self._dir = state_dir / "zones"
        self._dir.mkdir(parents=True, exist_ok=True)

    def stored(self, apex: Name) -> StoredVersion | None:
        """The last version of a zone, or None when there is none or its file is damaged (which is logged)."""
        path = self._path(apex)
        try:
            return StoredVersion(**json.loads(path.read_text()))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError, OSError) as error:
            log.warning("zone_version_damaged", file=str(path), problem=str(error))
            return None

    def number(self, zone: Zone, text: str, source_format: str, now_seconds: int, floor: int | None = None) -> Zone:
        """The zone under its serial, which is on disk when this returns.

        Unchanged content keeps its serial; else it is max(last + 1, now). `floor` is the serial that a master file
        states itself: it is taken where it is newer than the last one. A signed zone can have no other; raises
        `StaleSerialError` when it is not newer.
        """
        last = self.stored(zone.apex)
        digest = zone.digest()
        serial = _serial(last, digest, now_seconds, floor)
        if serial != zone.serial and is_signed(zone):
            before = last.serial if last is not None else 0
            raise StaleSerialError(
                f"its serial {zone.serial} is not newer than {before}, which was served before, and that of a signed "
                "zone cannot be changed here: raise it, and sign the zone again"
            )
        version = StoredVersion(name_to_text(zone.apex), serial, digest, source_format, text)
        if version != last:
            self._write(self._path(zone.apex), version)
        return zone.with_serial(serial)

    def _path(self, apex: Name) -> Path:
        return self._dir / f"{urllib.parse.quote(name_to_text(apex), safe='')}json"

    def _write(self, path: Path, version: StoredVersion) -> None:
        handle, temporary = tempfile.mkstemp(dir=self._dir, prefix=".new-")
        try:
            with os.fdopen(handle, "w") as file:
                json.dump(asdict(version), file)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        directory = os.open(self._dir, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


def _serial(last: StoredVersion | None, digest: str, now_seconds: int, floor: int | None) -> int:
    if floor is not None:
        if last is None or is_newer(floor, last.serial):
            return floor
        return last.serial if last.digest == digest else next_serial(last.serial, floor)
    if last is not None and last.digest == digest:
        return last.serial
    return next_serial(last.serial if last is not None else None, now_seconds)
