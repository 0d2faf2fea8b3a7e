"""EDNS(0): the OPT pseudo-record of a query and of our replies (RFC 6891).

We speak version 0. Options we do not know are passed over (section 6.1.2); the DO bit is copied (RFC 3225). What we
say to those we know is decided in `answer.options`.
"""

import enum
import struct
from typing import NamedTuple

from gslb.wire.codes import RRType

DEFAULT_UDP_SIZE = 1232
"""Octets we offer and send at most over UDP: no fragment on any sane path (DNS flag day 2020)."""
PLAIN_UDP_SIZE = 512
"""The limit without EDNS (RFC 1035 section 4.2.1), and the least a size in an OPT means."""
MAX_OPTIONS = 64
"""Read of one OPT record, several times as many as there are kinds; those after them are passed over, as those that
nobody knows are (RFC 6891 section 6.1.2), so that none is worth more time than its query."""
_DO = 0x8000
_OPT_TYPE = int(RRType.OPT)
_OPT = struct.Struct("!BHHBBHH")
"""Owner, type, size, upper bits of the rcode, version, flags, and the length of the options."""
_OPTION_HEADER = struct.Struct("!HH")
"""Code and length."""
_RUNS_OUT = "an option runs past the end of the OPT record"


class Option(enum.IntEnum):
    """The options that we take or give, by IANA's registry."""

    NSID = 3
    EXPIRE = 9
    COOKIE = 10
    TCP_KEEPALIVE = 11
    PADDING = 12
    EDE = 15
    ZONEVERSION = 19


class Edns(NamedTuple):
    """An OPT record as the client sent it; `options` are (code, value) pairs."""

    udp_size: int
    version: int
    dnssec_ok: bool
    options: tuple[tuple[int, bytes], ...] = ()


def parse_options(data: bytes) -> tuple[tuple[int, bytes], ...]:
    """The options of an OPT rdata, the first MAX_OPTIONS of them. Raises `ValueError` when they run past its end."""
    found: list[tuple[int, bytes]] = []
    start, end = 0, len(data)
    while start < end and len(found) <= MAX_OPTIONS:
        if start + 4 > end:
            raise ValueError(_RUNS_OUT)
        code, octets = _OPTION_HEADER.unpack_from(data, start)
        start += 4 + octets
        if start > end:
            raise ValueError(_RUNS_OUT)
        found.append((code, data[start - octets : start]))
    return tuple(found[:MAX_OPTIONS])


def render_option(code: int, value: bytes) -> bytes:
    """One option, for `render_opt`."""
    return code.to_bytes(2, "big") + len(value).to_bytes(2, "big") + value


def render_opt(rcode: int, *, dnssec_ok: bool, udp_size: int = DEFAULT_UDP_SIZE, options: bytes = b"") -> bytes:
    """Our OPT record, with the upper eight bits of `rcode` and options that are rendered already."""
    return _OPT.pack(0, _OPT_TYPE, udp_size, rcode >> 4, 0, _DO if dnssec_ok else 0, len(options)) + options


def reply_limit(edns: Edns | None, udp_size: int = DEFAULT_UDP_SIZE) -> int:
    """The most octets a UDP reply to this client may have."""
    if edns is None:
        return PLAIN_UDP_SIZE
    return max(PLAIN_UDP_SIZE, min(edns.udp_size, udp_size))
