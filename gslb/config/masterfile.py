r"""Master files (RFC 1035 section 5), with $ORIGIN, $TTL (RFC 2308), $INCLUDE and $GENERATE.

The text is cut into entries here (an entry runs over lines while a parenthesis is open), so that every problem of the
file is told with its line; what stands behind the type goes to dnspython. An included file has to lie in the zone
file's own folder or below it.
"""

import re
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from gslb.config.draft import Draft, Place
from gslb.config.problems import ConfigError, Findings, Problem
from gslb.config.record_types import nearest_types
from gslb.config.shapes import not_of_shape
from gslb.config.sources import ZoneSource, real_path
from gslb.config.textfile import path_of_master_text, read_master_text
from gslb.wire.codes import RRType, is_meta_type, type_from_text
from gslb.wire.names import ROOT, BadNameError, Name, canonical, is_at_or_below, labels, name_from_text, name_to_text
from gslb.wire.rdata import RdataError, is_same, rdata_from_text, rrset_key, type_of_key
from gslb.zone.checks import taken_as_zero
from gslb.zone.rrset import RRset
from gslb.zone.zone import Soa

_PIECE = re.compile(
    r"""(?P<quoted>"(?:[^"\\\n]|\\.)*")|(?P<comment>;[^\n]*)|(?P<open>\()|(?P<close>\))|(?P<newline>\n)"""
    r"""|(?P<blank>[ \t\r]+)|(?P<word>(?:[^ \t\r\n;()"\\]|\\.)+)|(?P<stray>["\\])"""
)
_FIELD = re.compile(r"""[ ]*((?:[^ "\\]|\\.|"(?:[^"\\]|\\.)*")+)""")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_TTL = re.compile(r"\d+(?:[smhdw]\d+)*[smhdw]?", re.ASCII | re.IGNORECASE)
_TTL_PART = re.compile(r"(\d+)([smhdw]?)", re.ASCII)
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_CLASS = re.compile(r"IN|CH|HS|CS|NONE|ANY|CLASS\d{1,5}", re.ASCII | re.IGNORECASE)
_OUR_CLASSES = {"IN", "CLASS1"}  # the second is the first in the generic form of RFC 3597 section 5
_MAX_INCLUDES = 16
_MAX_GENERATED = 1_000_000
"""Records that the $GENERATE of a zone may make, all together."""
_COUNTER = re.compile(r"\\\$|\$\$|\$(?:\{(?P<offset>-?\d{1,9})(?:,(?P<width>\d{1,2})(?:,(?P<base>[doxXnN]))?)?\})?")


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry: its first line, whether it begins with a blank (the owner is the one before), and its text in one
    line, without comments and parentheses."""

    line: int
    begins_blank: bool
    text: str


@dataclass(slots=True)
class _Group:
    """The records of one rrset as they come in. `lowered` finds those that may differ in case alone."""

    ttl_seconds: int
    place: Place
    rdatas: dict[bytes, None] = field(default_factory=dict)
    lowered: dict[bytes, bytes] = field(default_factory=dict)

    def holds(self, rtype: int, rdata: bytes) -> bool:
        """True for a record that is there, be it with a name in another case."""
        twin = self.lowered.setdefault(rdata.lower(), rdata)
        return rdata in self.rdatas or (twin is not rdata and is_same(rtype, twin, rdata))


def read_master(text: str, source: ZoneSource, findings: Findings) -> tuple[Draft, tuple[Path, ...]]:
    """All that can be read of the zone, and its files, those that could not be read among
    them. Every problem goes to `findings`."""
    reader = _Reader(source, findings)
    reader.read_file(text, source.path, source.apex)
    for (owner, key), group in reader.groups.items():
        rrset = RRset(owner, type_of_key(key), group.ttl_seconds, tuple(group.rdatas))
        reader.draft.builder.add(rrset)
        reader.draft.places.setdefault((owner, rrset.rtype, None), group.place)
    reader.draft.give_nameservers(source.nameservers)
    return reader.draft, tuple(reader.files)


def entries(text: str) -> Iterator[Entry | tuple[int, str]]:
    """The entries of a master file; in place of one that cannot be told apart, its line and what is wrong with it."""
    splitter = _Splitter()
    for match in _PIECE.finditer(text.replace("\r\n", "\n") + "\n"):
        finished = splitter.take(match.lastgroup or "", match.group())
        if finished is not None:
            yield finished
    if splitter.depth:
        yield splitter.first, "a parenthesis is opened here and never closed"


class _Splitter:
    """Puts the pieces of a master file together; `first` is the line on which the entry being read began."""

    def __init__(self) -> None:
        self.line = self.first = 1
        self.depth = 0
        self.pieces: list[str] = []
        self.wrong: tuple[int, str] | None = None

    def take(self, kind: str, piece: str) -> Entry | tuple[int, str] | None:
        """The entry, or what is wrong with it, when this piece ends it."""
        if kind == "newline":
            self.line += 1
            if self.depth == 0:
                return self._finish()
        if kind in {"quoted", "word"}:
            self.pieces.append(piece)
        elif kind != "comment":
            self.pieces.append(" ")
        if kind == "stray":
            said = "a quote is not closed on its line" if piece == '"' else "a line ends in a backslash"
            self._note(said)
        elif kind == "open":
            self.depth += 1
        elif kind == "close" and self.depth:
            self.depth -= 1
        elif kind == "close":
            self._note("a parenthesis is closed that was never opened")
        return None

    def _note(self, said: str) -> None:
        self.wrong = self.wrong or (self.line, said)

    def _finish(self) -> Entry | tuple[int, str] | None:
        while self.pieces and self.pieces[-1] == " ":  # a word may end in an escaped blank, which stays
            self.pieces.pop()
        text, wrong, first = "".join(self.pieces), self.wrong, self.first
        self.pieces, self.wrong, self.first = [], None, self.line
        if wrong is not None:
            return wrong
        return Entry(first, text.startswith(" "), text) if text else None


class _Reader:
    def __init__(self, source: ZoneSource, findings: Findings) -> None:
        self.apex = source.apex
        self.folder = real_path(source.path.parent)
        self.findings = findings
        self.draft = Draft(source.apex, str(source.path))
        self.groups: dict[tuple[Name, int], _Group] = {}
        self.files: list[Path] = []
        self.owner: Name | None = None
        self.origin = source.apex
        self.default_ttl: int | None = None
        self.last_ttl: int | None = None
        self.generated = 0
        self.file = str(source.path)

    def read_file(self, text: str, path: Path, origin: Name) -> None:
        outer = (self.file, self.origin, self.owner)
        self.file, self.origin = str(path), origin
        self.files.append(path)
        for entry in entries(text):
            if isinstance(entry, Entry):
                self._read_entry(entry)
            else:
                self._error(*entry)
        self.file, self.origin, self.owner = outer

    def _read_entry(self, entry: Entry) -> None:
        try:
            if entry.text.startswith("$"):
                self._read_directive(entry)
            else:
                self._read_record(entry)
        except (ValueError, BadNameError) as error:
            self._error(entry.line, str(error))

    def _read_directive(self, entry: Entry) -> None:
        name, *arguments = _fields(entry.text)
        read = _DIRECTIVES.get(name.upper())
        if read is None:
            raise ValueError(f"unknown directive {name}; known: {', '.join(_DIRECTIVES)}")
        read(self, entry, arguments)

    def read_origin(self, _: Entry, arguments: list[str]) -> None:
        if len(arguments) != 1:
            raise ValueError("$ORIGIN takes one name")
        self.origin = self._new_origin(arguments[0])

    def read_ttl(self, entry: Entry, arguments: list[str]) -> None:
        if len(arguments) != 1 or _TTL.fullmatch(arguments[0]) is None:
            raise ValueError("$TTL takes one TTL, in seconds or such as 1h")
        self.default_ttl = self._taken(_ttl_seconds(arguments[0]), Place(self.file, entry.line, "$TTL"))

    def read_include(self, entry: Entry, arguments: list[str]) -> None:
        if len(arguments) not in {1, 2}:
            raise ValueError("$INCLUDE takes a file and, if wanted, an origin")
        path = Path(self.file).parent / path_of_master_text(arguments[0].strip('"'))
        if not real_path(path).is_relative_to(self.folder):
            raise ValueError(f"{path} lies outside {self.folder}; an included file lies in the folder of the zone file")
        if len(self.files) > _MAX_INCLUDES:
            raise ValueError(f"more than {_MAX_INCLUDES} files are included; do they include each other?")
        origin = self._new_origin(arguments[1]) if len(arguments) == 2 else self.origin
        try:
            text = read_master_text(path, is_included=True)
        except ConfigError as error:
            self.files.append(path)
            self._error(entry.line, "; ".join(f"{problem.file}: {problem.message}" for problem in error.problems))
            return
        self.read_file(text, path, origin)

    def _new_origin(self, text: str) -> Name:
        if _QUOTED.fullmatch(text):
            raise ValueError(f"an origin has no quotes; write {text[1:-1]}")
        return canonical(name_from_text(text, self.origin))

    def read_generate(self, entry: Entry, arguments: list[str]) -> None:
        if len(arguments) < 4:
            raise ValueError("$GENERATE takes a range, an owner, a type and rdata: $GENERATE 1-4 host$ A 192.0.2.$")
        owner, *rest = arguments[1:]
        template = " ".join(rest)
        counters = _counters(arguments[0])
        self.generated += len(counters)
        if self.generated > _MAX_GENERATED:
            raise ValueError(f"with the range {arguments[0]}, $GENERATE makes more than {_MAX_GENERATED} records")
        for counter in counters:
            text = f"{_generated(owner, counter)} {_generated(template, counter)}"
            self._read_record(Entry(entry.line, begins_blank=False, text=text))

    def _read_record(self, entry: Entry) -> None:
        text, at = entry.text, 0
        if not entry.begins_blank:
            owner_text, at = _next_field(text, 0)
            quoted = _QUOTED.fullmatch(owner_text)
            self.owner = canonical(name_from_text(quoted[1] if quoted else owner_text, self.origin))
        if self.owner is None:
            raise ValueError("the first record of a file names its owner; this one begins with a blank")
        ttl, type_text, at = self._before_rdata(text, at)
        rtype = _record_type(type_text)
        place = Place(self.file, entry.line, f"{_shown(self.owner, self.apex)}.{type_text.upper()}")
        written = text[at:].lstrip(" ")
        try:
            rdata = _rdata(rtype, written, self.origin)
        except RdataError as error:
            self.draft.unread.add((self.owner, rtype))
            said = not_of_shape(type_text.upper(), written, error.reason) or str(error)
            self._error(entry.line, said, place.path)
            return
        self._add(rtype, self._ttl_of(ttl, rtype, rdata, place), rdata, place)

    def _before_rdata(self, text: str, at: int) -> tuple[int | None, str, int]:
        """TTL and class, in either order and both optional, then the type; and where the rdata begins."""
        ttl: int | None = None
        has_class = False
        while True:
            word, at = _next_field(text, at)
            if _TTL.fullmatch(word):
                if ttl is not None:
                    raise ValueError(f"a record has one TTL, and here is a second: {word}")
                ttl = _ttl_seconds(word)
            elif _CLASS.fullmatch(word) is None:
                return ttl, word, at
            elif has_class:
                raise ValueError(f"a record has one class, and here is a second: {word}")
            elif word.upper() not in _OUR_CLASSES:
                raise ValueError(f"the class {word.upper()} is not served; zones here are of class IN")
            else:
                has_class = True

    def _ttl_of(self, written: int | None, rtype: int, rdata: bytes, place: Place) -> int:
        if written is None:
            written = self.last_ttl if self.default_ttl is None else self.default_ttl
        if written is None and rtype == RRType.SOA:
            written = Soa.from_rdata(rdata).minimum
        if written is None:
            raise ValueError("the record has no TTL and there is no $TTL; begin the file with one, such as $TTL 1h")
        self.last_ttl = self._taken(written, place)
        return self.last_ttl

    def _taken(self, ttl: int, place: Place) -> int:
        """What a TTL that is written means."""
        said = taken_as_zero(ttl)
        if said is None:
            return ttl
        self._warn(place, said)
        return 0

    def _add(self, rtype: int, ttl: int, rdata: bytes, place: Place) -> None:
        assert self.owner is not None
        group = self.groups.setdefault((self.owner, rrset_key(rtype, rdata)), _Group(ttl, place))
        is_there = group.holds(rtype, rdata)
        if is_there:
            self._warn(place, "this record is there twice")
        if ttl != group.ttl_seconds:
            said = f"the TTL {ttl} differs from the {group.ttl_seconds} on line {group.place.line}, which all records"
            self._warn(place, f"{said} of one name and type share (RFC 2181 section 5.2)")
        if not is_there:
            group.rdatas[rdata] = None

    def _warn(self, place: Place, message: str) -> None:
        self.findings.warnings.append(Problem(place.file, place.line, place.path, message))

    def _error(self, line: int, message: str, path: str = "") -> None:
        self.findings.problems.append(Problem(self.file, line, path, message))
        self.draft.unread.add((self.apex, None))


_DIRECTIVES: dict[str, Callable[[_Reader, Entry, list[str]], None]] = {
    "$ORIGIN": _Reader.read_origin,
    "$TTL": _Reader.read_ttl,
    "$INCLUDE": _Reader.read_include,
    "$GENERATE": _Reader.read_generate,
}


def _shown(owner: Name, apex: Name) -> str:
    """The owner as paths show it: `@`, `www`, or in full where it lies outside the zone."""
    if owner == apex:
        return "@"
    if not is_at_or_below(owner, apex):
        return name_to_text(owner)
    return b".".join(labels(owner[: len(owner) - len(apex)] + ROOT)).decode("latin-1")


def _fields(text: str) -> list[str]:
    return [match.group(1) for match in _FIELD.finditer(text)]


def _next_field(text: str, at: int) -> tuple[str, int]:
    match = _FIELD.match(text, at)
    if match is None:
        raise ValueError("the record is not complete: owner, TTL and class if wanted, type, rdata")
    return match.group(1), match.end()


def _ttl_seconds(text: str) -> int:
    return sum(int(number) * _SECONDS[unit] for number, unit in _TTL_PART.findall(text.lower()))


def _record_type(text: str) -> int:
    try:
        rtype = type_from_text(text)
    except ValueError:
        hint = nearest_types(text) or "; write owner, TTL and IN if wanted, type and value, e.g. www 300 IN A 192.0.2.1"
        raise ValueError(f"{text!r} is not a record type, nor a TTL or a class{hint}") from None
    if is_meta_type(rtype) or rtype == 0:
        raise ValueError(f"{text} is not a type that zones hold")
    return rtype


def _rdata(rtype: int, text: str, origin: Name) -> bytes:
    if rtype == RRType.A:
        try:
            return socket.inet_pton(socket.AF_INET, text)
        except (OSError, ValueError):
            pass  # it may be in the generic form of RFC 3597; if not, dnspython says what is wrong
    return rdata_from_text(rtype, text, origin)


def _counters(text: str) -> range:
    match = re.fullmatch(r"(\d{1,9})-(\d{1,9})(?:/(\d{1,9}))?", text, re.ASCII)
    if match is None:
        raise ValueError(f"{text!r} is not a range; write start-stop or start-stop/step")
    start, stop, step = int(match[1]), int(match[2]), int(match[3] or 1)
    if start > stop or step == 0:
        raise ValueError(f"the range {text} is empty")
    return range(start, stop + 1, step)


def _generated(template: str, counter: int) -> str:
    r"""The template with the counter in place of `$` and `${offset,width,base}`; `$$` and `\\$` are a dollar sign."""

    def replace(match: re.Match[str]) -> str:
        if match.group() in {"$$", "\\$"}:
            return "$"
        number = counter + int(match["offset"] or 0)
        if number < 0:
            raise ValueError(f"$GENERATE makes the negative number {number}")
        width, base = int(match["width"] or 0), match["base"] or "d"
        if base in "nN":
            digits = f"{number:x}" if base == "n" else f"{number:X}"
            return ".".join(reversed(digits.rjust((width + 1) // 2, "0")))
        return format(number, base).rjust(width, "0")

    return _COUNTER.sub(replace, template)
