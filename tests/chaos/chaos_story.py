"""What happens to the cluster, when, and what came of it.

Edits and queries go on all the time. Meanwhile a node is killed at each beat, in turns of random order, and started
again after a random pause; the primary is cut off from both secondaries for a while; later from n3 only, which then
gets its versions from n2. After the last fault there are no more edits, and all nodes have to serve the last one
within the zone's refresh time, over a network that still delays and loses packets.
"""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import dns.name
import dns.query
import dns.rdata
import dns.tsigkeyring
from askers import Asker, Route
from chaos_nodes import CLIENT, NAMES, PRIMARY, SECRET, Node
from impaired_network import Network
from ledger import Ledger
from namespaces import within
from versioned_zone import APEX, number_in, zone_text

PRIVATE_TYPE = 65282
DETOUR = (PRIMARY, "n3")
BOUND_SECONDS = 60.0
CRASHES = ("internal_error", "transfer_crashed", "transfer_not_taken", "zone_not_taken", "zone_expired")


@dataclass(frozen=True, slots=True)
class Plan:
    """Times in seconds from when all nodes are equal at first. `cut` is when the primary is alone, `detour` when it is
    cut off from n3 only, which is then spared. A node is killed every `beat` until `end`, and is down for `down`
    (from, to)."""

    end: float
    beat: float
    down: tuple[float, float]
    cut: tuple[float, float]
    detour: tuple[float, float]
    delay_ms: int = 200
    loss_percent: int = 10
    refresh_seconds: int = 20


FULL = Plan(end=120, beat=5, down=(0.2, 2), cut=(20, 80), detour=(85, 115))
SHORT = Plan(end=28, beat=4, down=(0.2, 1), cut=(3, 11), detour=(13, 25))


class StoryError(Exception):
    """The cluster did not get where the story needs it."""


class Editor(threading.Thread):
    """Edits the zone without pause: the next one when the last is served or, as the primary may be dead, a second
    later."""

    def __init__(self, primary: Node, ledger: Ledger, refresh_seconds: int) -> None:
        super().__init__(daemon=True)
        self.number = 0
        self._primary, self._ledger = primary, ledger
        self._refresh_seconds = refresh_seconds
        self._ending = threading.Event()

    def edit(self) -> None:
        self.number += 1
        self._primary.write("chaos.yaml", zone_text(self.number, self._refresh_seconds))

    def run(self) -> None:
        while not self._ending.wait(random.uniform(0, 0.3)):
            self.edit()
            end = time.monotonic() + 1
            while self._ledger.newest(PRIMARY) < self.number and time.monotonic() < end and not self._ending.is_set():
                time.sleep(0.02)

    def stop(self) -> None:
        self._ending.set()
        self.join()


