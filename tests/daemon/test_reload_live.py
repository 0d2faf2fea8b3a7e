"""Edits to zones and gslb.yaml while the node serves: every way an editor writes, and every way to be wrong."""

import re
import signal
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dns.edns
import dns.message
import pytest
from certificates import authority
from harness import Daemon, wait_for

pytestmark = pytest.mark.daemon

NSID = dns.edns.GenericOption(dns.edns.OptionType.NSID, b"")

ZONE = """\
'': {type: NS, values: [ns1.edit.example.]}
ns1: {type: A, value: 127.0.0.1}
www: {type: A, ttl: 5, value: 192.0.2.1}
"""


def zone(value: str) -> str:
    return ZONE.replace("192.0.2.1", value)


@pytest.fixture
def node(daemon: Daemon) -> Daemon:
    daemon.configure()
    daemon.write("zones/edit.example.yaml", ZONE)
    daemon.start()
    return daemon


def served(node: Daemon, value: str) -> None:
    wait_for(lambda: node.values("www.edit.example") == {value}, f"{value} to be served; log:\n{node.log()}")


def serial(node: Daemon) -> int:
    return int(node.ask("edit.example", "SOA").answer[0][0].serial)


def test_an_edit_by_rename_over_is_served_under_a_higher_serial(node: Daemon) -> None:
    before = serial(node)
    node.write("zones/edit.example.yaml", zone("192.0.2.2"))
    served(node, "192.0.2.2")
    assert serial(node) > before


def test_an_edit_in_place_is_served(node: Daemon) -> None:
    (node.folder / "zones/edit.example.yaml").write_text(zone("192.0.2.3"))
    served(node, "192.0.2.3")


def test_a_swapped_symlink_is_an_edit(daemon: Daemon) -> None:
    """As orchestrators mount configuration: file -> ..data/file, and ..data -> a folder that is swapped."""
    daemon.configure()
    zones = daemon.folder / "zones"
    for number in (1, 2):
        (zones / f"..version{number}").mkdir()
        (zones / f"..version{number}/edit.example.yaml").write_text(zone(f"192.0.2.{number}"))
    (zones / "..data").symlink_to("..version1")
    (zones / "edit.example.yaml").symlink_to("..data/edit.example.yaml")
    daemon.start()
    served(daemon, "192.0.2.1")
    (zones / "..data_new").symlink_to("..version2")
    (zones / "..data_new").rename(zones / "..data")
    served(daemon, "192.0.2.2")


def test_an_edit_without_change_of_content_keeps_the_serial_also_over_a_restart(node: Daemon) -> None:
    before = serial(node)
    node.write("zones/edit.example.yaml", "# a comment\n" + ZONE)
    node.write("zones/other.example.yaml", ZONE.replace("edit", "other"))
    wait_for(lambda: node.values("www.other.example"), "the second zone: by then the first was looked at")
    assert serial(node) == before
    node.kill()
    node.start()
    assert serial(node) == before


def test_an_included_file_is_watched_too(daemon: Daemon) -> None:
    daemon.configure()
    daemon.write("zones/included", "www 5 A 192.0.2.1\n")
    master = "$TTL 60\n@ SOA ns1 ops 1 3600 600 86400 60\n@ NS ns1\nns1 A 127.0.0.1\n$INCLUDE included\n"
    daemon.write("zones/edit.example.zone", master)
    daemon.start()
    served(daemon, "192.0.2.1")
    daemon.write("zones/included", "www 5 A 192.0.2.8\n")
    served(daemon, "192.0.2.8")
    assert serial(daemon) == 2  # the file says 1, and its content changed


def test_so_is_one_that_keeps_a_zone_from_being_taken(daemon: Daemon) -> None:
    """It may be wrong, or not there yet, at the start and later on."""
    master = "$TTL 60\n@ SOA ns1 ops 1 3600 600 86400 60\n@ NS ns1\nns1 A 127.0.0.1\n"
    daemon.configure()
    daemon.write("zones/included", "www A 192.0.2.300\n")
    daemon.write("zones/edit.example.zone", f"{master}$INCLUDE included\n")
    daemon.start()
    daemon.write("zones/included", "www A 192.0.2.1\n")
    served(daemon, "192.0.2.1")
    daemon.write("zones/edit.example.zone", f"{master}$INCLUDE another\n")
    wait_for(lambda: "another: no such file" in daemon.log(), "the edit to be refused")
    daemon.write("zones/another", "www A 192.0.2.2\n")
    served(daemon, "192.0.2.2")


