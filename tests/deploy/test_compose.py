"""The compose file's services, run as processes: they start with the files they mount, and are a cluster."""

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from harness import wait_for

pytestmark = pytest.mark.daemon

CONTAINER = Path(__file__).parents[2] / "deploy/container"
CONTAINERFILE = (CONTAINER / "Containerfile").read_text()
COMPOSE = yaml.safe_load((CONTAINER / "compose.yaml").read_text())
NODES = ("ns1", "ns2", "ns3")


def test_three_nodes_two_backends_and_prometheus() -> None:
    assert set(COMPOSE["services"]) == {*NODES, "web1", "web2", "prometheus"}


@pytest.mark.parametrize("service", [*NODES, "prometheus"])
def test_what_is_mounted_is_there(service: str) -> None:
    for volume in COMPOSE["services"][service]["volumes"]:
        source, target, *options = volume.split(":")
        assert target.startswith("/")
        if source.startswith("."):
            assert (CONTAINER / source).exists(), source
            assert options == ["ro"]
        else:
            assert source in COMPOSE["volumes"]


def test_every_secret_is_declared_and_only_the_node_may_read_it() -> None:
    uid = re.search(r"--uid (\d+)", CONTAINERFILE)[1]
    for node in NODES:
        for secret in COMPOSE["services"][node]["secrets"]:
            assert secret["source"] in COMPOSE["secrets"]
            assert (secret["uid"], secret["mode"]) == (uid, 0o400)


def test_addresses_and_published_ports_are_different() -> None:
    services = COMPOSE["services"].values()
    addresses = [service["networks"]["dns"]["ipv4_address"] for service in services]
    published = [port.partition("/")[0] + port[-4:] for service in services for port in service.get("ports", ())]
    assert len(set(addresses)) == len(addresses)
    assert len(set(published)) == len(published)
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_the_image_runs_unprivileged_and_asks_the_node_for_its_health() -> None:
    stages = CONTAINERFILE.split("\nFROM ")
    assert len(stages) == 3  # the comment, the build, and what is shipped
    assert re.search(r"^USER gslb$", stages[2], re.MULTILINE)
    assert 'CMD ["gslb", "status"]' in stages[2]
    assert all("--no-cache-dir" in line for line in CONTAINERFILE.splitlines() if "pip install" in line)
    for source in re.findall(r"^COPY (?!--from)(.*) \S+$", CONTAINERFILE, re.MULTILINE):
        for name in source.split():
            assert (CONTAINER.parents[1] / name).exists(), name


def test_the_key_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    shutil.copy(CONTAINER / "make-key.sh", tmp_path)
    for _ in range(2):
        subprocess.run(["sh", str(tmp_path / "make-key.sh")], check=True, capture_output=True)
    made = tmp_path / ".env"
    assert made.stat().st_mode & 0o777 == 0o600
    assert re.fullmatch(r"GSLB_TRANSFER_KEY=[A-Za-z0-9+/]{43}=\n", made.read_text())
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(CONTAINER / "make-key.sh", other)
    subprocess.run(["sh", str(other / "make-key.sh")], check=True, capture_output=True)
    assert (other / ".env").read_text() != made.read_text()
    assert ".env" in (CONTAINER / ".gitignore").read_text().splitlines()
    assert COMPOSE["secrets"]["transfer_key"]["environment"] == "GSLB_TRANSFER_KEY"


@pytest.mark.parametrize("node", NODES)
def test_the_configuration_of_each_node_is_right(node: str, cluster_files: Callable[[str], object]) -> None:
    checked = cluster_files(node)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_primary_balances_the_backends(cluster) -> None:
    web1, web2 = cluster.address("web1"), cluster.address("web2")
    assert cluster.drawn("ns1", "www.example.com") == {web1, web2}


def test_the_health_check_of_the_image_is_content_with_it(cluster) -> None:
    well = cluster.run("ns1", "status")
    assert well.returncode == 0, well.stdout + well.stderr


def test_a_node_takes_a_backend_that_stops_out_and_back_in(cluster) -> None:
    web1, web2 = cluster.address("web1"), cluster.address("web2")
    cluster.stop("web1")
    for node in NODES:
        wait_for(lambda node=node: cluster.drawn(node, "www.example.com") == {web2}, f"{node} to leave web1 out")
    cluster.start("web1")
    for node in NODES:
        wait_for(lambda node=node: web1 in cluster.drawn(node, "www.example.com"), f"{node} to take web1 back")


def test_secondaries_serve_what_the_primary_is_told(cluster) -> None:
    zone = cluster.root("ns1") / "etc/gslb/zones/example.com.yaml"
    zone.write_text(zone.read_text() + "new: {type: A, value: 127.31.53.99}\n")
    for node in NODES:
        wait_for(
            lambda node=node: cluster.values(node, "new.example.com") == {"127.31.53.99"},
            f"{node} to serve the edit; its log:\n{cluster.log(node)}",
        )
    assert len({frozenset(cluster.values(node, "example.com", "SOA")) for node in NODES}) == 1
