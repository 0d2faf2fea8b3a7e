"""Finished answers: complete but for message id, question and OPT, so that replying is a join of octets."""

from dataclasses import dataclass
from typing import NamedTuple

from gslb.wire.codes import RD
from gslb.wire.message import Counts, render_header
from gslb.zone.steered import SteeredKey

Heads = tuple[bytes, bytes, bytes, bytes]
"""Octets 2 to 11 of a reply without EDNS, with RD clear and set, then with EDNS likewise."""


WITHOUT_DO, WITH_DO = b"\x00", b"\x01"
"""What follows the question in the key under which an answer of a signed zone is kept. Other zones answer both alike,
and nothing follows."""


class Facts(NamedTuple):
    """What is counted of a reply: zone text ("" for none of ours), qtype and rcode."""

    zone: str
    qtype: int
    rcode: int


@dataclass(frozen=True, slots=True, eq=False)
class Finished:
    """An answer complete but for message id, question and OPT.

    `tail` follows the question; where there is a `draw`, one outcome follows: `owner` (a pointer) and its record.
    """

    heads: Heads
    tail: bytes
    facts: Facts
    draw: SteeredKey | None = None
    owner: bytes = b""


def render_heads(flags: int, rcode: int, counts: Counts) -> Heads:
    """The heads of a reply with these records, the OPT not counted."""
    answer, authority, additional = counts

    def head(rd: int, opt: int) -> bytes:
        return render_header(b"", rd, flags, rcode, (answer, authority, additional + opt))

    return head(0, 0), head(RD, 0), head(0, 1), head(RD, 1)
