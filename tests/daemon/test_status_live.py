"""What `gslb status` tells of a running node: settings that wait, who may ask, a primary that is lost."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import Daemon, free_port, wait_for

pytestmark = pytest.mark.daemon

ZONE = (
    "'': {type: NS, value: ns.example.net., gslb: {soa: {refresh: 1s, retry: 1s}}}\nwww: {type: A, value: 192.0.2.1}\n"
)
ZONES = "zones: {x.example: {file: zones/x.example.yaml, allow_transfer: [127.0.0.0/8]}}\n"


@pytest.fixture
def made(tmp_path: Path) -> Iterator[list[Daemon]]:
    daemons: list[Daemon] = []
    yield daemons
    for daemon in daemons:
        daemon.stop()


def node(made: list[Daemon], folder: Path, config: str, zone: str = ZONE) -> Daemon:
    folder.mkdir()
    daemon = Daemon(folder)
    daemon.configure(config)
    if zone:
        daemon.write("zones/x.example.yaml", zone)
    made.append(daemon)
    daemon.start()
    return daemon


def pending(daemon: Daemon) -> list[str]:
    return list(daemon.status()["config"]["pending_restart"])


def test_changed_settings_wait_for_a_restart_until_they_are_put_back(made: list[Daemon], tmp_path: Path) -> None:
    daemon = node(made, tmp_path / "a", ZONES)
    assert pending(daemon) == []
    port, daemon.port = daemon.port, free_port()
    daemon.configure(ZONES + "limits: {tcp_idle: 3s}\n")
    wait_for(lambda: pending(daemon) == ["listen", "limits.tcp_idle"], "the settings to be told")
    assert "pending restart: listen, limits.tcp_idle\n" in daemon.run("status").stdout
    reloaded = daemon.run("reload")
    assert (reloaded.returncode, reloaded.stdout) == (
        0,
        "reloaded, no problems\npending restart: listen, limits.tcp_idle\n",
    )
    daemon.port = port
    daemon.configure(ZONES)
    wait_for(lambda: pending(daemon) == [], "nothing to wait any more")
    told = [event["setting"] for event in daemon.events() if event["event"] == "setting_needs_restart"]
    assert told == ["listen", "limits.tcp_idle"], "once each"


def test_status_shows_who_may_ask_each_zone(made: list[Daemon], tmp_path: Path) -> None:
    daemon = node(made, tmp_path / "a", ZONES.replace("}}", ", allow_query: [127.0.0.0/8]}}"))
    assert daemon.status()["zones"][0]["allow_query"] == ["127.0.0.0/8"]
    assert "x.example.: 127.0.0.0/8\n" in daemon.run("status").stdout
    daemon.configure(ZONES)
    wait_for(lambda: daemon.status()["zones"][0]["allow_query"] is None, "the list to be gone")


def test_a_lost_primary_is_told_with_exit_code_1_until_it_is_back(made: list[Daemon], tmp_path: Path) -> None:
    primary = node(made, tmp_path / "a", ZONES)
    peers = f"peers: {{ns1: {{address: 127.0.0.1, port: {primary.port}, kind: foreign}}}}\n"
    secondary = node(made, tmp_path / "b", peers + "zones: {x.example: {primaries: [ns1]}}\n", "")
    wait_for(lambda: secondary.run("status").returncode == 0, "the secondary to be well")
    primary.stop()
    lost = wait_for(
        lambda: (shown := secondary.run("status")).returncode == 1 and "Primary lost" in shown.stdout and shown.stdout,
        "the primary to be missed",
    )
    assert "served on until the zone expires:\n  x.example.: for " in lost
    assert "; expires in " in lost
    assert f"ns1 (127.0.0.1 port {primary.port})" in lost
    primary.start()
    wait_for(lambda: secondary.run("status").returncode == 0, "the secondary to be well again")


def test_explain_in_a_pipe_has_no_blanks_at_the_ends_of_its_lines(made: list[Daemon], tmp_path: Path) -> None:
    steered = ZONE.replace("192.0.2.1}", "192.0.2.1, gslb: {}}")
    daemon = node(made, tmp_path / "a", ZONES, steered)
    shown = daemon.run("explain", "www.x.example").stdout.splitlines()
    assert "  when no pool has anybody available: the record's own values, 192.0.2.1 (all_down: values)" in shown
    assert [line for line in shown if line != line.rstrip()] == []


def test_explain_tells_that_the_zones_file_was_not_taken_and_why(made: list[Daemon], tmp_path: Path) -> None:
    daemon = node(made, tmp_path / "a", ZONES)
    said = "its file was not taken, and the version before is served:"
    assert said not in daemon.run("explain", "www.x.example").stdout
    daemon.write("zones/x.example.yaml", ZONE + "a: {type: A, value: one}\nb: {type: A, value: two}\n")
    shown = wait_for(
        lambda: said in (shown := daemon.run("explain", "www.x.example").stdout) and shown, "the problem to be told"
    )
    assert "192.0.2.1" in shown
    assert "x.example.yaml:3: a.A.value: 'one' is not an IPv4 address" in shown
    assert "  and 1 more: gslb status\n" in shown
    daemon.write("zones/x.example.yaml", ZONE)
    wait_for(lambda: said not in daemon.run("explain", "www.x.example").stdout, "the problem to be gone")
