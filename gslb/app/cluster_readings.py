"""Metrics of the cluster, read off its state at each scrape: in a thread, so what may grow meanwhile is copied."""

import time
from collections import Counter as Multiset
from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from gslb.answer.table import AnswerTable
from gslb.app.cluster import Cluster
from gslb.transfer.account import InboundCounts
from gslb.wire.names import name_to_text


def cluster_readings(cluster: Cluster, table: AnswerTable) -> Iterator[Metric]:
    """Roles, expiry, transfers both ways, NOTIFY, and what the peers were last seen to serve."""
    role = GaugeMetricFamily("gslb_zone_role", "Always 1", labels=["zone", "role"])
    expires = GaugeMetricFamily("gslb_zone_expires_seconds", "Seconds until a secondary zone expires", labels=["zone"])
    for apex in table.zones:
        role.add_metric([name_to_text(apex), "secondary" if apex in cluster.secondaries else "primary"], 1.0)
    for apex, entry in dict(cluster.secondaries).items():
        until = entry.driver.status.expires_at
        if until is not None:
            expires.add_metric([name_to_text(apex)], max(0.0, until - time.time()))
    yield from (role, expires)
    yield from _transfers(cluster)
    yield from _peers(cluster)


def _transfers(cluster: Cluster) -> Iterator[Metric]:
    labels = ["direction", "how", "result", "zone"]
    transfers = CounterMetricFamily("gslb_transfers", "Zone transfers", labels=labels)
    octets = CounterMetricFamily(
        "gslb_transfer_octets", "Octets of zone transfers", labels=["direction", "how", "zone"]
    )
    notify = CounterMetricFamily("gslb_notify", "NOTIFY messages", labels=["direction", "result", "zone"])
    out = cluster.exchange.counts
    for (apex, how, result), times in dict(out.results).items():
        transfers.add_metric(["out", how, result, name_to_text(apex)], times)
    for (apex, how), count in dict(out.octets).items():
        octets.add_metric(["out", how, name_to_text(apex)], count)
    for (apex, result), times in dict(out.notifies).items():
        notify.add_metric(["in", result, name_to_text(apex)], times)
    for (apex, result), times in dict(cluster.notifier.results).items():
        notify.add_metric(["out", result, name_to_text(apex)], times)
    for apex, entry in dict(cluster.secondaries).items():
        came: Multiset[str] = Multiset()
        merged = dict(cluster.counts_before.get(apex, {}))
        for what, counts in dict(entry.driver.counts).items():
            merged[what] = merged.get(what, InboundCounts()) + counts
        for (how, result), counts in merged.items():
            transfers.add_metric(["in", how, result, name_to_text(apex)], counts.done)
            came[how] += counts.octets
        for how, count in came.items():
            octets.add_metric(["in", how, name_to_text(apex)], count)
    yield from (transfers, octets, notify)


def _peers(cluster: Cluster) -> Iterator[Metric]:
    reachable = GaugeMetricFamily("gslb_peer_reachable", "1 when it answered when last asked", labels=["peer", "zone"])
    serial = GaugeMetricFamily("gslb_peer_serial", "The serial it answered with", labels=["peer", "zone"])
    for (apex, name), view in cluster.peer_views.items():
        reachable.add_metric([name, name_to_text(apex)], float(view.serial is not None))
        if view.serial is not None:
            serial.add_metric([name, name_to_text(apex)], view.serial)
    yield from (reachable, serial)