def test_files_are_watched_on_when_one_that_is_named_cannot_be_looked_at(node: Daemon) -> None:
    master = "$TTL 60\n@ SOA ns1 ops 1 3600 600 86400 60\n@ NS ns1\nns1 A 127.0.0.1\n"
    never = f"{'x' * 300}/names"  # longer than a name of a file may be
    node.write("zones/other.example.zone", f"{master}$INCLUDE {never}\n")
    wait_for(lambda: "zone_not_taken" in node.log(), "the edit to be refused")
    node.write("zones/edit.example.yaml", zone("192.0.2.2"))
    served(node, "192.0.2.2")
    assert node.status()["config"]["problems"] == []
    assert "will_try_again" not in node.log()


def test_a_bad_edit_changes_nothing_and_names_file_line_and_mend(node: Daemon) -> None:
    before = serial(node)
    node.write("zones/edit.example.yaml", zone("192.0.2.300").replace("ttl: 5", "tll: 5"))
    wait_for(lambda: "zone_not_taken" in node.log(), "the node to see the bad edit")
    assert node.values("www.edit.example") == {"192.0.2.1"}
    assert serial(node) == before
    status = node.run("status")
    assert status.returncode == 1
    assert "edit.example.yaml:3: " in status.stdout
    assert "192.0.2.300" in status.stdout
    assert "did you mean 'ttl'" in status.stdout
    assert node.metrics()[f'gslb_config_ok{{file="{node.folder}/zones/edit.example.yaml"}}'] == 0
    checked = node.run("check")
    assert checked.returncode == 2
    assert "edit.example.yaml:3: " in checked.stderr
    node.write("zones/edit.example.yaml", zone("192.0.2.4"))
    served(node, "192.0.2.4")
    assert node.run("status").returncode == 0


def test_a_deleted_zone_file_keeps_its_zone_until_it_is_known_what_was_meant(node: Daemon) -> None:
    """Zones named one by one: a file that is gone is a mistake, not an order to drop the zone."""
    node.configure("zones: {edit.example: {file: zones/edit.example.yaml}}\n")
    path = node.folder / "zones/edit.example.yaml"
    path.unlink()
    wait_for(lambda: "no such file" in node.log(), "the node to miss the file")
    assert node.values("www.edit.example") == {"192.0.2.1"}


def zone_row(node: Daemon) -> dict[str, Any]:
    return next(iter(node.status()["zones"]), {})


GRACE_SECONDS = 600
"""For which a zone is served on whose file is gone, if nothing else is said."""


@pytest.fixture
def emptied(node: Daemon) -> Daemon:
    """A node whose only zone file has just been taken out of zones_dir."""
    (node.folder / "zones/edit.example.yaml").unlink()
    wait_for(lambda: zone_row(node).get("served_from") == "file that is gone", "the node to miss the file")
    return node


def test_a_zone_whose_file_is_gone_from_zones_dir_is_served_on_and_told(node: Daemon) -> None:
    before = time.monotonic()
    (node.folder / "zones/edit.example.yaml").unlink()
    wait_for(lambda: zone_row(node).get("served_from") == "file that is gone", "the node to miss the file")
    assert node.values("www.edit.example") == {"192.0.2.1"}
    left = zone_row(node)["gone_seconds_left"]
    assert GRACE_SECONDS - (time.monotonic() - before) - 1 <= left <= GRACE_SECONDS
    shown = node.run("status")
    assert shown.returncode == 1
    assert "Gone, and served on for a while:" in shown.stdout
    said = r"edit\.example\.yaml; dropped in (\d+)m: put it back, or drop it with `gslb reload`"
    minutes = re.search(said, shown.stdout)
    assert minutes is not None, shown.stdout
    assert (GRACE_SECONDS - (time.monotonic() - before)) // 60 <= int(minutes[1]) < GRACE_SECONDS // 60
    (told,) = [event for event in node.events() if event["event"] == "zone_file_gone"]
    assert (told["zone"], told["level"]) == ("edit.example.", "warning")


