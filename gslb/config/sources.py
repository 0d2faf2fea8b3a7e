"""Where zones come from: a file, its format, and the zone it holds; or primaries, from which it is transferred.

Either way a zone says who is told of its changes (`notify`), who may fetch it (`allow_transfer`) and who may ask for it
(`allow_query`, None: everyone).
"""

import os
from dataclasses import dataclass
from pathlib import Path

from gslb.config.access import NOBODY, AccessList
from gslb.config.peers import Peer
from gslb.wire.names import BadNameError, Name, canonical, name_from_text

FORMATS = {"octodns": (".yaml", ".yml"), "master": (".zone", ".db", ".master")}
"""The formats of zone files, with the suffixes that tell them."""

_SERVED = {"yaml": "octodns", "zone": "master"}
"""The suffixes that are served of a folder, and their formats. Others may well be files that zones include."""
_LIKE_ZONES = (".yaml", ".zone", ".yml")
_RENAME = "zones_dir serves .yaml and .zone: rename it to {}.yaml, or name it under `zones`"
_NO_DOMAIN = "the name is no domain: name the file after its zone, as in example.com.yaml, or move it away"


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


@dataclass(frozen=True, slots=True)
class FoundZone:
    """A file of a folder that holds the zone it is named after. `real` is where it leads."""

    apex: Name
    path: Path
    format: str
    real: str


@dataclass(frozen=True, slots=True)
class Stray:
    """A file of a folder that looks like a zone and is none by its name, with what would be right."""

    path: Path
    advice: str
    real: str


def zones_in(folder: Path) -> tuple[list[FoundZone], list[Stray]]:
    """The zones of a folder, one for each `<apex>.yaml` and `<apex>.zone`, and what may be meant for one; by name.
    Hidden files are passed over. Raises `OSError`.

    There may be thousands, and every one that comes or goes has them listed anew: only links are followed, for what is
    none leads nowhere else.
    """
    zones, strays = [], []
    real_folder = os.path.realpath(folder)
    with os.scandir(folder) as entries:
        found = sorted((entry.name, entry.is_symlink()) for entry in entries if _looks_like_zone(entry.name))
    for name, is_link in found:
        path, within = folder / name, os.path.join(real_folder, name)  # noqa: PTH118  a tenth of what Path takes
        real = os.path.realpath(within) if is_link else within
        stem, _, suffix = name.rpartition(".")
        kind, apex = _SERVED.get(suffix), _apex_of(stem)
        if kind is not None and apex is not None:
            zones.append(FoundZone(apex, path, kind, real))
        else:
            strays.append(Stray(path, _NO_DOMAIN if kind is not None else _RENAME.format(stem), real))
    return zones, strays


def _looks_like_zone(name: str) -> bool:
    return name.endswith(_LIKE_ZONES) and not name.startswith(".")


def _apex_of(stem: str) -> Name | None:
    """The zone that a file is named after, or None."""
    try:
        return canonical(name_from_text(stem))
    except BadNameError:
        return None
