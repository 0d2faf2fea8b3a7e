"""gslb.yaml, the node: where it listens and keeps its state, its monitors, keys and peers, and which zones it serves.

The file is atomic as a whole: any problem, and nothing of it is used. Relative paths in it are relative to the
folder it stands in. `zones` names zones one by one, with their file or their primaries; `zones_dir` serves every
`<apex>.yaml` and `<apex>.zone` of a folder.
"""

import re
import socket
from collections.abc import Mapping as AnyMapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from gslb import __version__
from gslb.config.access import AccessList, ProbeBounds
from gslb.config.cookies import CookieSettings, CookiesSchema, read_cookies, told_octets
from gslb.config.endpoints import DNS_PORT, TLS_PORT, parse_endpoint
from gslb.config.keys import KeySchema, read_key
from gslb.config.left_empty import warn_of_empty_keys
from gslb.config.listed import Texts, texts_of
from gslb.config.monitors import Duration, MonitorProfile, read_monitor
from gslb.config.peers import Peer, PeerSchema, read_peers
from gslb.config.prefixes import Prefixes
from gslb.config.problems import ConfigError, Findings, Problem
from gslb.config.rate_limit import RateLimits, RateLimitSchema, rate_limits
from gslb.config.references import References
from gslb.config.sizes import Size
from gslb.config.sources import SecondarySource, ZoneSource
from gslb.config.textfile import read_text
from gslb.config.tls import TlsSchema, TlsSettings, read_tls
from gslb.config.validated import ModelT, Schema, empty_mapping, validated
from gslb.config.yamltext import Mapping, Text, parse_yaml
from gslb.config.zonelist import Defaults, ZoneReader, ZoneSchema, says
from gslb.wire.names import Name, canonical, name_from_text
from gslb.wire.tsig import TsigKey

__all__ = [
    "AccessList",
    "Limits",
    "MonitorProfile",
    "NodeConfig",
    "Peer",
    "ProbeBounds",
    "SecondarySource",
    "TsigKey",
    "ZoneSource",
    "load_node",
]

OFF = {"off", "no", "false", "none"}
ON = {"on", "yes", "true"}
DEFAULT_STATE_DIR = Path("/var/lib/gslb")
DEFAULT_API_PORT = 8053
_STATE_DIR_LINE = re.compile(r"""^state_dir:[ ]+(["']?)([^"'#\n]+?)\1[ ]*(?:#.*)?$""", re.MULTILINE)
"""What that key looks like in a file that is not YAML as a whole."""


def _endpoints(value: Any, port: int = DNS_PORT) -> Any:
    listed = value if isinstance(value, list) else [value]
    found = [parse_endpoint(text, port) for text in listed if isinstance(text, str)]
    if len(found) != len(listed):
        raise ValueError('write each address as a text, quoted if it has brackets: "[::1]:53"')
    twice = {text for text, endpoint in zip(listed, found, strict=True) if found.count(endpoint) > 1 and endpoint[1]}
    if twice:
        raise ValueError(f"{', '.join(sorted(twice))} is there twice")
    return found


def _tls_endpoints(value: Any) -> Any:
    return _endpoints(value, TLS_PORT)


def _api_endpoint(value: Any) -> Any:
    return parse_endpoint(value, DEFAULT_API_PORT) if isinstance(value, str) else value


def _off_is_none(value: Any) -> Any:
    return None if isinstance(value, str) and value.lower() in OFF else value


def _told(value: Any) -> Any:
    if not isinstance(value, str) or value.lower() in OFF:
        return None if isinstance(value, str) else value
    if value.lower() not in ON:
        told_octets(value)
    return value


def _absolute_name(text: Any) -> Any:
    if not isinstance(text, str):
        return text
    return canonical(name_from_text(text))


_ENDPOINT_TEXT = {"type": "string", "examples": ["127.0.0.1:53", "[::1]:53"]}
_ENDPOINTS_SCHEMA = WithJsonSchema(
    {"anyOf": [_ENDPOINT_TEXT, {"type": "array", "items": _ENDPOINT_TEXT, "minItems": 1}]}
)
Endpoints = Annotated[tuple[tuple[str, int], ...], BeforeValidator(_endpoints), _ENDPOINTS_SCHEMA]
TlsEndpoints = Annotated[tuple[tuple[str, int], ...], BeforeValidator(_tls_endpoints), _ENDPOINTS_SCHEMA]
ApiEndpoint = Annotated[tuple[str, int], BeforeValidator(_api_endpoint), WithJsonSchema(_ENDPOINT_TEXT)]
NameText = Annotated[bytes, BeforeValidator(_absolute_name), WithJsonSchema({"type": "string"})]


