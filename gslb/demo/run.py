"""`gslb demo`: makes the folder, runs the demo live or unattended, and leaves nothing behind that runs."""

import asyncio
import contextlib
import fcntl
import json
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from gslb.demo.child import ChildError
from gslb.demo.clock import now
from gslb.demo.cluster import Cluster
from gslb.demo.files import FolderError, write_files
from gslb.demo.live import LiveDemo
from gslb.demo.plan import Plan, make_plan
from gslb.demo.ports import PlatformError
from gslb.demo.story import Finding
from gslb.demo.unattended import MIN_SECONDS, Director
from gslb.demo.view import event_line

_STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """`folder` None: a temporary one, removed at the end. `seconds` None: live, until stopped."""

    folder: Path | None = None
    dns_port: int | None = None
    seconds: float | None = None
    as_json: bool = False


def demo(options: DemoOptions) -> int:
    """Exit code 0 when it was stopped or the whole story was seen, 1 when something failed, 2 for wrong options."""
    if (wrong := _wrong(options)) is not None:
        print(f"gslb demo: {wrong}", file=sys.stderr)
        return 2
    try:
        with _folder(options.folder) as folder:
            plan = make_plan(folder.path, options.dns_port)
            write_files(plan, keep_zone=options.seconds is None)
            code = _run(plan, options)
            folder.keep |= code != 0
            return code
    except (PlatformError, FolderError, ChildError, OSError) as error:
        print(f"gslb demo: {error}", file=sys.stderr)
        return 1


def _wrong(options: DemoOptions) -> str | None:
    if options.seconds is not None and options.seconds < MIN_SECONDS:
        return f"--for: the story takes up to {MIN_SECONDS:g} s; give it {MIN_SECONDS:g}s or more"
    if options.as_json and options.seconds is None:
        return "--json is for the result of an unattended run: add --for 60s"
    return None


@dataclass(slots=True)
class _Folder:
    path: Path
    keep: bool


@contextlib.contextmanager
def _folder(given: Path | None) -> Iterator[_Folder]:
    """The folder of the demo, ours alone while the block runs. A temporary one is removed unless it is to be kept."""
    path = given.absolute() if given is not None else Path(tempfile.mkdtemp(prefix="gslb-demo-"))
    path.mkdir(parents=True, exist_ok=True)
    folder = _Folder(path, keep=given is not None)
    try:
        with (path / "demo.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise FolderError(f"another demo runs in {path}: stop it, or give another folder") from None
            yield folder
    finally:
        if not folder.keep:
            shutil.rmtree(path, ignore_errors=True)
        elif given is None:
            print(f"gslb demo: its files and logs stay in {path}", file=sys.stderr)


async def _until_stopped(run: Callable[[], Awaitable[int]], code_when_stopped: int) -> int:
    """The exit code of `run`, or `code_when_stopped` when a signal ended it; it has cleaned up either way."""
    task = asyncio.ensure_future(run())
    stopped = asyncio.Event()

    def stop() -> None:
        if not stopped.is_set():  # a second Ctrl-C must not interrupt the cleaning up
            stopped.set()
            task.cancel()

    for number in _STOPS:
        asyncio.get_running_loop().add_signal_handler(number, stop)
    try:
        return await task
    except asyncio.CancelledError:
        return code_when_stopped


def _run(plan: Plan, options: DemoOptions) -> int:
    """A stop is how the live demo ends; one that ends the story early means that it was not seen."""
    seconds = options.seconds
    if seconds is None:
        return asyncio.run(_until_stopped(LiveDemo(plan, Console()).run, code_when_stopped=0))
    return asyncio.run(_until_stopped(lambda: _unattended(plan, seconds, as_json=options.as_json), code_when_stopped=1))


async def _unattended(plan: Plan, seconds: float, *, as_json: bool) -> int:
    begun = time.monotonic()
    out = sys.stderr if as_json else sys.stdout

    def tell(text: str) -> None:
        print(f"{time.monotonic() - begun:5.1f} s  {text}", file=out, flush=True)

    def found(finding: Finding) -> None:
        tell(f"{'seen' if finding.ok else 'NOT SEEN'}: {finding.step}")

    looking = asyncio.create_task(now.look(), name="look at the clock")
    cluster = Cluster(plan, lambda event: tell(f"  {event_line(event)}"))
    try:
        story = await Director(cluster, seconds, tell, found).play()
    finally:
        looking.cancel()
        await cluster.stop()
    columns = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    print(json.dumps(story.to_json(), indent=2) if as_json else f"\n{story.to_text(columns)}")
    return 0 if story.failed is None else 1
