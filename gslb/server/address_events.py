"""The kernel's word that a local address came or went (rtnetlink(7)), so that a wildcard follows at once.

What changed is not read off the messages: they only say "look". Where there is no netlink, looking now and then has to
do.
"""

import asyncio
import contextlib
import socket

_ROUTE = 0  # NETLINK_ROUTE
_IPV4_ADDRESSES, _IPV6_ADDRESSES = 0x10, 0x100  # RTMGRP_IPV4_IFADDR, RTMGRP_IPV6_IFADDR
_OCTETS = 1 << 16
SETTLE_SECONDS = 0.05
"""Addresses mostly come several at once."""


class AddressEvents:
    """Wait for changes of local addresses; `close` when done."""

    def __init__(self) -> None:
        self._changed = asyncio.Event()
        self._socket = _subscribed()
        if self._socket is not None:
            asyncio.get_running_loop().add_reader(self._socket.fileno(), self._read, self._socket)

    def _read(self, sock: socket.socket) -> None:
        # A buffer that ran over (ENOBUFS) means changes as well.
        with contextlib.suppress(OSError):
            while sock.recv(_OCTETS):
                pass
        self._changed.set()

    async def changed(self, bound_seconds: float) -> None:
        """Returns after a change, or when the time is over."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._changed.wait(), bound_seconds)
            await asyncio.sleep(SETTLE_SECONDS)
        self._changed.clear()

    def close(self) -> None:
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket.fileno())
            self._socket.close()
            self._socket = None


def _subscribed() -> socket.socket | None:
    try:
        sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, _ROUTE)
    except (AttributeError, OSError):  # another system, or a sandbox that forbids it
        return None
    try:
        sock.bind((0, _IPV4_ADDRESSES | _IPV6_ADDRESSES))
    except OSError:
        sock.close()
        return None
    return sock
