"""The prober: a process of its own that runs the probes, so that answering shares no event loop and no GIL with them.

`python -m gslb.health.prober CONCURRENCY` reads the wanted monitors on stdin and writes reports on stdout (see
`protocol`); what goes wrong inside it is a JSON line on stderr. It ends when stdin does, so it never outlives its
node, however that died. Equal monitors are one probe. At most CONCURRENCY probes run at a time; the others wait
in the order in which they were due.

A probe that raises says nothing about the target, whose verdict stays; it is counted and logged: a bug of ours once for
each monitor, what is missing on this machine once until a probe that lacked it has run again.
"""

import asyncio
import contextlib
import json
import os
import random
import signal
import sys
import time
import traceback
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from gslb.health.counts import CRASH, count
from gslb.health.hysteresis import Track, step, unknown
from gslb.health.probes import PROBES, ProbeImpossibleError, ProbeResult
from gslb.health.protocol import LINE_LIMIT, Watch, parse_watch
from gslb.health.reporter import Reporter
from gslb.health.schedule import Schedule
from gslb.steering.conditions import Health
from gslb.zone.steered import Monitor

try:
    import uvloop
except ImportError:  # the standard loop does as well, only slower
    new_event_loop = asyncio.new_event_loop
else:
    new_event_loop = uvloop.new_event_loop

RESOLVER_THREADS = 64
"""Look-ups of target names that may hang at a time, before further names wait."""


@dataclass(slots=True)
class Watched:
    """A monitor at work, and the task of its probe, waiting, running or over. `lacks`: why the last probe was not
    possible on this machine, "" if it was."""

    monitor: Monitor
    track: Track | None
    task: asyncio.Task[None] | None = None
    crashed: bool = False
    lacks: str = ""


class Prober:
    """Probes what it is told to watch and tells the reporter. `draw` gives random numbers from 0 to 1."""

    def __init__(
        self, reporter: Reporter, concurrency: int, draw: Callable[[], float], clock: Callable[[], float]
    ) -> None:
        self._reporter = reporter
        self._slots = asyncio.Semaphore(concurrency)
        self._draw = draw
        self._clock = clock
        self._schedule = Schedule(draw())
        self._watched: dict[str, Watched] = {}
        self._woken = asyncio.Event()
        self._lacks_told: set[str] = set()

    def watch(self, watch: Watch) -> None:
        """Watch exactly these monitors from now on."""
        wanted = {monitor.key: monitor for monitor in watch}
        for key in self._watched.keys() - wanted.keys():
            self._drop(key)
        added = [wanted[key] for key in wanted.keys() - self._watched.keys()]
        for monitor in added:
            self._watched[monitor.key] = Watched(monitor, watch[monitor])
        known = [monitor.key for monitor in added if _is_known(watch[monitor])]
        self._schedule.add(sorted(added, key=lambda monitor: monitor.key), _now(), known)
        self._woken.set()

    async def run(self) -> None:
        """Probe, for ever."""
        while True:
            self._woken.clear()
            for key in self._schedule.take_due(_now()):
                watched = self._watched[key]
                watched.task = asyncio.create_task(self._probe(watched), name=f"probe {key}")
            await self._next_due()

    async def _next_due(self) -> None:
        due = self._schedule.next_due()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(due):
                await self._woken.wait()

    def _drop(self, key: str) -> None:
        task = self._watched.pop(key).task
        if task is not None:
            task.cancel()
        self._schedule.remove(key)
        self._reporter.forget(key)

    async def _probe(self, watched: Watched) -> None:
        """One probe from queue to verdict. Cancelled when its monitor goes, and then it leaves no trace."""
        async with self._slots:
            try:
                result = await _attempt(watched.monitor)
            except ProbeImpossibleError as error:
                self._note_impossible(watched, str(error))
            except Exception as error:  # noqa: BLE001 - a bug of one probe must not stop the others
                self._note_crash(watched, error)
            else:
                self._note(watched, result)
        self._schedule.finished(watched.monitor, _now(), self._draw())
        self._woken.set()

    def _note(self, watched: Watched, result: ProbeResult) -> None:
        monitor, before = watched.monitor, watched.track
        self._lacks_told.discard(watched.lacks)
        watched.lacks = ""
        watched.track = step(before, result, self._clock(), monitor.rise, monitor.fall)
        changed = before is None or before.verdict.health is not watched.track.verdict.health
        self._reporter.tell(monitor.key, watched.track, changed=changed)
        self._reporter.count(monitor.probe, count(result))

    def _note_impossible(self, watched: Watched, lacks: str) -> None:
        """Members share what is missing here, so it is told once for all of them."""
        self._note_nothing(watched, f"cannot be probed: {lacks}")
        watched.lacks = lacks
        if lacks not in self._lacks_told:
            self._lacks_told.add(lacks)
            _log("probe_impossible", monitor=watched.monitor.key, error=lacks, meanwhile="the last verdicts stay")

    def _note_crash(self, watched: Watched, error: Exception) -> None:
        self._note_nothing(watched, f"the probe itself failed, a bug: {error!r}")
        if not watched.crashed:
            watched.crashed = True
            _log("probe_crashed", monitor=watched.monitor.key, error=repr(error), traceback=traceback.format_exc())

    def _note_nothing(self, watched: Watched, why: str) -> None:
        """A probe that found nothing out."""
        self._reporter.count(watched.monitor.probe, CRASH)
        if not _is_known(watched.track):
            watched.track = unknown(self._clock(), why)
            self._reporter.tell(watched.monitor.key, watched.track, changed=True)


