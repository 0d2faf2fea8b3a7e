"""The collector of cycles is kept from walking over zones, and zones have no cycles to collect."""

import gc
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gslb.answer.compile import ZoneTable
from gslb.app.pauses import LARGE, Pauses, set_aside
from gslb.config.sources import ZoneSource
from gslb.config.zones import load_zone
from gslb.wire.names import name_from_text
from gslb.zone.view import steering_view

HEAD = "$TTL 1h\n@ SOA ns1 hostmaster 1 2 1 3600 60\n@ NS ns1\nns1 A 192.0.2.1\n"


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """The interpreter's settings are put back."""
    threshold, interval = gc.get_threshold(), sys.getswitchinterval()
    yield
    gc.unfreeze()
    gc.enable()
    gc.set_threshold(*threshold)
    sys.setswitchinterval(interval)


class Loop:
    """Only the collector of cycles can free one."""

    def __init__(self) -> None:
        self.me = self


def test_a_zone_leaves_no_cycles_behind_neither_in_reading_nor_in_serving(tmp_path: Path) -> None:
    cuts = "".join(f"child{number} NS ns.child{number}\nns.child{number} A 192.0.2.2\n" for number in range(200))
    path = tmp_path / "z.zone"
    path.write_text(HEAD + cuts + "$TTL 60\n* TXT wild\n")
    source = ZoneSource(name_from_text("z.example."), path, "master")
    load_zone(source, {})  # whatever is made once is made now
    gc.collect()
    gc.disable()
    zone = load_zone(source, {}).zone
    table = ZoneTable(zone)
    view = steering_view(zone)
    before = gc.collect()
    del zone, table, view
    assert before + gc.collect() < 50


def test_what_was_set_aside_goes_when_it_is_no_longer_used() -> None:
    gc.disable()
    aside = gc.get_freeze_count()
    held = [[number] for number in range(50_000)]
    set_aside(LARGE)
    assert gc.get_freeze_count() >= aside + 50_000
    with_them = gc.get_freeze_count()
    held.clear()
    assert gc.get_freeze_count() <= with_them - 50_000


def test_small_zones_are_left_to_the_collector() -> None:
    aside = gc.get_freeze_count()
    set_aside(LARGE - 1)
    assert gc.get_freeze_count() == aside


def test_passes_over_old_objects_come_only_when_asked_for() -> None:
    passes = []

    def note(phase: str, info: dict[str, int]) -> None:
        if phase == "stop":
            passes.append(info["generation"])

    pauses = Pauses()
    pauses.set_up()
    gc.callbacks.append(note)
    try:
        held = [[number] for number in range(200_000)]
        assert 2 not in passes
        assert 0 in passes
        pauses.tidy()
        assert passes[-1] == 2
    finally:
        gc.callbacks.remove(note)
    assert len(held) == 200_000


def test_cycles_that_were_set_aside_are_found_once_as_much_again_was() -> None:
    pauses = Pauses()
    pauses.begin()
    loops = [Loop() for _ in range(1000)]
    set_aside(LARGE)
    del loops
    pauses.tidy()
    assert _loops() >= 1000  # out of the collector's sight
    more = [[number] for number in range(2 * gc.get_freeze_count() + 200_000)]
    set_aside(LARGE)
    pauses.tidy()
    assert _loops() == 0
    assert more


def _loops() -> int:
    """Those that are there, the ones set aside too."""
    aside = gc.get_freeze_count()
    gc.unfreeze()
    count = sum(isinstance(each, Loop) for each in gc.get_objects())
    if aside:
        gc.freeze()
    return count
