r"""Rdata between text, octets and dnspython, and what dnspython leaves out.

It knows the types that are made of names alone (MB, MINFO …) by number only: their text is read and written here. And
it refuses an SVCB or HTTPS record in AliasMode that has SvcParams, of which RFC 9460 section 2.4.2 asks no more than to
be ignored by clients, and to be warned of at most. Such a record is shown to dnspython in ServiceMode, the rest of it
being the same. A DS record whose digest is not as long as its type has it is refused in text; but in octets, where it
comes with all else that a primary serves, it is only what no validator takes (RFC 4509 section 2.2). Locators of NID
and L64 may come without leading zeros (RFC 6742 section 2), as dig prints them; they are filled up before dnspython
sees them. The metres of a LOC record it reads as binary fractions, of which some fall short by a centimetre; these are
shown to it a little larger.
"""

import re
from collections.abc import Callable
from decimal import Decimal

import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.tokenizer

from gslb.wire.codes import RRType, type_from_text

_NAMES: dict[int, int] = {
    dns.rdatatype.MD: 1,
    dns.rdatatype.MF: 1,
    dns.rdatatype.MB: 1,
    dns.rdatatype.MG: 1,
    dns.rdatatype.MR: 1,
    dns.rdatatype.MINFO: 2,
    type_from_text("TALINK"): 2,
}
"""How many names such rdata is."""
_DIGESTS = {dns.rdatatype.DS, dns.rdatatype.CDS, dns.rdatatype.DLV}
_DIGEST_START = 4
"""Before a digest stand key tag, algorithm and the digest's type (RFC 4034 section 5.1)."""
_LOCATORS = {dns.rdatatype.NID, dns.rdatatype.L64}
_METRES = re.compile(r"(-?\d{1,10}(?:\.\d+)?)m?", re.ASCII)
_DISTANCES = 4
"""Altitude, size, and the two precisions."""
_ALTITUDES = Decimal("-100000.00"), Decimal("42849672.95")
_MILLIMETRE = Decimal("0.001")
_LAST_OF_PLACE = frozenset({"E", "W"})
"""The word that ends the longitude; metres follow (RFC 1876 section 3)."""
_SERVICES = {RRType.SVCB, RRType.HTTPS}
_NOBODYS_TYPE = 65535
"""Reserved (RFC 6895 section 3.1): of such rdata dnspython reads the generic form only."""
_ALIAS_MODE, _SERVICE_MODE = b"\x00\x00", b"\x00\x01"


def rdata_from_tokens(rtype: int, tokens: dns.tokenizer.Tokenizer, origin: dns.name.Name) -> bytes:
    r"""The octets of the rdata that `tokens` begin with, in its own form or as `\# …` (RFC 3597 section 5); names
    are relative to `origin`. Raises what dnspython does: a `DNSException`, `ValueError` or `UnicodeError`."""
    if rtype not in _NAMES and rtype not in _SERVICES and rtype not in _OWN_FORMS:
        return _parsed(rtype, tokens, origin)
    first = tokens.get()
    tokens.unget(first)
    if first.is_identifier() and first.value == r"\#":
        generic = _parsed(_NOBODYS_TYPE, tokens, origin)
        check_rdata(rtype, generic)
        return generic
    if rtype in _NAMES:
        return b"".join(tokens.get_name(origin).to_wire() or b"" for _ in range(_NAMES[rtype]))
    return _OWN_FORMS.get(rtype, _service)(rtype, tokens, origin)


def check_rdata(rtype: int, rdata: bytes) -> None:
    """Raise a `DNSException` or `ValueError` for octets that are not of the shape of their type, if it is known."""
    if rtype in _NAMES:
        _names(rtype, rdata)
    elif not _has_digest(rtype, rdata):
        _as_dnspython(rtype, rdata)


def canonical_rdata(rtype: int, rdata: bytes) -> bytes:
    """The rdata with its names in lower case, where comparing has them so (RFC 4034 section 6.2). Raises as
    `check_rdata`."""
    return rdata.lower() if rtype in _NAMES else bytes(_as_dnspython(rtype, rdata).to_digestable())


