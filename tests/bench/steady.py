"""A small steady stream of queries, and how long each reply took: what a busy server makes its clients wait.

Run as a program it asks each port of 127.0.0.1 in turn at a given rate until its standard input closes, then prints
the samples as JSON. A process of its own, so that neither the server nor the benchmark share its time.
"""

import argparse
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import dns.message

LOST_SECONDS = 2.0
"""A reply later than this is a lost one. A query that is never answered counts as if that had taken so long."""
NEVER = float("inf")


@dataclass(frozen=True, slots=True)
class Waits:
    """Latencies in seconds of one server over some time. Of the `lost`, the `unanswered` were not just late."""

    count: int
    lost: int
    unanswered: int
    p50: float
    p99: float
    worst: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> "Waits":
        unanswered = sum(each == NEVER for each in seconds)
        ranked = sorted(LOST_SECONDS if each == NEVER else each for each in seconds)
        lost = sum(each >= LOST_SECONDS for each in ranked)
        return cls(len(ranked), lost, unanswered, quantile(ranked, 0.5), quantile(ranked, 0.99), ranked[-1])


def quantile(ranked: Sequence[float], share: float) -> float:
    """The least value that at least `share` of the values do not exceed."""
    return ranked[max(0, -int(-share * len(ranked) // 1) - 1)]


class Stream:
    """A stream to several ports, for the length of a `with` block; `within` gives the waits of a window of it."""

    def __init__(self, ports: Sequence[int], name: str, rate: int) -> None:
        self._command = [sys.executable, __file__, "--rate", str(rate), "--name", name, *map(str, ports)]
        self._samples: dict[str, list[tuple[float, float]]] = {}

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        output, _ = self._process.communicate(timeout=60)
        if kind is None:
            self._samples = json.loads(output)

    def within(self, port: int, start: float, end: float) -> Waits:
        """Of the queries sent between two readings of `time.monotonic`, once the stream is over."""
        return Waits.of([wait for sent, wait in self._samples[str(port)] if start <= sent <= end])


class Asking:
    """Asks each port in turn. `samples` has by port when each query was sent, and its wait; `sent`, those under way."""

    def __init__(self, ports: Sequence[int], name: str) -> None:
        self.samples: dict[int, list[tuple[float, float]]] = {port: [] for port in ports}
        self.sent: dict[tuple[int, int], float] = {}
        self.lines = {_connected(port): port for port in ports}
        self._query = dns.message.make_query(name, "A", use_edns=False).to_wire()
        self._number = 0

    def ask(self) -> None:
        """One query to each."""
        self._number = (self._number + 1) & 0xFFFF
        for line, port in self.lines.items():
            key = (port, self._number)
            self._note(key, NEVER)  # its number is used again
            self.sent[key] = time.monotonic()
            with suppress(OSError):
                line.send(self._number.to_bytes(2, "big") + self._query[2:])

    def hear(self, line: socket.socket) -> None:
        """A reply."""
        with suppress(OSError):
            reply = line.recv(4096)
            now, key = time.monotonic(), (self.lines[line], int.from_bytes(reply[:2], "big"))
            self._note(key, now - self.sent.get(key, now))

    def give_up(self) -> None:
        """What has not come by now never will."""
        for key in list(self.sent):
            self._note(key, NEVER)

    def _note(self, key: tuple[int, int], wait: float) -> None:
        started = self.sent.pop(key, None)
        if started is not None:
            self.samples[key[0]].append((started, wait))


def ask_steadily(asking: Asking, rate: int) -> None:
    """Until standard input closes; and then listen until every reply has come, or is lost."""
    due = time.monotonic()
    while True:
        ready, _, _ = select.select([*asking.lines, sys.stdin], [], [], max(0.0, due - time.monotonic()))
        for line in ready:
            if line is not sys.stdin:
                asking.hear(line)
            elif not os.read(0, 1):
                _listen(asking)
                return
        if time.monotonic() >= due:
            asking.ask()
            due += 1 / rate


def _listen(asking: Asking) -> None:
    end = time.monotonic() + LOST_SECONDS
    while asking.sent:
        ready, _, _ = select.select([*asking.lines], [], [], max(0.0, end - time.monotonic()))
        if not ready:
            asking.give_up()
        for line in ready:
            asking.hear(line)


def _connected(port: int) -> socket.socket:
    line = socket.socket(type=socket.SOCK_DGRAM)
    line.connect(("127.0.0.1", port))
    line.setblocking(False)
    return line


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=int, required=True, help="queries a second to each port")
    parser.add_argument("--name", required=True, help="the name whose A records are asked for")
    parser.add_argument("ports", type=int, nargs="+")
    options = parser.parse_args()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the benchmark's; we end when it closes our input
    with suppress(PermissionError):
        os.nice(-10)  # what is measured is the server's waiting, not ours for a processor
    asking = Asking(options.ports, options.name)
    ask_steadily(asking, options.rate)
    print(json.dumps(asking.samples))


if __name__ == "__main__":
    main()
