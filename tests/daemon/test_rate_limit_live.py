"""A flood from one network of clients is limited by the real node, and another network is answered throughout."""

import contextlib
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator

import dns.flags
import dns.message
import dns.query
import pytest
from harness import Daemon, wait_for

pytestmark = pytest.mark.daemon

ZONE = """\
'': {type: NS, values: [ns1.flood.example.]}
ns1: {type: A, value: 127.0.0.1}
www: {type: A, ttl: 5, values: [192.0.2.1, 192.0.2.2], gslb: {weights: {192.0.2.1: 3}}}
'*.wild': {type: A, value: 192.0.2.3}
"""
PLAIN = "zones_dir: zones\n"
LIMITED = PLAIN + "rate_limit: {responses_per_second: 20, burst: 1s, slip: 2}\n"
FLOODER, FLOODER_TOO, OTHER = "127.0.0.21", "127.0.0.99", "127.0.1.21"


@pytest.fixture
def node(daemon: Daemon) -> Daemon:
    daemon.configure(LIMITED)
    daemon.write("zones/flood.example.yaml", ZONE)
    daemon.start()
    return daemon


@contextlib.contextmanager
def flood(node: Daemon, source: str) -> Iterator[Counter[str]]:
    """Ask without a pause from this address while the block runs; what came back so far."""
    stop = threading.Event()
    seen: Counter[str] = Counter()

    def run() -> None:
        query = dns.message.make_query("www.flood.example", "A").to_wire()
        with socket.socket(type=socket.SOCK_DGRAM) as sock:
            sock.bind((source, 0))
            sock.connect(("127.0.0.1", node.port))
            sock.settimeout(0.002)
            while not stop.is_set():
                sock.send(query)
                try:
                    reply = sock.recv(4096)
                except TimeoutError:
                    continue
                seen["slipped" if reply[2] & 2 else "whole"] += 1

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield seen
    finally:
        stop.set()
        thread.join()


BURST = 40
"""Queries sent at once from each address: so many find room in the node's socket, however long it stands still."""


class Flooder:
    """Sends bursts from an address; `seen` tells what came back."""

    def __init__(self, node: Daemon, source: str) -> None:
        self.seen: Counter[str] = Counter()
        self._socket = socket.socket(type=socket.SOCK_DGRAM)
        self._socket.bind((source, 0))
        self._socket.connect(("127.0.0.1", node.port))
        self._socket.setblocking(False)

    def ask(self, name: str) -> None:
        """One burst, `%d` in the name counting up."""
        for _ in range(BURST):
            asked = name % self.seen["asked"] if "%" in name else name
            self._socket.send(dns.message.make_query(asked, "A").to_wire())
            self.seen["asked"] += 1

    def look(self) -> None:
        """Count what has come: everything, once a query that was sent after the burst is answered."""
        with contextlib.suppress(BlockingIOError):
            while True:
                self.seen["slipped" if self._socket.recv(4096)[2] & 2 else "whole"] += 1

    def close(self) -> None:
        self._socket.close()


def ask_from(node: Daemon, source: str, name: str = "www.flood.example", **more) -> dns.message.Message:
    query = dns.message.make_query(name, "A")
    return dns.query.udp(query, "127.0.0.1", timeout=20, port=node.port, source=source, **more)


def events(node: Daemon, name: str) -> list[dict[str, object]]:
    return [event for event in node.events() if event["event"] == name]


@pytest.mark.parametrize("name", ["www.flood.example", "n%d.wild.flood.example", "n%d.flood.example"])
def test_a_flood_is_limited_and_another_network_is_answered_throughout(node: Daemon, name: str) -> None:
    asked = name.replace("%d", "x")
    started = time.monotonic()
    replies = []
    with (
        contextlib.closing(Flooder(node, FLOODER)) as flooder,
        contextlib.closing(Flooder(node, FLOODER_TOO)) as another,
    ):
        for _ in range(40):
            for each in (flooder, another):
                each.ask(name)
            replies.append(ask_from(node, OTHER, asked))
            for each in (flooder, another):
                each.look()
            time.sleep(0.06)  # a resolver's pace, below the limit
    seconds = time.monotonic() - started
    seen = flooder.seen + another.seen
    assert len(replies) == 40
    assert not any(reply.flags & dns.flags.TC for reply in replies)
    assert seen["whole"] <= 20 * (seconds + 1) + 2
    assert seen["slipped"] > 0
    assert seen["asked"] > 4 * seen["whole"], seen


def test_a_victims_resolver_gets_its_answer_over_tcp(node: Daemon) -> None:
    with flood(node, FLOODER):
        wait_for(lambda: events(node, "rate_limit_began"), "the flood to be limited")
        query = dns.message.make_query("www.flood.example", "A")
        assert dns.query.tcp(query, "127.0.0.1", timeout=20, port=node.port, source=FLOODER).answer

        def answered() -> bool:
            """As a resolver asks: again when nothing comes, and over TCP when told to."""
            try:
                reply, by_tcp = dns.query.udp_with_fallback(
                    query, "127.0.0.1", timeout=0.3, port=node.port, source=FLOODER
                )
            except dns.exception.Timeout:
                return False
            return bool(reply.answer) and by_tcp

        wait_for(answered, "a truncated reply and then the whole one")


def test_log_metrics_and_status_say_who_is_limited(node: Daemon) -> None:
    assert "rate limit: nobody is above it" in node.run("status").stdout
    with flood(node, FLOODER):
        begun = wait_for(lambda: events(node, "rate_limit_began"), "the flood to be limited")
        assert [(event["network"], event["kind"]) for event in begun] == [("127.0.0.0/24", "answer")]
        assert node.metrics()["gslb_rate_limited_networks"] == 1
        assert "rate limit: 127.0.0.0/24 (answer: " in node.run("status").stdout
        assert node.status()["rate_limit"]["busiest"][0]["network"] == "127.0.0.0/24"
    counted = node.metrics()
    assert counted['gslb_rate_limited_replies_total{action="dropped",kind="answer"}'] > 0
    assert counted['gslb_rate_limited_replies_total{action="slipped",kind="answer"}'] > 0
    ended = wait_for(lambda: events(node, "rate_limit_ended"), "the end of the flood to be told")
    assert ended[0]["dropped"] >= counted['gslb_rate_limited_replies_total{action="dropped",kind="answer"}']
    assert node.metrics()["gslb_rate_limited_networks"] == 0
    assert len(events(node, "rate_limit_began")) == 1


def test_limits_are_live_and_can_be_taken_back(node: Daemon) -> None:
    with flood(node, FLOODER) as seen:
        wait_for(lambda: seen["slipped"], "the flood to be limited")
        node.configure(PLAIN)
        wait_for(lambda: node.status()["rate_limit"] is None, "the limits to be off")
        before = seen["whole"]
        wait_for(lambda: seen["whole"] > before + 100, "the flood to be answered")
        node.configure(LIMITED.replace("slip: 2", "slip: 2, exempt: [127.0.0.0/24]"))
        wait_for(lambda: node.status()["rate_limit"] is not None, "the limits to be on")
        slipped, before = seen["slipped"], seen["whole"]
        wait_for(lambda: seen["whole"] > before + 100, "an exempt flood to be answered")
        assert seen["slipped"] == slipped
