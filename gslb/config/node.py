"""gslb.yaml, the node: where it listens and keeps its state, its monitors, keys and peers, and which zones it serves.

The file is atomic as a whole: any problem, and nothing of it is used. Relative paths in it are relative to the
folder it stands in. `zones` names zones one by one, with their file or their primaries; `zones_dir` serves every
`<apex>.yaml` and `<apex>.zone` of a folder.

All problems are told at once. So a part of the file that is right by itself is read also where the rest has problems:
for what is wrong in it, and for the files that it names.
"""

import re
import socket
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from gslb import __version__
from gslb.config.access import ProbeBounds
from gslb.config.cookies import CookieSettings, CookiesSchema, read_cookies, told_octets
from gslb.config.keys import KeySchema, read_key
from gslb.config.left_empty import warn_of_empty_keys
from gslb.config.listed import texts_of
from gslb.config.monitors import MonitorProfile, files_of_monitor, read_monitor
from gslb.config.node_config import Limits, NodeConfig
from gslb.config.node_schema import DEFAULT_STATE_DIR, ON, LimitsSchema, NodeSchema
from gslb.config.peers import PeerSchema, read_peers
from gslb.config.problems import ConfigError, Findings
from gslb.config.rate_limit import rate_limits
from gslb.config.references import References
from gslb.config.textfile import read_text
from gslb.config.tls import TlsSchema, TlsSettings, read_tls
from gslb.config.validated import ModelT, empty_mapping, validated
from gslb.config.yamltext import Mapping, Text, parse_yaml
from gslb.config.zonelist import Defaults, ZoneReader, ZoneSchema, says
from gslb.wire.tsig import TsigKey

_STATE_DIR_LINE = re.compile(r"""^state_dir:[ ]+(["']?)([^"'#\n]+?)\1[ ]*(?:#.*)?$""", re.MULTILINE)
"""What that key looks like in a file that is not YAML as a whole."""


_WANTED = "at least where its zones are, such as zones_dir: zones"


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
    tree = parse_yaml(read_text(path, wanted=_WANTED), str(path))
    findings = Findings(str(path))
    if not isinstance(tree, Mapping):
        findings.error(1, "", f"the file has no keys; write {_WANTED}" if tree is None else "must be a mapping of keys")
        raise ConfigError(findings.problems)
    reading = _Reading(path, tree, findings)
    if reading.schema is None or findings.problems:
        if zone_files_too:
            reading.zone_reader.tell_missing_files(reading.zones)
        raise ConfigError(findings.problems, reading.files())
    return reading.config(reading.schema)


