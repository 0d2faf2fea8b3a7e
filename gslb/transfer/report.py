"""How a node sees a zone, told to its peers on request, so that `gslb cluster status` can compare them.

The question is a signed query for the private type REPORT_TYPE at the reserved name `_gslb.<apex>`, which is never
answered to anyone else. The answer is JSON, compressed, in as many records of that type as it takes: the serial
served, and every probed member that is not up. A member that is not named is up.
"""

import json
import random
import time
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from gslb.config.peers import Peer
from gslb.transfer.client import Signed, ask_udp, connected
from gslb.transfer.faults import FaultError
from gslb.transfer.key_choice import KeyChoice
from gslb.transfer.request import Asked, check_reply, render_request
from gslb.wire.codes import RRType
from gslb.wire.names import Name
from gslb.wire.records import Message, MessageError, Record, parse_message
from gslb.wire.tsig import TsigKey
from gslb.zone.private import reserved_owner
from gslb.zone.zone import Soa

REPORT_TYPE = 65283
VERSION = 1
_CHUNK_OCTETS = 16_000
_MAX_OCTETS = 48_000
"""Compressed octets of one report: it fits one message. Members beyond that are left out, and the report says so."""

Report = dict[str, Any]
"""`{"version", "serial", "cut", "members": {"www.example. A 192.0.2.1": ["down", since, reason]}}`."""


@dataclass(frozen=True, slots=True)
class PeerView:
    """What a peer says of a zone. `serial` None: it did not answer, `problem` says why. `report` None: a foreign
    peer, or one that does not tell."""

    peer: Peer
    apex: Name
    serial: int | None = None
    report: Report | None = None
    problem: str = ""
    asked: float = field(default=0.0, compare=False)


def render_report(apex: Name, report: Report) -> list[Record]:
    """The records of a report; each rdata is its number, then a part of the compressed JSON."""
    packed = _packed(report)
    if len(packed) > _MAX_OCTETS:
        members = sorted(report["members"].items())
        fitting = dict(members[: len(members) * _MAX_OCTETS // (2 * len(packed))])
        packed = _packed(report | {"members": fitting, "cut": True})
    parts = [packed[at : at + _CHUNK_OCTETS] for at in range(0, len(packed), _CHUNK_OCTETS)]
    owner = reserved_owner(apex)
    return [Record(owner, REPORT_TYPE, 0, bytes((number,)) + part) for number, part in enumerate(parts)]


def _packed(report: Report) -> bytes:
    return zlib.compress(json.dumps(report, sort_keys=True, separators=(",", ":")).encode())


def parse_report(records: Iterable[Record]) -> Report:
    """The report that the records hold. Raises `ValueError`."""
    parts = sorted(record.rdata for record in records if record.rtype == REPORT_TYPE)
    inflater = zlib.decompressobj()
    try:
        text = inflater.decompress(b"".join(part[1:] for part in parts), 100 * _MAX_OCTETS)
        report = json.loads(text)
    except (zlib.error, ValueError) as error:
        raise ValueError(f"not a report: {error}") from None
    if not isinstance(report, dict) or report.get("version") != VERSION or not isinstance(report.get("members"), dict):
        raise ValueError("not a report of a version this node knows; give both nodes the same version")
    return report


async def look_at(
    peer: Peer,
    apex: Name,
    wait_seconds: float = 2.0,
    clock: Callable[[], float] = time.time,
    keys: KeyChoice | None = None,
) -> PeerView:
    """Ask a peer for its serial, and for its report where it is a gslb peer. Never raises for what the peer does."""
    now, keys = clock(), keys or KeyChoice()
    try:
        serial = await keys.ask(peer, lambda key: _ask_serial(peer, key, apex, wait_seconds, clock))
    except (FaultError, ValueError) as error:
        return PeerView(peer, apex, problem=str(error), asked=now)
    if peer.kind != "gslb":
        return PeerView(peer, apex, serial, asked=now)
    try:
        report = await keys.ask(peer, lambda key: _ask_report(peer, key, apex, wait_seconds, clock))
        return PeerView(peer, apex, serial, report, asked=now)
    except (FaultError, ValueError) as error:
        return PeerView(peer, apex, serial, problem=f"tells nothing of its members: {error}", asked=now)


async def _ask_serial(
    peer: Peer, key: TsigKey | None, apex: Name, wait_seconds: float, clock: Callable[[], float]
) -> int:
    asked = Asked(apex, RRType.SOA, random.randbytes(2))  # noqa: S311  signed, or of no consequence
    request = Signed(render_request(asked), key, clock)
    data = await ask_udp(peer, request.octets, wait_seconds)
    message = _verified(request, data, asked)
    for record in message.answer:
        if (record.owner, record.rtype) == (apex, RRType.SOA):
            return Soa.from_rdata(record.rdata).serial
    raise ValueError("answers without an SOA")


async def _ask_report(
    peer: Peer, key: TsigKey | None, apex: Name, wait_seconds: float, clock: Callable[[], float]
) -> Report:
    asked = Asked(reserved_owner(apex), REPORT_TYPE, random.randbytes(2))  # noqa: S311  as above
    request = Signed(render_request(asked), key, clock)
    async with connected(peer, wait_seconds, wait_seconds) as connection:
        await connection.send(request.octets)
        message = _verified(request, await connection.receive(), asked)
    return parse_report(message.answer)


def _verified(request: Signed, data: bytes, asked: Asked) -> Message:
    request.verify(data)
    request.finish()
    try:
        message = parse_message(data)
    except MessageError as error:
        raise ValueError(str(error)) from None
    check_reply(message, asked)
    return message
