"""Free ports of loopback for the servers that tests start.

They are none of those that the kernel gives to sockets which do not ask for one: a port that was found free by binding
0 and let go again may be the next client's, before the server starts or while it is restarted. Nor is one given twice.
"""

import errno
import random
import socket
from itertools import product
from pathlib import Path

RANGE = range(10_000, 32_768)
EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")
_ADDRESSES = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))
_KINDS = (socket.SOCK_STREAM, socket.SOCK_DGRAM)
_NOT_HERE = {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}


def _candidates() -> list[int]:
    """All ports that may be given, in an order that is another in each process."""
    first, last = map(int, EPHEMERAL.read_text().split()) if EPHEMERAL.exists() else (32_768, 65_535)
    ports = [port for port in RANGE if not first <= port <= last] or list(RANGE)
    random.SystemRandom().shuffle(ports)
    return ports


_left = iter(_candidates())


def free_port() -> int:
    """A port that is free for TCP and UDP at 127.0.0.1 and ::1, for this caller alone."""
    return next(port for port in _left if _is_free(port))


def has_ipv6() -> bool:
    """True when this machine has ::1; containers often have not."""
    try:
        with socket.socket(socket.AF_INET6) as sock:
            sock.bind(("::1", 0))
    except OSError as error:
        if error.errno in _NOT_HERE:
            return False
        raise
    return True


def _is_free(port: int) -> bool:
    return all(_can_bind(*address, kind, port) for address, kind in product(_ADDRESSES, _KINDS))


def _can_bind(family: socket.AddressFamily, address: str, kind: socket.SocketKind, port: int) -> bool:
    """False when it is taken; an address that this machine does not have takes nothing."""
    try:
        with socket.socket(family, kind) as sock:
            sock.bind((address, port))
    except OSError as error:
        return error.errno in _NOT_HERE
    return True
