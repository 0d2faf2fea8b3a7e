"""What the worst packets cost: CPU per packet of each class that a client may send, over that of an ordinary query.

Nothing a client sends may cost more than BOUND times an ordinary query of the same transport. An *ordinary* query
asks for a static name with EDNS, its name in random case, as resolvers send it: the short path makes its answer anew.
The *best* query is one that was asked before to the octet, whose reply is kept whole. Over TCP both come one a
segment on an open connection, as does whatever is compared with them.

The CPU time is that of the daemon's main thread, which does all the answering, in nanoseconds from /proc/PID/schedstat
(in the kernel included). What the node logs meanwhile is counted too: it must not grow with the packets.
"""

import argparse
import json
import random
import socket
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent)]

import costly_packets
from harness import Daemon

BOUND = 10.0
MOST_LOG_LINES = 40
"""Lines that a class of packets may write, however many there are of it."""
BATCH = 32
TCP_SHARE = 4
"""One in so many: a packet over TCP costs a turn of its own."""


@dataclass(frozen=True, slots=True)
class Row:
    """What a class costs: microseconds of CPU a packet, that over the ordinary and the best query's, and the lines
    that the node logged for `packets` of them."""

    transport: str
    name: str
    cpu_us: float
    ratio: float
    to_best: float
    packets: int
    log_lines: int

    @property
    def ok(self) -> bool:
        return self.ratio <= BOUND and self.log_lines <= MOST_LOG_LINES


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="costs.py", description=__doc__.splitlines()[0])
    add = parser.add_argument
    add(
        "--packets",
        type=int,
        default=6000,
        metavar="N",
        help="packets of each class over UDP; a quarter over TCP (6000)",
    )
    add("--rounds", type=int, default=3, metavar="N", help="times that each class is measured, for the median (3)")
    add("--only", default="", metavar="TEXT", help="only classes with this in their name")
    add("--json", type=Path, metavar="FILE", help="also write every figure to FILE")
    add("--enforce", action="store_true", help=f"exit 1 when a class costs over {BOUND:g} times an ordinary query")
    chosen = parser.parse_args(arguments)
    rows = measure(chosen.packets, chosen.rounds, chosen.only)
    for line in table(rows):
        print(line)
    if chosen.json is not None:
        chosen.json.write_text(json.dumps([asdict(row) for row in rows], indent=1))
    return 1 if chosen.enforce and not all(row.ok for row in rows) else 0


