"""gslb.yaml, the node: where it listens and keeps its state, its monitors and keys, and which zones it serves.

The file is atomic as a whole: any problem, and nothing of it is used. Relative paths in it are relative to the
folder it stands in. `zones` names zone files one by one; `zones_dir` serves every `<apex>.yaml` and `<apex>.zone`
of a folder.
"""

import socket
from collections.abc import Iterator
from collections.abc import Mapping as AnyMapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from gslb.config.endpoints import parse_endpoint
from gslb.config.keys import KeySchema, read_key
from gslb.config.monitors import Duration, MonitorProfile, read_monitor
from gslb.config.problems import ConfigError, Findings
from gslb.config.sources import FORMATS, ZoneSource, format_of, zones_in
from gslb.config.textfile import read_text
from gslb.config.validated import ModelT, Schema, empty_mapping, validated
from gslb.config.yamltext import Mapping, Text, parse_yaml
from gslb.wire.names import BadNameError, Name, canonical, name_from_text, name_to_text
from gslb.wire.tsig import TsigKey

__all__ = ["Limits", "MonitorProfile", "NodeConfig", "TsigKey", "ZoneSource", "load_node"]

OFF = {"off", "no", "false", "none"}
DEFAULT_STATE_DIR = Path("/var/lib/gslb")
DEFAULT_API_PORT = 8053
_LATER_CLUSTER = "not supported yet: zone transfers come with the cluster"


def _endpoints(value: Any) -> Any:
    listed = value if isinstance(value, list) else [value]
    found = [parse_endpoint(text) for text in listed if isinstance(text, str)]
    if len(found) != len(listed):
        raise ValueError('write each address as a text, quoted if it has brackets: "[::1]:53"')
    twice = {text for text, endpoint in zip(listed, found, strict=True) if found.count(endpoint) > 1 and endpoint[1]}
    if twice:
        raise ValueError(f"{', '.join(sorted(twice))} is there twice")
    return found


def _api_endpoint(value: Any) -> Any:
    return parse_endpoint(value, DEFAULT_API_PORT) if isinstance(value, str) else value


def _off_is_none(value: Any) -> Any:
    return None if isinstance(value, str) and value.lower() in OFF else value


def _absolute_name(text: Any) -> Any:
    if not isinstance(text, str):
        return text
    return canonical(name_from_text(text))


_ENDPOINT_TEXT = {"type": "string", "examples": ["127.0.0.1:53", "[::1]:53"]}
Endpoints = Annotated[
    tuple[tuple[str, int], ...],
    BeforeValidator(_endpoints),
    WithJsonSchema({"anyOf": [_ENDPOINT_TEXT, {"type": "array", "items": _ENDPOINT_TEXT, "minItems": 1}]}),
]
ApiEndpoint = Annotated[tuple[str, int], BeforeValidator(_api_endpoint), WithJsonSchema(_ENDPOINT_TEXT)]
NameText = Annotated[bytes, BeforeValidator(_absolute_name), WithJsonSchema({"type": "string"})]


class ApiSchema(Schema):
    """The HTTP endpoints for operators: metrics, healthz, readyz."""

    listen: Annotated[ApiEndpoint, Field(description="Address and port; loopback unless you say otherwise.")] = (
        "127.0.0.1",
        DEFAULT_API_PORT,
    )


class LogSchema(Schema):
    format: Annotated[
        Literal["auto", "console", "json"],
        Field(description="auto: console on a terminal, JSON lines elsewhere."),
    ] = "auto"
    level: Literal["debug", "info", "warning", "error"] = "info"


class ZoneSchema(Schema):
    REFUSED: ClassVar[dict[str, str]] = {
        "notify": _LATER_CLUSTER,
        "allow_transfer": _LATER_CLUSTER,
        "primaries": _LATER_CLUSTER,
        "kind": _LATER_CLUSTER,
        "catalog": _LATER_CLUSTER,
        "dynamic_names": "not supported yet: names written by programs come with the API",
        "writer": "not supported yet: zones written by programs come with the API; until then the file is the writer",
    }

    file: Annotated[Path, Field(description="The zone file.")]
    format: Annotated[
        Literal["octodns", "master"] | None,
        Field(description="octodns (.yaml, .yml) or master (RFC 1035); left out: told by the suffix."),
    ] = None


