"""Names: text ⇄ wire, limits, and the tree they stand in."""

import dns.exception
import dns.name
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.wire.names import (
    MAX_NAME_OCTETS,
    ROOT,
    BadNameError,
    ancestors,
    canonical,
    is_at_or_below,
    is_wildcard,
    label_at,
    label_count,
    labels,
    name_from_text,
    name_to_text,
    parent,
    relative_text,
    sort_key,
)

EXAMPLE = b"\x07example\x00"
LABEL_63 = "a" * 63
# Three labels of 63 octets and one of 61: 3 * 64 + 62 + the root's 1 = 255.
NAME_255 = f"{LABEL_63}.{LABEL_63}.{LABEL_63}.{'a' * 61}."


@st.composite
def names(draw: st.DrawFn) -> bytes:
    """Any legal name, every octet allowed in its labels."""
    wire = ROOT
    for label in draw(st.lists(st.binary(min_size=1, max_size=63), max_size=8)):
        if len(label) + 1 + len(wire) <= MAX_NAME_OCTETS:
            wire = bytes((len(label),)) + label + wire
    return wire


def wire(*parts: bytes) -> bytes:
    return b"".join(bytes((len(part),)) + part for part in parts) + ROOT


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("www.example.", wire(b"www", b"example")),
        ("WWW.Example.", wire(b"WWW", b"Example")),
        (".", ROOT),
        ("www", wire(b"www", b"example")),
        ("a.b", wire(b"a", b"b", b"example")),
        ("@", EXAMPLE),
        ("", EXAMPLE),
        (r"\@", wire(b"@", b"example")),
        (r"a\.b.example.", wire(b"a.b", b"example")),
        (r"a\\b.example.", wire(b"a\\b", b"example")),
        (r"\000\255.example.", wire(b"\x00\xff", b"example")),
        (r"\032.example.", wire(b" ", b"example")),
        ("*.example.", wire(b"*", b"example")),
        (r"\042.example.", wire(b"*", b"example")),
        ("_sip._tcp", wire(b"_sip", b"_tcp", b"example")),
        ("bücher.example.", wire(b"xn--bcher-kva", b"example")),
        ("BÜCHER.example.", wire(b"xn--bcher-kva", b"example")),
        (f"{LABEL_63}.", wire(b"a" * 63)),
    ],
)
def test_a_text_parses_to_its_wire_name(text: str, expected: bytes) -> None:
    assert name_from_text(text, EXAMPLE) == expected


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a..example.", "empty"),
        (".example.", "empty"),
        ("..", "empty"),
        (f"{'a' * 64}.example.", "63"),
        (f"b{NAME_255}", "255|63"),
        (f"b.{NAME_255}", "255"),
        (f"{NAME_255[:-1]}", "255"),  # relative: the origin makes it too long
        (r"a\256.example.", "escape"),
        (r"a\25", "escape"),
        ("a\\", "escape"),
        (f"{'ü' * 60}.example.", "not a domain name"),
    ],
)
def test_a_text_that_is_no_name_is_refused_and_quoted(text: str, why: str) -> None:
    with pytest.raises(BadNameError, match=why) as caught:
        name_from_text(text, EXAMPLE)
    assert repr(text) in str(caught.value)


def test_a_name_of_255_octets_and_labels_of_63_are_legal() -> None:
    name = name_from_text(NAME_255)
    assert len(name) == MAX_NAME_OCTETS
    assert name_to_text(name) == NAME_255


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (ROOT, "."),
        (wire(b"www", b"example"), "www.example."),
        (wire(b"a.b", b"example"), r"a\.b.example."),
        (wire(b"a b\x00\xff"), r"a\032b\000\255."),
        (wire(b"@"), r"\@."),
        (wire(b'"();$\\'), r"\"\(\)\;\$\\."),
    ],
)
def test_a_name_renders_with_escapes(name: bytes, text: str) -> None:
    assert name_to_text(name) == text


@given(names())
def test_every_name_survives_text(name: bytes) -> None:
    assert name_from_text(name_to_text(name)) == name


@given(names())
def test_a_relative_text_and_its_origin_give_the_name_back(name: bytes) -> None:
    for apex in ancestors(name):
        assert name_from_text(relative_text(name, apex), apex) == name


def test_relative_text_of_the_apex_is_empty() -> None:
    assert relative_text(EXAMPLE, EXAMPLE) == ""
    assert relative_text(wire(b"a.", b"example"), EXAMPLE) == r"a\."


