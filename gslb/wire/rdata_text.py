r"""Rdata between text, octets and dnspython, and what dnspython leaves out.

It knows the types that are made of names alone (MB, MINFO …) by number only: their text is read and written here. And
it refuses an SVCB or HTTPS record in AliasMode that has SvcParams, of which RFC 9460 section 2.4.2 asks no more than to
be ignored by clients, and to be warned of at most. Such a record is shown to dnspython in ServiceMode, the rest of it
being the same. Where dnspython judges what the fields of a type mean, that holds for text, whose writer can mend it. In
octets, where a record comes with all else that a primary serves, only its shape is asked: a DS record whose digest has
a wrong length is what no validator takes (RFC 4509 section 2.2), and for that no zone is given up. Locators of NID
and L64 may come without leading zeros (RFC 6742 section 2), as dig prints them; they are filled up before dnspython
sees them. The metres of a LOC record it reads as binary fractions, of which some fall short by a centimetre; these are
shown to it a little larger. Of an IPSECKEY record it wants a key where algorithm 0 has none, of a DS record another
digest type than the reserved 0, and of a ZONEMD record of any scheme the length of digest that scheme 1 has.
"""

import re
from collections.abc import Callable, Iterator
from decimal import Decimal

import dns.exception
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
_UNASSIGNED_DIGEST = 255
"""Of types that nobody knows dnspython takes a digest of any length; it refuses the reserved 0, which no validator
takes, and which NSD, Knot and BIND serve."""
_LEAST_OCTETS: dict[int, int] = {
    **dict.fromkeys(_DIGESTS, _DIGEST_START + 1),
    dns.rdatatype.WKS: 5,  # an address and a protocol (RFC 1035 section 3.4.2)
    dns.rdatatype.GPOS: 3,  # three strings (RFC 1712 section 3)
    dns.rdatatype.LOC: 1,  # a version, and what it has (RFC 1876 section 2)
    dns.rdatatype.APL: 0,  # any number of prefixes (RFC 3123 section 4)
    dns.rdatatype.SSHFP: 2,  # algorithm, type (RFC 4255 section 3.1)
    dns.rdatatype.IPSECKEY: 3,  # precedence, gateway type, algorithm (RFC 4025 section 2.1)
    dns.rdatatype.TLSA: 3,  # usage, selector, matching type (RFC 6698 section 2.1)
    dns.rdatatype.SMIMEA: 3,
    dns.rdatatype.HIP: 4,  # two lengths and an algorithm (RFC 8005 section 5)
    dns.rdatatype.CSYNC: 6,  # serial, flags (RFC 7477 section 2.1.1)
    dns.rdatatype.ZONEMD: 6,
    dns.rdatatype.DSYNC: 5,  # type, scheme, port (RFC 9859 section 2.1)
    dns.rdatatype.URI: 4,  # priority, weight (RFC 7553 section 4.5)
    dns.rdatatype.CAA: 2,  # flags, length of the tag (RFC 8659 section 4.1)
    dns.rdatatype.AMTRELAY: 2,  # precedence, type (RFC 8777 section 4.1)
    dns.rdatatype.RESINFO: 0,
    dns.rdatatype.WALLET: 0,
}
"""Of types whose fields mean something to clients alone: how many octets come before what may be empty or unknown."""
_ZONE_DIGEST_START = 6
"""Before the digest of a ZONEMD record stand serial, scheme and algorithm (RFC 8976 section 2.2)."""
_LEAST_ZONE_DIGEST = 12
"""Octets, whatever scheme and algorithm are (RFC 8976 section 2.2.4). The rest is the verifier's to judge: the RFC's
own examples have digests of private schemes, in other lengths."""
_ALGORITHM_AT: dict[int, int] = {
    **dict.fromkeys((dns.rdatatype.DNSKEY, dns.rdatatype.CDNSKEY, dns.rdatatype.KEY, dns.rdatatype.CERT), 2),
    **dict.fromkeys((*_DIGESTS, dns.rdatatype.RRSIG, dns.rdatatype.SIG), 1),
}
"""Which word of the text, from 0, names a DNSSEC algorithm."""
_ALGORITHMS: dict[str, str] = {"DSA-NSEC3-SHA1": "6", "RSASHA1-NSEC3-SHA1": "7", "ECC-GOST": "12"}
"""Mnemonics in IANA's table that dnspython has otherwise or not."""
_LOCATORS = {dns.rdatatype.NID, dns.rdatatype.L64}
_METRES = re.compile(r"(-?\d{1,10}(?:\.\d+)?)m?", re.ASCII)
_DISTANCES = 4
"""Altitude, size, and the two precisions."""
_ALTITUDES = Decimal("-100000.00"), Decimal("42849672.95")
_LARGEST_SIZE = Decimal("90000000.00")
_MILLIMETRE = Decimal("0.001")
_LAST_OF_PLACE = frozenset({"E", "W"})
"""The word that ends the longitude; metres follow (RFC 1876 section 3)."""
_SERVICES = {RRType.SVCB, RRType.HTTPS}
_KEYLESS_GATEWAY = 4
"""The words of an IPSECKEY record without a key: precedence, gateway type, algorithm, gateway."""
_ONE_OCTET = "AA=="
_NOBODYS_TYPE = 65535
"""Reserved (RFC 6895 section 3.1): of such rdata dnspython reads the generic form only."""
_ALIAS_MODE, _SERVICE_MODE = b"\x00\x00", b"\x00\x01"
_PRIORITY_OCTETS = len(_ALIAS_MODE)
_DOHPATH = 7
_PATH_OF_DOH = re.compile(rb"^/.*\{[+#./;?&]?(?:[^{},]+,)*dns(?::[1-9]\d{0,3}|\*)?(?:,[^{},]+)*\}", re.DOTALL)
"""A relative URI template that has the variable `dns` (RFC 9461 section 5, RFC 6570 section 2)."""


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
        _read(rtype, generic)
        return generic
    if rtype in _NAMES:
        return b"".join(tokens.get_name(origin).to_wire() or b"" for _ in range(_NAMES[rtype]))
    return _OWN_FORMS.get(rtype, _service)(rtype, tokens, origin)


