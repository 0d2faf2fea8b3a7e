"""The journal: what was committed is what is loaded, whatever happens to the process or the disk."""

import contextlib
import os
import random
import resource
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from gslb.transfer import journal as module
from gslb.transfer.journal import Journal
from gslb.transfer.journal_file import JournalError
from gslb.transfer.stored_form import (
    StoredFormError,
    parse_change_set,
    parse_rdatas,
    render_change_set,
    render_rdatas,
)
from gslb.wire.codes import RRType
from gslb.wire.names import name_from_text
from gslb.wire.records import Record
from gslb.zone.diff import ChangeSet, apply, diff, view_of
from gslb.zone.private import PRIVATE_TYPE
from gslb.zone.view import View, without_private
from gslb.zone.zone import Soa

APEX = name_from_text("example.")
OTHER = name_from_text("other.")


def version(serial: int, owners: int = 3, apex: bytes = APEX) -> View:
    """A zone whose every record tells its serial; a private one and signatures of several TTLs are among them."""
    number = serial.to_bytes(4, "big")
    soa = Record(apex, RRType.SOA, 60, Soa(apex, apex, serial, 1, 2, 3, 4).to_rdata())
    names = [bytes((6,)) + b"n%05d" % each + apex for each in range(owners)]
    records = [Record(name, RRType.A, 300, rdata) for name in names for rdata in (number, b"\xff" + number[1:])]
    private = Record(b"\x01a\x05_gslb" + apex, PRIVATE_TYPE, 0, b"\x01" + number)
    signatures = [
        Record(apex, RRType.RRSIG, ttl, covered.to_bytes(2, "big") + bytes(16) + number)
        for covered, ttl in ((RRType.SOA, 60), (RRType.NS, 300))
    ]
    return view_of([soa, *records, private, *signatures])


def step(serial: int, owners: int = 3, apex: bytes = APEX) -> ChangeSet:
    """The change set that leads to `version(serial)`."""
    return diff(version(serial - 1, owners, apex), version(serial, owners, apex))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "journal.sqlite"


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    opened = Journal(path)
    yield opened
    opened.close()


def write_versions(journal: Journal, last: int, owners: int = 3) -> None:
    """Versions 1 to `last`, each from the one before."""
    journal.commit(APEX, version(1, owners), None, 1.0)
    for serial in range(2, last + 1):
        journal.commit(APEX, version(serial, owners), step(serial, owners), float(serial))