async def _attempt(monitor: Monitor) -> ProbeResult:
    """Options are read here, for each probe, so that any that cannot be read stop this monitor only."""
    probe = PROBES[monitor.probe]
    return await probe.run(monitor.target, probe.options.model_validate_json(monitor.options), monitor.timeout_seconds)


def _is_known(track: Track | None) -> bool:
    return track is not None and track.verdict.health is not Health.UNKNOWN


def _now() -> float:
    return asyncio.get_running_loop().time()


def _log(event: str, **fields: Any) -> None:
    sys.stderr.write(json.dumps({"event": event, **fields}) + "\n")
    sys.stderr.flush()


async def serve(concurrency: int) -> None:
    """Work on stdin and stdout. Returns when stdin ends."""
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(RESOLVER_THREADS))
    commands = asyncio.StreamReader(limit=LINE_LIMIT)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    reporter = Reporter(await _report_writer(loop))
    prober = Prober(reporter, concurrency, random.random, time.time)
    obeying = asyncio.create_task(_obey(commands, prober))
    work = {asyncio.create_task(prober.run()), asyncio.create_task(reporter.run())}
    done, _ = await asyncio.wait({obeying, *work}, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()  # raises what ended it, if that was not the end of stdin


async def _obey(commands: asyncio.StreamReader, prober: Prober) -> None:
    with contextlib.suppress(ConnectionError):
        while line := await commands.readline():
            prober.watch(parse_watch(line))


async def _report_writer(loop: asyncio.AbstractEventLoop) -> Callable[[bytes], Awaitable[None]]:
    """Stdout becomes ours alone: what else is printed goes to stderr."""
    pipe = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    transport, protocol = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, pipe)
    writer = asyncio.StreamWriter(transport, protocol, None, loop)

    async def write(line: bytes) -> None:
        writer.write(line)
        await writer.drain()

    return write


def main() -> None:
    # Ctrl-C on a terminal is for the node, which ends us by closing stdin.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # uvloop resolves names in threads of libuv, which lets look-ups have half of them.
    os.environ.setdefault("UV_THREADPOOL_SIZE", str(2 * RESOLVER_THREADS))
    status = 1
    try:
        asyncio.Runner(loop_factory=new_event_loop).run(serve(int(sys.argv[1])))
        status = 0
    except Exception as error:  # noqa: BLE001 - whatever it was, the supervisor is to know it
        _log("prober_crashed", error=repr(error), traceback=traceback.format_exc())
    finally:
        # Not sys.exit(): that waits for the threads of name look-ups, which may hang, and there is nothing to save.
        os._exit(status)


if __name__ == "__main__":
    main()
