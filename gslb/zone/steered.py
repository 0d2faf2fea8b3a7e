"""What makes an owner steered: pools of members, the rules that pick a pool, and the monitors that watch.

All frozen values, built once by the readers in `config/` and validated there. None of them knows the state of
anything: that is `steering.conditions`.
"""

import enum
import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from gslb.wire.names import Name
from gslb.zone.rrset import RRset


class Status(enum.Enum):
    """What the zone itself says of a member. OBEY follows the monitor; the others hold whatever it finds."""

    OBEY = "obey"
    UP = "up"
    DOWN = "down"
    DRAIN = "drain"


class AllDown(enum.Enum):
    """What is answered when no pool on the fallback path has an available member.

    VALUES: the record's plain values. SERVE_ALL: the members of the first pool, disregarding their probes.
    EMPTY: nodata. SERVFAIL: that rcode.
    """

    VALUES = "values"
    SERVE_ALL = "serve_all"
    EMPTY = "empty"
    SERVFAIL = "servfail"


@dataclass(frozen=True)
class Monitor:
    """A periodic check of one target, written out in full.

    `probe` names the kind in `health.probes.PROBES`; `target` is the host probed (an address or a host name),
    which may differ from the value answered; `options` is that kind's validated options as canonical JSON text
    (sorted keys), so that the value can be hashed, compared, sent and stored. Two members whose monitors are
    equal share one probe.
    """

    probe: str
    target: str
    options: str
    interval_seconds: float
    timeout_seconds: float
    rise: int
    fall: int

    @cached_property
    def key(self) -> str:
        """A short identity for logs, files and the pipe to the prober: `http 192.0.2.1 5f2c9a01`."""
        text = json.dumps(
            [
                self.probe,
                self.target,
                self.options,
                float(self.interval_seconds),  # 5 and 5.0 are equal, so they need equal keys
                float(self.timeout_seconds),
                self.rise,
                self.fall,
            ]
        )
        return f"{self.probe} {self.target} {hashlib.sha256(text.encode()).hexdigest()[:8]}"

    def option_values(self) -> dict[str, Any]:
        return dict(json.loads(self.options))


@dataclass(frozen=True, slots=True)
class Member:
    """One endpoint of a pool: the rdata it is answered with, and how it takes part.

    A member of weight 0 stands by: it is answered only when no other member of its pool is available. `priority`
    orders the `failover` policy, lower first. `monitor` None means never probed, taken as up.
    """

    value: bytes
    weight: int = 1
    status: Status = Status.OBEY
    priority: int = 0
    monitor: Monitor | None = None


@dataclass(frozen=True, slots=True)
class Pool:
    """Members that serve alike. `fallback` names the pool tried when fewer than `min_healthy` (a fraction, 0 to 1,
    of the members with a weight) are available; 0 wants at least one."""

    name: str
    members: tuple[Member, ...]
    fallback: str | None = None
    min_healthy: float = 0.0


@dataclass(frozen=True, slots=True)
class Rule:
    """Which pool answers. Without conditions it matches every client; the first match wins."""

    pool: str


SteeredKey = tuple[Name, int]


@dataclass(frozen=True, slots=True)
class Steered:
    """A steered owner and type. `rrset` holds its plain values: the last resort, and what a foreign secondary
    serves; its TTL is the record's. `pools` are in the order written; every pool name that a rule or a fallback
    uses is among them, and fallbacks never loop (checked by `zone.checks`)."""

    rrset: RRset
    pools: tuple[Pool, ...]
    rules: tuple[Rule, ...]
    policy: str = "weighted"
    answers: int = 1
    all_down: AllDown = AllDown.VALUES

    @property
    def key(self) -> SteeredKey:
        return (self.rrset.owner, self.rrset.rtype)

    def pool(self, name: str) -> Pool:
        """The pool called `name`. Raises `KeyError`."""
        for pool in self.pools:
            if pool.name == name:
                return pool
        raise KeyError(name)

    def monitors(self) -> set[Monitor]:
        return {member.monitor for pool in self.pools for member in pool.members if member.monitor is not None}
