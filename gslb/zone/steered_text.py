"""A steered owner as canonical JSON text: what the private records of a zone's steering view hold.

Equal values give equal text: keys are sorted, there are no spaces, only ASCII stands in it. Rdata is hexadecimal, a
monitor is written out in full; monitors that differ only in their target share one entry of `monitors`. Reading is
strict: a key that is not known here may change the meaning of the rest, so it is an error, never passed over. The
rrset is not repeated, as it is a record of the zone; only the order of its values is, since records that are
transferred have none.
"""

import json
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gslb.wire.codes import type_to_text
from gslb.wire.records import is_well_formed
from gslb.zone.rrset import RRset
from gslb.zone.steered import AllDown, Member, Monitor, Pool, Rule, Status, Steered

FORMAT_VERSION = 1
"""Of this text. It grows with every change that a reader of the version before would not understand."""
_Shared = tuple[str, str, float, float, int, int]
_SHARED = ("probe", "options", "interval", "timeout", "rise", "fall")


class SteeredTextError(ValueError):
    """A text that describes no steering of its rrset; the message says why."""


def canonical_json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def steered_to_text(steered: Steered) -> str:
    """The text of `steered`, from which `steered_from_text` makes an equal value."""
    monitors: dict[_Shared, int] = {}
    pools = [_pool_to_json(pool, monitors) for pool in steered.pools]
    return canonical_json(
        {
            "type": int(steered.rrset.rtype),
            "values": [value.hex() for value in steered.rrset.rdatas],
            "policy": steered.policy,
            "answers": steered.answers,
            "all_down": steered.all_down.value,
            "rules": [{"pool": rule.pool} for rule in steered.rules],
            "pools": pools,
            "monitors": [dict(zip(_SHARED, monitor, strict=True)) for monitor in monitors],
        }
    )


def _pool_to_json(pool: Pool, monitors: dict[_Shared, int]) -> dict[str, Any]:
    members = [_member_to_json(member, monitors) for member in pool.members]
    return {"name": pool.name, "fallback": pool.fallback, "min_healthy": pool.min_healthy, "members": members}


def _member_to_json(member: Member, monitors: dict[_Shared, int]) -> dict[str, Any]:
    """`monitors` numbers each monitor, apart from its target, as it is first met."""
    written: dict[str, Any] = {
        "value": member.value.hex(),
        "weight": member.weight,
        "status": member.status.value,
        "priority": member.priority,
    }
    if member.monitor is not None:
        number = monitors.setdefault(_shared(member.monitor), len(monitors))
        written |= {"monitor": number, "target": member.monitor.target}
    return written


def _shared(monitor: Monitor) -> _Shared:
    """What the monitors of several targets have in common."""
    times = float(monitor.interval_seconds), float(monitor.timeout_seconds)  # 5 and 5.0 need equal text
    return (monitor.probe, monitor.options, *times, monitor.rise, monitor.fall)


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class _Monitor(_Part):
    probe: str
    options: str
    interval: Seconds
    timeout: Seconds
    rise: int
    fall: int

    def of(self, target: str) -> Monitor:
        return Monitor(self.probe, target, self.options, self.interval, self.timeout, self.rise, self.fall)


class _Member(_Part):
    value: str
    weight: int
    status: Status
    priority: int
    monitor: Annotated[int | None, Field(ge=0)] = None
    target: str | None = None

    def read(self, rtype: int, monitors: tuple[_Monitor, ...]) -> Member:
        monitor = None
        if self.monitor is not None and self.target is not None and self.monitor < len(monitors):
            monitor = monitors[self.monitor].of(self.target)
        elif self.monitor is not None or self.target is not None:
            raise SteeredTextError(f"the member {self.value} has no monitor {self.monitor} of target {self.target!r}")
        value = _rdata(self.value)
        if not is_well_formed(rtype, value):
            raise SteeredTextError(f"the member {self.value} is not {type_to_text(rtype)} data")
        return Member(value, self.weight, self.status, self.priority, monitor)


class _Pool(_Part):
    name: str
    fallback: str | None
    min_healthy: Annotated[float, Field(allow_inf_nan=False)]
    members: tuple[_Member, ...]

    def read(self, rtype: int, monitors: tuple[_Monitor, ...]) -> Pool:
        members = tuple(member.read(rtype, monitors) for member in self.members)
        return Pool(self.name, members, self.fallback, self.min_healthy)


class _Rule(_Part):
    pool: str


class _Document(_Part):
    type: int
    values: tuple[str, ...]
    policy: str
    answers: int
    all_down: AllDown
    rules: tuple[_Rule, ...]
    pools: tuple[_Pool, ...]
    monitors: tuple[_Monitor, ...]


def steered_from_text(text: str, rrsets: Mapping[int, RRset]) -> Steered:
    """The steering that `text` describes of one of the rrsets of its owner. Whether it makes sense is `zone.checks`'
    matter. Raises `SteeredTextError`, also when there is no such rrset or it has other values."""
    try:
        document = _Document.model_validate_json(text)
    except ValidationError as error:
        raise SteeredTextError(_first_of(error)) from None
    rrset = rrsets.get(document.type)
    if rrset is None:
        raise SteeredTextError(f"it steers type {document.type}, of which there is no record")
    values = tuple(map(_rdata, document.values))
    if sorted(values) != sorted(rrset.rdatas):
        raise SteeredTextError("its values are not those of the record that it steers")
    return Steered(
        RRset(rrset.owner, rrset.rtype, rrset.ttl_seconds, values),
        tuple(pool.read(document.type, document.monitors) for pool in document.pools),
        tuple(Rule(rule.pool) for rule in document.rules),
        document.policy,
        document.answers,
        document.all_down,
    )


def _rdata(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise SteeredTextError(f"{text!r} is no hexadecimal rdata") from None


def _first_of(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(map(str, first["loc"]))
    return f"{where}: {first['msg']}" if where else first["msg"]
