"""The shapes that octoDNS gives the values of records, one form per type; the JSON Schema is made of them too.

A value is a text (an address, a name, the text of a TXT record) or a mapping of fields.
"""

import re
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gslb.config.shapes import not_of_yaml_shape
from gslb.wire.codes import RRType
from gslb.wire.names import ROOT, Name, name_from_text, name_to_text
from gslb.wire.rdata import rdata_from_text

_MAX_STRING = 255
_MAX_RDATA = 65535
_SPF, _SSHFP, _TLSA, _OPENPGPKEY, _LOC, _NAPTR, _URI, _CAA = 99, 44, 52, 61, 29, 35, 256, 257
_FAMILIES = {"A": (socket.AF_INET, "IPv4"), "AAAA": (socket.AF_INET6, "IPv6")}


def full_name(text: str) -> Name:
    """A name in rdata. octoDNS means full names; one without its dot may be meant either way. Raises `ValueError`."""
    if not text:
        raise ValueError("a name is missing")
    if not text.endswith("."):
        full = f"'{text}.'" if "." in text else f"'{text}.example.com.' for a name of the zone example.com"
        raise ValueError(f"{text!r} does not end with a dot; write the full name: {full}")
    return name_from_text(text)


def _octets(family: int, text: str) -> bytes | None:
    try:
        return socket.inet_pton(family, text)
    except (OSError, ValueError):
        return None


def _address(rtype: str, other: str) -> Callable[[str], bytes]:
    """Reads addresses for one type; one that is for the other is told where it belongs."""

    def parse(text: str) -> bytes:
        octets = _octets(_FAMILIES[rtype][0], text)
        if octets is not None:
            return octets
        family, version = _FAMILIES[other]
        if _octets(family, text) is not None:
            raise ValueError(f"{text!r} is an {version} address, which belongs in a record of type {other}")
        raise ValueError(not_of_yaml_shape(rtype, text))

    return parse


