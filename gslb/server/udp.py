"""UDP: one non-blocking socket per address, drained on each wake-up of the event loop.

Replies must leave from the address that was asked, so a wildcard address is expanded before it gets here (see
`listen`). An ordinary query takes the short path in the loop below; the rest goes to the `Responder`. With response
rate limiting another loop runs in its place, in which a `UdpGuard` answers.
"""

import asyncio
import socket

from gslb.metrics import FOLD_AT, Tally
from gslb.server.guard import UdpGuard
from gslb.server.responder import Responder
from gslb.wire.query import MAX_QUERY_OCTETS

DRAIN_LIMIT = 128
"""Queries taken per wake-up, so that TCP, health and reloads get their turn under a flood."""
_RECEIVE_BUFFER = 4 << 20
_RECEIVED_OCTETS = MAX_QUERY_OCTETS + 1  # enough to see that a datagram is longer


class UdpListener:
    """Serves one bound socket until `close`."""

    def __init__(self, sock: socket.socket, responder: Responder, guard: UdpGuard | None = None) -> None:
        self._socket = sock
        self._responder = responder
        self.tally = Tally(responder.metrics, "udp")
        self._loop = asyncio.get_running_loop()
        sock.setblocking(False)  # noqa: FBT003  the standard library's signature
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
        self.limit(guard)

    def limit(self, guard: UdpGuard | None) -> None:
        """Have the replies judged from now on, or not any more."""
        self._guard = guard
        self._loop.add_reader(self._socket.fileno(), self._drain if guard is None else self._drain_guarded)

    @property
    def address(self) -> tuple[str, int]:
        host, port = self._socket.getsockname()[:2]
        return host, port

    def _drain(self) -> None:
        receive, send = self._socket.recvfrom, self._socket.sendto
        responder, count = self._responder, self.tally.log.append
        short, source, table = responder.short.answer, responder.source, responder.table
        now = responder.clock()
        try:
            for _ in range(DRAIN_LIMIT):
                data, peer = receive(_RECEIVED_OCTETS)
                try:
                    shortcut = short(data, table, source, peer[0], now)
                except Exception as error:  # noqa: BLE001  a bug of ours costs this query, not the server
                    send(responder.servfail(data, error), peer)
                    continue
                if shortcut is None:
                    reply = responder.answer(data, peer[0], self.tally, udp=True)
                    if isinstance(reply, bytes):
                        send(reply, peer)
                    continue
                send(shortcut[0], peer)
                count(shortcut[1])
                if shortcut[2] is not None:
                    count(shortcut[2])
        except BlockingIOError:
            pass
        except OSError:
            # The kernel did not take a reply (no route, a firewall, port 0), or reports that of an earlier one.
            responder.metrics.dropped.labels("udp").inc()
        if len(self.tally.log) >= FOLD_AT:
            self.tally.fold()

    def _drain_guarded(self) -> None:
        """As `_drain`, with the replies judged."""
        assert self._guard is not None
        receive, send = self._socket.recvfrom, self._socket.sendto
        answer, tally = self._guard.answer, self.tally
        try:
            for _ in range(DRAIN_LIMIT):
                data, peer = receive(_RECEIVED_OCTETS)
                reply = answer(data, peer[0], tally)
                if reply is not None:
                    send(reply, peer)
        except BlockingIOError:
            pass
        except OSError:
            self._responder.metrics.dropped.labels("udp").inc()
        if len(tally.log) >= FOLD_AT:
            tally.fold()

    def close(self) -> None:
        """Stop serving; what was counted is folded."""
        self._loop.remove_reader(self._socket.fileno())
        self._socket.close()
        self.tally.fold()
