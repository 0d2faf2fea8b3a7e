"""`gslb status` and `gslb cluster status` for people: what an operator at night has to see."""

import time
from typing import Any

import pytest
from status_answer import status_answer, zone_row

from gslb.cli.show import status_view
from gslb.cli.show_cluster import cluster_view
from gslb.cli.terminal import show

HOUR = 3600.0


def secondary(state: str, serial: int | None = 7, **transfer: Any) -> dict[str, Any]:
    told = {
        "state": state,
        "error": None,
        "failing_since": None,
        "contacted": None,
        "expires_at": None,
        "next_attempt": time.time() + 90.5,
        "how": None,
        "transferred": None,
    }
    return zone_row(role="secondary", served_from="transfer", serial=serial, transfer=told | transfer)


def status(*zones: dict[str, Any], **more: Any) -> dict[str, Any]:
    return status_answer(started=time.time(), zones=list(zones), **more)


@pytest.fixture
def shown(capsys: pytest.CaptureFixture[str]):
    def of(value: dict[str, Any], view=status_view) -> str:
        show(view(value))
        return capsys.readouterr().out

    return of


def test_settings_that_wait_for_a_restart_are_named(shown) -> None:
    config = {"problems": [], "warnings": [], "pending_restart": ["listen", "limits.tcp_idle"]}
    assert "\npending restart: listen, limits.tcp_idle\n" in shown(status(config=config))
    assert "pending" not in shown(status())


def test_who_may_ask_a_zone_is_shown_where_not_everyone_may(shown) -> None:
    text = shown(
        status(zone_row(allow_query=["10.0.0.0/8", "key:office"]), zone_row(zone="y.example.", allow_query=[]))
    )
    assert "\n  x.example.: 10.0.0.0/8, key:office\n  y.example.: nobody\n" in text
    assert "allow_query" not in shown(status(zone_row()))


def test_a_lost_primary_is_shown_with_since_when_until_when_and_why(shown) -> None:
    now = time.time()
    lost = secondary(
        "retrying",
        error="primary ns1 (192.0.2.1 port 53) cannot be reached",
        failing_since=now - 3 * HOUR,
        contacted=now - 4 * HOUR,
        expires_at=now + 30 * HOUR + 60,
    )
    text = shown(status(lost))
    assert "\nPrimary lost; served on until the zone expires:\n  x.example.: for 3h, last word 4h ago;" in text
    assert "; expires in 30h (20" in text
    assert "; next try in 90s\n    primary ns1 (192.0.2.1 port 53) cannot be reached\n" in text


def test_one_primary_of_several_that_fails_is_no_lost_zone(shown) -> None:
    text = shown(status(secondary("ok", error="primary ns1 (192.0.2.1 port 53) refuses")))
    assert "\nA primary is of no use, another is:\n  x.example.: primary ns1 (192.0.2.1 port 53) refuses\n" in text
    assert "Primary lost" not in text


def test_a_secondary_zone_without_a_version_is_named_with_what_is_in_the_way(shown) -> None:
    never = secondary("loading", None, error="primary ns1 refuses")
    expired = secondary("expired", None, expires_at=time.time() - 5 * HOUR) | {"zone": "y.example."}
    text = shown(status(never, expired))
    assert (
        "\nNot served (SERVFAIL):\n  x.example.: never transferred yet; next try in 90s\n    primary ns1 refuses"
        in text
    )
    assert "\n  y.example.: expired 5h ago; next try in 90s\n" in text


def limits(**more: Any) -> dict[str, Any]:
    return {
        "log_only": False,
        "limited_networks": 3,
        "busiest": [{"network": "192.0.2.0/24", "kind": "answer", "dropped": 9, "slipped": 8}],
        "asked_most": [
            {"kind": "answer", "about": "www.x.example.", "replies": 15},
            {"kind": "error", "about": "", "replies": 2},
        ],
    } | more


def test_a_flood_is_shown_with_whom_it_meets_and_what_it_asks(shown) -> None:
    text = shown(status(rate_limit=limits()))
    assert "\nrate limit: 192.0.2.0/24 (answer: 9 dropped, 8 slipped) and 2 more networks\n" in text
    assert "\n  asked most: www.x.example. (answer: 15), error: 2\n" in text


def test_with_log_only_nothing_is_said_to_be_dropped(shown) -> None:
    text = shown(status(rate_limit=limits(log_only=True)))
    assert "rate limit (log only): 192.0.2.0/24 (answer: 9 would have been dropped, 8 cut short)" in text
    quiet = limits(log_only=True, limited_networks=0, busiest=[], asked_most=[])
    assert "rate limit (log only): nobody is above it\n" in shown(status(rate_limit=quiet))


def test_members_stand_under_their_name_which_is_never_cut_short(shown) -> None:
    owner = "a-long-name-of-a-service.department.example.com."
    member = {"owner": owner, "type": "A", "pool": "eu", "value": "192.0.2.1", "health": "up", "override": None}
    member |= {"since": None, "share": 0.5, "reason": "no monitor: always taken as up"}
    text = shown(status(members=[member, member | {"value": "192.0.2.2"}]))
    assert text.count(f"{owner} A\n") == 1
    assert "\n  eu    192.0.2.2  up      -      50.0%  no monitor: always taken as up\n" in text


def peer(**more: Any) -> dict[str, Any]:
    told = {"zone": "x.example.", "node": "ns2", "kind": "gslb", "role": "secondary", "reachable": True, "serial": 7}
    return told | {"address": "192.0.2.2 port 53", "lag": "equal", "problem": ""} | more


def cluster(*peers: dict[str, Any], zones: int = 1) -> dict[str, Any]:
    named = [zone_row(zone=f"{letter}.example.") for letter in "xyz"[:zones]]
    return {"node": "ns1", "zones": named, "peers": list(peers), "differences": [], "troubles": []}


def test_a_node_without_peers_has_nobody_to_compare_with_and_is_told_what_to_write(shown) -> None:
    text = shown(cluster(), cluster_view)
    assert "There is nobody to compare with" in text
    assert all(key in text for key in ("`peers`", "`notify`", "`allow_transfer`", "`primaries`"))
    assert "All nodes" not in text


def test_each_zone_has_a_row_for_this_node_and_for_each_peer(shown) -> None:
    text = shown(cluster(peer(), peer(zone="y.example.", kind="foreign", node="knot"), zones=3), cluster_view)
    lines = text.splitlines()
    at = lines.index("y.example.")
    assert lines[at + 1].split() == ["ns1", "primary", "7", "here", "-"]
    assert lines[at + 2].split()[:5] == ["knot", "secondary", "(foreign)", "7", "equal"]
    assert lines[at + 3] == "z.example."
    assert "here only" in lines[at + 4]
    assert lines[-1] == "All nodes serve the same serials, and see members the same."
