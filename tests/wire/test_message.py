"""The header of a reply."""

import pytest

from gslb.wire.codes import AA, AD, CD, QR, RA, RD, TC
from gslb.wire.message import MAX_POINTER_OFFSET, pointer, render_header


@pytest.mark.parametrize(
    ("query_flags", "flags", "rcode", "word"),
    [
        (0, 0, 0, QR),
        (RD, AA, 0, QR | RD | AA),
        # RD is copied. AD, CD, RA, AA and TC of a query are not (RFC 4035 section 3.1.6).
        (RD | AD | CD | RA | AA | TC, 0, 0, QR | RD),
        # The opcode is copied; behind another than QUERY no bit is known to mean anything (RFC 1035 section 4.1.1).
        (0x7800 | RD | AD | CD | RA | AA | TC, 0, 4, QR | 0x7800 | 4),
        (0, AA | TC, 3, QR | AA | TC | 3),
        (0, 0, 16, QR),  # the upper bits of BADVERS stand in the OPT
    ],
)
def test_the_flags_of_a_reply(query_flags: int, flags: int, rcode: int, word: int) -> None:
    header = render_header(b"\xab\xcd", query_flags, flags, rcode, (1, 2, 3))
    assert header == b"\xab\xcd" + word.to_bytes(2, "big") + b"\x00\x01\x00\x01\x00\x02\x00\x03"


def test_a_reply_without_a_question_says_so() -> None:
    assert render_header(b"\x00\x00", 0, 0, 1, (0, 0, 0), questions=0)[4:6] == b"\x00\x00"


def test_a_pointer_has_its_two_upper_bits_set() -> None:
    assert pointer(12) == b"\xc0\x0c"
    assert pointer(MAX_POINTER_OFFSET) == b"\xff\xff"
