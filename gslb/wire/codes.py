"""The numbers of the protocol: types, classes, rcodes, header bits, and their names.

Only what the code speaks of by name stands here; IANA's table of types comes from dnspython, but for a few old or new
ones.
"""

import enum

import dns.rdatatype

CLASS_IN = 1
CLASS_CH = 3
CLASS_ANY = 255


class RRType(enum.IntEnum):
    """Types that have a meaning of their own here (RFC 1035, 2782, 3596, 6672, 6891, 9460, 9824)."""

    A = 1
    NS = 2
    CNAME = 5
    SOA = 6
    PTR = 12
    MX = 15
    TXT = 16
    AAAA = 28
    SRV = 33
    DNAME = 39
    OPT = 41
    DS = 43
    RRSIG = 46
    NSEC = 47
    DNSKEY = 48
    NSEC3 = 50
    NSEC3PARAM = 51
    SVCB = 64
    HTTPS = 65
    NXNAME = 128
    TSIG = 250
    IXFR = 251
    AXFR = 252
    MAILB = 253
    MAILA = 254
    ANY = 255


class Rcode(enum.IntEnum):
    """Reply codes (RFC 6895 section 2.3, RFC 7873 section 8)."""

    NOERROR = 0
    FORMERR = 1
    SERVFAIL = 2
    NXDOMAIN = 3
    NOTIMP = 4
    REFUSED = 5
    YXDOMAIN = 6
    NOTAUTH = 9
    BADVERS = 16
    BADCOOKIE = 23


class Opcode(enum.IntEnum):
    """Operations (RFC 6895 section 2.2)."""

    QUERY = 0
    NOTIFY = 4
    UPDATE = 5


_BESIDE_DNSPYTHON = {
    "EID": 31,
    "NIMLOC": 32,
    "ATMA": 34,
    "SINK": 40,
    "RKEY": 57,
    "TALINK": 58,
    "DOA": 259,
    "CLA": 263,
    "IPN": 264,
}
"""Types that dnspython has no name for; their rdata is written as RFC 3597 has it."""
_NAMES_BESIDE = {number: name for name, number in _BESIDE_DNSPYTHON.items()}

# Header bits, in the 16-bit flags word (RFC 1035 section 4.1.1, RFC 4035 section 3.2).
QR, AA, TC, RD, RA, AD, CD = 0x8000, 0x0400, 0x0200, 0x0100, 0x0080, 0x0020, 0x0010


def type_from_text(text: str) -> int:
    """`"AAAA"` or `"TYPE65282"` (RFC 3597) to its number. Raises `ValueError`."""
    number = _BESIDE_DNSPYTHON.get(text.upper())
    if number is not None:
        return number
    try:
        return int(dns.rdatatype.from_text(text))
    except (dns.rdatatype.UnknownRdatatype, ValueError):
        raise ValueError(f"{text!r} is not a record type") from None


def type_to_text(rtype: int) -> str:
    return _NAMES_BESIDE.get(rtype) or dns.rdatatype.to_text(dns.rdatatype.RdataType.make(rtype))


def is_meta_type(rtype: int) -> bool:
    """True for types that are asked for or carried, never stored: OPT, TSIG, AXFR, ANY … (RFC 6895 section 3.1)."""
    return rtype == RRType.OPT or 128 <= rtype <= 255
