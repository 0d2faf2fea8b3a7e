"""What a scrape gets, and that queries need not wait for it."""

import asyncio
import threading
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from aiohttp.test_utils import TestClient, TestServer
from prometheus_client.core import GaugeMetricFamily, Metric

from gslb import metrics as module
from gslb.answer.finished import Facts
from gslb.answer.table import AnswerTable
from gslb.api.monitoring import monitoring_app
from gslb.app.readings import readings
from gslb.app.zones import FAILED
from gslb.metrics import Metrics, Tally
from gslb.steering.conditions import Conditions


def scraped(metrics: Metrics) -> str:
    async def run() -> str:
        async with TestClient(TestServer(monitoring_app(metrics, lambda: None, list))) as client:
            return await (await client.get("/metrics")).text()

    return asyncio.run(run())


def test_what_is_read_is_taken_at_once_and_written_in_a_thread() -> None:
    threads = []

    def families() -> Iterator[Metric]:
        threads.append(threading.current_thread())
        family = GaugeMetricFamily("gslb_told", "A reading", labels=["zone"])
        family.add_metric(["x.example."], 7.0)
        yield family

    def describe() -> Iterator[Metric]:
        threads.append(threading.current_thread())
        return families()

    metrics = Metrics()
    metrics.collect_from(describe)
    text = scraped(metrics)
    assert 'gslb_told{zone="x.example."} 7.0\n' in text
    assert "gslb_build_info{" in text
    taken, written = threads
    assert taken is threading.main_thread()
    assert written is not threading.main_thread()


def entry(zone: str) -> SimpleNamespace:
    return SimpleNamespace(text=zone, served_from=FAILED)


def test_zones_that_come_while_a_scrape_is_written_are_in_the_next() -> None:
    health = SimpleNamespace(conditions=Conditions(), prober=SimpleNamespace(state="running", restarts=0), counts={})
    zones = SimpleNamespace(entries={b"a": entry("a."), b"b": entry("b.")})
    found = readings(zones, AnswerTable(), health)
    first = next(found)
    zones.entries |= {bytes([number]): entry(f"{number}.") for number in range(50)}
    told = {family.name: len(family.samples) for family in (first, *found)}
    assert told["gslb_zone_served"] == 2


REPLIES = [Facts(zone, qtype, rcode) for zone in ("a.", "b.") for qtype in (1, 28, 4711, 4712) for rcode in (0, 3)]


@pytest.mark.parametrize("most", [1, 3, 50_000])
def test_replies_are_counted_by_what_they_say(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    monkeypatch.setattr(module, "_COUNTERS_KEPT", most)
    metrics = Metrics()
    tallies = [Tally(metrics, transport) for transport in ("udp", "tcp")]
    for tally in tallies:
        for _ in range(3):
            tally.log += REPLIES
            tally.fold()
        assert tally.replies == 3 * len(REPLIES)

    def told(transport: str, kind: str, rcode: str, zone: str) -> float | None:
        labels = {"transport": transport, "type": kind, "rcode": rcode, "zone": zone}
        return metrics.registry.get_sample_value("gslb_queries_total", labels)

    for transport in ("udp", "tcp"):
        assert told(transport, "A", "NOERROR", "a.") == told(transport, "AAAA", "NXDOMAIN", "b.") == 3
        assert told(transport, "other", "NXDOMAIN", "a.") == 6
