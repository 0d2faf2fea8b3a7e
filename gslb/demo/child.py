"""A process of the demo: started, killed, revived and stopped at will; it never outlives the demo (see `tether`)."""

import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path

STOP_SECONDS = 5.0
_BOOT_SECONDS = 30.0


class ChildError(Exception):
    """A process did not start; the message has its last words."""


class Child:
    """One module run as a process; what it says goes to `log`."""

    def __init__(self, name: str, module: str, arguments: tuple[str, ...], log: Path) -> None:
        self.name = name
        self.log = log
        self._command = (sys.executable, "-P", "-m", "gslb.demo.tether", module, *arguments)
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int | None:
        """None while it does not run."""
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    @property
    def how_it_ended(self) -> str:
        """`killed by SIGKILL`, `exited with status 1`; "" while it runs or was never started."""
        code = self._process.returncode if self._process is not None else None
        if code is None:
            return ""
        return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exited with status {code}"

    async def start(self, *, speaks: bool = False) -> None:
        """Start it. When it `speaks`, wait for its first line, which says that it is ready. Raises `ChildError`."""
        spawning = asyncio.ensure_future(self._spawn(speaks=speaks))
        try:
            self._process = await asyncio.shield(spawning)
        except asyncio.CancelledError:
            self._process = await spawning  # so that `stop` knows of it
            raise
        if speaks:
            await self._first_line()

    async def _spawn(self, *, speaks: bool) -> asyncio.subprocess.Process:
        with self.log.open("ab") as log:
            return await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.PIPE,  # the tether: it is never written to
                stdout=asyncio.subprocess.PIPE if speaks else log,
                stderr=log,
                start_new_session=True,  # a terminal's Ctrl-C is for the demo, which stops its processes in order
                env=os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
            )

    async def _first_line(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        line = b""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_BOOT_SECONDS):
                line = await self._process.stdout.readline()
                if not line:
                    await self._process.wait()  # it is about to end by itself, and how tells more than our SIGTERM
        if not line:
            await self.stop()
            raise ChildError(f"{self.name} did not start ({self.how_it_ended}): {self.last_words()}")

    def kill(self) -> bool:
        """SIGKILL, as real as a crash; False when it does not run."""
        return self._signal(signal.SIGKILL)

    async def stop(self) -> None:
        """Ask it to end, and make it end after `STOP_SECONDS`."""
        if self._process is None:
            return
        self._signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(self._process.wait(), STOP_SECONDS)
        except TimeoutError:
            self.kill()
            await self._process.wait()

    def last_words(self, lines: int = 3) -> str:
        """The end of its log."""
        said = self.log.read_text(errors="replace").strip().splitlines()[-lines:] if self.log.exists() else []
        return " | ".join(said) or "it said nothing"

    def _signal(self, number: signal.Signals) -> bool:
        if self._process is None or self._process.returncode is not None:
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._process.pid, number)  # `send_signal` would reap one that just died, and lose how it ended
        return True
