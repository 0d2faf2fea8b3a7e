"""Verdicts and overrides on disk, so that a restart goes on where the node stopped.

Two files in `state_dir`, JSON, each replaced as a whole (written aside, synced, renamed): a crash leaves the old one
or the new one. A file that cannot be read is set aside as `.bad`, said so, and the node starts without it.
Safe to use from several threads.
"""

import contextlib
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import structlog
from pydantic import TypeAdapter

from gslb.durable import flush
from gslb.health.hysteresis import Track, unknown
from gslb.steering.conditions import Health, OverrideKey, OverrideNote
from gslb.wire.names import canonical, name_from_text, name_to_text
from gslb.zone.steered import Monitor

log = structlog.get_logger("gslb.health")

FRESH_SECONDS = 30.0
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class StoredOverride:
    """An override as the file has it: `owner` as text, `value` as hexadecimal rdata."""

    owner: str
    rtype: int
    value: str
    note: OverrideNote

    @property
    def key(self) -> OverrideKey:
        return ((canonical(name_from_text(self.owner)), self.rtype), bytes.fromhex(self.value))


_TRACKS = TypeAdapter(dict[str, Track])
_OVERRIDES = TypeAdapter(list[StoredOverride])


class Store:
    def __init__(self, state_dir: Path) -> None:
        self._tracks = state_dir / "verdicts.json"
        self._overrides = state_dir / "overrides.json"
        self._lock = threading.Lock()

    def load_tracks(self) -> dict[str, Track]:
        """By `Monitor.key`."""
        return _load(self._tracks, _TRACKS.validate_json, {})

    def save_tracks(self, tracks: Mapping[str, Track]) -> None:
        """Raises `OSError`."""
        self._save(self._tracks, _TRACKS.dump_json(dict(tracks), indent=1))

    def load_overrides(self) -> dict[OverrideKey, OverrideNote]:
        return _load(self._overrides, _parse_overrides, {})

    def save_overrides(self, notes: Mapping[OverrideKey, OverrideNote]) -> None:
        """Raises `OSError`."""
        stored = [
            StoredOverride(name_to_text(owner), rtype, value.hex(), note)
            for ((owner, rtype), value), note in sorted(notes.items(), key=lambda item: item[0])
        ]
        self._save(self._overrides, _OVERRIDES.dump_json(stored, indent=1))

    def _save(self, path: Path, content: bytes) -> None:
        with self._lock:
            path.parent.mkdir(parents=True, exist_ok=True)
            aside = path.with_suffix(".tmp")
            aside.write_bytes(content)
            flush(aside)
            aside.replace(path)
            flush(path.parent)  # the rename itself has to reach the disk too


def restored(track: Track | None, monitor: Monitor, now: float) -> Track | None:
    """A stored track as it counts at `now`: itself while it is fresh, UNKNOWN with the reason when it is stale."""
    if track is None or track.verdict.health is Health.UNKNOWN:
        return None
    age = now - track.verdict.checked
    if abs(age) <= max(3 * monitor.interval_seconds, FRESH_SECONDS):
        return track
    was = f"{track.verdict.health.value} ({track.verdict.reason})"
    when = f"{age:.0f} s ago" if age > 0 else "in the future, by this clock"
    return unknown(now, f"not probed yet; before the restart it was {was}, {when}")


def _parse_overrides(content: bytes) -> dict[OverrideKey, OverrideNote]:
    return {stored.key: stored.note for stored in _OVERRIDES.validate_json(content)}


def _load(path: Path, parse: Callable[[bytes], T], absent: T) -> T:
    try:
        return parse(path.read_bytes())
    except FileNotFoundError:
        return absent
    except (OSError, ValueError) as error:
        bad = path.with_suffix(".bad")
        log.warning("state_file_damaged", file=str(path), set_aside_as=str(bad), error=str(error)[:500])
        with contextlib.suppress(OSError):
            path.replace(bad)
        return absent
