"""The header of a reply and the pointers inside it (RFC 1035 sections 4.1.1 and 4.1.4)."""

import struct

from gslb.wire.codes import QR, RD

QNAME_POINTER = b"\xc0\x0c"
"""A pointer to the question name, which always stands at octet 12."""
MAX_POINTER_OFFSET = 0x3FFF
MAX_MESSAGE_OCTETS = 0xFFFF
NO_RECORDS = (0, 0, 0)
_OPCODE = 0x7800
_HEADER = struct.Struct("!5H")
"""Flags, and the counts of the four sections."""

Counts = tuple[int, int, int]
"""How many records in the answer, authority and additional section."""


def pointer(offset: int) -> bytes:
    """A compression pointer to `offset`, at most MAX_POINTER_OFFSET."""
    return (0xC000 | offset).to_bytes(2, "big")


def render_header(
    message_id: bytes, query_flags: int, flags: int, rcode: int, counts: Counts, questions: int = 1
) -> bytes:
    """A reply's header. The opcode is the query's, and so is RD in a reply to opcode QUERY, the only one for which it
    means anything (RFC 1035 section 4.1.1); AD and CD are clear, as RFC 4035 section 3.1.6 wants of a server that
    validates nothing. Of `rcode` the lower four bits stand here, the rest in the OPT."""
    opcode = query_flags & _OPCODE
    word = QR | (opcode or query_flags & RD) | flags | (rcode & 0xF)
    return message_id + _HEADER.pack(word, questions, *counts)
