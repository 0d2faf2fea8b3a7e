"""What runs where: the nodes, the backends, and where their files are. Values only; `files` writes them.

The backends have an address each and share a port, so an answered address is a server that can be asked. The primary
reads the zone file, which people edit; the secondary has the zone from the primary.
"""

from dataclasses import dataclass
from pathlib import Path

from gslb.demo.ports import PlatformError, free_dns_port, free_tcp_port, is_free_for_dns

LOOPBACK = "127.0.0.1"
APEX = "demo.example"
NAME = f"www.{APEX}"
NEW_NAME = f"new.{APEX}"
PRIMARY, SECONDARY = "primary", "secondary"
KEY_NAME = "demo"
"""The TSIG key that the nodes sign with, made for each run."""
INTERVAL_SECONDS, TIMEOUT_SECONDS, RISE, FALL = 1.0, 1.0, 2, 2
"""The demo's monitor."""
REFRESH_SECONDS, RETRY_SECONDS = 30, 2
"""How often the secondary asks by itself, and how soon again when nobody answered."""
_BACKENDS = (("127.0.0.11", 3), ("127.0.0.12", 1), ("127.0.0.13", 1))


@dataclass(frozen=True, slots=True)
class BackendPlan:
    """One backend; `number` is its key in the live view."""

    number: int
    address: str
    weight: int


@dataclass(frozen=True, slots=True)
class NodePlan:
    """One node: where it answers, and the folder that holds its configuration and state."""

    name: str
    folder: Path
    dns_port: int
    api_port: int

    @property
    def config(self) -> Path:
        return self.folder / "gslb.yaml"

    @property
    def state_dir(self) -> Path:
        return self.folder / "state"

    @property
    def key(self) -> str:
        """Its key in the live view."""
        return self.name[0]


@dataclass(frozen=True, slots=True)
class Plan:
    """The whole demo. `control_port`: where parts are killed and revived over HTTP. Of `nodes` the primary is first."""

    folder: Path
    http_port: int
    control_port: int
    backends: tuple[BackendPlan, ...]
    nodes: tuple[NodePlan, ...]

    @property
    def zone_file(self) -> Path:
        return self.nodes[0].folder / f"{APEX}.yaml"

    @property
    def key_file(self) -> Path:
        return self.folder / f"{KEY_NAME}.key"

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    @property
    def weights(self) -> dict[str, int]:
        return {backend.address: backend.weight for backend in self.backends}

    @property
    def heaviest(self) -> BackendPlan:
        return max(self.backends, key=lambda backend: backend.weight)


def make_plan(folder: Path, dns_port: int | None = None) -> Plan:
    """Choose free ports; `dns_port` is the primary's. Raises `PlatformError` when it is taken or the addresses cannot
    be had."""
    if dns_port is not None and not is_free_for_dns(LOOPBACK, dns_port):
        raise PlatformError(f"{LOOPBACK} port {dns_port} is taken: choose another with --port, or leave it out")
    return Plan(
        folder=folder,
        http_port=free_tcp_port(address for address, _ in _BACKENDS),
        control_port=free_tcp_port([LOOPBACK]),
        backends=tuple(BackendPlan(number, *backend) for number, backend in enumerate(_BACKENDS, 1)),
        nodes=_node_plans(folder, dns_port),
    )


def _node_plans(folder: Path, dns_port: int | None) -> tuple[NodePlan, ...]:
    return tuple(
        NodePlan(name, folder / name, port or free_dns_port(LOOPBACK), free_tcp_port([LOOPBACK]))
        for name, port in ((PRIMARY, dns_port), (SECONDARY, None))
    )
