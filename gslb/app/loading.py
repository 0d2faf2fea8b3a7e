"""From the files of zones to what is served of them: loaded off the event loop, taken over on it, and told of.

Loading goes on while queries are answered. So zones are read a batch at a time in a thread, and taken over some at a
time, with a turn of the event loop between.
"""

import asyncio
from collections.abc import Container, Iterable, Mapping, Sequence

import structlog

from gslb.app.answering import Answering
from gslb.app.cluster import Cluster
from gslb.app.zones import Loaded, Zones, batches
from gslb.config.monitors import MonitorProfile
from gslb.config.sources import ZoneSource
from gslb.metrics import Metrics
from gslb.wire.names import Name

log = structlog.get_logger("gslb")

_ACCEPTED_AT_ONCE = 50
"""Zones taken over between two turns of the event loop: about three milliseconds."""


class Loading:
    """Keeps `zones`, what is answered, what peers may fetch, and the metrics of zones in step."""

    def __init__(self, zones: Zones, answering: Answering, cluster: Cluster, metrics: Metrics) -> None:
        self.zones = zones
        self._answering = answering
        self._cluster = cluster
        self._metrics = metrics

    async def load(
        self, sources: Iterable[ZoneSource], monitors: Mapping[str, MonitorProfile], *, starting: bool = False
    ) -> None:
        """Read zones and serve what they have, some at a time, so that queries are answered between."""
        for batch in batches(sources):
            found = await asyncio.to_thread(self.zones.load, batch, monitors, starting=starting)
            loaded = list(zip(batch, found, strict=True))
            for start in range(0, len(loaded), _ACCEPTED_AT_ONCE):
                self._accept(loaded[start : start + _ACCEPTED_AT_ONCE])
                await asyncio.sleep(0)

    def _accept(self, loaded: Sequence[tuple[ZoneSource, Loaded]]) -> None:
        """Take loaded zones into what is served, and say what happened."""
        for source, each in loaded:
            self.zones.accept(source, each)
        changed = {each.apex: each.table for _, each in loaded if each.changed and each.table is not None}
        failed = {each.apex: None for _, each in loaded if self.zones.entries[each.apex].table is None}
        if changed or failed:
            self._answering.take({**changed, **failed})
        for source, each in loaded:
            self._tell_loaded(source, each)

    def _tell_loaded(self, source: ZoneSource, loaded: Loaded) -> None:
        """Tell peers, metrics and the log of a zone that was read."""
        file, entry = str(source.path), self.zones.entries[source.apex]
        if loaded.view is not None:
            self._cluster.publish(source.apex, loaded.view)
        good = not loaded.problems
        self._metrics.reloads.labels(file, "ok" if good else "failed").inc()
        self._metrics.config_ok.labels(file).set(good)
        for problem in loaded.problems:
            log.error("zone_not_taken", zone=entry.text, problem=str(problem), served=entry.served_from)
        for warning in loaded.warnings:
            log.warning("zone_warning", zone=entry.text, problem=str(warning))
        if loaded.changed and loaded.table is not None:
            self._metrics.serial.labels(entry.text).set(loaded.table.zone.serial)
            if good:
                log.info("zone_loaded", zone=entry.text, serial=loaded.table.zone.serial, file=file)

    def drop_all_but(self, wanted: Container[Name]) -> None:
        """Forget the zones that the configuration does not have any more."""
        for apex, entry in [each for each in self.zones.entries.items() if each[0] not in wanted]:
            self.zones.drop(apex)
            self._cluster.withdraw(apex)
            self._answering.drop(apex)
            self._metrics.forget_zone(entry.text, str(entry.source.path))
            log.warning("zone_dropped", zone=entry.text, reason="no file and no entry names it any more")
