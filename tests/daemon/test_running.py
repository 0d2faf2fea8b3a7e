"""Starting, stopping, dying; what an operator sees when something stands in the way."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import urllib.error
import urllib.request

import dns.message
import dns.rcode
import pytest
from harness import BOUND_SECONDS, Backend, Daemon, alive, wait_for

pytestmark = pytest.mark.daemon

_TEXTS = ", ".join(f"'{number:03d}{'x' * 200}'" for number in range(20))
ZONE = f"""\
'': {{type: NS, values: [ns1.run.example.]}}
ns1: {{type: A, value: 127.0.0.1}}
www:
  type: A
  ttl: 5
  values: [127.0.0.11, 127.0.0.12]
  gslb: {{monitor: web}}
big:
  type: TXT
  values: [{_TEXTS}]
"""


@pytest.fixture
def node(daemon: Daemon, backends: list[Backend]) -> Daemon:
    monitor = f"{{probe: tcp, port: {backends[0].port}, interval: 1s, timeout: 1s}}"
    daemon.configure(f"zones_dir: zones\nmonitors: {{web: {monitor}}}\n")
    daemon.write("zones/run.example.yaml", ZONE)
    daemon.start()
    return daemon


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_that_was_asked_for_ends_with_the_exit_code_that_the_help_tells(
    daemon: Daemon, number: signal.Signals
) -> None:
    daemon.configure()
    daemon.start()
    assert daemon.process is not None
    daemon.process.send_signal(number)
    assert daemon.process.wait(BOUND_SECONDS) == 0
    assert "Exit codes: 0 stopped, by SIGTERM or Ctrl-C;" in daemon.run("serve", "--help").stdout


def test_a_stop_is_graceful_and_leaves_no_process(node: Daemon) -> None:
    prober = node.status()["prober"]["pid"]
    assert node.stop() == 0
    assert not alive(prober)


def test_status_as_json_is_what_the_node_says(node: Daemon) -> None:
    printed = json.loads(node.run("status", "--json").stdout)
    said = node.status()
    assert printed.keys() == said.keys()
    assert (printed["node"], printed["zones"][0]["serial"]) == ("test", said["zones"][0]["serial"])


def test_a_killed_prober_is_replaced_while_answers_go_on(node: Daemon) -> None:
    before = node.status()["prober"]
    os.kill(before["pid"], 9)
    assert node.values("www.run.example")
    wait_for(lambda: node.status()["prober"]["restarts"] == 1, "the prober to be replaced")
    wait_for(lambda: node.status()["prober"]["state"] == "running", "the new prober to run")
    after = node.status()["prober"]
    assert after["pid"] != before["pid"]
    assert "signal 9" in after["last_exit"] or "SIGKILL" in after["last_exit"]
    assert node.metrics()["gslb_prober_restarts_total"] == 1


def test_a_killed_node_leaves_no_prober_and_comes_back_with_verdicts_overrides_and_serial(
    node: Daemon, backends: list[Backend]
) -> None:
    backends[1].stop()
    wait_for(lambda: node.values("www.run.example") == {"127.0.0.11"} and _down(node), "the member to be down")
    node.run("override", "set", "www.run.example", "127.0.0.11", "up", "--note", "kept")
    serial = node.ask("run.example", "SOA").answer[0][0].serial
    prober = node.status()["prober"]["pid"]
    since = _down(node)[0]["since"]
    wait_for(lambda: '"down"' in (node.folder / "state/verdicts.json").read_text(), "the verdict on disk")
    node.kill()
    wait_for(lambda: not alive(prober), "the orphaned prober to end")
    node.start()
    assert node.ask("run.example", "SOA").answer[0][0].serial == serial
    assert _down(node), node.log()
    assert _down(node)[0]["since"] == since
    assert [said["note"] for said in node.status()["overrides"]] == ["kept"]


def _down(node: Daemon) -> list[dict[str, float]]:
    return [row for row in node.status()["members"] if row["health"] == "down"]


def test_a_second_node_on_the_same_state_or_port_says_so_and_ends(node: Daemon) -> None:
    second = node.run("serve")
    assert second.returncode == 1
    assert "another node uses" in second.stderr
    (node.folder / "two").mkdir()
    other = Daemon(node.folder / "two", port=node.port)
    other.configure()
    third = other.run("serve")
    assert third.returncode == 1
    assert f"cannot listen on 127.0.0.1:{node.port}" in third.stderr
    assert "another program has the port" in third.stderr


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("listen: [192.0.2.77:5300]\n", "this machine has no such address"),
        ("state_dir: gslb.yaml/state\n", "cannot write"),
    ],
)
def test_what_stands_in_the_way_of_a_start_is_one_clear_line(daemon: Daemon, more: str, said: str) -> None:
    daemon.configure()
    text = daemon.config_path.read_text().splitlines(keepends=True)
    key = more.partition(":")[0]
    daemon.config_path.write_text("".join(line for line in text if not line.startswith(key)) + more)
    ended = daemon.run("serve")
    assert ended.returncode == 1
    lines = [line for line in ended.stderr.splitlines() if line.startswith("gslb: ")]
    assert len(lines) == 1
    assert said in lines[0]
    assert "Traceback" not in ended.stderr


def test_a_wrong_configuration_ends_with_2_and_every_problem(daemon: Daemon) -> None:
    daemon.configure("zone_dir: zones\nlimits: {tcp_idle: soon}\n")
    ended = daemon.run("serve")
    assert ended.returncode == 2
    assert "did you mean 'zones_dir'" in ended.stderr
    assert "gslb.yaml:7: limits.tcp_idle" in ended.stderr


def test_a_key_file_that_others_may_read_is_refused(daemon: Daemon) -> None:
    daemon.configure("keys: {xfr: {algorithm: hmac-sha256, file: xfr.key}}\n")
    key = daemon.write("xfr.key", "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2U=\n")
    key.chmod(0o644)
    ended = daemon.run("check")
    assert ended.returncode == 2
    assert "chmod 600" in ended.stderr
    key.chmod(0o600)
    assert daemon.run("check").returncode == 0


def test_commands_without_a_node_say_how_to_get_one(daemon: Daemon) -> None:
    daemon.configure()
    asked = daemon.run("status")
    assert asked.returncode == 1
    assert "gslb serve" in asked.stderr
    assert "Traceback" not in asked.stderr


def test_health_endpoints_and_metrics(node: Daemon) -> None:
    base = f"http://127.0.0.1:{node.api_port}"
    assert urllib.request.urlopen(f"{base}/healthz", timeout=BOUND_SECONDS).read() == b"ok\n"
    assert urllib.request.urlopen(f"{base}/readyz", timeout=BOUND_SECONDS).read() == b"ok\n"
    for _ in range(10):
        node.ask("www.run.example")
    node.ask("nope.run.example", "AAAA")
    node.ask("www.elsewhere.example")
    node.ask("www.run.example", tcp=True)
    found = node.metrics()
    assert found['gslb_queries_total{rcode="NOERROR",transport="udp",type="A",zone="run.example."}'] == 10
    assert found['gslb_queries_total{rcode="NXDOMAIN",transport="udp",type="AAAA",zone="run.example."}'] == 1
    assert found['gslb_queries_total{rcode="NOERROR",transport="tcp",type="A",zone="run.example."}'] == 1
    answered = [value for name, value in found.items() if name.startswith("gslb_answers_total")]
    assert sum(answered) == 11
    assert found['gslb_zone_serial{zone="run.example."}'] > 1_700_000_000
    member = 'member="127.0.0.11",owner="www.run.example.",pool="default",type="A"'
    assert found[f"gslb_member_up{{{member}}}"] == 1
    assert found['gslb_probes_total{probe="tcp",result="ok"}'] > 0


def test_readyz_names_a_zone_that_is_not_as_in_its_file(node: Daemon) -> None:
    node.write("zones/run.example.yaml", ZONE + "oops\n")
    wait_for(lambda: "zone_not_taken" in node.log(), "the bad edit to be seen")
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"http://127.0.0.1:{node.api_port}/readyz", timeout=BOUND_SECONDS)
    assert caught.value.code == 503
    assert b"run.example." in caught.value.read()


def test_dig_speaks_to_it_over_udp_tcp_and_with_truncation(node: Daemon, tool) -> None:
    dig = [tool("dig"), "@127.0.0.1", "-p", str(node.port), "+tries=1", "+time=20"]

    def ask(*words: str) -> str:
        return subprocess.run([*dig, *words], capture_output=True, text=True, timeout=BOUND_SECONDS, check=True).stdout

    assert set(ask("+short", "www.run.example").split()) <= {"127.0.0.11", "127.0.0.12"}
    assert "status: NXDOMAIN" in ask("nope.run.example")
    assert "status: REFUSED" in ask("www.elsewhere.example")
    assert "BADVERS" in ask("+edns=1", "+noednsneg", "www.run.example")
    assert "flags: qr aa tc" in ask("+ignore", "+norec", "big.run.example", "TXT")
    assert "ANSWER: 20" in ask("big.run.example", "TXT")  # dig goes to TCP by itself
    assert ask("+tcp", "+short", "ns1.run.example") == "127.0.0.1\n"
    assert "wWw.RuN.eXaMpLe." in ask("wWw.RuN.eXaMpLe")


def test_pipelined_tcp_queries_are_all_answered_in_order(node: Daemon) -> None:
    queries = [dns.message.make_query(f"n{number}.run.example", "A") for number in range(50)]
    octets = b"".join(len(q.to_wire()).to_bytes(2, "big") + q.to_wire() for q in queries)
    with (
        socket.create_connection(("127.0.0.1", node.port), timeout=BOUND_SECONDS) as sock,
        sock.makefile("rb") as replies,
    ):
        for start in range(0, len(octets), 7):  # in pieces that respect no boundary
            sock.sendall(octets[start : start + 7])
        for query in queries:
            length = int.from_bytes(replies.read(2), "big")
            reply = dns.message.from_wire(replies.read(length))
            assert reply.id == query.id
            assert reply.rcode() == dns.rcode.NXDOMAIN


PLAIN = "'': {type: NS, values: [ns1.run.example.]}\nns1: {type: A, value: 127.0.0.1}\n"


def connected(node: Daemon) -> socket.socket:
    return socket.create_connection(("127.0.0.1", node.port), timeout=BOUND_SECONDS)


def test_an_idle_tcp_connection_is_closed(daemon: Daemon) -> None:
    daemon.configure("zones_dir: zones\nlimits: {tcp_idle: 300ms}\n")
    daemon.write("zones/run.example.yaml", PLAIN)
    daemon.start()
    with connected(daemon) as silent, connected(daemon) as begun:
        with contextlib.suppress(ConnectionResetError):  # by an octet that crossed the node's end
            begun.sendall(b"\x00")  # half a length: no whole query
            assert begun.recv(1) == b""
        assert silent.recv(1) == b""


def test_the_tcp_connections_of_a_client_are_capped(daemon: Daemon) -> None:
    daemon.configure("zones_dir: zones\nlimits: {tcp_per_client: 2}\n")
    daemon.write("zones/run.example.yaml", PLAIN)
    daemon.start()
    with connected(daemon), connected(daemon), connected(daemon) as third:
        with contextlib.suppress(ConnectionResetError):
            assert third.recv(1) == b""
        assert daemon.metrics()['gslb_tcp_refused_connections_total{limit="client"}'] == 1
