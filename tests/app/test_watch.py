"""When a changed file counts as standing still."""

import asyncio
import os
import threading
import time
from collections.abc import Callable, Iterable
from itertools import pairwise
from pathlib import Path

import pytest

from gslb.app import watch
from gslb.app.watch import (
    POLL_SECONDS,
    SETTLE_SECONDS,
    Look,
    changes,
    fingerprint,
    fingerprints,
    look,
    still_to_wait,
)

NOW = 1_000_000_000_000_000_000


def changed_at(nanoseconds: int) -> tuple[int, int, int, int, int]:
    return (1, 1, 1, nanoseconds, nanoseconds)


@pytest.mark.parametrize(
    ("age", "wait"),
    [(0.0, SETTLE_SECONDS), (0.01, SETTLE_SECONDS - 0.01), (SETTLE_SECONDS, 0.0), (3600.0, 0.0)],
)
def test_the_wait_ends_when_the_last_change_is_old_enough(age: float, wait: float) -> None:
    assert still_to_wait({Path("a"): changed_at(NOW - int(age * 1e9))}, NOW) == pytest.approx(wait, abs=1e-6)


def test_the_youngest_of_several_files_decides() -> None:
    found = {Path("a"): changed_at(NOW - 10**12), Path("b"): changed_at(NOW)}
    assert still_to_wait(found, NOW) == SETTLE_SECONDS


def test_a_time_ahead_of_ours_says_nothing_and_a_file_that_went_needs_no_wait() -> None:
    assert still_to_wait({Path("a"): changed_at(NOW + 10**12)}, NOW) == SETTLE_SECONDS
    assert still_to_wait({Path("a"): None}, NOW) == 0.0


def test_a_file_that_is_still_being_written_is_told_of_once_it_stands_still(tmp_path: Path) -> None:
    for attempt in range(10):
        path = tmp_path / f"zone{attempt}"
        path.write_text("begun")
        early, age, widest_gap = asyncio.run(_told_while_written(path))
        if widest_gap < SETTLE_SECONDS / 2:  # on a machine too busy to write in time nothing can be said
            assert not early
            assert age > SETTLE_SECONDS / 2  # the kernel's file times are up to 10 ms behind
            return
    pytest.skip("the machine is too busy for a writer that does not pause")


async def _told_while_written(path: Path) -> tuple[bool, float, float]:
    """True when it was told of too early; seconds from the last write until it was told of; the writer's widest gap."""
    stop = asyncio.Event()
    found = changes(lambda: {path}, stop)
    first = asyncio.ensure_future(anext(found))
    await asyncio.sleep(0.05)
    written = [time.monotonic()]
    early = False
    for _ in range(10):
        with path.open("a") as file:
            file.write("more\n")
        written.append(time.monotonic())
        await asyncio.sleep(SETTLE_SECONDS / 8)
        early = early or first.done()
    assert await asyncio.wait_for(first, 10) == {path}
    age = time.monotonic() - written[-1]
    stop.set()
    await found.aclose()
    return early, age, max(later - sooner for sooner, later in pairwise(written[1:]))


SOONER_SECONDS = POLL_SECONDS / 2
"""Than the look now and then: an event told of it."""


def told_after(path: Path, change: Callable[[], object]) -> set[Path]:
    """What is told once `path` is watched and the change is made."""

    async def run() -> set[Path]:
        stop = asyncio.Event()
        found = changes(lambda: {path}, stop)
        first = asyncio.ensure_future(anext(found))
        await asyncio.sleep(0.3)
        change()
        try:
            return await asyncio.wait_for(first, SOONER_SECONDS)
        finally:
            stop.set()
            await found.aclose()

    return asyncio.run(run())


def test_a_folder_that_is_swapped_by_its_link_is_told_at_once(tmp_path: Path) -> None:
    for version in ("one", "two"):
        (tmp_path / "releases" / version).mkdir(parents=True)
        (tmp_path / "releases" / version / "zone").write_text(version)
    (tmp_path / "current").symlink_to("releases/one")
    (tmp_path / "new").symlink_to("releases/two")
    path = tmp_path / "current" / "zone"
    assert told_after(path, lambda: (tmp_path / "new").replace(tmp_path / "current")) == {path}


