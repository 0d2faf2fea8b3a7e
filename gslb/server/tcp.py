"""TCP and TLS: length-prefixed messages, pipelined (RFC 7766, RFC 7858).

A connection takes its turns (see `turns`): in each it looks at a little of what came over TLS, answers one query and
writes one message of one of its transfers, in rotation. So a query that comes behind a transfer is answered between its
messages, out of order (RFC 7766 section 7), and several transfers on one connection go on side by side (RFC 9103
section 6.2). At most STREAMS do; the requests of more wait, while queries pass them.

A connection that brings no whole query for the idle time is closed, however many octets trickle in; so is one that
takes nothing of a transfer for that long, or takes longer over all of it than a transfer may. While a client does not
read its replies, its queries are not answered; while whole queries wait, no more is read.
"""

import asyncio
import ssl
from collections import deque
from typing import cast

import structlog

from gslb.metrics import Tally
from gslb.server.places import Places, TcpLimits
from gslb.server.responder import Responder
from gslb.server.tls import TlsLayer
from gslb.server.turns import Turns
from gslb.transfer.exchange import Stream
from gslb.wire.message import MAX_MESSAGE_OCTETS
from gslb.wire.query import asks_transfer

__all__ = ["TcpConnection", "TcpConnections", "TcpLimits"]

log = structlog.get_logger("gslb.server")

STREAMS = 4
"""Transfers of one connection at a time: a large zone does not hold up a small one, and one client not all places."""
WAITING_TRANSFERS = 64
_TLS_OCTETS_A_TURN = 512
"""A query is a record of some 150 octets. One that wants new keys has 27, and costs as much as ten queries."""
_PREFIX_OCTETS = 2
_READ_AHEAD_OCTETS = _PREFIX_OCTETS + MAX_MESSAGE_OCTETS


class TcpConnections:
    """The connections of a node, over all its TCP sockets."""

    def __init__(self, responder: Responder, limits: TcpLimits) -> None:
        self.responder = responder
        self.places = Places(limits, responder.metrics, responder.clock)
        self.turns = Turns()
        self.tallies = {name: Tally(responder.metrics, name) for name in ("tcp", "tls")}

    def connection(self, context: ssl.SSLContext | None = None) -> "TcpConnection":
        """A protocol for asyncio's `create_server`; for TLS with a context."""
        return TcpConnection(self, None if context is None else TlsLayer(context))

    @property
    def replies(self) -> int:
        """Replies counted since the start."""
        return sum(tally.replies for tally in self.tallies.values())

    def fold(self) -> None:
        """Bring the counters up to date."""
        for tally in self.tallies.values():
            tally.fold()

    def close(self) -> None:
        """Close every connection after what is already written to it."""
        for connection in self.places:
            connection.close()
        self.fold()


