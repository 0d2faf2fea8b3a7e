"""Metrics that are read off the node's state at each scrape, rather than counted as things happen.

What may change is taken at once, on the event loop; the families are made of it as they are asked for, in a thread.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate, chain

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from gslb.answer.table import AnswerTable
from gslb.app.zones import FAILED, FROM_FILE, ZoneEntry, Zones
from gslb.health.counts import LATENCY_BOUNDS, ProbeCounts
from gslb.health.service import HealthService
from gslb.health.supervisor import ProberStatus
from gslb.steering.conditions import Conditions, Health
from gslb.wire.codes import type_to_text
from gslb.wire.names import name_to_text
from gslb.wire.rdata import rdata_to_text

_HEALTH_VALUES = {Health.DOWN: 0.0, Health.UP: 1.0, Health.UNKNOWN: 0.5}


def readings(zones: Zones, table: AnswerTable, health: HealthService) -> Iterator[Metric]:
    """Members, degraded names, zones and the prober as they are now."""
    return chain(
        _members(table, health.conditions),
        _degraded(table),
        _served(list(zones.entries.values())),
        _prober(health.prober, health.counts),
    )


def _degraded(table: AnswerTable) -> Iterator[Metric]:
    degraded = GaugeMetricFamily(
        "gslb_steering_degraded", "1 when the first pool does not answer as configured", labels=["owner", "type"]
    )
    for key, draw in table.draws.items():
        degraded.add_metric([name_to_text(key[0]), type_to_text(key[1])], float(bool(draw.selection.degraded)))
    yield degraded


def _served(entries: Sequence[ZoneEntry]) -> Iterator[Metric]:
    served = GaugeMetricFamily(
        "gslb_zone_served", "2: as in its file; 1: the last good version; 0: nothing (SERVFAIL)", labels=["zone"]
    )
    for entry in entries:
        served.add_metric([entry.text], {FROM_FILE: 2.0, FAILED: 0.0}.get(entry.served_from, 1.0))
    yield served


def _members(table: AnswerTable, conditions: Conditions) -> Iterator[Metric]:
    labels = ["owner", "type", "pool", "member"]
    state = GaugeMetricFamily("gslb_member_up", "Health: 1 up, 0 down, 0.5 unknown", labels=labels)
    available = GaugeMetricFamily("gslb_member_available", "1 when it may be answered", labels=labels)
    share = GaugeMetricFamily("gslb_member_share", "Share of first answers now, 0 to 1", labels=labels)
    reason = GaugeMetricFamily(
        "gslb_member_reason", "Always 1; why the state is what it is", labels=[*labels, "reason"]
    )
    for key, draw in table.draws.items():
        shares = draw.shares()
        for pool in draw.selection.steered.pools:
            chosen = pool.name == draw.selection.pool
            for member in pool.members:
                found = conditions.state_of(key, member)
                where = [name_to_text(key[0]), type_to_text(key[1]), pool.name, rdata_to_text(key[1], member.value)]
                state.add_metric(where, _HEALTH_VALUES[found.health])
                available.add_metric(where, float(found.available))
                share.add_metric(where, shares.get(member.value, 0.0) if chosen else 0.0)
                reason.add_metric([*where, found.reason], 1.0)
    yield from (state, available, share, reason)


def _prober(status: ProberStatus, by_kind: Mapping[str, ProbeCounts]) -> Iterator[Metric]:
    up = GaugeMetricFamily("gslb_prober_up", "1 while the prober process runs")
    up.add_metric([], float(status.state == "running"))
    restarts = CounterMetricFamily("gslb_prober_restarts", "Times the prober process had to be started anew")
    restarts.add_metric([], status.restarts)
    probes = CounterMetricFamily("gslb_probes", "Probes run", labels=["probe", "result"])
    latency = HistogramMetricFamily("gslb_probe_latency_seconds", "Latency of probes", labels=["probe"])
    for kind, counts in by_kind.items():
        probes.add_metric([kind, "ok"], counts.run - counts.failed)
        probes.add_metric([kind, "failed"], counts.failed)
        probes.add_metric([kind, "crashed"], counts.crashed)
        bounds = [*(str(bound) for bound in LATENCY_BOUNDS), "+Inf"]
        buckets = list(zip(bounds, accumulate(counts.latency_buckets), strict=True))
        latency.add_metric([kind], buckets, counts.latency_sum)
    yield from (up, restarts, probes, latency)
