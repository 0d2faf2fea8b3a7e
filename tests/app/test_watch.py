"""When a changed file counts as standing still."""

import asyncio
import errno
import os
import threading
import time
from collections.abc import Callable, Iterable
from itertools import pairwise
from pathlib import Path

import pytest
from harness import BOUND_SECONDS
from stream_client import until
from watchfiles._rust_notify import RustNotify

from gslb.app import watch
from gslb.app.watch import SETTLE_SECONDS, Look, fingerprint, fingerprints, look, still_to_wait

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


def test_a_file_that_is_still_being_written_is_told_of_once_it_stands_still(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for attempt in range(8):
        settle = SETTLE_SECONDS * 2**attempt  # on a machine too busy to write in time a file may stand still longer
        monkeypatch.setattr(watch, "SETTLE_SECONDS", settle)
        path = tmp_path / f"zone{attempt}"
        path.write_text("begun")
        early, age, widest_gap = asyncio.run(_told_while_written(path, settle))
        if widest_gap < settle / 2:
            assert not early
            assert age > settle / 2  # the kernel's file times are up to 10 ms behind
            return
    pytest.fail(f"no writer without a pause of {settle / 2:g} s in eight attempts: {widest_gap:g} s")


async def _told_while_written(path: Path, settle: float) -> tuple[bool, float, float]:
    """True when it was told of too early; seconds from the last write until it was told of; the writer's widest gap."""
    stop = asyncio.Event()
    found = watch.changes(lambda: {path}, stop)
    first = asyncio.ensure_future(anext(found))
    await asyncio.sleep(0.05)
    written = [time.monotonic()]
    early = False
    for _ in range(10):
        with path.open("a") as file:
            file.write("more\n")
        written.append(time.monotonic())
        await asyncio.sleep(settle / 8)
        early = early or first.done()
    assert await asyncio.wait_for(first, BOUND_SECONDS) == {path}
    age = time.monotonic() - written[-1]
    stop.set()
    await found.aclose()
    return early, age, max(later - sooner for sooner, later in pairwise(written[1:]))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[RustNotify]:
    """Grows when the kernel was asked for events; and nothing but they tells, for the look now and then comes late."""
    made = []

    def noted(*arguments: object) -> RustNotify:
        made.append(RustNotify(*arguments))
        return made[-1]

    monkeypatch.setattr("watchfiles.main.RustNotify", noted)
    monkeypatch.setattr(watch, "POLL_SECONDS", 10 * BOUND_SECONDS)
    return made


ToldAfter = Callable[[Path, Callable[[], object]], set[Path]]


@pytest.fixture
def told_after(asked: list[RustNotify]) -> ToldAfter:
    """What is told once a path is watched and a change is made."""

    async def run(path: Path, change: Callable[[], object]) -> set[Path]:
        stop = asyncio.Event()
        found = watch.changes(lambda: {path}, stop)
        first = asyncio.ensure_future(anext(found))
        await until(lambda: asked)
        change()
        try:
            return await asyncio.wait_for(first, BOUND_SECONDS)
        finally:
            stop.set()
            await found.aclose()

    return lambda path, change: asyncio.run(run(path, change))


def test_a_folder_that_is_swapped_by_its_link_is_told_at_once(tmp_path: Path, told_after: ToldAfter) -> None:
    for version in ("one", "two"):
        (tmp_path / "releases" / version).mkdir(parents=True)
        (tmp_path / "releases" / version / "zone").write_text(version)
    (tmp_path / "current").symlink_to("releases/one")
    (tmp_path / "new").symlink_to("releases/two")
    path = tmp_path / "current" / "zone"
    assert told_after(path, lambda: (tmp_path / "new").replace(tmp_path / "current")) == {path}


def test_a_file_that_another_of_its_size_and_time_takes_the_place_of_is_told(
    tmp_path: Path, told_after: ToldAfter
) -> None:
    path, other = tmp_path / "zone", tmp_path / "other"
    path.write_text("one")
    other.write_text("two")
    before = path.stat()
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert told_after(path, lambda: other.replace(path)) == {path}


def test_a_link_that_leads_elsewhere_is_told(tmp_path: Path, told_after: ToldAfter) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "zone").write_text(folder)
    path = tmp_path / "zones"
    path.symlink_to("one/zone")

    def lead_elsewhere() -> None:
        (tmp_path / "new").symlink_to("two/zone")
        (tmp_path / "new").replace(path)

    assert told_after(path, lead_elsewhere) == {path}


