"""The file of the journal: operations on it one after another, each whole or not at all, through whatever befalls it.

It is an SQLite file with a write-ahead log, flushed at each commit. What reads only has a connection of its own, and
so does not wait for a commit that is under way. A file that SQLite finds damaged, or that holds what nobody here has
written, is set aside as `.bad`, with a warning in the log, and another is begun: zones are read and transferred again.
"""

import contextlib
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import structlog

from gslb.transfer.stored_form import StoredFormError

log = structlog.get_logger("gslb.transfer")

_WAL_OCTETS = 16 << 20
"""What the write-ahead log is cut back to."""
T = TypeVar("T")


class JournalError(Exception):
    """The disk does not take or give what it should; the message says what to do. What was on disk before is there
    still, whole."""


class JournalFile:
    """The file `path`, with these `tables` (SQL) when it is new; `layout` numbers their kind. Raises `JournalError`,
    here and in every method. All block on the disk, and may be called from any thread."""

    def __init__(self, path: Path, layout: int, tables: str) -> None:
        self._path = path
        self._layout = layout
        self._tables = tables
        self._lock = threading.Lock()
        self._db: sqlite3.Connection | None = None
        self._reading = threading.Lock()
        self._reader: sqlite3.Connection | None = None
        self.transact(lambda _: None)
        self.read(lambda _: None)

    def transact(self, operation: Callable[[sqlite3.Connection], T]) -> T:
        """Do `operation` as one transaction. A damaged file is set aside, and the operation meets an empty journal."""
        with self._lock:
            try:
                return self._attempt(operation)
            except (sqlite3.DatabaseError, StoredFormError) as error:
                if not _is_damage(error):
                    raise self._refused(error) from error
                self._set_aside(error)
            try:
                return self._attempt(operation)
            except (sqlite3.DatabaseError, StoredFormError) as error:
                raise self._refused(error) from error

    def read(self, operation: Callable[[sqlite3.Connection], T]) -> T:
        """Do `operation`, which only reads, by a connection of its own: it sees the last commit, and one under way, of
        a large zone perhaps, does not hold it up."""
        with self._reading:
            try:
                if self._reader is None:
                    self._reader = self._open()
                with self._reader:
                    self._reader.execute("BEGIN")
                    return operation(self._reader)
            except (sqlite3.DatabaseError, StoredFormError):
                self._close_reader()
        return self.transact(operation)  # which says what is wrong, and mends what it can

    def _attempt(self, operation: Callable[[sqlite3.Connection], T]) -> T:
        if self._db is None:
            self._db = self._open()
        with self._db:  # commits, or rolls back
            self._db.execute("BEGIN IMMEDIATE")
            return operation(self._db)

    def _open(self) -> sqlite3.Connection:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.touch(mode=0o600)  # SQLite gives its other files the same mode
        except OSError as error:
            raise self._refused(error) from error
        db = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        try:
            self._prepare(db)
        except BaseException:
            db.close()
            raise
        return db

    def _prepare(self, db: sqlite3.Connection) -> None:
        """Settings of a connection, and the tables of a file that is new."""
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute(f"PRAGMA journal_size_limit = {_WAL_OCTETS}")
        layout = db.execute("PRAGMA user_version").fetchone()[0]
        if layout == 0:
            db.executescript(f"BEGIN IMMEDIATE; {self._tables} PRAGMA user_version = {self._layout}; COMMIT;")
        elif layout != self._layout:
            raise StoredFormError(f"the file has layout {layout}, and this program knows {self._layout}")

    def close(self) -> None:
        """Close the file. An operation that comes later opens it again."""
        with self._lock:
            self._close()

    def _close(self) -> None:
        with self._reading:
            self._close_reader()
        if self._db is not None:
            with contextlib.suppress(sqlite3.Error):
                self._db.close()
            self._db = None

    def _close_reader(self) -> None:
        if self._reader is not None:
            with contextlib.suppress(sqlite3.Error):
                self._reader.close()
            self._reader = None

    def _set_aside(self, error: Exception) -> None:
        bad = self._path.with_suffix(".bad")
        log.warning("state_file_damaged", file=str(self._path), set_aside_as=str(bad), error=str(error))
        self._close()
        try:
            for suffix in ("-wal", "-shm"):
                with contextlib.suppress(FileNotFoundError):
                    Path(f"{self._path}{suffix}").replace(f"{bad}{suffix}")
            self._path.replace(bad)
        except OSError as refused:
            raise self._refused(refused) from refused

    def _refused(self, error: Exception) -> JournalError:
        code = getattr(error, "sqlite_errorcode", None)
        advice = _ADVICE.get(code & 0xFF if code is not None else sqlite3.SQLITE_CANTOPEN, "")
        return JournalError(f"{self._path}: {error}{advice}; the last version on disk is whole")


_ADVICE = {
    sqlite3.SQLITE_FULL: ": make room on its disk",
    sqlite3.SQLITE_IOERR: ": make room on its disk, and look for errors of the disk in the system's log",
    sqlite3.SQLITE_READONLY: ": let this user write the file and its folder",
    sqlite3.SQLITE_CANTOPEN: ": let this user write the file and its folder",
    sqlite3.SQLITE_PERM: ": let this user write the file and its folder",
    sqlite3.SQLITE_BUSY: ": another process has it open; give each node a state_dir of its own",
}
_DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


def _is_damage(error: Exception) -> bool:
    code = getattr(error, "sqlite_errorcode", None)
    return isinstance(error, StoredFormError) or (code is not None and code & 0xFF in _DAMAGE)
