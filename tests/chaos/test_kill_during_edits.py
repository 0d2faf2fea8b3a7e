"""`kill -9` of a primary and of its secondary at random moments of a burst of edits: each comes back with one whole
version, none older than it was seen to serve."""

import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import dns.exception
import dns.query
import pytest
from harness import Daemon, wait_for
from ledger import Ledger
from versioned_zone import APEX, QUESTIONS, number_in, zone_text

pytestmark = pytest.mark.chaos

ROUNDS = 10
"""Two kills in each."""
KEY = "keys: {xfr: {secret: c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2U=}}\n"


class Pair:
    """A primary and its secondary on loopback, and an editor of the primary's zone."""

    def __init__(self, folder: Path) -> None:
        for name in ("primary", "secondary"):
            (folder / name).mkdir()
        self.primary, self.secondary = Daemon(folder / "primary"), Daemon(folder / "secondary")
        self.ledger = Ledger()
        self.number = 0
        self._configure(self.primary, self.secondary, "file: zones/chaos.yaml, notify: [peer]")
        self._configure(self.secondary, self.primary, "primaries: [peer]")
        self.edit()

    def _configure(self, node: Daemon, peer: Daemon, source: str) -> None:
        peers = f"peers: {{peer: {{address: 127.0.0.1, port: {peer.port}, key: xfr}}}}\n"
        node.configure(f"{KEY}{peers}zones: {{{APEX}: {{{source}, allow_transfer: [peer, 127.0.0.0/8]}}}}\n")

    def edit(self) -> None:
        self.number += 1
        self.primary.write("zones/chaos.yaml", zone_text(self.number, refresh_seconds=2, retry_seconds=1))

    def look(self, node: Daemon) -> int:
        """The newest version a node was seen to serve, after asking it once more."""
        name = node.folder.name
        before = self.ledger.newest(name)
        try:
            answer = node.ask(*random.choice(QUESTIONS), timeout=0.2, use_edns=False)
        except (OSError, dns.exception.DNSException):
            return before
        self.ledger.take(name, "UDP", before, answer)
        return self.ledger.newest(name)

    def become_equal(self) -> None:
        wait_for(
            lambda: self.look(self.primary) == self.look(self.secondary) == self.number,
            f"both nodes at edit {self.number}",
        )

    def burst(self, kills: list[tuple[float, Daemon]]) -> None:
        """Edit without pause, and look on, while nodes are killed at these times (seconds)."""
        ending = threading.Event()

        def edit() -> None:
            self.edit()
            while not ending.wait(random.uniform(0.06, 0.12)):
                self.edit()

        editor = threading.Thread(target=edit)
        editor.start()
        try:
            started = time.monotonic()
            for moment, node in sorted(kills, key=lambda each: each[0]):
                while time.monotonic() - started < moment:
                    for each in (self.primary, self.secondary):
                        if each.process is not None and each.process.poll() is None:
                            self.look(each)
                node.kill()
        finally:
            ending.set()
            editor.join()


def whole_version(node: Daemon) -> int:
    """The number that every telling record of a node's zone has."""
    messages = dns.query.xfr("127.0.0.1", APEX, port=node.port, relativize=False, timeout=20, lifetime=60)
    rdatas = [rdata for message in messages for rrset in message.answer for rdata in rrset]
    numbers = {number_in(rdata) for rdata in rdatas} - {None}
    assert len(numbers) == 1, f"versions {numbers} in one zone"
    return numbers.pop()


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    nodes = Pair(tmp_path)
    yield nodes
    nodes.primary.stop()
    nodes.secondary.stop()


def test_kill_9_at_any_moment_of_a_burst_of_edits_leaves_a_whole_version_no_older_than_served(pair: Pair) -> None:
    for node in (pair.primary, pair.secondary):
        node.start()
    for _ in range(ROUNDS):
        pair.become_equal()
        pair.burst([(random.uniform(0.1, 0.8), node) for node in (pair.primary, pair.secondary)])
        for node in (pair.secondary, pair.primary):  # the secondary first: it has only its own disk to start from
            node.start()
            version = whole_version(node)
            assert version >= pair.ledger.newest(node.folder.name)
    pair.become_equal()
    assert pair.ledger.counts["mixed"] == pair.ledger.counts["wrong"] == 0, pair.ledger.examples
    assert not pair.ledger.back, pair.ledger.examples
    assert len(pair.ledger.served("primary")) > ROUNDS
