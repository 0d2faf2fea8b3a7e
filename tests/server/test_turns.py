"""Turns: everybody who waits gets a step, in slices."""

import asyncio

from gslb.server.turns import SLICE_SECONDS, Turns


class Clock:
    """Every look at it takes a quarter of a slice."""

    now = 0.0

    def __call__(self) -> float:
        self.now += SLICE_SECONDS / 4
        return self.now


def worker(name: str, steps: int, done: list[str]):
    left = steps

    def step() -> bool:
        nonlocal left
        left -= 1
        done.append(name)
        return left > 0

    return step


async def after(rounds: int) -> None:
    for _ in range(rounds):
        await asyncio.sleep(0)


def test_steps_alternate_and_a_slice_ends_when_its_time_is_over() -> None:
    async def run() -> None:
        done: list[str] = []
        turns = Turns(Clock())
        turns.add(worker("a", 3, done))
        turns.add(worker("b", 2, done))
        await after(1)
        assert done == ["a", "b", "a", "b"]
        await after(1)
        assert done == ["a", "b", "a", "b", "a"]

    asyncio.run(run())


def test_one_who_is_added_twice_waits_once_and_one_who_is_removed_not_at_all() -> None:
    async def run() -> None:
        done: list[str] = []
        turns = Turns()
        first, second = worker("a", 1, done), worker("b", 1, done)
        for step in (first, first, second):
            turns.add(step)
        turns.remove(second)
        assert first in turns
        assert second not in turns
        await after(2)
        assert done == ["a"]

    asyncio.run(run())


def test_a_step_that_fails_does_not_take_the_others_turns() -> None:
    async def run() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        done: list[str] = []
        turns = Turns()

        def broken() -> bool:
            raise RuntimeError

        turns.add(broken)
        turns.add(worker("a", 2, done))
        await after(4)
        assert done == ["a", "a"]

    asyncio.run(run())
