"""What runs where: the nodes, the backends, and where their files are. Values only; `files` writes them.

The backends have an address each and share a port, so an answered address is a server that can be asked. The first
node is the one that people edit; the others, if any, follow it.
"""

from dataclasses import dataclass
from pathlib import Path

from gslb.demo.ports import PlatformError, free_dns_port, free_tcp_port, is_free_for_dns

LOOPBACK = "127.0.0.1"
APEX = "demo.example"
NAME = f"www.{APEX}"
NEW_NAME = f"new.{APEX}"
INTERVAL_SECONDS, TIMEOUT_SECONDS, RISE, FALL = 1.0, 0.5, 2, 2
"""The demo's monitor."""
_BACKENDS = (("127.0.0.11", 3), ("127.0.0.12", 1), ("127.0.0.13", 1))


@dataclass(frozen=True, slots=True)
class BackendPlan:
    """One backend; `number` is its key in the live view."""

    number: int
    address: str
    weight: int


@dataclass(frozen=True, slots=True)
class NodePlan:
    """One node: where it answers, and the folder that holds all it reads and writes."""

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
    def log(self) -> Path:
        return self.folder / "logs" / f"{self.name}.log"


@dataclass(frozen=True, slots=True)
class Plan:
    """The whole demo. `control_port`: where backends are killed and revived over HTTP."""

    folder: Path
    http_port: int
    control_port: int
    backends: tuple[BackendPlan, ...]
    nodes: tuple[NodePlan, ...]

    @property
    def zone_file(self) -> Path:
        return self.folder / f"{APEX}.yaml"

    @property
    def weights(self) -> dict[str, int]:
        return {backend.address: backend.weight for backend in self.backends}

    @property
    def heaviest(self) -> BackendPlan:
        return max(self.backends, key=lambda backend: backend.weight)


def make_plan(folder: Path, dns_port: int | None = None) -> Plan:
    """Choose free ports. Raises `PlatformError` when `dns_port` is taken or the addresses cannot be had."""
    if dns_port is not None and not is_free_for_dns(LOOPBACK, dns_port):
        raise PlatformError(f"{LOOPBACK} port {dns_port} is taken: choose another with --port, or leave it out")
    backends = tuple(BackendPlan(number, *backend) for number, backend in enumerate(_BACKENDS, 1))
    return Plan(
        folder=folder,
        http_port=free_tcp_port(backend.address for backend in backends),
        control_port=free_tcp_port([LOOPBACK]),
        backends=backends,
        nodes=(NodePlan("node", folder, dns_port or free_dns_port(LOOPBACK), free_tcp_port([LOOPBACK])),),
    )
