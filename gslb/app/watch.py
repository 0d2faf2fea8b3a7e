"""Noticing that a file changed: kernel events where there are any, a look at every file now and then where not.

What counts is the file that a path leads to, so an editor's rename-over and a swapped symlink (as orchestrators
mount configuration) are changes like a write in place. Events only say "look"; what changed is decided by
comparing fingerprints, once they have stopped moving: a file half-way through being written is not read.

Every look is at all paths, as an event may be of a link that any of them leads along. There may be thousands: so it is
taken in a thread, and asks the kernel once about each file that is no link.
"""

import asyncio
import os
import stat
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from pathlib import Path

from watchfiles import awatch

Fingerprint = tuple[int, int, int, int, int] | None
POLL_SECONDS = 5.0
SETTLE_SECONDS = 0.04
_SETTLE_TRIES = 25
_GROUP_MS = 5
_MOST_LINKS = 8


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at some paths saw. `folders` are those in which an event may mean a change of one of the paths,
    links along the way included; with device and inode, for what is watched is the folder that was there, and not one
    that took its place."""

    found: dict[Path, Fingerprint]
    folders: dict[Path, tuple[int, int]]


def fingerprint(path: Path) -> Fingerprint:
    """Device, inode, size, and when content and mode last changed, of the file a path leads to; None when there is
    none. The mode counts: a file refused for being readable by others is right after a chmod."""
    try:
        return _fingerprint_of(path.stat())
    except OSError:
        return None


def _fingerprint_of(found: os.stat_result) -> Fingerprint:
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def fingerprints(paths: Iterable[Path]) -> dict[Path, Fingerprint]:
    """Of each path."""
    return {path: fingerprint(path) for path in paths}


def look(paths: Iterable[Path]) -> Look:
    """Look at every path."""
    found: dict[Path, Fingerprint] = {}
    links = []
    for path in paths:
        try:
            seen = os.lstat(path)
        except OSError:
            found[path] = None
            continue
        if stat.S_ISLNK(seen.st_mode):
            links.append(path)
            found[path] = fingerprint(path)
        else:
            found[path] = _fingerprint_of(seen)
    return Look(found, _folders(found, links))


def _folders(paths: Iterable[Path], links: Iterable[Path]) -> dict[Path, tuple[int, int]]:
    """Those of `Look`; `links` are the paths that are links."""
    parents = {Path(parent) for parent in {os.path.dirname(path) for path in paths}}  # noqa: PTH120  a tenth of Path's
    found = parents.union(*map(_along, links))
    for each in {each for folder in parents for each in (folder, *folder.parents)}:
        found |= _along(each)
    return {folder: place for folder in found if (place := _place(folder)) is not None}


def _along(path: Path) -> set[Path]:
    """Where the links stand that a path leads along, and beside what they lead to."""
    found: set[Path] = set()
    link = path
    for _ in range(_MOST_LINKS):
        target = _target(link)
        if target is None:
            break
        found.add(link.parent)
        link = link.parent / target
        found |= {link.parent, link.parent.parent}
    return found


def _target(link: Path) -> Path | None:
    """What a link says; None for what is no link, is not there, or stands where this user may not look."""
    try:
        return link.readlink()
    except OSError:
        return None


def _place(folder: Path) -> tuple[int, int] | None:
    try:
        found = folder.stat()
    except OSError:
        return None
    return (found.st_dev, found.st_ino) if stat.S_ISDIR(found.st_mode) else None


async def changes(
    paths: Callable[[], set[Path]], stop: asyncio.Event, known: MutableMapping[Path, Fingerprint] | None = None
) -> AsyncIterator[set[Path]]:
    """Yield the paths whose files changed, came or went: since `known` was taken where it is given, and from now on.
    `paths` is asked anew after each round, so what is watched may change. `known` is kept up to what was told last:
    given again it goes on from there, and a file that is as at first is told when it was not in between."""
    known = (await asyncio.to_thread(look, paths())).found if known is None else known
    while not stop.is_set():
        watched = (await asyncio.to_thread(look, list(known))).folders
        async for _ in _looks(watched, stop):
            seen = await asyncio.to_thread(look, paths())
            changed = {path: each for path, each in seen.found.items() if path not in known or each != known[path]}
            settled = await _settle(changed) if changed else {}
            known.clear()
            known.update(seen.found | settled)
            if changed:
                yield set(changed)
            if seen.folders != watched:
                break


async def _looks(watched: Collection[Path], stop: asyncio.Event) -> AsyncIterator[None]:
    """Something to look at: what came before the events are told, an event, or time gone by."""
    yield
    if not watched:
        await _wait(stop)
        yield
        return
    try:
        async for _ in awatch(
            *watched,
            recursive=False,
            step=_GROUP_MS,
            debounce=_GROUP_MS * 5,
            rust_timeout=int(POLL_SECONDS * 1000),
            yield_on_timeout=True,
            stop_event=stop,
            watch_filter=None,
        ):
            yield
    except (FileNotFoundError, OSError):  # a folder went away, or the kernel's watches are used up
        await _wait(stop)
        yield


async def _wait(stop: asyncio.Event) -> None:
    try:
        await asyncio.wait_for(stop.wait(), POLL_SECONDS)
    except TimeoutError:
        return


async def _settle(before: dict[Path, Fingerprint]) -> dict[Path, Fingerprint]:
    """Wait until files that were seen so stand still, at most about a second; their fingerprints then."""
    for _ in range(_SETTLE_TRIES):
        wait_seconds = still_to_wait(before, time.time_ns())
        if wait_seconds == 0.0:
            break
        await asyncio.sleep(wait_seconds)
        after = await asyncio.to_thread(fingerprints, list(before))
        if after == before:
            break
        before = after
    return before


def still_to_wait(found: Mapping[Path, Fingerprint], now_ns: int) -> float:
    """Seconds until the last change of the files is old enough, by their own times: one that was changed a while ago
    stands still already. A time ahead of ours, from a file server's clock, says nothing."""
    ages = [(now_ns - each[-1]) / 1e9 for each in found.values() if each is not None]
    youngest = min(ages, default=SETTLE_SECONDS)
    return SETTLE_SECONDS if youngest < 0 else max(0.0, SETTLE_SECONDS - youngest)
