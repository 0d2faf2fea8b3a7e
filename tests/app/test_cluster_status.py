"""Comparing what nodes serve and see: exact, on made-up views."""

import pytest

from gslb.app.cluster_status import differences, lag, peer_row, troubles
from gslb.config.peers import Peer
from gslb.transfer.report import PeerView
from gslb.wire.names import name_from_text

APEX = name_from_text("x.example.")
NS2 = Peer("ns2", "192.0.2.2")
NS3 = Peer("ns3", "192.0.2.3")


def report(**members: list[object]) -> dict[str, object]:
    return {"version": 1, "serial": 5, "cut": False, "members": members}


@pytest.mark.parametrize(
    ("theirs", "ours", "expected"),
    [
        (5, 5, "equal"),
        (4, 5, "behind"),
        (6, 5, "ahead"),
        (2**32 - 1, 1, "behind"),  # the circle of RFC 1982
        (None, 5, "unknown"),
        (5, None, "unknown"),
    ],
)
def test_lag_is_serial_arithmetic(theirs: int | None, ours: int | None, expected: str) -> None:
    assert lag(theirs, ours) == expected


def test_equal_nodes_have_no_troubles() -> None:
    rows = [peer_row(PeerView(NS2, APEX, 5, report()), "secondary", 5)]
    assert troubles(rows, differences("ns1", {APEX: report()}, [PeerView(NS2, APEX, 5, report())])) == []


def test_an_unreachable_and_a_lagging_peer_are_named_with_the_reason() -> None:
    rows = [
        peer_row(PeerView(NS2, APEX, problem="does not answer over UDP"), "secondary", 5),
        peer_row(PeerView(NS3, APEX, 4), "secondary", 5),
    ]
    first, second = troubles(rows, [])
    assert "ns2 (192.0.2.2 port 53): does not answer over UDP" in first
    assert "serial 4 is behind" in second


def test_members_that_nodes_see_differently_are_listed_with_each_nodes_word() -> None:
    views = [PeerView(NS2, APEX, 5, report(a=["down", 1.0, "refused"])), PeerView(NS3, APEX, 5)]
    found = differences("ns1", {APEX: report(b=["down", 1.0, "timed out"])}, views)
    assert [(each["member"], each["seen"]) for each in found] == [
        ("a", {"ns1": "up", "ns2": "down: refused"}),
        ("b", {"ns1": "down: timed out", "ns2": "up"}),
    ]


def test_the_same_state_for_another_reason_is_no_difference() -> None:
    views = [PeerView(NS2, APEX, 5, report(a=["down", 1.0, "refused"]))]
    assert differences("ns1", {APEX: report(a=["down", 9.0, "timed out"])}, views) == []


def test_a_state_is_not_said_twice_where_the_reason_begins_with_it() -> None:
    drained = report(www=["override drain", 1.0, "override drain by root: disk"])
    views = [PeerView(NS2, APEX, 5, drained), PeerView(NS3, APEX, 5, report(www=["down", 1.0, "refused"]))]
    (differing,) = differences("ns1", {APEX: report()}, views)
    assert differing["seen"] == {"ns1": "up", "ns2": "override drain by root: disk", "ns3": "down: refused"}