class ApiSchema(Schema):
    """The HTTP endpoints for operators: metrics, healthz, readyz."""

    EXAMPLE: ClassVar[str] = "{listen: 127.0.0.1:8053}, or off"

    listen: Annotated[ApiEndpoint, Field(description="Address and port; loopback unless you say otherwise.")] = (
        "127.0.0.1",
        DEFAULT_API_PORT,
    )


class LogSchema(Schema):
    EXAMPLE: ClassVar[str] = "{level: debug}"

    format: Annotated[
        Literal["auto", "console", "json"],
        Field(description="auto: console on a terminal, JSON lines elsewhere."),
    ] = "auto"
    level: Literal["debug", "info", "warning", "error"] = "info"


class LimitsSchema(Schema):
    EXAMPLE: ClassVar[str] = "{tcp_connections: 2000}"

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
    transfers_out: Annotated[int, Field(ge=1, le=1000, description="Zone transfers to others at once.")] = 10
    transfers_in: Annotated[int, Field(ge=1, le=1000, description="Zone transfers from primaries at once.")] = 4
    transfer_timeout: Annotated[
        Duration, Field(ge=1, le=86400, description="Time that one transfer may take, in or out.")
    ] = 600.0
    transfer_idle: Annotated[
        Duration, Field(ge=0.1, le=3600, description="A transfer that brings no whole message for so long has failed.")
    ] = 10.0
    transfer_size: Annotated[
        Size, Field(ge=1 << 16, le=1 << 36, description="Octets that one transfer from a primary may have.")
    ] = 1 << 30
    journal_size: Annotated[
        Size, Field(ge=1 << 16, le=1 << 36, description="Octets of changes kept of each zone, for IXFR.")
    ] = 64 << 20


