"""What was asked and what came back: the counts, and whatever breaks a promise, noticed the moment it happens.

- An answer holds data of one version (`versioned_zone.judge`), and a serial belongs to one version for ever.
- A version that a node was seen to serve is the oldest it ever serves again, over kills too: an answer to a question
  sent after that is not older. At the primary this says that no acknowledged edit is lost.

Safe to use from several threads.
"""

import threading
from collections import Counter, defaultdict

import dns.message
from versioned_zone import MixedError, Version, WrongError, judge

KEPT = 5
"""Examples kept of each kind of broken promise."""


class Ledger:
    """`counts` has queries, answered, and the broken promises mixed and wrong (another rcode); `back` has by node how
    often it served an older version than before."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter(queries=0, answered=0, mixed=0, wrong=0)
        self.back: Counter[str] = Counter()
        self.answered: Counter[str] = Counter()
        """By node and way, as in "n1 UDP"."""
        self.examples: defaultdict[str, list[str]] = defaultdict(list)
        self._newest: Counter[str] = Counter()
        self._served: defaultdict[str, set[int]] = defaultdict(set)
        self._numbers: dict[int, int] = {}
        self._lock = threading.Lock()

    def newest(self, node: str) -> int:
        """The number of the newest version that a node was seen to serve; 0 before any."""
        return self._newest[node]

    def served(self, node: str) -> set[int]:
        """The numbers of all versions that a node was seen to serve."""
        with self._lock:
            return set(self._served[node])

    def unanswered(self) -> None:
        with self._lock:
            self.counts["queries"] += 1

    def take(self, node: str, way: str, newest_before: int, answer: dns.message.Message) -> None:
        """Judge an answer. `newest_before` is `newest(node)` as it was when the question was sent."""
        with self._lock:
            self.counts["queries"] += 1
            try:
                version = judge(answer)
            except MixedError as error:
                self._broken("mixed", f"{node} by {way}: {error}")
            except WrongError as error:
                self._broken("wrong", f"{node} by {way}: {error}")
            else:
                self._take(node, way, newest_before, version)

    def _take(self, node: str, way: str, newest_before: int, version: Version) -> None:
        self.counts["answered"] += 1
        self.answered[f"{node} {way}"] += 1
        self._served[node].add(version.number)
        self._newest[node] = max(self._newest[node], version.number)
        if version.number < newest_before:
            self.back[node] += 1
            self._keep("back", f"{node} by {way}: version {version.number} after {newest_before}")
        if version.serial is not None:
            known = self._numbers.setdefault(version.serial, version.number)
            if known != version.number:
                self._broken("mixed", f"{node} by {way}: serial {version.serial}: versions {known}, {version.number}")

    def _broken(self, kind: str, example: str) -> None:
        self.counts[kind] += 1
        self._keep(kind, example)

    def _keep(self, kind: str, example: str) -> None:
        if len(self.examples[kind]) < KEPT:
            self.examples[kind].append(example)
