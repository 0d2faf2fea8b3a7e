"""A zone that was transferred: what this node does not steer is served plain, and said so."""

import ipaddress
from dataclasses import replace

import pytest

from gslb.config.access import ProbeBounds
from gslb.config.transferred import objection, transferred_zone
from gslb.health.probes.tcp import TcpOptions
from gslb.wire.names import name_from_text
from gslb.zone.builder import ZoneBuilder
from gslb.zone.rrset import RRset
from gslb.zone.steered import Member, Monitor, Pool, Rule, Steered
from gslb.zone.view import steering_view

APEX = name_from_text("example.")
MONITOR = Monitor("tcp", "192.0.2.1", TcpOptions(port=80).to_text(), 5.0, 2.0, 2, 3)


def steered(monitor: Monitor | None = MONITOR, owner: str = "www.example.", **changed) -> Steered:
    rrset = RRset(name_from_text(owner), 1, 30, (b"\xc0\x00\x02\x01", b"\xc0\x00\x02\x02"))
    members = tuple(Member(value, monitor=monitor) for value in rrset.rdatas)
    return replace(Steered(rrset, (Pool("p", members),), (Rule("p"),)), **changed)


def weighted(*weights: int) -> tuple[Pool, ...]:
    return (Pool("p", tuple(Member(bytes((0, 0, 0, weight % 256)), weight) for weight in weights)),)


@pytest.mark.parametrize(
    "fine",
    [
        steered(),
        steered(None),
        steered(replace(MONITOR, target="a.example", interval_seconds=0.1, timeout_seconds=0.1)),
        steered(replace(MONITOR, interval_seconds=86400.0)),
        steered(policy="round_robin", pools=weighted(1000, 999, 0)),
        steered(policy="round_robin", pools=weighted(0)),
    ],
)
def test_what_a_file_may_say_is_steered(fine: Steered) -> None:
    assert objection(fine, ProbeBounds()) is None


@pytest.mark.parametrize(
    ("not_here", "reason"),
    [
        (steered(policy="geo"), "its policy 'geo' is not known here (weighted, round_robin, failover are); update"),
        (steered(replace(MONITOR, probe="icmp")), "its probe 'icmp' is not known here (http, https, tcp are); update"),
        (steered(replace(MONITOR, options='{"port":80,"new":1}')), "tcp monitor is not valid here: new: Extra inputs"),
        (steered(replace(MONITOR, options="{}")), "port: Field required"),
        (steered(replace(MONITOR, options="[")), "Invalid JSON"),
        (steered(replace(MONITOR, interval_seconds=1e-9, timeout_seconds=1e-9)), "interval: Input should be greater"),
        (steered(replace(MONITOR, interval_seconds=1e300)), "interval: Input should be less"),
        (steered(replace(MONITOR, timeout_seconds=6.0)), "must not be longer than the interval"),
        (steered(replace(MONITOR, rise=0)), "rise: Input should be greater"),
        (steered(replace(MONITOR, fall=10**9)), "fall: Input should be less"),
        (steered(replace(MONITOR, target="")), "a monitor has no target"),
        (
            steered(policy="round_robin", pools=weighted(*range(900, 960, 1))),
            "the weights of pool p make a rotation of more than 20000 turns",
        ),
    ],
)
def test_what_it_may_not_say_is_objected_to(not_here: Steered, reason: str) -> None:
    assert reason in (objection(not_here, ProbeBounds()) or "")


def test_a_target_outside_probe_allow_is_objected_to() -> None:
    bounds = ProbeBounds((ipaddress.ip_network("192.0.2.0/31"),))
    assert objection(steered(), bounds) is None
    said = objection(steered(replace(MONITOR, target="192.0.2.9")), bounds)
    assert said == "it would have this node probe '192.0.2.9', which `probe_allow` does not hold"


def test_the_owner_serves_its_plain_values_and_the_rest_is_steered() -> None:
    builder = ZoneBuilder(APEX)
    builder.add(RRset(APEX, 6, 60, (b"\x00\x00" + bytes(20),)))
    builder.steer(steered())
    builder.steer(steered(owner="new.example.", policy="geo"))
    zone, warnings = transferred_zone(APEX, steering_view(builder.build()), ProbeBounds())
    assert list(zone.steered) == [steered().key]
    assert zone.rrsets == builder.build().rrsets
    assert len(warnings) == 1
    assert warnings[0].startswith("new.example. A: its policy 'geo' is not known here")
    assert warnings[0].endswith("; its plain values are served")
