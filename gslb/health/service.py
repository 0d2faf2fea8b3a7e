"""Health as the node sees it: one immutable `Conditions`, and word when it changes.

The service owns the tracks, the overrides, their files and the prober's supervisor. All of it lives on one event
loop; only files of verdicts are written in a thread. `on_change` is called when the health of a monitor or an
override changed, never for mere confirmations, and not before `start` has returned: the first `conditions` are read
then.

On disk: overrides at once; verdicts within a second of a change, and every ten seconds the times at which they
were confirmed, which decide after a restart whether they are fresh.

A monitor that was edited is another monitor. `hand_on` gives it the verdict of the one before, so that a slip of the
pen takes nobody down by a single probe.
"""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

import structlog

from gslb.health.counts import ProbeCounts
from gslb.health.hysteresis import Track
from gslb.health.overrides import Overrides
from gslb.health.probes import PROBES
from gslb.health.protocol import Report
from gslb.health.store import Store, restored
from gslb.health.supervisor import ProberStatus, Supervisor
from gslb.steering.conditions import Conditions, Health, OverrideKey, OverrideNote, Verdict
from gslb.wire.codes import type_to_text
from gslb.wire.names import name_to_text
from gslb.wire.rdata import rdata_to_text
from gslb.zone.steered import Monitor

log = structlog.get_logger("gslb.health")

DEFAULT_CONCURRENCY = 100
FIRST_ROUND_SECONDS = 10.0
TICK_SECONDS = 1.0
"""How often overrides are looked at for their end, and changed verdicts are written."""
CONFIRM_SECONDS = 10.0
"""How often verdicts are written that were only confirmed."""

OnChange = Callable[[Conditions, frozenset[str], frozenset[OverrideKey]], None]
"""Called with the conditions, the keys of the monitors that changed, and of the overrides."""


