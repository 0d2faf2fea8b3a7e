"""What the demo runs: backends, and nodes with the demo's own queries to them. Each is one process that can be killed,
as a crash would, and revived in its place."""

import asyncio
import time
from abc import ABC, abstractmethod
from typing import Any

from gslb.api.client import NodeUnreachableError, request
from gslb.demo.child import Child, ChildError
from gslb.demo.plan import LOOPBACK, NAME, BackendPlan, NodePlan, Plan
from gslb.demo.stream import QueryStream

QUERIES_PER_SECOND = 200.0
START_SECONDS = 20.0
"""A node has a first round of probes before it answers, of ten seconds at most."""
_STATUS_TIMEOUT_SECONDS = 2.0


class Part(ABC):
    """One process of the demo. `name` is what commands call it, `title` what people do; `key` is pressed for it."""

    def __init__(self, name: str, title: str, key: str, child: Child) -> None:
        self.name = name
        self.key = key
        self.title = title
        self.child = child
        self._reviving = asyncio.Lock()

    @abstractmethod
    async def boot(self) -> None:
        """Start the process; returns when it does its work. Raises `ChildError`."""

    def kill(self) -> bool:
        """False when it does not run."""
        return self.child.kill()

    async def revive(self) -> bool:
        """Start it again, and return when it works; False when it runs already. Raises `ChildError`."""
        async with self._reviving:
            if self.child.pid is not None:
                return False
            await self.boot()
            return True


class Backend(Part):
    """One backend."""

    def __init__(self, plan: BackendPlan, whole: Plan) -> None:
        self.plan = plan
        title = f"backend {plan.number}"
        arguments = (plan.address, str(whole.http_port))
        log = whole.logs / f"backend-{plan.number}.log"
        child = Child(f"{title} ({plan.address})", "gslb.demo.backend", arguments, log)
        super().__init__(str(plan.number), title, str(plan.number), child)

    async def boot(self) -> None:
        await self.child.start(speaks=True)


class DemoNode(Part):
    """One node: its process, the demo's queries to it, and what it last said of itself."""

    def __init__(self, plan: NodePlan, whole: Plan) -> None:
        child = Child(plan.name, "gslb.cli", ("serve", "-c", str(plan.config)), whole.logs / f"{plan.name}.log")
        super().__init__(plan.name, f"the {plan.name}", plan.key, child)
        self.plan = plan
        self.server = (LOOPBACK, plan.dns_port)
        self.stream = QueryStream(self.server, NAME, QUERIES_PER_SECOND)
        self.status: dict[str, Any] | None = None
        """What it said last; None while it starts."""
        self.told: dict[str, Any] | None = None
        """The status whose changes have been told as events."""
        self.replies_per_second = 0.0
        self._replies = (0.0, 0)

    async def start(self) -> None:
        """Returns when it serves and the stream runs. Raises `ChildError`."""
        await self.boot()
        await self.stream.start()

    async def boot(self) -> None:
        self.status = None
        await self.child.start()
        try:
            async with asyncio.timeout(START_SECONDS):
                while not await self._serves():  # noqa: ASYNC110  it is another process that comes up
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise ChildError(f"{self.plan.name} does not serve after {START_SECONDS:g} s") from None

    async def _serves(self) -> bool:
        if self.child.pid is None:
            raise ChildError(f"{self.plan.name} did not start ({self.child.how_it_ended}): {self.child.last_words()}")
        await self.poll()
        return self.status is not None and bool(self.status["listen"])

    async def poll(self) -> None:
        """Ask it for its status; one that does not answer keeps what it said last."""
        try:
            status = await self.ask("/status", _STATUS_TIMEOUT_SECONDS)
        except NodeUnreachableError:
            return
        self.status = status
        self._count_replies(time.monotonic(), status["replies"])

    async def troubles(self) -> list[str]:
        """What `gslb cluster status` finds not well on this node, itself included."""
        try:
            return list((await self.ask("/cluster"))["troubles"])
        except NodeUnreachableError as error:
            return [str(error)]

    async def ask(self, path: str, timeout_seconds: float = 10.0) -> dict[str, Any]:
        """What the commands ask. Raises `NodeUnreachableError`."""
        return await request(self.plan.state_dir, "GET", path, timeout_seconds=timeout_seconds)

    @property
    def serial(self) -> int | None:
        """The serial it serves; None before it has one."""
        serial: int | None = self.status["zones"][0]["serial"] if self.status is not None else None
        return serial

    def _count_replies(self, now: float, replies: int) -> None:
        then, before = self._replies
        if now - then >= 1 or replies < before:
            self.replies_per_second = max(0, replies - before) / (now - then) if then else 0.0
            self._replies = (now, replies)

    async def stop(self) -> None:
        await self.stream.stop()
        await self.child.stop()