def in_numbers(rtype: int, text: str) -> str:
    """The text with the algorithm as a number, where it is written in a way that dnspython does not know."""
    at = _ALGORITHM_AT.get(rtype)
    words = [] if at is None else text.split(None, at + 1)
    if at is None or len(words) <= at or words[at].upper() not in _ALGORITHMS:
        return text
    words[at] = _ALGORITHMS[words[at].upper()]
    return " ".join(words)


def check_rdata(rtype: int, rdata: bytes) -> None:
    """Raise a `DNSException` or `ValueError` for octets that are not of the shape of their type, if it is known."""
    if rtype in _SERVICES:
        _check_service(rdata)
    elif rtype not in _LEAST_OCTETS:
        _read(rtype, rdata)
    elif len(rdata) < _LEAST_OCTETS[rtype]:
        raise ValueError("it ends too early")


def canonical_rdata(rtype: int, rdata: bytes) -> bytes:
    """The rdata with its names in lower case, where comparing has them so (RFC 4034 section 6.2). Raises as
    `check_rdata`."""
    if rtype in _NAMES:
        return rdata.lower()
    if rtype in _LEAST_OCTETS or rtype in _SERVICES:
        return rdata  # no name in them is of those that are lowered (RFC 6840 section 5.1)
    return bytes(_as_dnspython(rtype, rdata).to_digestable())


def rdata_as_text(rtype: int, rdata: bytes) -> str:
    """The rdata as master-file text, names absolute; what does not mean anything in its type, in the form of RFC 3597
    section 5. Raises as `check_rdata`."""
    if rtype in _NAMES:
        return " ".join(name.to_text() for name in _names(rtype, rdata))
    if rtype in _DIGESTS and len(rdata) >= _LEAST_OCTETS[rtype]:
        return f"{int.from_bytes(rdata[:2], 'big')} {rdata[2]} {rdata[3]} {rdata[_DIGEST_START:].hex()}"
    if rtype == dns.rdatatype.ZONEMD and len(rdata) >= _LEAST_OCTETS[rtype]:
        return f"{int.from_bytes(rdata[:4], 'big')} {rdata[4]} {rdata[5]} {rdata[_ZONE_DIGEST_START:].hex()}".rstrip()
    try:
        text = _as_dnspython(rtype, rdata).to_text()
    except (dns.exception.DNSException, ValueError):
        check_rdata(rtype, rdata)
        return rf"\# {len(rdata)} {rdata.hex()}".rstrip()
    return "0" + text.removeprefix("1") if _is_service_alias(rtype, rdata) else text