class _Reading:
    """The parts of the file, as far as they can be read; what is wrong with them goes to `findings`. `schema` is None
    where the file as a whole is not what it has to be."""

    def __init__(self, path: Path, tree: Mapping, findings: Findings) -> None:
        self._path = path
        self._tree = tree
        self._findings = findings
        self.schema = validated(NodeSchema, tree, findings, "")
        self._monitors = self._read_monitors()
        self._references = self._read_references()
        self.zone_reader = ZoneReader(path.parent, self._defaults(), self._references, findings)
        self.zones = self.zone_reader.named(self._well_formed("zones", ZoneSchema))
        self._cookies = self._read_cookies()
        self._tls = self._read_tls()
        if self.schema is not None:
            self._check_api(self.schema)
        if (folder := self._zones_dir()) is not None:
            self.zone_reader.with_folder(self.zones, folder, path, tree.key_line("zones_dir"))
        self._warn_of_gaps()

    def config(self, schema: NodeSchema) -> NodeConfig:
        """What was read, when nothing is wrong with it."""
        folder, references, node = self._path.parent, self._references, schema.node or socket.gethostname()
        return NodeConfig(
            path=self._path,
            node=node,
            listen=schema.listen,
            state_dir=folder / schema.state_dir,
            api=schema.api.listen if schema.api else None,
            log_format=schema.log.format,
            log_level=schema.log.level,
            monitors=MappingProxyType(self._monitors),
            keys=references.keys,
            zones=MappingProxyType(self.zones.files),
            zones_dir=folder / schema.zones_dir if schema.zones_dir else None,
            nameservers=tuple(schema.nameservers),
            key_files=self._key_files(),
            limits=_limits(schema.limits),
            peers=references.peers,
            secondaries=MappingProxyType(self.zones.secondaries),
            probe_allow=ProbeBounds() if schema.probe_allow is None else ProbeBounds(schema.probe_allow),
            nsid=_octets_told(schema.nsid, node),
            version=_octets_told(schema.version, f"gslb {__version__}"),
            cookies=self._cookies,
            rate_limit=rate_limits(schema.rate_limit) if schema.rate_limit is not None else None,
            zones_dir_grace_seconds=schema.zones_dir_grace,
            listen_tls=schema.listen_tls,
            tls=self._tls,
            warnings=tuple(sorted(self._findings.warnings)),
        )

    # Sections

    def _section(self, name: str) -> Mapping:
        """A section of named entries; empty when it is not there, or not a mapping (which the schema has said)."""
        found = self._tree.get(name)
        return found if isinstance(found, Mapping) else empty_mapping(self._tree.line)

    def _well_formed(self, name: str, schema: type[ModelT]) -> dict[Text, tuple[ModelT, Mapping]]:
        """The entries of a section that fit their schema, with the tree of each; what does not fit has been said when
        the file was validated."""
        found = {}
        for key, node in self._section(name).entries():
            entry = validated(schema, node, Findings(""), "")
            if entry is not None:
                found[key] = (entry, node if isinstance(node, Mapping) else empty_mapping(node.line))
        return found

    def _alone(self, name: str, schema: type[ModelT]) -> ModelT | None:
        """A section of a file that has problems elsewhere: it is read for the files it names."""
        node = self._tree.get(name)
        return validated(schema, node, Findings(""), "") if isinstance(node, Mapping) else None

    def _read_monitors(self) -> dict[str, MonitorProfile]:
        found = {}
        for name, node in self._section("monitors").entries():
            profile = read_monitor(node, self._findings, f"monitors.{name}")
            if profile is not None:
                found[str(name)] = profile
        return found

    def _read_references(self) -> References:
        """The keys and peers of the file."""
        findings, listen = self._findings, self.schema.listen if self.schema is not None else ()
        keys = MappingProxyType(self._read_keys())
        key_names, peer_names = (frozenset(map(str, self._section(name))) for name in ("keys", "peers"))
        of_keys = References(MappingProxyType({}), keys, peer_names, key_names, listen, findings)
        entries = self._well_formed("peers", PeerSchema)
        for name, (_, node) in entries.items():
            for key in texts_of(node.get("key")):
                of_keys.key(key, str(key), f"peers.{name}.key")
        written = ((str(name), name.line, entry) for name, (entry, _) in entries.items())
        peers = read_peers(written, keys, listen, findings)
        return replace(of_keys, peers=MappingProxyType(peers))

    def _read_keys(self) -> dict[str, TsigKey]:
        found: dict[str, TsigKey] = {}
        for name, (entry, _) in self._well_formed("keys", KeySchema).items():
            key = read_key(str(name), entry, self._path, self._findings, name.line)
            if key is None:
                continue
            twin = next((other for other, known in found.items() if known.name == key.name), None)
            if twin is not None:
                said = f"on the wire this is the name of the key {twin!r} too"
                self._findings.error(name.line, f"keys.{name}", said)
            found[str(name)] = key
        return found

    def _defaults(self) -> Defaults:
        """What zones have that say nothing else."""
        tree, references = self._tree, self._references
        return Defaults(
            nameservers=tuple(self.schema.nameservers) if self.schema is not None else (),
            notify=references.servers(tree.get("notify"), "notify"),
            allow_transfer=references.access(tree.get("allow_transfer"), "allow_transfer"),
            allow_query=references.access(tree["allow_query"], "allow_query") if says(tree, "allow_query") else None,
        )

    def _read_cookies(self) -> CookieSettings | None:
        schema = self.schema
        written = schema.cookies if schema is not None else self._alone("cookies", CookiesSchema)
        line = self._tree.key_line("cookies")
        return read_cookies(written, self._path, self._findings, line) if written is not None else None

    def _read_tls(self) -> TlsSettings | None:
        if self.schema is not None:
            self._check_tls(self.schema)
        written = self.schema.tls if self.schema is not None else self._alone("tls", TlsSchema)
        line = self._tree.key_line("tls")
        return read_tls(written, self._path, self._findings, line) if written is not None else None

    # What does not go together

    def _check_tls(self, schema: NodeSchema) -> None:
        """DNS over TLS needs a certificate, and ports of its own."""
        line = self._tree.key_line("listen_tls")
        if schema.listen_tls and schema.tls is None:
            advice = "give `tls: {certificate: FILE, key: FILE}`"
            self._findings.error(line, "listen_tls", f"there is no certificate to show; {advice}")
        for host, port in schema.listen_tls:
            if (host, port) in schema.listen and port:
                message = f"{host} port {port} is under `listen` too; DNS over TLS has a port of its own, 853"
                self._findings.error(line, "listen_tls", message)
        if schema.tls is not None and not schema.listen_tls:
            advice = "add `listen_tls`, or take `tls` out"
            self._findings.warn(self._tree.key_line("tls"), "tls", f"nothing listens for TLS; {advice}")

    def _check_api(self, schema: NodeSchema) -> None:
        """HTTP and DNS over TCP cannot share a port."""
        if schema.api is None or not schema.api.listen[1]:
            return
        host, port = schema.api.listen
        for key, endpoints in (("listen", schema.listen), ("listen_tls", schema.listen_tls)):
            if (host, port) in endpoints:
                message = f"{host} port {port} is under `{key}` too; give it another"
                self._findings.error(self._tree.key_line("api"), "api.listen", message)

    def _warn_of_gaps(self) -> None:
        """Warn of what is not there and hardly meant to be missing."""
        warn_of_empty_keys(self._tree, self._findings)
        if not self.zones.files and not self.zones.secondaries:
            advice = "name them under `zones`, or give their folder as `zones_dir`"
            self._findings.warn(1, "", f"there are no zones, so every query is answered REFUSED; {advice}")

    # The files it names

    def files(self) -> tuple[Path, ...]:
        """Those, and the folder of zones, in which a mend of the file may be made."""
        folder = self._zones_dir()
        trusted = (file for _, node in self._section("monitors").entries() for file in files_of_monitor(node))
        return (*self._key_files(), *trusted, *((self._path.parent / folder,) if folder is not None else ()))

    def _key_files(self) -> tuple[Path, ...]:
        entries = self._well_formed("keys", KeySchema)
        tls, cookies = self._alone("tls", TlsSchema), self._alone("cookies", CookiesSchema)
        files = [entry.file for entry, _ in entries.values()]
        files += [tls.certificate, tls.key] if tls is not None else []
        files += [cookies.file, cookies.previous_file] if cookies is not None else []
        return tuple(self._path.parent / file for file in files if file is not None)

    def _zones_dir(self) -> Path | None:
        """The folder of zones as it is written."""
        written = self._tree.get("zones_dir")
        return Path(str(written)) if isinstance(written, Text) and not written.is_null else None


def _octets_told(written: str | None, by_default: str) -> bytes | None:
    if written is None:
        return None
    return told_octets(by_default if written.lower() in ON else written)


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
