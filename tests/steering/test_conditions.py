"""Which members are available: an operator's override before the zone's status before the monitor."""

import pytest

from gslb.steering.conditions import Conditions, Health, Override, OverrideNote, Verdict
from gslb.zone.steered import Member, Monitor, Status

KEY = (b"\x03www\x00", 1)
VALUE = b"\xc0\x00\x02\x01"
MONITOR = Monitor("tcp", "192.0.2.1", "{}", 5.0, 2.0, 2, 3)


def conditions(health: Health | None = None, override: Override | None = None) -> Conditions:
    verdicts = {} if health is None else {MONITOR.key: Verdict(health, 100.0, "refused", 200.0)}
    overrides = {} if override is None else {(KEY, VALUE): OverrideNote(override, "ann", "rack move", 150.0)}
    return Conditions(verdicts, overrides)


@pytest.mark.parametrize(
    ("status", "health", "override", "available", "held", "reason", "since"),
    [
        (Status.OBEY, Health.UP, None, True, False, "refused", 100.0),
        (Status.OBEY, Health.DOWN, None, False, False, "refused", 100.0),
        (Status.OBEY, Health.UNKNOWN, None, True, False, "refused", 100.0),
        (Status.OBEY, None, None, True, False, "not probed yet", None),
        (Status.UP, Health.DOWN, None, True, False, "status: up in the zone", None),
        (Status.DOWN, Health.UP, None, False, True, "status: down in the zone", None),
        (Status.DRAIN, Health.UP, None, False, True, "status: drain in the zone", None),
        (Status.OBEY, Health.DOWN, Override.UP, True, False, "override up by ann: rack move", 150.0),
        (Status.OBEY, Health.UP, Override.DOWN, False, True, "override down by ann: rack move", 150.0),
        (Status.OBEY, Health.UP, Override.DRAIN, False, True, "override drain by ann: rack move", 150.0),
        (Status.DOWN, Health.DOWN, Override.UP, True, False, "override up by ann: rack move", 150.0),
        (Status.UP, Health.UP, Override.DRAIN, False, True, "override drain by ann: rack move", 150.0),
    ],
)
def test_who_has_the_last_word(status, health, override, available, held, reason, since) -> None:
    member = Member(VALUE, status=status, monitor=MONITOR)
    state = conditions(health, override).state_of(KEY, member)
    assert (state.available, state.held, state.reason, state.since) == (available, held, reason, since)
    assert state.member is member
    assert state.health is (health or Health.UNKNOWN)


def test_a_member_without_a_monitor_is_up() -> None:
    state = conditions().state_of(KEY, Member(VALUE))
    assert (state.health, state.available, state.held) == (Health.UP, True, False)
    assert "no monitor" in state.reason


def test_an_override_without_a_note_ends_with_its_author() -> None:
    overrides = {(KEY, VALUE): OverrideNote(Override.DOWN, "ann", "", 150.0)}
    assert Conditions(overrides=overrides).state_of(KEY, Member(VALUE)).reason == "override down by ann"


@pytest.mark.parametrize("key", [(KEY, b"\xc0\x00\x02\x02"), (((b"\x01x\x00"), 1), VALUE), ((KEY[0], 28), VALUE)])
def test_an_override_is_of_one_owner_type_and_value(key) -> None:
    overrides = {key: OverrideNote(Override.DOWN, "ann", "", 150.0)}
    assert Conditions(overrides=overrides).state_of(KEY, Member(VALUE)).available
