"""Free ports on loopback, found by binding them for a moment.

They are none of those that the kernel gives to sockets which do not ask for one: what is killed and revived would now
and then find its port taken by a client's. Nor is one given twice.
"""

import errno
import functools
import random
import socket
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")
_USUAL_EPHEMERAL = (32_768, 65_535)
_RANGE = range(10_000, 32_768)
_TRIES = 50


class PlatformError(Exception):
    """The demo cannot run here; the message says what would help."""


def free_tcp_port(addresses: Iterable[str]) -> int:
    """A port that is free for TCP on every address. Raises `PlatformError`."""
    return _free([(address, socket.SOCK_STREAM) for address in addresses])


def free_dns_port(address: str) -> int:
    """A port that is free for both UDP and TCP. Raises `PlatformError`."""
    return _free([(address, socket.SOCK_DGRAM), (address, socket.SOCK_STREAM)])


def is_free_for_dns(address: str, port: int) -> bool:
    """Whether UDP and TCP can be bound there. Raises `PlatformError` when the address is not this machine's."""
    return all(_bound(address, kind, port) is not None for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM))


def _free(wanted: list[tuple[str, socket.SocketKind]]) -> int:
    for port in islice(_left(), _TRIES):
        if all(_bound(address, kind, port) for address, kind in wanted):
            return port
    raise PlatformError(f"no port is free on {wanted[0][0]}")


@functools.cache
def _left() -> Iterator[int]:
    """The ports that were not given yet, in an order that is another in each process."""
    first, last = map(int, EPHEMERAL.read_text().split()) if EPHEMERAL.exists() else _USUAL_EPHEMERAL
    ports = [port for port in _RANGE if not first <= port <= last] or list(_RANGE)
    random.shuffle(ports)
    return iter(ports)


def _bound(address: str, kind: socket.SocketKind, port: int) -> int | None:
    """The port that was bound and let go again; None when it is taken."""
    with socket.socket(socket.AF_INET, kind) as sock:
        if kind is socket.SOCK_STREAM:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((address, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return None
            raise PlatformError(_advice(address, port, error)) from None
        return int(sock.getsockname()[1])


def _advice(address: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{address} is no address of this system; on macOS, `sudo ifconfig lo0 alias {address}` makes it one"
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"may not bind {address} port {port}: ports below 1024 are for root; choose one with --port"
    return f"cannot bind {address} port {port}: {error.strerror}"
