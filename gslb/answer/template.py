"""Templates: rendered records in which a few names are left open.

Two names cannot be written before the question is known, and both come out as a compression pointer: the *owner*
(the question name, or where a CNAME's target stands), and the *apex*, a suffix of every question name in the
zone, at an offset that depends on the question's length. A template is the octets between such holes, so one
template serves exact names, wildcards, chains and negatives. Where several rrsets of one owner are rendered together,
the owner of all records but the first is a hole too, the *start*: it becomes a pointer to where the template begins.
"""

import struct
from collections.abc import Iterable
from typing import NamedTuple

from gslb.wire.codes import CLASS_IN, RRType
from gslb.wire.message import pointer
from gslb.wire.names import Name, is_at_or_below
from gslb.wire.rdata import embedded_names
from gslb.zone.rrset import RRset

APEX, OWNER, START = 0, 1, 2
POINTERS = tuple(pointer(offset) for offset in range(512))
"""Pointers to every offset that a question can hold."""

_RECORD_HEADER = struct.Struct("!HHIH")

Hole = int
_Run = list["bytes | Hole"]


class Template(NamedTuple):
    """`parts` are one more than `holes`; hole i stands between parts i and i + 1."""

    parts: tuple[bytes, ...]
    holes: tuple[Hole, ...]

    def then(self, other: "Template") -> "Template":
        """With what stands behind it."""
        parts = (*self.parts[:-1], self.parts[-1] + other.parts[0], *other.parts[1:])
        return Template(parts, self.holes + other.holes)

    @property
    def octets(self) -> int:
        """How many it fills, where all its holes are pointers."""
        return sum(map(len, self.parts)) + len(POINTERS[0]) * len(self.holes)

    @property
    def owner_is_open(self) -> bool:
        """True when the records begin with the owner that is left open."""
        return not self.parts[0] and self.holes[:1] == (OWNER,)

    def fill(self, owner: bytes, apex: bytes, start: bytes = b"") -> bytes:
        """The octets, with the names as given."""
        parts, holes = self
        if not any(holes):  # the apex alone: negatives, nearly always
            return apex.join(parts)
        names = (apex, owner, start)
        if holes.count(holes[0]) == len(holes):  # any number of records without names in them
            return names[holes[0]].join(parts)
        return parts[0] + b"".join([names[hole] + part for hole, part in zip(holes, parts[1:], strict=True)])


def render_rrset(rrset: RRset, apex: Name, *, owner_is_open: bool) -> Template:
    """All records of an rrset. With `owner_is_open` the owner is a hole (exact names and wildcards), else it is
    written out down to the apex (SOA, referrals, glue, DNAME)."""
    run: _Run = []
    for rdata in rrset.rdatas:
        run += [OWNER] if owner_is_open else _name(rrset.owner, apex)
        run += render_record(rrset.rtype, rrset.ttl_seconds, rdata, apex)
    return _template(run)


def render_together(rrsets: Iterable[RRset], apex: Name, ttl_seconds: int) -> Template:
    """All records of some rrsets of one owner, which is written out once."""
    run: _Run = []
    for rrset in rrsets:
        for rdata in rrset.rdatas:
            run += [START] if run else _name(rrset.owner, apex)
            run += render_record(rrset.rtype, ttl_seconds, rdata, apex)
    return _template(run)


def render_record(rtype: int, ttl_seconds: int, rdata: bytes, apex: Name) -> _Run:
    """One record from its type on, names in rdata compressed against the apex."""
    run: _Run = []
    done = 0
    for start, end in embedded_names(rtype, rdata):
        run.append(rdata[done:start])
        run += _name(rdata[start:end], apex)
        done = end
    run.append(rdata[done:])
    length = sum(len(piece) if isinstance(piece, bytes) else 2 for piece in run)
    return [record_header(rtype, ttl_seconds, length), *run]


def render_alias(ttl_seconds: int, target: Name, apex: Name) -> Template:
    """The CNAME that a DNAME makes of any name: `target` is at or below `apex`, which stays open but for the root."""
    written = target if len(apex) == 1 else target[: len(target) - len(apex)]
    hole = len(apex) > 1
    head = record_header(RRType.CNAME, ttl_seconds, len(written) + 2 * hole) + written
    return Template((b"", head, b""), (OWNER, APEX)) if hole else Template((b"", head), (OWNER,))


def record_header(rtype: int, ttl_seconds: int, rdata_length: int) -> bytes:
    """Type, class IN, TTL and the length of the rdata."""
    return _RECORD_HEADER.pack(rtype, CLASS_IN, ttl_seconds, rdata_length)


def _name(name: Name, apex: Name) -> _Run:
    """A name down to the apex and a hole for the rest; in full when it is not in the zone (case is kept)."""
    if len(apex) > 1 and is_at_or_below(name.lower(), apex):
        return [name[: len(name) - len(apex)], APEX]
    return [name]


def _template(run: Iterable[bytes | Hole]) -> Template:
    parts = [b""]
    holes: list[Hole] = []
    for piece in run:
        if isinstance(piece, bytes):
            parts[-1] += piece
        else:
            holes.append(piece)
            parts.append(b"")
    return Template(tuple(parts), tuple(holes))
