import pytest

from gslb.config.sizes import parse_size, size_text


@pytest.mark.parametrize(("text", "octets"), [("1KiB", 1024), ("64MiB", 67_108_864), ("3GiB", 3_221_225_472)])
def test_a_size_is_read_and_written_back(text, octets):
    assert parse_size(text) == octets
    assert size_text(octets) == text


def test_the_largest_unit_that_fits_is_written():
    assert size_text(1024 * 1024) == "1MiB"
    assert size_text(1536 * 1024) == "1536KiB"


@pytest.mark.parametrize(
    "text", ["64", "64M", "64MB", "64 MiB", "1.5GiB", "-1MiB", "MiB", "", "9999999999MiB", "٣MiB", ["1MiB"], {}]
)
def test_anything_else_is_refused_with_an_example(text):
    with pytest.raises(ValueError, match="is not a size; write one like 512KiB, 64MiB or 1GiB"):
        parse_size(text)
