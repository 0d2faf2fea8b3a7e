"""A running node.

Start: lock the state directory, load zones, let every member be probed once, then bind the DNS sockets, so that
resolvers ask another server until this one knows who is alive. From then on three things change what is served,
each by making a new `AnswerTable` and swapping it in: a zone file, a verdict, an override.
"""

import asyncio
import fcntl
import os
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import IO, Any

import structlog
from aiohttp import web

from gslb import __version__
from gslb.answer.compile import ZoneTable
from gslb.answer.options import NodeOptions
from gslb.answer.table import AnswerTable
from gslb.api.control import control_app, control_socket
from gslb.api.monitoring import monitoring_app
from gslb.app.certificate import CertificateWatch, with_renewed_pair
from gslb.app.cluster import Cluster
from gslb.app.cluster_readings import cluster_readings
from gslb.app.commands import Commands
from gslb.app.descriptors import LOOK_SECONDS, DescriptorWatch, make_room
from gslb.app.logs import set_up_logging
from gslb.app.pending import pending_restart
from gslb.app.persist import until_done
from gslb.app.readings import readings
from gslb.app.signatures import SignatureWatch, signature_readings
from gslb.app.status import members_status, not_ready, secondaries_not_ready
from gslb.app.vanished import with_vanished
from gslb.app.watch import Fingerprint, changes, fingerprints
from gslb.app.zones import Loaded, Zones, batches
from gslb.config.node import NodeConfig, ZoneSource, load_node
from gslb.config.problems import ConfigError, Problem
from gslb.config.tls import day
from gslb.config.versions import VersionStore
from gslb.health.service import HealthService
from gslb.metrics import Metrics
from gslb.server.address_events import AddressEvents
from gslb.server.listen import ListenError, Listeners, check_free
from gslb.server.query_access import QueryAccess
from gslb.server.responder import Responder
from gslb.server.tcp import TcpLimits
from gslb.steering.conditions import Conditions, OverrideKey
from gslb.transfer.report import VERSION as REPORT_VERSION
from gslb.transfer.report import Report
from gslb.wire.cookies import ServerCookies
from gslb.wire.names import Name, name_from_text, name_to_text
from gslb.zone.steered import Monitor, SteeredKey

log = structlog.get_logger("gslb")

_ADDRESS_REFRESH_SECONDS = 15.0
_PEER_LOOK_SECONDS = 30.0
_EXPIRY_LOOK_SECONDS = 60.0
_VANISHED_LOOK_SECONDS = 0.5
_ACCEPTED_AT_ONCE = 50
"""Zones taken over between two turns of the event loop: about three milliseconds."""


class StartError(Exception):
    """The node cannot start; the message says why and what would help."""