def rdata_as_text(rtype: int, rdata: bytes) -> str:
    """The rdata as master-file text, names absolute. Raises as `check_rdata`."""
    if rtype in _NAMES:
        return " ".join(name.to_text() for name in _names(rtype, rdata))
    if _has_digest(rtype, rdata):
        return f"{int.from_bytes(rdata[:2], 'big')} {rdata[2]} {rdata[3]} {rdata[_DIGEST_START:].hex()}"
    text = _as_dnspython(rtype, rdata).to_text()
    return "0" + text.removeprefix("1") if _is_service_alias(rtype, rdata) else text


def _as_dnspython(rtype: int, rdata: bytes) -> dns.rdata.Rdata:
    if _is_service_alias(rtype, rdata):
        rdata = _SERVICE_MODE + rdata[2:]
    return dns.rdata.from_wire(dns.rdataclass.IN, dns.rdatatype.RdataType.make(rtype), rdata, 0, len(rdata))


def _has_digest(rtype: int, rdata: bytes) -> bool:
    return rtype in _DIGESTS and len(rdata) > _DIGEST_START


def _names(rtype: int, rdata: bytes) -> list[dns.name.Name]:
    found, start = [], 0
    for _ in range(_NAMES[rtype]):
        name, octets = dns.name.from_wire(rdata, start)
        found.append(name)
        start += octets
    if b"".join(name.to_wire() or b"" for name in found) != rdata:
        raise ValueError("not names in full and nothing more")
    return found


def _is_service_alias(rtype: int, rdata: bytes) -> bool:
    return rtype in _SERVICES and rdata[:2] == _ALIAS_MODE


def _service(rtype: int, tokens: dns.tokenizer.Tokenizer, origin: dns.name.Name) -> bytes:
    priority = tokens.get()
    is_alias = priority.value.isdecimal() and int(priority.value) == 0
    tokens.unget(dns.tokenizer.Token(dns.tokenizer.IDENTIFIER, "1") if is_alias else priority)
    rdata = _parsed(rtype, tokens, origin)
    return _ALIAS_MODE + rdata[2:] if is_alias else rdata


def _locator(rtype: int, tokens: dns.tokenizer.Tokenizer, origin: dns.name.Name) -> bytes:
    preference, locator = tokens.get(), tokens.get()
    filled = ":".join(group and group.rjust(4, "0") for group in locator.value.split(":"))
    read = dns.tokenizer.Tokenizer(f"{preference.value} {filled}")
    return _parsed(rtype, read, origin)


def _location(rtype: int, tokens: dns.tokenizer.Tokenizer, origin: dns.name.Name) -> bytes:
    words = [token.value for token in tokens.get_remaining()]
    first = next((at for at, word in enumerate(words, 1) if word.upper() in _LAST_OF_PLACE), len(words))
    metres = [_metres(word) for word in words[first:]]
    if len(metres) > _DISTANCES or not all(_ALTITUDES[0] <= altitude <= _ALTITUDES[1] for altitude in metres[:1]):
        raise ValueError("an altitude from -100000 to 42849672.95 metres, and three distances at most")
    return _parsed(rtype, dns.tokenizer.Tokenizer(" ".join([*words[:first], *map(_not_short, metres)])), origin)


def _metres(word: str) -> Decimal:
    match = _METRES.fullmatch(word)
    if match is None:
        raise ValueError(f"{word!r} is no number of metres")
    return Decimal(match[1])


def _not_short(metres: Decimal) -> str:
    """The same centimetres, written so that the nearest binary fraction has them too."""
    exact = Decimal(int(metres * 100)) / 100
    is_short = int(float(metres) * 100) != int(metres * 100)
    return f"{exact + _MILLIMETRE.copy_sign(exact) if is_short else exact}m"


def _parsed(rtype: int, tokens: dns.tokenizer.Tokenizer, origin: dns.name.Name) -> bytes:
    kind = dns.rdatatype.RdataType.make(rtype)
    parsed = dns.rdata.from_text(dns.rdataclass.IN, kind, tokens, origin=origin, relativize=False)
    return bytes(parsed.to_wire(origin=None) or b"")


_OWN_FORMS: dict[int, Callable[[int, dns.tokenizer.Tokenizer, dns.name.Name], bytes]] = {
    **dict.fromkeys(_LOCATORS, _locator),
    dns.rdatatype.LOC: _location,
}