class Story:
    """`play` it once. `say` is told what happens."""

    def __init__(self, plan: Plan, folder: Path, say: Callable[[str], None]) -> None:
        self._plan = plan
        self._say = say
        self.network = Network([*NAMES, CLIENT], plan.delay_ms, plan.loss_percent)
        self._nodes = {name: Node(name, folder, self.network.addresses) for name in NAMES}
        self._ledger = Ledger()
        self._editor = Editor(self._nodes[PRIMARY], self._ledger, plan.refresh_seconds)
        self._kills: Counter[str] = Counter(dict.fromkeys(NAMES, 0))
        self._started = 0.0
        self._edits_before_detour = 0

    def play(self) -> dict[str, Any]:
        """The counts, as `report` in `chaos.py` shows them."""
        self._editor.edit()
        for node in self._nodes.values():
            node.start()
        askers = [Asker(route, self._ledger) for route in self._routes()]
        for asker in askers:
            asker.start()
        self._until_equal(BOUND_SECONDS)
        self._say(f"all nodes are equal; network: {self.network.kind}")
        self._editor.start()
        self._disturb()
        seconds = self._until_equal(BOUND_SECONDS)
        whole = self._whole_zones_are_equal()
        for asker in askers:
            asker.stop()
        for node in self._nodes.values():
            node.kill()
        return self._result(seconds, whole)

    def _routes(self) -> list[Route]:
        """To each node by UDP and TCP: from its own machine, where nothing is lost, and from one of its own."""
        ways = [(node, tcp) for node in self._nodes.values() for tcp in (False, True)]
        near = [Route(node.name, node.name, node.address, tcp, 0.02, 0.5) for node, tcp in ways]
        return near + [Route(CLIENT, node.name, node.address, tcp, 0.0, 4.0 if tcp else 1.0) for node, tcp in ways]

    # Faults

    def _disturb(self) -> None:
        """All faults, each at its time. At the end every node is running, nothing is cut, and edits have stopped."""
        self._started = time.monotonic()
        plan = self._plan
        apart = [(PRIMARY, "n2"), DETOUR]
        todo: list[tuple[float, Callable[[], None]]] = [
            (plan.cut[0], lambda: self._cut(apart)),
            (plan.cut[1], lambda: self._heal(apart)),
            (plan.detour[0], self._begin_detour),
            (plan.detour[1], self._end_detour),
        ]
        todo += [(moment, lambda name=name: self._kill(name)) for moment, name in kills(plan)]
        for moment, act in sorted(todo, key=lambda each: each[0]):
            time.sleep(max(self._started + moment - time.monotonic(), 0))
            act()
        self._editor.stop()

    def _tell(self, text: str) -> None:
        self._say(f"{time.monotonic() - self._started:6.1f} s  {text}")

    def _cut(self, pairs: list[tuple[str, str]]) -> None:
        self._tell("cut: " + ", ".join("-".join(pair) for pair in pairs))
        for pair in pairs:
            self.network.cut(*pair)

    def _heal(self, pairs: list[tuple[str, str]]) -> None:
        self._tell("healed: " + ", ".join("-".join(pair) for pair in pairs))
        for pair in pairs:
            self.network.heal(*pair)

    def _begin_detour(self) -> None:
        self._cut([DETOUR])
        self._edits_before_detour = self._editor.number

    def _end_detour(self) -> None:
        """Should n3 not have had the time to get a later edit by way of n2, it is given some more."""
        end = time.monotonic() + BOUND_SECONDS
        while self._ledger.newest("n3") <= self._edits_before_detour and time.monotonic() < end:
            time.sleep(0.02)
        self._heal([DETOUR])

    def _kill(self, name: str) -> None:
        self._still_running(self._nodes[name])
        down = random.uniform(*self._plan.down)
        newest = ", ".join(f"{each} {self._ledger.newest(each)}" for each in NAMES)
        self._tell(f"kill -9 {name}, down for {down:.1f} s; edits {self._editor.number}, served {newest}")
        self._kills[name] += 1
        self._nodes[name].kill()
        time.sleep(down)
        self._nodes[name].start()

    # Equality

    def _still_running(self, node: Node) -> None:
        """Raises `StoryError` when a node ended that nobody killed."""
        if not node.running:
            raise StoryError(f"{node.name} ended by itself:\n{node.last_lines()}")

    def _until_equal(self, bound_seconds: float) -> float:
        """How long until each node serves the last edit. Raises `StoryError`."""
        started = time.monotonic()
        while any(self._ledger.newest(name) < self._editor.number for name in NAMES):
            for node in self._nodes.values():
                self._still_running(node)
            if time.monotonic() - started > bound_seconds:
                found = {name: self._ledger.newest(name) for name in NAMES}
                raise StoryError(f"not equal within {bound_seconds:g} s: edit {self._editor.number}, served {found}")
            time.sleep(0.02)
        return time.monotonic() - started

    def _whole_zones_are_equal(self) -> bool:
        """True when transfers from all nodes hold the same records, steering too, all of the last edit."""
        zones = [within(CLIENT, lambda node=node: transfer(node.address)) for node in self._nodes.values()]
        numbers = {number_in(record.rdata) for record in zones[0]} - {None}
        steered = any(record.rdata.rdtype == PRIVATE_TYPE for record in zones[0])
        return len(set(zones)) == 1 and steered and numbers == {self._editor.number}

    # Results

    def _result(self, seconds_to_equal: float, whole: bool) -> dict[str, Any]:
        events = {name: node.events() for name, node in self._nodes.items()}
        counts, served = self._ledger.counts, self._ledger.served(PRIMARY)
        back = {name: serials_that_went_back(events[name]) for name in NAMES}
        result = {
            "plan": asdict(self._plan),
            "network": self.network.kind,
            "packets": self.network.close(),
            "kills": dict(self._kills),
            "edits": self._editor.number,
            "acknowledged": len(served),
            "lost": self._ledger.back[PRIMARY] + back[PRIMARY],
            "secondaries_went_back": sum(self._ledger.back[name] + back[name] for name in NAMES if name != PRIMARY),
            **counts,
            "answered_by": dict(sorted(self._ledger.answered.items())),
            "transfers": dict(sorted(transfers(events).items())),
            "transfers_failed": sum(event["event"] == "transfer_failed" for each in events.values() for event in each),
            "seconds_to_equal": round(seconds_to_equal, 2),
            "whole_zones_equal": whole,
            "crashes": [event for each in events.values() for event in each if event["event"] in CRASHES],
            "examples": dict(self._ledger.examples),
        }
        return result | {"problems": problems(result)}


