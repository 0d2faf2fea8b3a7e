"""The compose file brought down to this machine: its services as processes, its network on loopback.

An address 172.31.53.x becomes 127.31.53.x, port 53 a free one, and each mounted path a path in a folder of its
service. Nothing else of the configuration files is changed.
"""

import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dns.exception
import dns.message
import dns.query
import pytest
import yaml
from harness import BOUND_SECONDS, wait_for
from ports import free_port
from processes import stop_process

from gslb.answer.table import AnswerTable
from gslb.app.signatures import signature_readings
from gslb.metrics import Metrics

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
COMPOSE = DEPLOY / "container/compose.yaml"
CONTAINERFILE = DEPLOY / "container/Containerfile"

Labels = dict[str, frozenset[str]]
"""Labels by name of a series, as PromQL knows it."""

_SERIES = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}


def registered() -> Labels:
    """The series of the node's own registry."""
    found: Labels = {}
    for metric in Metrics().registry._collector_to_names:
        found |= _series(metric._name, metric._type, metric._labelnames)
    return found


def of_signed_zones() -> Labels:
    """The series of a node with a signed zone."""
    found: Labels = {}
    for family in signature_readings(AnswerTable(), 0.0):
        found |= _series(family.name, family.type, family._labelnames)
    return found


def _series(name: str, kind: str, labels: Any) -> Labels:
    more = {"_bucket": {"le"}}
    return {name + suffix: frozenset(labels) | more.get(suffix, set()) for suffix in _SERIES[kind]}


@dataclass
class Cluster:
    """What compose.yaml describes, as processes."""

    folder: Path
    compose: dict[str, Any] = field(default_factory=lambda: yaml.safe_load(COMPOSE.read_text()))
    dns_port: int = field(default_factory=free_port)
    web_port: int = field(default_factory=free_port)
    api_port: int = field(default_factory=free_port)
    prometheus_port: int = field(default_factory=free_port)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    key: str = field(default_factory=lambda: secrets.token_hex(22) + "==")

    def root(self, service: str) -> Path:
        return self.folder / service

    def address(self, service: str) -> str:
        address = self.compose["services"][service]["networks"]["dns"]["ipv4_address"]
        return self.local(address, service)

    def local(self, text: str, service: str) -> str:
        """A text of the container's, for this machine."""
        text = text.replace("172.31.53.", "127.31.53.")
        text = re.sub(r"(127\.31\.53\.\d+):53\b", rf"\1:{self.dns_port}", text)
        text = re.sub(r"(\{address: [\d.]+),", rf"\1, port: {self.dns_port},", text)
        text = text.replace(":8053", f":{self.api_port}").replace("port: 8080", f"port: {self.web_port}")
        text = text.replace("scrape_interval: 15s", "scrape_interval: 1s").replace(
            "evaluation_interval: 15s", "evaluation_interval: 1s"
        )
        for path in (*self.mounts(service).values(), "/run/secrets", "/srv"):
            whole = rf"(?<![\w/.]){re.escape(path)}(?=[/\s\]}},]|$)"
            text = re.sub(whole, f"{self.root(service)}{path}", text, flags=re.MULTILINE)
        return text

    def mounts(self, service: str) -> dict[str, str]:
        """Source (a path in deploy/container, or a volume) to path in the container."""
        volumes = self.compose["services"][service].get("volumes", ())
        return {volume.split(":")[0]: volume.split(":")[1] for volume in volumes}

    def lay_out(self, service: str) -> None:
        """The service's part of a file system: mounted files, empty volumes, the secret."""
        root = self.root(service)
        (root / "srv").mkdir(parents=True)
        for source, target in self.mounts(service).items():
            place = root / target.lstrip("/")
            origin = COMPOSE.parent / source
            if not source.startswith("."):
                place.mkdir(parents=True)
            elif origin.is_dir():
                shutil.copytree(origin, place)
            else:
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(origin, place)
        for path in root.rglob("*.y*ml"):
            path.write_text(self.local(path.read_text(), service))
        for secret in self.compose["services"][service].get("secrets", ()):
            place = root / "run/secrets" / secret["target"]
            place.parent.mkdir(parents=True)
            place.write_text(self.key)
            place.chmod(int(str(secret["mode"]), 8) if isinstance(secret["mode"], str) else secret["mode"])

    def command(self, service: str) -> list[str]:
        said = self.compose["services"][service]
        command = [*said.get("entrypoint", image("ENTRYPOINT") if said["image"] == "gslb" else ["prometheus"])]
        command += said.get("command", [])
        programs = {
            "gslb": [sys.executable, "-m", "gslb"],
            "python": [sys.executable],
            "prometheus": [shutil.which("prometheus") or "prometheus"],
        }
        more = {
            "python": ["--bind", self.address(service)],
            "prometheus": [f"--web.listen-address={self.address(service)}:{self.prometheus_port}"],
        }
        arguments = [self.local(argument, service).replace("8080", str(self.web_port)) for argument in command[1:]]
        return [*programs[command[0]], *arguments, *more.get(command[0], [])]

    def environ(self, service: str) -> dict[str, str]:
        config = re.search(r"GSLB_CONFIG=(\S+)", CONTAINERFILE.read_text())
        assert config is not None
        return os.environ | {"GSLB_CONFIG": f"{self.root(service)}{config[1]}"}

    def run(self, service: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`gslb ARGUMENTS` as in the service's container."""
        command = [sys.executable, "-m", "gslb", *arguments]
        return subprocess.run(
            command, env=self.environ(service), capture_output=True, text=True, timeout=BOUND_SECONDS, check=False
        )

    def start(self, service: str) -> None:
        if not self.root(service).exists():
            self.lay_out(service)
        with (self.root(service) / "log").open("ab") as log:
            self.processes[service] = subprocess.Popen(
                self.command(service), env=self.environ(service), stdout=log, stderr=log
            )

    def log(self, service: str) -> str:
        return (self.root(service) / "log").read_text(errors="replace")

    def stop(self, service: str) -> int:
        process = self.processes.pop(service)
        if not stop_process(process):
            pytest.fail(f"{service} did not stop on SIGTERM:\n{self.log(service)}")
        return process.wait()

    def ask(self, service: str, name: str, rtype: str = "A") -> dns.message.Message | None:
        """The reply; None while there is none."""
        try:
            return dns.query.udp(dns.message.make_query(name, rtype), self.address(service), 1, self.dns_port)
        except (OSError, dns.exception.DNSException):
            return None

    def values(self, service: str, name: str, rtype: str = "A") -> set[str]:
        reply = self.ask(service, name, rtype)
        return {rdata.to_text() for rrset in reply.answer for rdata in rrset} if reply is not None else set()

    def drawn(self, service: str, name: str) -> set[str]:
        """What 80 answers hold in all: each member with a share of a quarter or more, but once in 10,000,000,000."""
        return set().union(*(self.values(service, name) for _ in range(80)))

    def metrics(self, service: str) -> str:
        url = f"http://{self.address(service)}:{self.api_port}/metrics"
        with urllib.request.urlopen(url, timeout=BOUND_SECONDS) as response:
            return str(response.read().decode())

    def promql(self, path: str, **query: str) -> Any:
        """What Prometheus's HTTP API says; an error of its is one of the test."""
        base = f"http://{self.address('prometheus')}:{self.prometheus_port}/api/v1/"
        with urllib.request.urlopen(f"{base}{path}?{urllib.parse.urlencode(query)}", timeout=BOUND_SECONDS) as response:
            answer = json.loads(response.read())
        assert answer["status"] == "success", answer
        return answer["data"]


def image(instruction: str) -> list[str]:
    """An instruction of the image that has a JSON list: ENTRYPOINT, CMD."""
    found = re.search(rf"^{instruction} (\[.*\])$", CONTAINERFILE.read_text(), re.MULTILINE)
    assert found is not None, instruction
    return list(json.loads(found[1]))


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """The services of compose.yaml but Prometheus, running."""
    made = Cluster(tmp_path_factory.mktemp("compose"))
    try:
        for service in made.compose["services"]:
            if service != "prometheus":
                made.start(service)
        for service in (each for each in made.processes if each.startswith("ns")):
            wait_for(
                lambda service=service: made.values(service, "www.example.com") or made.processes[service].poll(),
                f"{service} to answer; its log:\n{made.log(service)}",
            )
            assert made.processes[service].poll() is None, made.log(service)
        yield made
    finally:
        for service in list(made.processes):
            made.stop(service)


@pytest.fixture(scope="session")
def cluster_files(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], subprocess.CompletedProcess[str]]:
    """`gslb check` on the files that a service mounts."""
    made = Cluster(tmp_path_factory.mktemp("files"))

    def check(service: str) -> subprocess.CompletedProcess[str]:
        made.lay_out(service)
        return made.run(service, "check")

    return check