def test_a_file_that_comes_back_is_as_before(emptied: Daemon) -> None:
    emptied.write("zones/edit.example.yaml", ZONE)
    wait_for(lambda: zone_row(emptied)["served_from"] == "file", "the zone to be served from its file")
    assert emptied.run("status").returncode == 0
    emptied.write("zones/edit.example.yaml", zone("192.0.2.2"))
    served(emptied, "192.0.2.2")


def test_other_edits_meanwhile_change_nothing_about_it(emptied: Daemon) -> None:
    emptied.write("zones/other.example.yaml", ZONE.replace("edit", "other"))
    wait_for(lambda: emptied.ask("www.other.example").rcode() == dns.rcode.NOERROR, "the other zone")
    assert emptied.values("www.edit.example") == {"192.0.2.1"}


def test_so_it_is_while_nobody_can_look_whether_its_file_is_back(emptied: Daemon) -> None:
    zones = emptied.folder / "zones"
    zones.rmdir()
    zones.symlink_to("x" * 300)  # no name of a file is as long: looking fails also for root
    wait_for(lambda: "zones is not a folder" in emptied.log(), "the folder to be refused")
    assert emptied.run("reload").stdout.count("cannot be read: File name too long") == 1
    assert emptied.values("www.edit.example") == {"192.0.2.1"}
    zones.unlink()
    zones.mkdir()
    emptied.write("zones/edit.example.yaml", zone("192.0.2.2"))
    served(emptied, "192.0.2.2")
    assert "will_try_again" not in emptied.log()


def test_reload_drops_a_zone_whose_file_is_gone_at_once(emptied: Daemon) -> None:
    reloaded = emptied.run("reload")
    assert (reloaded.returncode, reloaded.stdout) == (
        0,
        "edit.example.: dropped, for it is not configured any more, or its file is gone\n",
    )
    assert emptied.ask("www.edit.example").rcode() == dns.rcode.REFUSED
    assert not [name for name in emptied.metrics() if "edit.example" in name and name.startswith("gslb_config_ok")]


def test_when_the_grace_is_over_the_zone_is_dropped_also_under_a_broken_configuration(daemon: Daemon) -> None:
    daemon.configure("zones_dir: zones\nzones_dir_grace: 3s\n")
    daemon.write("zones/edit.example.yaml", ZONE)
    daemon.start()
    (daemon.folder / "zones/edit.example.yaml").unlink()
    wait_for(lambda: "zone_file_gone" in daemon.log(), "the node to miss the file")
    daemon.configure("nonsense: 1\n")
    wait_for(lambda: daemon.ask("www.edit.example").rcode() == dns.rcode.REFUSED, "the zone to be dropped")
    assert daemon.log().count('"zone_dropped"') == 1


def test_a_file_that_is_not_served_is_warned_of_everywhere(node: Daemon) -> None:
    node.write("zones/new.example.yml", ZONE)
    advice = "rename it to new.example.yaml, or name it under `zones`"
    wait_for(lambda: advice in node.log(), "the warning in the log")
    assert advice in node.run("status").stdout
    assert advice in node.run("check").stderr
    assert node.run("reload").returncode == 0
    assert node.log().count(advice) == 1  # once, as long as it stays


def test_a_zone_that_fails_at_start_is_served_in_its_last_good_version(node: Daemon) -> None:
    before = serial(node)
    node.stop()
    node.write("zones/edit.example.yaml", zone("192.0.2.300"))
    node.start()
    assert node.values("www.edit.example") == {"192.0.2.1"}
    assert serial(node) == before
    assert node.status()["zones"][0]["served_from"] == "last good version"


