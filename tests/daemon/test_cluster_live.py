"""Two nodes in step by zone transfer: edits, NOTIFY, restarts, keys, and a cluster's status."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import dns.rcode
import pytest
from harness import Backend, Daemon, wait_for
from ports import free_port

pytestmark = pytest.mark.daemon

ZONE = """\
'': {type: NS, values: [ns1.pair.example., ns2.pair.example.], gslb: {soa: {refresh: 2s, retry: 1s, expire: 1h}}}
ns1: {type: A, value: 127.0.0.1}
ns2: {type: A, value: 127.0.0.1}
www:
  type: A
  ttl: 5
  values: [127.0.0.11, 127.0.0.12]
  gslb: {monitor: web, weights: {127.0.0.11: 3}}
version: {type: TXT, ttl: 5, value: v1}
"""
SECRET = "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2U="
KEY = f"keys: {{xfr: {{algorithm: hmac-sha256, secret: {SECRET}}}}}\n"


def zone(version: int) -> str:
    return ZONE.replace("value: v1", f"value: v{version}")


class Pair:
    """A primary and a secondary on one address, told apart by port."""

    def __init__(self, folder: Path, backend_port: int) -> None:
        for name in ("primary", "secondary"):
            (folder / name).mkdir()
        self.primary = Daemon(folder / "primary")
        self.secondary = Daemon(folder / "secondary")
        monitor = f"{{probe: http, port: {backend_port}, interval: 1s, timeout: 1s, rise: 1, fall: 2}}"
        self.primary_config = (
            f"{KEY}monitors: {{web: {monitor}}}\n"
            f"peers: {{ns2: {{address: 127.0.0.1, port: {self.secondary.port}, key: xfr}}}}\n"
            "zones: {pair.example: {file: zones/pair.example.yaml, notify: [ns2], allow_transfer: [ns2]}}\n"
        )
        self.secondary_config = (
            f"{KEY}peers: {{ns1: {{address: 127.0.0.1, port: {self.primary.port}, key: xfr}}}}\n"
            "zones: {pair.example: {primaries: [ns1]}}\n"
        )
        self.primary.configure(self.primary_config)
        self.primary.write("zones/pair.example.yaml", ZONE)
        self.secondary.configure(self.secondary_config)

    def start(self) -> None:
        self.primary.start()
        self.secondary.start()

    def edit(self, version: int) -> None:
        self.primary.write("zones/pair.example.yaml", zone(version))

    def both_at(self, version: int) -> None:
        for node in (self.primary, self.secondary):
            wait_for(
                lambda node=node: node.values("version.pair.example", "TXT") == {f'"v{version}"'},
                f"version {version} at {node.folder.name}; its log:\n{node.log()}",
            )


@pytest.fixture
def pair(tmp_path: Path, backends: list[Backend]) -> Iterator[Pair]:
    nodes = Pair(tmp_path, backends[0].port)
    yield nodes
    nodes.primary.stop()
    nodes.secondary.stop()


def serial(node: Daemon) -> int:
    return int(node.ask("pair.example", "SOA").answer[0][0].serial)


def test_an_edit_on_the_primary_is_served_by_the_secondary_by_ixfr(pair: Pair) -> None:
    pair.start()
    pair.both_at(1)
    for version in (2, 3):
        pair.edit(version)
        pair.both_at(version)
    assert serial(pair.primary) == serial(pair.secondary)
    transfer = pair.secondary.status()["zones"][0]["transfer"]
    assert transfer["how"] == "ixfr"
    transfers = 'gslb_transfers_total{direction="out",how="ixfr",result="ok",zone="pair.example."}'
    told = 'gslb_notify_total{direction="out",result="ok",zone="pair.example."}'
    wait_for(lambda: pair.primary.metrics().get(transfers) == 2, "the primary to count its transfers")
    wait_for(lambda: pair.primary.metrics().get(told, 0) >= 2, "the primary to count what it told")


def test_the_secondary_steers_by_its_own_probes(pair: Pair, backends: list[Backend]) -> None:
    pair.start()
    pair.both_at(1)
    wait_for(lambda: len(pair.secondary.status()["members"]) == 2, "the members at the secondary")
    backends[0].stop()
    for node in (pair.primary, pair.secondary):
        wait_for(
            lambda node=node: {value for _ in range(20) for value in node.values("www.pair.example")} == {"127.0.0.12"},
            f"{node.folder.name} to leave the dead member out",
        )


def test_the_secondary_goes_on_without_the_primary_also_over_a_restart(pair: Pair) -> None:
    pair.start()
    pair.both_at(1)
    pair.primary.kill()
    assert pair.secondary.values("www.pair.example")
    pair.secondary.kill()
    pair.secondary.start()
    assert pair.secondary.values("version.pair.example", "TXT") == {'"v1"'}
    pair.edit(2)
    pair.primary.start()
    pair.both_at(2)


def test_a_wrong_key_keeps_what_there_is_and_says_what_to_do(pair: Pair) -> None:
    pair.start()
    pair.both_at(1)
    wrong = pair.secondary_config.replace("c2Vj", "d3Jv", 1)
    pair.secondary.configure(wrong)
    wait_for(lambda: "are the secrets on both sides the same?" in pair.secondary.log(), "the reason in the log")
    pair.edit(2)
    wait_for(lambda: pair.primary.values("version.pair.example", "TXT") == {'"v2"'}, "the edit at the primary")
    refusals = pair.secondary.log().count("transfer_failed")
    wait_for(lambda: pair.secondary.log().count("transfer_failed") > refusals, "one more attempt after the edit")
    assert pair.secondary.values("version.pair.example", "TXT") == {'"v1"'}
    pair.secondary.configure(pair.secondary_config)
    pair.both_at(2)


def test_cluster_status_compares_nodes_and_its_exit_code_is_for_monitoring(pair: Pair, backends: list[Backend]) -> None:
    pair.start()
    pair.both_at(1)

    def well() -> bool:
        return pair.primary.run("cluster", "status").returncode == 0

    wait_for(well, f"the nodes to be equal: {pair.primary.run('cluster', 'status').stdout}")
    shown = pair.secondary.run("cluster", "status")
    assert shown.returncode == 0, shown.stdout
    assert "ns1" in shown.stdout
    assert "equal" in shown.stdout
    pair.secondary.stop()
    value = json.loads(pair.primary.run("cluster", "status", "--json").stdout)
    assert [row["reachable"] for row in value["peers"]] == [False]
    assert "ns2" in value["troubles"][0]
    assert pair.primary.run("cluster", "status").returncode == 1


def test_nodes_that_see_a_member_differently_are_told_apart(pair: Pair) -> None:
    """The secondary may not probe anything, so it holds the member for up that the primary finds down."""
    pair.secondary.configure(pair.secondary_config + "probe_allow: []\n")
    pair.primary.write("zones/pair.example.yaml", ZONE.replace("127.0.0.12]", "127.0.0.99]"))
    pair.start()
    pair.both_at(1)
    wait_for(lambda: "down" in pair.primary.run("status").stdout, "the dead member to be down at the primary")
    value = json.loads(pair.primary.run("cluster", "status", "--json").stdout)
    words = {each["member"]: each["seen"] for each in value["differences"]}
    assert words["www.pair.example. A 127.0.0.99"]["test"].startswith("down")
    assert words["www.pair.example. A 127.0.0.99"]["ns2"] == "up"


def test_two_keys_are_live_while_they_are_rotated(pair: Pair) -> None:
    pair.start()
    pair.both_at(1)
    new = "bmV3c2VjcmV0bmV3c2VjcmV0bmV3c2VjcmV0bmV3c2U="
    both = KEY.replace("}}\n", f"}}, new: {{algorithm: hmac-sha256, secret: {new}}}}}\n")
    pair.primary.configure(pair.primary_config.replace(KEY, both).replace("key: xfr", "key: [xfr, new]"))
    wait_for(lambda: pair.primary.run("reload").returncode == 0, "the primary to take both keys")
    pair.secondary.configure(pair.secondary_config.replace(KEY, both).replace("key: xfr", "key: [new, xfr]"))
    wait_for(lambda: pair.secondary.run("reload").returncode == 0, "the secondary to sign with the new one")
    pair.edit(2)
    pair.both_at(2)


NEW_SECRET = "bmV3c2VjcmV0bmV3c2VjcmV0bmV3c2VjcmV0bmV3c2U="
BOTH = KEY.replace("}}\n", f"}}, new: {{algorithm: hmac-sha256, secret: {NEW_SECRET}}}}}\n")


def rekeyed(config: str, keys: str) -> str:
    return config.replace(KEY, BOTH).replace("key: xfr", f"key: {keys}")


@pytest.mark.parametrize("first", ["primary", "secondary"])
def test_keys_are_rotated_whichever_end_is_edited_first(pair: Pair, first: str) -> None:
    ends = {"primary": (pair.primary, pair.primary_config), "secondary": (pair.secondary, pair.secondary_config)}
    (node, config), (other, other_config) = ends.pop(first), *ends.values()
    node.configure(rekeyed(config, "[new, xfr]"))  # which the other end knows nothing of
    pair.start()
    pair.both_at(1)
    pair.edit(2)
    pair.both_at(2)
    for each in (node, other):
        wait_for(lambda each=each: each.run("cluster", "status").returncode == 0, "the nodes to see each other")
    told = [event for event in node.events() if event["event"] == "key_not_taken"]
    assert [(event["key"], event["signed_with"]) for event in told] == [("new.", "xfr.")]
    assert "give it the key new. too" in told[0]["advice"]
    other.configure(rekeyed(other_config, "new"))  # and now the old one is gone there
    assert other.run("reload").returncode == 0
    pair.edit(3)
    pair.both_at(3)
    wait_for(lambda: any(event["event"] == "key_taken" for event in node.events()), "the key to be told as taken")


def test_a_key_file_that_is_written_anew_is_live_and_keeps_what_was_counted(pair: Pair) -> None:
    in_file = pair.secondary_config.replace(f"secret: {SECRET}", "file: xfr.key")
    pair.secondary.configure(in_file)
    pair.secondary.write("xfr.key", SECRET + "\n")
    pair.start()
    pair.both_at(1)
    pair.secondary.write("xfr.key", "d3JvbmcgYnV0IGxvbmcgZW5vdWdoIHNlY3JldA==\n")
    wait_for(lambda: "are the secrets on both sides the same?" in pair.secondary.log(), "the new secret to be in use")
    transfers = 'gslb_transfers_total{direction="in",how="axfr",result="ok",zone="pair.example."}'
    assert pair.secondary.metrics()[transfers] == 1
    pair.secondary.write("xfr.key", SECRET + "\n")
    pair.edit(2)
    pair.both_at(2)


def test_where_probes_may_go_is_live_and_what_is_not_steered_is_told(pair: Pair) -> None:
    pair.start()
    pair.both_at(1)
    pair.secondary.configure(pair.secondary_config + "probe_allow: []\n")
    wait_for(lambda: not pair.secondary.status()["members"], "the steering to be refused")
    assert "which `probe_allow` does not hold" in pair.secondary.run("status").stdout
    pair.secondary.configure(pair.secondary_config)
    wait_for(lambda: len(pair.secondary.status()["members"]) == 2, "the steering to be taken again")


def test_an_override_on_one_node_is_a_difference(pair: Pair) -> None:
    pair.start()
    pair.both_at(1)
    assert pair.secondary.run("override", "set", "www.pair.example", "127.0.0.11", "drain").returncode == 0
    shown = pair.primary.run("cluster", "status")
    assert shown.returncode == 1
    assert "ns2 says override drain" in shown.stdout


def test_a_zone_without_any_version_is_servfail_until_one_comes(pair: Pair) -> None:
    pair.secondary.configure(pair.secondary_config + "limits: {first_round: 300ms}\n")
    pair.secondary.start()
    assert pair.secondary.ask("www.pair.example").rcode() == dns.rcode.SERVFAIL
    assert pair.secondary.run("status").returncode == 1
    pair.primary.start()
    pair.both_at(1)


def test_a_third_node_takes_the_zone_from_the_secondary(pair: Pair, tmp_path: Path) -> None:
    (tmp_path / "third").mkdir()
    third = Daemon(tmp_path / "third", port=free_port())
    middle = pair.secondary_config.replace(
        "zones: {pair.example: {primaries: [ns1]}}",
        "zones: {pair.example: {primaries: [ns1], notify: [ns3], allow_transfer: [ns3]}}",
    ).replace("peers: {", f"peers: {{ns3: {{address: 127.0.0.1, port: {third.port}, key: xfr}}, ")
    pair.secondary.configure(middle)
    third.configure(pair.secondary_config.replace(str(pair.primary.port), str(pair.secondary.port)))
    pair.start()
    third.start()
    try:
        pair.edit(2)
        pair.both_at(2)
        wait_for(lambda: third.values("version.pair.example", "TXT") == {'"v2"'}, "the third node")
        assert len(third.status()["members"]) == 2
    finally:
        third.stop()


QUICKLY_SECONDS = 40.0


def test_many_zones_whose_first_primary_is_silent_start_and_restart_quickly(tmp_path: Path) -> None:
    """Each would wait 13 s for the silent one, 64 at a time: 52 s in all."""
    number = 200
    with socket.socket(type=socket.SOCK_DGRAM) as udp, socket.socket() as tcp:
        udp.bind(("127.0.0.1", free_port()))
        tcp.bind(udp.getsockname())
        tcp.listen(number)
        for name in ("primary", "secondary"):
            (tmp_path / name).mkdir()
        primary, secondary = Daemon(tmp_path / "primary"), Daemon(tmp_path / "secondary")
        ns2 = f"{{address: 127.0.0.1, port: {secondary.port}, key: xfr}}"
        primary.configure(f"{KEY}peers: {{ns2: {ns2}}}\nzones_dir: zones\nallow_transfer: [ns2]\n")
        silent = f"{{address: 127.0.0.1, port: {udp.getsockname()[1]}, key: xfr}}"
        ns1 = f"{{address: 127.0.0.1, port: {primary.port}, key: xfr}}"
        zones = "".join(f"  z{each}.example: {{primaries: [silent, ns1]}}\n" for each in range(number))
        secondary.configure(f"{KEY}peers: {{silent: {silent}, ns1: {ns1}}}\nzones:\n{zones}")
        for each in range(number):
            primary.write(f"zones/z{each}.example.yaml", "'': {type: NS, value: ns.elsewhere.example.}\n")
        try:
            primary.start()
            secondary.start()
            wait_for(lambda: confirmed(secondary) == number, "every zone to be transferred", QUICKLY_SECONDS)
            assert secondary.stop() == 0
            secondary.start()
            wait_for(lambda: confirmed(secondary) == number, "every zone to be confirmed", QUICKLY_SECONDS)
        finally:
            primary.stop()
            secondary.stop()


def confirmed(node: Daemon) -> int:
    """The zones of a secondary that a primary has spoken for since the start."""
    return sum(zone["transfer"]["primary"] == "ns1" for zone in node.status()["zones"])
