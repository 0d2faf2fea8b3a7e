"""The zones that gslb.yaml names: one by one under `zones`, from a file or from primaries, or a folder of files.

`notify`, `allow_transfer` and `allow_query` at the top of the file go for every zone that does not say its own. A
secondary zone that takes the common `notify` leaves its own primaries out of it: they know.
"""

from collections.abc import Iterable
from collections.abc import Mapping as AnyMapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from gslb.config.access import NOBODY, AccessList
from gslb.config.listed import SomeTexts, Texts
from gslb.config.peers import Peer
from gslb.config.problems import Findings
from gslb.config.references import References
from gslb.config.sources import FORMATS, FoundZone, SecondarySource, ZoneSource, format_of, real_path, zones_in
from gslb.config.textfile import is_there
from gslb.config.validated import Schema
from gslb.config.yamltext import Mapping, Text
from gslb.wire.names import BadNameError, Name, canonical, name_from_text, name_to_text


class ZoneSchema(Schema):
    """One entry under `zones`; the entry's name is the apex."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={"oneOf": [{"required": ["file"]}, {"required": ["primaries"]}]},
    )
    EXAMPLE: ClassVar[str] = "{file: zones/example.com.yaml} or {primaries: [ns1]}"
    REFUSED: ClassVar[dict[str, str]] = {
        "kind": "a zone with `primaries` is a secondary, one with `file` is not; only peers have a `kind`",
        "catalog": "not supported yet: catalog zones; name each zone under `zones`",
        "dynamic_names": "not supported yet: names written by programs come with the API",
        "writer": "not supported yet: zones written by programs come with the API; until then the file is the writer",
    }

    file: Annotated[Path | None, Field(description="The zone file.")] = None
    format: Annotated[
        Literal["octodns", "master"] | None,
        Field(description="octodns (.yaml, .yml) or master (RFC 1035); left out: told by the suffix."),
    ] = None
    primaries: Annotated[
        SomeTexts | None,
        Field(
            description="Peers to transfer the zone from, the preferred one first: a secondary zone, without a file."
        ),
    ] = None
    notify: Annotated[Texts | None, Field(description="Peers told of changes; left out: the common ones.")] = None
    allow_transfer: Annotated[
        Texts | None,
        Field(description="Who may fetch the zone: peers, key:NAME, networks; left out: the common list."),
    ] = None

    allow_query: Annotated[
        Texts | None,
        Field(description="Who may ask for the zone: networks, key:NAME, peers; left out: the common list."),
    ] = None

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if self.file is None and self.primaries is None:
            raise ValueError("a zone has `file`, or as a secondary `primaries`")
        if self.file is not None and self.primaries is not None:
            raise ValueError("a zone has either `file` or `primaries`; a secondary has no file")
        if self.primaries is not None and self.format is not None:
            raise ValueError("`format` is that of a `file`, which a zone with `primaries` does not have")
        return self


@dataclass(frozen=True, slots=True)
class Defaults:
    """What goes for every zone that does not say otherwise."""

    nameservers: tuple[Name, ...] = ()
    notify: tuple[Peer, ...] = ()
    allow_transfer: AccessList = NOBODY
    allow_query: AccessList | None = None


@dataclass(slots=True)
class ZoneList:
    """The zones by apex: those of files, and those of primaries. `written` has the names under `zones` as they are
    spelt there."""

    files: dict[Name, ZoneSource] = field(default_factory=dict)
    secondaries: dict[Name, SecondarySource] = field(default_factory=dict)
    written: dict[Name, Text] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ZoneReader:
    """Reads the zones of one file. `folder` is what relative paths are relative to."""

    folder: Path
    defaults: Defaults
    references: References
    findings: Findings

    def named(self, entries: AnyMapping[Text, tuple[ZoneSchema, Mapping]]) -> ZoneList:
        """The zones under `zones`. `entries` have what fits the schema, and the tree it was made of."""
        found = ZoneList()
        for name, (entry, node) in entries.items():
            where = f"zones.{name}"
            try:
                apex = canonical(name_from_text(str(name)))
            except BadNameError as error:
                self.findings.error(name.line, where, str(error))
                continue
            if apex in found.written:
                self.findings.error(name.line, where, f"the zone {name_to_text(apex)} is there twice")
            found.written[apex] = name
            if entry.file is None:
                found.secondaries[apex] = self._secondary(apex, node, where)
            else:
                self._add_file(found, apex, name, entry, node)
        return found

    def with_folder(self, found: ZoneList, zones_dir: Path, config: Path, line: int) -> None:
        """Add the zones of a folder. A file that is named one by one wins over what is found there; a zone that has
        primaries must not be found there."""
        folder = self.folder / zones_dir
        if not _is_folder(folder):
            self.findings.error(line, "zones_dir", f"{folder} is not a folder")
            return
        try:
            zones, strays = zones_in(folder)
        except OSError as error:
            advice = "let the user that the node runs as read it"
            self.findings.error(line, "zones_dir", f"{folder} cannot be listed: {error.strerror or error}; {advice}")
            return
        taken = {str(real_path(source.path)) for source in found.files.values()} | {str(real_path(config))}
        self._tell_twins(zones, line)
        for zone in zones:
            if zone.real not in taken:
                self._add_found(found, zone)
        for stray in strays:
            if stray.real not in taken:
                self.findings.warn(line, "zones_dir", f"{stray.path} is not served: {stray.advice}")

    def _tell_twins(self, zones: Iterable[FoundZone], line: int) -> None:
        """A zone with two files is a problem."""
        seen: dict[Name, FoundZone] = {}
        for zone in zones:
            first = seen.setdefault(zone.apex, zone)
            if first is not zone:
                said = (
                    f"{name_to_text(zone.apex)} has two files: {first.path.name} and {zone.path.name}; keep one of them"
                )
                self.findings.error(line, "zones_dir", said)

    def _add_found(self, found: ZoneList, zone: FoundZone) -> None:
        """Add a zone of the folder where there is none of the name yet."""
        if zone.apex in found.secondaries:
            name = found.written[zone.apex]
            said = f"the zone has `primaries`, and the file {zone.path} in zones_dir; remove one of the two"
            self.findings.error(name.line, f"zones.{name}", said)
        if zone.apex not in found.files:
            common = self.defaults
            settings = (common.nameservers, common.notify, common.allow_transfer, common.allow_query)
            found.files[zone.apex] = ZoneSource(zone.apex, zone.path, zone.format, *settings)

    def tell_missing_files(self, found: ZoneList) -> None:
        """Zone files that are not there, as problems."""
        for apex, name in found.written.items():
            source = found.files.get(apex)
            if source is not None and not is_there(source.path):
                self.findings.error(name.line, f"zones.{name}.file", f"{source.path}: no such file")

    def _add_file(self, found: ZoneList, apex: Name, name: Text, entry: ZoneSchema, node: Mapping) -> None:
        file = entry.file or Path()
        kind = entry.format or format_of(file)
        where = f"zones.{name}"
        notify, allow_transfer = self._notify(node, where), self._allow_transfer(node, where)
        if kind is None:
            choices = " or ".join(FORMATS)
            said = f"the suffix of {file} does not tell its format; add format: {choices}"
            self.findings.error(name.line, where, said)
            return
        path = self.folder / file
        allow_query = self._allow_query(node, where)
        found.files[apex] = ZoneSource(apex, path, kind, self.defaults.nameservers, notify, allow_transfer, allow_query)

    def _secondary(self, apex: Name, node: Mapping, where: str) -> SecondarySource:
        primaries = self.references.servers(node.get("primaries"), f"{where}.primaries")
        notify = self._notify(node, where, leave_out=primaries)
        allow_transfer, allow_query = self._allow_transfer(node, where), self._allow_query(node, where)
        return SecondarySource(apex, primaries, notify, allow_transfer, allow_query)

    def _notify(self, node: Mapping, where: str, leave_out: tuple[Peer, ...] = ()) -> tuple[Peer, ...]:
        if says(node, "notify"):
            return self.references.servers(node["notify"], f"{where}.notify")
        return tuple(peer for peer in self.defaults.notify if peer not in leave_out)

    def _allow_transfer(self, node: Mapping, where: str) -> AccessList:
        if says(node, "allow_transfer"):
            return self.references.access(node["allow_transfer"], f"{where}.allow_transfer")
        return self.defaults.allow_transfer

    def _allow_query(self, node: Mapping, where: str) -> AccessList | None:
        if says(node, "allow_query"):
            return self.references.access(node["allow_query"], f"{where}.allow_query")
        return self.defaults.allow_query


def says(node: Mapping, key: str) -> bool:
    """True when the key is there with something behind it: an empty list says "nobody", nothing at all says nothing."""
    value = node.get(key)
    return value is not None and not (isinstance(value, Text) and value.is_null)


def _is_folder(path: Path) -> bool:
    """False for a path that cannot be looked at either: too long, or within what this user may not read."""
    try:
        return path.is_dir()
    except OSError:
        return False
