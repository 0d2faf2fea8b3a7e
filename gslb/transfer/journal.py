"""The journal: every zone's current version on disk, and how it came to be, for incremental transfers.

One SQLite file holds for each zone its rrsets as rows, and its last change sets. A commit is one transaction: it
rewrites the rows of the rrsets that changed, however large the zone, and appends the change set. So there is one whole
version on disk at any moment, and it is the last one committed. Several zones may share a transaction, and so its
flush.

The history of a zone takes no more than `max_bytes`, nor more than its records do in an uncompressed AXFR (1 MiB is
kept of small zones): a secondary so far behind is better served the whole zone (RFC 1995 section 4).

Every method blocks on the disk and may be called from any thread. What becomes of a damaged file is in `journal_file`.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from gslb.transfer.journal_file import JournalFile
from gslb.transfer.stored_form import (
    parse_change_set,
    parse_rdatas,
    render_change_set,
    render_rdatas,
)
from gslb.wire.names import Name
from gslb.wire.rdata import type_of_key
from gslb.wire.records import Record
from gslb.zone.diff import ChangeSet
from gslb.zone.rrset import RRset
from gslb.zone.view import View, soa_of

MAX_HISTORY_OCTETS = 64 << 20
KEPT_HISTORY_OCTETS = 1 << 20
"""History of a zone that is kept even where the zone itself is smaller."""
_FIXED_OCTETS = 10  # type, class, TTL and length of a record in a message
_LAYOUT = 1
_TABLES = """
    CREATE TABLE zones (
        zone INTEGER PRIMARY KEY,
        apex BLOB NOT NULL UNIQUE,
        serial INTEGER NOT NULL,
        contacted REAL NOT NULL,
        content_octets INTEGER NOT NULL,
        history_octets INTEGER NOT NULL
    );
    CREATE TABLE rrsets (
        zone INTEGER NOT NULL,
        owner BLOB NOT NULL,
        rtype INTEGER NOT NULL,  -- the rrset's key
        ttl_seconds INTEGER NOT NULL,
        rdatas BLOB NOT NULL,
        PRIMARY KEY (zone, owner, rtype)
    ) WITHOUT ROWID;
    CREATE TABLE changes (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        zone INTEGER NOT NULL,
        from_serial INTEGER NOT NULL,
        octets INTEGER NOT NULL,
        body BLOB NOT NULL
    );
    CREATE INDEX changes_of_zone ON changes (zone, number, from_serial, octets);
"""


@dataclass(frozen=True, slots=True)
class StoredZone:
    """A zone as the journal has it. `contacted` is when it was last known to be current, in Unix seconds."""

    view: View
    serial: int
    contacted: float


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of `zones`."""

    zone: int
    serial: int
    contacted: float
    content_octets: int
    history_octets: int


class Journal:
    """The journal in the file `path`. Raises `JournalError`, here and in every method."""

    def __init__(self, path: Path, max_bytes: int = MAX_HISTORY_OCTETS) -> None:
        self._max_history = max_bytes
        self._file = JournalFile(path, _LAYOUT, _TABLES)

    def commit(self, apex: Name, view: View, change_set: ChangeSet | None, now: float) -> None:
        """Make `view` the stored version of the zone, durably once this returns.

        `change_set` leads to it from the version before and becomes part of the history. None, or one that does not
        join the stored serial with the new one: the content is replaced as a whole, and the history dropped.
        """
        self.commit_all([(apex, view, change_set)], now)

    def commit_all(self, versions: Sequence[tuple[Name, View, ChangeSet | None]], now: float) -> None:
        """`commit` for several zones, each with its view and change set: all of them, or where it raises none."""

        def write(db: sqlite3.Connection) -> None:
            for apex, view, change_set in versions:
                self._write(db, apex, view, change_set, now)

        if versions:
            self._file.transact(write)

    def _write(self, db: sqlite3.Connection, apex: Name, view: View, change_set: ChangeSet | None, now: float) -> None:
        serial = soa_of(view, apex).serial
        row = _row_of(db, apex)
        if row is not None and change_set is not None and _joins(row.serial, change_set, serial):
            self._step(db, row, view, change_set)
        else:
            row = _replace(db, apex, view, row)
        db.execute("UPDATE zones SET serial = ?, contacted = ? WHERE zone = ?", (serial, now, row.zone))

    def serials(self, apexes: Iterable[Name]) -> dict[Name, int]:
        """The stored serials of those zones that are stored."""

        def read(db: sqlite3.Connection) -> dict[Name, int]:
            rows = ((apex, _row_of(db, apex)) for apex in apexes)
            return {apex: row.serial for apex, row in rows if row is not None}

        return self._file.transact(read)

    def load(self, apex: Name) -> StoredZone | None:
        """The stored version of a zone, or None."""

        def read(db: sqlite3.Connection) -> StoredZone | None:
            row = _row_of(db, apex)
            return None if row is None else StoredZone(_read_view(db, row.zone), row.serial, row.contacted)

        return self._file.transact(read)

    def change_sets(self, apex: Name, since_serial: int, *, private: bool) -> list[ChangeSet] | None:
        """The chain of change sets from `since_serial` to the stored serial, in order; empty when they are the same.
        None: the history does not reach back so far, so the zone has to be sent as a whole. Without `private` it is
        the chain of the plain view. Does not wait for a commit that is under way."""

        def read(db: sqlite3.Connection) -> list[ChangeSet] | None:
            row = _row_of(db, apex)
            if row is None:
                return None
            return [] if row.serial == since_serial else _read_chain(db, row.zone, since_serial)

        chain = self._file.read(read)
        if private or chain is None:
            return chain
        return [change_set.without_private() for change_set in chain]

    def note_contact(self, apex: Name, now: float) -> None:
        """The stored version was found to be current at `now`."""
        self._file.transact(lambda db: db.execute("UPDATE zones SET contacted = ? WHERE apex = ?", (now, apex)))

    def apexes(self) -> list[Name]:
        """The zones that are stored."""
        return self._file.transact(lambda db: [apex for (apex,) in db.execute("SELECT apex FROM zones ORDER BY apex")])

    def drop(self, apex: Name) -> None:
        """Forget a zone."""

        def forget(db: sqlite3.Connection) -> None:
            row = _row_of(db, apex)
            if row is not None:
                _clear(db, row.zone)
                db.execute("DELETE FROM zones WHERE zone = ?", (row.zone,))

        self._file.transact(forget)

    def close(self) -> None:
        """Close the file. A method called later opens it again."""
        self._file.close()

    def _step(self, db: sqlite3.Connection, row: _Row, view: View, change_set: ChangeSet) -> None:
        """Take the stored zone one change set further."""
        soas = (change_set.from_soa, change_set.to_soa)
        touched = {(record.owner, record.key) for record in (*soas, *change_set.removed, *change_set.added)}
        db.executemany(
            "DELETE FROM rrsets WHERE zone = ? AND owner = ? AND rtype = ?", [(row.zone, *each) for each in touched]
        )
        rrsets = (view.get(owner, {}).get(key) for owner, key in touched)
        _insert(db, row.zone, filter(None, rrsets))
        content = row.content_octets + _octets(change_set.added) - _octets(change_set.removed)
        body = render_change_set(change_set)
        db.execute(
            "INSERT INTO changes (zone, from_serial, octets, body) VALUES (?, ?, ?, ?)",
            (row.zone, change_set.from_serial, len(body), body),
        )
        bound = min(self._max_history, max(content, KEPT_HISTORY_OCTETS))
        history = _prune(db, row.zone, row.history_octets + len(body), bound)
        db.execute(
            "UPDATE zones SET content_octets = ?, history_octets = ? WHERE zone = ?", (content, history, row.zone)
        )


