"""DNS over TLS on the real daemon: kdig and dig verify it, the certificate is renewed meanwhile, zones are fetched."""

import contextlib
import json
import socket
import ssl
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import dns.message
import dns.rcode
import pytest
from certificates import SERVER_NAME, Authority, authority, client_context, redate
from harness import Daemon, wait_for
from ports import free_port, has_ipv6

pytestmark = pytest.mark.daemon
ADDRESSES = ["127.0.0.1", "::1"] if has_ipv6() else ["127.0.0.1"]
ZONE = """\
'': {type: NS, values: [ns1.tls.example.]}
ns1: {type: A, value: 127.0.0.1}
www: {type: A, ttl: 5, value: 192.0.2.1}
"""


@pytest.fixture
def made(tmp_path: Path, tool) -> Authority:
    folder = tmp_path / "authority"
    folder.mkdir()
    return authority(folder, tool("openssl"))


@pytest.fixture
def tls_port() -> int:
    return free_port()


@pytest.fixture
def node(daemon: Daemon, made: Authority, tls_port: int) -> Daemon:
    (daemon.folder / "tls").mkdir()
    made.issue(daemon.folder / "tls/cert.pem", daemon.folder / "tls/key.pem")
    daemon.configure(settings(tls_port))
    daemon.write("zones/tls.example.yaml", ZONE)
    daemon.start()
    return daemon


def settings(port: int, more: str = "") -> str:
    listen = [f"[{address}]:{port}" if ":" in address else f"{address}:{port}" for address in ADDRESSES]
    return (
        f"zones_dir: zones\nlisten_tls: {json.dumps(listen)}\n"
        f"tls: {{certificate: tls/cert.pem, key: tls/key.pem}}\nlimits: {{tcp_idle: 10m}}\n{more}"
    )


PATIENT = "+time=20"
"""A busy machine takes its time."""


def run(*command: object) -> str:
    found = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=60, check=False)
    return found.stdout + found.stderr


def connect(made: Authority, port: int) -> ssl.SSLSocket:
    plain = socket.create_connection(("127.0.0.1", port), timeout=20)
    return client_context(made).wrap_socket(plain, server_hostname=SERVER_NAME)


def ask(connection: ssl.SSLSocket, name: str = "www.tls.example.", rtype: str = "A") -> dns.message.Message:
    wire = dns.message.make_query(name, rtype).to_wire()
    connection.sendall(len(wire).to_bytes(2, "big") + wire)
    stream = connection.makefile("rb")
    return dns.message.from_wire(stream.read(int.from_bytes(stream.read(2), "big")))


def shown(made: Authority, port: int) -> str:
    with connect(made, port) as connection:
        return dict(pair for (pair,) in connection.getpeercert()["subject"])["commonName"]


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_kdig_and_dig_verify_the_certificate_and_get_answers(
    node: Daemon, made: Authority, tls_port: int, tool: Callable[[str], str], address: str
) -> None:
    if address not in ADDRESSES:
        pytest.skip(f"needs the address {address}, which this machine does not have")
    verify = [f"+tls-ca={made.certificate}", f"+tls-hostname={SERVER_NAME}"]
    answer = run(tool("kdig"), f"@{address}", "-p", tls_port, PATIENT, "+tls", *verify, "www.tls.example", "A")
    assert "192.0.2.1" in answer
    assert "TLS1.3" in answer
    assert "Received 468 B" in answer  # kdig pads, and so do we
    wrong = [verify[0], "+tls-hostname=other.example"]
    asked = run(tool("kdig"), f"@{address}", "-p", tls_port, PATIENT, "+tls", *wrong, "www.tls.example", "A")
    assert "192.0.2.1" not in asked
    verify = [f"+tls-ca={made.certificate}", f"+tls-hostname={SERVER_NAME}"]
    answer = run(tool("dig"), f"@{address}", "-p", tls_port, PATIENT, "+tls", *verify, "+short", "www.tls.example", "A")
    assert answer == "192.0.2.1\n"


def test_a_renewed_certificate_is_shown_at_once_and_open_connections_go_on(
    node: Daemon, made: Authority, tls_port: int
) -> None:
    certificate, key = node.folder / "tls/cert.pem", node.folder / "tls/key.pem"
    with connect(made, tls_port) as connection:
        assert ask(connection).answer
        made.issue(certificate, key, "renewed")
        wait_for(lambda: shown(made, tls_port) == "renewed", "the renewed certificate")
        assert ask(connection).answer
    assert any(event["event"] == "certificate_loaded" for event in node.events())


def test_a_bad_pair_changes_nothing_and_says_why(node: Daemon, made: Authority, tls_port: int) -> None:
    certificate, key = node.folder / "tls/cert.pem", node.folder / "tls/key.pem"
    good = certificate.read_text()
    made.issue(certificate, node.folder / "tls/other.pem", "stranger")
    wait_for(lambda: "is not the key of" in node.log(), "the problem in the log")
    assert shown(made, tls_port) == SERVER_NAME
    reloaded = node.run("reload")
    assert "gslb.yaml:8: tls.key" in reloaded.stdout + reloaded.stderr
    status = node.run("status")
    assert status.returncode == 1
    assert "is not the key of" in status.stdout.replace("\n", " ")
    assert node.metrics()[f'gslb_config_ok{{file="{node.config_path}"}}'] == 0
    certificate.write_text(good)
    wait_for(lambda: node.metrics()[f'gslb_config_ok{{file="{node.config_path}"}}'] == 1, "the good pair")
    assert shown(made, tls_port) == SERVER_NAME
    key.unlink()
    wait_for(lambda: "key.pem: no such file" in node.log(), "the missing file in the log")
    assert shown(made, tls_port) == SERVER_NAME


