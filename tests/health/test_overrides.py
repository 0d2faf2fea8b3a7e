import pytest

from gslb.health.overrides import Overrides
from gslb.steering.conditions import Override, OverrideNote

KEY = ((b"\x03www\x07example\x00", 1), b"\xc0\x00\x02\x01")
OTHER = ((b"\x03www\x07example\x00", 1), b"\xc0\x00\x02\x02")


def note(until=None, state=Override.DOWN):
    return OverrideNote(state, "ann", "disk", 100.0, until)


def test_a_new_note_takes_the_place_of_the_old():
    book = Overrides({KEY: note()})
    book.put(KEY, note(state=Override.DRAIN))
    assert book.notes == {KEY: note(state=Override.DRAIN)}


def test_clearing_says_whether_there_was_one():
    book = Overrides({KEY: note()})
    assert book.clear(KEY) is True
    assert book.clear(KEY) is False
    assert book.notes == {}


@pytest.mark.parametrize(("now", "expired"), [(199.9, set()), (200.0, {KEY}), (300.0, {KEY, OTHER})])
def test_a_note_expires_at_its_end_and_one_without_an_end_never(now, expired):
    third = (KEY[0], b"\xc0\x00\x02\x03")
    book = Overrides({KEY: note(200.0), OTHER: note(300.0), third: note()})
    assert book.expire(now) == expired
    assert set(book.notes) == {KEY, OTHER, third} - expired


def test_a_snapshot_does_not_change():
    book = Overrides({KEY: note()})
    before = book.notes
    book.clear(KEY)
    book.put(OTHER, note())
    assert before == {KEY: note()}
