"""The folder in which a node keeps its state: one node at a time has it."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class StateDirError(Exception):
    """The folder cannot be had; the message says why, and what would help."""


@contextmanager
def locked(state_dir: Path) -> Iterator[None]:
    """Make the folder where there is none, and keep other nodes out of it. Raises `StateDirError`."""
    advice = "give `state_dir` a directory that this user may write"
    try:
        state_dir.mkdir(parents=True, exist_ok=True)
        lock = (state_dir / "lock").open("w")
    except OSError as error:
        raise StateDirError(f"cannot write {state_dir}: {error.strerror or error}: {advice}") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            message = f"another node uses {state_dir}: stop it, or give this one a `state_dir` of its own"
            raise StateDirError(message) from None
        yield