class TestVersions:
    def test_what_was_committed_is_loaded(self, journal: Journal) -> None:
        journal.commit(APEX, version(1), None, 12.5)
        stored = journal.load(APEX)
        assert (stored.view, stored.serial, stored.contacted) == (version(1), 1, 12.5)

    def test_also_after_each_change_and_by_another_process(self, journal: Journal, path: Path) -> None:
        journal.commit(APEX, version(1), None, 1.0)
        for serial in range(2, 12):
            journal.commit(APEX, version(serial), step(serial), 1.0)
            again = Journal(path)
            assert again.load(APEX).view == journal.load(APEX).view == version(serial)
            again.close()

    def test_random_edits_reload_equal_after_each_commit(self, journal: Journal) -> None:
        draw = random.Random(3)
        view = version(1)
        journal.commit(APEX, view, None, 0.0)
        for serial in range(2, 200):
            soa = next(iter(version(serial)[APEX].values()))
            names = [b"\x02r%d" % draw.randrange(9) + APEX for _ in range(4)]
            edited = [Record(name, draw.choice((1, 16)), draw.choice((5, 9)), draw.randbytes(4)) for name in names]
            kept = {owner: types for owner, types in view.items() if draw.random() < 0.8 and owner != APEX}
            after = {**kept, **view_of(edited), APEX: {RRType.SOA: soa}}
            journal.commit(APEX, after, diff(view, after), 0.0)
            view = after
            assert journal.load(APEX).view == view

    def test_a_zone_that_was_never_committed_is_not_there(self, journal: Journal) -> None:
        journal.commit(APEX, version(1), None, 1.0)
        assert journal.load(OTHER) is None

    def test_zones_are_apart(self, journal: Journal) -> None:
        write_versions(journal, 3)
        journal.commit(OTHER, version(7, apex=OTHER), None, 1.0)
        assert journal.load(APEX).view == version(3)
        assert journal.load(OTHER).view == version(7, apex=OTHER)
        assert journal.change_sets(OTHER, 1, private=True) is None
        assert set(journal.apexes()) == {APEX, OTHER}

    def test_a_dropped_zone_is_gone_and_the_others_stay(self, journal: Journal) -> None:
        write_versions(journal, 3)
        journal.commit(OTHER, version(7, apex=OTHER), None, 1.0)
        journal.drop(APEX)
        journal.drop(name_from_text("never.there."))
        assert journal.load(APEX) is None
        assert journal.apexes() == [OTHER]
        assert journal.load(OTHER).serial == 7
        journal.commit(APEX, version(9), None, 1.0)
        assert journal.change_sets(APEX, 1, private=True) is None

    def test_contact_is_noted_without_a_new_version(self, journal: Journal) -> None:
        journal.commit(APEX, version(1), None, 1.0)
        journal.note_contact(APEX, 99.5)
        stored = journal.load(APEX)
        assert (stored.serial, stored.contacted) == (1, 99.5)
        assert stored.view == version(1)

    def test_the_order_of_values_is_kept(self, journal: Journal) -> None:
        soa = Record(APEX, RRType.SOA, 60, Soa(APEX, APEX, 1, 1, 2, 3, 4).to_rdata())
        view = view_of([soa, *(Record(OTHER + APEX, RRType.TXT, 5, text) for text in (b"b", b"", b"a" * 65535))])
        journal.commit(APEX, view, None, 1.0)
        assert journal.load(APEX).view == view

    def test_a_commit_of_one_record_does_not_rewrite_a_large_zone(self, journal: Journal, path: Path) -> None:
        view = version(1, owners=20_000)
        journal.commit(APEX, view, None, 1.0)
        journal.close()
        whole = path.stat().st_size
        journal.load(APEX)
        owner = b"\x01x" + APEX
        after = {**view, **version(2, owners=0), owner: {1: view_of([Record(owner, 1, 5, b"abcd")])[owner][1]}}
        journal.commit(APEX, after, diff(view, after), 1.0)
        assert Path(f"{path}-wal").stat().st_size < whole / 10
        assert journal.load(APEX).view == after

    def test_its_file_is_for_its_owner_only(self, journal: Journal, path: Path) -> None:
        journal.commit(APEX, version(1), None, 1.0)
        assert {file.stat().st_mode & 0o777 for file in path.parent.iterdir()} == {0o600}

    def test_several_threads_may_use_it(self, journal: Journal) -> None:
        failures: list[BaseException] = []

        def write(apex: bytes) -> None:
            try:
                for serial in range(1, 30):
                    change_set = step(serial, apex=apex) if serial > 1 else None
                    journal.commit(apex, version(serial, apex=apex), change_set, 1.0)
                    assert journal.load(apex).view == version(serial, apex=apex)
            except BaseException as failure:  # noqa: BLE001 - told by the test's own thread
                failures.append(failure)

        threads = [threading.Thread(target=write, args=(apex,)) for apex in (APEX, OTHER)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not failures


class TestHistory:
    def test_the_chain_leads_from_any_kept_serial_to_the_stored_one(self, journal: Journal) -> None:
        write_versions(journal, 6)
        for since in range(1, 7):
            chain = journal.change_sets(APEX, since, private=True)
            assert [change_set.from_serial for change_set in chain] == list(range(since, 6))
            view = version(since)
            for change_set in chain:
                view = apply(view, change_set)
            assert view == version(6)

    def test_without_private_it_is_the_chain_of_the_plain_view(self, journal: Journal) -> None:
        write_versions(journal, 4)
        view = without_private(version(1))
        for change_set in journal.change_sets(APEX, 1, private=False):
            assert PRIVATE_TYPE not in {record.rtype for record in change_set.removed + change_set.added}
            view = apply(view, change_set)
        assert view == without_private(version(4))

    @pytest.mark.parametrize("since", [0, 5, 2**32 - 1])
    def test_a_serial_it_does_not_know_has_no_chain(self, journal: Journal, since: int) -> None:
        write_versions(journal, 4)
        assert journal.change_sets(APEX, since, private=True) is None

    def test_neither_has_an_unknown_zone(self, journal: Journal) -> None:
        assert journal.change_sets(APEX, 1, private=True) is None

    def test_replacing_the_content_drops_the_history(self, journal: Journal) -> None:
        write_versions(journal, 4)
        journal.commit(APEX, version(9), None, 1.0)
        assert journal.load(APEX).view == version(9)
        assert journal.change_sets(APEX, 3, private=True) is None
        assert journal.change_sets(APEX, 9, private=True) == []

    @pytest.mark.parametrize(
        "change_set",
        [diff(version(5), version(9)), diff(version(4), version(8))],
        ids=["from elsewhere", "to elsewhere"],
    )
    def test_so_does_a_change_set_that_joins_other_serials(self, journal: Journal, change_set: ChangeSet) -> None:
        write_versions(journal, 4)
        journal.commit(APEX, version(9), change_set, 1.0)
        assert journal.load(APEX).view == version(9)
        assert journal.change_sets(APEX, 4, private=True) is None

    def test_it_survives_a_restart(self, journal: Journal, path: Path) -> None:
        write_versions(journal, 4)
        journal.close()
        again = Journal(path)
        assert again.change_sets(APEX, 1, private=True) == [step(2), step(3), step(4)]
        again.close()

    def test_a_serial_used_twice_means_its_last_use(self, journal: Journal) -> None:
        write_versions(journal, 3)
        journal.commit(APEX, version(2), diff(version(3), version(2)), 1.0)
        journal.commit(APEX, version(3), step(3), 1.0)
        assert journal.change_sets(APEX, 2, private=True) == [step(3)]

    def test_it_stays_within_max_bytes(self, path: Path) -> None:
        octets = len(render_change_set(step(2)))
        journal = Journal(path, max_bytes=octets * 3)
        write_versions(journal, 10)
        assert journal.change_sets(APEX, 7, private=True) == [step(8), step(9), step(10)]
        assert journal.change_sets(APEX, 6, private=True) is None
        assert journal.load(APEX).view == version(10)
        journal.close()

    def test_a_change_larger_than_max_bytes_is_stored_without_history(self, path: Path) -> None:
        journal = Journal(path, max_bytes=10)
        write_versions(journal, 2)
        assert journal.load(APEX).view == version(2)
        assert journal.change_sets(APEX, 1, private=True) is None
        journal.close()

    def test_it_is_never_larger_than_the_zone(self, journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "KEPT_HISTORY_OCTETS", 0)
        write_versions(journal, 6)  # each step replaces every record, so it takes twice the zone
        assert journal.change_sets(APEX, 5, private=True) is None
        soa_only = {**version(6), APEX: version(7)[APEX]}
        journal.commit(APEX, soa_only, diff(version(6), soa_only), 1.0)
        assert journal.change_sets(APEX, 6, private=True) == [diff(version(6), soa_only)]

    def test_a_small_zone_keeps_some_all_the_same(self, journal: Journal) -> None:
        write_versions(journal, 100)
        assert len(journal.change_sets(APEX, 1, private=True)) == 99


class TestDamage:
    """A damaged file is set aside, told in the log, and the journal begins anew."""

    def begins_anew(self, path: Path) -> None:
        with capture_logs() as logs:
            journal = Journal(path)
            assert journal.load(APEX) is None
        assert [(entry["event"], entry["set_aside_as"]) for entry in logs] == [
            ("state_file_damaged", str(path.with_suffix(".bad")))
        ]
        assert path.with_suffix(".bad").exists()
        journal.commit(APEX, version(1), None, 1.0)
        journal.close()
        again = Journal(path)
        assert again.load(APEX).view == version(1)
        again.close()

    @pytest.fixture
    def damaged(self, path: Path) -> Path:
        journal = Journal(path)
        write_versions(journal, 3, owners=2000)
        journal.close()
        return path

    def test_of_the_whole_file(self, damaged: Path) -> None:
        damaged.write_bytes(b"not a database " * 1000)
        self.begins_anew(damaged)

    def test_of_all_but_its_first_page(self, damaged: Path) -> None:
        octets = damaged.read_bytes()
        damaged.write_bytes(octets[:4096] + random.Random(1).randbytes(len(octets) - 4096))
        self.begins_anew(damaged)

    def test_of_its_end(self, damaged: Path) -> None:
        os.truncate(damaged, damaged.stat().st_size // 8192 * 4096)
        self.begins_anew(damaged)

    def test_of_a_row(self, damaged: Path) -> None:
        self.change(damaged, "UPDATE rrsets SET rdatas = x'0005aa' WHERE rtype = 1")
        self.begins_anew(damaged)

    def test_of_another_layout(self, damaged: Path) -> None:
        self.change(damaged, "PRAGMA user_version = 99")
        self.begins_anew(damaged)

    def test_found_by_a_commit_of_a_running_node_stores_that_version(self, damaged: Path) -> None:
        journal = Journal(damaged)
        self.change(damaged, "UPDATE changes SET body = x'00'")
        with capture_logs() as logs:
            assert journal.change_sets(APEX, 1, private=True) is None
        assert len(logs) == 1
        journal.commit(APEX, version(4, 2000), step(4, 2000), 1.0)
        assert journal.load(APEX).view == version(4, 2000)
        journal.close()

    def test_that_cannot_be_set_aside_is_an_error(self, damaged: Path) -> None:
        damaged.write_bytes(b"not a database " * 1000)
        damaged.with_suffix(".bad").mkdir()
        with pytest.raises(JournalError, match="let this user write the file and its folder"):
            Journal(damaged)

    @staticmethod
    def change(path: Path, statement: str) -> None:
        with sqlite3.connect(path) as db:
            db.execute(statement)
        db.close()


def in_child(work: Callable[[Callable[[bytes], None]], None]) -> tuple[int, int]:
    """Run `work(tell)` in a process of its own: its id, and the end of a pipe where what it tells is read."""
    readable, writable = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(readable)
            work(lambda octets: os.write(writable, octets))
        finally:
            os._exit(0)
    os.close(writable)
    return pid, readable


def rest_of(readable: int) -> bytes:
    with os.fdopen(readable, "rb") as pipe:
        return pipe.read()


def killed(work: Callable[[Callable[[bytes], None]], None], draw: random.Random) -> int:
    """Kill a process that does `work(tell)` at some moment after it has told a first serial: the last that it told."""
    pid, readable = in_child(work)
    first = os.read(readable, 4)
    time.sleep(draw.uniform(0, 0.03))  # the moment is the point: anywhere in the commits that follow
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return int.from_bytes((first + rest_of(readable))[-4:], "big")


class TestErrors:
    def test_a_folder_that_cannot_be_is_an_error(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(JournalError, match="let this user write the file and its folder"):
            Journal(tmp_path / "file" / "journal.sqlite")

    def test_another_process_that_holds_it_is_an_error(self, journal: Journal, path: Path) -> None:
        journal.commit(APEX, version(1), None, 1.0)
        journal._file._db.execute("PRAGMA busy_timeout = 0")
        holder = sqlite3.connect(path, isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(JournalError, match="a state_dir of its own"):
            journal.commit(APEX, version(2), step(2), 1.0)
        holder.close()
        journal.commit(APEX, version(2), step(2), 1.0)
        assert journal.load(APEX).view == version(2)

    @pytest.mark.parametrize("change_set", [True, False], ids=["a step", "a whole version"])
    def test_a_full_database_keeps_the_version_before(self, journal: Journal, *, change_set: bool) -> None:
        journal.commit(APEX, version(1, 2000), None, 1.0)
        pages = journal._file._db.execute("PRAGMA page_count").fetchone()[0]
        journal._file._db.execute(f"PRAGMA max_page_count = {pages + 2}")
        large = version(2, 20_000)
        with pytest.raises(JournalError, match="full: make room on its disk; the last version on disk is whole"):
            journal.commit(APEX, large, diff(version(1, 2000), large) if change_set else None, 2.0)
        stored = journal.load(APEX)
        assert (stored.view, stored.serial, stored.contacted) == (version(1, 2000), 1, 1.0)
        journal._file._db.execute("PRAGMA max_page_count = 1000000")
        journal.commit(APEX, large, None, 2.0)
        assert journal.load(APEX).view == large

    def test_a_write_that_fails_keeps_the_version_before(self, path: Path) -> None:
        """The disk refuses to write any file beyond a size, and then takes writes again."""

        def work(tell: Callable[[bytes], None]) -> None:
            journal = Journal(path)
            write_versions(journal, 3, owners=500)
            hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
            resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + (1 << 20), hard))
            try:
                journal.commit(APEX, version(4, 50_000), None, 4.0)
            except JournalError as error:
                tell(f"{error}\n".encode())
            tell(b"whole\n" if journal.load(APEX).view == version(3, 500) else b"not whole\n")
            resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
            journal.commit(APEX, version(4, 500), step(4, 500), 4.0)
            tell(b"committed\n")

        pid, readable = in_child(work)
        said = rest_of(readable).decode().splitlines()
        os.waitpid(pid, 0)
        assert "make room on its disk" in said[0]
        assert said[1:] == ["whole", "committed"]
        journal = Journal(path)
        assert journal.load(APEX).view == version(4, 500)
        assert journal.change_sets(APEX, 1, private=True) == [step(2, 500), step(3, 500), step(4, 500)]
        journal.close()


OWNERS = 150


def commit_for_ever(path: Path, serial: int, tell: Callable[[bytes], None]) -> None:
    """Commit one version after the other, every fifth as a whole; tell each serial once it is committed."""
    journal = Journal(path)
    while True:
        serial += 1
        change_set = step(serial, OWNERS) if serial % 5 else None
        journal.commit(APEX, version(serial, OWNERS), change_set, float(serial))
        tell(serial.to_bytes(4, "big"))


def test_kill_at_any_moment_leaves_the_last_acknowledged_version_or_the_one_in_flight(path: Path) -> None:
    draw = random.Random(7)
    serial = 0
    for _ in range(100):
        acknowledged = killed(lambda tell, last=serial: commit_for_ever(path, last, tell), draw)
        journal = Journal(path)
        stored = journal.load(APEX)
        assert stored.serial in {acknowledged, acknowledged + 1}
        assert stored.view == version(stored.serial, OWNERS)
        assert stored.contacted == stored.serial
        whole = stored.serial // 5 * 5 or 1
        chain = journal.change_sets(APEX, whole, private=True)
        assert [change_set.to_serial for change_set in chain] == list(range(whole + 1, stored.serial + 1))
        journal.close()
        serial = stored.serial


APEXES = [b"\x01%c" % letter + APEX for letter in b"abcdef"]


def commit_all_for_ever(path: Path, serial: int, tell: Callable[[bytes], None]) -> None:
    """Commit a version of every zone at once, time and again; tell each serial once it is committed."""
    journal = Journal(path)
    while True:
        serial += 1
        changes = (None if serial % 5 == 0 else step(serial, 20, apex) for apex in APEXES)
        journal.commit_all(
            [(apex, version(serial, 20, apex), change) for apex, change in zip(APEXES, changes, strict=True)], 1.0
        )
        tell(serial.to_bytes(4, "big"))


class TestSeveralZonesAtOnce:
    def test_each_is_stored_with_its_history(self, journal: Journal) -> None:
        journal.commit_all([(apex, version(1, apex=apex), None) for apex in APEXES], 1.0)
        journal.commit_all([(apex, version(2, apex=apex), step(2, apex=apex)) for apex in APEXES[:3]], 2.0)
        for apex in APEXES[:3]:
            assert journal.load(apex).view == version(2, apex=apex)
            assert journal.change_sets(apex, 1, private=True) == [step(2, apex=apex)]
        for apex in APEXES[3:]:
            assert journal.load(apex).view == version(1, apex=apex)
        assert journal.serials([*APEXES, OTHER]) == dict(zip(APEXES, [2, 2, 2, 1, 1, 1], strict=True))

    def test_none_is_where_one_cannot_be(self, journal: Journal) -> None:
        journal.commit_all([(apex, version(1, apex=apex), None) for apex in APEXES], 1.0)
        pages = journal._file._db.execute("PRAGMA page_count").fetchone()[0]
        journal._file._db.execute(f"PRAGMA max_page_count = {pages + 10}")
        large = (APEXES[3], version(2, 20_000, APEXES[3]), None)
        small = [(apex, version(2, apex=apex), step(2, apex=apex)) for apex in APEXES]
        with pytest.raises(JournalError, match="make room on its disk"):
            journal.commit_all([*small[:3], large, *small[4:]], 2.0)
        assert set(journal.serials(APEXES).values()) == {1}

    def test_kill_at_any_moment_leaves_all_at_one_version(self, path: Path) -> None:
        draw = random.Random(8)
        serial = 0
        for _ in range(20):
            acknowledged = killed(lambda tell, last=serial: commit_all_for_ever(path, last, tell), draw)
            journal = Journal(path)
            (serial,) = set(journal.serials(APEXES).values())
            assert serial in {acknowledged, acknowledged + 1}
            assert all(journal.load(apex).view == version(serial, 20, apex) for apex in APEXES)
            journal.close()


texts = st.binary(max_size=300)
records = st.builds(Record, texts.map(lambda octets: octets[:255]), st.integers(0, 65535), st.integers(0, 2**31), texts)


class TestStoredForm:
    @given(st.lists(texts | st.just(b"x" * 65535), min_size=1))
    def test_rdatas_come_through(self, rdatas: list[bytes]) -> None:
        assert parse_rdatas(render_rdatas(rdatas)) == tuple(rdatas)

    @given(records, records, st.lists(records), st.lists(records))
    def test_change_sets_come_through(
        self, from_soa: Record, to_soa: Record, removed: list[Record], added: list[Record]
    ) -> None:
        change_set = ChangeSet(from_soa, to_soa, tuple(removed), tuple(added))
        assert parse_change_set(render_change_set(change_set)) == change_set

    @given(st.data())
    def test_what_is_cut_short_is_damage(self, data: st.DataObject) -> None:
        octets = render_change_set(step(2))
        with pytest.raises(StoredFormError):
            parse_change_set(octets[: data.draw(st.integers(0, len(octets) - 1))])
        rdatas = render_rdatas([b"abc", b"de"])
        cut = data.draw(st.integers(0, len(rdatas) - 1).filter(lambda end: end != 5))
        with pytest.raises(StoredFormError):
            parse_rdatas(rdatas[:cut])

    @given(st.binary())
    def test_any_octets_are_a_change_set_or_damage(self, octets: bytes) -> None:
        with contextlib.suppress(StoredFormError):
            assert render_change_set(parse_change_set(octets)) == octets


class Held(dict):
    """A view whose owners are given out only when `go` is set."""

    def __init__(self, view: View, entered: threading.Event, go: threading.Event) -> None:
        super().__init__(view)
        self._entered, self._go = entered, go

    def __iter__(self) -> Iterator[bytes]:
        self._entered.set()
        assert self._go.wait(20)
        return super().__iter__()


def test_the_history_is_read_while_a_commit_is_under_way(journal: Journal) -> None:
    write_versions(journal, 3)
    entered, go = threading.Event(), threading.Event()
    large = Held(version(1, apex=OTHER), entered, go)
    writer = threading.Thread(target=journal.commit, args=(OTHER, large, None, 1.0))
    writer.start()
    try:
        assert entered.wait(20)
        chain = journal.change_sets(APEX, 1, private=True)
        assert chain is not None
        assert [change.to_serial for change in chain] == [2, 3]
        assert journal.change_sets(OTHER, 1, private=True) is None  # what is not committed is not there
    finally:
        go.set()
        writer.join(20)
    assert journal.change_sets(OTHER, 1, private=True) == []
