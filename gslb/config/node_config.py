"""gslb.yaml as a value: what a node is told of itself, with everything in it resolved and checked."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from gslb.config.access import ProbeBounds
from gslb.config.cookies import CookieSettings
from gslb.config.monitors import MonitorProfile
from gslb.config.peers import Peer
from gslb.config.problems import Problem
from gslb.config.rate_limit import RateLimits
from gslb.config.sources import SecondarySource, ZoneSource
from gslb.config.tls import TlsSettings
from gslb.wire.names import Name
from gslb.wire.tsig import TsigKey


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
    monitors: Mapping[str, MonitorProfile]
    keys: Mapping[str, TsigKey]
    zones: Mapping[Name, ZoneSource]
    zones_dir: Path | None
    nameservers: tuple[Name, ...] = ()
    limits: Limits = field(default_factory=Limits)
    key_files: tuple[Path, ...] = ()
    peers: Mapping[str, Peer] = field(default_factory=lambda: MappingProxyType({}))
    secondaries: Mapping[Name, SecondarySource] = field(default_factory=lambda: MappingProxyType({}))
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
