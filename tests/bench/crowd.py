"""What a crowd of TCP clients costs the others: idle connections and slow writers, while queries over UDP run.

Quiet and crowded windows alternate on one node, and while both last a steady stream of queries over UDP is timed, and
now and then a new TCP connection that asks one query. Done twice: with places for all of the crowd (`roomy`), and with
fewer places than it wants (`full`). Everything is on loopback, in a temporary directory, and ends by itself.
"""

import argparse
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

sys.path.append(str(Path(__file__).parent.parent))  # harness of the tests

import dns.message
from harness import Daemon
from steady import Stream, Waits, quantile

EXAMPLE = """example:
  tests/bench/crowd.py --seconds 10 --rounds 3 --json crowd.json

A ratio near 1 says that the crowd costs the others nothing. `tcp` is a new connection and one query over it.
"""
NAME = "www.crowd.example"
ZONE = (
    "'': {type: NS, values: [ns1.crowd.example.]}\nns1: {type: A, value: 127.0.0.1}\nwww: {type: A, value: 192.0.2.1}\n"
)
_EACH_TCP_SECONDS = 0.1
_PATIENCE_SECONDS = 30.0
"""How late an answer over TCP may be; what it took is told."""


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="crowd.py", description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--idle", type=_count, default=1000, metavar="N", help="idle connections (%(default)s)")
    add("--slow", type=_count, default=100, metavar="N", help="writers of an octet a second (%(default)s)")
    add("--rate", type=_count, default=1000, metavar="N", help="queries a second over UDP (%(default)s)")
    add("--seconds", type=_count, default=10, metavar="N", help="length of a window (%(default)s)")
    add("--rounds", type=_count, default=3, metavar="N", help="windows of each kind (%(default)s)")
    add("--json", type=Path, metavar="FILE", help="also write every figure to FILE")
    return parser.parse_args(arguments)


def _count(text: str) -> int:
    if text.isdecimal() and 1 <= int(text) <= 10_000:
        return int(text)
    raise argparse.ArgumentTypeError(f"a whole number from 1 to 10000, not {text!r}")


@contextmanager
def node(places: int) -> Iterator[Daemon]:
    """A node with so many places for connections."""
    with TemporaryDirectory(prefix="crowd") as folder:
        daemon = Daemon(Path(folder))
        daemon.configure(f"zones_dir: zones\nlimits: {{tcp_connections: {places}}}\n")
        daemon.write("zones/crowd.example.yaml", ZONE)
        daemon.start()
        try:
            yield daemon
        finally:
            daemon.stop()


@contextmanager
def crowd(port: int, idle: int, slow: int) -> Iterator[dict[str, int]]:
    """The crowd, connected; how often its members were connected and closed, once it is gone."""
    program = Path(__file__).with_name("crowd_clients.py")
    command = [sys.executable, str(program), "--idle", str(idle), "--slow", str(slow), str(port)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    counts: dict[str, int] = {}
    try:
        assert process.stdout is not None
        if process.stdout.readline() != "ready\n":
            raise SystemExit("crowd: the clients did not get connected")
        yield counts
    finally:
        output, _ = process.communicate(timeout=60)
    counts.update(json.loads(output))


def ask_once(port: int) -> float:
    """Seconds that a new connection and one query take; infinite when it is not answered."""
    wire = dns.message.make_query(NAME, "A").to_wire()
    started = time.monotonic()
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE_SECONDS) as line:
            line.sendall(len(wire).to_bytes(2, "big") + wire)
            if len(line.recv(2)) < 2:
                return float("inf")
    except OSError:
        return float("inf")
    return time.monotonic() - started


def window(port: int, seconds: float) -> tuple[float, float, list[float]]:
    """Its beginning and end, and what connections took in it."""
    start, asked = time.monotonic(), []
    while time.monotonic() - start < seconds:
        asked.append(ask_once(port))
        time.sleep(_EACH_TCP_SECONDS)
    return start, time.monotonic(), asked


def measure(places: int, sizes: argparse.Namespace) -> dict[str, Any]:
    """The figures of one node: windows of both kinds, in turn."""
    with node(places) as daemon:
        windows: dict[str, list[tuple[float, float, list[float]]]] = {"quiet": [], "crowded": []}
        gone = {"connected": 0, "closed": 0}
        with Stream([daemon.port], NAME, sizes.rate) as stream:
            window(daemon.port, 1.0)  # warm
            for _ in range(sizes.rounds):
                windows["quiet"].append(window(daemon.port, sizes.seconds))
                with crowd(daemon.port, sizes.idle, sizes.slow) as counts:
                    windows["crowded"].append(window(daemon.port, sizes.seconds))
                    held = daemon.metrics()['gslb_tcp_connections{transport="tcp"}']
                gone = {key: gone[key] + counts[key] for key in gone}
                time.sleep(1.0)
        found = daemon.metrics()
        figures = {
            kind: summary([stream.within(daemon.port, start, end) for start, end, _ in each], [one for *_, one in each])
            for kind, each in windows.items()
        }
    evicted = found.get('gslb_tcp_evicted_connections_total{transport="tcp"}', 0.0)
    return {"places": places, "held": held, "evicted": evicted, **gone, **figures}


def summary(waits: list[Waits], asked: list[list[float]]) -> dict[str, Any]:
    """Medians over the windows of one kind; times in milliseconds."""
    tcp = sorted(one for each in asked for one in each)
    return {
        "udp_p50_ms": 1000 * median(each.p50 for each in waits),
        "udp_p99_ms": 1000 * median(each.p99 for each in waits),
        "udp_worst_ms": 1000 * max(each.worst for each in waits),
        "udp_lost": sum(each.lost for each in waits),
        "udp_unanswered": sum(each.unanswered for each in waits),
        "tcp_p50_ms": 1000 * quantile(tcp, 0.5),
        "tcp_p99_ms": 1000 * quantile(tcp, 0.99),
        "tcp_unanswered": sum(one == float("inf") for one in tcp),
        "windows": [asdict(each) for each in waits],
    }


def report(name: str, found: dict[str, Any]) -> str:
    quiet, crowded = found["quiet"], found["crowded"]
    head = f"{name}: {found['places']} places, {found['held']:.0f} held, {found['evicted']:.0f} made room"
    lines = [f"{head}\n{'':14}{'quiet':>10}{'crowded':>10}{'ratio':>8}"]
    for key in ("udp_p50_ms", "udp_p99_ms", "tcp_p50_ms", "tcp_p99_ms"):
        label = key.removesuffix("_ms").replace("_", " ") + ", ms"
        lines.append(f"{label:14}{quiet[key]:10.3f}{crowded[key]:10.3f}{crowded[key] / quiet[key]:8.2f}")
    counted = ("udp_lost", "udp_unanswered", "tcp_unanswered")
    lines += [f"{key.replace('_', ' '):14}{quiet[key]:10}{crowded[key]:10}" for key in counted]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 0 when everything was measured and nobody went without an answer, else 1."""
    sizes = parse(arguments)
    wanted = sizes.idle + sizes.slow
    found = {name: measure(places, sizes) for name, places in (("roomy", 2 * wanted), ("full", wanted * 9 // 10))}
    print("\n\n".join(report(name, each) for name, each in found.items()))
    if sizes.json is not None:
        sizes.json.write_text(json.dumps(found, indent=2) + "\n")
    unanswered = sum(each[kind]["tcp_unanswered"] for each in found.values() for kind in ("quiet", "crowded"))
    return 1 if unanswered else 0


if __name__ == "__main__":
    raise SystemExit(main())
