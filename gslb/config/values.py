r"""The values of records, from octoDNS's forms to wire bytes.

An octoDNS value is a text (an address, a name, the text of a TXT record) or a mapping of fields, one shape per type:
the tables here, which the JSON Schema is made of too. A type that octoDNS does not know takes master-file text, and
a type called `TYPE<number>` the generic form `\# <octets> <hex>` (RFC 3597).
"""

import difflib
import re
import socket
from collections.abc import Callable
from collections.abc import Mapping as AnyMapping
from dataclasses import dataclass, field
from typing import Any

from gslb.config.problems import did_you_mean
from gslb.config.shapes import mapping_advice, not_of_yaml_shape
from gslb.config.yamltext import Mapping, Node, Sequence, Text, quote_hint
from gslb.wire.codes import RRType, is_meta_type, type_from_text
from gslb.wire.names import ROOT, BadNameError, Name, name_from_text, name_to_text
from gslb.wire.rdata import RdataError, rdata_from_text

_LABEL = "[A-Za-z0-9_-]{1,63}"
_PLAIN_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?")
_MAX_STRING = 255
_MAX_RDATA = 65535
_SPF, _SSHFP, _TLSA, _OPENPGPKEY, _LOC, _NAPTR, _URI, _CAA = 99, 44, 52, 61, 29, 35, 256, 257


class BadValueError(ValueError):
    """A value that does not fit its type. `line` is where it stands, `key` the field that is wrong, if it is one."""

    def __init__(self, message: str, line: int, key: str = "") -> None:
        super().__init__(message)
        self.line = line
        self.key = key


def plain_name(text: str, origin: Name) -> Name:
    """The wire name of `text`, case kept, relative to `origin` without a trailing dot. Names of letters, digits,
    hyphens and underscores are put together here, which is ten times as fast. Raises `BadNameError`."""
    if _PLAIN_NAME.fullmatch(text) is None:
        return name_from_text(text, origin)
    absolute = text.endswith(".")
    labels = (text[:-1] if absolute else text).encode().split(b".")
    wire = b"".join([bytes((len(label),)) + label for label in labels]) + (ROOT if absolute else origin)
    return wire if len(wire) <= 255 else name_from_text(text, origin)  # which says that it is too long


def full_name(text: str) -> Name:
    """A name in rdata. octoDNS means full names; one without its dot may be meant either way. Raises `ValueError`."""
    if not text:
        raise ValueError("a name is missing")
    if not text.endswith("."):
        full = f"'{text}.'" if "." in text else f"'{text}.example.com.' for a name of the zone example.com"
        raise ValueError(f"{text!r} does not end with a dot; write the full name: {full}")
    return plain_name(text, ROOT)


def _octets(family: int, text: str) -> bytes | None:
    try:
        return socket.inet_pton(family, text)
    except (OSError, ValueError):
        return None


def _ipv4(text: str) -> bytes:
    octets = _octets(socket.AF_INET, text)
    if octets is None and _octets(socket.AF_INET6, text) is not None:
        raise ValueError(f"{text!r} is an IPv6 address, which belongs in a record of type AAAA")
    if octets is None:
        raise ValueError(not_of_yaml_shape("A", text))
    return octets


def _ipv6(text: str) -> bytes:
    octets = _octets(socket.AF_INET6, text)
    if octets is None and _octets(socket.AF_INET, text) is not None:
        raise ValueError(f"{text!r} is an IPv4 address, which belongs in a record of type A")
    if octets is None:
        raise ValueError(not_of_yaml_shape("AAAA", text))
    return octets


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
    schema: AnyMapping[str, Any]
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
    schema: AnyMapping[str, Any] = field(default_factory=lambda: {"type": "string"})


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
    "A": TextForm(RRType.A, _ipv4),
    "AAAA": TextForm(RRType.AAAA, _ipv6),
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

SINGLE = {"CNAME", "DNAME"}
"""Types of which an owner has one record."""

SVCPARAMS = "svcparams"

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


def read_value(type_name: str, rtype: int, node: Node, apex: Name) -> bytes:
    """The rdata of one value. Raises `BadValueError`."""
    form = FORMS.get(type_name)
    try:
        if isinstance(form, FieldsForm):
            return _read_fields(type_name, form, node)
        text = _text_of(node)
        return form.parse(text) if form is not None else rdata_from_text(rtype, text, apex)
    except BadValueError:
        raise
    except RdataError as error:
        said = not_of_yaml_shape(type_name, error.text, error.reason) or str(error)
        raise BadValueError(said, node.line) from None
    except BadNameError as error:
        raise BadValueError(f"{error}{mapping_advice(type_name)}", node.line) from None
    except ValueError as error:
        raise BadValueError(str(error), node.line) from None


def _text_of(node: Node) -> str:
    if not isinstance(node, Text):
        raise BadValueError(quote_hint(node) or "must be a text", node.line)
    if node.is_absent:
        raise BadValueError("the value is missing", node.line)
    return str(node)


def _read_fields(type_name: str, form: FieldsForm, node: Node) -> bytes:
    advice = mapping_advice(type_name)
    if not isinstance(node, Mapping):
        keys = ", ".join(item.name for item in form.fields)
        raise BadValueError(f"must be a mapping with the keys {keys}{advice}", node.line)
    fields = _shape_of(form, node)
    known = {name for item in fields for name in (item.name, *item.aliases)}
    with_params = fields is SVCB_FIELDS
    if with_params:
        known.add(SVCPARAMS)
    for key, _ in node.entries():
        if key not in known:
            raise BadValueError(f"unknown key {str(key)!r}{did_you_mean(key, known)}", key.line)
    missing = next((item.name for item in fields if item.default is None and not _present(item, node)), None)
    if missing is not None:
        raise BadValueError(f"{missing} is missing{advice if fields is form.fields else ''}", node.line)
    parts = [_render(item, node) for item in fields]
    if with_params and SVCPARAMS in node:
        parts += _render_svcparams(node[SVCPARAMS])
    return rdata_from_text(form.rtype, " ".join(parts), ROOT)


def _shape_of(form: FieldsForm, node: Mapping) -> tuple[Field, ...]:
    only_former = {item.name for item in form.former} - {item.name for item in form.fields}
    return form.former if only_former & set(node) else form.fields


def _present(item: Field, node: Mapping) -> list[str]:
    """The keys of the node that mean this field."""
    return [key for key in (item.name, *item.aliases) if key in node]


def _render(item: Field, node: Mapping) -> str:
    present = _present(item, node)
    if len(present) > 1:
        raise BadValueError(f"{present[0]} and {present[1]} mean the same; write one", node.key_line(present[1]))
    if not present:
        return item.default or ""
    value = node[present[0]]
    try:
        return item.render(_text_of(value))
    except ValueError as error:
        raise BadValueError(str(error), node.key_line(present[0]), present[0]) from None


def _render_svcparams(node: Node) -> list[str]:
    """The SvcParams in master-file text (RFC 9460 section 2.1): a list is joined by commas, nothing is a bare key."""
    if not isinstance(node, Mapping):
        raise BadValueError("must be a mapping of SvcParams", node.line, SVCPARAMS)
    found = []
    for key, value in node.entries():
        if isinstance(value, Text) and value.is_null:
            found.append(str(key))
            continue
        items = value if isinstance(value, Sequence) else [value]
        joined = ",".join(_text_of(item) for item in items)
        found.append(f'{key}="{joined}"')
    return found
