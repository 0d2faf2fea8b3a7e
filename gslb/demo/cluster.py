"""The running demo: its nodes and backends, each one process, watched a few times a second.

`start` brings everything up, `stop` takes everything down, whatever state it is in. What changed is told as events.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from gslb.demo.child import ChildError
from gslb.demo.parts import Backend, DemoNode, Part
from gslb.demo.plan import Plan
from gslb.demo.timeline import Event, process_changes, status_changes

_POLL_SECONDS = 0.2
_EVENTS_KEPT = 200


class Cluster:
    """All of it. `on_event` is called with each event as it is noticed."""

    def __init__(self, plan: Plan, on_event: Callable[[Event], None]) -> None:
        self.plan = plan
        self.nodes = [DemoNode(node, plan) for node in plan.nodes]
        self.backends = {backend.number: Backend(backend, plan) for backend in plan.backends}
        self.parts: dict[str, Part] = {part.name: part for part in (*self.backends.values(), *self.nodes)}
        """All that can be killed and revived, by name."""
        self.by_key = {part.key: part for part in self.parts.values()}
        """The same, by the key of the live view."""
        self.events: deque[Event] = deque(maxlen=_EVENTS_KEPT)
        self._on_event = on_event
        self._watching: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Returns when every backend listens and every node serves. Raises `ChildError`."""
        await _together(backend.boot() for backend in self.backends.values())
        for node in self.nodes:  # in this order, so that a secondary finds its primary
            await node.start()
        self._watching = asyncio.create_task(self._watch(), name="watch the demo")

    async def stop(self) -> None:
        """Leaves no process."""
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.wait({self._watching})
        await asyncio.gather(*(node.stop() for node in self.nodes))
        await asyncio.gather(*(backend.child.stop() for backend in self.backends.values()))

    async def toggle(self, part: Part) -> None:
        """Kill what runs, revive what does not."""
        try:
            if not part.kill():
                await part.revive()
        except ChildError as error:
            self._tell("processes", str(error))

    async def _watch(self) -> None:
        pids = self._pids()
        while True:
            await asyncio.sleep(_POLL_SECONDS)
            before, pids = pids, self._pids()
            for text in process_changes(before, pids):
                self._tell("processes", text)
            await asyncio.gather(*(self._look_at(node) for node in self.nodes))

    async def _look_at(self, node: DemoNode) -> None:
        await node.poll()
        if node.status is None:
            return
        before, node.told = node.told, node.status
        if before is not None:
            for text in status_changes(before, node.told):
                self._tell(node.name, text)

    def _pids(self) -> dict[str, int | None]:
        return {part.child.name: part.child.pid for part in self.parts.values()}

    def _tell(self, where: str, text: str) -> None:
        event = Event(time.time(), where, text)
        self.events.append(event)
        self._on_event(event)


async def _together(starts: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Do them at once. Raises the first error, when all the others have ended or were cancelled."""
    try:
        async with asyncio.TaskGroup() as group:
            for start in starts:
                group.create_task(start)
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None
