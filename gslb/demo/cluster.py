"""The running demo: its nodes and backends, each one process, watched a few times a second.

`start` brings everything up, `stop` takes everything down, whatever state it is in. What changed is told as events.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from gslb.api.client import NodeUnreachableError, request
from gslb.demo.child import Child, ChildError
from gslb.demo.plan import LOOPBACK, NAME, BackendPlan, NodePlan, Plan
from gslb.demo.stream import QueryStream
from gslb.demo.timeline import Event, process_changes, status_changes

QUERIES_PER_SECOND = 200.0
START_SECONDS = 20.0
"""A node has a first round of probes before it answers, of ten seconds at most."""
_POLL_SECONDS = 0.2
_STATUS_TIMEOUT_SECONDS = 2.0
_EVENTS_KEPT = 200


class Backend:
    """One backend and its process."""

    def __init__(self, plan: BackendPlan, whole: Plan) -> None:
        self.plan = plan
        log = whole.folder / "logs" / f"backend-{plan.number}.log"
        self.child = Child(
            f"backend {plan.number} ({plan.address})",
            "gslb.demo.backend",
            (plan.address, str(whole.http_port)),
            log,
        )

    async def start(self) -> None:
        await self.child.start(speaks=True)


class DemoNode:
    """One node: its process, the demo's queries to it, and what it last said of itself."""

    def __init__(self, plan: NodePlan) -> None:
        self.plan = plan
        self.child = Child(plan.name, "gslb.cli", ("serve", "-c", str(plan.config)), plan.log)
        self.server = (LOOPBACK, plan.dns_port)
        self.stream = QueryStream(self.server, NAME, QUERIES_PER_SECOND)
        self.status: dict[str, Any] | None = None
        self.told: dict[str, Any] | None = None
        """The status whose changes have been told as events."""
        self.replies_per_second = 0.0
        self._replies = (0.0, 0)

    async def start(self) -> None:
        """Returns when it serves and the stream runs. Raises `ChildError`."""
        await self.child.start()
        try:
            async with asyncio.timeout(START_SECONDS):
                while not await self._serves():  # noqa: ASYNC110  it is another process that comes up
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise ChildError(f"{self.plan.name} does not serve after {START_SECONDS:g} s") from None
        await self.stream.start()

    async def _serves(self) -> bool:
        if self.child.pid is None:
            raise ChildError(f"{self.plan.name} did not start ({self.child.how_it_ended}): {self.child.last_words()}")
        await self.poll()
        return self.status is not None and bool(self.status["listen"])

    async def poll(self) -> None:
        """Ask it for its status; one that does not answer keeps what it said last."""
        try:
            status = await request(self.plan.state_dir, "GET", "/status", timeout_seconds=_STATUS_TIMEOUT_SECONDS)
        except NodeUnreachableError:
            return
        self.status = status
        self._count_replies(time.monotonic(), status["replies"])

    def _count_replies(self, now: float, replies: int) -> None:
        then, before = self._replies
        if now - then >= 1 or replies < before:
            self.replies_per_second = max(0, replies - before) / (now - then) if then else 0.0
            self._replies = (now, replies)

    async def stop(self) -> None:
        await self.stream.stop()
        await self.child.stop()


class Cluster:
    """All of it. `on_event` is called with each event as it is noticed."""

    def __init__(self, plan: Plan, on_event: Callable[[Event], None]) -> None:
        self.plan = plan
        self.nodes = [DemoNode(node) for node in plan.nodes]
        self.backends = {backend.number: Backend(backend, plan) for backend in plan.backends}
        self.events: deque[Event] = deque(maxlen=_EVENTS_KEPT)
        self._on_event = on_event
        self._watching: asyncio.Task[None] | None = None
        self._reviving = asyncio.Lock()

    async def start(self) -> None:
        """Returns when every backend listens and every node serves. Raises `ChildError`."""
        await _together(backend.start() for backend in self.backends.values())
        await _together(node.start() for node in self.nodes)
        self._watching = asyncio.create_task(self._watch(), name="watch the demo")

    async def stop(self) -> None:
        """Leaves no process."""
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.wait({self._watching})
        await asyncio.gather(*(node.stop() for node in self.nodes))
        await asyncio.gather(*(backend.child.stop() for backend in self.backends.values()))

    def kill(self, number: int) -> bool:
        """Kill a backend; False when it does not run."""
        return self.backends[number].child.kill()

    async def revive(self, number: int) -> bool:
        """Start a backend again, and return when it listens; False when it runs already. Raises `ChildError`."""
        async with self._reviving:
            backend = self.backends[number]
            if backend.child.pid is not None:
                return False
            await backend.start()
            return True

    async def toggle(self, number: int) -> None:
        """Kill a backend that runs, revive one that does not."""
        try:
            if not self.kill(number):
                await self.revive(number)
        except ChildError as error:
            self._tell("backends", str(error))

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
        before, node.told = node.told, node.status
        if before is not None and node.told is not None:
            for text in status_changes(before, node.told):
                self._tell(node.plan.name, text)

    def _pids(self) -> dict[str, int | None]:
        children = [*(node.child for node in self.nodes), *(backend.child for backend in self.backends.values())]
        return {child.name: child.pid for child in children}

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
