"""Who may be connected: limits in all and per client, and how long a connection may be idle (RFC 7766 section 6.2,
RFC 9210 section 4.2).

When every place is taken, a new connection takes that of the one which has been idle longest: a thousand idle clients
must not lock out one that asks. While descriptors are short there are fewer places than the limit says. From half the
places on, the idle time shrinks, to LEAST_IDLE_SECONDS when all are taken; `edns-tcp-keepalive` says what it is at the
moment (RFC 7828), and a connection keeps the time that was in force at its last query. A client is an IPv4 address or
an IPv6 /64, which is what one host has.
"""

import ipaddress
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import structlog

from gslb.metrics import Metrics

log = structlog.get_logger("gslb.server")

LEAST_IDLE_SECONDS = 1.0
"""Time for a round trip and the query, from anywhere."""
LOG_EVERY_SECONDS = 60.0
_IPV6_HOST_BITS = 64

_ADVICE = {
    "client": "`ss -tn` shows who; `limits.tcp_per_client` is the limit",
    "all": "`ss -tn` shows who; `limits.tcp_connections` is the limit",
    "idle": "idle connections made room; if clients are honest raise `limits.tcp_connections`",
}


@dataclass(frozen=True, slots=True)
class TcpLimits:
    """Connections in all and per client, the seconds one may stay without a whole query, and the seconds that a
    transfer may take."""

    connections: int = 1000
    per_client: int = 100
    idle_seconds: float = 10.0
    transfer_seconds: float = 600.0


class Occupant(Protocol):
    """A connection, as seen from here."""

    @property
    def client(self) -> str:
        """The address."""

    @property
    def transport_name(self) -> str:
        """`tcp` or `tls`."""

    @property
    def busy(self) -> bool:
        """True while it is owed something."""

    def close(self) -> None:
        """Close after what is already written."""

    def make_room(self) -> None:
        """Close at once: what the client has not taken by now is lost."""


class Places:
    """The connections that are open. `clock` gives seconds, for how often the log tells of limits."""

    def __init__(self, limits: TcpLimits, metrics: Metrics, clock: Callable[[], float]) -> None:
        self.limits = limits
        self._metrics = metrics
        self._clock = clock
        self._room = limits.connections
        self._open: OrderedDict[Occupant, str] = OrderedDict()  # the one that asked last at the end
        self._clients: Counter[str] = Counter()
        self._counts: Counter[str] = Counter()
        self._gauges = {name: metrics.tcp_connections.labels(name) for name in ("tcp", "tls")}
        self._told: dict[str, float] = {}
        self._untold: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._open)

    def __iter__(self) -> Iterator[Occupant]:
        return iter(list(self._open))

    @property
    def idle_seconds(self) -> float:
        """How long a connection that asks now may be idle from now on."""
        free = 1 - len(self._open) / self._room
        longest = self.limits.idle_seconds
        return max(min(longest, LEAST_IDLE_SECONDS), longest * min(1.0, 2 * free))

    def admit(self, occupant: Occupant) -> bool:
        """Count a connection in, at a limit in the place of another; False when there is none to have."""
        network = client_network(occupant.client)
        if self._clients[network] >= self.limits.per_client:
            return self._refuse("client", occupant)
        if len(self._open) >= self._room:
            idle = self._close_idle()
            if idle is None:
                return self._refuse("all", occupant)
            self._tell("idle", idle)
        self._open[occupant] = network
        self._clients[network] += 1
        self._count(occupant.transport_name, 1)
        return True

    def make_do_with(self, connections: int) -> int:
        """Have so many places until told otherwise, the limit at most and one at least. Connections above that are
        closed, the longest idle first, unless they are busy. Gives how many were."""
        self._room = max(1, min(connections, self.limits.connections))
        closed = 0
        while len(self._open) > self._room and self._close_idle() is not None:
            closed += 1
        return closed

    def _close_idle(self) -> Occupant | None:
        """Close the connection that is idle longest; None where all are busy."""
        idle = next((each for each in self._open if not each.busy), None)
        if idle is not None:
            self._metrics.tcp_evicted.labels(idle.transport_name).inc()
            self.leave(idle)
            idle.make_room()
        return idle

    def asked(self, occupant: Occupant) -> None:
        """A whole query came: of all connections this one has been idle for the shortest time."""
        if occupant in self._open:
            self._open.move_to_end(occupant)

    def leave(self, occupant: Occupant) -> None:
        """Count a connection out, if it is in."""
        network = self._open.pop(occupant, None)
        if network is None:
            return
        self._clients[network] -= 1
        if not self._clients[network]:
            del self._clients[network]
        self._count(occupant.transport_name, -1)

    def _count(self, transport: str, change: int) -> None:
        self._counts[transport] += change
        self._gauges[transport].set(self._counts[transport])

    def _refuse(self, limit: str, occupant: Occupant) -> bool:
        self._metrics.tcp_refused.labels(limit).inc()
        self._tell(limit, occupant)
        return False

    def _tell(self, limit: str, occupant: Occupant) -> None:
        """Say it in the log, but not more often than one can read."""
        now = self._clock()
        self._untold[limit] += 1
        if 0 <= now - self._told.get(limit, -LOG_EVERY_SECONDS) < LOG_EVERY_SECONDS:  # a clock may be set back
            return
        self._told[limit] = now
        times = self._untold.pop(limit)
        advice = _ADVICE[limit]
        log.warning("tcp_limit_reached", limit=limit, client=occupant.client, times=times, advice=advice)


def client_network(address: str) -> str:
    """What counts as one client."""
    if ":" not in address:
        return address
    number = int(ipaddress.IPv6Address(address))
    return str(ipaddress.IPv6Address(number >> _IPV6_HOST_BITS << _IPV6_HOST_BITS))
