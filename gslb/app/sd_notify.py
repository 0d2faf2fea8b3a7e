"""Telling the service manager how the node is: the sd_notify(3) protocol.

A message is one datagram of `KEY=VALUE` lines to the Unix socket that NOTIFY_SOCKET names (`@` begins an abstract
one). Without that variable, as on a terminal, nothing is sent. Sending never waits: a service manager that does not
read must not keep the node from answering, so a message that does not go out is logged and gone.

WATCHDOG_USEC asks for a sign of life; it is given at half that interval, from the event loop, because what hangs is
noticed only where the work is done.
"""

import asyncio
import os
import socket
import time
from collections.abc import Callable, Mapping

import structlog

log = structlog.get_logger("gslb")


class Notifier:
    """What a service says in its life. `environ` is the process's environment; `process` its id."""

    def __init__(
        self,
        environ: Mapping[str, str],
        *,
        process: int | None = None,
        clock_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        address = environ.get("NOTIFY_SOCKET", "")
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self._clock_ns = clock_ns
        self.beat_seconds = _beat_seconds(environ, os.getpid() if process is None else process)

    def starting(self, status: str) -> None:
        self._send(f"STATUS={status}")

    def ready(self, status: str) -> None:
        """Serving, after the start or a reload."""
        self._send(f"READY=1\nSTATUS={status}")

    def reloading(self) -> None:
        """A reload began; `ready` ends it."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={self._clock_ns() // 1000}\nSTATUS=reading every file again")

    def stopping(self) -> None:
        self._send("STOPPING=1\nSTATUS=stopping")

    async def keep_alive(self, status: Callable[[], str]) -> None:
        """Give signs of life until cancelled; returns at once where none are asked for."""
        while self.beat_seconds is not None:
            self._send(f"WATCHDOG=1\nSTATUS={status()}")
            await asyncio.sleep(self.beat_seconds)

    def _send(self, message: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                sender.setblocking(False)  # noqa: FBT003  the standard library's signature
                sender.sendto(message.encode(), self._address)
        except OSError as error:
            log.warning("service_manager_not_told", problem=str(error), message=message.partition("\n")[0])


def _beat_seconds(environ: Mapping[str, str], process: int) -> float | None:
    """Half the watchdog's interval; None when there is no watchdog, or it watches another process."""
    interval, watched = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", "")
    if not (interval.isascii() and interval.isdigit()) or int(interval) == 0 or watched not in {"", str(process)}:
        return None
    return int(interval) / 2 / 1_000_000
