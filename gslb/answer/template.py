"""Templates: rendered records in which a few names are left open.

Two names cannot be written before the question is known, and both come out as a compression pointer: the *owner*
(the question name, or where a CNAME's target stands), and the *apex*, a suffix of every question name in the
zone, at an offset that depends on the question's length. A template is the octets between such holes, so one
template serves exact names, wildcards, chains and negatives.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from gslb.wire.codes import CLASS_IN
from gslb.wire.message import pointer
from gslb.wire.names import Name, is_at_or_below
from gslb.wire.rdata import embedded_names
from gslb.zone.rrset import RRset

OWNER, APEX = True, False
POINTERS = tuple(pointer(offset) for offset in range(512))
"""Pointers to every offset that a question can hold."""

Hole = bool
_Run = list["bytes | Hole"]


@dataclass(frozen=True, slots=True)
class Template:
    """`parts` are one more than `holes`; hole i stands between parts i and i + 1."""

    parts: tuple[bytes, ...]
    holes: tuple[Hole, ...]

    def fill(self, owner: bytes, apex: bytes) -> bytes:
        """The octets, with both names as given."""
        if not any(self.holes):  # the apex alone: negatives, nearly always
            return apex.join(self.parts)
        filled = [self.parts[0]]
        for hole, part in zip(self.holes, self.parts[1:], strict=True):
            filled.append(owner if hole else apex)
            filled.append(part)
        return b"".join(filled)


def render_rrset(rrset: RRset, apex: Name, *, owner_is_open: bool, ttl_seconds: int | None = None) -> Template:
    """All records of an rrset. With `owner_is_open` the owner is a hole (exact names and wildcards), else it is
    written out down to the apex (SOA, referrals, glue, DNAME)."""
    ttl = rrset.ttl_seconds if ttl_seconds is None else ttl_seconds
    run: _Run = []
    for rdata in rrset.rdatas:
        run += [OWNER] if owner_is_open else _name(rrset.owner, apex)
        run += render_record(rrset.rtype, ttl, rdata, apex)
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


def record_header(rtype: int, ttl_seconds: int, rdata_length: int) -> bytes:
    """Type, class IN, TTL and the length of the rdata."""
    return b"".join(
        (
            rtype.to_bytes(2, "big"),
            CLASS_IN.to_bytes(2, "big"),
            ttl_seconds.to_bytes(4, "big"),
            rdata_length.to_bytes(2, "big"),
        )
    )


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
