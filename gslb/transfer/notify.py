"""NOTIFY out: telling each secondary of a new serial until it says it heard (RFC 1996).

One task per peer and zone at a time; a newer serial takes the place of one still being told. A peer that never
answers costs a handful of packets per change: its SOA timers find out.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable
from functools import partial

import dns.rcode
import structlog

from gslb.config.peers import Peer
from gslb.transfer.client import Signed, local_address
from gslb.transfer.faults import Fault, FaultError, RefusedError
from gslb.transfer.key_choice import KeyChoice
from gslb.transfer.request import REFUSALS
from gslb.wire.codes import AA, QR, Opcode, Rcode, RRType
from gslb.wire.names import Name, name_to_text
from gslb.wire.records import MessageError, Record, parse_message
from gslb.wire.tsig import TsigKey

log = structlog.get_logger("gslb.transfer")

RETRY_SECONDS = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
"""How long each packet's answer is waited for; then the next packet goes out. RFC 1996 section 3.6 wants fewer than
five or so, and the peers' refresh does the rest."""


def render_notify(message_id: bytes, soa: Record) -> bytes:
    """A NOTIFY for the zone of `soa`, the new SOA as a hint in its answer section (RFC 1996 section 3.7)."""
    flags = (Opcode.NOTIFY << 11) | AA
    question = soa.owner + RRType.SOA.to_bytes(2, "big") + b"\x00\x01"
    answer = (
        b"\xc0\x0c"
        + RRType.SOA.to_bytes(2, "big")
        + b"\x00\x01"
        + soa.ttl_seconds.to_bytes(4, "big")
        + len(soa.rdata).to_bytes(2, "big")
        + soa.rdata
    )
    return message_id + flags.to_bytes(2, "big") + b"\x00\x01\x00\x01\x00\x00\x00\x00" + question + answer


class Notifier:
    """Tells peers. `results` counts by zone and "ok" or "failed"."""

    def __init__(self, clock: Callable[[], float] = time.time, keys: KeyChoice | None = None) -> None:
        self.results: Counter[tuple[Name, str]] = Counter()
        self._keys = keys or KeyChoice()
        self._clock = clock
        self._tasks: dict[tuple[Name, str], asyncio.Task[None]] = {}

    def tell(self, soa: Record, peers: tuple[Peer, ...]) -> None:
        """Start telling the peers of the serial in `soa`."""
        for peer in peers:
            key = (soa.owner, peer.name)
            if key in self._tasks:
                self._tasks[key].cancel()
            task = asyncio.create_task(self._tell(soa, peer))
            self._tasks[key] = task
            task.add_done_callback(partial(self._forget, key))

    def _forget(self, key: tuple[Name, str], task: asyncio.Task[None]) -> None:
        if self._tasks.get(key) is task:
            del self._tasks[key]

    async def _tell(self, soa: Record, peer: Peer) -> None:
        where = {"zone": name_to_text(soa.owner), "peer": peer.name, "address": peer.host, "port": peer.port}
        reason = "no answer"
        for wait in RETRY_SECONDS:
            try:
                await asyncio.wait_for(self._keys.ask(peer, partial(self._ask, soa, peer)), wait)
            except TimeoutError:
                reason = "no answer"
            except (OSError, FaultError) as error:
                reason = str(error)
                await asyncio.sleep(wait)
            else:
                self.results[soa.owner, "ok"] += 1
                log.debug("notify_acknowledged", **where)
                return
        self.results[soa.owner, "failed"] += 1
        advice = "it will find out at its next refresh; is it up, and does it take NOTIFY from this address and key?"
        log.warning("notify_failed", reason=reason, advice=advice, **where)

    async def _ask(self, soa: Record, peer: Peer, key: TsigKey | None) -> None:
        """Send one NOTIFY and wait for a valid answer to it. Raises `FaultError` for an answer that says no."""
        message_id = random.randbytes(2)  # noqa: S311  a fresh port per packet and TSIG guard the exchange
        request = Signed(render_notify(message_id, soa), key, self._clock)
        loop = asyncio.get_running_loop()
        replies: asyncio.Queue[bytes] = asyncio.Queue(8)
        transport, _ = await loop.create_datagram_endpoint(
            lambda: _Replies(replies), local_addr=local_address(peer), remote_addr=(peer.host, peer.port)
        )
        try:
            transport.sendto(request.octets)
            while True:
                reply = await replies.get()
                if reply[:2] == message_id and len(reply) >= 12 and reply[2] & (QR >> 8):
                    _judge(reply, request)
                    return
        finally:
            transport.close()

    async def stop(self) -> None:
        """Give up what is still being told."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _judge(reply: bytes, request: Signed) -> None:
    """Raises `FaultError` unless the peer heard, or can never hear."""
    request.verify(reply)
    try:
        rcode = parse_message(reply).rcode
    except MessageError as error:
        raise FaultError(Fault.MALFORMED, f"sent a message that cannot be read: {error}") from None
    # NOTIMP: a server that knows no NOTIFY; asking again changes nothing (RFC 1996 section 3.12).
    if rcode not in {Rcode.NOERROR, Rcode.NOTIMP}:
        kind = RefusedError if rcode in REFUSALS else FaultError
        raise kind(Fault.RCODE, f"answered {dns.rcode.to_text(dns.rcode.Rcode.make(rcode))}")


class _Replies(asyncio.DatagramProtocol):
    def __init__(self, replies: asyncio.Queue[bytes]) -> None:
        self._replies = replies

    def datagram_received(self, data: bytes, addr: object) -> None:  # noqa: ARG002  asyncio's signature
        if not self._replies.full():
            self._replies.put_nowait(data)

    def error_received(self, exc: Exception) -> None:
        """Nobody listens there (yet): the wait for an answer runs out, and the next packet is sent."""
