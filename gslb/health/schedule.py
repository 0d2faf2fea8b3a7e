"""When each monitor is due. No clock and no event loop in here: both times and draws are arguments.

- A monitor without a verdict is due at once; those are the first round. The ones with the shortest timeout come
  first, so that targets which do not answer at all hold up as few others as possible.
- From then on a monitor is due once in each interval, on a grid of its own: the length of a probe adds no drift.
  The grids are spread evenly over the interval (steps of the golden ratio: any number of monitors, added at any
  time, stays spread), and each due time is late by a draw of at most a tenth of the interval or `MAX_JITTER`, so
  that nodes and targets do not fall into step.
- A monitor is never due while its probe is waiting or running, and due times that pass meanwhile are skipped. So
  is one that was missed by more than half an interval (the process stood still): the next is nearer. Nothing is
  ever caught up.

Times are seconds of one steady clock.
"""

import heapq
import math
from collections.abc import Iterable
from dataclasses import dataclass

from gslb.zone.steered import Monitor

MAX_JITTER = 0.25
"""Seconds. A bound, so that a member that died is out after `fall` x `interval` and no more than a moment."""
_GOLDEN = (math.sqrt(5) - 1) / 2


@dataclass(frozen=True, slots=True)
class Grid:
    """The due times of one monitor: `origin` + n x `interval_seconds`."""

    origin: float
    interval_seconds: float

    def next_due(self, now: float, draw: float) -> float:
        """The first point later than `now`, and `draw` (0 to 1) of the jitter."""
        points = math.floor((now - self.origin) / self.interval_seconds) + 1
        jitter = min(self.interval_seconds / 10, MAX_JITTER)
        return self.origin + points * self.interval_seconds + draw * jitter


class Schedule:
    """The due times of all monitors. `start` (0 to 1) is a draw that sets this process apart from others."""

    def __init__(self, start: float) -> None:
        self._spread = start
        self._grids: dict[str, Grid] = {}
        self._due: dict[str, float] = {}
        self._first_round: set[str] = set()
        self._heap: list[tuple[float, float, str]] = []  # due, timeout, key; stale where it differs from _due

    def add(self, monitors: Iterable[Monitor], now: float, known: Iterable[str]) -> None:
        """Take in monitors; those whose keys are in `known` wait for their grid, the others are due at `now`."""
        known = frozenset(known)
        for monitor in monitors:
            self._spread = (self._spread + _GOLDEN) % 1
            grid = Grid(now + (self._spread - 1) * monitor.interval_seconds, monitor.interval_seconds)
            self._grids[monitor.key] = grid
            if monitor.key in known:
                self._put(monitor.key, monitor.timeout_seconds, grid.next_due(now, 0))
            else:
                self._first_round.add(monitor.key)
                self._put(monitor.key, monitor.timeout_seconds, now)

    def remove(self, key: str) -> None:
        """Forget a monitor, due or not."""
        self._grids.pop(key, None)
        self._due.pop(key, None)
        self._first_round.discard(key)

    def finished(self, monitor: Monitor, now: float, draw: float) -> None:
        """The probe of `monitor` is over: it is due again at the next point of its grid. One that was removed
        meanwhile stays away."""
        grid = self._grids.get(monitor.key)
        if grid is not None:
            self._put(monitor.key, monitor.timeout_seconds, grid.next_due(now, draw))

    def next_due(self) -> float | None:
        """When `take_due` has something to give; None when nothing is waiting."""
        while self._heap and self._due.get(self._heap[0][2]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def take_due(self, now: float) -> list[str]:
        """The keys to probe now, in order. Each waits for `finished` before it is due again."""
        taken = []
        while (due := self.next_due()) is not None and due <= now:
            _, timeout, key = heapq.heappop(self._heap)
            grid = self._grids[key]
            if now - due > grid.interval_seconds / 2 and key not in self._first_round:
                self._put(key, timeout, grid.next_due(now, 0))
                continue
            del self._due[key]
            self._first_round.discard(key)
            taken.append(key)
        return taken

    def _put(self, key: str, timeout: float, due: float) -> None:
        self._due[key] = due
        heapq.heappush(self._heap, (due, timeout, key))