def _as_dnspython(rtype: int, rdata: bytes) -> dns.rdata.Rdata:
    if _is_service_alias(rtype, rdata):
        rdata = _SERVICE_MODE + rdata[2:]
    elif rtype in _DIGESTS and rdata[3:4] == b"\x00":
        rdata = rdata[:3] + _UNASSIGNED_DIGEST.to_bytes() + rdata[_DIGEST_START:]
    return dns.rdata.from_wire(dns.rdataclass.IN, dns.rdatatype.RdataType.make(rtype), rdata, 0, len(rdata))


def _read(rtype: int, rdata: bytes) -> None:
    """Raise as `check_rdata`, also for octets of the right shape that mean nothing in their type."""
    if rtype in _NAMES:
        _names(rtype, rdata)
    elif rtype == dns.rdatatype.ZONEMD:
        _check_zone_digest(rdata)
    else:
        _as_dnspython(rtype, rdata)


def _check_zone_digest(rdata: bytes) -> None:
    if len(rdata) < _ZONE_DIGEST_START + _LEAST_ZONE_DIGEST:
        raise ValueError(f"a digest has {_LEAST_ZONE_DIGEST} octets at least")


def _check_service(rdata: bytes) -> None:
    """A priority, a name, and parameters that end where the rdata does (RFC 9460 section 2.2)."""
    for _ in _parameters(rdata):
        pass


def _parameters(rdata: bytes) -> Iterator[tuple[int, bytes]]:
    """Key and value of each parameter of a service, as they come."""
    at = _PRIORITY_OCTETS + dns.name.from_wire(rdata[_PRIORITY_OCTETS:], 0)[1]
    while at < len(rdata):
        start = at + 4  # after key and length
        end = start + int.from_bytes(rdata[start - 2 : start], "big")
        if end > len(rdata):
            raise ValueError("a parameter ends too late")
        yield int.from_bytes(rdata[at : at + 2], "big"), rdata[start:end]
        at = end


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
    path = dict(_parameters(rdata)).get(_DOHPATH)
    if path is not None and _PATH_OF_DOH.search(path) is None:
        raise ValueError("dohpath begins with / and has the variable dns, as /dns-query{?dns}")
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
    if not all(0 <= size <= _LARGEST_SIZE for size in metres[1:]):
        raise ValueError("sizes are from 0 to 90000000 metres")
    return _parsed(rtype, dns.tokenizer.Tokenizer(" ".join([*words[:first], *map(_not_short, metres)])), origin)


def _digest(rtype: int, tokens: dns.tokenizer.Tokenizer, origin: dns.name.Name) -> bytes:
    words = [token.value for token in tokens.get_remaining()]
    is_reserved = words[2:3] == ["0"]
    shown = [*words[:2], str(_UNASSIGNED_DIGEST), *words[3:]] if is_reserved else words
    rdata = _parsed(rtype, dns.tokenizer.Tokenizer(" ".join(shown)), origin)
    return rdata[:3] + bytes(1) + rdata[_DIGEST_START:] if is_reserved else rdata


def _zone_digest(_rtype: int, tokens: dns.tokenizer.Tokenizer, _origin: dns.name.Name) -> bytes:
    rdata = tokens.get_uint32().to_bytes(4, "big") + bytes((tokens.get_uint8(), tokens.get_uint8()))
    rdata += bytes.fromhex(tokens.concatenate_remaining_identifiers())
    _check_zone_digest(rdata)
    return rdata


def _gateway(rtype: int, tokens: dns.tokenizer.Tokenizer, origin: dns.name.Name) -> bytes:
    """Algorithm 0 has no key, and none is written (RFC 4025 section 2.4)."""
    words = [token.value for token in tokens.get_remaining()]
    if len(words) == _KEYLESS_GATEWAY and words[2] == "0":
        return _parsed(rtype, dns.tokenizer.Tokenizer(" ".join([*words, _ONE_OCTET])), origin)[:-1]
    return _parsed(rtype, dns.tokenizer.Tokenizer(" ".join(words)), origin)


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
    **dict.fromkeys(_DIGESTS, _digest),
    **dict.fromkeys(_LOCATORS, _locator),
    dns.rdatatype.LOC: _location,
    dns.rdatatype.IPSECKEY: _gateway,
    dns.rdatatype.ZONEMD: _zone_digest,
}
