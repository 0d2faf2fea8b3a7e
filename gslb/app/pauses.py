"""Keeping Python itself from holding up answers.

Two things stop every thread of an interpreter. Its collector of cycles looks at all objects of a generation in one go:
with zones of 100,000 names a pass over everything takes a good part of a second, and allocating a zone sets off
several. And a thread that computes gives the others a turn only so often.

What zones are made of has no cycles: it goes when its last reference does. So young objects are collected as ever, in
steps of about a millisecond; passes over the old ones happen when `Pauses` says so, and what a large zone brought is
set aside (`gc.freeze`) before one comes. Cycles among what was set aside are looked for when it has doubled. And a
thread that loads a zone yields to queries ten times as often as Python's default has it.
"""

import asyncio
import gc
import sys

LARGE = 2_000
"""Owners of a zone from which on its objects are set aside."""
TIDY_SECONDS = 600.0
_YOUNG, _MIDDLE_ROUNDS, _NEVER = 700, 10, 1_000_000_000
_YIELD_SECONDS = 0.0005
_LEAST_DOUBLING = 200_000
"""Objects set aside for which a pass over all of them is worth while."""


class Pauses:
    """Make one when the process starts; `begin` when it is ready to answer."""

    def __init__(self) -> None:
        self._after_last_pass = 0

    def set_up(self) -> None:
        """Settings of the interpreter: from here on nothing old is collected but by `begin` and `tidy`."""
        gc.set_threshold(_YOUNG, _MIDDLE_ROUNDS, _NEVER)
        sys.setswitchinterval(_YIELD_SECONDS)

    def begin(self) -> None:
        """Collect everything, and set aside what stays."""
        gc.unfreeze()
        gc.collect()
        gc.freeze()
        self._after_last_pass = gc.get_freeze_count()

    def tidy(self) -> None:
        """Collect what came since, or everything when that has become twice as much."""
        if gc.get_freeze_count() > 2 * self._after_last_pass + _LEAST_DOUBLING:
            self.begin()
            return
        gc.collect()
        gc.freeze()

    async def keep_tidy(self) -> None:
        """Tidy now and then, until cancelled."""
        while True:
            await asyncio.sleep(TIDY_SECONDS)
            self.tidy()


def set_aside(owners: int) -> None:
    """Keep the collector off the objects of a zone of so many owners that was just made; small ones are left to it."""
    if owners >= LARGE:
        gc.freeze()
