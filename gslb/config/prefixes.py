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

_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")
_SHAPE = "write one like 192.0.2.0/24, 2001:db8::/32 or 192.0.2.1"


def plain_address(text: str) -> Address:
    """The address, IPv4 where it is mapped. Raises `ValueError` for anything else, names of hosts included."""
    address = ipaddress.ip_address(text)
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def parse_prefix(text: str) -> Prefix:
    """The network of `text`. Raises `ValueError` that says what would be right."""
    try:
        found = ipaddress.ip_network(text)
    except ValueError:
        pass
    else:
        _check_plain(text, found)
        return found
    try:
        meant = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise ValueError(f"{text!r} is not a network; {_SHAPE}") from None
    raise ValueError(f"{text!r} has bits set behind its prefix; write {_unmapped(meant)}")


def _check_plain(text: str, network: Prefix) -> None:
    """Raises `ValueError` for a network that no client is in: they count as IPv4 where they are mapped, and without
    the interface they are seen at."""
    if isinstance(network, ipaddress.IPv4Network):
        return
    if network.network_address.scope_id is not None:
        raise ValueError(f"{text!r} names an interface; write it without the % part")
    if network.subnet_of(_MAPPED):
        raise ValueError(f"{text!r} is an IPv4 network in IPv6 form; write it as {_unmapped(network)}")


def _unmapped(network: Prefix) -> Prefix:
    """The IPv4 network where it is a mapped one."""
    if isinstance(network, ipaddress.IPv6Network) and network.subnet_of(_MAPPED):
        return ipaddress.IPv4Network((int(network.network_address) & 0xFFFFFFFF, network.prefixlen - 96))
    return network


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
