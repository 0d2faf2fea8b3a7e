"""Every metric, in one place, and the tally that keeps counting cheap.

The transports count by appending to a list, which costs next to nothing a query; `Tally.fold` turns the list into
counters when it has grown, and before each scrape.

A node with thousands of zones has tens of thousands of series, which take tenths of a second to write. So a scrape is
of a `Scrape`: made on the event loop, it takes what is to be read at once, and is written in a thread.
"""

import contextlib
from collections import Counter as Multiset
from collections.abc import Callable, Iterable, Iterator
from functools import partial

import dns.rdatatype
from prometheus_client import CollectorRegistry, Counter, Gauge, disable_created_metrics
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from gslb import __version__
from gslb.answer.draws import Outcome
from gslb.answer.finished import Facts, Finished
from gslb.wire.codes import Rcode, type_to_text
from gslb.wire.names import name_to_text
from gslb.wire.rdata import rdata_to_text

disable_created_metrics()  # type: ignore[no-untyped-call]  # nobody asks when a counter was born

FOLD_AT = 8192
_COUNTERS_KEPT = 50_000
Counted = Finished | Facts | Outcome


class Metrics:
    """The node's counters and gauges, in a registry of its own (several nodes may live in one process)."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        counter, gauge = partial(Counter, registry=self.registry), partial(Gauge, registry=self.registry)
        self.queries = counter("gslb_queries", "Replies sent", ["transport", "type", "rcode", "zone"])
        self.answers = counter("gslb_answers", "Times a member was answered", ["owner", "type", "member"])
        self.malformed = counter(
            "gslb_malformed_packets", "Packets refused or left unanswered", ["transport", "reason"]
        )
        self.dropped = counter("gslb_dropped_replies", "Replies the kernel did not take", ["transport"])
        self.rate_limited = counter(
            "gslb_rate_limited_replies",
            "Replies over UDP above a limit of rate_limit; would_*: with log_only, when they are sent",
            ["kind", "action"],
        )
        self.rate_limited_networks = gauge("gslb_rate_limited_networks", "Networks of clients that are limited now")
        self.internal_errors = counter("gslb_internal_errors", "Faults of ours; each is answered SERVFAIL and logged")
        self.tcp_connections = gauge("gslb_tcp_connections", "TCP connections open now", ["transport"])
        self.tcp_refused = counter("gslb_tcp_refused_connections", "TCP connections closed at a limit", ["limit"])
        self.tcp_evicted = counter(
            "gslb_tcp_evicted_connections", "Idle connections closed to make room for another", ["transport"]
        )
        self.descriptors_short = gauge(
            "gslb_descriptors_short", "1 while file descriptors run out and fewer connections are taken"
        )
        self.tls_handshakes = counter("gslb_tls_handshakes", "TLS handshakes, by how they ended", ["result"])
        self.certificate_expires = gauge(
            "gslb_tls_certificate_expiry_timestamp_seconds", "Unix time at which the certificate ends", ["file"]
        )
        self.reloads = counter("gslb_reloads", "Reloads of a file", ["file", "result"])
        self.config_ok = gauge("gslb_config_ok", "1 when the file as it stands is what is served", ["file"])
        self.serial = gauge("gslb_zone_serial", "SOA serial served", ["zone"])
        self.version = gauge("gslb_build_info", "Always 1", ["version"])
        self.version.labels(__version__).set(1)
        self._describe: Callable[[], Iterable[Metric]] = tuple

    def collect_from(self, describe: Callable[[], Iterable[Metric]]) -> None:
        """Add metrics that are read off something at each scrape. `describe` is called on the event loop; the families
        that it gives may be made as they are asked for, in a thread."""
        self._describe = describe

    def scrape(self) -> "Scrape":
        """All metrics as they are now. Called on the event loop."""
        return Scrape(self.registry, self._describe())

    def forget_zone(self, zone: str, file: str) -> None:
        """A zone is served no more: what is read of it and its file now would stay as it is for ever."""
        for gauge, label in ((self.config_ok, file), (self.serial, zone)):
            with contextlib.suppress(KeyError):  # never set
                gauge.remove(label)


class Scrape(Collector):
    """What one scrape gets; may be written in a thread."""

    def __init__(self, registry: CollectorRegistry, described: Iterable[Metric]) -> None:
        self._registry = registry
        self._described = described

    def collect(self) -> Iterator[Metric]:
        yield from self._registry.collect()
        yield from self._described


class Tally:
    """What one transport counts. Append to `log`; call `fold` when it holds FOLD_AT entries."""

    def __init__(self, metrics: Metrics, transport: str) -> None:
        self.log: list[Counted] = []
        self.replies = 0
        self._metrics = metrics
        self._counters: dict[Facts, Counter] = {}
        self.transport = transport

    def fold(self) -> None:
        """Move what was logged into the counters."""
        counts = Multiset(self.log)
        self.log.clear()
        for counted, times in counts.items():
            if isinstance(counted, Outcome):
                self._metrics.answers.labels(*_member(counted)).inc(times)
            else:
                facts = counted.facts if isinstance(counted, Finished) else counted
                self.replies += times
                self._counter(facts).inc(times)

    def _counter(self, facts: Facts) -> Counter:
        """The counter of such replies. Finding it by its labels takes as long as a short reply does; the types of
        questions are the clients' choice, so there is an end to what is kept."""
        found = self._counters.get(facts)
        if found is None:
            if len(self._counters) >= _COUNTERS_KEPT:
                self._counters.clear()
            found = self._counters[facts] = self._metrics.queries.labels(self.transport, *_facts(facts))
        return found


def _facts(facts: Facts) -> tuple[str, str, str]:
    known = facts.qtype in dns.rdatatype.RdataType.__members__.values()
    qtype = type_to_text(facts.qtype) if known else "other"
    return qtype, Rcode(facts.rcode).name, facts.zone


def _member(outcome: Outcome) -> tuple[str, str, str]:
    owner, rtype = outcome.key
    return name_to_text(owner), type_to_text(rtype), rdata_to_text(rtype, outcome.value)