def test_a_file_that_another_of_its_size_and_time_takes_the_place_of_is_told(tmp_path: Path) -> None:
    path, other = tmp_path / "zone", tmp_path / "other"
    path.write_text("one")
    other.write_text("two")
    before = path.stat()
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert told_after(path, lambda: other.replace(path)) == {path}


def test_a_link_that_leads_elsewhere_is_told(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "zone").write_text(folder)
    path = tmp_path / "zones"
    path.symlink_to("one/zone")

    def lead_elsewhere() -> None:
        (tmp_path / "new").symlink_to("two/zone")
        (tmp_path / "new").replace(path)

    assert told_after(path, lead_elsewhere) == {path}


def test_a_file_that_a_link_leads_to_is_watched_where_it_is(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "zones").mkdir()
    (tmp_path / "kept" / "zone").write_text("one")
    path = tmp_path / "zones" / "zone"
    path.symlink_to("../kept/zone")
    assert told_after(path, lambda: (tmp_path / "kept" / "zone").write_text("two")) == {path}


def test_a_folder_on_the_way_that_is_renamed_takes_its_files_along(tmp_path: Path) -> None:
    (tmp_path / "zones").mkdir()
    path = tmp_path / "zones" / "zone"
    path.write_text("one")
    assert told_after(path, lambda: (tmp_path / "zones").rename(tmp_path / "away")) == {path}


def test_files_are_looked_at_in_a_thread_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There may be thousands, and queries are answered meanwhile."""
    lookers = set()

    def noted(paths: Iterable[Path]) -> Look:
        lookers.add(threading.current_thread())
        return look(paths)

    monkeypatch.setattr(watch, "look", noted)
    path = tmp_path / "zone"
    path.write_text("one")
    assert told_after(path, lambda: path.write_text("two")) == {path}
    assert lookers
    assert threading.main_thread() not in lookers


def test_a_look_sees_where_every_link_on_the_way_stands(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "zone").write_text("one")
    (tmp_path / "by").symlink_to("a/b")
    (tmp_path / "link").symlink_to("by/zone")
    path, gone = tmp_path / "link", tmp_path / "none" / "zone"
    seen = look([path, gone])
    assert seen.found == {path: fingerprint(tmp_path / "a/b/zone"), gone: None}
    assert {tmp_path, tmp_path / "by"} <= seen.folders.keys()
    assert gone.parent not in seen.folders


def test_a_folder_that_took_the_place_of_another_is_watched(tmp_path: Path) -> None:
    (tmp_path / "tls").mkdir()
    path = tmp_path / "tls" / "cert.pem"
    path.write_text("first")

    async def run() -> None:
        stop = asyncio.Event()
        found = changes(lambda: {path}, stop)
        for number in range(3):
            following = asyncio.ensure_future(anext(found))
            await asyncio.sleep(0.3)
            if number == 0:  # all of it between two looks
                (tmp_path / "tls").rename(tmp_path / "old")
                (tmp_path / "tls").mkdir()
            path.write_text(f"version {number}")
            assert await asyncio.wait_for(following, POLL_SECONDS + SOONER_SECONDS if number == 0 else SOONER_SECONDS)
        stop.set()
        await found.aclose()

    asyncio.run(run())


def test_what_changed_between_the_first_read_and_the_watch_is_told(tmp_path: Path) -> None:
    path, other = tmp_path / "zone", tmp_path / "other"
    path.write_text("as it was read")
    other.write_text("as it was read")
    known = fingerprints({path, other})
    path.write_text("as it was written while the node started")

    async def run() -> set[Path]:
        stop = asyncio.Event()
        found = changes(lambda: {path, other}, stop, known)
        try:
            return await asyncio.wait_for(anext(found), SOONER_SECONDS)
        finally:
            stop.set()
            await found.aclose()

    assert asyncio.run(run()) == {path}
