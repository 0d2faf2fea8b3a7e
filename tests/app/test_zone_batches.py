"""Zones are loaded in batches: stored together, and none kept from being served by another."""

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from gslb.app import zones as module
from gslb.app.zones import FAILED, FROM_FILE, LAST_GOOD, ZoneEntry, Zones, batches
from gslb.config.sources import ZoneSource
from gslb.config.versions import VersionStore
from gslb.transfer.journal_file import JournalError
from gslb.wire.names import name_from_text
from gslb.zone.view import View, plain_view
from gslb.zone.zone import Zone

NOW = 1_700_000_000
TEXT = "'': {type: NS, values: [ns.elsewhere.example.]}\nwww: {type: A, value: 192.0.2.1}\n"


class Journal:
    """Notes which zones are stored together; those in `refused` it cannot store."""

    def __init__(self) -> None:
        self.batches: list[list[bytes]] = []
        self.refused: set[bytes] = set()

    def record(self, zones: Sequence[Zone]) -> list[View]:
        if self.refused & {zone.apex for zone in zones}:
            raise JournalError("the disk is full")
        self.batches.append([zone.apex for zone in zones])
        return [plain_view(zone) for zone in zones]


@pytest.fixture
def journal() -> Journal:
    return Journal()


@pytest.fixture
def zones(tmp_path: Path, journal: Journal) -> Zones:
    return Zones(VersionStore(tmp_path / "state"), journal.record, clock=lambda: NOW)


@pytest.fixture
def sources(tmp_path: Path) -> list[ZoneSource]:
    """Five zones, whose files stand still."""
    found = []
    for number in range(5):
        path = tmp_path / f"z{number}.example.yaml"
        write(path, TEXT)
        found.append(ZoneSource(name_from_text(path.stem, b"\x00").lower(), path, "octodns"))
    return found


def write(path: Path, text: str) -> None:
    path.write_text(text)


def accept(zones: Zones, sources: Sequence[ZoneSource]) -> None:
    for source, loaded in zip(sources, zones.load(sources, {}), strict=True):
        zones.accept(source, loaded)


class TestStoring:
    def test_a_batch_is_stored_at_once_and_in_order(
        self, zones: Zones, sources: list[ZoneSource], journal: Journal
    ) -> None:
        loaded = zones.load(sources, {})
        apexes = [source.apex for source in sources]
        assert [each.apex for each in loaded] == apexes
        assert journal.batches == [apexes]
        assert all(each.table is not None and each.table.serial == NOW for each in loaded)
        assert all(zones.versions.stored(apex).serial == NOW for apex in apexes)

    def test_one_with_problems_is_left_out_of_it(
        self, zones: Zones, sources: list[ZoneSource], journal: Journal
    ) -> None:
        write(sources[2].path, "www: {type: A}\n")
        loaded = zones.load(sources, {})
        assert [each.table is None for each in loaded] == [False, False, True, False, False]
        assert len(journal.batches[0]) == 4

    def test_one_that_cannot_be_stored_keeps_no_other_from_it(
        self, zones: Zones, sources: list[ZoneSource], journal: Journal
    ) -> None:
        journal.refused = {sources[3].apex}
        loaded = zones.load(sources, {})
        assert [each.table is None for each in loaded] == [False, False, False, True, False]
        assert "cannot be stored: the disk is full" in str(loaded[3].problems[0])
        assert [apex for batch in journal.batches for apex in batch] == [
            source.apex for source in sources if source is not sources[3]
        ]

    def test_at_the_start_the_last_good_version_stands_in(
        self, zones: Zones, sources: list[ZoneSource], journal: Journal
    ) -> None:
        accept(zones, sources[:1])
        for source in sources[:2]:
            write(source.path, "www: {type: A}\n")
        again = Zones(zones.versions, journal.record, clock=lambda: NOW + 5)
        loaded = again.load(sources, {}, starting=True)
        assert [each.served_from for each in loaded] == [LAST_GOOD, FAILED, FROM_FILE, FROM_FILE, FROM_FILE]
        assert loaded[0].table.serial == NOW
        assert loaded[0].problems

    def test_a_second_load_of_the_same_content_changes_nothing(self, zones: Zones, sources: list[ZoneSource]) -> None:
        accept(zones, sources)
        tables = [zones.entries[source.apex].table for source in sources]
        loaded = zones.load(sources, {})
        assert [each.table for each in loaded] == tables
        assert not any(each.changed for each in loaded)


