"""Turns on the event loop for connections: whoever has work waits in one queue, and takes one step at a time.

A client may send thousands of queries in one segment, and a thousand clients may shake hands at once. Done as they
come, that would hold up everything else the loop does, UDP first of all. So work is done in slices of a millisecond:
a step for each of those who wait, in their order, until the slice is over; then the loop looks at its sockets.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable

SLICE_SECONDS = 0.001
"""What a UDP query waits at most because of connections, but for the step that ends the slice."""

Step = Callable[[], bool]
"""Does a little; True when there is more to do at once. Must not raise."""


class Turns:
    """One queue for all connections of a node. `clock` gives seconds."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._waiting: OrderedDict[Step, None] = OrderedDict()
        self._coming = False
        self._clock = clock

    def __contains__(self, step: Step) -> bool:
        return step in self._waiting

    def add(self, step: Step) -> None:
        """Let `step` be taken when it is its turn; it waits once, however often it is added."""
        self._waiting[step] = None
        self._come()

    def remove(self, step: Step) -> None:
        self._waiting.pop(step, None)

    def _come(self) -> None:
        if not self._coming:
            self._coming = True
            asyncio.get_running_loop().call_soon(self._slice)

    def _slice(self) -> None:
        self._coming = False
        end = self._clock() + SLICE_SECONDS
        try:
            while self._waiting:
                step, _ = self._waiting.popitem(last=False)
                if step():
                    self._waiting[step] = None
                if self._clock() >= end:
                    break
        finally:
            if self._waiting:
                self._come()
