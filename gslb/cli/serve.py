"""`gslb serve`: run a node until it is told to stop."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import structlog

from gslb.app.logs import set_up_logging
from gslb.app.loop_errors import LoopErrors
from gslb.app.node import Node, StartError
from gslb.app.pauses import Pauses
from gslb.app.sd_notify import Notifier
from gslb.config.node import load_node
from gslb.config.problems import ConfigError


def serve(config_path: Path) -> int:
    """Exit code 0 after a stop that was asked for, 1 when it cannot start, 2 when the configuration is wrong."""
    try:
        config = load_node(config_path)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 2
    set_up_logging(config.log_format, config.log_level)
    runner = asyncio.Runner(loop_factory=loop_factory())
    with runner:
        try:
            return runner.run(_serve(Node(config)))
        except StartError as error:
            print(f"gslb: {error}", file=sys.stderr)
            return 1


def loop_factory() -> "type[asyncio.AbstractEventLoop] | None":
    """Uvloop's where it is installed, else asyncio's own."""
    try:
        import uvloop  # noqa: PLC0415  optional: gslb works without it
    except ImportError:
        return None
    return uvloop.Loop


class _Reloads:
    """What SIGHUP asks for. A reload waits until the node has started; the service manager is told of one, and when
    the last is over. `serving` is True while the node is ready for it."""

    def __init__(self, node: Node, starting: asyncio.Task[None], stop: asyncio.Event, notifier: Notifier) -> None:
        self.serving = False
        self._node = node
        self._starting = starting
        self._stop = stop
        self._notifier = notifier
        self._under_way: set[asyncio.Task[None]] = set()

    def begin(self) -> None:
        if self._starting.done():
            self._notifier.reloading()
        task = asyncio.create_task(self._once_started())
        self._under_way.add(task)
        task.add_done_callback(self._over)

    async def _once_started(self) -> None:
        await asyncio.wait({self._starting})
        if not self._starting.cancelled() and self._starting.exception() is None:
            await self._node.reload()

    def _over(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        if not self._under_way and not self._stop.is_set() and self.serving:
            self._notifier.ready(_summary(self._node))


async def _serve(node: Node) -> int:
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(LoopErrors())
    stop = asyncio.Event()
    notifier = Notifier(os.environ)
    pauses = Pauses()
    pauses.set_up()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    notifier.starting("loading zones, then the first round of probes")
    starting = asyncio.create_task(node.start())
    reloads = _Reloads(node, starting, stop, notifier)
    loop.add_signal_handler(signal.SIGHUP, reloads.begin)  # from now on: without a handler it ends the process
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if not starting.done():
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        await node.stop()
        return 0
    if starting.exception() is not None:
        stopping.cancel()
    await starting
    pauses.begin()
    notifier.ready(_summary(node))
    reloads.serving = True
    beats = asyncio.create_task(notifier.keep_alive(lambda: _summary(node)))
    tidying = asyncio.create_task(pauses.keep_tidy())
    await stopping
    structlog.get_logger("gslb").info("stopping")
    notifier.stopping()
    beats.cancel()
    tidying.cancel()
    await node.stop()
    return 0


def _summary(node: Node) -> str:
    """The node in one line, for `systemctl status`."""
    tables = node.table.zones.values()
    failed = sum(table is None for table in tables)
    zones = f"serving {len(tables) - failed} zone{'s' if len(tables) - failed != 1 else ''}"
    return f"{zones}; {failed} without a version to serve (gslb status says why)" if failed else zones
