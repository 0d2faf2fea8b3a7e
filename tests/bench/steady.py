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
"""A reply later than this is a lost one, and counts as if it had taken so long."""


@dataclass(frozen=True, slots=True)
class Waits:
    """Latencies in seconds of one server over some time."""

    count: int
    lost: int
    p50: float
    p99: float
    worst: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> "Waits":
        ranked = sorted(seconds)
        lost = sum(each >= LOST_SECONDS for each in ranked)
        return cls(len(ranked), lost, quantile(ranked, 0.5), quantile(ranked, 0.99), ranked[-1])


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


def ask_steadily(ports: Sequence[int], name: str, rate: int) -> dict[int, list[tuple[float, float]]]:
    """Until standard input closes: when each query was sent, and its wait."""
    query = dns.message.make_query(name, "A", use_edns=False).to_wire()
    lines = {_connected(port): port for port in ports}
    sent: dict[tuple[int, int], float] = {}
    samples: dict[int, list[tuple[float, float]]] = {port: [] for port in ports}
    number, due = 0, time.monotonic()
    while True:
        ready, _, _ = select.select([*lines, sys.stdin], [], [], max(0.0, due - time.monotonic()))
        for line in ready:
            if line is sys.stdin:
                if not os.read(0, 1):
                    return _with_lost(samples, sent)
                continue
            with suppress(OSError):
                reply = line.recv(4096)
                now, port = time.monotonic(), lines[line]
                started = sent.pop((port, int.from_bytes(reply[:2], "big")), None)
                if started is not None:
                    samples[port].append((started, now - started))
        if time.monotonic() >= due:
            number = (number + 1) & 0xFFFF
            for line, port in lines.items():
                sent[port, number] = time.monotonic()
                with suppress(OSError):
                    line.send(number.to_bytes(2, "big") + query[2:])
            due += 1 / rate


def _with_lost(
    samples: dict[int, list[tuple[float, float]]], sent: dict[tuple[int, int], float]
) -> dict[int, list[tuple[float, float]]]:
    """Queries still without a reply are lost when they are old enough."""
    now = time.monotonic()
    for (port, _), started in sent.items():
        if now - started >= LOST_SECONDS:
            samples[port].append((started, LOST_SECONDS))
    return samples


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
    print(json.dumps(ask_steadily(options.ports, options.name, options.rate)))


if __name__ == "__main__":
    main()
