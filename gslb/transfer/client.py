"""The thin transport below a secondary: one query over UDP, or a TCP connection, each message signed and verified.

A `Signed` goes with every request: it signs it, and verifies what comes back in order. Nothing here reads a message.
"""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

from gslb.config.peers import Peer
from gslb.transfer.faults import Fault, FaultError, RefusedError
from gslb.wire.codes import Rcode
from gslb.wire.tsig import ResponseVerifier, TsigError, TsigFault, TsigKey, sign_request

_T = TypeVar("_T")

_OF_THE_KEY = frozenset({TsigFault.BADKEY, TsigFault.BADSIG})
_ADVICE_NO_ANSWER = "is the server up, and does a firewall let its port through, UDP and TCP?"


class Signed:
    """A request, signed when there is a key. `clock` gives Unix seconds."""

    def __init__(self, request: bytes, key: TsigKey | None, clock: Callable[[], float]) -> None:
        self.octets = request
        self._clock = clock
        self._verifier: ResponseVerifier | None = None
        if key is not None:
            self.octets, mac = sign_request(request, key, clock())
            self._verifier = ResponseVerifier(key, mac)

    def verify(self, data: bytes) -> None:
        """Take the next message of the answer. Raises `FaultError`."""
        if self._verifier is not None:
            try:
                self._verifier.verify(data, self._clock())
            except TsigError as error:
                raise _fault(error, data) from None

    def finish(self) -> None:
        """The answer is over. Raises `FaultError` when its end is not signed."""
        if self._verifier is not None:
            try:
                self._verifier.finish()
            except TsigError as error:
                raise _fault(error) from None


def _fault(error: TsigError, data: bytes = b"") -> FaultError:
    """A reply `data` that does not verify. Some servers tell that they do not know a key by its rcode alone."""
    advice = "" if error.reason.endswith("?") else ": name, algorithm and secret of the key must be equal on both sides"
    of_the_key = error.tsig_error in _OF_THE_KEY or (len(data) > 3 and data[3] & 0xF == Rcode.NOTAUTH)
    kind = RefusedError if of_the_key else FaultError
    return kind(Fault.SIGNATURE, f"TSIG: {error.reason}{advice}")


def local_address(peer: Peer) -> tuple[str, int] | None:
    """Where to speak to the peer from: the address it lists, and any port."""
    return None if peer.source is None else (peer.source, 0)


async def ask_udp(peer: Peer, request: bytes, wait_seconds: float) -> bytes:
    """Send a datagram from a fresh port; the first answer with the same id. Raises `FaultError`."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[bytes] = loop.create_future()
    try:
        transport, _ = await loop.create_datagram_endpoint(
            lambda: _OneAnswer(request[:2], answer),
            local_addr=local_address(peer),
            remote_addr=(peer.host, peer.port),
        )
    except OSError as error:
        raise _unreachable(error) from None
    try:
        transport.sendto(request)
        async with asyncio.timeout(wait_seconds):
            return await answer
    except TimeoutError:
        raise FaultError(Fault.TIMEOUT, f"does not answer over UDP: {_ADVICE_NO_ANSWER}") from None
    except OSError as error:
        raise _unreachable(error) from None
    finally:
        transport.close()


class _OneAnswer(asyncio.DatagramProtocol):
    def __init__(self, message_id: bytes, answer: asyncio.Future[bytes]) -> None:
        self._id = message_id
        self._answer = answer

    def datagram_received(self, data: bytes, addr: object) -> None:  # noqa: ARG002  asyncio's signature
        if data[:2] == self._id and not self._answer.done():
            self._answer.set_result(data)

    def error_received(self, exc: Exception) -> None:
        if not self._answer.done():
            self._answer.set_exception(exc)


class Connection:
    """A TCP connection to a primary; see `connected`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, idle_seconds: float) -> None:
        self._reader = reader
        self._writer = writer
        self._idle_seconds = idle_seconds

    async def send(self, message: bytes) -> None:
        self._writer.write(len(message).to_bytes(2, "big") + message)
        await self._bounded(self._writer.drain())

    async def receive(self) -> bytes:
        """The next message. Raises `FaultError`."""
        return await self._bounded(self._read())

    async def _read(self) -> bytes:
        length = await self._reader.readexactly(2)
        return await self._reader.readexactly(int.from_bytes(length, "big"))

    async def _bounded(self, work: Awaitable[_T]) -> _T:
        try:
            async with asyncio.timeout(self._idle_seconds):
                return await work
        except TimeoutError:
            text = f"sent no whole message within {self._idle_seconds:g} s: see whether it, or the line, is overloaded"
            raise FaultError(Fault.TIMEOUT, text) from None
        except (asyncio.IncompleteReadError, OSError):
            text = "closed the connection before the answer was whole: see its log"
            raise FaultError(Fault.BROKEN_OFF, text) from None


@contextlib.asynccontextmanager
async def connected(peer: Peer, connect_seconds: float, idle_seconds: float) -> AsyncIterator[Connection]:
    """A connection, open within the block. Raises `FaultError`."""
    try:
        async with asyncio.timeout(connect_seconds):
            reader, writer = await asyncio.open_connection(peer.host, peer.port, local_addr=local_address(peer))
    except TimeoutError:
        raise FaultError(Fault.TIMEOUT, f"does not answer over TCP: {_ADVICE_NO_ANSWER}") from None
    except OSError as error:
        raise _unreachable(error) from None
    try:
        yield Connection(reader, writer, idle_seconds)
    finally:
        writer.transport.abort()


def _unreachable(error: OSError) -> FaultError:
    said = (os.strerror(error.errno) if error.errno else str(error)).lower()
    return FaultError(Fault.UNREACHABLE, f"cannot be reached ({said}): {_ADVICE_NO_ANSWER}")
