"""Keeps a prober running: starts it, feeds it, restarts it when it dies or says nothing, ends it.

The supervisor holds no verdicts. At each start it asks `watch` for what is wanted and known, so a new prober goes
on where the last one stopped. A prober that hangs is found by its missing heartbeat and killed. The silence is
counted in ticks of this event loop: if the node itself stands still, the prober is not blamed for what nobody read.
"""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import structlog

from gslb.health.protocol import LINE_LIMIT, Report, Watch, parse_report, render_watch

log = structlog.get_logger("gslb.health")

SILENCE_SECONDS = 5.0
"""A running prober that says nothing for so long hangs; it sends a heartbeat each second."""
BOOT_SECONDS = 30.0
"""How long a prober may take to its first word, on a machine that is busy."""
RESTART_DELAYS = (0.1, 1.0, 2.0, 5.0, 10.0, 30.0)
"""Seconds before each restart in a row; the last one goes on."""
STEADY_SECONDS = 60.0
"""A prober that ran for so long does not count as another failure in a row."""
STOP_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class ProberStatus:
    """What `status` shows. `since`: Unix seconds of the last change of `state`; `last_exit` says how the prober before
    this one ended, "" if there was none."""

    state: Literal["starting", "running", "restarting"]
    pid: int | None
    since: float
    restarts: int = 0
    last_exit: str = ""


class Supervisor:
    """`watch()` gives the monitors wanted, each with its last track; `on_report` gets what the prober finds."""

    def __init__(
        self,
        watch: Callable[[], Watch],
        on_report: Callable[[Report], None],
        *,
        concurrency: int,
        clock: Callable[[], float],
        silence_seconds: float = SILENCE_SECONDS,
    ) -> None:
        self._watch = watch
        self._on_report = on_report
        self._concurrency = concurrency
        self._clock = clock
        self._silence_seconds = silence_seconds
        self._process: asyncio.subprocess.Process | None = None
        self._task: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()
        self.status = ProberStatus("starting", None, clock())

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="prober supervisor")

    def feed(self) -> None:
        """What is wanted has changed: tell the prober."""
        if self._process is not None and self._process.stdin is not None and not self._process.stdin.is_closing():
            self._process.stdin.write(render_watch(self._watch()))

    async def stop(self) -> None:
        """End the prober, by force if it does not go within `STOP_SECONDS`."""
        self._stopping.set()
        self._close_stdin()
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=STOP_SECONDS)
            self._task.cancel()
            await asyncio.wait({self._task})

    def _close_stdin(self) -> None:
        """The prober ends by itself when its stdin does."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()

    async def _run(self) -> None:
        failures = 0
        while True:
            started = asyncio.get_running_loop().time()
            how = await self._run_once()
            if self._stopping.is_set():
                return
            steady = asyncio.get_running_loop().time() - started >= STEADY_SECONDS
            delay = RESTART_DELAYS[min(0 if steady else failures, len(RESTART_DELAYS) - 1)]
            failures = 1 if steady else failures + 1
            self.status = ProberStatus("restarting", None, self._clock(), self.status.restarts + 1, how)
            log.error("prober_ended", how=how, restart_in_seconds=delay, meanwhile="the last verdicts stay")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(delay):
                    await self._stopping.wait()
                    return

    async def _run_once(self) -> str:
        """One prober from start to end; returns how it ended. Any failure here must lead to a restart."""
        try:
            process = await self._spawn()
        except OSError as error:
            return f"did not start: {error}"
        run = _ProberRun(process, self._heard, self._silence_seconds)
        try:
            self._process = process
            self.feed()
            if self._stopping.is_set():
                self._close_stdin()
            return await run.until_its_end()
        except Exception as error:
            log.exception("prober_report_failed")
            return f"its report could not be used: {error!r}"
        finally:
            self._process = None
            await run.clear_away()

    async def _spawn(self) -> asyncio.subprocess.Process:
        """In a session of its own, which a terminal's Ctrl-C does not reach. It finds modules where we do, and not in
        the working directory (-P)."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "gslb.health.prober", str(self._concurrency)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=LINE_LIMIT,
            start_new_session=True,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        )
        self.status = replace(self.status, state="starting", pid=process.pid, since=self._clock())
        return process

    def _heard(self, line: bytes) -> None:
        if self.status.state == "starting":
            self.status = replace(self.status, state="running", since=self._clock())
            log.info("prober_running", pid=self.status.pid, restarts=self.status.restarts)
        self._on_report(parse_report(line))


class _ProberRun:
    """One life of a prober process: reads it, relays what it complains of, kills it when it falls silent."""

    def __init__(
        self, process: asyncio.subprocess.Process, heard: Callable[[bytes], None], silence_seconds: float
    ) -> None:
        self._process = process
        self._heard = heard
        self._silence_seconds = silence_seconds
        self._quiet = -BOOT_SECONDS  # seconds since the last word, less the grace that is left
        self._hung = False
        self._complaints: deque[str] = deque(maxlen=1)
        self._helpers = [asyncio.create_task(self._guard()), asyncio.create_task(self._relay())]

    async def until_its_end(self) -> str:
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            self._quiet = 0.0
            self._heard(line)
        code = await self._process.wait()
        await asyncio.wait({self._helpers[1]}, timeout=1)
        return self._how(code)

    async def clear_away(self) -> None:
        """Leave no process and no task, whatever happened."""
        self._kill()
        for helper in self._helpers:
            helper.cancel()
        await asyncio.wait(self._helpers)
        await self._process.wait()

    async def _guard(self) -> None:
        tick = self._silence_seconds / 5
        while self._quiet < self._silence_seconds:
            await asyncio.sleep(tick)
            self._quiet += tick
        self._hung = True
        self._kill()

    def _kill(self) -> None:
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    async def _relay(self) -> None:
        assert self._process.stderr is not None
        while line := await self._process.stderr.readline():
            text = line.decode(errors="replace").strip()
            if text:
                self._complain(text)

    def _complain(self, text: str) -> None:
        try:
            fields = dict(json.loads(text))
            event = str(fields.pop("event"))
        except (ValueError, TypeError, KeyError):
            event, fields = "prober_said", {"line": text}
        self._complaints.append(str(fields.get("error") or fields.get("line") or event))
        log.error(event, **fields)

    def _how(self, code: int) -> str:
        if self._hung:
            return f"hung: killed after it said nothing for {self._silence_seconds:g} s"
        if code < 0:
            return f"killed by {signal.Signals(-code).name}"
        return ": ".join([f"exited with status {code}", *self._complaints])
