"""The tours of README.md and docs/, typed in as they stand: what a line says it shows (`# -> text`), it shows, and a
block of text is what the line before it shows.

Ports are exchanged for free ones; `.venv` holds the `gslb` under test. A line that says what it shows is repeated until
it does, and so is one before a block, within a bound: a busy machine takes longer than the tour's own pauses.
"""

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from harness import BOUND_SECONDS
from ports import free_port

pytestmark = pytest.mark.daemon

ROOT = Path(__file__).parents[2]
PORTS: dict[str, str] = {}
"""The free port in the place of each of the tours'."""
_DONE = "-- done --"
_EXPECTED = re.compile(r"\s+# -> (.+?)(?: \(.*)?$")

Block = tuple[str, str]
"""Language and text of what stands between fences."""


def blocks(page: str, heading: str) -> list[Block]:
    """The shell blocks of a section, and what they show."""
    section = re.search(rf"^## {heading}\n(.*?)(?=^## |\Z)", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL)
    assert section is not None
    return re.findall(r"^```(sh|text)\n(.*?)^```", section[1], re.MULTILINE | re.DOTALL)


def commands(block: str) -> Iterator[str]:
    """Each line; what a backslash continues, and a here-document, belongs to its command."""
    lines = iter(block.replace("\\\n", "").splitlines())
    for line in lines:
        command = line
        if re.search(r"<<'?END'?$", line):
            for more in lines:
                command += f"\n{more}"
                if more == "END":
                    break
        yield command


def on_this_machine(block: str) -> str:
    """With free ports."""
    for port in sorted(set(re.findall(r"\b(?:53[0-9]{2}|8080|8853)\b", block))):
        block = re.sub(rf"\b{port}\b", PORTS.setdefault(port, str(free_port())), block)
    return block


def without_figures(text: str) -> str:
    """With single spaces, and every time and number alike."""
    return " ".join(re.sub(r"\d+", "0", re.sub(r"\b\d+[smh]\b", "0s", text)).split())


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

    def follow(self, command: str) -> str:
        """Type a line of a tour, and hold it to what it says it shows; what it shows."""
        expected = _EXPECTED.search(command)
        shown = self.run(command)
        end = time.monotonic() + BOUND_SECONDS
        while expected is not None and expected[1] not in shown:
            assert time.monotonic() < end, f"{command}\n\nshowed\n{shown}"
            shown = self.run(command)
        return shown

    def show(self, block: str, command: str, shown: str) -> None:
        """Hold a command that has `shown` this to the block behind it."""
        end = time.monotonic() + BOUND_SECONDS
        while without_figures(block) not in without_figures(shown):
            assert time.monotonic() < end, f"{block}\nis not what was shown:\n{shown}"
            shown = self.run(command)

    def close(self) -> None:
        os.killpg(self._shell.pid, signal.SIGTERM)
        self._shell.stdin.close()
        self._shell.stdout.read()  # until nothing that it started holds the pipe
        self._shell.wait(BOUND_SECONDS)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Callable[..., Terminal]]:
    """Opens terminals in the top folder of what looks like a clone after `make run`."""
    programs = tmp_path / ".venv/bin"
    programs.mkdir(parents=True)
    (programs / "activate").write_text(f"export PATH={shlex.quote(str(programs))}:$PATH\n")
    (programs / "gslb").write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m gslb "$@"\n')
    (programs / "gslb").chmod(0o755)
    opened: list[Terminal] = []

    def open_one(folder: Path = tmp_path) -> Terminal:
        opened.append(Terminal(folder))
        return opened[-1]

    yield open_one
    for each in opened:
        each.close()


def follow(terminal: Terminal, tour: list[Block]) -> int:
    """Type the blocks; how many lines and blocks said what is shown."""
    said, command, shown = 0, "", ""
    for language, block in tour:
        if language == "text":
            terminal.show(block, command, shown)
            said += 1
            continue
        for command in commands(on_this_machine(block)):
            shown = terminal.follow(command)
            said += _EXPECTED.search(command) is not None
    return said


def test_the_tour_of_one_node(terminal: Callable[..., Terminal], tmp_path: Path, tool: Callable[[str], str]) -> None:
    tool("dig")
    (_, first), *others = blocks("README.md", "A zone of your own")
    setup, serve = first.rstrip("\n").rsplit("\n", 1)
    node = terminal()
    assert follow(node, [("sh", setup)]) == 1
    node.start(f"{serve} 2> log")
    assert follow(terminal(tmp_path / "tour"), others) == 8


@dataclass(frozen=True)
class Tour:
    """Sections of a page that are typed into one terminal, in the top folder; `said` is how often they say what is
    shown."""

    page: str
    headings: tuple[str, ...]
    tools: tuple[str, ...]
    said: int


TOURS = {
    "two-nodes": Tour("docs/CLUSTER.md", ("Two nodes",), ("dig", "openssl"), 10),
    "tls": Tour("docs/TLS.md", ("Try it, with a certificate of your own",), ("kdig", "openssl"), 10),
    "flood": Tour("docs/PROTECTION.md", ("Try it",), ("dig",), 4),
    "knot": Tour("docs/SIGNED.md", ("Knot signs",), ("dig", "delv", "knotd", "knotc", "keymgr"), 8),
    "bind": Tour("docs/SIGNED.md", ("BIND signs",), ("dig", "named", "tsig-keygen", "dnssec-dsfromkey"), 3),
    "file": Tour(
        "docs/SIGNED.md",
        ("A file that is signed", "Signed and steered"),
        ("dig", "delv", "dnssec-keygen", "dnssec-signzone"),
        8,
    ),
}


@pytest.mark.parametrize("name", TOURS)
def test_a_tour_shows_what_it_says(name: str, terminal: Callable[..., Terminal], tool: Callable[[str], str]) -> None:
    tour = TOURS[name]
    for program in tour.tools:
        tool(program)
    typed = [block for heading in tour.headings for block in blocks(tour.page, heading)]
    assert follow(terminal(), typed) == tour.said
