"""The demo's clock: time in which the demo could not look does not count."""

import asyncio
import time

import pytest

from gslb.demo.clock import LOOK_SECONDS, MOST_SECONDS, Clock


class Steady:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def steady():
    return Steady()


def test_it_goes_as_the_steady_clock_does_while_it_is_looked_at(steady):
    clock = Clock(steady)
    begun = clock()
    for _ in range(40):
        steady.now += LOOK_SECONDS
        clock()
    assert clock() - begun == pytest.approx(40 * LOOK_SECONDS)


def test_a_gap_counts_as_its_bound_however_long_it_was(steady):
    clock = Clock(steady)
    begun = clock()
    steady.now += MOST_SECONDS
    assert clock() - begun == pytest.approx(MOST_SECONDS)
    steady.now += 3600.0
    assert clock() - begun == pytest.approx(2 * MOST_SECONDS)
    assert clock() - begun == pytest.approx(2 * MOST_SECONDS)


def test_looking_at_it_keeps_it_going_but_for_the_time_in_which_the_loop_stands_still():
    async def run():
        clock = Clock()
        looking = asyncio.create_task(clock.look())
        begun, told = time.monotonic(), clock()
        await asyncio.sleep(4 * MOST_SECONDS)
        whole = clock() - told
        time.sleep(1.0 + MOST_SECONDS)  # noqa: ASYNC251  the loop standing still is the point
        with_pause, passed = clock() - told, time.monotonic() - begun
        looking.cancel()
        return whole, with_pause, passed

    whole, with_pause, passed = asyncio.run(run())
    assert whole > MOST_SECONDS  # one gap would be no more
    assert with_pause <= passed - 1.0
    assert with_pause >= whole