def kills(plan: Plan) -> Iterator[tuple[float, str]]:
    """When which node is killed: each in turn, in random order."""
    turns: list[str] = []
    for beat in range(1, int(plan.end / plan.beat) + 1):
        moment = beat * plan.beat
        spared = {"n3"} if plan.detour[0] <= moment < plan.detour[1] else set()
        if not set(turns) - spared:
            turns += random.sample(NAMES, len(NAMES))
        name = next(name for name in turns if name not in spared)
        turns.remove(name)
        yield moment, name


def problems(result: dict[str, Any]) -> list[str]:
    """What was promised and not held; nothing when all is well."""
    found = [
        f"{result[key]} {what}"
        for key, what in {
            "mixed": "answers of two versions",
            "wrong": "answers with an error code",
            "lost": "times the primary was back at a version before one that was acknowledged",
            "secondaries_went_back": "times a secondary was back at a version before one it had served",
        }.items()
        if result[key]
    ]
    if result["seconds_to_equal"] > result["plan"]["refresh_seconds"]:
        found.append("the nodes were not equal within refresh after the last fault")
    if not result["whole_zones_equal"]:
        found.append("the nodes' whole zones are not equal")
    if result["crashes"]:
        found.append(f"the logs tell of {result['crashes'][0]}")
    if not any(times for how, times in result["transfers"].items() if how.startswith("n3 from n2")):
        found.append("n3 never took a version from n2, which the story is made to bring about")
    return found


def serials_that_went_back(events: list[dict[str, Any]]) -> int:
    """How often a node logged that it serves an older version than it had logged before."""
    serials = [event["serial"] for event in events if event["event"] in {"zone_loaded", "zone_transferred"}]
    return sum(after < before for before, after in pairwise(serials))


def transfers(events: dict[str, list[dict[str, Any]]]) -> Counter[str]:
    """Versions taken, as in "n3 from n2 by ixfr"."""
    return Counter(
        f"{name} from {event['primary']} by {event['how']}"
        for name, each in events.items()
        for event in each
        if event["event"] == "zone_transferred" and "how" in event
    )


@dataclass(frozen=True, slots=True)
class Transferred:
    """A record of a zone."""

    owner: dns.name.Name
    ttl_seconds: int
    rdata: dns.rdata.Rdata


def transfer(address: str) -> frozenset[Transferred]:
    """The whole zone at a node, in the steering view."""
    key = dns.tsigkeyring.from_text({"xfr": SECRET})
    messages = dns.query.xfr(address, APEX, keyring=key, relativize=False, timeout=10, lifetime=60)
    rrsets = (rrset for message in messages for rrset in message.answer)
    return frozenset(Transferred(rrset.name, rrset.ttl, rdata) for rrset in rrsets for rdata in rrset)
