"""The reserved subtree of a zone's steering view: its steering as records of a private-use type (RFC 6895 section 3.1).

What steers `<owner>` is a TYPE65282 record at `<owner without the apex>._gslb.<apex>`, beside the plain records and
never at their owners: a transfer library may drop data that shares an owner with a CNAME. One record each owner and
type; its rdata is an octet with the format's version, then JSON text. A *marker*, the version and `{}`, always stands
at `_gslb.<apex>`: by it a zone without steering differs from one whose steering was withheld.

Text too long for one record is divided among several, and an owner too long to have `_gslb` put into it has its
record at `_gslb.<apex>` itself. Both are *wrapped*: a piece of the text, with its place and its owner.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gslb.wire.names import (
    MAX_NAME_OCTETS,
    BadNameError,
    Name,
    canonical,
    is_at_or_below,
    name_from_text,
    relative_text,
)
from gslb.zone.checks import RESERVED_LABEL
from gslb.zone.rrset import RRset
from gslb.zone.steered import Steered
from gslb.zone.steered_text import FORMAT_VERSION, canonical_json, steered_to_text

PRIVATE_TYPE = 65282
MAX_TEXT = 48_000
"""Octets of text in one record: with its name and a signature it fits into a message of 64 KiB."""
_PIECE_TEXT = 20_000  # as JSON within JSON it can grow to twice that
PLAIN_SERVED = "; its plain values are served"
"""How a warning about an owner whose steering is of no use ends."""
_VERSION = bytes((FORMAT_VERSION,))
MARKER = _VERSION + b"{}"


def reserved_owner(apex: Name) -> Name:
    """`_gslb.<apex>`, where the marker stands."""
    return RESERVED_LABEL + apex


def is_private(owner: Name, apex: Name) -> bool:
    """True when `owner` is in the reserved subtree: never answered to queries, never sent without TSIG."""
    return RESERVED_LABEL in owner and is_at_or_below(owner, RESERVED_LABEL + apex)


def private_owners(owners: Iterable[Name], apex: Name) -> list[Name]:
    """Those in the reserved subtree; quick, for there are few."""
    return [owner for owner in owners if RESERVED_LABEL in owner and is_private(owner, apex)]


class _Piece(BaseModel):
    """A wrapped piece of text, the `piece`th `of` so many, counted from 0; it steers `owner` (relative text)."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    of: Annotated[int, Field(ge=1, le=65535)]
    owner: str
    piece: Annotated[int, Field(ge=0)]
    text: str
    type: int


_PIECE_STARTS = b'{"of":'  # the first key of a piece in canonical JSON, which no other text has


def private_rrsets(apex: Name, steered: Iterable[Steered]) -> list[RRset]:
    """The rrsets of the reserved subtree: the marker, and all that is steered. `apex` leaves room for them."""
    found: dict[Name, list[bytes]] = {reserved_owner(apex): [MARKER]}
    for each in steered:
        owner, rdatas = _rendered(apex, each)
        found.setdefault(owner, []).extend(rdatas)
    return [RRset(owner, PRIVATE_TYPE, 0, tuple(rdatas)) for owner, rdatas in found.items()]


def _rendered(apex: Name, steered: Steered) -> tuple[Name, list[bytes]]:
    """The private owner of what is steered, and its rdatas there."""
    relative = steered.rrset.owner[: -len(apex)]
    owner = relative + reserved_owner(apex)
    text = steered_to_text(steered)
    if len(owner) > MAX_NAME_OCTETS:
        return reserved_owner(apex), _wrapped(apex, steered, text)
    if len(text) > MAX_TEXT:
        return owner, _wrapped(apex, steered, text)
    return owner, [_VERSION + text.encode()]


def _wrapped(apex: Name, steered: Steered, text: str) -> list[bytes]:
    pieces = [text[at : at + _PIECE_TEXT] for at in range(0, len(text), _PIECE_TEXT)]
    said = {"of": len(pieces), "owner": relative_text(steered.rrset.owner, apex), "type": int(steered.rrset.rtype)}
    numbered = enumerate(pieces)
    return [_VERSION + canonical_json(said | {"piece": number, "text": piece}).encode() for number, piece in numbered]


@dataclass(slots=True)
class PrivateReading:
    """What the reserved subtree says. `texts` are (steered owner, its text); `problems` are (owner, what is wrong)
    of the records that could not be read."""

    texts: list[tuple[Name, str]] = field(default_factory=list)
    problems: list[tuple[Name, str]] = field(default_factory=list)
    _pieces: dict[tuple[Name, int], dict[int, _Piece]] = field(default_factory=dict)

    def read(self, apex: Name, owner: Name, rtype: int, rdatas: Iterable[bytes]) -> None:
        """Take in an rrset of the subtree."""
        home = owner[: -len(reserved_owner(apex))] + apex
        for rdata in rdatas:
            if rtype != PRIVATE_TYPE or rdata[:1] != _VERSION:
                self.problems.append((home, _unknown(rtype, rdata)))
            elif rdata.startswith(_PIECE_STARTS, 1):
                self._read_piece(apex, home, rdata[1:])
            elif rdata != MARKER:
                self.texts.append((home, rdata[1:].decode(errors="replace")))

    def _read_piece(self, apex: Name, home: Name, rdata: bytes) -> None:
        try:
            piece = _Piece.model_validate_json(rdata)
            owner = canonical(name_from_text(piece.owner, apex))
        except (ValidationError, BadNameError):
            self.problems.append((home, f"a piece of its steering is damaged{PLAIN_SERVED}"))
            return
        self._pieces.setdefault((owner, piece.type), {})[piece.piece] = piece

    def join_pieces(self) -> None:
        """Put the pieces of divided texts together, once every rrset is read."""
        for (owner, _), pieces in self._pieces.items():
            if set(pieces) == set(range(pieces[min(pieces)].of)):
                self.texts.append((owner, "".join(pieces[number].text for number in sorted(pieces))))
            else:
                self.problems.append((owner, f"pieces of its steering are missing{PLAIN_SERVED}"))


def _unknown(rtype: int, rdata: bytes) -> str:
    if rtype != PRIVATE_TYPE:
        return f"type {rtype} stands at the name that is reserved for the steering of this one; it is left out"
    version = str(rdata[0]) if rdata else "(none)"
    return f"its steering has format version {version}, and this node knows {FORMAT_VERSION}; update it{PLAIN_SERVED}"


def read_private(apex: Name, view: Mapping[Name, Mapping[int, RRset]]) -> PrivateReading:
    """Read the reserved subtree of a view."""
    reading = PrivateReading()
    for owner in private_owners(view, apex):
        for rtype, rrset in view[owner].items():
            reading.read(apex, owner, rtype, rrset.rdatas)
    reading.join_pieces()
    return reading
