"""Versions of zones on disk: a serial is there before it is served, one by one or many together."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from gslb.config.versions import StoredVersion, VersionStore
from gslb.durable import flush
from gslb.wire.names import name_from_text
from gslb.zone.zone import Zone

NOW = 1_700_000_000
ZoneOf = Callable[..., Zone]


@pytest.fixture
def store(tmp_path: Path) -> VersionStore:
    return VersionStore(tmp_path)


def zone(zone_of: ZoneOf, address: str) -> Zone:
    return zone_of(f"a. 60 SOA ns.b. ops.b. 0 1 1 1 1\na. 60 NS ns.b.\na. 60 A {address}\n")


def version(number: int, serial: int = 1) -> StoredVersion:
    return StoredVersion(f"z{number}.example.", serial, f"digest {serial}", "octodns", f"text {number}")


def stored(store: VersionStore, versions: list[StoredVersion]) -> list[StoredVersion | None]:
    return [store.stored(name_from_text(each.zone)) for each in versions]


def test_what_was_not_kept_does_not_count(store: VersionStore, zone_of: ZoneOf) -> None:
    """A serial that was thought of, and never reached the disk, was never served either."""
    numbered, first = store.number(zone(zone_of, "192.0.2.1"), "one", "octodns", NOW)
    again, second = store.number(zone(zone_of, "192.0.2.2"), "two", "octodns", NOW)
    assert numbered.serial == again.serial == first.serial == second.serial == NOW


def test_unchanged_content_keeps_its_serial_and_needs_no_keeping(store: VersionStore, zone_of: ZoneOf) -> None:
    _, first = store.number(zone(zone_of, "192.0.2.1"), "one", "octodns", NOW)
    store.keep([first])
    again, nothing = store.number(zone(zone_of, "192.0.2.1"), "one", "octodns", NOW + 9)
    assert (again.serial, nothing) == (NOW, None)


def test_a_change_in_the_same_second_gets_the_next_serial(store: VersionStore, zone_of: ZoneOf) -> None:
    _, first = store.number(zone(zone_of, "192.0.2.1"), "one", "octodns", NOW)
    store.keep([first])
    assert store.number(zone(zone_of, "192.0.2.2"), "two", "octodns", NOW)[0].serial == NOW + 1


@pytest.mark.parametrize("count", [0, 1, 2, 100])
def test_all_that_are_kept_together_are_there(store: VersionStore, tmp_path: Path, count: int) -> None:
    versions = [version(number) for number in range(count)]
    store.keep(versions)
    assert stored(VersionStore(tmp_path), versions) == versions


def test_what_a_killed_node_left_aside_is_cleared_away(store: VersionStore, tmp_path: Path) -> None:
    """Else a node that is killed again and again while it stores would fill the disk."""
    store.keep([version(1)])
    (tmp_path / "zones" / ".new-left").write_text("{")
    again = VersionStore(tmp_path)
    assert [path.name for path in (tmp_path / "zones").iterdir()] == ["z1.example.json"]
    assert stored(again, [version(1)]) == [version(1)]


def test_many_replace_those_before(store: VersionStore) -> None:
    before = [version(number) for number in range(50)]
    after = [version(number, serial=2) for number in range(25, 75)]
    store.keep(before)
    store.keep(after)
    assert stored(store, before[:25]) == before[:25]
    assert stored(store, after) == after


def test_one_that_cannot_be_kept_leaves_of_each_the_version_before_or_the_new_one(
    store: VersionStore, tmp_path: Path
) -> None:
    before = [version(number) for number in range(20)]
    store.keep(before)
    impossible = replace(version(0), zone=r"\001" * 60 + ".")  # as the name of a file it is too long
    after = [version(number, serial=2) for number in range(20)]
    with pytest.raises(OSError, match="name too long"):
        store.keep([*after[:10], impossible, *after[10:]])
    for old, new, found in zip(before, after, stored(store, before), strict=True):
        assert found in {old, new}
    files = list((tmp_path / "zones").iterdir())
    assert len(files) == 20, "no file is left aside"
    assert all(json.loads(file.read_text()) for file in files)


def test_nothing_is_renamed_before_all_is_flushed(store: VersionStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or a power cut could leave an empty file in the place of a version that was served."""
    order: list[str] = []
    rename = Path.replace

    def flushed(path: Path) -> None:
        order.append("folder" if path.is_dir() else "file")
        flush(path)

    def renamed(path: Path, target: Path) -> Path:
        order.append("rename")
        return rename(path, target)

    monkeypatch.setattr("gslb.config.versions.flush", flushed)
    monkeypatch.setattr(Path, "replace", renamed)
    store.keep([version(number) for number in range(30)])
    assert order == ["file"] * 30 + ["rename"] * 30 + ["folder"]
