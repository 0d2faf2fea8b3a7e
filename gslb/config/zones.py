"""Reads a zone file, of either format, into a `Zone` that has passed every check."""

from collections.abc import Mapping as AnyMapping
from dataclasses import dataclass
from pathlib import Path

from gslb.config.draft import Draft, Place
from gslb.config.masterfile import read_master
from gslb.config.monitors import MonitorProfile
from gslb.config.octodns import read_octodns
from gslb.config.problems import ConfigError, Findings, Problem
from gslb.config.sources import ZoneSource
from gslb.config.textfile import read_master_text, read_text
from gslb.config.yamltext import Mapping, Text, parse_yaml
from gslb.wire.codes import RRType
from gslb.zone.zone import Zone

__all__ = ["LoadedZone", "ZoneSource", "load_zone"]


@dataclass(frozen=True, slots=True)
class LoadedZone:
    """`zone.serial` is 0 for YAML, and the file's own for a master file, where it is `serial_floor` too: the zone's
    serial should not be below it. `files` are all that was read, the zone file first. `soa` is where its SOA stands."""

    zone: Zone
    warnings: tuple[Problem, ...]
    serial_floor: int | None
    files: tuple[Path, ...]
    soa: Place

    def serial_problem(self, message: str) -> Problem:
        """Something is to be said of the serial that the file states."""
        return Problem(self.soa.file, self.soa.line, self.soa.path, message)


def load_zone(source: ZoneSource, monitors: AnyMapping[str, MonitorProfile], text: bytes | None = None) -> LoadedZone:
    """Read and check the zone. `text` is the file's content where the caller has it already. Raises `ConfigError`
    with every problem."""
    written = zone_text(source, text)
    findings = Findings(str(source.path))
    if source.format == "master":
        draft, files = read_master(written, source, findings)
        try:
            zone = draft.finish(findings, may_be_signed=True)
        except ConfigError as error:
            raise ConfigError(error.problems, files) from None
        return LoadedZone(zone, tuple(sorted(findings.warnings)), zone.serial, files, _soa_of(draft))
    tree = parse_yaml(written, str(source.path))
    if not isinstance(tree, Mapping):
        raise ConfigError([_no_records(tree, source)])
    draft = read_octodns(tree, source, monitors, findings)
    zone = draft.finish(findings, may_be_signed=False)
    return LoadedZone(zone, tuple(sorted(findings.warnings)), None, (source.path,), _soa_of(draft))


_WANTED = "the zone's records, such as '': {type: NS, values: [ns1.example.com., ns2.example.com.]}"


def zone_text(source: ZoneSource, data: bytes | None = None) -> str:
    """What is written in the zone's file, or in `data` when that is given. Raises `ConfigError`."""
    if source.format == "master":
        return read_master_text(source.path, data)
    return read_text(source.path, data, wanted=_WANTED)


def _soa_of(draft: Draft) -> Place:
    return draft.places[draft.apex, int(RRType.SOA), None]


def _no_records(tree: object, source: ZoneSource) -> Problem:
    if tree is None or (isinstance(tree, Text) and tree.is_null):
        return Problem(str(source.path), 1, "", f"the file has no records; write {_WANTED}")
    return Problem(str(source.path), 1, "", "must be a mapping of owners to records")
