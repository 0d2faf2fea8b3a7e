"""Many addresses: replies leave from the address that was asked, over UDP, TCP and TLS; wildcards follow what the
machine has."""

import json
import os
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import dns.message
import pytest
from certificates import authority
from harness import Daemon
from ports import free_port, has_ipv6

pytestmark = pytest.mark.daemon
HOSTS = ["127.0.0.1", *(f"127.{number}.{255 - number}.{number * 7 % 250 + 1}" for number in range(1, 40))]
HOSTS += ["::1"] if has_ipv6() else []
ZONE = "'': {type: NS, values: [ns1.many.example.]}\nns1: {type: A, value: 192.0.2.1}\n"


@pytest.fixture
def tls_port() -> int:
    return free_port()


@pytest.fixture
def node(daemon: Daemon, tls_port: int, tool: Callable[[str], str], tmp_path: Path) -> Daemon:
    (tmp_path / "authority").mkdir()
    made = authority(tmp_path / "authority", tool("openssl"))
    made.issue(tmp_path / "cert.pem", tmp_path / "key.pem")
    daemon.configure(f"zones_dir: zones\nlisten_tls: {shown(tls_port)}\ntls: {{certificate: cert.pem, key: key.pem}}\n")
    text = daemon.config_path.read_text()
    daemon.write("gslb.yaml", text.replace(f"listen: [127.0.0.1:{daemon.port}]", f"listen: {shown(daemon.port)}"))
    daemon.write("zones/many.example.yaml", ZONE)
    daemon.start()
    return daemon


def shown(port: int) -> str:
    return json.dumps([f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host in HOSTS])


def query() -> bytes:
    return dns.message.make_query("ns1.many.example.", "A").to_wire()


def over_stream(stream: socket.socket) -> dns.message.Message:
    wire = query()
    stream.sendall(len(wire).to_bytes(2, "big") + wire)
    with stream.makefile("rb") as reading:
        return dns.message.from_wire(reading.read(int.from_bytes(reading.read(2), "big")))


def test_replies_leave_from_the_address_that_was_asked_over_every_transport(node: Daemon, tls_port: int) -> None:
    unverified = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    unverified.check_hostname, unverified.verify_mode = False, ssl.CERT_NONE
    for host in HOSTS:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as udp:  # not connected: it would take a reply from anywhere
            udp.settimeout(20)
            udp.sendto(query(), (host, node.port))
            reply, sender = udp.recvfrom(4096)
            assert dns.message.from_wire(reply).answer
            assert sender[:2] == (host, node.port)
        with socket.create_connection((host, node.port), timeout=20) as tcp:
            assert over_stream(tcp).answer
        with socket.create_connection((host, tls_port), timeout=20) as tcp, unverified.wrap_socket(tcp) as tls:
            assert over_stream(tls).answer
    found = node.metrics()
    for transport in ("udp", "tcp", "tls"):
        counted = f'gslb_queries_total{{rcode="NOERROR",transport="{transport}",type="A",zone="many.example."}}'
        assert found[counted] == len(HOSTS)
    assert len(node.status()["listen"]) == len(HOSTS)


def test_wildcards_follow_addresses_that_come_and_go(tool: Callable[[str], str], tmp_path: Path) -> None:
    rights = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    unshare = [tool("unshare"), *rights, "--net", "--fork", "--kill-child"]
    tool("ip")
    tried = subprocess.run([*unshare, "ip", "link", "set", "lo", "up"], capture_output=True, text=True, check=False)
    if tried.returncode:
        pytest.skip(f"needs the right to make network namespaces: {tried.stderr.strip()}")
    program = Path(__file__).with_name("wildcard_story.py")
    command = [*unshare, sys.executable, str(program), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    story = json.loads(done.stdout)
    start = ["127.0.0.1", "192.0.2.1", "2001:db8::1", "::1"]
    assert story["at the start"] == start
    assert story["after two came"] == sorted([*start, "192.0.2.2", "2001:db8::2"])
    assert story["after they went"] == start
    assert story["seconds to follow"] < 10  # the first look without an event is 15 s after the start
