r"""What the value of a record looks like, for people who got it wrong: what belongs there, and an example that they can
copy, as master files have it and, where that differs, as zone YAML has it.

Types without a shape here are rare; of those the parser's own reason is said.
"""

from dataclasses import dataclass

_SHOWN = 60
"""Characters of a wrong value that are shown: some are keys, or whole texts."""


@dataclass(frozen=True, slots=True)
class Shape:
    """`what` goes after "is not"; `example` is master-file text, `mapping` the same as a YAML mapping ("": YAML takes
    the text)."""

    what: str
    example: str
    mapping: str = ""


_NAME = Shape("a name", "www.example.com.")

SHAPES: dict[str, Shape] = {
    "A": Shape("an IPv4 address", "192.0.2.1"),
    "AAAA": Shape("an IPv6 address", "2001:db8::1"),
    "CAA": Shape(
        "flags, a tag and a text", '0 issue "ca.example.net"', "{flags: 0, tag: issue, value: ca.example.net}"
    ),
    "CNAME": _NAME,
    "DNAME": _NAME,
    "DNSKEY": Shape(
        "flags, protocol, algorithm and a key in base64", "257 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4="
    ),
    "DS": Shape(
        "a key tag, an algorithm, a digest type and a digest in hexadecimal",
        "3613 15 1 a2df1ce424e12132f4b5ba5d7e0bb0a7c22b9f41",
        "{key_tag: 3613, algorithm: 15, digest_type: 1, digest: a2df1ce424e12132f4b5ba5d7e0bb0a7c22b9f41}",
    ),
    "HTTPS": Shape(
        "a priority, a name and parameters",
        "1 . alpn=h2,h3",
        "{svcpriority: 1, targetname: ., svcparams: {alpn: [h2, h3]}}",
    ),
    "LOC": Shape(
        "a latitude, a longitude and an altitude",
        "52 22 23.000 N 4 53 32.000 E -2.00m",
        "{lat_degrees: 52, lat_minutes: 22, lat_seconds: 23, lat_direction: N, long_degrees: 4, long_minutes: 53, "
        "long_seconds: 32, long_direction: E, altitude: -2, size: 1, precision_horz: 10000, precision_vert: 10}",
    ),
    "MX": Shape("a preference and a host", "10 mail.example.com.", "{preference: 10, exchange: mail.example.com.}"),
    "NAPTR": Shape(
        "an order, a preference, flags, a service, an expression and a name",
        '100 10 "U" "E2U+sip" "!^.*$!sip:info@example.com!" .',
        "{order: 100, preference: 10, flags: U, service: E2U+sip, regexp: '!^.*$!sip:info@example.com!', "
        "replacement: .}",
    ),
    "NS": Shape("the name of a server", "ns1.example.com."),
    "OPENPGPKEY": Shape("a key in base64", "mQENBFVHm5sBCADL"),
    "PTR": _NAME,
    "SRV": Shape(
        "a priority, a weight, a port and a host",
        "10 5 5060 sip.example.com.",
        "{priority: 10, weight: 5, port: 5060, target: sip.example.com.}",
    ),
    "SSHFP": Shape(
        "an algorithm, a fingerprint type and a fingerprint in hexadecimal",
        "4 1 123456789abcdef67890123456789abcdef67890",
        "{algorithm: 4, fingerprint_type: 1, fingerprint: 123456789abcdef67890123456789abcdef67890}",
    ),
    "SOA": Shape(
        "two names, a serial and four times",
        "ns1.example.com. hostmaster.example.com. 1 1h 10m 14d 1m",
    ),
    "SVCB": Shape(
        "a priority, a name and parameters",
        "1 host.example.com. port=8443",
        "{svcpriority: 1, targetname: host.example.com., svcparams: {port: 8443}}",
    ),
    "TLSA": Shape(
        "a usage, a selector, a matching type and data in hexadecimal",
        "3 1 1 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "{certificate_usage: 3, selector: 1, matching_type: 1, certificate_association_data: "
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08}",
    ),
    "TXT": Shape("text in quotes, each part of up to 255 octets", '"v=spf1 -all"'),
    "URI": Shape(
        "a priority, a weight and a target in quotes",
        '10 1 "https://www.example.com/"',
        "{priority: 10, weight: 1, target: 'https://www.example.com/'}",
    ),
}


def not_of_shape(type_name: str, text: str, reason: str) -> str | None:
    """What is wrong with a value in a master file, and what would be right; None for a type without a shape."""
    shape = SHAPES.get(type_name)
    if shape is None:
        return None
    if not text:
        return f"the value is missing; write e.g. {shape.example}"
    return _said(shape, text, reason, shape.example)


def not_of_yaml_shape(type_name: str, text: str, reason: str = "") -> str | None:
    """As `not_of_shape`, for a value in zone YAML."""
    shape = SHAPES.get(type_name)
    return None if shape is None else _said(shape, text, reason, shape.mapping or shape.example)


def mapping_advice(type_name: str) -> str:
    """`; write e.g. {preference: 10, ...}` for a type that YAML has as a mapping."""
    shape = SHAPES.get(type_name)
    return f"; write e.g. {shape.mapping or shape.example}" if shape is not None else ""


def _said(shape: Shape, text: str, reason: str, example: str) -> str:
    shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
    why = f" ({reason})" if reason else ""
    return f"{shown!r} is not {shape.what}{why}; write e.g. {example}"