def test_a_renewed_pair_is_taken_while_other_files_have_errors(node: Daemon, made: Authority, tls_port: int) -> None:
    certificate, key = node.folder / "tls/cert.pem", node.folder / "tls/key.pem"
    node.write("zones/tls.example.yaml", ZONE + "broken: {type: A, value: nonsense}\n")
    node.write("gslb.yaml", node.config_path.read_text() + "lisen: typo\n")
    wait_for(lambda: "config_not_taken" in node.log() and "zone_not_taken" in node.log(), "the errors in the log")
    made.issue(certificate, key, "renewed")
    wait_for(lambda: shown(made, tls_port) == "renewed", "the renewed certificate")
    ends = node.status()["tls"]["expires"]
    assert node.metrics()[f'gslb_tls_certificate_expiry_timestamp_seconds{{file="{certificate}"}}'] == ends
    assert node.metrics()[f'gslb_config_ok{{file="{node.config_path}"}}'] == 0
    assert node.values("www.tls.example") == {"192.0.2.1"}
    made.issue(certificate, node.folder / "tls/other.pem", "stranger")
    wait_for(lambda: "is not the key of" in node.log(), "the problem of the pair in the log")
    told = node.run("reload").stdout
    assert "lisen" in told
    assert "is not the key of" in told
    assert shown(made, tls_port) == "renewed"
    (node.folder / "tls/other.pem").replace(key)
    wait_for(lambda: shown(made, tls_port) == "stranger", "the pair that is whole again")
    made.issue(certificate, key, "last")
    assert "lisen" in node.run("reload").stdout
    assert shown(made, tls_port) == "last"


def test_a_pair_renewed_while_a_broken_node_file_cannot_be_parsed_is_judged_by_itself(
    node: Daemon, made: Authority, tls_port: int
) -> None:
    certificate = node.folder / "tls/cert.pem"
    node.write("gslb.yaml", "listen: [127.0.0.1\n")
    wait_for(lambda: "config_not_taken" in node.log(), "the error in the log")
    made.issue(certificate, node.folder / "tls/other.pem", "stranger")
    wait_for(lambda: "certificate_not_taken" in node.log(), "the problem of the pair in the log")
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"http://127.0.0.1:{node.api_port}/readyz", timeout=20)
    told = caught.value.read().decode()
    assert "not YAML" in told
    assert "is not the key of" in told
    (node.folder / "tls/other.pem").replace(node.folder / "tls/key.pem")
    wait_for(lambda: shown(made, tls_port) == "stranger", "the pair that is whole")


def test_metrics_and_status_tell_of_tls(node: Daemon, made: Authority, tls_port: int) -> None:
    with connect(made, tls_port) as connection:
        ask(connection)
        found = node.metrics()
        assert found['gslb_tcp_connections{transport="tls"}'] == 1
        assert found['gslb_queries_total{rcode="NOERROR",transport="tls",type="A",zone="tls.example."}'] == 1
        assert found['gslb_tls_handshakes_total{result="ok"}'] == 1
    with socket.create_connection(("127.0.0.1", tls_port), timeout=20) as plain:
        plain.sendall(b"GET / HTTP/1.0\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            plain.recv(100)
    wait_for(lambda: node.metrics().get('gslb_tls_handshakes_total{result="failed"}') == 1, "the failure to be counted")
    assert "Traceback" not in node.log()
    tls = node.status()["tls"]
    assert tls["listen"] == [[address, tls_port] for address in ADDRESSES]
    expiry = f'gslb_tls_certificate_expiry_timestamp_seconds{{file="{tls["certificate"]}"}}'
    assert node.metrics()[expiry] == tls["expires"]
    shown_text = " ".join(node.run("status").stdout.split())
    assert f"TLS on {', '.join(f'{address} port {tls_port}' for address in ADDRESSES)};" in shown_text
    assert "is valid until" in shown_text


def test_an_expired_certificate_is_served_with_a_warning(daemon: Daemon, made: Authority, tls_port: int) -> None:
    (daemon.folder / "tls").mkdir()
    made.issue(daemon.folder / "tls/cert.pem", daemon.folder / "tls/key.pem")
    redate(daemon.folder / "tls/cert.pem", "200101000000Z", "200301120000Z")
    daemon.configure(settings(tls_port))
    daemon.write("zones/tls.example.yaml", ZONE)
    assert "warning:" in daemon.run("check").stderr
    daemon.start()
    assert "expired on 2020-03-01" in daemon.log()
    status = daemon.run("status")
    assert status.returncode == 1
    assert "has expired on 2020-03-01" in " ".join(status.stdout.split())


def test_a_secondary_fetches_a_zone_over_tls_by_the_same_rules(
    node: Daemon, made: Authority, tls_port: int, tool: Callable[[str], str]
) -> None:
    asked = [tool("kdig"), "@127.0.0.1", "-p", tls_port, PATIENT, "+tls", f"+tls-ca={made.certificate}"]
    asked.append(f"+tls-hostname={SERVER_NAME}")
    assert "REFUSED" in run(*asked, "tls.example", "AXFR")
    node.configure(settings(tls_port, "allow_transfer: [127.0.0.0/8]\n"))
    wait_for(lambda: "www.tls.example." in run(*asked, "tls.example", "AXFR"), "the zone")
    assert "NOTAUTH" in run(*asked, "tls.example", "NOTIFY")
    with connect(made, tls_port) as connection:  # no ALPN
        assert ask(connection, "tls.example.", "AXFR").rcode() == dns.rcode.REFUSED