def test_canonical_lowers_ascii_letters_only_and_no_length() -> None:
    long_label = bytes((63,)) + b"A" * 63
    assert canonical(long_label + b"\x02\xc4Z\x00") == bytes((63,)) + b"a" * 63 + b"\x02\xc4z\x00"


def test_ancestors_go_up_to_the_root() -> None:
    assert list(ancestors(wire(b"a", b"b"))) == [wire(b"a", b"b"), wire(b"b"), ROOT]
    assert list(ancestors(ROOT)) == [ROOT]


def test_parent_takes_one_label_and_the_root_is_its_own() -> None:
    assert parent(wire(b"a", b"b")) == wire(b"b")
    assert parent(wire(b"b")) == ROOT
    assert parent(ROOT) == ROOT


def test_labels_leave_the_root_out() -> None:
    assert labels(wire(b"a", b"bc")) == [b"a", b"bc"]
    assert labels(ROOT) == []
    assert label_count(wire(b"a", b"bc")) == 2


@pytest.mark.parametrize(
    ("name", "ancestor", "expected"),
    [
        (wire(b"www", b"example"), wire(b"example"), True),
        (wire(b"example"), wire(b"example"), True),
        (wire(b"example"), ROOT, True),
        (ROOT, ROOT, True),
        (ROOT, wire(b"example"), False),
        (wire(b"example"), wire(b"www", b"example"), False),
        (wire(b"badexample"), wire(b"example"), False),
        # The label of ten octets ends with what looks like a length and a name: `xx\x07example`.
        (wire(b"xx\x07example"), wire(b"example"), False),
        # A label of the octets 1, "a" before the very same name.
        (wire(b"\x01a", b"a"), wire(b"a", b"a"), False),
        (wire(b"\x01a", b"\x01a"), wire(b"\x01a"), True),
        (wire(b"a", b"b", b"example"), wire(b"b", b"example"), True),
    ],
)
def test_at_or_below_goes_by_labels_not_by_octets(name: bytes, ancestor: bytes, *, expected: bool) -> None:
    assert is_at_or_below(name, ancestor) is expected


@given(names(), names())
def test_at_or_below_is_being_among_the_ancestors(name: bytes, other: bytes) -> None:
    for ancestor in [other, *ancestors(name), *(name[start:] for start in range(len(name)))]:
        assert is_at_or_below(name, ancestor) == (ancestor in list(ancestors(name)))


@given(names(), st.integers(0, 255), st.integers(0, 127))
def test_the_label_at_an_octet_is_the_last_that_begins_up_to_it(name: bytes, end: int, skipped: int) -> None:
    starts = [len(name) - len(each) for each in ancestors(name)]
    start = starts[min(skipped, len(starts) - 1)]
    end = min(max(end, start), len(name) - 1)
    assert label_at(name, end, start) == max(each for each in starts if each <= end)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (wire(b"*", b"example"), True),
        (wire(b"*"), True),
        (wire(b"*a", b"example"), False),
        (wire(b"a", b"*", b"example"), False),
        (ROOT, False),
    ],
)
def test_a_wildcard_is_a_leftmost_label_of_one_star(name: bytes, *, expected: bool) -> None:
    assert is_wildcard(name) is expected


def test_names_sort_as_in_the_example_of_rfc4034_section_6_1() -> None:
    ordered = [
        "example.",
        "a.example.",
        "yljkjljk.a.example.",
        "Z.a.example.",
        "zABC.a.EXAMPLE.",
        "z.example.",
        r"\001.z.example.",
        "*.z.example.",
        r"\200.z.example.",
    ]
    wires = [name_from_text(text) for text in ordered]
    assert sorted(wires, key=sort_key) == wires


PIECES = ["a", "Z", "9", "-", "_", "*", ".", "..", "\\.", "\\065", "@", " ", '"', "ä", "x" * 62, "y" * 63]


@given(st.lists(st.sampled_from(PIECES), max_size=8).map("".join), names())
def test_a_text_parses_as_dnspython_has_it_and_its_name_renders_so(text: str, origin: bytes) -> None:
    if text in {"", "@"}:
        return
    try:
        parsed = dns.name.from_text(text, dns.name.from_wire(origin, 0)[0], dns.name.IDNA_2008_Practical)
    except dns.exception.DNSException:
        with pytest.raises(BadNameError):
            name_from_text(text, origin)
        return
    assert name_from_text(text, origin) == parsed.to_wire()
    assert name_to_text(parsed.to_wire()) == parsed.to_text()
