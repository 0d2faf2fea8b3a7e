"""Addresses to listen on: `127.0.0.1`, `127.0.0.1:5300`, `::1`, `[::1]:5300`."""

import ipaddress
import re

DNS_PORT = 53
TLS_PORT = 853
_WITH_PORT = re.compile(r"(?:\[(?P<six>[^\]]*)\]|(?P<four>[^:\[\]]*))(?::(?P<port>\d{1,5}))?", re.ASCII)


def parse_endpoint(text: str, default_port: int = DNS_PORT) -> tuple[str, int]:
    """The address, normalised, and the port (0: any free one). Raises `ValueError` that says what would be right."""
    if text.count(":") > 1 and not text.startswith("["):
        return _address(text, text), default_port
    match = _WITH_PORT.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not an address; write one like 127.0.0.1:53, [::1]:53 or ::1")
    port = default_port if match["port"] is None else int(match["port"])
    if port > 65535:
        raise ValueError(f"port {port} is above 65535")
    return _address(match["six"] or match["four"] or "", text), port


def _hint(host: str) -> str:
    if host.lower() in {"any", "all", "*", "on", ""}:
        return 'for every address write 0.0.0.0 and "::", with a port as in 0.0.0.0:53'
    return "write one like 127.0.0.1:53, [::1]:53 or ::1"


def _address(host: str, text: str) -> str:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        raise ValueError(f"{text!r} is not an address to listen on; {_hint(host)}") from None
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            raise ValueError(f"{text!r} is an IPv4 address in IPv6 form; write it as {address.ipv4_mapped}")
        if address.scope_id is not None:
            raise ValueError(f"{text!r} is an address of one link, which no resolver asks; write one without a % part")
    return str(address)