class NodeSchema(Schema):
    """The whole of gslb.yaml."""

    REFUSED: ClassVar[dict[str, str]] = {
        "catalog": "not supported yet: catalog zones; name each zone under `zones`",
        "primaries": "`primaries` go with each zone, under `zones`",
    }
    EXAMPLES: ClassVar[dict[str, str]] = {
        "zones": "{example.com: {file: zones/example.com.yaml}}, or for a folder `zones_dir: zones`",
        "monitors": "{web: {probe: http, path: /healthz}}",
        "keys": "{xfr: {algorithm: hmac-sha256, file: xfr.key}}",
        "peers": "{ns2: {address: 192.0.2.2, key: xfr}}",
    }

    node: Annotated[str | None, Field(min_length=1, description="Name of this node; left out: the host's.")] = None
    listen: Annotated[Endpoints, Field(description="Addresses, with a port if it is not 53.")] = (
        ("0.0.0.0", 53),  # noqa: S104  # a DNS server answers on every address
        ("::", 53),
    )
    listen_tls: Annotated[
        TlsEndpoints, Field(description="Addresses for DNS over TLS, with a port if it is not 853; needs `tls`.")
    ] = ()
    tls: Annotated[
        TlsSchema | None,
        BeforeValidator(_off_is_none),
        Field(description="Certificate and key of `listen_tls`, or off."),
    ] = None
    state_dir: Annotated[Path, Field(description="Folder for serials, verdicts, overrides.")] = DEFAULT_STATE_DIR
    api: Annotated[
        ApiSchema | None,
        BeforeValidator(_off_is_none),
        Field(description="HTTP endpoints for operators, or off."),
    ] = ApiSchema()
    log: LogSchema = LogSchema()
    nsid: Annotated[
        str | None,
        BeforeValidator(_told),
        Field(description="What the node says to queries for its NSID or id.server: a text; on: its name; or off."),
        WithJsonSchema({"type": ["string", "boolean"]}),
    ] = None
    version: Annotated[
        str | None,
        BeforeValidator(_told),
        Field(description="What the node says to queries for version.bind: a text; on: the program's version; or off."),
        WithJsonSchema({"type": ["string", "boolean"]}),
    ] = None
    cookies: Annotated[
        CookiesSchema | None, BeforeValidator(_off_is_none), Field(description="DNS cookies, or off.")
    ] = CookiesSchema()
    rate_limit: Annotated[
        RateLimitSchema | None,
        BeforeValidator(_off_is_none),
        Field(description="Response rate limiting over UDP; left out, or off: none."),
    ] = None
    monitors: dict[str, Any] = Field(default_factory=dict, description="Named monitors, for zones to refer to.")
    keys: dict[str, KeySchema] = Field(default_factory=dict, description="TSIG keys by name.")
    peers: dict[str, PeerSchema] = Field(
        default_factory=dict, description="Other name servers that zones are exchanged with, by name."
    )
    notify: Annotated[Texts, Field(description="Peers told of changes, for zones that do not say.")] = ()
    allow_transfer: Annotated[
        Texts,
        Field(description="Who may fetch zones that do not say: peers, key:NAME, networks. Left out: nobody."),
    ] = ()
    allow_query: Annotated[
        Texts | None,
        Field(description="Who may ask for zones that do not say: networks, key:NAME, peers. Left out: everyone."),
    ] = None
    probe_allow: Annotated[
        Prefixes | None,
        Field(description="Networks in which a transferred zone may have this node probe; left out: anywhere."),
    ] = None
    nameservers: list[NameText] = Field(
        default_factory=list,
        description="NS records for zones that have none at their apex; the first is the SOA's mname.",
    )
    zones: dict[str, ZoneSchema] = Field(default_factory=dict, description="Zones by apex.")
    zones_dir: Annotated[
        Path | None, Field(description="Folder of which every <apex>.yaml and <apex>.zone is served.")
    ] = None
    zones_dir_grace: Annotated[
        Duration,
        Field(ge=0, le=86400, description="How long a zone is served on when its file is gone from zones_dir."),
    ] = 600.0
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
    transfers_out: int = 10
    transfers_in: int = 4
    transfer_timeout_seconds: float = 600.0
    transfer_idle_seconds: float = 10.0
    transfer_size: int = 1 << 30
    journal_size: int = 64 << 20


@dataclass(frozen=True, slots=True)
class NodeConfig:
    """gslb.yaml, validated. Paths are absolute or relative to the working directory, like `path` itself.

    `zones` are those read from files, `secondaries` those transferred from primaries; no apex is in both. `peers`
    and `keys` are by the names they have in the file. `warnings` are what is right, but hardly meant.
    """

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
    key_files: tuple[Path, ...] = ()
    peers: AnyMapping[str, Peer] = field(default_factory=lambda: MappingProxyType({}))
    secondaries: AnyMapping[Name, SecondarySource] = field(default_factory=lambda: MappingProxyType({}))
    probe_allow: ProbeBounds = field(default_factory=ProbeBounds)
    nsid: bytes | None = None
    version: bytes | None = None
    cookies: CookieSettings | None = field(default_factory=CookieSettings)
    rate_limit: RateLimits | None = None
    zones_dir_grace_seconds: float = 600.0
    listen_tls: tuple[tuple[str, int], ...] = ()
    tls: TlsSettings | None = None
    warnings: tuple[Problem, ...] = ()

    @property
    def tsig_keys(self) -> dict[Name, TsigKey]:
        """The keys by their names on the wire, which is how a signed message names its key."""
        return {key.name: key for key in self.keys.values()}


def state_dir_of(path: Path) -> Path | None:
    """The node's `state_dir`, from a file that may have problems elsewhere, YAML's own among them; None where the
    file cannot be read. By it a running node is found, which goes on with the file of before."""
    try:
        text = read_text(path)
    except ConfigError:
        return None
    try:
        tree = parse_yaml(text, str(path))
    except ConfigError:
        line = _STATE_DIR_LINE.search(text)
        return path.parent / (line[2] if line is not None else DEFAULT_STATE_DIR)
    written = tree.get("state_dir") if isinstance(tree, Mapping) else None
    return path.parent / (str(written) if isinstance(written, Text) and not written.is_null else DEFAULT_STATE_DIR)


