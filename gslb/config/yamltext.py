"""YAML read as text: a tree in which every key and scalar is the text that was written, with its line.

The YAML 1.1 resolution of plain scalars is left out on purpose: it makes the owner `1.10` a number, `010` eight,
`12:30` seven hundred and fifty, `NO` false and `2024-01-01` a date. The schema of each file converts texts itself.

The tree is built from parser events, without recursion, so depth costs nothing. Anchors and aliases work, and
merge keys (`<<`) as octoDNS's loader has them; tags other than `!!str` are refused, `!include` among them. A key
written twice in a mapping is a problem that names both lines.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import cast

import yaml

from gslb.config.problems import ConfigError, Findings, Problem, joined

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TEXT_TAGS = {"!", "tag:yaml.org,2002:str"}
_COLLECTION_TAGS = {"!", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"}
_MAX_NODES = 20_000_000
"""Nodes with aliases written out: a few nested aliases can stand for billions."""


class Text(str):
    """A scalar or key as it was written. `plain` is False when it stood in quotes or in a block."""

    __slots__ = ("line", "plain")
    line: int
    plain: bool

    @property
    def is_absent(self) -> bool:
        """True where nothing was written, as in `ttl:` at the end of a line."""
        return self.plain and not self

    @property
    def is_null(self) -> bool:
        """True for what YAML calls null. Only keys that may be left out ask for this; values are always text."""
        return self.plain and self in {"", "~", "null", "Null", "NULL"}


class Sequence(list["Node"]):
    """A list, with the line on which it starts."""

    __slots__ = ("line", "nodes")
    line: int
    nodes: int


class Mapping(dict[str, "Node"]):
    """A mapping, in the order written; every key is a `Text`, which carries its line."""

    __slots__ = ("line", "nodes")
    line: int
    nodes: int

    def entries(self) -> Iterator[tuple[Text, "Node"]]:
        """Like `items()`, for callers that want the lines of the keys."""
        return iter(cast("dict[Text, Node]", self).items())

    def key_line(self, key: str) -> int:
        """The line of `key`, or that of the mapping when it has no such key."""
        return next((present.line for present, _ in self.entries() if present == key), self.line)


Node = Text | Sequence | Mapping


@dataclass(slots=True)
class _Open:
    """A collection that is being read. `key` is the key whose value comes next; `merged` holds keys that came from
    a merge and may be overridden."""

    node: Sequence | Mapping
    anchor: str | None
    key: Text | None = None
    merged: set[str] = field(default_factory=set)


def parse_yaml(text: str, file: str) -> Node | None:
    """The tree of the one document in `text`, None when it holds none. Raises `ConfigError` with every problem that
    YAML itself has (the first syntax error ends the reading)."""
    builder = _Builder(Findings(file))
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        builder.findings.error(*_syntax_error(error, text))
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        builder.findings.error(line, "", f"not YAML: {error.reason}")
    builder.findings.raise_if_any()
    return builder.root


class _Builder:
    def __init__(self, findings: Findings) -> None:
        self.findings = findings
        self.root: Node | None = None
        self._documents = 0
        self._stack: list[_Open] = []
        self._anchors: dict[str, Node | None] = {}

    def take(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.ScalarEvent):
            self._scalar(event)
        elif isinstance(event, yaml.CollectionStartEvent):
            self._open(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._close()
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event)
        elif isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                line = _line(event)
                raise ConfigError([*self.findings.problems, *_second_document(self.findings.file, line)])

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        text = Text(event.value)
        text.line = _line(event)
        text.plain = not event.style and event.tag is None
        if event.tag is not None and event.tag not in _TEXT_TAGS:
            self._refuse_tag(event.tag, text.line)
        if event.anchor:
            self._anchors[event.anchor] = text
        self._place(text, 1)

    def _open(self, event: yaml.CollectionStartEvent) -> None:
        node = Mapping() if isinstance(event, yaml.MappingStartEvent) else Sequence()
        node.line = _line(event)
        node.nodes = 1
        if event.tag is not None and event.tag not in _COLLECTION_TAGS:
            self._refuse_tag(event.tag, node.line)
        if event.anchor:
            self._anchors[event.anchor] = None  # until it is closed: an alias inside would be a loop
        self._stack.append(_Open(node, event.anchor))

    def _close(self) -> None:
        done = self._stack.pop()
        if done.anchor:
            self._anchors[done.anchor] = done.node
        self._place(done.node, done.node.nodes)

    def _alias(self, event: yaml.AliasEvent) -> None:
        line = _line(event)
        anchor = event.anchor or ""
        node = self._anchors.get(anchor)
        if node is None:
            wrong = "stands inside what it names" if anchor in self._anchors else "has no anchor above it"
            self.findings.error(line, self._path(), f"the alias *{anchor} {wrong}")
            node = Text("")
            node.line, node.plain = line, False
        self._place(node, 1 if isinstance(node, Text) else node.nodes)

    def _place(self, node: Node, nodes: int) -> None:
        """Put a finished node where it belongs: at the root, in a list, as a key, or as the value of one."""
        if not self._stack:
            self.root = node
            return
        parent = self._stack[-1]
        parent.node.nodes += nodes
        if parent.node.nodes > _MAX_NODES:
            too_many = f"aliases make more than {_MAX_NODES} values of this file"
            self.findings.error(node.line, self._path(), too_many)
            self.findings.raise_if_any()
        if isinstance(parent.node, Sequence):
            parent.node.append(node)
        elif parent.key is None:
            parent.key = self._as_key(node)
        else:
            self._set(parent, parent.node, parent.key, node)
            parent.key = None

    def _as_key(self, node: Node) -> Text:
        if isinstance(node, Text):
            return node
        self.findings.error(node.line, self._path(), f"a key must be text; {quote_hint(node) or 'write it in quotes'}")
        key = Text("")
        key.line, key.plain = node.line, False
        return key

    def _set(self, parent: _Open, mapping: Mapping, key: Text, value: Node) -> None:
        if key == "<<" and key.plain:
            self._merge(parent, mapping, key, value)
        elif key in mapping and key not in parent.merged:
            first = mapping.key_line(key)
            self.findings.error(key.line, self._path(), f"this key is already on line {first}")
        else:
            mapping.pop(key, None)
            parent.merged.discard(key)
            mapping[key] = value

    def _merge(self, parent: _Open, mapping: Mapping, key: Text, value: Node) -> None:
        """Take over the keys of one mapping or, the first one winning, of a list of them. Keys written here override
        merged ones; written above `<<` they are refused, because octoDNS and YAML differ on who wins then."""
        sources = value if isinstance(value, Sequence) else [value]
        found: dict[str, Node] = {}
        for source in sources:
            if not isinstance(source, Mapping):
                self.findings.error(key.line, self._path(), "'<<' merges a mapping, or a list of mappings")
                continue
            for name, node in source.items():
                found.setdefault(name, node)
        for name, node in found.items():
            if name in mapping and name not in parent.merged:
                self.findings.error(key.line, self._path(), f"put '<<' above {str(name)!r}, which it also holds")
                continue
            mapping.pop(name, None)
            mapping[name] = node
            parent.merged.add(name)

    def _refuse_tag(self, tag: str, line: int) -> None:
        shown = tag.replace("tag:yaml.org,2002:", "!!")
        why = "write the content here" if shown == "!include" else "values are read as text, so leave it out"
        self.findings.error(line, self._path(), f"the tag {shown} is not supported; {why}")

    def _path(self) -> str:
        return joined("", *self._path_steps())

    def _path_steps(self) -> Iterator[str]:
        for level in self._stack:
            if isinstance(level.node, Sequence):
                yield str(len(level.node))
            elif level.key is not None:
                yield str(level.key)


def _line(event: yaml.Event) -> int:
    mark = event.start_mark
    return mark.line + 1 if mark is not None else 0


def _second_document(file: str, line: int) -> list[Problem]:
    return [Problem(file, line, "", "a second document starts here; a file holds one")]


_ADDRESS = re.compile(r"""(?<![\w:"'])(?:[0-9A-Fa-f:]*::[0-9A-Fa-f:.]*|(?:[0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{0,4})""")
_MENDS = (
    (re.compile(r"\*"), "a text that starts with * stands in quotes: '*'"),
    (re.compile(r"@"), "a text that starts with @ stands in quotes; the zone's own name is ''"),
    (re.compile(r"[`%]"), "a text that starts with this character stands in quotes"),
    (re.compile(r"\t"), "indent with spaces, not tabs"),
)


_IN_BLOCKS = {"while parsing a block mapping", "while parsing a block collection"}
"""PyYAML's words for a collection whose shape is its indent."""


def _syntax_error(error: yaml.MarkedYAMLError, text: str) -> tuple[int, str, str]:
    """Line, path and message of a syntax error, with the mend where the line shows what was meant."""
    mark = error.problem_mark or error.context_mark
    said = ", ".join(part for part in (error.context, error.problem) if part) or "unreadable"
    if mark is None:
        return 1, "", f"not YAML: {said}"
    lines = text.splitlines()
    written = lines[mark.line] if mark.line < len(lines) else ""
    found = list(_ADDRESS.finditer(written))
    address = next((match for match in found if match.start() <= mark.column <= match.end() + 1), None)
    address = address or next(iter(found), None)
    if address:
        shown = re.sub(r"(?<!:):$", "", address.group())
        return mark.line + 1, "", f'YAML takes {shown} apart; quote it: "{shown}"'
    # The mark of an alias without a name stands one after its asterisk.
    at = written[max(mark.column - 1, 0) :] if "alias" in said else written[mark.column :]
    mend = next((mend for pattern, mend in _MENDS if pattern.match(at)), None)
    mend = mend or _mend_of_layout(error, lines, mark)
    return mark.line + 1, "", f"not YAML: {said}; {mend}" if mend else f"not YAML: {said}"


def _mend_of_layout(error: yaml.MarkedYAMLError, lines: list[str], mark: yaml.Mark) -> str | None:
    """What to do about a line that is indented like none above, or taken as more of the text of the line above."""
    written = lines[mark.line] if mark.line < len(lines) else ""
    before = written[: mark.column]
    if "mapping values" in (error.problem or ""):
        if ": " in before:
            return "a text that holds ': ' stands in quotes"
        return "indent this line like the one above if it is a key beside it, or end the one above with ':'"
    if error.context_mark is None or before.strip() or written[mark.column : mark.column + 1] in {"", "]", "}"}:
        return None
    if error.context not in _IN_BLOCKS:
        return None
    begins, indent = error.context_mark.line + 1, error.context_mark.column
    block = f"its block begins in line {begins}, {indent} spaces in"
    return f"check the indent of this line, which has {len(before)} spaces, and of the ones above: {block}"


def quote_hint(node: Node) -> str | None:
    """What to say where a text was wanted and YAML made a collection of it: `- fe80::` is a mapping to YAML."""
    shown = _as_written(node)
    return f'quote it: "{shown}"' if shown and _ADDRESS.fullmatch(shown) else None


def _as_written(node: Node) -> str | None:
    if isinstance(node, Sequence):
        return None
    if isinstance(node, Text):
        return str(node)
    if len(node) != 1:
        return None
    key, value = next(iter(node.items()))
    return f"{key}:{value}" if isinstance(value, Text) else None