def test_a_zone_that_never_was_good_is_servfail_and_the_others_are_served(daemon: Daemon) -> None:
    daemon.configure()
    daemon.write("zones/edit.example.yaml", ZONE)
    daemon.write("zones/bad.example.yaml", zone("192.0.2.300").replace("edit", "bad"))
    daemon.start()
    assert daemon.ask("www.bad.example").rcode() == dns.rcode.SERVFAIL
    assert daemon.values("www.edit.example") == {"192.0.2.1"}


def test_the_configuration_is_live_as_a_whole(node: Daemon) -> None:
    (node.folder / "more").mkdir()
    node.write("more/more.example.yaml", ZONE.replace("edit", "more"))
    more = "zones_dir: zones\nzones: {more.example: {file: more/more.example.yaml}}\n"
    node.configure(more + "nonsense: 1\n")
    wait_for(lambda: "config_not_taken" in node.log(), "the node to see the bad configuration")
    assert node.ask("www.more.example").rcode() == dns.rcode.REFUSED
    assert "nonsense" in node.run("reload").stdout + node.run("reload").stderr
    node.configure(more)
    wait_for(lambda: node.ask("www.more.example").rcode() == dns.rcode.NOERROR, "the new zone")
    node.configure()
    wait_for(lambda: node.ask("www.more.example").rcode() == dns.rcode.REFUSED, "the zone to be dropped")


def test_other_name_servers_of_the_node_reach_the_zones_that_have_none_of_their_own(daemon: Daemon) -> None:
    zones = "zones_dir: zones\nnameservers: [%s.example.net.]\n"
    daemon.configure(zones % "old")
    daemon.write("zones/edit.example.yaml", "www: {type: A, value: 192.0.2.1}\n")
    daemon.start()
    assert daemon.values("edit.example", "NS") == {"old.example.net."}
    daemon.configure(zones % "new")
    wait_for(lambda: daemon.values("edit.example", "NS") == {"new.example.net."}, "the new name server")


def test_what_a_refused_configuration_names_is_watched(node: Daemon) -> None:
    """A file that comes after the configuration that names it, or is mended after it, is its mend."""
    key = node.write("key", "c2VjcmV0IG9mIHNpeHRlZW4gb2N0ZXRzIGFuZCBtb3Jl\n")
    key.chmod(0o644)
    node.configure("zones_dir: zones\nkeys: {k: {algorithm: hmac-sha256, file: key}}\ncookies: {file: cookie}\n")
    wait_for(lambda: "cookies.file" in node.log(), "the configuration to be refused")
    key.chmod(0o600)
    node.write("cookie", f"{'ab' * 16}\n")
    wait_for(lambda: not node.status()["config"]["problems"], "the configuration to be taken")


def test_trusted_certificates_of_a_monitor_are_refused_until_they_are_there(
    node: Daemon, tool: Callable[[str], str]
) -> None:
    trusted = node.folder / "ours.pem"
    node.configure(f"zones_dir: zones\nmonitors: {{web: {{probe: https, ca_file: {trusted}}}}}\n")
    wait_for(lambda: "config_not_taken" in node.log(), "the configuration to be refused")
    assert "monitors.web.ca_file: cannot read the trusted certificates" in "".join(node.status()["config"]["problems"])
    checked = node.run("check")
    assert checked.returncode == 2
    assert "ours.pem: no such file or directory; give a PEM file" in checked.stdout + checked.stderr
    made = node.folder / "made"
    made.mkdir()
    authority(made, tool("openssl")).certificate.replace(trusted)
    wait_for(lambda: not node.status()["config"]["problems"], "the configuration to be taken")


def test_a_cookie_secret_in_a_file_is_live(node: Daemon) -> None:
    def problems() -> list[str]:
        return node.status()["config"]["problems"]

    secret = node.write("cookie", f"{'ab' * 16}\n")
    node.configure("zones_dir: zones\nnsid: told\ncookies: {file: cookie}\n")
    wait_for(lambda: node.ask("edit.example", "SOA", options=[NSID]).options, "the configuration to be taken")
    secret.write_text("no secret\n")
    wait_for(problems, "the secret to be refused")
    secret.write_text(f"{'cd' * 16}\n")
    wait_for(lambda: not problems(), "the secret to be taken")