def test_a_file_that_a_link_leads_to_is_watched_where_it_is(tmp_path: Path, told_after: ToldAfter) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "zones").mkdir()
    (tmp_path / "kept" / "zone").write_text("one")
    path = tmp_path / "zones" / "zone"
    path.symlink_to("../kept/zone")
    assert told_after(path, lambda: (tmp_path / "kept" / "zone").write_text("two")) == {path}


def test_a_folder_on_the_way_that_is_renamed_takes_its_files_along(tmp_path: Path, told_after: ToldAfter) -> None:
    (tmp_path / "zones").mkdir()
    path = tmp_path / "zones" / "zone"
    path.write_text("one")
    assert told_after(path, lambda: (tmp_path / "zones").rename(tmp_path / "away")) == {path}


def test_files_are_looked_at_in_a_thread_of_their_own(
    tmp_path: Path, told_after: ToldAfter, monkeypatch: pytest.MonkeyPatch
) -> None:
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


def test_a_look_sees_what_it_can_where_a_folder_may_not_be_looked_into(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "zones"
    (folder / "inc").mkdir(parents=True)
    included, beside = folder / "inc" / "names", tmp_path / "gslb.yaml"
    for path in (included, beside):
        path.write_text("one")
    before = look([folder, included, beside])
    _refuse_to_look_into(folder, monkeypatch)
    seen = look([folder, included, beside])
    assert seen.found[beside] == before.found[beside]
    assert seen.found[included] != before.found[included]
    assert seen.folders.keys() == before.folders.keys() - {folder / "inc"}


def _refuse_to_look_into(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the kernel does with a folder of mode 000, but for root."""

    def refusing(call: Callable[..., object]) -> Callable[..., object]:
        def wrapped(path: str | Path, *more: object, **named: object) -> object:
            if folder in Path(path).parents:
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
            return call(path, *more, **named)

        return wrapped

    for name in ("stat", "lstat", "readlink"):
        monkeypatch.setattr(os, name, refusing(getattr(os, name)))


def test_a_path_that_no_file_can_have_keeps_from_looking_at_no_other(tmp_path: Path) -> None:
    path, never = tmp_path / "zone", tmp_path / ("x" * 300) / "names"
    path.write_text("one")
    seen = look([path, never])
    assert seen.found[path] == fingerprint(path)
    assert seen.folders == look([path]).folders


def test_a_folder_that_took_the_place_of_another_is_watched(
    tmp_path: Path, asked: list[RustNotify], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "POLL_SECONDS", 1.0)  # a look now and then may be what sees it there
    (tmp_path / "tls").mkdir()
    path = tmp_path / "tls" / "cert.pem"
    path.write_text("first")

    async def run() -> None:
        stop = asyncio.Event()
        found = watch.changes(lambda: {path}, stop)
        for number in range(3):
            times = len(asked)
            following = asyncio.ensure_future(anext(found))
            await until(lambda times=times, number=number: number == 2 or len(asked) > times)
            if number == 0:  # all of it between two looks
                (tmp_path / "tls").rename(tmp_path / "old")
                (tmp_path / "tls").mkdir()
            path.write_text(f"version {number}")
            assert await asyncio.wait_for(following, BOUND_SECONDS)
            monkeypatch.setattr(watch, "POLL_SECONDS", 10 * BOUND_SECONDS)  # from here on an event tells
        stop.set()
        await found.aclose()

    asyncio.run(run())


@pytest.mark.usefixtures("asked")
def test_what_changed_between_the_first_read_and_the_watch_is_told(tmp_path: Path) -> None:
    path, other = tmp_path / "zone", tmp_path / "other"
    path.write_text("as it was read")
    other.write_text("as it was read")
    known = fingerprints({path, other})
    path.write_text("as it was written while the node started")

    async def run() -> set[Path]:
        stop = asyncio.Event()
        found = watch.changes(lambda: {path, other}, stop, known)
        try:
            return await asyncio.wait_for(anext(found), BOUND_SECONDS)
        finally:
            stop.set()
            await found.aclose()

    assert asyncio.run(run()) == {path}


def test_whoever_begins_anew_is_told_of_a_file_that_was_gone_and_is_as_at_first(tmp_path: Path) -> None:
    """It was told to be gone; a fault then ended the watch."""
    (tmp_path / "zones").mkdir()
    path = tmp_path / "zones" / "zone"
    path.write_text("as it was read")
    known = fingerprints({path})

    async def told() -> set[Path]:
        stop = asyncio.Event()
        found = watch.changes(lambda: {path}, stop, known)
        try:
            return await asyncio.wait_for(anext(found), BOUND_SECONDS)
        finally:
            stop.set()
            await found.aclose()

    for there, then in (("zones", "away"), ("away", "zones")):
        (tmp_path / there).rename(tmp_path / then)
        assert asyncio.run(told()) == {path}
