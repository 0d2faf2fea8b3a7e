"""`kill -9` of a node while it loads many zones at once: every zone comes back whole, none older than it was served."""

import random
import threading
import time
from pathlib import Path

import dns.exception
import pytest
from harness import Daemon

pytestmark = pytest.mark.chaos

ZONES = 150
ROUNDS = 6


def text(number: int, edit: int) -> str:
    """A zone whose two values tell its edit."""
    return (
        "'': {type: NS, values: [ns.elsewhere.example.]}\n"
        f"a: {{type: TXT, value: edit {edit}}}\nb: {{type: TXT, value: edit {edit}}}\n"
        f"own: {{type: TXT, value: zone {number}}}\n"
    )


def edit_all(node: Daemon, edit: int) -> None:
    for number in range(ZONES):
        node.write(f"zones/z{number}.example.yaml", text(number, edit))


def serial(node: Daemon, number: int, timeout: float = 20.0) -> int:
    return int(node.ask(f"z{number}.example", "SOA", timeout=timeout).answer[0][0].serial)


class Looker:
    """Asks for serials in turn, as long as the node answers; `seen` has the newest of each zone."""

    def __init__(self, node: Daemon) -> None:
        self._node = node
        self.seen: dict[int, int] = {}
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._ending.is_set():
            number = random.randrange(ZONES)
            try:
                self.seen[number] = max(serial(self._node, number, 1.0), self.seen.get(number, 0))
            except (OSError, dns.exception.DNSException):
                time.sleep(0.01)

    def end(self) -> None:
        self._ending.set()
        self._thread.join()


def test_kill_9_while_many_zones_are_loaded_leaves_each_whole_and_no_older_than_served(tmp_path: Path) -> None:
    node = Daemon(tmp_path)
    node.configure()
    edit_all(node, 0)
    node.start(wait=False)
    time.sleep(random.uniform(0.5, 1.5))  # the first start, too, may end at any moment
    node.kill()
    node.start()
    looker = Looker(node)
    try:
        for edit in range(1, ROUNDS + 1):
            edit_all(node, edit)
            time.sleep(random.uniform(0.0, 0.6))
            node.kill()
            node.start()
            for number in range(ZONES):
                served = serial(node, number)
                assert served >= looker.seen.get(number, 0)
                looker.seen[number] = served
                values = [node.values(f"{name}.z{number}.example", "TXT") for name in "ab"]
                assert values == [{f'"edit {edit}"'}] * 2
                assert node.values(f"own.z{number}.example", "TXT") == {f'"zone {number}"'}
    finally:
        looker.end()
        node.stop()