def test_a_broken_configuration_does_not_keep_from_asking_the_node(node: Daemon) -> None:
    node.configure("zones_dir: zones\nnonsense: 1\n")
    wait_for(lambda: "config_not_taken" in node.log(), "the node to see the bad configuration")
    asked = node.run("status")
    assert asked.returncode == 1
    assert "edit.example." in asked.stdout
    assert "nonsense" in asked.stderr


def test_a_sighup_during_the_start_is_taken_and_ends_nothing(daemon: Daemon) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        probe = f"{{probe: http, port: {silent.getsockname()[1]}, timeout: 1s, interval: 2s}}"
        daemon.configure(f"zones_dir: zones\nmonitors: {{web: {probe}}}\n")
        steered = "slow: {type: A, value: 127.0.0.1, gslb: {monitor: web}}\n"
        daemon.write("zones/edit.example.yaml", ZONE + steered)
        daemon.start(wait=False)
        wait_for(lambda: "health_loaded" in daemon.log(), "the first round of probes")
        daemon.write("zones/edit.example.yaml", zone("192.0.2.6") + steered)
        assert daemon.process is not None
        daemon.process.send_signal(signal.SIGHUP)
        wait_for(daemon.serving, "the node to serve")
        served(daemon, "192.0.2.6")
        assert daemon.process.poll() is None


def test_sighup_reads_everything_again(node: Daemon) -> None:
    assert node.process is not None
    node.write("zones/edit.example.yaml", zone("192.0.2.5"))
    node.process.send_signal(signal.SIGHUP)
    served(node, "192.0.2.5")


def test_no_query_is_lost_while_edits_go_live(node: Daemon) -> None:
    """500 queries a second over ten edits; every one is answered, with a value that was in force."""
    answers: list[str | None] = []
    stop = threading.Event()

    def stream() -> None:
        query = dns.message.make_query("www.edit.example", "A").to_wire()
        with socket.socket(type=socket.SOCK_DGRAM) as sock:
            sock.settimeout(20)
            sock.connect(("127.0.0.1", node.port))
            while not stop.is_set():
                sock.send(query)
                try:
                    answers.append(dns.message.from_wire(sock.recv(4096)).answer[0][0].to_text())
                except TimeoutError:
                    answers.append(None)
                time.sleep(0.002)

    thread = threading.Thread(target=stream)
    thread.start()
    try:
        for number in range(10, 20):
            node.write("zones/edit.example.yaml", zone(f"192.0.2.{number}"))
            wait_for(lambda value=f"192.0.2.{number}": value in answers, f"192.0.2.{number} to be served")
    finally:
        stop.set()
        thread.join()
    assert set(answers) <= {f"192.0.2.{number}" for number in (1, *range(10, 20))}


def test_a_node_that_cannot_write_its_version_keeps_the_old_one(node: Daemon) -> None:
    """A serial is on disk before it is served; where it cannot be, nothing changes."""
    folder = node.folder / "state/zones"
    folder.rename(node.folder / "state/gone")
    Path(folder).write_text("in the way")
    node.write("zones/edit.example.yaml", zone("192.0.2.6"))
    wait_for(lambda: "cannot be stored" in node.log(), "the node to fail to store the version")
    assert node.values("www.edit.example") == {"192.0.2.1"}


def test_how_much_is_logged_is_live(node: Daemon) -> None:
    as_it_was = node.config_path.read_text()
    node.write("gslb.yaml", as_it_was.replace("log: {format: json}", "log: {format: json, level: error}"))
    assert node.run("reload").returncode == 0
    told = len(node.events())
    node.write("zones/edit.example.yaml", zone("192.0.2.2"))
    served(node, "192.0.2.2")
    assert len(node.events()) == told
    node.write("gslb.yaml", as_it_was)
    assert node.run("reload").returncode == 0
    node.write("zones/edit.example.yaml", zone("192.0.2.3"))
    wait_for(lambda: any(event["event"] == "zone_loaded" for event in node.events()[told:]), "the log to say it")
