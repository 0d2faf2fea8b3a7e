"""What an operator feels, measured on a running node: shares by dig, how long a dead backend stays in the answers,
how soon an edit is served, and whether a steady stream of queries loses any.

    python tests/bench/live.py [--edits 20] [--json]

Everything is on loopback and ends by itself in about a minute. Needs `dig`.
"""

import argparse
import json
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import dns.message

sys.path.insert(0, str(Path(__file__).parent.parent))
from harness import Backend, Daemon

INTERVAL, TIMEOUT, RISE, FALL = 1.0, 0.5, 2, 2
STREAM_PER_SECOND = 500
ZONE = """\
'': {type: NS, values: [ns1.live.example.]}
ns1: {type: A, value: 127.0.0.1}
www:
  type: A
  ttl: 5
  values: [127.0.0.11, 127.0.0.12]
  gslb: {monitor: web, weights: {127.0.0.11: 3}}
edit: {type: A, ttl: 5, value: 192.0.2.1}
"""


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def dig_shares(node: Daemon, queries: int = 3000) -> Counter[str]:
    """What dig gets for `queries` queries of the weighted name."""
    batch = node.folder / "batch"
    batch.write_text("www.live.example A\n" * queries)
    command = ["dig", "@127.0.0.1", "-p", str(node.port), "+short", "+tries=1", "-f", str(batch)]
    return Counter(subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout.split())


def seconds_until(node: Daemon, *, heavy_in: bool) -> float:
    """How long until the heavy backend is in the answers (or was last seen in them)."""
    started = last_seen = time.monotonic()
    while time.monotonic() - started < 10:
        if "127.0.0.11" in node.values("www.live.example"):
            last_seen = time.monotonic()
            if heavy_in:
                return last_seen - started
        elif not heavy_in and time.monotonic() - last_seen > 2:  # 2 s without it in some hundred draws: gone
            return last_seen - started
        time.sleep(0.005)
    raise SystemExit("the heavy backend did not do as it should within 10 s")


class Stream(threading.Thread):
    """A steady stream of queries at STREAM_PER_SECOND; counts those without an answer within 2 s."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self.sent = self.received = 0
        self._ending = threading.Event()
        self._socket = socket.socket(type=socket.SOCK_DGRAM)
        self._socket.connect(("127.0.0.1", port))
        self._socket.settimeout(2)
        self._reader = threading.Thread(target=self._read, daemon=True)

    def run(self) -> None:
        self._reader.start()
        query = dns.message.make_query("www.live.example", "A").to_wire()
        started = time.monotonic()
        while not self._ending.is_set():
            self._socket.send(query)
            self.sent += 1
            time.sleep(max(0.0, started + self.sent / STREAM_PER_SECOND - time.monotonic()))

    def _read(self) -> None:
        try:
            while not self._ending.is_set() or self.received < self.sent:
                self._socket.recv(4096)
                self.received += 1
        except TimeoutError:
            return

    def finish(self) -> None:
        self._ending.set()
        self.join()
        self._reader.join()
        self._socket.close()


def edit_seconds(node: Daemon, number: int) -> float:
    """One edit by rename-over: the time until it is answered."""
    value = f"192.0.2.{number + 2}"
    node.write("zones/live.example.yaml", ZONE.replace("192.0.2.1}", f"{value}}}"))
    started = time.monotonic()
    while node.values("edit.live.example") != {value}:
        if time.monotonic() - started > 5:
            raise SystemExit(f"an edit was not served within 5 s; log:\n{node.log()}")
        time.sleep(0.002)
    return time.monotonic() - started


def measure(edits: int) -> dict[str, Any]:
    heavy = Backend("127.0.0.11", 0)
    light = Backend("127.0.0.12", heavy.port)
    folder = tempfile.TemporaryDirectory(prefix="gslb-live-")
    node = Daemon(Path(folder.name))
    times = f"interval: {INTERVAL:g}s, timeout: {TIMEOUT:g}s, rise: {RISE}, fall: {FALL}"
    monitor = f"{{probe: http, port: {heavy.port}, {times}}}"
    node.configure(f"zones_dir: zones\nmonitors: {{web: {monitor}}}\n")
    node.write("zones/live.example.yaml", ZONE)
    node.start()
    try:
        say("3,000 queries by dig ...")
        shares = dig_shares(node)
        say("killing and reviving the heavy backend, three times ...")
        gone, back = [], []
        for _ in range(3):
            heavy.stop()
            gone.append(seconds_until(node, heavy_in=False))
            heavy.start()
            back.append(seconds_until(node, heavy_in=True))
        say(f"{edits} edits under {STREAM_PER_SECOND} queries a second ...")
        stream = Stream(node.port)
        stream.start()
        served = [edit_seconds(node, number) for number in range(edits)]
        stream.finish()
        bad = node.write("zones/live.example.yaml", ZONE.replace("192.0.2.1}", "192.0.2.1, tll: 5}"))
        checked = node.run("check")
        return {
            "heavy_share": shares["127.0.0.11"] / shares.total(),
            "gone_seconds": gone,
            "gone_bound_seconds": FALL * INTERVAL + TIMEOUT + 1,
            "back_seconds": back,
            "edit_seconds": served,
            "stream": {"sent": stream.sent, "received": stream.received},
            "bad_edit": {
                "file": bad.name,
                "said": checked.stderr.splitlines()[0],
                "still": sorted(node.values("edit.live.example")),
            },
        }
    finally:
        node.stop()
        heavy.stop()
        light.stop()
        folder.cleanup()


def report(found: dict[str, Any]) -> None:
    edits = sorted(found["edit_seconds"])
    spread = ", ".join(f"{seconds:.2f}" for seconds in found["gone_seconds"])
    back = ", ".join(f"{seconds:.2f}" for seconds in found["back_seconds"])
    print(f"share of the heavy backend, 3:1, by dig   {found['heavy_share']:.1%}")
    print(f"dead backend last answered after          {spread} s (bound {found['gone_bound_seconds']:g} s)")
    print(f"revived backend answered after            {back} s")
    print(
        f"edit served after, median (min, max)      {statistics.median(edits):.3f} s ({edits[0]:.3f}, {edits[-1]:.3f})"
    )
    stream = found["stream"]
    print(f"queries during the edits, and answered    {stream['sent']}, {stream['received']}")
    print(f"a bad edit: {found['bad_edit']['said']}")
    print(f"            still served: {', '.join(found['bad_edit']['still'])}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--edits", type=int, default=20, help="how many edits to time (20)")
    parser.add_argument("--json", action="store_true", help="print JSON, for programs")
    arguments = parser.parse_args()
    if shutil.which("dig") is None:
        print("needs dig: apt-get install bind9-dnsutils", file=sys.stderr)
        return 2
    found = measure(arguments.edits)
    if arguments.json:
        print(json.dumps(found, indent=2))
    else:
        report(found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
