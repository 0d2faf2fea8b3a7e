"""The TSIG record as it stands in a message (RFC 8945 section 4): its fields, where it begins, and what is around it.

It is the last record of the last section. Whether what it says is right is for `tsig` to judge.
"""

import struct
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from gslb.wire.codes import CLASS_ANY, RRType
from gslb.wire.names import Name
from gslb.wire.query import HEADER_OCTETS
from gslb.wire.records import MessageError, read_name

_TIMERS = struct.Struct("!HIH")  # time signed (48 bits), fudge
_AFTER_NAME = struct.Struct("!HHIH")  # type, class, TTL, length of the rdata
_COUNTS = struct.Struct("!HHHH")


class TsigRecordError(ValueError):
    """A malformed TSIG record, or one that does not stand where it has to; the text says which."""


@dataclass(frozen=True, slots=True)
class Signature:
    """The fields of a TSIG record (section 4.2), names canonical."""

    key_name: Name
    algorithm: Name
    time_signed: int
    fudge_seconds: int
    mac: bytes
    original_id: bytes
    error: int = 0
    other: bytes = b""

    @property
    def timers(self) -> bytes:
        """What a MAC covers beside the message after the first of a stream (section 5.3.1)."""
        return _TIMERS.pack(self.time_signed >> 32, self.time_signed & 0xFFFFFFFF, self.fudge_seconds)

    @property
    def variables(self) -> bytes:
        """What a MAC covers beside the message (section 4.3.3)."""
        fixed = CLASS_ANY.to_bytes(2, "big") + bytes(4)
        return self.key_name + fixed + self.algorithm + self.timers + self._error_and_other

    @property
    def record(self) -> bytes:
        """The whole record, as it closes a message."""
        mac = len(self.mac).to_bytes(2, "big") + self.mac
        rdata = self.algorithm + self.timers + mac + self.original_id + self._error_and_other
        return self.key_name + _AFTER_NAME.pack(RRType.TSIG, CLASS_ANY, 0, len(rdata)) + rdata

    @property
    def _error_and_other(self) -> bytes:
        return struct.pack("!HH", self.error, len(self.other)) + self.other


class Outline(NamedTuple):
    """Where the question ends, the flags of the OPT record if there is one, and where a TSIG record begins."""

    question_end: int
    opt_flags: int | None
    tsig_start: int | None


@lru_cache(maxsize=1)  # the reply to a request that is refused needs it a second time
def outline(data: bytes) -> Outline:
    """Of a whole message. Raises `TsigRecordError`."""
    try:
        return _walked(data)
    except (IndexError, struct.error):
        raise TsigRecordError("the message is cut short") from None


def _walked(data: bytes) -> Outline:
    questions, answers, authorities, additionals = _COUNTS.unpack_from(data, 4)
    position = HEADER_OCTETS
    for _ in range(questions):
        position = _skip_name(data, position) + 4
    question_end = position
    opt_flags = tsig_start = None
    for _ in range(answers + authorities + additionals):
        if tsig_start is not None:
            raise TsigRecordError("a record after the TSIG record")
        fixed = _skip_name(data, position)
        rtype, _, ttl, length = _AFTER_NAME.unpack_from(data, fixed)
        if rtype == RRType.TSIG:
            tsig_start = position
        elif rtype == RRType.OPT:
            opt_flags = ttl & 0xFFFF
        position = fixed + 10 + length
    if position != len(data):
        raise TsigRecordError("the records do not end where the message does")
    if tsig_start is not None and not additionals:
        raise TsigRecordError("a TSIG record outside the additional section")
    return Outline(question_end, opt_flags, tsig_start)


def _skip_name(data: bytes, position: int) -> int:
    while length := data[position]:
        if length >= 0xC0:
            return position + 2
        position += 1 + length
    return position + 1


def read_signature(data: bytes, start: int) -> Signature:
    """The TSIG record at `start`, the last of the message. Raises `TsigRecordError`."""
    try:
        return _parsed_signature(data, start)
    except (IndexError, struct.error, MessageError):
        raise TsigRecordError("a malformed TSIG record") from None


def _parsed_signature(data: bytes, start: int) -> Signature:
    key_name, fixed = read_name(data, start, {})
    _, rclass, ttl_seconds, _ = _AFTER_NAME.unpack_from(data, fixed)
    algorithm, position = read_name(data, fixed + 10, {})
    high, low, fudge_seconds, mac_octets = struct.unpack_from("!HIHH", data, position)
    after_mac = position + 10 + mac_octets
    original_id, error, other_octets = struct.unpack_from("!2sHH", data, after_mac)
    other = data[after_mac + 6 :]
    if len(other) != other_octets or rclass != CLASS_ANY or ttl_seconds:
        raise MessageError("not as RFC 8945 section 4.2 has it")
    mac = data[position + 10 : after_mac]
    return Signature(
        key_name.lower(), algorithm.lower(), high << 32 | low, fudge_seconds, mac, original_id, error, other
    )


def with_signature(message: bytes, signature: Signature) -> bytes:
    """The message with a TSIG record at its end."""
    additional = int.from_bytes(message[10:12], "big") + 1
    return message[:10] + additional.to_bytes(2, "big") + message[12:] + signature.record
