"""The demo as a process, with a watch on every process below it."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

COMMAND = (sys.executable, "-m", "gslb", "demo")


@pytest.fixture
def taken_port():
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        yield sock.getsockname()[1]


def parents():
    """Of each process, its parent."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # the name, in brackets, may hold blanks
            found[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
    return found


def below(pid):
    """The processes started by `pid`, and by those."""
    tree = parents()
    found = {pid}
    while grown := {child for child, parent in tree.items() if parent in found} - found:
        found |= grown
    return found - {pid}


def alive(pids):
    """Those that run; a zombie has ended."""
    running = set()
    for pid in pids:
        with contextlib.suppress(OSError):
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
            if state != "Z":
                running.add(pid)
    return running


@dataclass
class Running:
    """A demo that runs, its output in `output`."""

    process: subprocess.Popen
    output: Path

    def text(self):
        return self.output.read_text(errors="replace")

    def wait_for(self, condition, what, seconds=60):
        end = time.monotonic() + seconds
        while not (value := condition()):
            assert time.monotonic() < end, f"waited {seconds} s in vain: {what}; it said:\n{self.text()}"
            time.sleep(0.02)
        return value

    def all_serving(self):
        """The processes below the demo, once it has said where everything is: two nodes with a prober each, three
        backends."""
        self.wait_for(lambda: "logs  " in self.text(), "the introduction")
        return self.wait_for(lambda: (pids := below(self.process.pid)) and len(pids) >= 7 and pids, "7 processes")


@pytest.fixture
def start_demo(tmp_path, tmp_path_factory, monkeypatch):
    """Start a demo: `start_demo("--dir", folder)`; whatever is left of it at the end is killed."""
    monkeypatch.setenv("TMPDIR", str(tmp_path_factory.mktemp("d")))  # short: it holds a Unix socket
    if not Path("/proc/self/stat").exists():
        pytest.skip("needs /proc to see which processes run")
    started, seen = [], set()

    def start(*arguments, **options):
        output = tmp_path / "output"
        with output.open("wb") as out:
            options = {"stdin": subprocess.DEVNULL, "stdout": out, "stderr": out, "start_new_session": True} | options
            running = Running(subprocess.Popen([*COMMAND, *arguments], **options), output)
        started.append(running)
        return running

    yield start
    for running in started:
        seen |= below(running.process.pid) | {running.process.pid}
    for pid in alive(seen):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    for running in started:
        running.process.wait()


@pytest.fixture
def commands_of():
    """The command lines of the processes below one, by process id."""

    def commands(pid):
        return {each: Path(f"/proc/{each}/cmdline").read_text().replace("\0", " ") for each in below(pid)}

    return commands


@pytest.fixture
def running_of():
    """Those of some process ids that still run."""
    return alive
