"""Where zones come from: a file, its format, and the zone it holds; or primaries, from which it is transferred.

Either way a zone says who is told of its changes (`notify`) and who may fetch it (`allow_transfer`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gslb.config.access import NOBODY, AccessList
from gslb.config.peers import Peer
from gslb.config.problems import Findings
from gslb.wire.names import BadNameError, Name, canonical, name_from_text, name_to_text

FORMATS = {"octodns": (".yaml", ".yml"), "master": (".zone", ".db", ".master")}
"""The formats of zone files, with the suffixes that tell them."""

_SERVED_SUFFIXES = (".yaml", ".zone")


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


@dataclass(frozen=True, slots=True)
class SecondarySource:
    """A secondary zone: one without a file, transferred from the first of `primaries` (at least one) that has it.
    `notify` and `allow_transfer` are for servers that fetch it from here."""

    apex: Name
    primaries: tuple[Peer, ...]
    notify: tuple[Peer, ...] = ()
    allow_transfer: AccessList = NOBODY


def format_of(path: Path) -> str | None:
    """The format that the file's suffix tells, or None."""
    return next((kind for kind, suffixes in FORMATS.items() if path.suffix in suffixes), None)


def zones_in(folder: Path, nameservers: tuple[Name, ...], findings: Findings, line: int) -> Iterator[ZoneSource]:
    """The zones of a folder, one for each `<apex>.yaml` and `<apex>.zone`; hidden files are passed over. A name that
    is no domain name, and a zone with two files, are problems."""
    seen: dict[Name, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.suffix not in _SERVED_SUFFIXES:
            continue
        try:
            apex = canonical(name_from_text(path.stem))
        except BadNameError as error:
            findings.error(line, "zones_dir", f"{path}: the file is not named after a zone: {error}")
            continue
        if apex in seen:
            findings.error(line, "zones_dir", f"{name_to_text(apex)} has two files: {seen[apex].name} and {path.name}")
            continue
        seen[apex] = path
        yield ZoneSource(apex, path, "octodns" if path.suffix == ".yaml" else "master", nameservers)
