"""Rrsets that bring other names along, in as few octets as they can be.

A referral, or an answer that names hosts and adds their addresses, is what a name server sends most octets of unasked:
each host's name stands in a record's data and again as the owner of its addresses. Where such records come right after
the question, every name in them points as far back as it can: into the question, whose end is known, or into the first
rrset. At the end of a chain of CNAMEs the question is about another name, and the templates of everything else serve.
"""

from dataclasses import dataclass

from gslb.answer.template import Template, record_header, render_rrset
from gslb.wire.message import MAX_POINTER_OFFSET, QNAME_POINTER
from gslb.wire.names import MAX_NAME_OCTETS, Name
from gslb.wire.rdata import embedded_names
from gslb.zone.rrset import RRset

_POINTER = 0xC000
"""The upper two bits that make a pointer of an offset."""
_QUESTION_FIXED_OCTETS = 4
_MAX_OFFSET = MAX_POINTER_OFFSET - MAX_NAME_OCTETS - 16
"""How far behind the question something is pointed at: header and question come before it."""


@dataclass(frozen=True, slots=True)
class CompressedTemplate:
    """As a `Template`. `number` are the octets as one number, with pointers as they were if the question ended at 0,
    and `ones` has a 1 in the place of each pointer: times where it does end, they are all moved at once. `apex_octets`
    is the length of the apex. `plain` serves behind a chain. `owner_offset` is where the owner of the first record
    points, from the end of the question; None for an owner that is open or written out."""

    plain: Template
    number: int
    ones: int
    octets: int
    apex_octets: int
    owner_offset: int | None

    @property
    def owner_is_open(self) -> bool:
        """As that of `Template`."""
        return self.plain.owner_is_open

    def beside(self, rrset: RRset, plain: Template) -> "CompressedTemplate":
        """The template of an rrset without names to compress, whose owner is the same pointer as here; `plain` is how
        it is written behind a chain. There must be an `owner_offset`."""
        assert self.owner_offset is not None
        run = _Run({}, learn=False)
        for rdata in rrset.rdatas:
            run.pointer(self.owner_offset)
            run.octets(record_header(rrset.rtype, rrset.ttl_seconds, len(rdata)) + rdata)
        return CompressedTemplate(plain, *run.as_numbers(), self.apex_octets, self.owner_offset)

    def then(self, other: "CompressedTemplate") -> "CompressedTemplate":
        """With what stands behind it."""
        bits = 8 * other.octets
        return CompressedTemplate(
            self.plain.then(other.plain),
            (self.number << bits) + other.number,
            (self.ones << bits) + other.ones,
            self.octets + other.octets,
            self.apex_octets,
            self.owner_offset,
        )

    def fill(self, owner: bytes, apex: bytes) -> bytes:
        if owner != QNAME_POINTER:
            return self.plain.fill(owner, apex)
        end = (int.from_bytes(apex, "big") & MAX_POINTER_OFFSET) + self.apex_octets + _QUESTION_FIXED_OCTETS
        return (self.number + end * self.ones).to_bytes(self.octets, "big")


class Compression:
    """Renders the rrsets of one reply, the first of them right after the question. `ending` is what the question name
    is known to end with: the name itself, a zone cut, or what a wildcard stands below."""

    def __init__(self, ending: Name, apex: Name) -> None:
        self._apex = apex
        start = -_QUESTION_FIXED_OCTETS - len(ending)
        self._known = {suffix: start + position for position, suffix in _suffixes(ending)}

    def first(self, rrset: RRset, *, owner_is_open: bool) -> CompressedTemplate:
        """The first rrset; its names can be pointed at from then on. `owner_is_open`: its owner is the question name,
        whatever that is."""
        return self._rendered(rrset, _Run(self._known, learn=True), owner_is_open=owner_is_open)

    def then(self, rrset: RRset, *, owner_is_open: bool = False) -> CompressedTemplate:
        """Another rrset of the reply."""
        return self._rendered(rrset, _Run(dict(self._known), learn=False), owner_is_open=owner_is_open)

    def _rendered(self, rrset: RRset, run: "_Run", *, owner_is_open: bool) -> CompressedTemplate:
        for rdata in rrset.rdatas:
            if owner_is_open:
                run.octets(QNAME_POINTER)
            else:
                run.name(rrset.owner)
            run.record(rrset.rtype, rrset.ttl_seconds, rdata)
        plain = render_rrset(rrset, self._apex, owner_is_open=owner_is_open)
        return CompressedTemplate(plain, *run.as_numbers(), len(self._apex), run.first_offset)


class _Run:
    """Octets with pointers between them, as they grow."""

    def __init__(self, known: dict[Name, int], *, learn: bool) -> None:
        self.parts = [b""]
        self.offsets: list[int] = []
        self._known = known
        self._learn = learn
        self._length = 0

    def octets(self, octets: bytes) -> None:
        self.parts[-1] += octets
        self._length += len(octets)

    def pointer(self, offset: int) -> None:
        self.offsets.append(offset)
        self.parts.append(b"")
        self._length += 2

    @property
    def first_offset(self) -> int | None:
        """Where the pointer leads that the octets begin with; None for other octets."""
        return self.offsets[0] if self.offsets and not self.parts[0] else None

    def name(self, name: Name) -> None:
        """Its labels up to the longest suffix that is known, then a pointer to that."""
        for position, suffix in _suffixes(name):
            offset = self._known.get(suffix)
            if offset is not None:
                self.pointer(offset)
                return
            if self._learn and self._length <= _MAX_OFFSET:
                self._known[suffix] = self._length
            self.octets(name[position : position + 1 + name[position]])
        self.octets(b"\x00")

    def record(self, rtype: int, ttl_seconds: int, rdata: bytes) -> None:
        """A record from its type on. The length of its data is known when that is written."""
        names = embedded_names(rtype, rdata)
        fixed_at = len(self.parts) - 1
        before, self.parts[-1] = self.parts[-1], b""
        header = record_header(rtype, ttl_seconds, 0)
        self._length += len(header)
        started, done = self._length, 0
        for start, end in names:
            self.octets(rdata[done:start])
            self.name(rdata[start:end])
            done = end
        self.octets(rdata[done:])
        length = (self._length - started).to_bytes(2, "big")
        self.parts[fixed_at] = before + header[:-2] + length + self.parts[fixed_at]

    def as_numbers(self) -> tuple[int, int, int]:
        """What a `CompressedTemplate` is made of."""
        number, ones, length = int.from_bytes(self.parts[0], "big"), 0, len(self.parts[0])
        for offset, part in zip(self.offsets, self.parts[1:], strict=True):
            bits = 8 * len(part)
            number = ((number << 16) + _POINTER + offset << bits) + int.from_bytes(part, "big")
            ones = (ones << 16) + 1 << bits
            length += 2 + len(part)
        return number, ones, length


def _suffixes(name: Name) -> list[tuple[int, Name]]:
    """Where each suffix of a name begins, the root's left out, and the suffix in lower case."""
    lower, position, found = name.lower(), 0, []
    while name[position]:
        found.append((position, lower[position:]))
        position += 1 + name[position]
    return found
