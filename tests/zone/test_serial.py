"""Serial numbers: the arithmetic of RFC 1982, and what comes next."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.zone.serial import is_newer, next_serial

TOP = 2**32 - 1
HALF = 2**31
serials = st.integers(0, TOP)


@pytest.mark.parametrize(
    ("serial", "than", "expected"),
    [
        (1, 0, True),
        (44, 0, True),
        (100, 0, True),
        (100, 44, True),
        (200, 100, True),
        (0, 0, False),
        (0, 1, False),
        (TOP, TOP, False),
        # Past the top comes 0 again (RFC 1982 section 5.2 in 32 bits).
        (0, TOP, True),
        (TOP, 0, False),
        (10, TOP - 10, True),
        (HALF - 1, 0, True),
        (0, HALF + 1, True),
        # Half the circle apart there is no order, either way round.
        (HALF, 0, False),
        (0, HALF, False),
        (HALF + 5, 5, False),
        (5, HALF + 5, False),
    ],
)
def test_newer_in_a_circle(serial: int, than: int, *, expected: bool) -> None:
    assert is_newer(serial, than) is expected


@given(serials, st.integers(1, HALF - 1))
def test_what_is_added_is_newer_and_never_both_ways(serial: int, step: int) -> None:
    later = (serial + step) % 2**32
    assert is_newer(later, serial)
    assert not is_newer(serial, later)


@pytest.mark.parametrize(
    ("last", "now", "expected"),
    [
        (None, 1_700_000_000, 1_700_000_000),
        (None, 0, 1),
        (5, 1_700_000_000, 1_700_000_000),  # the clock is ahead
        (1_700_000_000, 1_700_000_000, 1_700_000_001),  # two edits in a second
        (1_700_000_009, 1_700_000_000, 1_700_000_010),  # a clock that went back
        (TOP, 1_700_000_000, 1_700_000_000),  # past the top, less than half a circle on
        (TOP, HALF - 1, 0),  # half a circle on, which is no order: one step
        (0, HALF, 1),
        (2023112301, 1_700_000_000, 2023112302),  # a serial written as a date is ahead of the clock
        (0, 2**32 + 7, 7),  # the clock after 2106
    ],
)
def test_the_next_serial(last: int | None, now: int, expected: int) -> None:
    assert next_serial(last, now) == expected


@given(serials, st.integers(0, 2**33))
def test_the_next_serial_is_always_newer(last: int, now: int) -> None:
    following = next_serial(last, now)
    assert is_newer(following, last)
    assert 0 <= following <= TOP