def _character_strings(text: str) -> bytes:
    r"""The rdata of a TXT or SPF text: quotes around it and the `" "` between its parts are taken off, `\;` is a
    semicolon, any other backslash is itself; it is cut into strings of 255 octets."""
    if text.startswith('"'):
        text = text[1:-1]
    octets = text.replace('" "', "").replace("\\;", ";").encode()
    parts = [octets[at : at + _MAX_STRING] for at in range(0, len(octets), _MAX_STRING)] or [b""]
    rdata = b"".join(bytes((len(part),)) + part for part in parts)
    if len(rdata) > _MAX_RDATA:
        raise ValueError(f"the text makes {len(rdata)} octets, more than {_MAX_RDATA}")
    return rdata


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a value: how its text becomes master-file text (or `ValueError`), further names that octoDNS takes
    for it, and the text that stands for it when left out (None: it has to be there)."""

    name: str
    render: Callable[[str], str]
    schema: Mapping[str, Any]
    aliases: tuple[str, ...] = ()
    default: str | None = None


def _number(name: str, maximum: int, aliases: tuple[str, ...] = (), default: str | None = None) -> Field:
    def render(text: str) -> str:
        if re.fullmatch(r"\d{1,10}", text, re.ASCII) is None or int(text) > maximum:
            raise ValueError(f"{text!r} is not a whole number from 0 to {maximum}")
        return str(int(text))

    return Field(name, render, {"type": "integer", "minimum": 0, "maximum": maximum}, aliases, default)


def _decimal(name: str, unit: str = "") -> Field:
    def render(text: str) -> str:
        if re.fullmatch(r"-?\d{1,10}(\.\d{1,10})?", text, re.ASCII) is None:
            raise ValueError(f"{text!r} is not a number")
        return f"{float(text)}{unit}"

    return Field(name, render, {"type": "number"})


def _choice(name: str, letters: str) -> Field:
    def render(text: str) -> str:
        if text.upper() not in set(letters):
            raise ValueError(f"{text!r} is not {' or '.join(letters)}")
        return text.upper()

    return Field(name, render, {"enum": list(letters)})


def _name(name: str, aliases: tuple[str, ...] = ()) -> Field:
    return Field(name, lambda text: name_to_text(full_name(text)), {"type": "string"}, aliases)


def _word(name: str) -> Field:
    def render(text: str) -> str:
        if not text or any(character.isspace() or character in '();"' for character in text):
            raise ValueError(f"{text!r} is not one word")
        return text

    return Field(name, render, {"type": "string"})


def _quoted(name: str, fold: Callable[[str], str] = str) -> Field:
    """Text that octoDNS puts between the quotes of a master file as it is: its backslashes are escapes there."""
    return Field(name, lambda text: '"' + re.sub(r'(?<!\\)"', r"\"", fold(text)) + '"', {"type": "string"})


def _hex(name: str) -> Field:
    def render(text: str) -> str:
        if re.fullmatch(r"([0-9A-Fa-f]{2})+", text, re.ASCII) is None:
            raise ValueError(f"{text!r} is not hexadecimal")
        return text.lower()

    return Field(name, render, {"type": "string"})


@dataclass(frozen=True, slots=True)
class TextForm:
    """A value that is one text."""

    rtype: int
    parse: Callable[[str], bytes]
    schema: Mapping[str, Any] = field(default_factory=lambda: {"type": "string"})


@dataclass(frozen=True, slots=True)
class FieldsForm:
    """A value that is a mapping. `former` are the fields of an older shape that octoDNS still takes, told by a key
    that only it has."""

    rtype: int
    fields: tuple[Field, ...]
    former: tuple[Field, ...] = ()


def _base64(text: str) -> bytes:
    return rdata_from_text(_OPENPGPKEY, text, ROOT)


SVCB_FIELDS = (_number("svcpriority", 65535), _name("targetname"))

FORMS: dict[str, TextForm | FieldsForm] = {
    "A": TextForm(RRType.A, _address("A", "AAAA")),
    "AAAA": TextForm(RRType.AAAA, _address("AAAA", "A")),
    "CAA": FieldsForm(_CAA, (_number("flags", 255, default="0"), _word("tag"), _quoted("value"))),
    "CNAME": TextForm(RRType.CNAME, full_name),
    "DNAME": TextForm(RRType.DNAME, full_name),
    "DS": FieldsForm(
        RRType.DS,
        (_number("key_tag", 65535), _number("algorithm", 255), _number("digest_type", 255), _hex("digest")),
        (_number("flags", 65535), _number("protocol", 255), _number("algorithm", 255), _hex("public_key")),
    ),
    "HTTPS": FieldsForm(RRType.HTTPS, SVCB_FIELDS),
    "LOC": FieldsForm(
        _LOC,
        (
            _number("lat_degrees", 90),
            _number("lat_minutes", 59),
            _decimal("lat_seconds"),
            _choice("lat_direction", "NS"),
            _number("long_degrees", 180),
            _number("long_minutes", 59),
            _decimal("long_seconds"),
            _choice("long_direction", "EW"),
            _decimal("altitude", "m"),
            _decimal("size", "m"),
            _decimal("precision_horz", "m"),
            _decimal("precision_vert", "m"),
        ),
    ),
    "MX": FieldsForm(RRType.MX, (_number("preference", 65535, ("priority",)), _name("exchange", ("value",)))),
    "NAPTR": FieldsForm(
        _NAPTR,
        (
            _number("order", 65535),
            _number("preference", 65535),
            _quoted("flags", str.upper),
            _quoted("service"),
            _quoted("regexp"),
            _name("replacement"),
        ),
    ),
    "NS": TextForm(RRType.NS, full_name),
    "OPENPGPKEY": TextForm(_OPENPGPKEY, _base64),
    "PTR": TextForm(RRType.PTR, full_name),
    "SPF": TextForm(_SPF, _character_strings),
    "SRV": FieldsForm(
        RRType.SRV, (_number("priority", 65535), _number("weight", 65535), _number("port", 65535), _name("target"))
    ),
    "SSHFP": FieldsForm(_SSHFP, (_number("algorithm", 255), _number("fingerprint_type", 255), _hex("fingerprint"))),
    "SVCB": FieldsForm(RRType.SVCB, SVCB_FIELDS),
    "TLSA": FieldsForm(
        _TLSA,
        (
            _number("certificate_usage", 255),
            _number("selector", 255),
            _number("matching_type", 255),
            _hex("certificate_association_data"),
        ),
    ),
    "TXT": TextForm(RRType.TXT, _character_strings),
    "URI": FieldsForm(_URI, (_number("priority", 65535), _number("weight", 65535), _quoted("target"))),
}
"""The types that octoDNS knows, with the shape of their values."""

SVCPARAMS = "svcparams"
"""The key of an SVCB or HTTPS record that holds its SvcParams."""