def _row_of(db: sqlite3.Connection, apex: Name) -> _Row | None:
    row = "SELECT zone, serial, contacted, content_octets, history_octets FROM zones WHERE apex = ?"
    found = db.execute(row, (apex,)).fetchone()
    return None if found is None else _Row(*found)


def _joins(stored: int, change_set: ChangeSet, serial: int) -> bool:
    return (change_set.from_serial, change_set.to_serial) == (stored, serial)


def _replace(db: sqlite3.Connection, apex: Name, view: View, row: _Row | None) -> _Row:
    """Store `view` as a whole; the row it has now."""
    if row is None:
        db.execute("INSERT INTO zones VALUES (NULL, ?, 0, 0, 0, 0)", (apex,))
        row = _row_of(db, apex)
        assert row is not None
    _clear(db, row.zone)
    # In the order of the key, so that pages are filled one after the other.
    _insert(db, row.zone, (rrset for owner in sorted(view) for _, rrset in sorted(view[owner].items())))
    content = sum(
        len(rrset.owner) + _FIXED_OCTETS + len(rdata)
        for types in view.values()
        for rrset in types.values()
        for rdata in rrset.rdatas
    )
    db.execute("UPDATE zones SET content_octets = ?, history_octets = 0 WHERE zone = ?", (content, row.zone))
    return row


def _clear(db: sqlite3.Connection, zone: int) -> None:
    db.execute("DELETE FROM rrsets WHERE zone = ?", (zone,))
    db.execute("DELETE FROM changes WHERE zone = ?", (zone,))


def _insert(db: sqlite3.Connection, zone: int, rrsets: Iterable[RRset]) -> None:
    db.executemany(
        "INSERT INTO rrsets VALUES (?, ?, ?, ?, ?)",
        ((zone, rrset.owner, int(rrset.key), rrset.ttl_seconds, render_rdatas(rrset.rdatas)) for rrset in rrsets),
    )


def _octets(records: Iterable[Record]) -> int:
    return sum(len(record.owner) + _FIXED_OCTETS + len(record.rdata) for record in records)


def _prune(db: sqlite3.Connection, zone: int, history: int, bound: int) -> int:
    """Drop the oldest change sets until the history fits the bound; the octets it has then."""
    oldest = "SELECT number, octets FROM changes WHERE zone = ? ORDER BY number LIMIT 1"
    while history > bound:
        number, octets = db.execute(oldest, (zone,)).fetchone()
        db.execute("DELETE FROM changes WHERE number = ?", (number,))
        history -= octets
    return history


def _read_view(db: sqlite3.Connection, zone: int) -> View:
    rows = db.execute("SELECT owner, rtype, ttl_seconds, rdatas FROM rrsets WHERE zone = ?", (zone,))
    view: dict[Name, dict[int, RRset]] = {}
    for owner, key, ttl_seconds, rdatas in rows:
        types = view.get(owner)
        if types is None:
            types = view[owner] = {}
        types[key] = RRset(owner, type_of_key(key), ttl_seconds, parse_rdatas(rdatas))
    return MappingProxyType({owner: MappingProxyType(types) for owner, types in view.items()})


def _read_chain(db: sqlite3.Connection, zone: int, since_serial: int) -> list[ChangeSet] | None:
    """The last change sets, from that which starts at `since_serial` on. A commit that does not continue the history
    drops it, so what is there is contiguous."""
    started = "SELECT max(number) FROM changes WHERE zone = ? AND from_serial = ?"
    (first,) = db.execute(started, (zone, since_serial)).fetchone()
    if first is None:
        return None
    bodies = db.execute("SELECT body FROM changes WHERE zone = ? AND number >= ? ORDER BY number", (zone, first))
    return [parse_change_set(body) for (body,) in bodies]