def load_node(path: Path, *, zone_files_too: bool = False) -> NodeConfig:
    """Read gslb.yaml. Raises `ConfigError` with every problem in it, key files and folders that are missing among them.
    A missing zone file is its zone's problem; `zone_files_too` tells it beside others, as nobody comes to read it."""
    tree = parse_yaml(read_text(path), str(path))
    findings = Findings(str(path))
    if not isinstance(tree, Mapping):
        findings.error(1, "", "the file has no keys" if tree is None else "must be a mapping of keys")
        raise ConfigError(findings.problems)
    schema = validated(NodeSchema, tree, findings, "")
    monitors = _monitors(tree, findings)
    references = _references(tree, path, schema.listen if schema is not None else (), findings)
    reader = ZoneReader(path.parent, _defaults(tree, schema, references), references, findings)
    zones = reader.named(_well_formed(tree, "zones", ZoneSchema))
    cookies = _cookies(tree, schema, path, findings)
    tls = _tls(tree, schema, path, findings)
    if schema is not None:
        _check_api(tree, schema, findings)
    warn_of_empty_keys(tree, findings)
    if isinstance(zones_dir := tree.get("zones_dir"), Text) and not zones_dir.is_null:
        reader.with_folder(zones, Path(str(zones_dir)), path, tree.key_line("zones_dir"))
    if not zones.files and not zones.secondaries:
        advice = "name them under `zones`, or give their folder as `zones_dir`"
        findings.warn(1, "", f"there are no zones, so every query is answered REFUSED; {advice}")
    if schema is None or findings.problems:
        if zone_files_too:
            reader.tell_missing_files(zones)
        raise ConfigError(findings.problems)
    node = schema.node or socket.gethostname()
    return NodeConfig(
        path=path,
        node=node,
        listen=schema.listen,
        state_dir=path.parent / schema.state_dir,
        api=schema.api.listen if schema.api else None,
        log_format=schema.log.format,
        log_level=schema.log.level,
        monitors=MappingProxyType(monitors),
        keys=references.keys,
        zones=MappingProxyType(zones.files),
        zones_dir=path.parent / schema.zones_dir if schema.zones_dir else None,
        nameservers=tuple(schema.nameservers),
        key_files=_key_files(tree, path),
        limits=_limits(schema.limits),
        peers=references.peers,
        secondaries=MappingProxyType(zones.secondaries),
        probe_allow=ProbeBounds() if schema.probe_allow is None else ProbeBounds(schema.probe_allow),
        nsid=_octets_told(schema.nsid, node),
        version=_octets_told(schema.version, f"gslb {__version__}"),
        cookies=cookies,
        rate_limit=rate_limits(schema.rate_limit) if schema.rate_limit is not None else None,
        zones_dir_grace_seconds=schema.zones_dir_grace,
        listen_tls=schema.listen_tls,
        tls=tls,
        warnings=tuple(sorted(findings.warnings)),
    )


def _octets_told(written: str | None, by_default: str) -> bytes | None:
    if written is None:
        return None
    return told_octets(by_default if written.lower() in ON else written)


def _alone(tree: Mapping, name: str, schema: type[ModelT]) -> ModelT | None:
    """A section of a file that has problems elsewhere: it is read for the files it names."""
    node = tree.get(name)
    return validated(schema, node, Findings(""), "") if isinstance(node, Mapping) else None


def _cookies(tree: Mapping, schema: NodeSchema | None, path: Path, findings: Findings) -> CookieSettings | None:
    written = schema.cookies if schema is not None else _alone(tree, "cookies", CookiesSchema)
    return read_cookies(written, path, findings, tree.key_line("cookies")) if written is not None else None


def _tls(tree: Mapping, schema: NodeSchema | None, path: Path, findings: Findings) -> TlsSettings | None:
    if schema is None:
        alone = _alone(tree, "tls", TlsSchema)
        return read_tls(alone, path, findings, tree.key_line("tls")) if alone is not None else None
    if schema.listen_tls and schema.tls is None:
        advice = "give `tls: {certificate: FILE, key: FILE}`"
        findings.error(tree.key_line("listen_tls"), "listen_tls", f"there is no certificate to show; {advice}")
    for endpoint in schema.listen_tls:
        if endpoint in schema.listen and endpoint[1]:
            message = f"{endpoint[0]} port {endpoint[1]} is under `listen` too; DNS over TLS has a port of its own, 853"
            findings.error(tree.key_line("listen_tls"), "listen_tls", message)
    if schema.tls is None:
        return None
    if not schema.listen_tls:
        advice = "add `listen_tls`, or take `tls` out"
        findings.warn(tree.key_line("tls"), "tls", f"nothing listens for TLS; {advice}")
    return read_tls(schema.tls, path, findings, tree.key_line("tls"))


