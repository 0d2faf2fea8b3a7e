"""The clock of the demo: seconds that do not pass while the machine lets the demo wait.

What the story measures it sees from one event loop. Where that stands still, because the machine is busy or was
suspended, it sees nothing, and the nodes most likely stood still with it: such time is nobody's delay. So time counts
only as long as the clock is looked at, and a gap between two looks is `MOST_SECONDS` at most. `look` is a task that
looks at it often enough, whatever else happens.
"""

import asyncio
import time
from collections.abc import Callable

LOOK_SECONDS = 0.05
MOST_SECONDS = 0.25
"""A gap that an ordinary load makes now and then counts in full."""


class Clock:
    """Called, it tells the time: it never goes back, and is no slower than `steady` while it is looked at."""

    def __init__(self, steady: Callable[[], float] = time.monotonic) -> None:
        self._steady = steady
        self._looked = steady()
        self._told = self._looked

    def __call__(self) -> float:
        looked = self._steady()
        self._told += min(looked - self._looked, MOST_SECONDS)
        self._looked = looked
        return self._told

    async def look(self) -> None:
        """Look at it, for ever."""
        while True:
            self()
            await asyncio.sleep(LOOK_SECONDS)


now = Clock()
"""What everything in the demo that is compared with a time looks at."""
