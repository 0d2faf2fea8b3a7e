"""The record types that a zone file may name, and what to say of other words."""

import difflib

from gslb.config.forms import FORMS
from gslb.wire.codes import RRType, is_meta_type, type_from_text

SINGLE = {"CNAME", "DNAME"}
"""Types of which an owner has one record."""

REFUSED = {
    "ALIAS": "is not a DNS record type; at the apex write A and AAAA records with `gslb:`, below it a CNAME",
    "URLFWD": "is not a DNS record type; redirects are the work of a web server",
    "SOA": "is made by the server; write `gslb: {soa: {...}}` in the NS record of the apex",
}
"""Types of octoDNS or of people that no zone can hold, with what would be right."""


def record_type(name: str) -> int:
    """The number of a type in a zone file. Raises `ValueError` that says what would be right."""
    if name in FORMS:
        return int(FORMS[name].rtype)
    if name in REFUSED:
        raise ValueError(f"{name} {REFUSED[name]}")
    try:
        rtype = type_from_text(name)
    except ValueError:
        raise ValueError(f"{name!r} is not a record type{nearest_types(name)}") from None
    if name != name.upper():
        raise ValueError(f"{name!r} is not a record type; did you mean {name.upper()!r}?")
    if is_meta_type(rtype) or rtype in {0, RRType.SOA}:
        raise ValueError(f"{name} is not a type that zones hold")
    return rtype


def is_type(name: str) -> bool:
    """True for the name of a record type, in either case, and for `TYPE<number>`."""
    try:
        type_from_text(name)
    except ValueError:
        return False
    return True


def nearest_types(name: str) -> str:
    """`; did you mean 'A' or 'AAAA'?` for a name that is no type's but near to some, else "". People get the first
    letter right."""
    alike = [known for known in FORMS if known[:1] == name[:1].upper()]
    near = difflib.get_close_matches(name.upper(), alike) or difflib.get_close_matches(name.upper(), FORMS, n=1)
    return f"; did you mean {' or '.join(map(repr, sorted(near)))}?" if near else ""
