"""EDNS: options, our OPT, and how long a reply may be."""

import dns.message
import dns.rcode
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.wire.edns import Edns, parse_options, render_opt, reply_limit

OPTIONS = st.lists(st.tuples(st.integers(0, 65535), st.binary(max_size=40)), max_size=6)


def rendered(options: list[tuple[int, bytes]]) -> bytes:
    return b"".join(code.to_bytes(2, "big") + len(value).to_bytes(2, "big") + value for code, value in options)


@given(OPTIONS)
def test_options_parse_as_they_were_sent(options: list[tuple[int, bytes]]) -> None:
    assert parse_options(rendered(options)) == tuple(options)


@given(OPTIONS.filter(bool), st.data())
def test_options_that_are_cut_short_are_refused(options: list[tuple[int, bytes]], data: st.DataObject) -> None:
    last = 4 + len(options[-1][1])
    cut = data.draw(st.integers(1, last - 1))
    with pytest.raises(ValueError, match="past the end"):
        parse_options(rendered(options)[:-cut])


@pytest.mark.parametrize("rdata", [b"\x00", b"\x00\x0a", b"\x00\x0a\x00", b"\x00\x0a\x00\x01", b"\x00\x0a\xff\xffabc"])
def test_a_fragment_of_an_option_is_refused(rdata: bytes) -> None:
    with pytest.raises(ValueError, match="past the end"):
        parse_options(rdata)


@pytest.mark.parametrize("dnssec_ok", [True, False])
@pytest.mark.parametrize("rcode", [0, 5, 16, 23])
def test_our_opt_carries_size_do_and_the_upper_bits_of_the_rcode(rcode: int, *, dnssec_ok: bool) -> None:
    header = b"\x00\x01\x80" + bytes((rcode & 0xF,)) + b"\x00\x00\x00\x00\x00\x00\x00\x01"
    message = dns.message.from_wire(header + render_opt(rcode, dnssec_ok=dnssec_ok, udp_size=1400))
    assert (message.edns, message.payload, message.rcode(), message.options) == (0, 1400, rcode, ())
    assert message.ednsflags & 0xFFFF == (0x8000 if dnssec_ok else 0)


@pytest.mark.parametrize(
    ("offered", "ours", "limit"),
    [
        (None, 1232, 512),  # RFC 1035 section 4.2.1
        (0, 1232, 512),  # RFC 6891 section 6.2.3: less than 512 is taken as 512
        (511, 1232, 512),
        (512, 1232, 512),
        (1000, 1232, 1000),
        (1232, 1232, 1232),
        (4096, 1232, 1232),
        (65535, 4096, 4096),
    ],
)
def test_a_reply_is_as_long_as_both_sides_allow(offered: int | None, ours: int, limit: int) -> None:
    edns = None if offered is None else Edns(offered, 0, dnssec_ok=False)
    assert reply_limit(edns, ours) == limit


def test_options_after_the_first_64_are_passed_over() -> None:
    assert parse_options(b"\x00\x03\x00\x00" * 64) == ((3, b""),) * 64
    assert parse_options(b"\x00\x03\x00\x00" * 1000) == ((3, b""),) * 64
    assert parse_options(b"\x00\x03\x00\x00" * 64 + b"\x00\x0a\x00\x08abcdefgh") == ((3, b""),) * 64
