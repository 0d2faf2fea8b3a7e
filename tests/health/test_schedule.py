from itertools import pairwise

import pytest

from gslb.health.schedule import MAX_JITTER, Grid, Schedule
from gslb.zone.steered import Monitor


def monitor(name="a", interval=10.0, timeout=2.0):
    return Monitor("tcp", name, '{"port":1}', interval, timeout, 2, 3)


@pytest.mark.parametrize(
    ("now", "draw", "due"),
    [
        (103.0, 0, 110.0),
        (103.0, 1, 110.0 + MAX_JITTER),
        (109.999, 0.5, 110.0 + MAX_JITTER / 2),
        (110.1, 0, 120.0),
        (99.0, 0, 100.0),
        (100.0 + 3600.5, 0, 3710.0),
    ],
)
def test_the_next_due_time_is_the_next_point_of_the_grid_and_a_draw_of_jitter(now, draw, due):
    assert Grid(100.0, 10.0).next_due(now, draw) == pytest.approx(due)


def test_jitter_is_a_tenth_of_a_short_interval():
    assert Grid(0.0, 1.0).next_due(0.5, 1) == pytest.approx(1.1)


def test_monitors_without_a_verdict_are_due_at_once_the_shortest_timeout_first():
    schedule = Schedule(0.5)
    slow, quick, known = monitor("slow", timeout=5), monitor("quick", timeout=1), monitor("known")
    schedule.add([slow, quick, known], 100.0, known=[known.key])
    assert schedule.take_due(100.0) == [quick.key, slow.key]
    assert 100.0 < schedule.next_due() <= 110.0


def test_a_monitor_is_not_due_again_before_its_probe_is_over():
    schedule = Schedule(0.5)
    one = monitor()
    schedule.add([one], 0.0, known=[])
    assert schedule.take_due(0.0) == [one.key]
    assert schedule.take_due(1000.0) == []
    schedule.finished(one, 1000.0, 0)
    assert 1000.0 < schedule.next_due() <= 1010.0


def drive(schedule, monitors, until, latency, step=0.01):
    """Probe whatever is due, each taking `latency`; the times at which each key was taken."""
    by_key = {one.key: one for one in monitors}
    taken, running, now = {key: [] for key in by_key}, [], 0.0
    while now < until:
        for end, key in [entry for entry in running if entry[0] <= now]:
            running.remove((end, key))
            schedule.finished(by_key[key], now, 0.5)
        for key in schedule.take_due(now):
            taken[key].append(now)
            running.append((now + latency, key))
        now += step
    return taken


def test_the_length_of_a_probe_adds_no_drift():
    schedule, one = Schedule(0.5), monitor(interval=5.0)
    schedule.add([one], 0.0, known=[])
    times = drive(schedule, [one], 200.0, latency=1.3)[one.key]
    gaps = [after - before for before, after in pairwise(times[1:])]
    assert gaps == [pytest.approx(5.0, abs=0.02)] * len(gaps)
    assert 40 <= len(times) <= 41


def test_the_gap_between_probes_is_at_most_the_interval_and_the_jitter():
    schedule, monitors = Schedule(0.1), [monitor(str(n), interval=5.0) for n in range(20)]
    schedule.add(monitors, 0.0, known=[])
    for times in drive(schedule, monitors, 60.0, latency=0.02).values():
        assert max(after - before for before, after in pairwise(times)) <= 5.0 + MAX_JITTER + 0.02


@pytest.mark.parametrize("start", [0.0, 0.3, 0.99])
@pytest.mark.parametrize("count", [3, 10, 100, 500])
def test_after_the_first_round_probes_are_spread_over_the_interval(start, count):
    schedule, monitors = Schedule(start), [monitor(str(n)) for n in range(count)]
    schedule.add(monitors, 0.0, known=[])
    schedule.take_due(0.0)
    for one in monitors:
        schedule.finished(one, 0.001, 0)
    tenths = [len(schedule.take_due(now + 0.01)) for now in range(1, 11)]
    assert sum(tenths) == count
    assert max(tenths) <= count / 10 + 2


def test_a_monitor_added_later_is_spread_too():
    schedule, monitors = Schedule(0.0), [monitor(str(n)) for n in range(50)]
    for one in monitors:
        schedule.add([one], 0.0, known=[one.key])
    assert max(len(schedule.take_due(now)) for now in range(1, 11)) <= 7


def test_a_stop_of_the_process_is_not_caught_up():
    schedule, monitors = Schedule(0.0), [monitor(str(n)) for n in range(100)]
    schedule.add(monitors, 0.0, known=[one.key for one in monitors])
    assert schedule.take_due(3600.0) == []
    tenths = [len(schedule.take_due(3600.0 + now)) for now in range(1, 11)]
    assert sum(tenths) == 100
    assert max(tenths) <= 12


def test_a_due_time_missed_by_less_than_half_the_interval_is_still_used():
    schedule, one = Schedule(0.5), monitor()
    schedule.add([one], 0.0, known=[one.key])
    due = schedule.next_due()
    assert schedule.take_due(due + 4.9) == [one.key]


def test_a_first_probe_is_never_skipped():
    schedule, one = Schedule(0.5), monitor()
    schedule.add([one], 0.0, known=[])
    assert schedule.take_due(60.0) == [one.key]


def test_a_removed_monitor_is_never_due_even_if_its_probe_was_running():
    schedule, waiting, running = Schedule(0.5), monitor("waiting"), monitor("running")
    schedule.add([running], 0.0, known=[])
    schedule.take_due(0.0)
    schedule.add([waiting], 0.0, known=[])
    for one in (waiting, running):
        schedule.remove(one.key)
    schedule.finished(running, 1.0, 0)
    assert schedule.next_due() is None
    assert schedule.take_due(1000.0) == []


def test_a_monitor_that_went_and_came_back_is_due_once():
    schedule, one = Schedule(0.5), monitor()
    schedule.add([one], 0.0, known=[])
    schedule.remove(one.key)
    schedule.add([one], 0.0, known=[])
    assert schedule.take_due(0.0) == [one.key]
