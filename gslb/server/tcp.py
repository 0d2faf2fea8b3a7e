"""TCP: length-prefixed messages, pipelined, answered in the order they came (RFC 7766).

A connection that brings no whole query for the idle time is closed, however many octets trickle in; so is one that
takes nothing of a transfer for that long. While a client does not read its replies, we do not read its queries. The
number of connections is capped, in all and per client.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass
from typing import cast

import structlog

from gslb.metrics import Tally
from gslb.server.responder import Responder
from gslb.transfer.exchange import Stream
from gslb.wire.message import MAX_MESSAGE_OCTETS

log = structlog.get_logger("gslb.server")

_PREFIX_OCTETS = 2


@dataclass(frozen=True, slots=True)
class TcpLimits:
    """Connections in all and per client address, and the seconds one may stay without a whole query."""

    connections: int = 1000
    per_client: int = 100
    idle_seconds: float = 10.0


class TcpConnections:
    """The connections of a node, over all its TCP sockets."""

    def __init__(self, responder: Responder, limits: TcpLimits) -> None:
        self.responder = responder
        self.limits = limits
        self.tally = Tally(responder.metrics, "tcp")
        self._open: set[TcpConnection] = set()
        self._clients: Counter[str] = Counter()

    def connection(self) -> "TcpConnection":
        """A protocol for asyncio's `create_server`."""
        return TcpConnection(self)

    def admit(self, connection: "TcpConnection", client: str) -> bool:
        """Count a connection in, or refuse it at a limit."""
        limit = ""
        if len(self._open) >= self.limits.connections:
            limit = "all"
        elif self._clients[client] >= self.limits.per_client:
            limit = "client"
        if limit:
            self.responder.metrics.tcp_refused.labels(limit).inc()
            return False
        self._open.add(connection)
        self._clients[client] += 1
        self.responder.metrics.tcp_connections.set(len(self._open))
        return True

    def leave(self, connection: "TcpConnection", client: str) -> None:
        """Count an admitted connection out."""
        self._open.discard(connection)
        self._clients[client] -= 1
        if not self._clients[client]:
            del self._clients[client]
        self.responder.metrics.tcp_connections.set(len(self._open))

    def close(self) -> None:
        """Close every connection after what is already written to it."""
        for connection in list(self._open):
            connection.close()
        self.tally.fold()


class TcpConnection(asyncio.Protocol):
    """One client."""

    def __init__(self, owner: TcpConnections) -> None:
        self._owner = owner
        self._buffer = bytearray()
        self._client = ""
        self._admitted = False
        self._paused = False
        self._ended = False
        self._transport: asyncio.Transport | None = None
        self._idle: asyncio.TimerHandle | None = None
        self._sending: asyncio.Task[None] | None = None
        self._writable = asyncio.Event()
        self._writable.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        peer = transport.get_extra_info("peername")
        self._client = peer[0] if peer else ""
        self._admitted = self._owner.admit(self, self._client)
        if not self._admitted:
            self._transport.abort()
            return
        self._restart_idle()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  asyncio's signature
        if self._idle is not None:
            self._idle.cancel()
        if self._sending is not None:
            self._sending.cancel()
        if self._admitted:
            self._owner.leave(self, self._client)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        self._serve()

    def _serve(self) -> None:
        """Answer the whole messages in the buffer, as long as the client reads."""
        while not self._paused and self._sending is None and self._transport and not self._transport.is_closing():
            length = int.from_bytes(self._buffer[:_PREFIX_OCTETS], "big")
            end = _PREFIX_OCTETS + length
            if len(self._buffer) < max(end, _PREFIX_OCTETS):
                if self._ended:
                    self._transport.close()
                return
            message = bytes(self._buffer[_PREFIX_OCTETS:end])
            del self._buffer[:end]
            self._restart_idle()
            reply = self._owner.responder.answer(message, self._client, self._owner.tally, udp=False)
            if reply is None:  # no query: whoever sends this speaks something else
                self._transport.close()
            elif isinstance(reply, Stream):
                self._sending = asyncio.create_task(self._send(reply))
            else:
                self._transport.write(len(reply).to_bytes(2, "big") + reply)

    async def _send(self, stream: Stream) -> None:
        """Write a transfer as fast as the client takes it, and let queries pass between its messages."""
        transport = self._transport
        assert transport is not None
        whole = False
        transport.pause_reading()
        try:
            for message in stream.messages:
                transport.write(len(message).to_bytes(2, "big") + message)
                self._restart_idle()
                await self._writable.wait()
                await asyncio.sleep(0)
                if transport.is_closing():
                    return
            whole = True
        except Exception as error:
            log.exception("transfer_failed", client=self._client, problem=str(error))
            transport.abort()
        finally:
            stream.close(whole)
            self._sending = None
        if not transport.is_closing():
            transport.resume_reading()
            self._restart_idle()
            self._serve()

    def eof_received(self) -> bool:
        """The client has no more queries; what it asked is answered, then the connection is closed. True while answers
        are under way, which keeps our half of the connection open."""
        self._ended = True
        return self._sending is not None or self._paused

    def pause_writing(self) -> None:
        self._paused = True
        self._writable.clear()
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        self._paused = False
        self._writable.set()
        if self._sending is None and self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()
            self._serve()

    def _restart_idle(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
        loop = asyncio.get_running_loop()
        self._idle = loop.call_later(self._owner.limits.idle_seconds, self.close)

    def close(self) -> None:
        """Close after what is already written; a client that does not read is cut off."""
        if self._transport is None:
            return
        if self._paused or self._transport.get_write_buffer_size() > MAX_MESSAGE_OCTETS:
            self._transport.abort()
        else:
            self._transport.close()
