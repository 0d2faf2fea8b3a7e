"""Shares, failover and return, through the real node, real probes and real backends."""

import json
from collections import Counter

import pytest
from harness import Backend, Daemon, wait_for
from ports import free_port

pytestmark = pytest.mark.daemon

ZONE = """\
'':
  type: NS
  values: [ns1.live.example.]
ns1: {type: A, value: 127.0.0.1}
www:
  type: A
  ttl: 5
  values: [127.0.0.11, 127.0.0.12]
  gslb: {monitor: web, weights: {127.0.0.11: 3}}
alias: {type: CNAME, value: www.live.example.}
turns:
  type: A
  ttl: 5
  values: [127.0.0.11, 127.0.0.12, 127.0.0.13]
  gslb: {monitor: web, policy: round_robin}
first:
  type: A
  ttl: 5
  values: [127.0.0.11, 127.0.0.12, 127.0.0.13]
  gslb: {monitor: web, policy: failover, answers: 2}
"""


def configure(daemon: Daemon, port: int) -> None:
    monitor = f"{{probe: http, port: {port}, path: /, interval: 1s, timeout: 1s, rise: 2, fall: 2}}"
    daemon.configure(f"zones_dir: zones\nmonitors: {{web: {monitor}}}\n")
    daemon.write("zones/live.example.yaml", ZONE)


@pytest.fixture
def node(daemon: Daemon, backends: list[Backend]) -> Daemon:
    configure(daemon, backends[0].port)
    daemon.start()
    return daemon


def counted(node: Daemon, name: str, queries: int) -> Counter[str]:
    return Counter(value for _ in range(queries) for value in node.values(name))


def test_shares_are_as_configured_from_the_first_answer_on(node: Daemon) -> None:
    seen = counted(node, "www.live.example", 2500)
    assert 0.69 < seen["127.0.0.11"] / 2500 < 0.81  # 75 %, and 6.9 standard errors either way
    assert seen.total() == 2500


def test_a_dead_member_leaves_the_answers_and_comes_back(node: Daemon, backends: list[Backend]) -> None:
    backends[0].stop()
    wait_for(lambda: node.status()["members"][0]["health"] == "down", "the member to be down")
    assert counted(node, "www.live.example", 100) == {"127.0.0.12": 100}
    backends[0].start()
    wait_for(lambda: "127.0.0.11" in counted(node, "www.live.example", 20), "the member to be answered again")


def test_a_slip_in_a_live_monitor_takes_nobody_down_when_it_is_mended_in_time(
    node: Daemon, backends: list[Backend]
) -> None:
    def edit(port: int) -> None:
        monitor = f"{{probe: http, port: {port}, path: /, interval: 1s, timeout: 1s, rise: 2, fall: 100}}"
        node.configure(f"zones_dir: zones\nmonitors: {{web: {monitor}}}\n")

    def reasons() -> list[str]:
        return [row["reason"] for row in node.status()["members"]]

    edit(free_port())
    wait_for(lambda: all("of 100 failures" in reason for reason in reasons()), "the wrong port to be probed")
    assert {row["health"] for row in node.status()["members"]} == {"up"}
    assert set(counted(node, "www.live.example", 100)) == {"127.0.0.11", "127.0.0.12"}
    edit(backends[0].port)
    wait_for(lambda: not any("failures" in reason for reason in reasons()), "the right port to be probed")
    assert "monitor_down" not in node.log()


def test_a_dead_member_stays_out_when_its_monitor_is_edited(node: Daemon, backends: list[Backend]) -> None:
    backends[0].stop()
    wait_for(lambda: counted(node, "www.live.example", 20) == {"127.0.0.12": 20}, "the member to be out")
    monitor = f"{{probe: http, port: {backends[0].port}, path: /, interval: 2s, timeout: 1s, rise: 2, fall: 9}}"
    node.configure(f"zones_dir: zones\nmonitors: {{web: {monitor}}}\n")
    assert node.run("reload").returncode == 0
    assert counted(node, "www.live.example", 100) == {"127.0.0.12": 100}


