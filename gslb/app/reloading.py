"""Taking over what changed while the node runs: gslb.yaml, the files it names, and zones.

One reload at a time. Files that fail change nothing: gslb.yaml is taken as a whole or not at all, each zone file by
itself. A renewed certificate alone is taken even where the rest of gslb.yaml is wrong. A zone whose file is gone is
dropped when its time is over, or at once when somebody asks for a reload.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from gslb.app.answering import Answering
from gslb.app.certificate import with_renewed_pair
from gslb.app.cluster import Cluster
from gslb.app.loading import Loading
from gslb.app.logs import set_up_logging
from gslb.app.settings import Settings
from gslb.app.transports import Transports
from gslb.app.vanished import with_vanished
from gslb.config.node import load_node
from gslb.config.node_config import NodeConfig
from gslb.config.problems import ConfigError, Problem
from gslb.config.sources import ZoneSource
from gslb.config.textfile import is_there
from gslb.wire.names import name_to_text


@dataclass(frozen=True, slots=True)
class Reloading:
    """Hands what changed to those whom it concerns."""

    settings: Settings
    loading: Loading
    answering: Answering
    cluster: Cluster
    transports: Transports
    _one_at_a_time: asyncio.Lock = field(default_factory=asyncio.Lock)

    def files(self) -> set[Path]:
        """The files whose changes are live: configuration, keys, and zones with what they include."""
        return self.settings.files() | self.loading.zones.files(self.settings.config.zones.values())

    async def reload(self, changed: Iterable[Path] | None = None) -> dict[str, Any]:
        """Read again what changed; when None, everything but zone files that stand as they were read. Files that fail
        change nothing. Gives what is wrong, and the zones that are not served any more."""
        zones, settings = self.loading.zones, self.settings
        async with self._one_at_a_time:
            served = set(zones.entries)
            paths = None if changed is None else set(changed)
            monitors = settings.config.monitors
            if paths is None or paths & settings.files():
                not_taken = await self._reload_config(at_once=paths is None)
                if not_taken:
                    await self._reload_certificate(not_taken)
            anyway = settings.config.monitors != monitors
            news = await asyncio.to_thread(self._with_news, paths, anyway=anyway)
            await self.loading.load(news, settings.config.monitors)
            self.answering.watch()
        problems = [str(problem) for entry in zones.entries.values() for problem in entry.problems]
        dropped = sorted(name_to_text(apex) for apex in served - zones.entries.keys())
        return {
            "problems": [*settings.problems, *problems],
            "dropped": dropped,
            "pending_restart": settings.pending_restart,
        }

    def _with_news(self, changed: set[Path] | None, *, anyway: bool) -> list[ZoneSource]:
        """The zones that have to be read again when these files changed; None: whichever did. There may be thousands to
        look at, so it is called in a thread."""
        return [each for each in self.settings.config.zones.values() if self._has_news(each, changed, anyway=anyway)]

    def _has_news(self, source: ZoneSource, changed: set[Path] | None, *, anyway: bool) -> bool:
        zones = self.loading.zones
        entry = zones.entries.get(source.apex)
        if entry is None:
            return True
        if entry.gone_until is not None:
            return is_there(source.path)
        if entry.source != source:
            return True
        if changed is None:
            return anyway or not zones.is_as_read(source)
        return anyway or not changed.isdisjoint(zones.files_of(source))

    async def _reload_config(self, *, at_once: bool) -> tuple[Problem, ...]:
        """Take gslb.yaml and the files in zones_dir as they are. `at_once`: without grace for files that are gone.
        Gives why it was not taken."""
        settings = self.settings
        try:
            config = await asyncio.to_thread(load_node, settings.config.path)
        except ConfigError as error:
            settings.refuse(error)
            return error.problems
        settings.announce(config)
        if not at_once:
            config = with_vanished(settings.config, config, self.loading.zones)
        await self._take(config)
        settings.taken()
        return ()

    async def _take(self, config: NodeConfig) -> None:
        """Put another configuration in force, zone files aside."""
        for apex in self.cluster.secondaries.keys() - config.secondaries.keys() - config.zones.keys():
            self.answering.drop(apex)
        before, self.settings.config = self.settings.config, config
        if (config.log_format, config.log_level) != (before.log_format, before.log_level):
            set_up_logging(config.log_format, config.log_level)
        self.transports.take_certificate(before, config)
        self.loading.drop_all_but(config.zones)
        await self.cluster.configure(config)
        self.transports.configure(config)

    async def _reload_certificate(self, known: tuple[Problem, ...]) -> None:
        """Take a renewed pair by itself: whatever else is wrong with gslb.yaml, the `known` problems, must not let a
        certificate run out."""
        config, problems = await asyncio.to_thread(with_renewed_pair, self.settings.config)
        told = {(problem.path, problem.message) for problem in known}
        for problem in problems:
            if (problem.path, problem.message) not in told:
                self.settings.refuse_certificate(problem)
        before, self.settings.config = self.settings.config, config
        self.transports.take_certificate(before, config)

    async def drop_overdue(self, now: float) -> None:
        """Drop the zones whose file is gone and whose time is over."""
        async with self._one_at_a_time:
            due = self.loading.zones.due(now)
            if not due:
                return
            config = self.settings.config
            kept = {apex: source for apex, source in config.zones.items() if apex not in due}
            self.settings.config = replace(config, zones=kept)
            self.loading.drop_all_but(kept)
            await self.cluster.configure(self.settings.config)
            self.answering.watch()