def _check_api(tree: Mapping, schema: NodeSchema, findings: Findings) -> None:
    """HTTP and DNS over TCP cannot share a port."""
    if schema.api is None or not schema.api.listen[1]:
        return
    host, port = schema.api.listen
    for key, endpoints in (("listen", schema.listen), ("listen_tls", schema.listen_tls)):
        if (host, port) in endpoints:
            message = f"{host} port {port} is under `{key}` too; give it another"
            findings.error(tree.key_line("api"), "api.listen", message)


def _limits(schema: LimitsSchema) -> Limits:
    return Limits(
        tcp_connections=schema.tcp_connections,
        tcp_per_client=schema.tcp_per_client,
        tcp_idle_seconds=schema.tcp_idle,
        udp_size=schema.udp_size,
        probe_concurrency=schema.probe_concurrency,
        first_round_seconds=schema.first_round,
        transfers_out=schema.transfers_out,
        transfers_in=schema.transfers_in,
        transfer_timeout_seconds=schema.transfer_timeout,
        transfer_idle_seconds=schema.transfer_idle,
        transfer_size=schema.transfer_size,
        journal_size=schema.journal_size,
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


def _well_formed(tree: Mapping, name: str, schema: type[ModelT]) -> dict[Text, tuple[ModelT, Mapping]]:
    """The entries of a section that fit their schema, with the tree of each; what does not fit has been said when
    the file was validated."""
    found = {}
    for key, node in _section(tree, name).entries():
        entry = validated(schema, node, Findings(""), "")
        if entry is not None:
            found[key] = (entry, node if isinstance(node, Mapping) else empty_mapping(node.line))
    return found


def _references(tree: Mapping, path: Path, listen: tuple[tuple[str, int], ...], findings: Findings) -> References:
    """The keys and peers of the file."""
    keys = MappingProxyType(_keys(tree, path, findings))
    key_names, peer_names = (frozenset(map(str, _section(tree, name))) for name in ("keys", "peers"))
    of_keys = References(MappingProxyType({}), keys, peer_names, key_names, listen, findings)
    entries = _well_formed(tree, "peers", PeerSchema)
    for name, (_, node) in entries.items():
        for key in texts_of(node.get("key")):
            of_keys.key(key, str(key), f"peers.{name}.key")
    written = ((str(name), name.line, entry) for name, (entry, _) in entries.items())
    peers = read_peers(written, keys, listen, findings)
    return replace(of_keys, peers=MappingProxyType(peers))


def _keys(tree: Mapping, path: Path, findings: Findings) -> dict[str, TsigKey]:
    found: dict[str, TsigKey] = {}
    for name, (entry, _) in _well_formed(tree, "keys", KeySchema).items():
        key = read_key(str(name), entry, path, findings, name.line)
        if key is None:
            continue
        twin = next((other for other, known in found.items() if known.name == key.name), None)
        if twin is not None:
            findings.error(name.line, f"keys.{name}", f"on the wire this is the name of the key {twin!r} too")
        found[str(name)] = key
    return found


def _key_files(tree: Mapping, path: Path) -> tuple[Path, ...]:
    entries = _well_formed(tree, "keys", KeySchema)
    written = tree.get("tls")
    tls = validated(TlsSchema, written, Findings(""), "") if isinstance(written, Mapping) else None
    files = [entry.file for entry, _ in entries.values()] + ([tls.certificate, tls.key] if tls is not None else [])
    return tuple(path.parent / file for file in files if file is not None)


def _defaults(tree: Mapping, schema: NodeSchema | None, references: References) -> Defaults:
    return Defaults(
        nameservers=tuple(schema.nameservers) if schema is not None else (),
        notify=references.servers(tree.get("notify"), "notify"),
        allow_transfer=references.access(tree.get("allow_transfer"), "allow_transfer"),
        allow_query=references.access(tree["allow_query"], "allow_query") if says(tree, "allow_query") else None,
    )
