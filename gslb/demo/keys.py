"""Single keys from the terminal, without Enter and without an echo; nothing where there is no terminal."""

import asyncio
import contextlib
import os
import sys
import termios
import tty
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def keys(on_key: Callable[[str], None]) -> Iterator[bool]:
    """Call `on_key` with each key while the block runs; the terminal is as before after it. Gives whether there is a
    terminal to read from. Ctrl-C stays a signal."""
    fd = _terminal()
    if fd is None:
        yield False
        return
    loop = asyncio.get_running_loop()

    def read() -> None:
        data = os.read(fd, 64)
        if not data:  # the terminal is gone
            loop.remove_reader(fd)
        for key in data.decode(errors="ignore"):
            on_key(key)

    before = termios.tcgetattr(fd)
    tty.setcbreak(fd)
    loop.add_reader(fd, read)
    try:
        yield True
    finally:
        loop.remove_reader(fd)
        with contextlib.suppress(termios.error):
            termios.tcsetattr(fd, termios.TCSANOW, before)


def _terminal() -> int | None:
    """Standard input, where it is a terminal that is ours to read (not when we run in the background)."""
    try:
        fd = sys.stdin.fileno()
        return fd if os.isatty(fd) and os.tcgetpgrp(fd) == os.getpgrp() else None
    except (OSError, ValueError):
        return None