class HealthService:
    """`clock` gives Unix seconds. Make it and call it on the event loop."""

    def __init__(
        self,
        state_dir: Path,
        on_change: OnChange,
        *,
        concurrency: int = DEFAULT_CONCURRENCY,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = Store(state_dir)
        self._on_change = on_change
        self._clock = clock
        self._monitors: dict[str, Monitor] = {}
        self._tracks: dict[str, Track] = {}
        self._overrides = Overrides({})
        self._counts = {kind: ProbeCounts() for kind in PROBES}
        self._snapshot: Conditions | None = None
        self._awaited: set[str] = set()  # monitors of the first round without a result
        self._round_over = asyncio.Event()
        self._started = False
        self._saver = _Saver(self._store)
        self._stopping = asyncio.Event()
        self._ticks: asyncio.Task[None] | None = None
        self._supervisor = Supervisor(self._wanted, self._report, concurrency=concurrency, clock=clock)

    async def start(self, monitors: set[Monitor], first_round_seconds: float = FIRST_ROUND_SECONDS) -> None:
        """Load what is known, start probing, and return when every monitor has a verdict (a fresh one from before the
        restart counts), or after `first_round_seconds`. The monitors without one stay UNKNOWN until it comes."""
        self._load(monitors)
        self._supervisor.start()
        self._ticks = asyncio.create_task(self._tick(), name="health ticks")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(first_round_seconds):
                await self._round_over.wait()
        self._started = True
        self._log_first_round(first_round_seconds)

    def hand_on(self, edited: Iterable[tuple[Monitor, Monitor]]) -> None:
        """Members have other monitors from the next `watch` on: the former and the new one of each. A new one that is
        not watched yet starts from the verdict of the first former one that has any, and counts towards another from
        nought. Whoever reads `conditions` now finds it there."""
        for former, new in edited:
            track = self._tracks.get(former.key)
            if track is None or _health(track) is Health.UNKNOWN:
                continue
            if new.key in self._monitors or new.key in self._tracks:
                continue
            self._tracks[new.key] = track if _subject(former) == _subject(new) else Track(track.verdict)
            self._changed_tracks()

    def watch(self, monitors: set[Monitor]) -> None:
        """The full new set: new ones are probed at once, gone ones no longer. One that differs from a former monitor in
        its times or thresholds only takes over its verdict."""
        former = {_subject(monitor): self._tracks.get(key) for key, monitor in self._monitors.items()}
        self._monitors = {monitor.key: monitor for monitor in monitors}
        tracks = {
            key: self._tracks.get(key) or former.get(_subject(monitor)) for key, monitor in self._monitors.items()
        }
        known, self._tracks = self._tracks, {key: track for key, track in tracks.items() if track is not None}
        self._await(self._awaited & self._monitors.keys())
        self._changed_tracks()
        self._supervisor.feed()
        taken_over = frozenset(self._tracks.keys() - known.keys())
        if taken_over:
            self._tell(taken_over, frozenset())

    async def stop(self) -> None:
        """End the prober and write everything down; takes at most two seconds."""
        self._stopping.set()
        await self._supervisor.stop()
        if self._ticks is not None:
            await asyncio.wait({self._ticks}, timeout=0.5)
            self._ticks.cancel()
            await asyncio.wait({self._ticks})
            self._saver.save_tracks(self._tracks)

    @property
    def conditions(self) -> Conditions:
        """All that is known now, the latest confirmations included; immutable."""
        if self._snapshot is None:
            verdicts: dict[str, Verdict] = {key: track.verdict for key, track in self._tracks.items()}
            self._snapshot = Conditions(MappingProxyType(verdicts), self._overrides.notes)
        return self._snapshot

    @property
    def prober(self) -> ProberStatus:
        return self._supervisor.status

    @property
    def counts(self) -> Mapping[str, ProbeCounts]:
        """Since this node started, by kind of probe, a kind never used included."""
        return MappingProxyType(dict(self._counts))

    def set_override(self, key: OverrideKey, note: OverrideNote) -> None:
        """In force, and on disk, when this returns. A disk that fails is logged; the override is in force anyhow."""
        self._overrides.put(key, note)
        log.warning("override_set", **_named(key), state=note.state.value, author=note.author, note=note.note)
        self._changed_overrides(frozenset({key}))

    def clear_override(self, key: OverrideKey) -> bool:
        """False when there was none."""
        cleared = self._overrides.clear(key)
        if cleared:
            log.warning("override_cleared", **_named(key))
            self._changed_overrides(frozenset({key}))
        return cleared

    def _load(self, monitors: set[Monitor]) -> None:
        now = self._clock()
        stored = self._store.load_tracks()
        self._monitors = {monitor.key: monitor for monitor in monitors}
        tracks = {key: restored(stored.get(key), monitor, now) for key, monitor in self._monitors.items()}
        self._tracks = {key: track for key, track in tracks.items() if track is not None}
        fresh = {key for key, track in self._tracks.items() if track.verdict.health is not Health.UNKNOWN}
        self._overrides = Overrides(self._store.load_overrides())
        self._snapshot = None
        self._expire_overrides()
        self._await(self._monitors.keys() - fresh)
        log.info("health_loaded", monitors=len(monitors), fresh=len(fresh), overrides=len(self._overrides.notes))

    def _wanted(self) -> dict[Monitor, Track | None]:
        return {monitor: self._tracks.get(key) for key, monitor in self._monitors.items()}

    def _report(self, report: Report) -> None:
        """What the prober found. A report may still speak of monitors that are gone."""
        for kind, counts in report.counts.items():
            self._counts[kind] = self._counts.get(kind, ProbeCounts()) + counts
        tracks = {key: track for key, track in report.tracks.items() if key in self._monitors}
        if not tracks:
            return
        changed = frozenset(key for key, track in tracks.items() if _health(self._tracks.get(key)) != _health(track))
        for key in changed:
            self._log_change(self._monitors[key], self._tracks.get(key), tracks[key])
        self._tracks |= tracks
        self._await(self._awaited - tracks.keys())
        self._snapshot = None
        if changed:
            self._changed_tracks()
            self._tell(changed, frozenset())
        self._saver.confirmed = True

    def _await(self, keys: set[str]) -> None:
        self._awaited = keys
        if not keys:
            self._round_over.set()

    def _changed_tracks(self) -> None:
        self._snapshot = None
        self._saver.changed = True

    def _changed_overrides(self, keys: frozenset[OverrideKey]) -> None:
        self._snapshot = None
        self._saver.save_overrides(self._overrides.notes)
        self._tell(frozenset(), keys)

    def _tell(self, monitors: frozenset[str], overrides: frozenset[OverrideKey]) -> None:
        """A listener that fails must not stop health from being known."""
        if not self._started:
            return
        try:
            self._on_change(self.conditions, monitors, overrides)
        except Exception:
            log.exception("health_change_not_applied", monitors=sorted(monitors))

    async def _tick(self) -> None:
        while not self._stopping.is_set():
            try:
                self._expire_overrides()
                await self._saver.tick(self._tracks)
            except Exception:
                log.exception("health_tick_failed")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(TICK_SECONDS):
                    await self._stopping.wait()

    def _expire_overrides(self) -> None:
        expired = self._overrides.expire(self._clock())
        for key in expired:
            log.warning("override_ended", **_named(key))
        if expired:
            self._changed_overrides(expired)

    def _log_change(self, monitor: Monitor, before: Track | None, after: Track) -> None:
        verdict, was = after.verdict, _health(before)
        fields = {"monitor": monitor.key, "target": monitor.target, "reason": verdict.reason, "was": was.value}
        if before is not None and was is not Health.UNKNOWN:
            fields["was_for_seconds"] = str(round(verdict.since - before.verdict.since))
        if verdict.health is Health.DOWN:
            log.warning("monitor_down", **fields)
        elif was is Health.DOWN or self._started:
            log.info("monitor_up" if verdict.health is Health.UP else "monitor_unknown", **fields)

    def _log_first_round(self, bound: float) -> None:
        tally = Counter(_health(self._tracks.get(key)).value for key in self._monitors)
        if self._awaited:
            log.warning(
                "first_round_incomplete",
                after_seconds=bound,
                **tally,
                prober=self.prober.state,
                meaning="members without a verdict are served as available",
            )
        else:
            log.info("first_round_complete", **tally)


class _Saver:
    """Writes the store at a bounded rate, and says once when that fails and once when it works again."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._failing = False
        self._confirm_at = 0.0
        self.changed = False
        self.confirmed = False

    async def tick(self, tracks: Mapping[str, Track]) -> None:
        """Write the tracks if they changed, or if it is time for those that were confirmed."""
        now = asyncio.get_running_loop().time()
        if self.changed or (self.confirmed and now >= self._confirm_at):
            self.changed = self.confirmed = False
            self._confirm_at = now + CONFIRM_SECONDS
            await asyncio.to_thread(self.save_tracks, dict(tracks))

    def save_tracks(self, tracks: Mapping[str, Track]) -> None:
        self._guarded(lambda: self._store.save_tracks(tracks))

    def save_overrides(self, notes: Mapping[OverrideKey, OverrideNote]) -> None:
        """In the foreground: an operator who is told "done" must find the override there after a crash."""
        self._guarded(lambda: self._store.save_overrides(notes))

    def _guarded(self, save: Callable[[], None]) -> None:
        try:
            save()
        except OSError as error:
            if not self._failing:
                meaning = "a restart would not know what is known now"
                log.error("state_not_saved", error=str(error), meaning=meaning)  # noqa: TRY400 - no bug to trace
            self._failing = True
        else:
            if self._failing:
                log.info("state_saved_again")
            self._failing = False


def _health(track: Track | None) -> Health:
    return track.verdict.health if track is not None else Health.UNKNOWN


def _subject(monitor: Monitor) -> tuple[str, str, str]:
    """What is probed, whatever the times and thresholds."""
    return (monitor.probe, monitor.target, monitor.options)


def _named(key: OverrideKey) -> dict[str, object]:
    (owner, rtype), value = key
    return {"owner": name_to_text(owner), "type": type_to_text(rtype), "value": rdata_to_text(rtype, value)}
