"""Free ports on loopback, found by binding them for a moment."""

import errno
import socket
from collections.abc import Iterable

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
    (address, kind), *others = wanted
    for _ in range(_TRIES):
        port = _bound(address, kind, 0)
        if port and all(_bound(other, other_kind, port) for other, other_kind in others):
            return port
    raise PlatformError(f"no port is free on {address}")


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
