import pytest

from gslb.health.counts import CRASH, LATENCY_BOUNDS, ProbeCounts, count
from gslb.health.probes import ProbeResult


def result(latency, *, ok=True):
    return ProbeResult(ok, "", latency)


@pytest.mark.parametrize(("latency", "bucket"), [(0.0, 0), (0.005, 0), (0.0051, 1), (10.0, 10), (10.1, 11)])
def test_a_latency_falls_into_the_bucket_whose_bound_includes_it(latency, bucket):
    assert count(result(latency)).latency_buckets.index(1) == bucket
    assert len(ProbeCounts().latency_buckets) == len(LATENCY_BOUNDS) + 1


def test_counts_add_up():
    total = ProbeCounts() + count(result(0.25)) + count(result(0.5, ok=False)) + CRASH
    assert (total.run, total.failed, total.crashed, total.latency_sum) == (2, 1, 1, 0.75)
    assert sum(total.latency_buckets) == 2
