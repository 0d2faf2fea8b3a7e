"""What the probes of one kind have come to, as numbers that only grow: the source of the metrics."""

from bisect import bisect_left
from dataclasses import dataclass

from gslb.health.probes import ProbeResult

LATENCY_BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds in seconds, included, of all latency buckets but the last, which has none."""


@dataclass(frozen=True, slots=True)
class ProbeCounts:
    """Probes run, and of these failed; crashed ones (a bug of ours, or something missing on this machine) are in
    neither. Latency in seconds of all that ran, failed or not: its sum, and how many fell into each bucket (not
    cumulative)."""

    run: int = 0
    failed: int = 0
    crashed: int = 0
    latency_sum: float = 0.0
    latency_buckets: tuple[int, ...] = (0,) * (len(LATENCY_BOUNDS) + 1)

    def __add__(self, other: "ProbeCounts") -> "ProbeCounts":
        return ProbeCounts(
            self.run + other.run,
            self.failed + other.failed,
            self.crashed + other.crashed,
            self.latency_sum + other.latency_sum,
            tuple(mine + theirs for mine, theirs in zip(self.latency_buckets, other.latency_buckets, strict=True)),
        )


CRASH = ProbeCounts(crashed=1)


def count(result: ProbeResult) -> ProbeCounts:
    """The counts of a single probe."""
    bucket = bisect_left(LATENCY_BOUNDS, result.latency_seconds)
    buckets = tuple(int(index == bucket) for index in range(len(LATENCY_BOUNDS) + 1))
    return ProbeCounts(1, int(not result.ok), 0, result.latency_seconds, buckets)
