"""The prober's reports: what changed at once, the rest once a second.

A change waits `COALESCE_SECONDS` for others, so that a dead rack is one report. Confirmations of a verdict (a later
`checked`, another latency) go with the heartbeat. While the node does not read, nothing is sent and the newest
track of each monitor is kept: memory stays bounded by the number of monitors.
"""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import islice

from gslb.health.counts import ProbeCounts
from gslb.health.hysteresis import Track
from gslb.health.protocol import HEARTBEAT_SECONDS, Report, render_report

COALESCE_SECONDS = 0.02
MAX_TRACKS = 1000
"""Tracks in one report: the node parses one between two batches of queries."""


class Reporter:
    """`write` sends a line and returns when there is room for the next."""

    def __init__(self, write: Callable[[bytes], Awaitable[None]]) -> None:
        self._write = write
        self._changed: dict[str, Track] = {}
        self._confirmed: dict[str, Track] = {}
        self._counts: dict[str, ProbeCounts] = {}
        self._urgent = asyncio.Event()

    def tell(self, key: str, track: Track, *, changed: bool) -> None:
        """Report `track`, at once if its health changed."""
        if changed or key in self._changed:
            self._confirmed.pop(key, None)
            self._changed[key] = track
            self._urgent.set()
        else:
            self._confirmed[key] = track

    def count(self, kind: str, counts: ProbeCounts) -> None:
        self._counts[kind] = self._counts.get(kind, ProbeCounts()) + counts

    def forget(self, key: str) -> None:
        """The monitor is no longer wanted."""
        self._changed.pop(key, None)
        self._confirmed.pop(key, None)

    async def run(self) -> None:
        """Send reports, for ever."""
        loop = asyncio.get_running_loop()
        beat = loop.time()
        while True:
            if loop.time() >= beat:
                beat = loop.time() + HEARTBEAT_SECONDS
                self._changed |= self._confirmed
                self._confirmed.clear()
            await self._send()
            await self._something_urgent(beat - loop.time())

    async def _something_urgent(self, at_most: float) -> None:
        try:
            async with asyncio.timeout(at_most):
                await self._urgent.wait()
                await asyncio.sleep(COALESCE_SECONDS)
        except TimeoutError:
            return

    async def _send(self) -> None:
        """One report, or as many as the changed tracks need."""
        self._urgent.clear()
        counts, self._counts = self._counts, {}
        while True:
            tracks = dict(islice(self._changed.items(), MAX_TRACKS))
            for key in tracks:
                del self._changed[key]
            await self._write(render_report(Report(tracks, counts)))
            if not self._changed:
                return
            counts = {}
