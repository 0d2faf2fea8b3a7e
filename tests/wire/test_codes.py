"""Types by name and number."""

import pytest

from gslb.wire.codes import Rcode, RRType, is_meta_type, type_from_text, type_to_text


@pytest.mark.parametrize(
    ("text", "rtype"),
    [
        ("A", 1),
        ("a", 1),
        ("AAAA", 28),
        ("HTTPS", 65),
        ("TYPE1", 1),
        ("TYPE65282", 65282),
        ("type65282", 65282),
        ("SINK", 40),
        ("doa", 259),
    ],
)
def test_a_type_parses_by_name_or_number(text: str, rtype: int) -> None:
    assert type_from_text(text) == rtype


@pytest.mark.parametrize("text", ["", "BOGUS", "TYPE65536", "TYPE", "TYPE-1", "1", "A "])
def test_what_is_no_type_is_refused_and_quoted(text: str) -> None:
    with pytest.raises(ValueError, match="is not a record type") as caught:
        type_from_text(text)
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize("rtype", [*RRType, 0, 3, *range(1, 70), *range(256, 270), 65282, 65535])
def test_every_type_survives_text(rtype: int) -> None:
    assert type_from_text(type_to_text(rtype)) == rtype


def test_an_unknown_type_renders_as_rfc3597_section_5_wants() -> None:
    assert type_to_text(65282) == "TYPE65282"


@pytest.mark.parametrize(
    ("rtype", "expected"),
    [
        (RRType.OPT, True),
        (RRType.TSIG, True),
        (RRType.AXFR, True),
        (RRType.ANY, True),
        (128, True),
        (127, False),
        (256, False),
        (RRType.A, False),
        (RRType.HTTPS, False),
        (65282, False),
    ],
)
def test_meta_types_are_opt_and_128_to_255(rtype: int, *, expected: bool) -> None:
    assert is_meta_type(rtype) is expected


def test_badvers_and_badcookie_need_more_than_the_four_bits_of_the_header() -> None:
    assert [rcode for rcode in Rcode if rcode > 15] == [Rcode.BADVERS, Rcode.BADCOOKIE]
