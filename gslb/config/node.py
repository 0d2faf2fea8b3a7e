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

from gslb import __version__
from gslb.config.access import AccessList, ProbeBounds
from gslb.config.cookies import CookieSettings, CookiesSchema, read_cookies, told_octets
from gslb.config.keys import KeySchema, read_key
from gslb.config.left_empty import warn_of_empty_keys
from gslb.config.listed import texts_of
from gslb.config.monitors import MonitorProfile, read_monitor
from gslb.config.node_schema import DEFAULT_STATE_DIR, ON, LimitsSchema, NodeSchema
from gslb.config.peers import Peer, PeerSchema, read_peers
from gslb.config.problems import ConfigError, Findings, Problem
from gslb.config.rate_limit import RateLimits, rate_limits
from gslb.config.references import References
from gslb.config.sources import SecondarySource, ZoneSource
from gslb.config.textfile import read_text
from gslb.config.tls import TlsSchema, TlsSettings, read_tls
from gslb.config.validated import ModelT, empty_mapping, validated
from gslb.config.yamltext import Mapping, Text, parse_yaml
from gslb.config.zonelist import Defaults, ZoneList, ZoneReader, ZoneSchema, says
from gslb.wire.names import Name
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

_STATE_DIR_LINE = re.compile(r"""^state_dir:[ ]+(["']?)([^"'#\n]+?)\1[ ]*(?:#.*)?$""", re.MULTILINE)
"""What that key looks like in a file that is not YAML as a whole."""


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
    if isinstance(zones_dir := tree.get("zones_dir"), Text) and not zones_dir.is_null:
        reader.with_folder(zones, Path(str(zones_dir)), path, tree.key_line("zones_dir"))
    _warn_of_gaps(tree, zones, findings)
    if schema is None or findings.problems:
        if zone_files_too:
            reader.tell_missing_files(zones)
        raise ConfigError(findings.problems, (*_key_files(tree, path), *_zones_dir(tree, path)))
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


def _warn_of_gaps(tree: Mapping, zones: ZoneList, findings: Findings) -> None:
    """Warn of what is not there and hardly meant to be missing."""
    warn_of_empty_keys(tree, findings)
    if not zones.files and not zones.secondaries:
        advice = "name them under `zones`, or give their folder as `zones_dir`"
        findings.warn(1, "", f"there are no zones, so every query is answered REFUSED; {advice}")


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
    tls, cookies = _alone(tree, "tls", TlsSchema), _alone(tree, "cookies", CookiesSchema)
    files = [entry.file for entry, _ in entries.values()]
    files += [tls.certificate, tls.key] if tls is not None else []
    files += [cookies.file, cookies.previous_file] if cookies is not None else []
    return tuple(path.parent / file for file in files if file is not None)


def _zones_dir(tree: Mapping, path: Path) -> tuple[Path, ...]:
    written = tree.get("zones_dir")
    return (path.parent / str(written),) if isinstance(written, Text) and not written.is_null else ()


def _defaults(tree: Mapping, schema: NodeSchema | None, references: References) -> Defaults:
    return Defaults(
        nameservers=tuple(schema.nameservers) if schema is not None else (),
        notify=references.servers(tree.get("notify"), "notify"),
        allow_transfer=references.access(tree.get("allow_transfer"), "allow_transfer"),
        allow_query=references.access(tree["allow_query"], "allow_query") if says(tree, "allow_query") else None,
    )
