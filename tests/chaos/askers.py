"""Threads that ask one node without pause, from a machine of the network, and tell the ledger."""

import threading
import time
from dataclasses import dataclass
from itertools import cycle

import dns.exception
import dns.message
import dns.query
from ledger import Ledger
from namespaces import enter
from versioned_zone import QUESTIONS


@dataclass(frozen=True, slots=True)
class Route:
    """From which machine which node is asked, and how. `pause_seconds` is between an answer and the next question."""

    machine: str
    node: str
    address: str
    tcp: bool
    pause_seconds: float
    timeout_seconds: float

    @property
    def text(self) -> str:
        by = "TCP" if self.tcp else "UDP"
        return by if self.machine == self.node else f"{by} across the network"

    def ask(self, name: str, qtype: str) -> dns.message.Message:
        """Raises `OSError` or `DNSException` when there is no answer."""
        query = dns.message.make_query(name, qtype, use_edns=False)
        send = dns.query.tcp if self.tcp else dns.query.udp
        return send(query, self.address, timeout=self.timeout_seconds)


class Asker(threading.Thread):
    """`start` it, `stop` it."""

    def __init__(self, route: Route, ledger: Ledger) -> None:
        super().__init__(daemon=True)
        self._route = route
        self._ledger = ledger
        self._ending = threading.Event()

    def run(self) -> None:
        enter(self._route.machine)
        questions = cycle(QUESTIONS)
        while not self._ending.is_set():
            self._ask(*next(questions))
            time.sleep(self._route.pause_seconds)

    def _ask(self, name: str, qtype: str) -> None:
        newest = self._ledger.newest(self._route.node)
        try:
            answer = self._route.ask(name, qtype)
        except (OSError, EOFError, dns.exception.DNSException):
            self._ledger.unanswered()
        else:
            self._ledger.take(self._route.node, self._route.text, newest, answer)

    def stop(self) -> None:
        self._ending.set()
        self.join()
