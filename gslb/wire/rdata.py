"""Rdata: master-file text ⇄ uncompressed wire bytes, for every type that has a text form (`rdata_text`)
and RFC 3597's for the rest.

Elsewhere rdata is `bytes`. Which names stand inside is asked here (`embedded_names`, `target`), so that no
other module knows rdata layouts.
"""

import re

import dns.exception
import dns.name
import dns.rdatatype
import dns.tokenizer

from gslb.wire.codes import RRType, type_to_text
from gslb.wire.names import Name
from gslb.wire.rdata_text import canonical_rdata, in_numbers, rdata_as_text, rdata_from_tokens

# Where the compressible names of the RFC 1035 types stand: octets to skip, then how many names follow. Names of
# later types are never compressed (RFC 3597 section 4).
_COMPRESSIBLE: dict[int, tuple[int, int]] = {
    RRType.NS: (0, 1),
    RRType.CNAME: (0, 1),
    RRType.SOA: (0, 2),
    RRType.PTR: (0, 1),
    RRType.MX: (2, 1),
}
# Types whose target is looked up for additional data, and where it stands (RFC 1035 section 3.3, 1183, 2230, 2782,
# 9460 section 4.1).
_TARGETS: dict[int, int] = {
    RRType.NS: 0,
    RRType.MX: 2,
    dns.rdatatype.AFSDB: 2,
    dns.rdatatype.RT: 2,
    RRType.SRV: 6,
    dns.rdatatype.KX: 2,
    RRType.SVCB: 2,
    RRType.HTTPS: 2,
}
_SIGNATURES = RRType.RRSIG << 16


_UNFINISHED = "it ends too early"
_REASONS: dict[str, str] = {
    "Text input is malformed": "",
    "SyntaxError": "",
    "expecting an identifier": _UNFINISHED,
    "expecting another identifier": _UNFINISHED,
    "expecting a string": _UNFINISHED,
    "Text input ended unexpectedly": _UNFINISHED,
    "expecting an integer": "a whole number is missing",
    "Non-hexadecimal digit found": "not hexadecimal",
    "Odd-length string": "an odd number of hexadecimal digits",
    "Only base64 data is allowed": "not base64",
    "Incorrect padding": "the base64 is cut short",
    "Excess data after padding": "the base64 goes on after its end",
    "string too long": "a string has more than 255 octets",
    "Unknown SVCB ParamKey": "there is no such SvcParam",
    "A DNS label is empty": "a label is empty",
}
"""What we say for reasons of dnspython that speak of its parser; "" where nothing is said by it. Others are said as
they are."""
_TOO_MUCH = re.compile(r"expected EOL or EOF, got \d+ (.*)", re.DOTALL)
_GENERIC = "generic rdata"


class RdataError(ValueError):
    """A text that is no rdata of its type; the message says why. `text` is that text, and `reason` is why alone, ""
    where there is no more to say."""

    def __init__(self, rtype: int, text: str, reason: str) -> None:
        super().__init__(f"{text!r} is not {type_to_text(rtype)} data" + (f": {reason}" if reason else ""))
        self.text = text
        self.reason = reason


def rdata_from_text(rtype: int, text: str, origin: Name) -> bytes:
    """Parse the rdata part of a master-file line; relative names are relative to `origin`. Raises `RdataError`."""
    kind = dns.rdatatype.RdataType.make(rtype)
    tokens = dns.tokenizer.Tokenizer(in_numbers(rtype, text.rstrip("\r\n")))
    try:
        wire = rdata_from_tokens(kind, tokens, dns.name.from_wire(origin, 0)[0])
        one_line = tokens.get().is_eof()
    except (dns.exception.DNSException, ValueError, UnicodeError) as error:
        raise RdataError(rtype, text, _reason(str(error).rstrip(".") or type(error).__name__)) from None
    if not one_line:
        raise RdataError(rtype, text, "it has a second line")
    return wire


def _reason(said: str) -> str:
    """The reason of dnspython's, in words for people who write zones."""
    if said.startswith(_GENERIC):
        return r"it is written as \# OCTETS HEX (RFC 3597 section 5)"
    beyond = _TOO_MUCH.fullmatch(said)
    return f"{beyond[1]} is too much" if beyond else _REASONS.get(said, said)


def rdata_to_text(rtype: int, rdata: bytes) -> str:
    """Render rdata as master-file text, names absolute."""
    return rdata_as_text(rtype, rdata)


def is_same(rtype: int, one: bytes, other: bytes) -> bool:
    """True for rdata that differ at most in the case of names that are compared without it (RFC 4034 section 6.2): one
    record, not two."""
    return one == other or canonical_rdata(rtype, one) == canonical_rdata(rtype, other)


def rrset_key(rtype: int, rdata: bytes) -> int:
    """What tells the rrset of a record from others of its owner: its type; for a signature, which shares its TTL with
    what it covers and not with other signatures (RFC 4035 section 2.2), `signatures_key` of the type it covers."""
    return rtype if rtype != RRType.RRSIG else signatures_key(int.from_bytes(rdata[:2], "big"))


def signatures_key(covered: int) -> int:
    """The key of the signatures over a type: above every type."""
    return _SIGNATURES | covered


def is_signatures_key(key: int) -> bool:
    return key >= _SIGNATURES


def type_of_key(key: int) -> int:
    """The type of the records in the rrset with this key."""
    return RRType.RRSIG if key >= _SIGNATURES else key


def name_end(data: bytes, start: int) -> int:
    """The offset just after the uncompressed name that starts at `start`."""
    while length := data[start]:
        start += 1 + length
    return start + 1


def embedded_names(rtype: int, rdata: bytes) -> list[tuple[int, int]]:
    """The `(start, end)` of each name in `rdata` that a message may compress (RFC 3597 section 4)."""
    if rtype not in _COMPRESSIBLE:
        return []
    start, count = _COMPRESSIBLE[rtype]
    found = []
    for _ in range(count):
        end = name_end(rdata, start)
        found.append((start, end))
        start = end
    return found


def target(rtype: int, rdata: bytes) -> Name | None:
    """The canonical host name for which addresses belong in the additional section, or None."""
    start = _TARGETS.get(rtype)
    if start is None:
        return None
    return rdata[start : name_end(rdata, start)].lower()


def is_service_alias(rdata: bytes) -> bool:
    """True for SVCB or HTTPS rdata in AliasMode (RFC 9460 section 2.4.2)."""
    return rdata[:2] == b"\x00\x00"


def alias_target(rdata: bytes) -> Name:
    """The canonical target of a CNAME or DNAME rdata."""
    return rdata.lower()
