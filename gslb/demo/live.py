"""The demo to play with: a live view on a terminal, plain lines elsewhere, until it is told to stop."""

import asyncio
import time

from rich.console import Console, RenderableType
from rich.live import Live

from gslb.demo.cluster import Cluster
from gslb.demo.control import Control
from gslb.demo.introduction import introduction
from gslb.demo.keys import keys
from gslb.demo.plan import Plan
from gslb.demo.timeline import Event
from gslb.demo.view import COMMANDS_KEY, commands_view, event_line, live_view, plain_line

_DRAW_SECONDS = 0.25
_LINE_SECONDS = 5.0


class LiveDemo:
    """Runs the cluster of a plan until it is cancelled."""

    def __init__(self, plan: Plan, console: Console) -> None:
        self._cluster = Cluster(plan, self._on_event)
        self._console = console
        self._toggling: set[asyncio.Task[None]] = set()
        self._shows_commands = False

    async def run(self) -> int:
        """Returns when cancelled only, and then nothing runs. Raises `ChildError` when something does not start."""
        try:
            self._say("starting three backends, a primary and a secondary ...")
            await self._cluster.start()
            await self._show()
        finally:
            await self._cluster.stop()
            self._say("everything is stopped")
        return 0

    async def _show(self) -> None:
        control = Control(self._cluster)
        try:
            await control.start()
            with keys(self._pressed) as have_keys:
                self._say(introduction(self._cluster.plan, keys=have_keys))
                await (self._draw(keys=have_keys) if self._console.is_terminal else self._print())
        finally:
            await control.stop()
            await self._stop_toggling()

    async def _stop_toggling(self) -> None:
        """So that nothing is started any more."""
        for task in self._toggling:
            task.cancel()
        await asyncio.gather(*self._toggling, return_exceptions=True)

    def _say(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    def _pressed(self, key: str) -> None:
        if key == COMMANDS_KEY:
            self._shows_commands = not self._shows_commands
        elif (part := self._cluster.by_key.get(key)) is not None:
            task = asyncio.create_task(self._cluster.toggle(part))
            self._toggling.add(task)
            task.add_done_callback(self._toggling.discard)

    async def _draw(self, *, keys: bool) -> None:
        def view() -> None:
            live.update(self._picture(keys=keys), refresh=True)

        with Live(console=self._console, auto_refresh=False) as live:
            while True:
                view()
                await asyncio.sleep(_DRAW_SECONDS)

    def _picture(self, *, keys: bool) -> RenderableType:
        if self._shows_commands:
            return commands_view(self._cluster.plan)
        return live_view(self._cluster, time.time(), self._console.size, keys=keys)

    async def _print(self) -> None:
        while True:
            await asyncio.sleep(_LINE_SECONDS)
            for node in self._cluster.nodes:
                self._say(plain_line(node))

    def _on_event(self, event: Event) -> None:
        """Without a live view, events are lines of their own."""
        if not self._console.is_terminal:
            self._say(event_line(event))
