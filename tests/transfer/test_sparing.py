"""How often the log is told of what anyone can bring about."""

from gslb.transfer.sparing import TOLD_PER_MINUTE, Sparing


def test_a_few_lines_a_minute_of_each_event_are_written() -> None:
    sparing = Sparing()
    for event in ("one", "another"):
        said = [sparing.leave(event, 100.0 + number / 100) for number in range(1000)]
        assert said == [0] * TOLD_PER_MINUTE + [None] * (1000 - TOLD_PER_MINUTE)


def test_the_next_line_tells_how_many_were_left_out() -> None:
    sparing = Sparing()
    for _ in range(TOLD_PER_MINUTE + 7):
        sparing.leave("event", 100.0)
    assert sparing.leave("event", 159.9) is None
    assert sparing.leave("event", 160.0) == 8
    assert sparing.leave("event", 160.0) == 0


def test_a_clock_that_is_set_back_silences_nothing() -> None:
    sparing = Sparing()
    for _ in range(2 * TOLD_PER_MINUTE):
        sparing.leave("event", 1000.0)
    assert sparing.leave("event", 10.0) == TOLD_PER_MINUTE
