r"""Domain names as values.

A *name* is `bytes`: uncompressed wire form (RFC 1035 section 3.1), length octets and the root label included,
so `b"\x03www\x07example\x00"`. A *canonical* name is one with its letters in lower case (RFC 4034 section
6.2); owners and lookup keys are always canonical. Lower-casing whole wire names is safe: a length octet is at
most 63, below every letter.
"""

import re
from collections.abc import Iterator

import dns.exception
import dns.name

Name = bytes

ROOT: Name = b"\x00"
MAX_NAME_OCTETS = 255
MAX_LABEL_OCTETS = 63
WILDCARD_LABEL = b"\x01*"
_LABEL_PATTERN = b"|".join(
    re.escape(bytes((length,))) + b"." + b"{%d}" % length * (length > 1) for length in range(1, MAX_LABEL_OCTETS + 1)
)
LABELS_PATTERN = b"(?:" + _LABEL_PATTERN + b")*+"
"""For re.DOTALL: all whole labels but the root, of a name of 100 in a fifth of the time that a loop takes."""
FEW_LABELS_OCTETS = 64
"""In a name of up to so many, a loop over its labels is quicker than anything clever."""
_LABELS = re.compile(LABELS_PATTERN, re.DOTALL)
_PLAIN = r"[A-Za-z0-9_*-]"
"""What text and wire have alike. Names of nothing else are most there are, and read and written a tenth as long."""
_PLAIN_TEXT = re.compile(rf"{_PLAIN}{{1,{MAX_LABEL_OCTETS}}}(?:\.{_PLAIN}{{1,{MAX_LABEL_OCTETS}}})*+\.?", re.ASCII)
_PLAIN_OCTETS = re.compile(rf"{_PLAIN}+".encode())


class BadNameError(ValueError):
    """A text that is no domain name; the message says why."""


def name_from_text(text: str, origin: Name = ROOT) -> Name:
    r"""Parse master-file text (`\\.` and `\\DDD` escapes, `@`, IDNA for non-ASCII) into a wire name, case kept.

    A text without a trailing dot is relative to `origin`. Raises `BadNameError`.
    """
    if text == "@" or not text:
        return origin
    if _PLAIN_TEXT.fullmatch(text):
        name = _plain_to_wire(text, origin)
        if len(name) <= MAX_NAME_OCTETS:
            return name
    try:
        codec = None if text.isascii() else dns.name.IDNA_2008_Practical
        parsed = dns.name.from_text(text, origin=None, idna_codec=codec)
        if not parsed.is_absolute():
            parsed = parsed.concatenate(dns.name.from_wire(origin, 0)[0])
        return bytes(parsed.to_wire() or b"")
    except (dns.exception.DNSException, UnicodeError) as error:
        reason = str(error).rstrip(".") or type(error).__name__
        raise BadNameError(f"{text!r} is not a domain name: {reason}") from None


def _plain_to_wire(text: str, origin: Name) -> Name:
    """The wire name of a text of `_PLAIN_TEXT`; it may be too long."""
    written = text.encode().split(b".")
    return b"".join([bytes((len(label),)) + label for label in written]) + (origin if written[-1] else b"")


def name_to_text(name: Name) -> str:
    """Render a wire name in master-file text with its trailing dot: `www.example.`."""
    written = labels(name)
    if _PLAIN_OCTETS.fullmatch(b"".join(written)):
        return b".".join((*written, b"")).decode()
    return dns.name.from_wire(name, 0)[0].to_text()


def relative_text(name: Name, apex: Name) -> str:
    """Render `name` without the suffix `apex`: `www`, or `''` for the apex itself."""
    if name == apex:
        return ""
    return name_to_text(name[: len(name) - len(apex)] + ROOT)[:-1]


def canonical(name: Name) -> Name:
    return name.lower()


def labels(name: Name) -> list[bytes]:
    """The labels from left to right, the root label left out."""
    found = []
    position = 0
    while length := name[position]:
        found.append(name[position + 1 : position + 1 + length])
        position += 1 + length
    return found


def label_count(name: Name) -> int:
    return len(labels(name))


def parent(name: Name) -> Name:
    """The name without its leftmost label. The root has no parent: it is returned itself."""
    return name[1 + name[0] :] if name[0] else name


def ancestors(name: Name) -> Iterator[Name]:
    """`name` itself, then each parent, up to and with the root."""
    while True:
        yield name
        if not name[0]:
            return
        name = name[1 + name[0] :]


def label_at(name: Name, end: int, start: int = 0) -> int:
    """Where the label begins that holds the octet before `end`; or `end`, where a label does. `start` is where one
    before begins."""
    whole = _LABELS.match(name, start, end)
    return whole.end() if whole is not None else start


def is_at_or_below(name: Name, ancestor: Name) -> bool:
    """True when `ancestor` is `name` or one of its parents. Both canonical."""
    start = len(name) - len(ancestor)
    return name.endswith(ancestor) and label_at(name, start) == start


def is_below(name: Name, ancestor: Name) -> bool:
    """True when `ancestor` is one of the parents of `name`. Both canonical."""
    start = len(name) - len(ancestor)
    return start > 0 and name.endswith(ancestor) and label_at(name, start) == start


def is_wildcard(name: Name) -> bool:
    """True for a wildcard owner, one whose leftmost label is `*` (RFC 4592 section 2.1.1)."""
    return name[:2] == WILDCARD_LABEL


def sort_key(name: Name) -> list[bytes]:
    """A key that sorts names as RFC 4034 section 6.1 wants: by labels from the right."""
    return labels(name.lower())[::-1]


def canonical_key(name: Name) -> bytes:
    """As `sort_key`, of a canonical name, in one piece: labels end in a zero octet, below which nothing sorts."""
    found = labels(name)
    found.reverse()
    if b"\x00" in name[:-1] or b"\x01" in name:  # as often a length octet, which costs no more than time
        found = [label_key(label) for label in found]
    return b"\x00".join(found)


def label_key(label: bytes) -> bytes:
    """A label's part in a `canonical_key`."""
    return label.replace(b"\x01", b"\x01\x02").replace(b"\x00", b"\x01\x01")
