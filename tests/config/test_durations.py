import pytest

from gslb.config.durations import parse_duration, parse_seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("5s", 5),
        ("2m", 120),
        ("1h", 3600),
        ("14d", 1209600),
        ("250ms", 0.25),
        ("700ms", 0.7),
        ("1.5s", 1.5),
        ("1h30m", 5400),
        ("1w", 604800),
        ("0s", 0),
    ],
)
def test_a_duration_is_numbers_with_units(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["5", "0", "1.5"])
def test_a_number_without_unit_is_refused_with_the_mend(text):
    with pytest.raises(ValueError, match=f"write {text}s for seconds"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["", "s", "5 s", "-5s", "5x", "5s ", "1e3s", "soon", "5S", ["5s"], {}])
def test_anything_else_is_refused(text):
    with pytest.raises(ValueError, match="is not a duration"):
        parse_duration(text)


def test_whole_seconds_take_plain_numbers_and_durations():
    assert parse_seconds("60") == 60
    assert parse_seconds("14d") == 1209600


def test_a_part_of_a_second_is_no_whole_number():
    with pytest.raises(ValueError, match="whole number of seconds"):
        parse_seconds("250ms")


@pytest.mark.parametrize("value", [["60"], {}])
def test_seconds_that_are_no_text_are_refused(value):
    with pytest.raises(ValueError, match="is not a duration"):
        parse_seconds(value)
