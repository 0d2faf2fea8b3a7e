"""Conditions: all that is known about members at one moment, as one immutable value.

`health/` makes it and hands it over; nothing here reads a clock. Health is known per monitor (records that probe
the same target the same way share a verdict), overrides per member of an owner and type.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from gslb.zone.steered import Member, Status, SteeredKey


class Health(enum.Enum):
    """What the monitor found. UNKNOWN (no verdict yet, or a stale one) is served as available."""

    UP = "up"
    DOWN = "down"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A monitor's verdict: since when (Unix seconds), why (one line for people), when it was last confirmed,
    and the latency of the last successful probe."""

    health: Health
    since: float
    reason: str
    checked: float
    latency_seconds: float | None = None


class Override(enum.Enum):
    """What an operator said of a member on this node."""

    UP = "up"
    DOWN = "down"
    DRAIN = "drain"


@dataclass(frozen=True, slots=True)
class OverrideNote:
    """An override with who said it, why, since when and until when (Unix seconds, None: until it is cleared)."""

    state: Override
    author: str
    note: str
    since: float
    until: float | None = None


OverrideKey = tuple[SteeredKey, bytes]
"""The owner and type, and the member's value."""


@dataclass(frozen=True, slots=True)
class MemberState:
    """One member as the policies see it.

    `available`: may be answered as far as its state goes (up or unknown, not drained); its weight is the policy's
    matter. `held`: an operator or the zone, not a probe, keeps it out; failing open never overrules that while any
    other member remains.
    """

    member: Member
    health: Health
    available: bool
    held: bool
    reason: str
    since: float | None


@dataclass(frozen=True, slots=True)
class Conditions:
    """`verdicts` by `Monitor.key`; `overrides` by owner, type and value."""

    verdicts: Mapping[str, Verdict] = field(default_factory=lambda: MappingProxyType({}))
    overrides: Mapping[OverrideKey, OverrideNote] = field(default_factory=lambda: MappingProxyType({}))

    def state_of(self, key: SteeredKey, member: Member) -> MemberState:
        """The one place that decides whether a member is available. An override by an operator wins over the zone's
        `status`, which wins over the monitor."""
        verdict = self.verdicts.get(member.monitor.key) if member.monitor is not None else None
        if member.monitor is None:
            health, reason, since = Health.UP, "no monitor: always taken as up", None
        elif verdict is None:
            health, reason, since = Health.UNKNOWN, "not probed yet", None
        else:
            health, reason, since = verdict.health, verdict.reason, verdict.since
        override = self.overrides.get((key, member.value))
        if override is not None:
            said = f"override {override.state.value} by {override.author}" + (
                f": {override.note}" if override.note else ""
            )
            available = override.state is Override.UP
            return MemberState(member, health, available, not available, said, override.since)
        if member.status is not Status.OBEY:
            available = member.status is Status.UP
            said = f"status: {member.status.value} in the zone"
            return MemberState(member, health, available, not available, said, None)
        return MemberState(member, health, health is not Health.DOWN, held=False, reason=reason, since=since)
