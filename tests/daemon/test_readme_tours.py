"""The tours of the README, typed in as they stand: what a line says it shows (`# -> text`), it shows.

Ports are exchanged for free ones and `gslb` for the one under test. A line that says what it shows is repeated until it
does, within a bound: a busy machine takes longer than the tour's own pauses.
"""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from harness import BOUND_SECONDS
from ports import free_port

pytestmark = pytest.mark.daemon

README = (Path(__file__).parents[2] / "README.md").read_text()
PORTS: dict[str, str] = {}
"""The free port in the place of each of the README's."""
_DONE = "-- done --"
_EXPECTED = re.compile(r"\s+# -> (.+?)(?: \(.*)?$")


def blocks(heading: str) -> list[str]:
    """The shell blocks of a section."""
    section = re.search(rf"^## {heading}\n(.*?)^## ", README, re.MULTILINE | re.DOTALL)
    assert section is not None
    return re.findall(r"^```sh\n(.*?)^```", section[1], re.MULTILINE | re.DOTALL)


def commands(block: str) -> Iterator[str]:
    """Each line; a here-document belongs to its command."""
    lines = iter(block.splitlines())
    for line in lines:
        command = line
        if "<<'END'" in line:
            for more in lines:
                command += f"\n{more}"
                if more == "END":
                    break
        yield command


def on_this_machine(block: str) -> str:
    """With free ports, and the `gslb` under test."""
    for port in sorted(set(re.findall(r"\b(?:53[0-9]{2}|8080)\b", block))):
        block = re.sub(rf"\b{port}\b", PORTS.setdefault(port, str(free_port())), block)
    return block.replace("../.venv/bin/gslb", f"{sys.executable} -m gslb")


class Terminal:
    """A shell that is typed into. `close` stops it and whatever it started."""

    def __init__(self, folder: Path) -> None:
        self._shell = subprocess.Popen(
            ["bash"],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            env=os.environ | {"COLUMNS": "200"},
        )

    def start(self, command: str) -> None:
        """Type a command that goes on."""
        self._shell.stdin.write(f"{command}\n")
        self._shell.stdin.flush()

    def run(self, command: str) -> str:
        """Type a command; what it shows, with single spaces."""
        self.start(f"{command}\necho; echo '{_DONE}'")
        shown = ""
        for line in self._shell.stdout:
            if line.strip() == _DONE:
                return " ".join(shown.split())
            shown += line
        pytest.fail(f"the shell ended at: {command}\n{shown}")

    def follow(self, command: str) -> None:
        """Type a line of a tour, and hold it to what it says it shows."""
        expected = _EXPECTED.search(command)
        shown = self.run(command)
        end = time.monotonic() + BOUND_SECONDS
        while expected is not None and expected[1] not in shown:
            assert time.monotonic() < end, f"{command}\n\nshowed\n{shown}"
            shown = self.run(command)

    def close(self) -> None:
        os.killpg(self._shell.pid, signal.SIGTERM)
        self._shell.stdin.close()
        self._shell.stdout.read()  # until nothing that it started holds the pipe
        self._shell.wait(BOUND_SECONDS)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Callable[[Path], Terminal]]:
    opened: list[Terminal] = []

    def open_one(folder: Path = tmp_path) -> Terminal:
        opened.append(Terminal(folder))
        return opened[-1]

    yield open_one
    for each in opened:
        each.close()


def followed(terminal: Terminal, block: str) -> int:
    """Type a block; how many lines of it said what they show."""
    said = 0
    for command in commands(on_this_machine(block)):
        terminal.follow(command)
        said += _EXPECTED.search(command) is not None
    return said


def test_the_tour_of_one_node(terminal: Callable[..., Terminal], tmp_path: Path, tool: Callable[[str], str]) -> None:
    tool("dig")
    first, second = blocks("Five minutes with dig")
    setup, serve = first.rstrip("\n").rsplit("\n", 1)
    node = terminal()
    followed(node, setup)
    node.start(f"{on_this_machine(serve)} 2> log")
    assert followed(terminal(tmp_path / "tour"), second) == 6


def test_the_tour_of_two_nodes(terminal: Callable[..., Terminal], tool: Callable[[str], str]) -> None:
    tool("dig"), tool("openssl")
    (block,) = blocks("Two nodes")
    assert followed(terminal(), block) == 6