class TestFilesOf:
    """`files_of`: an edit of any of them may mend the zone."""

    HEAD = "$TTL 60\n@ SOA ns.b. ops.b. 1 1 1 1 1\n@ NS ns.b.\n"

    @pytest.fixture
    def source(self, tmp_path: Path) -> ZoneSource:
        write(tmp_path / "wrong.inc", "www A 192.0.2.300\n")
        write(tmp_path / "right.inc", "www A 192.0.2.3\n")
        return ZoneSource(name_from_text("m.example."), tmp_path / "m.example.zone", "master")

    @staticmethod
    def watched(zones: Zones, source: ZoneSource) -> set[str]:
        return {path.name for path in zones.files_of(source)}

    @pytest.mark.parametrize("included", ["right.inc", "wrong.inc", "none.inc"])
    @pytest.mark.parametrize("starting", [False, True])
    def test_what_a_zone_includes_is_watched_be_it_taken_or_not(
        self, zones: Zones, source: ZoneSource, included: str, *, starting: bool
    ) -> None:
        write(source.path, f"{self.HEAD}$INCLUDE {included}\n")
        (loaded,) = zones.load([source], {}, starting=starting)
        zones.accept(source, loaded)
        assert (loaded.table is not None) == (included == "right.inc")
        assert self.watched(zones, source) == {"m.example.zone", included}

    @pytest.mark.parametrize("starting", [False, True])
    def test_also_where_an_older_version_is_served(self, zones: Zones, source: ZoneSource, *, starting: bool) -> None:
        write(source.path, self.HEAD)
        accept(zones, [source])
        write(source.path, f"{self.HEAD}$INCLUDE wrong.inc\n")
        (loaded,) = zones.load([source], {}, starting=starting)
        zones.accept(source, loaded)
        assert zones.entries[source.apex].served_from == LAST_GOOD
        assert self.watched(zones, source) == {"m.example.zone", "wrong.inc"}

    def test_and_where_it_cannot_be_stored(self, zones: Zones, source: ZoneSource, journal: Journal) -> None:
        journal.refused = {source.apex}
        write(source.path, f"{self.HEAD}$INCLUDE right.inc\n")
        accept(zones, [source])
        assert self.watched(zones, source) == {"m.example.zone", "right.inc"}


class TestBatches:
    def test_all_sources_are_in_one_once_and_in_order(
        self, sources: list[ZoneSource], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "BATCH_ZONES", 2)
        assert list(batches(sources)) == [sources[:2], sources[2:4], sources[4:]]

    def test_a_large_zone_is_alone(self, sources: list[ZoneSource]) -> None:
        write(sources[2].path, "#" * module.BATCH_OCTETS + "\n" + TEXT)
        assert list(batches(sources)) == [sources[:2], sources[2:3], sources[3:]]

    def test_a_file_that_is_gone_is_in_one_too(self, sources: list[ZoneSource]) -> None:
        sources[1].path.unlink()
        assert list(batches(sources)) == [sources]

    def test_of_nothing_there_are_none(self) -> None:
        assert list(batches([])) == []


