"""Where zones come from: a file, its format, and the zone it holds; or primaries, from which it is transferred.

Either way a zone says who is told of its changes (`notify`), who may fetch it (`allow_transfer`) and who may ask for it
(`allow_query`, None: everyone).
"""

import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from gslb.config.access import NOBODY, AccessList
from gslb.config.peers import Peer
from gslb.config.problems import Findings
from gslb.wire.names import BadNameError, Name, canonical, name_from_text, name_to_text

FORMATS = {"octodns": (".yaml", ".yml"), "master": (".zone", ".db", ".master")}
"""The formats of zone files, with the suffixes that tell them."""

_SERVED_SUFFIXES = (".yaml", ".zone")
_MISTAKEN = {".yml": ".yaml"}
"""Suffixes that are meant for a served one. Others may well be files that zones include."""


@dataclass(frozen=True, slots=True)
class ZoneSource:
    """A zone and the file it is read from. `format` is a key of `FORMATS`; `nameservers` are the NS records for a
    zone that has none at its apex. `notify` are the peers told of a new serial."""

    apex: Name
    path: Path
    format: str
    nameservers: tuple[Name, ...] = ()
    notify: tuple[Peer, ...] = ()
    allow_transfer: AccessList = NOBODY
    allow_query: AccessList | None = None


@dataclass(frozen=True, slots=True)
class SecondarySource:
    """A secondary zone: one without a file, transferred from the first of `primaries` (at least one) that has it.
    `notify` and `allow_transfer` are for servers that fetch it from here."""

    apex: Name
    primaries: tuple[Peer, ...]
    notify: tuple[Peer, ...] = ()
    allow_transfer: AccessList = NOBODY
    allow_query: AccessList | None = None


def real_path(path: Path) -> Path:
    """Where a path leads. Links in a circle raise nothing here: whoever reads the file says what is wrong."""
    return Path(os.path.realpath(path))


def format_of(path: Path) -> str | None:
    """The format that the file's suffix tells, or None."""
    return next((kind for kind, suffixes in FORMATS.items() if path.suffix in suffixes), None)


def zones_in(folder: Path, nameservers: tuple[Name, ...], findings: Findings, line: int) -> Iterator[ZoneSource]:
    """The zones of a folder, one for each `<apex>.yaml` and `<apex>.zone`; hidden files are passed over. A zone with
    two files is a problem."""
    seen: dict[Name, Path] = {}
    for path in sorted(folder.iterdir()):
        apex = _apex_of(path) if path.suffix in _SERVED_SUFFIXES and not path.name.startswith(".") else None
        if apex is None:
            continue
        if apex in seen:
            findings.error(line, "zones_dir", f"{name_to_text(apex)} has two files: {seen[apex].name} and {path.name}")
            continue
        seen[apex] = path
        yield ZoneSource(apex, path, "octodns" if path.suffix == ".yaml" else "master", nameservers)


def strays_in(folder: Path, taken: Collection[Path]) -> Iterator[tuple[Path, str]]:
    """The files of a folder that look like zones and are not served, each with what would be right. Those in `taken`
    (resolved) are in use otherwise."""
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.suffix not in (*_SERVED_SUFFIXES, *_MISTAKEN) or real_path(path) in taken:
            continue
        if path.suffix in _MISTAKEN:
            right = path.with_suffix(_MISTAKEN[path.suffix]).name
            yield path, f"zones_dir serves .yaml and .zone: rename it to {right}, or name it under `zones`"
        elif _apex_of(path) is None:
            yield path, "the name is no domain: name the file after its zone, as in example.com.yaml, or move it away"


def _apex_of(path: Path) -> Name | None:
    """The zone that a file is named after, or None."""
    try:
        return canonical(name_from_text(path.stem))
    except BadNameError:
        return None
