"""What is answered now: the table in force, and the health that decides what it draws.

Zones that are taken over, verdicts and overrides each make a new `AnswerTable`, which is swapped in whole: a query sees
one or the other. A verdict compiles only those steered owners anew that use its monitor, so these are looked up again
whenever the zones change, and the prober is told what the zones of now want probed. A member whose monitor was edited
keeps its verdict, from the first answer of the new table on.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping

import structlog

from gslb.answer.compile import ZoneTable
from gslb.answer.table import AnswerTable
from gslb.config.node_config import NodeConfig
from gslb.health.service import HealthService
from gslb.metrics import Metrics
from gslb.server.responder import Responder
from gslb.steering.conditions import Conditions, OverrideKey
from gslb.wire.names import Name, name_to_text
from gslb.zone.steered import Monitor, Steered, SteeredKey

log = structlog.get_logger("gslb")


class Answering:
    """`responder` is what the transports ask. All of it belongs to the event loop."""

    def __init__(self, config: NodeConfig, metrics: Metrics) -> None:
        limits = config.limits
        self.responder = Responder(metrics, limits.udp_size)
        self.health = HealthService(config.state_dir, self._health_changed, concurrency=limits.probe_concurrency)
        self._metrics = metrics
        self._probing = False
        self._users: dict[str, set[SteeredKey]] = {}

    @property
    def table(self) -> AnswerTable:
        """The table in force."""
        return self.responder.table

    # Zones

    def take(self, zones: Mapping[Name, ZoneTable | None]) -> None:
        """Answer from these zones from now on; None: one without a version, SERVFAIL. `watch` has them probed."""
        self._swap_in(zones)
        self._index_users()

    def take_secondary(self, apex: Name, table: ZoneTable | None) -> None:
        """Answer from a version of a secondary zone that came, and probe what it wants; None: it has expired."""
        self._swap_in({apex: table})
        if table is not None:
            self._metrics.serial.labels(table.text).set(table.zone.serial)
            log.info("zone_loaded", zone=table.text, serial=table.zone.serial, role="secondary")
        self.watch()

    def drop(self, apex: Name) -> None:
        """Have nothing to do with a zone from now on. `watch` ends its probes."""
        self.responder.table = self.table.without_zone(apex)

    def _swap_in(self, zones: Mapping[Name, ZoneTable | None]) -> None:
        before = self.table
        for apex, table in zones.items():
            self.health.hand_on(_edited_monitors(before.zones.get(apex), table))
        self.responder.table = before.with_zones(zones, self.health.conditions)

    # Health

    async def first_round(self, bound_seconds: float) -> None:
        """Probe what the zones want probed, and wait until every member has a verdict, at most so long. From now on a
        change of health is answered with at once."""
        self._probing = True
        self._index_users()
        await self.health.start(self._monitors(), bound_seconds)
        conditions = self.health.conditions
        self._health_changed(conditions, frozenset(self._users), frozenset(conditions.overrides))

    def watch(self) -> None:
        """Probe what the zones of now want probed."""
        self._index_users()
        if self._probing:
            self.health.watch(self._monitors())

    def _monitors(self) -> set[Monitor]:
        tables = [table for table in self.table.zones.values() if table is not None]
        return {monitor for table in tables for monitor in table.zone.monitors()}

    def _index_users(self) -> None:
        """Which steered owners use each monitor."""
        users: defaultdict[str, set[SteeredKey]] = defaultdict(set)
        for key, draw in self.table.draws.items():
            for monitor in draw.selection.steered.monitors():
                users[monitor.key].add(key)
        self._users = dict(users)

    def _health_changed(
        self, conditions: Conditions, monitors: frozenset[str], overrides: frozenset[OverrideKey]
    ) -> None:
        before = self.table
        keys = {key for monitor in monitors for key in self._users.get(monitor, ())} | {key for key, _ in overrides}
        keys &= before.draws.keys()  # one may be of a zone that was just dropped
        self.responder.table = before.with_conditions(keys, conditions)
        for key in sorted(keys):
            was, now = before.draws[key].selection, self.table.draws[key].selection
            if was.degraded != now.degraded:
                say = log.warning if now.degraded else log.info
                what = now.degraded or "answers as configured again"
                say("steering_changed", owner=name_to_text(key[0]), pool=now.pool or "", state=what)


def _edited_monitors(before: ZoneTable | None, after: ZoneTable | None) -> Iterator[tuple[Monitor, Monitor]]:
    """The former monitor and the new one of each member that has another in the zone's next version."""
    if before is None or after is None:
        return
    for key, steered in after.zone.steered.items():
        former = before.zone.steered.get(key)
        was = _monitors_by_value(former) if former is not None and former is not steered else {}
        for value, monitor in _monitors_by_value(steered).items():
            if value in was and was[value] != monitor:
                yield was[value], monitor


def _monitors_by_value(steered: Steered) -> dict[bytes, Monitor]:
    members = (member for pool in steered.pools for member in pool.members)
    return {member.value: member.monitor for member in members if member.monitor is not None}