class TcpConnection(asyncio.Protocol):
    """One client. `client` is its address; `transport_name` is `tcp` or `tls`."""

    def __init__(self, owner: TcpConnections, tls: TlsLayer | None = None) -> None:
        self.client = ""
        self.transport_name = "tcp" if tls is None else "tls"
        self._owner = owner
        self._tls = tls
        self._loop = asyncio.get_running_loop()
        self._sealed = bytearray()  # what came over TLS and is not looked at yet
        self._buffer = bytearray()
        self._streams: deque[tuple[Stream, float]] = deque()  # each with the time at which it must be through
        self._waiting: deque[bytes] = deque()
        self._handshake_due = tls is not None
        self._paused = False
        self._ended = False
        self._shut = False
        self._over = False
        self._transport: asyncio.Transport | None = None
        self._idle_until = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0

    @property
    def busy(self) -> bool:
        """True while a transfer goes on, or a turn is due."""
        return bool(self._streams) or self._step in self._owner.turns

    # What the event loop tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        peer = transport.get_extra_info("peername")
        self.client = peer[0] if peer else ""
        if self._owner.places.admit(self):
            self._begin_idle()
        else:
            self._handshake_due = False
            self._abort()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  asyncio's signature
        if self._timer is not None:
            self._timer.cancel()
        self._owner.turns.remove(self._step)
        while self._streams:
            self._streams.popleft()[0].close(False)  # noqa: FBT003  it was not whole
        self._count_handshake("left")
        self._shut = True
        self._owner.places.leave(self)

    def data_received(self, data: bytes) -> None:
        if self._shut:
            return
        if self._tls is None:
            self._buffer += data
        else:
            self._sealed += data
        if self._has_enough():
            self._read(on=False)
        if self._sealed or self._has_message():
            self._owner.turns.add(self._step)

    def eof_received(self) -> bool:
        """The client has no more queries; what it asked is answered, then the connection is closed. True keeps our
        half of the connection open until then."""
        self._ended = True
        self._owner.turns.add(self._step)
        return True

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        self._owner.turns.add(self._step)

    # A turn

    def _step(self) -> bool:
        """Answer one query, write one message of a transfer. True when there is more to do, and the client reads."""
        if self._over and not self._shut:
            self._count_handshake("timeout")
            self.close()
        if self._shut or self._paused or self._is_lost():
            return False
        if self._tls is not None and not self._unseal(self._tls):
            return False
        if not self._paused:
            self._answer_next()
        if not (self._shut or self._paused):
            self._send_next()
        if not self._has_enough():
            self._read(on=True)
        more = bool(self._streams or self._waiting or self._sealed) or self._has_message()
        if self._ended and not more and not self._paused:  # what is written is taken first
            self.close()
        return more and not self._paused

    def _is_lost(self) -> bool:
        """True once the client is gone, of which `connection_lost` is yet to tell."""
        return self._transport is None or self._transport.is_closing()

    def _answer_next(self) -> None:
        message = self._next_message()
        if message is None:
            return
        tally = self._owner.tallies[self.transport_name]
        spoken = "" if self._tls is None else self._tls.spoken
        reply = self._owner.responder.answer(message, self.client, tally, udp=False, tls=spoken)
        if reply is None:  # no query: whoever sends this speaks something else
            self.close()
        elif isinstance(reply, Stream):
            ends = self._loop.time() + self._owner.places.limits.transfer_seconds
            self._streams.append((reply, ends))
            self._look_at(ends)
        else:
            self._write(reply)

    def _next_message(self) -> bytes | None:
        """What to answer now: a transfer that waited for its place, or the next message that came."""
        full = len(self._streams) >= STREAMS
        if self._waiting and not full:
            return self._waiting.popleft()
        if not self._has_message():
            return None
        end = _PREFIX_OCTETS + int.from_bytes(self._buffer[:_PREFIX_OCTETS], "big")
        message = bytes(self._buffer[_PREFIX_OCTETS:end])
        has_to_wait = full and asks_transfer(message)
        if has_to_wait and len(self._waiting) >= WAITING_TRANSFERS:
            return None
        del self._buffer[:end]
        self._begin_idle()
        self._owner.places.asked(self)
        if has_to_wait:
            self._waiting.append(message)
            return None
        return message

    def _has_enough(self) -> bool:
        """True while more need not be read."""
        return len(self._sealed) + len(self._buffer) > _READ_AHEAD_OCTETS

    def _has_message(self) -> bool:
        """True when a whole message, of no octets even, is there."""
        buffer = self._buffer
        return len(buffer) >= _PREFIX_OCTETS and len(buffer) - _PREFIX_OCTETS >= (buffer[0] << 8 | buffer[1])

    def _send_next(self) -> None:
        """Write the next message of the transfer whose turn it is."""
        if not self._streams:
            return
        stream, ends = self._streams.popleft()
        try:
            message = next(stream.messages, None)
        except Exception as error:
            log.exception("transfer_failed", client=self.client, problem=str(error))
            stream.close(False)  # noqa: FBT003  it was not whole
            self._abort()
            return
        if message is None:
            stream.close(True)  # noqa: FBT003  it was whole
            return
        self._streams.append((stream, ends))
        self._begin_idle()
        self._write(message)

    # TLS

    def _unseal(self, tls: TlsLayer) -> bool:
        """Look at some of what came: the handshake first, then messages. False where nothing more is to be done now.
        The rest waits for another turn: one read may hold ten thousand records."""
        if len(self._buffer) > _READ_AHEAD_OCTETS:
            return True
        tls.take(bytes(self._sealed[:_TLS_OCTETS_A_TURN]))
        del self._sealed[:_TLS_OCTETS_A_TURN]
        if not tls.established and not self._shake_hands(tls):
            return False
        self._decrypt(tls)
        return not self._shut

    def _shake_hands(self, tls: TlsLayer) -> bool:
        """Go on with the handshake; True once it is through."""
        try:
            through = tls.handshake()
        except ssl.SSLError as error:
            self._count_handshake("failed")
            log.debug("tls_handshake_failed", client=self.client, reason=error.reason or str(error))
            self._fail_tls(tls)
            return False
        self._flush(tls)
        if through:
            self._count_handshake("ok")
            self._begin_idle()
        elif self._sealed:
            self._owner.turns.add(self._step)
        elif self._ended:
            self.close()
        else:
            self._read(on=True)
        return through

    def _decrypt(self, tls: TlsLayer) -> None:
        try:
            self._buffer += tls.receive()
        except ssl.SSLError as error:
            log.debug("tls_broken_off", client=self.client, reason=error.reason or str(error))
            self._fail_tls(tls)
            return
        self._flush(tls)
        if tls.ended:
            self._read(on=False)  # whatever else comes would be kept, and by nobody
            self._sealed.clear()
            self._ended = True

    def _fail_tls(self, tls: TlsLayer) -> None:
        """Send the alert, and go."""
        self._flush(tls)
        self._end()

    def _flush(self, tls: TlsLayer) -> None:
        outgoing = tls.outgoing()
        if outgoing and self._transport is not None:
            self._transport.write(outgoing)

    def _count_handshake(self, result: str) -> None:
        """Count a handshake that is through or that never will be, once."""
        if self._handshake_due:
            self._handshake_due = False
            self._owner.responder.metrics.tls_handshakes.labels(result).inc()

    # Octets

    def _write(self, message: bytes) -> None:
        """Prefix and message in one write (RFC 7766 section 8)."""
        framed = len(message).to_bytes(_PREFIX_OCTETS, "big") + message
        if self._tls is not None:
            self._tls.send(framed)
            self._flush(self._tls)
        elif self._transport is not None:
            self._transport.write(framed)

    def _read(self, *, on: bool) -> None:
        """Read from the client, or do not."""
        transport = self._transport
        if transport is None or transport.is_closing() or self._ended or transport.is_reading() is on:
            return
        if on:
            transport.resume_reading()
        else:
            transport.pause_reading()

    # Time

    def _begin_idle(self) -> None:
        """The idle time begins now."""
        self._idle_until = self._loop.time() + self._owner.places.idle_seconds
        self._look_at(self._idle_until)

    def _look_at(self, when: float) -> None:
        """Have `_look` called then or earlier. A timer that stands is left standing: most queries only move the end of
        the idle time on."""
        if self._timer is not None:
            if self._timer_at <= when:
                return
            self._timer.cancel()
        self._timer_at = when
        self._timer = self._loop.call_at(when, self._look)

    def _look(self) -> None:
        self._timer = None
        if self._shut:  # what was written last is not taken
            self._abort()
            return
        now = self._loop.time()
        ends = min((ends for _, ends in self._streams), default=self._idle_until)
        if now >= ends and self._streams:
            advice = "if the line is slow, raise `limits.transfer_timeout`"
            log.warning("transfer_too_slow", client=self.client, advice=advice)
            self._abort()
        elif now >= self._idle_until:
            self._over = True  # many may be idle for equally long: each is closed when it is its turn
            self._owner.turns.add(self._step)
        else:
            self._look_at(min(ends, self._idle_until))

    # The end

    def close(self) -> None:
        """Close after what is already written; a client that does not read is cut off."""
        if self._transport is None or self._shut:
            return
        if self._paused or self._transport.get_write_buffer_size() > MAX_MESSAGE_OCTETS:
            self._abort()
            return
        if self._tls is not None:
            self._tls.end()
            self._flush(self._tls)
        self._end()

    def make_room(self) -> None:
        """Close at once, for another to come in. To wait for what the client has not taken would keep a socket that is
        counted nowhere."""
        if self._transport is not None and (self._shut or self._transport.get_write_buffer_size()):
            self._abort()
        else:
            self.close()

    def _end(self) -> None:
        """Close; a client that does not take what is already written within the idle time is cut off."""
        self._shut = True
        if self._transport is not None and not self._transport.is_closing():
            self._transport.close()
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            self._look_at(self._loop.time() + self._owner.places.limits.idle_seconds)

    def _abort(self) -> None:
        self._shut = True
        if self._transport is not None:
            self._transport.abort()