def test_a_member_that_answers_503_is_down_with_that_reason(node: Daemon, backends: list[Backend]) -> None:
    backends[1].healthy = False
    row = wait_for(
        lambda: next((row for row in node.status()["members"] if row["health"] == "down"), None),
        "the member to be down",
    )
    assert row["value"] == "127.0.0.12"
    assert "503" in row["reason"]


def test_turns_go_round_and_failover_follows_the_order(node: Daemon, backends: list[Backend]) -> None:
    turns = counted(node, "turns.live.example", 300)
    assert set(turns.values()) == {100}
    assert node.values("first.live.example") == {"127.0.0.11", "127.0.0.12"}
    backends[0].stop()
    wait_for(lambda: node.values("first.live.example") == {"127.0.0.12", "127.0.0.13"}, "the next two")


def test_a_cname_leads_to_the_steered_name(node: Daemon) -> None:
    answer = node.ask("alias.live.example").answer
    assert [rrset.name.to_text() for rrset in answer] == ["alias.live.example.", "www.live.example."]


def test_explain_names_pool_members_shares_and_who_was_skipped(node: Daemon, backends: list[Backend]) -> None:
    backends[0].stop()
    wait_for(lambda: counted(node, "www.live.example", 10) == {"127.0.0.12": 10}, "failover")
    text = node.run("explain", "www.live.example", "--client", "203.0.113.9").stdout
    for wanted in ("203.0.113.9", "pool default", "TTL 5 s", "skipped: ", "refused", "100.0%", "1 of 2 available"):
        assert wanted in text


def test_explain_of_plain_records_shows_what_dig_shows(node: Daemon) -> None:
    lines = [" ".join(line.split()) for line in node.run("explain", "live.example", "NS").stdout.splitlines()]
    for wanted in (
        "live.example. 3600 IN NS ns1.live.example.",
        "(additional)",
        "ns1.live.example. 3600 IN A 127.0.0.1",
    ):
        assert wanted in lines
    steps = json.loads(node.run("explain", "--json", "nowhere.live.example").stdout)["steps"]
    assert [(step["kind"], step["records"][0]["type"]) for step in steps] == [("nxdomain", "SOA")]


def test_explain_of_a_failover_pool_shows_the_order(node: Daemon) -> None:
    text = node.run("explain", "first.live.example").stdout
    assert "priority" in text
    assert "weight" not in text


def test_status_says_what_does_not_answer_as_configured(node: Daemon, backends: list[Backend]) -> None:
    assert node.run("status").returncode == 0
    for backend in backends:
        backend.stop()
    wait_for(lambda: all(row["health"] == "down" for row in node.status()["members"]), "all members to be down")
    status = node.run("status")
    assert status.returncode == 1
    shown = status.stdout
    assert "Not answered as configured:" in shown
    assert "nothing available in pool default: all_down values" in shown
    assert "33.3%" in shown  # of `values`, which answer now


def test_overrides_win_over_probes_and_survive_a_restart(node: Daemon) -> None:
    said = node.run("override", "set", "www.live.example", "127.0.0.11", "drain", "--note", "disk swap")
    assert said.returncode == 0, said.stderr
    assert counted(node, "www.live.example", 50) == {"127.0.0.12": 50}
    assert node.stop() == 0
    node.start()
    assert counted(node, "www.live.example", 50) == {"127.0.0.12": 50}
    assert "disk swap" in node.run("override", "list").stdout
    assert node.run("override", "clear", "www.live.example", "127.0.0.11").returncode == 0
    assert "127.0.0.11" in counted(node, "www.live.example", 50)


def test_an_override_with_an_end_ends(node: Daemon) -> None:
    assert node.run("override", "set", "www.live.example", "127.0.0.11", "down", "--for", "5s").returncode == 0
    assert counted(node, "www.live.example", 20) == {"127.0.0.12": 20}
    wait_for(lambda: "127.0.0.11" in counted(node, "www.live.example", 10), "the override to end")


def test_a_refused_override_says_what_there_is(node: Daemon) -> None:
    refused = node.run("override", "set", "www.live.example", "127.0.0.99", "down")
    assert refused.returncode == 1
    assert "127.0.0.11, 127.0.0.12" in refused.stderr
    refused = node.run("override", "set", "ns1.live.example", "127.0.0.1", "down")
    assert "first.live.example., turns.live.example., www.live.example." in refused.stderr