@pytest.fixture(scope="session")
def prometheus(cluster: Cluster, tool: Callable[[str], str]) -> Cluster:
    """The cluster, watched by a real Prometheus that has scraped it for a few seconds."""
    tool("prometheus")
    cluster.start("prometheus")

    def scraped() -> bool:
        try:
            up = cluster.promql("query", query='count_over_time(gslb_build_info{job="gslb"}[1m])')["result"]
        except OSError:
            return False
        return any(float(each["value"][1]) >= 4 for each in up)

    asked_until = time.monotonic() + 1
    while time.monotonic() < asked_until:  # a rate needs queries in more than one scrape
        cluster.values("ns1", "www.example.com")
    wait_for(scraped, f"Prometheus to scrape; its log:\n{cluster.log('prometheus')}")
    return cluster


@pytest.fixture(scope="session")
def exposed(cluster: Cluster) -> Labels:
    """Every series that a node can expose, with its labels: what it registers, and what it reads off its state (which
    a running one shows)."""
    cluster.values("ns1", "www.example.com")
    wait_for(lambda: "gslb_notify_total{" in cluster.metrics("ns1"), "the primary to have told its secondaries")
    found: Labels = {}
    for service in (each for each in cluster.processes if each.startswith("ns")):
        for name, labels in re.findall(r"^(\w+)(?:\{(.*)\})? \S+$", cluster.metrics(service), re.MULTILINE):
            found[name] = frozenset(re.findall(r'(\w+)="', labels))
    return found | registered() | of_signed_zones()
