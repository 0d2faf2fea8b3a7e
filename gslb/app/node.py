"""A running node.

Start: lock the state directory, load zones, let every member be probed once, then bind the DNS sockets, so that
resolvers ask another server until this one knows who is alive. From then on three things change what is served,
each by making a new `AnswerTable` and swapping it in: a zone file, a verdict, an override.

What a node consists of has a module each: `settings`, the configuration in force; `answering`, the table and health;
`cluster` and `zones`, where zones come from; `loading` and `reloading`, how they are taken over; `transports` and
`http_endpoints`, where it is reached; `commands`, what it is asked there; and `looks`, what it does of itself.
"""

import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from functools import partial
from itertools import chain

import structlog
from prometheus_client.core import Metric

from gslb import __version__
from gslb.answer.table import AnswerTable
from gslb.api.monitoring import monitoring_app
from gslb.app.answering import Answering
from gslb.app.cluster import Cluster
from gslb.app.cluster_readings import cluster_readings
from gslb.app.cluster_status import own_report
from gslb.app.commands import Commands
from gslb.app.http_endpoints import HttpEndpoints
from gslb.app.loading import Loading
from gslb.app.looks import Looks
from gslb.app.readings import readings
from gslb.app.reloading import Reloading
from gslb.app.settings import Settings
from gslb.app.signatures import signature_readings
from gslb.app.state_dir import StateDirError, locked
from gslb.app.transports import Transports
from gslb.app.watch import fingerprints
from gslb.app.zones import Zones
from gslb.config.node_config import NodeConfig
from gslb.config.versions import VersionStore
from gslb.metrics import Metrics
from gslb.server.listen import ListenError, Listeners, check_free

log = structlog.get_logger("gslb")


class StartError(Exception):
    """The node cannot start; the message says why and what would help."""


class Node:
    """One node: give it a configuration, `start` it, `stop` it."""

    def __init__(self, config: NodeConfig) -> None:
        self._started = time.time()
        self._metrics = Metrics()
        self._settings = Settings(config, self._metrics)
        self._answering = Answering(config, self._metrics)
        self._http = HttpEndpoints()
        self._closing = AsyncExitStack()
        self._cluster: Cluster
        self._loading: Loading
        self._transports: Transports
        self._reloading: Reloading
        self._commands: Commands
        self._looks: Looks

    @property
    def table(self) -> AnswerTable:
        """What is answered now."""
        return self._answering.table

    async def reload(self) -> None:
        """Take over what changed. Belongs to a node that has started."""
        await self._reloading.reload()

    async def start(self) -> None:
        """Raises `StartError`; whatever was opened before is closed again."""
        try:
            await self._start()
        except (OSError, ListenError, StateDirError) as error:
            await self.stop()
            raise StartError(str(error)) from None

    async def stop(self) -> None:
        """Close what is open; what was written stays. Safe to call at any moment after `__init__`."""
        await self._closing.aclose()

    async def _start(self) -> None:
        config = self._settings.config
        self._closing.enter_context(locked(config.state_dir))
        check_free(config.listen, config.listen_tls)
        self._assemble(config)
        read_at_start = fingerprints(self._reloading.files())
        self._settings.announce(config)
        await self._loading.load(config.zones.values(), config.monitors, starting=True)
        await self._cluster.configure(config)
        self._transports.configure(config)
        bound_seconds = config.limits.first_round_seconds
        answers_by = time.monotonic() + bound_seconds
        await self._cluster.first_transfers(bound_seconds)
        await self._http.open_control(config, self._commands)
        await self._answering.first_round(max(0.0, answers_by - time.monotonic()))
        listeners = await self._transports.open(self._settings.config)
        self._cluster.announce()
        app = monitoring_app(self._metrics, self._transports.fold, self._commands.not_ready)
        await self._http.open_api(self._settings.config, app)
        self._looks.begin(read_at_start)
        self._tell_serving(listeners)

    def _assemble(self, config: NodeConfig) -> None:
        """Make all that works on `state_dir` or with what does, and have it closed: who asks before who is asked."""
        settings, answering, metrics, closing = self._settings, self._answering, self._metrics, self._closing
        closing.push_async_callback(answering.health.stop)
        cluster = self._cluster = Cluster(config, answering.take_secondary, time.time)
        closing.push_async_callback(cluster.stop)
        zones = Zones(VersionStore(config.state_dir), cluster.record)
        loading = self._loading = Loading(zones, answering, cluster, metrics)
        transports = self._transports = Transports(answering.responder, cluster, metrics)
        reloading = self._reloading = Reloading(settings, loading, answering, cluster, transports)
        self._commands = Commands(
            settings, zones, answering, cluster, transports, self._http, reloading, started=self._started
        )
        closing.push_async_callback(self._http.close)
        closing.callback(transports.close)
        self._looks = Looks(reloading, answering, cluster, transports)
        closing.push_async_callback(self._looks.stop)
        cluster.exchange.report = partial(own_report, answering, cluster)
        metrics.collect_from(partial(self._readings, zones))

    def _readings(self, zones: Zones) -> Iterator[Metric]:
        table = self._answering.table
        return chain(
            readings(zones, table, self._answering.health),
            cluster_readings(self._cluster, table),
            signature_readings(table, time.time()),
        )

    def _tell_serving(self, listeners: Listeners) -> None:
        log.info(
            "serving",
            node=self._settings.config.node,
            version=__version__,
            listen=[f"{host} port {port}" for host, port in listeners.addresses],
            listen_tls=[f"{host} port {port}" for host, port in listeners.tls_addresses],
            zones=len(self.table.zones),
            seconds=round(time.time() - self._started, 2),
        )