class TestAsRead:
    """`is_as_read`: reading again would give the same."""

    @pytest.fixture
    def clock(self, sources: list[ZoneSource]) -> float:
        return sources[0].path.stat().st_ctime + 60

    @pytest.fixture
    def read(self, zones: Zones, sources: list[ZoneSource], clock: float) -> Zones:
        zones.clock = lambda: clock
        accept(zones, sources)
        return zones

    def test_a_file_that_was_not_touched_is(self, read: Zones, sources: list[ZoneSource]) -> None:
        assert all(map(read.is_as_read, sources))

    def test_one_that_was_written_is_not(self, read: Zones, sources: list[ZoneSource]) -> None:
        write(sources[0].path, TEXT)
        assert [read.is_as_read(source) for source in sources] == [False, True, True, True, True]

    def test_nor_one_that_another_took_the_place_of(self, read: Zones, sources: list[ZoneSource]) -> None:
        before = sources[0].path.stat()
        aside = sources[0].path.with_suffix(".new")
        write(aside, TEXT.replace("192.0.2.1", "192.0.2.9"))
        os.utime(aside, ns=(before.st_atime_ns, before.st_mtime_ns))
        aside.replace(sources[0].path)
        assert not read.is_as_read(sources[0])

    def test_nor_one_that_is_gone(self, read: Zones, sources: list[ZoneSource]) -> None:
        sources[0].path.unlink()
        assert not read.is_as_read(sources[0])

    def test_nor_one_with_other_settings(self, read: Zones, sources: list[ZoneSource]) -> None:
        other = ZoneSource(sources[0].apex, sources[0].path, "octodns", nameservers=(name_from_text("ns.other."),))
        assert not read.is_as_read(other)

    def test_nor_one_that_had_changed_just_before(self, zones: Zones, sources: list[ZoneSource]) -> None:
        """A clock that ticks coarsely gives a change that follows at once the same time."""
        zones.clock = lambda: sources[0].path.stat().st_ctime + 0.5
        accept(zones, sources)
        assert not zones.is_as_read(sources[0])

    def test_nor_one_from_a_clock_ahead_of_ours(self, zones: Zones, sources: list[ZoneSource]) -> None:
        zones.clock = lambda: sources[0].path.stat().st_ctime - 60
        accept(zones, sources)
        assert not zones.is_as_read(sources[0])

    def test_nor_one_that_was_not_taken(self, read: Zones, sources: list[ZoneSource], clock: float) -> None:
        write(sources[0].path, "www: {type: A}\n")
        read.clock = lambda: clock + 60
        accept(read, sources[:1])
        assert not read.is_as_read(sources[0])

    def test_nor_one_that_could_not_be_stored(
        self, zones: Zones, sources: list[ZoneSource], journal: Journal, clock: float
    ) -> None:
        """It is tried again when somebody asks for it."""
        zones.clock = lambda: clock
        journal.refused = {sources[0].apex}
        accept(zones, sources)
        assert [zones.is_as_read(source) for source in sources] == [False, True, True, True, True]

    def test_nor_one_that_includes_others(self, zones: Zones, tmp_path: Path, clock: float) -> None:
        write(tmp_path / "more.inc", "www A 192.0.2.1\n")
        path = tmp_path / "m.example.zone"
        write(path, "$TTL 60\n@ SOA ns.b. ops.b. 1 1 1 1 1\n@ NS ns.b.\n$INCLUDE more.inc\n")
        source = ZoneSource(name_from_text("m.example."), path, "master")
        zones.clock = lambda: clock + 60
        accept(zones, [source])
        assert zones.entries[source.apex].served_from == FROM_FILE
        assert not zones.is_as_read(source)


def test_a_zone_is_not_dropped_while_nobody_can_look_whether_its_file_is_back(zones: Zones, tmp_path: Path) -> None:
    long = tmp_path / ("x" * 300) / "m.example.zone"  # no name of a file is as long: looking fails also for root
    for path, due in ((long, False), (tmp_path / "m.example.zone", True)):
        source = ZoneSource(name_from_text("m.example."), path, "master")
        zones.entries = {source.apex: ZoneEntry(source, gone_until=NOW)}
        assert (source.apex in zones.due(NOW + 1)) is due