def measure(packets: int, rounds: int, only: str = "") -> list[Row]:
    """Every class over both transports."""
    with tempfile.TemporaryDirectory(prefix="gslb-costs-") as folder, _node(Path(folder)) as node:
        return [
            *_transport("udp", Udp(node), packets, rounds, only),
            *_transport("tcp", Tcp(node), max(1, packets // TCP_SHARE), rounds, only),
        ]


def table(rows: Sequence[Row]) -> Iterator[str]:
    """The dearest first; below each transport its worst."""
    for transport in dict.fromkeys(row.transport for row in rows):
        ranked = sorted((row for row in rows if row.transport == transport), key=lambda row: -row.ratio)
        yield f"\n{transport}"
        yield f"  {'packet':72} {'CPU µs':>8} {'/ordinary':>10} {'/best':>7} {'log lines':>10}"
        for row in ranked:
            mark = "" if row.ok else "  OVER"
            yield f"  {row.name:72} {row.cpu_us:8.1f} {row.ratio:10.1f} {row.to_best:7.1f} {row.log_lines:10}{mark}"
        worst = ranked[0]
        verdict = "ok" if all(row.ok for row in ranked) else "MISSED"
        said = f"{worst.ratio:.1f} times an ordinary query (bound {BOUND:g})"
        yield f"  worst over {transport}: {worst.name}, {said} {verdict}"


@contextmanager
def _node(folder: Path) -> Iterator[Daemon]:
    """A node with the zones that the classes ask about."""
    node = Daemon(folder)
    node.configure(costly_packets.CONFIG)
    for name, text in costly_packets.ZONES.items():
        node.write(f"zones/{name}", text)
    signed = costly_packets.signed_files()
    for name, text in signed.items():
        node.write(name, text)
    node.start()
    try:
        for file in (*costly_packets.ZONES, *signed):
            assert node.ask(file.rpartition(".")[0], "SOA").answer, f"{file} is not served"
        yield node
    finally:
        node.stop()


def _transport(name: str, asking: "Udp | Tcp", packets: int, rounds: int, only: str) -> Iterator[Row]:
    rng = random.Random(20260401)
    classes = {title: make(rng) for title, make in costly_packets.CLASSES.items()}
    if name == "udp":
        classes = {title: [packet[:4096] for packet in pool] for title, pool in classes.items()}
    else:
        classes |= {title: make(rng) for title, make in costly_packets.TCP_ONLY.items()}
    figures = {title: _Figure() for title in classes if only in title or title in costly_packets.YARDSTICKS}
    for title in figures:  # what is kept of answers is kept from here on, as after some time in service
        asking.cost(classes[title], BATCH)
    for _ in range(rounds):
        for title, figure in figures.items():
            lines = asking.log_lines()
            figure.taken.append(asking.cost(classes[title], packets))
            figure.log_lines = max(figure.log_lines, asking.log_lines() - lines)
    best, ordinary = (figures[title].median for title in costly_packets.YARDSTICKS)
    for title, figure in figures.items():
        cost = figure.median
        yield Row(name, title, cost * 1e6, cost / ordinary, cost / best, packets, figure.log_lines)


class _Figure:
    """The seconds a packet took in each round, and the most log lines of any."""

    def __init__(self) -> None:
        self.taken: list[float] = []
        self.log_lines = 0

    @property
    def median(self) -> float:
        return sorted(self.taken)[len(self.taken) // 2]


class _Asking:
    """Puts packets to the node and reads off what they cost it."""

    def __init__(self, node: Daemon) -> None:
        assert node.process is not None
        self._node = node
        self._pid = node.process.pid
        self._target = ("127.0.0.1", node.port)
        self._mark = costly_packets.CLASSES[costly_packets.YARDSTICKS[0]](random.Random(1))[0]

    def cpu_seconds(self) -> float:
        return int(Path(f"/proc/{self._pid}/schedstat").read_text().split()[0]) / 1e9

    def log_lines(self) -> int:
        return self._node.log().count("\n")


class Udp(_Asking):
    """Datagrams, BATCH at a time; a marker after each batch tells that they are all dealt with."""

    def __init__(self, node: Daemon) -> None:
        super().__init__(node)
        self._socket = socket.socket(type=socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self._socket.settimeout(5)
        self._socket.connect(self._target)
        self._marks = self._cost_of_marks()

    def cost(self, pool: Sequence[bytes], packets: int) -> float:
        """Seconds of CPU for one of the packets."""
        before = self.cpu_seconds()
        batches = packets // BATCH
        for number in range(batches):
            self._put([pool[(number * BATCH + place) % len(pool)] for place in range(BATCH)])
        return (self.cpu_seconds() - before - batches * self._marks) / (batches * BATCH)

    def _cost_of_marks(self) -> float:
        """What a marker adds to a batch."""
        whole = self._mark
        for _ in range(200):
            self._put([whole] * BATCH)
        before = self.cpu_seconds()
        for _ in range(200):
            self._put([whole] * BATCH)
        return (self.cpu_seconds() - before) / (200 * (BATCH + 1))

    def _put(self, batch: Sequence[bytes]) -> None:
        for packet in batch:
            self._socket.send(packet)
        mark = b"\xfe\xed" + self._mark[2:]
        self._socket.send(mark)
        while self._socket.recv(65535)[:2] != b"\xfe\xed":
            pass


class Tcp(_Asking):
    """One message, then its reply, on one connection; a new one where the node has closed it."""

    def __init__(self, node: Daemon) -> None:
        super().__init__(node)
        self._socket = self._connected()

    def cost(self, pool: Sequence[bytes | Sequence[bytes]], packets: int) -> float:
        """Seconds of CPU for one of the messages; for what comes in several segments, for one of those."""
        before = self.cpu_seconds()
        sent = 0
        number = 0
        while sent < packets:
            message = pool[number % len(pool)]
            sent += self._put(message) if isinstance(message, bytes) else self._put_segments(message)
            number += 1
        return (self.cpu_seconds() - before) / sent

    def _connected(self) -> socket.socket:
        connection = socket.create_connection(self._target, timeout=60)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def _put(self, message: bytes) -> int:
        self._send(len(message).to_bytes(2, "big") + message)
        self._replies(1)
        return 1

    def _put_segments(self, segments: Sequence[bytes]) -> int:
        """Segments as they are, and the replies to the messages in them."""
        for segment in segments:
            self._send(segment)
        messages = _messages_in(b"".join(segments))
        self._replies(messages)
        return max(len(segments), messages)

    def _send(self, octets: bytes) -> None:
        try:
            self._socket.sendall(octets)
        except OSError:
            self._reconnect()
            self._socket.sendall(octets)

    def _replies(self, count: int) -> None:
        try:
            for _ in range(count):
                length = int.from_bytes(self._exactly(2), "big")
                self._exactly(length)
        except OSError:
            self._reconnect()

    def _exactly(self, octets: int) -> bytes:
        got = b""
        while len(got) < octets:
            more = self._socket.recv(octets - len(got))
            if not more:
                raise ConnectionResetError
            got += more
        return got

    def _reconnect(self) -> None:
        self._socket.close()
        self._socket = self._connected()


def _messages_in(octets: bytes) -> int:
    count = position = 0
    while position + 2 <= len(octets):
        position += 2 + int.from_bytes(octets[position : position + 2], "big")
        count += 1
    return count


if __name__ == "__main__":
    sys.exit(main())