class Node:
    """One node: give it a configuration, `start` it, `stop` it. What the commands ask is in `app.commands`."""

    def __init__(self, config: NodeConfig) -> None:
        self.config = config
        self._started_with = config
        self.metrics = Metrics()
        self.started = time.time()
        self.listeners: Listeners | None = None
        self.descriptors: DescriptorWatch | None = None
        self._responder = Responder(self.metrics, config.limits.udp_size)
        self.zones: Zones
        self.cluster: Cluster
        self.health: HealthService
        self._health_started = False
        self._lock_file: IO[str] | None = None
        self._cookie_secret = os.urandom(16)
        self.config_problems: tuple[str, ...] = ()
        self._named_in_vain: frozenset[Path] = frozenset()
        self._warnings_told: frozenset[Problem] = frozenset()
        self._read_at_start: dict[Path, Fingerprint] = {}
        self._users: dict[str, set[SteeredKey]] = {}
        self._reloading = asyncio.Lock()
        self._stopping = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._runners: list[web.AppRunner] = []
        self.api_address: tuple[str, int] | None = None

    @property
    def table(self) -> AnswerTable:
        return self._responder.table

    @property
    def pending_restart(self) -> list[str]:
        """Settings that were changed since the start, and that the next start takes."""
        return pending_restart(self._started_with, self.config)

    # Starting and stopping

    async def start(self) -> None:
        """Raises `StartError`; whatever was opened before is closed again."""
        try:
            await self._start()
        except (OSError, ListenError) as error:
            await self.stop()
            raise StartError(str(error)) from None
        except StartError:
            await self.stop()
            raise

    async def _start(self) -> None:
        self._take_state_dir()
        check_free(self.config.listen, self.config.listen_tls)
        self.cluster = Cluster(self.config, self._serve_secondary, time.time)
        self.zones = Zones(VersionStore(self.config.state_dir), self.cluster.record)
        self._read_at_start = fingerprints(self._watched())
        self._tell_config_warnings(self.config)
        limits = self.config.limits
        self.health = HealthService(self.config.state_dir, self._health_changed, concurrency=limits.probe_concurrency)
        self.metrics.collect_from(
            lambda: chain(
                readings(self.zones, self.table, self.health),
                cluster_readings(self.cluster, self.table),
                signature_readings(self.table, time.time()),
            )
        )
        await self._load(self.config.zones.values(), starting=True)
        self._responder.exchange = self.cluster.exchange
        self.cluster.exchange.report = self.report
        self._tell_options(self.config)
        await self.cluster.configure(self.config)
        self._tell_access()
        answers_by = time.monotonic() + limits.first_round_seconds
        await self.cluster.first_transfers(limits.first_round_seconds)
        self._index_users()
        await self._open_control()
        self._health_started = True
        await self.health.start(self._monitors(), max(0.0, answers_by - time.monotonic()))
        self._health_changed(
            self.health.conditions, frozenset(self._users), frozenset(self.health.conditions.overrides)
        )
        listeners = await self._open_dns()
        self.cluster.announce()
        await self._open_monitoring()
        self._begin_loops()
        log.info(
            "serving",
            node=self.config.node,
            version=__version__,
            listen=[f"{host} port {port}" for host, port in listeners.addresses],
            listen_tls=[f"{host} port {port}" for host, port in listeners.tls_addresses],
            zones=len(self.table.zones),
            seconds=round(time.time() - self.started, 2),
        )

    def _begin_loops(self) -> None:
        """Begin what goes on until the node stops."""
        loops = {
            "watch files": self._watch_files,
            "watch addresses": self._watch_addresses,
            "watch peers": self._watch_peers,
            "watch what expires": self._watch_expiry,
            "watch descriptors": self._watch_descriptors,
            "drop zones whose file is gone": self._drop_vanished,
        }
        self._tasks = [asyncio.create_task(until_done(what, loop)) for what, loop in loops.items()]

    def _take_state_dir(self) -> None:
        state_dir = self.config.state_dir
        advice = "give `state_dir` a directory that this user may write"
        try:
            state_dir.mkdir(parents=True, exist_ok=True)
            self._lock_file = (state_dir / "lock").open("w")
        except OSError as error:
            raise StartError(f"cannot write {state_dir}: {error.strerror or error}: {advice}") from None
        try:
            fcntl.flock(self._lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise StartError(
                f"another node uses {state_dir}: stop it, or give this one a `state_dir` of its own"
            ) from None

    async def _open_dns(self) -> Listeners:
        limits, config = self.config.limits, self.config
        connections = make_room(limits.tcp_connections, limits.probe_concurrency)
        tcp = TcpLimits(connections, limits.tcp_per_client, limits.tcp_idle_seconds, limits.transfer_timeout_seconds)
        listeners = Listeners(
            config.listen,
            self._responder,
            tcp,
            tls_addresses=config.listen_tls,
            tls_context=config.tls.context if config.tls is not None else None,
        )
        listeners.limit(config.rate_limit)
        await listeners.start()
        self.listeners = listeners
        self.descriptors = DescriptorWatch(listeners, self.metrics.descriptors_short)
        self._tell_certificate(config)
        return listeners

    async def _open_control(self) -> None:
        runner = web.AppRunner(control_app(Commands(self)), access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        self._runners.append(runner)
        await web.SockSite(runner, control_socket(self.config.state_dir)).start()

    async def _open_monitoring(self) -> None:
        if self.config.api is None:
            return
        host, port = self.config.api
        app = monitoring_app(self.metrics, self._fold, self.not_ready)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        self._runners.append(runner)
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as error:
            raise StartError(
                f"cannot open `api` on {host} port {port}: {os.strerror(error.errno or 0)}: choose another port"
            ) from None
        bound = runner.addresses[0]
        self.api_address = (bound[0], bound[1])

    async def stop(self) -> None:
        """Close what is open; what was written stays. Safe to call at any moment after `__init__`."""
        self._stopping.set()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self.listeners is not None:
            self.listeners.close()
        for runner in self._runners:
            await runner.cleanup()
        if hasattr(self, "cluster"):
            await self.cluster.stop()
        if hasattr(self, "health"):
            await self.health.stop()
        if self._lock_file is not None:
            self._lock_file.close()

    # Zones and configuration

    async def _load(self, sources: Iterable[ZoneSource], *, starting: bool = False) -> None:
        """Read zones and serve what they have, some at a time, so that queries are answered between."""
        for batch in batches(sources):
            found = await asyncio.to_thread(self.zones.load, batch, self.config.monitors, starting=starting)
            loaded = list(zip(batch, found, strict=True))
            for start in range(0, len(loaded), _ACCEPTED_AT_ONCE):
                self._accept(loaded[start : start + _ACCEPTED_AT_ONCE])
                await asyncio.sleep(0)

    def _accept(self, loaded: Sequence[tuple[ZoneSource, Loaded]]) -> None:
        """Take loaded zones into what is served, and say what happened."""
        tables: dict[Name, ZoneTable | None] = {}
        for source, each in loaded:
            self.zones.accept(source, each)
            if each.table is not None and each.changed:
                tables[source.apex] = each.table
            elif self.zones.entries[source.apex].table is None:
                tables[source.apex] = None
        if tables:
            self._responder.table = self.table.with_zones(tables, self._conditions())
            self._index_users()
        for source, each in loaded:
            self._tell_loaded(source, each)

    def _tell_loaded(self, source: ZoneSource, loaded: Loaded) -> None:
        """Tell peers, metrics and the log of a zone that was read."""
        file, entry = str(source.path), self.zones.entries[source.apex]
        if loaded.view is not None:
            self.cluster.publish(source.apex, loaded.view)
        good = not loaded.problems
        self.metrics.reloads.labels(file, "ok" if good else "failed").inc()
        self.metrics.config_ok.labels(file).set(good)
        for problem in loaded.problems:
            log.error("zone_not_taken", zone=entry.text, problem=str(problem), served=entry.served_from)
        for warning in loaded.warnings:
            log.warning("zone_warning", zone=entry.text, problem=str(warning))
        if loaded.changed and loaded.table is not None:
            self.metrics.serial.labels(entry.text).set(loaded.table.zone.serial)
            if good:
                log.info("zone_loaded", zone=entry.text, serial=loaded.table.zone.serial, file=file)

    async def reload(self, changed: Iterable[Path] | None = None) -> dict[str, Any]:
        """Read again what changed; when None, everything but zone files that stand as they were read. Files that fail
        change nothing. Gives what is wrong, and the zones that are not served any more."""
        async with self._reloading:
            served = set(self.zones.entries)
            paths = None if changed is None else set(changed)
            monitors = self.config.monitors
            if paths is None or paths & self._config_files():
                not_taken = await self._reload_config(at_once=paths is None)
                if not_taken:
                    await self._reload_certificate(not_taken)
            anyway = self.config.monitors != monitors
            await self._load(await asyncio.to_thread(self._with_news, paths, anyway=anyway))
            self._watch_health()
        problems = [str(problem) for entry in self.zones.entries.values() for problem in entry.problems]
        dropped = sorted(name_to_text(apex) for apex in served - self.zones.entries.keys())
        pending = self.pending_restart
        return {"problems": [*self.config_problems, *problems], "dropped": dropped, "pending_restart": pending}

    def _with_news(self, changed: set[Path] | None, *, anyway: bool) -> list[ZoneSource]:
        """The zones that have to be read again when these files changed; None: whichever did. There may be thousands to
        look at, so it is called in a thread."""
        return [each for each in self.config.zones.values() if self._has_news(each, changed, anyway=anyway)]

    def _has_news(self, source: ZoneSource, changed: set[Path] | None, *, anyway: bool) -> bool:
        entry = self.zones.entries.get(source.apex)
        if entry is None:
            return True
        if entry.gone_until is not None:
            return source.path.exists()
        if entry.source != source:
            return True
        if changed is None:
            return anyway or not self.zones.is_as_read(source)
        return anyway or not changed.isdisjoint(self.zones.files_of(source))

    async def _reload_config(self, *, at_once: bool) -> tuple[Problem, ...]:
        """Take gslb.yaml and the files in zones_dir as they are. `at_once`: without grace for files that are gone.
        Gives why it was not taken."""
        file = str(self.config.path)
        try:
            config = await asyncio.to_thread(load_node, self.config.path)
        except ConfigError as error:
            self.config_problems = tuple(str(problem) for problem in error.problems)
            self._named_in_vain = error.files
            self.metrics.reloads.labels(file, "failed").inc()
            self.metrics.config_ok.labels(file).set(0)
            for problem in error.problems:
                log.error("config_not_taken", problem=str(problem))  # noqa: TRY400  the file is wrong, not us
            return error.problems
        for name in pending_restart(self._started_with, config):
            if name not in self.pending_restart:
                log.warning("setting_needs_restart", setting=name)
        self._tell_config_warnings(config)
        if not at_once:
            config = with_vanished(self.config, config, self.zones)
        for apex in self.cluster.secondaries.keys() - config.secondaries.keys() - config.zones.keys():
            self._responder.table = self.table.without_zone(apex)
        before, self.config = self.config, config
        if (config.log_format, config.log_level) != (before.log_format, before.log_level):
            set_up_logging(config.log_format, config.log_level)
        self._take_certificate(before, config)
        self._drop_zones()
        self._tell_options(config)
        if self.listeners is not None:
            self.listeners.limit(config.rate_limit)
        await self.cluster.configure(config)
        self._tell_access()
        self.config_problems, self._named_in_vain = (), frozenset()
        self.metrics.reloads.labels(file, "ok").inc()
        self.metrics.config_ok.labels(file).set(1)
        return ()

    async def _reload_certificate(self, known: tuple[Problem, ...]) -> None:
        """Take a renewed pair by itself: whatever else is wrong with gslb.yaml, the `known` problems, must not let a
        certificate run out."""
        config, problems = await asyncio.to_thread(with_renewed_pair, self.config)
        told = {(problem.path, problem.message) for problem in known}
        for problem in problems:
            if (problem.path, problem.message) not in told:
                self.config_problems += (str(problem),)
                log.error("certificate_not_taken", problem=str(problem))
        before, self.config = self.config, config
        self._take_certificate(before, config)

    def _tell_config_warnings(self, config: NodeConfig) -> None:
        """Each warning once, as long as it stays."""
        for warning in config.warnings:
            if warning not in self._warnings_told:
                log.warning("config_warning", problem=str(warning))
        self._warnings_told = frozenset(config.warnings)

    async def _drop_vanished(self) -> None:
        """Drop zones whose file is gone when their time is over."""
        while True:
            await asyncio.sleep(_VANISHED_LOOK_SECONDS)
            async with self._reloading:
                due = self.zones.due(time.time())
                if due:
                    zones = {apex: source for apex, source in self.config.zones.items() if apex not in due}
                    self.config = replace(self.config, zones=zones)
                    self._drop_zones()
                    await self.cluster.configure(self.config)
                    self._watch_health()

    def _drop_zones(self) -> None:
        """Forget the zones that the configuration does not have any more."""
        for apex, entry in [each for each in self.zones.entries.items() if each[0] not in self.config.zones]:
            self.zones.drop(apex)
            self.cluster.withdraw(apex)
            self._responder.table = self.table.without_zone(apex)
            self.metrics.forget_zone(entry.text, str(entry.source.path))
            log.warning("zone_dropped", zone=entry.text, reason="no file and no entry names it any more")

    def _tell_options(self, config: NodeConfig) -> None:
        """Tell the transports what to say of the node. Of `limits` the ones of the start are in force."""
        cookies = None
        if config.cookies is not None:
            secret = config.cookies.secret or self._cookie_secret
            cookies = ServerCookies(secret, config.cookies.previous, required=config.cookies.required)
        options = NodeOptions(config.nsid, cookies, self._idle_seconds, self.cluster.expires, config.version)
        self._responder.node = self.cluster.exchange.node = options

    @property
    def query_access(self) -> QueryAccess | None:
        """Who may ask which zone; None: everyone."""
        return self._responder.access

    def _tell_access(self) -> None:
        """Tell the transports who may ask what, where that has changed."""
        lists, access = self.cluster.may_ask(), self._responder.access
        if lists != (access.lists if access is not None else {}):
            self._responder.access = QueryAccess(lists) if lists else None

    def _idle_seconds(self) -> float:
        return self.listeners.idle_seconds if self.listeners is not None else 0.0

    def _take_certificate(self, before: NodeConfig, config: NodeConfig) -> None:
        """Show another certificate from the next handshake on. What is open goes on as it is."""
        if self.listeners is None or config.tls is None or config.tls == before.tls:
            return
        self.listeners.tls_context = config.tls.context
        self._tell_certificate(config)
        log.info("certificate_loaded", file=str(config.tls.certificate), expires=day(config.tls.expires))

    def _tell_certificate(self, config: NodeConfig) -> None:
        self.metrics.certificate_expires.clear()
        if config.tls is not None and config.listen_tls:
            self.metrics.certificate_expires.labels(str(config.tls.certificate)).set(config.tls.expires)

    def _serve_secondary(self, apex: Name, table: ZoneTable | None) -> None:
        """A version of a secondary zone came, or it has expired."""
        if table is None:
            self._responder.table = self.table.with_failed(apex)
        else:
            self._responder.table = self.table.with_zone(table, self.health.conditions)
            self.metrics.serial.labels(table.text).set(table.zone.serial)
            log.info("zone_loaded", zone=table.text, serial=table.zone.serial, role="secondary")
        self._watch_health()

    def _watched(self) -> set[Path]:
        """The files whose changes are live: configuration, keys, and zones with what they include."""
        return self._config_files() | self.zones.files(self.config.zones.values())

    def _config_files(self) -> set[Path]:
        """The files, and the folder, that the configuration is made of; those too that a refused one names, for an edit
        of these may be its mend."""
        directory = {self.config.zones_dir} if self.config.zones_dir is not None else set()
        return {self.config.path, *self.config.key_files, *directory, *self._named_in_vain}

    async def _watch_files(self) -> None:
        async for changed in changes(self._watched, self._stopping, self._read_at_start):
            await until_done("read changed files", partial(self.reload, changed))

    async def _watch_addresses(self) -> None:
        events = AddressEvents()
        try:
            while self.listeners is not None:
                await events.changed(_ADDRESS_REFRESH_SECONDS)
                await self.listeners.refresh()
        finally:
            events.close()

    async def _watch_expiry(self) -> None:
        """Say in time that signatures and the certificate come to their end."""
        signatures, certificate = SignatureWatch(), CertificateWatch()
        while True:
            signatures.look(self.table, time.time())
            certificate.look(self.config.tls if self.config.listen_tls else None, time.time())
            await asyncio.sleep(_EXPIRY_LOOK_SECONDS)

    async def _watch_descriptors(self) -> None:
        while self.descriptors is not None:
            self.descriptors.look(time.monotonic())
            await asyncio.sleep(LOOK_SECONDS)

    async def _watch_peers(self) -> None:
        """Keep what the metrics say of peers fresh."""
        while True:
            await self.cluster.look_around()
            await asyncio.sleep(_PEER_LOOK_SECONDS)

    # Health

    def _conditions(self) -> Conditions:
        return self.health.conditions

    def _monitors(self) -> set[Monitor]:
        tables = [table for table in self.table.zones.values() if table is not None]
        return {monitor for table in tables for monitor in table.zone.monitors()}

    def _watch_health(self) -> None:
        """Probe what the zones of now want probed."""
        self._index_users()
        if self._health_started:
            self.health.watch(self._monitors())

    def _index_users(self) -> None:
        """Which steered owners use each monitor: a verdict compiles only these anew."""
        users: defaultdict[str, set[SteeredKey]] = defaultdict(set)
        for key, draw in self.table.draws.items():
            for monitor in draw.selection.steered.monitors():
                users[monitor.key].add(key)
        self._users = dict(users)

    def _health_changed(
        self, conditions: Conditions, monitors: frozenset[str], overrides: frozenset[OverrideKey]
    ) -> None:
        keys = {key for monitor in monitors for key in self._users.get(monitor, ())}
        keys |= {key for key, _ in overrides if key in self.table.draws}
        before = self.table
        self._responder.table = before.with_conditions(keys, conditions)
        for key in sorted(keys):
            was, now = before.draws[key].selection, self.table.draws[key].selection
            if was.degraded != now.degraded:
                say = log.warning if now.degraded else log.info
                what = now.degraded or "answers as configured again"
                say("steering_changed", owner=name_to_text(key[0]), pool=now.pool or "", state=what)

    # What others read off

    def _fold(self) -> None:
        if self.listeners is not None:
            self.listeners.fold()

    def not_ready(self) -> list[str]:
        """Why `/readyz` says no, a line each."""
        return [
            *not_ready(self.zones, self.config_problems, serving=self.listeners is not None),
            *secondaries_not_ready(self.cluster.secondaries),
        ]

    def report(self, apex: Name) -> Report:
        """How this node sees a zone: for its peers."""
        members = {}
        for row in members_status(self.table, self.health.conditions):
            is_told = row["override"] is not None or (row["monitor"] is not None and row["health"] != "up")
            if is_told and self._is_in(row["owner"], apex):
                state = f"override {row['override']}" if row["override"] else row["health"]
                members[f"{row['owner']} {row['type']} {row['value']}"] = [state, row["since"], row["reason"]]
        return {"version": REPORT_VERSION, "serial": self.cluster.serial(apex), "cut": False, "members": members}

    def _is_in(self, owner: str, apex: Name) -> bool:
        return self.table.apex_for(name_from_text(owner), 0) == apex
