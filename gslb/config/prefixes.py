"""Networks as people write them, and addresses held against them.

A lone address is the prefix of its full length. An IPv4 address in IPv6 clothes (::ffff:192.0.2.1, RFC 4291 section
2.5.5.2) counts as the IPv4 address it is, wherever addresses are compared.
"""

import ipaddress
from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Prefix = ipaddress.IPv4Network | ipaddress.IPv6Network

_SHAPE = "write one like 192.0.2.0/24, 2001:db8::/32 or 192.0.2.1"


def plain_address(text: str) -> Address:
    """The address, IPv4 where it is mapped. Raises `ValueError` for anything else, names of hosts included."""
    address = ipaddress.ip_address(text)
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def parse_prefix(text: str) -> Prefix:
    """The network of `text`. Raises `ValueError` that says what would be right."""
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        pass
    try:
        meant = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise ValueError(f"{text!r} is not a network; {_SHAPE}") from None
    raise ValueError(f"{text!r} has bits set behind its prefix; write {meant}")


def within(address: Address, prefixes: Iterable[Prefix]) -> bool:
    """True when any of the networks holds the address; one of the other family never does."""
    return any(address in prefix for prefix in prefixes)


def _prefixes(value: Any) -> Any:
    listed = value if isinstance(value, list) else [value]
    if not all(isinstance(text, str) for text in listed):
        raise ValueError("must be a list of networks, such as [10.0.0.0/8, 192.0.2.1]")
    return tuple(parse_prefix(text) for text in listed)


Prefixes = Annotated[
    tuple[Prefix, ...],
    BeforeValidator(_prefixes),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]
"""A field that is written as one network or a list of them."""