class LimitsSchema(Schema):
    tcp_connections: Annotated[int, Field(ge=1, le=1_000_000, description="TCP connections in all.")] = 1000
    tcp_per_client: Annotated[int, Field(ge=1, le=1_000_000, description="TCP connections of one address.")] = 100
    tcp_idle: Annotated[Duration, Field(ge=0.1, le=3600, description="Idle time that ends a TCP connection.")] = 10.0
    udp_size: Annotated[
        int, Field(ge=512, le=4096, description="Largest UDP reply; 1232 passes every path unfragmented.")
    ] = 1232
    probe_concurrency: Annotated[int, Field(ge=1, le=10_000, description="Probes under way at once.")] = 100
    first_round: Annotated[
        Duration, Field(ge=0, le=300, description="Time that the first round of probes has before answering starts.")
    ] = 10.0


class NodeSchema(Schema):
    """The whole of gslb.yaml."""

    REFUSED: ClassVar[dict[str, str]] = {
        "catalog": _LATER_CLUSTER,
        "peers": _LATER_CLUSTER,
        "notify": _LATER_CLUSTER,
        "allow_transfer": _LATER_CLUSTER,
        "probe_allow": _LATER_CLUSTER,
    }

    node: Annotated[str | None, Field(min_length=1, description="Name of this node; left out: the host's.")] = None
    listen: Annotated[Endpoints, Field(description="Addresses, with a port if it is not 53.")] = (
        ("0.0.0.0", 53),  # noqa: S104  # a DNS server answers on every address
        ("::", 53),
    )
    state_dir: Annotated[Path, Field(description="Folder for serials, verdicts, overrides.")] = DEFAULT_STATE_DIR
    api: Annotated[
        ApiSchema | None,
        BeforeValidator(_off_is_none),
        Field(description="HTTP endpoints for operators, or off."),
    ] = ApiSchema()
    log: LogSchema = LogSchema()
    monitors: dict[str, Any] = Field(default_factory=dict, description="Named monitors, for zones to refer to.")
    keys: dict[str, KeySchema] = Field(default_factory=dict, description="TSIG keys by name.")
    nameservers: list[NameText] = Field(
        default_factory=list,
        description="NS records for zones that have none at their apex; the first is the SOA's mname.",
    )
    zones: dict[str, ZoneSchema] = Field(default_factory=dict, description="Zones by apex.")
    zones_dir: Annotated[
        Path | None, Field(description="Folder of which every <apex>.yaml and <apex>.zone is served.")
    ] = None
    limits: LimitsSchema = LimitsSchema()


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of the node; times in seconds, sizes in octets."""

    tcp_connections: int = 1000
    tcp_per_client: int = 100
    tcp_idle_seconds: float = 10.0
    udp_size: int = 1232
    probe_concurrency: int = 100
    first_round_seconds: float = 10.0


@dataclass(frozen=True, slots=True)
class NodeConfig:
    """gslb.yaml, validated. Paths are absolute or relative to the working directory, like `path` itself."""

    path: Path
    node: str
    listen: tuple[tuple[str, int], ...]
    state_dir: Path
    api: tuple[str, int] | None
    log_format: str
    log_level: str
    monitors: AnyMapping[str, MonitorProfile]
    keys: AnyMapping[str, TsigKey]
    zones: AnyMapping[Name, ZoneSource]
    zones_dir: Path | None
    nameservers: tuple[Name, ...] = ()
    limits: Limits = field(default_factory=Limits)


def load_node(path: Path) -> NodeConfig:
    """Read gslb.yaml. Raises `ConfigError` with every problem in it."""
    tree = parse_yaml(read_text(path), str(path))
    findings = Findings(str(path))
    if not isinstance(tree, Mapping):
        findings.error(1, "", "the file has no keys" if tree is None else "must be a mapping of keys")
        raise ConfigError(findings.problems)
    schema = validated(NodeSchema, tree, findings, "")
    monitors = _monitors(tree, findings)
    keys = _keys(tree, path, findings)
    nameservers = tuple(schema.nameservers) if schema is not None else ()
    zones = _zones(tree, path, nameservers, findings)
    if schema is None or findings.problems:
        raise ConfigError(findings.problems)
    if schema.zones_dir is not None:
        zones = _with_folder(zones, schema, path, findings, tree.key_line("zones_dir"))
        findings.raise_if_any()
    return NodeConfig(
        path=path,
        node=schema.node or socket.gethostname(),
        listen=schema.listen,
        state_dir=path.parent / schema.state_dir,
        api=schema.api.listen if schema.api else None,
        log_format=schema.log.format,
        log_level=schema.log.level,
        monitors=MappingProxyType(monitors),
        keys=MappingProxyType(keys),
        zones=MappingProxyType(zones),
        zones_dir=path.parent / schema.zones_dir if schema.zones_dir else None,
        nameservers=tuple(schema.nameservers),
        limits=Limits(
            tcp_connections=schema.limits.tcp_connections,
            tcp_per_client=schema.limits.tcp_per_client,
            tcp_idle_seconds=schema.limits.tcp_idle,
            udp_size=schema.limits.udp_size,
            probe_concurrency=schema.limits.probe_concurrency,
            first_round_seconds=schema.limits.first_round,
        ),
    )


def _section(tree: Mapping, name: str) -> Mapping:
    """A section of named entries; empty when it is not there, or not a mapping (which the schema has said)."""
    found = tree.get(name)
    return found if isinstance(found, Mapping) else empty_mapping(tree.line)


def _monitors(tree: Mapping, findings: Findings) -> dict[str, MonitorProfile]:
    found = {}
    for name, node in _section(tree, "monitors").entries():
        profile = read_monitor(node, findings, f"monitors.{name}")
        if profile is not None:
            found[str(name)] = profile
    return found


def _well_formed(tree: Mapping, name: str, schema: type[ModelT]) -> Iterator[tuple[Text, ModelT]]:
    """The entries of a section that fit their schema; what does not fit has been said when the file was validated."""
    for key, node in _section(tree, name).entries():
        entry = validated(schema, node, Findings(""), "")
        if entry is not None:
            yield key, entry


def _keys(tree: Mapping, path: Path, findings: Findings) -> dict[str, TsigKey]:
    found = {}
    for name, entry in _well_formed(tree, "keys", KeySchema):
        key = read_key(str(name), entry, path, findings, name.line)
        if key is not None:
            found[str(name)] = key
    return found


def _zones(tree: Mapping, path: Path, nameservers: tuple[Name, ...], findings: Findings) -> dict[Name, ZoneSource]:
    found: dict[Name, ZoneSource] = {}
    for name, entry in _well_formed(tree, "zones", ZoneSchema):
        where = f"zones.{name}"
        try:
            apex = canonical(name_from_text(str(name)))
        except BadNameError as error:
            findings.error(name.line, where, str(error))
            continue
        if apex in found:
            findings.error(name.line, where, f"the zone {name_to_text(apex)} is there twice")
        kind = entry.format or format_of(entry.file)
        if kind is None:
            choices = " or ".join(FORMATS)
            said = f"the suffix of {entry.file} does not tell its format; add format: {choices}"
            findings.error(name.line, where, said)
            continue
        found[apex] = ZoneSource(apex, path.parent / entry.file, kind, nameservers)
    return found


def _with_folder(
    zones: dict[Name, ZoneSource], schema: NodeSchema, path: Path, findings: Findings, line: int
) -> dict[Name, ZoneSource]:
    """`zones`, and those of `zones_dir`; what is named one by one wins over what is found there."""
    folder = path.parent / (schema.zones_dir or "")
    if not folder.is_dir():
        findings.error(line, "zones_dir", f"{folder} is not a folder")
        return zones
    named = {source.path.resolve() for source in zones.values()} | {path.resolve()}
    found = zones_in(folder, tuple(schema.nameservers), findings, line)
    return {source.apex: source for source in found if source.path.resolve() not in named} | zones
