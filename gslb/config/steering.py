"""The steering of a record: `gslb:` in its short form, or octoDNS's `dynamic:` with `gslb:` beside it.

In the short form the record's values are the members of one pool, called `default`. In the long form `dynamic:` has
the pools and the rules, and the record's values are the last resort. What `gslb:` says by value (weights, priorities,
status, targets) is matched by what the value means, not by how it is written.
"""

import math
import socket
from collections.abc import Iterator
from collections.abc import Mapping as AnyMapping
from dataclasses import dataclass, replace
from typing import TypeVar

from gslb.config.healthcheck import read_healthcheck
from gslb.config.monitors import MonitorProfile, read_monitor
from gslb.config.problems import Findings, did_you_mean, joined
from gslb.config.sections import DynamicSchema, PoolSchema, SteeringSchema
from gslb.config.validated import empty_mapping, validated
from gslb.config.values import BadValueError, read_value
from gslb.config.yamltext import Mapping, Node, Sequence, Text
from gslb.steering.distribution import MAX_TURNS, DrawnBy
from gslb.steering.policies import POLICIES
from gslb.wire.codes import RRType
from gslb.wire.names import Name, name_to_text
from gslb.zone.checks import STEERABLE
from gslb.zone.rrset import RRset
from gslb.zone.steered import AllDown, Member, Pool, Rule, Status, Steered

DEFAULT_POOL = "default"


@dataclass(frozen=True, slots=True)
class Record:
    """A record as far as it is read: its rrset, its node, and where it is told about."""

    rrset: RRset
    type_name: str
    node: Mapping
    path: str
    apex: Name
    healthcheck: Node | None = None


ValueT = TypeVar("ValueT")


def read_steering(record: Record, monitors: AnyMapping[str, MonitorProfile], findings: Findings) -> Steered | None:
    """The steered rrset, or None when it has problems, which go to `findings`. The record has `gslb` or `dynamic`."""
    return _SteeringReader(record, monitors, findings).read()


class _SteeringReader:
    def __init__(self, record: Record, monitors: AnyMapping[str, MonitorProfile], findings: Findings) -> None:
        self.record = record
        self.monitors = monitors
        self.findings = findings
        self.gslb = record.node.get("gslb", empty_mapping(record.node.line))
        self.gslb_path = joined(record.path, "gslb")

    def read(self) -> Steered | None:
        before = len(self.findings.problems)
        if self.record.rrset.rtype not in STEERABLE:
            self._refuse_type()
            return None
        # Where the section has problems, its defaults let the rest be checked all the same.
        schema = validated(SteeringSchema, self.gslb, self.findings, self.gslb_path) or SteeringSchema()
        profile = self._profile(schema)
        pools, rules = self._dynamic() if "dynamic" in self.record.node else self._short()
        pools = self._with_values(schema, profile, pools)
        self._check_turns(schema, pools)
        self._check_answers(schema, pools)
        if len(self.findings.problems) > before:
            return None
        return Steered(self.record.rrset, pools, rules, schema.policy, schema.answers, AllDown(schema.all_down))

    def _short(self) -> tuple[tuple[Pool, ...], tuple[Rule, ...]]:
        """The record's values as one pool."""
        values = enumerate(self.record.rrset.rdatas)
        members = tuple(Member(rdata, priority=position) for position, rdata in values)
        return (Pool(DEFAULT_POOL, members),), (Rule(DEFAULT_POOL),)

    def _dynamic(self) -> tuple[tuple[Pool, ...], tuple[Rule, ...]]:
        """The pools and rules of `dynamic:`; none when it has problems."""
        self._refuse_by_value_in_pools()
        before = len(self.findings.problems)
        path = joined(self.record.path, "dynamic")
        dynamic = validated(DynamicSchema, self.record.node["dynamic"], self.findings, path)
        if dynamic is None:
            return (), ()
        pools = tuple(
            Pool(name, tuple(self._members(name, pool)), pool.fallback) for name, pool in dynamic.pools.items()
        )
        rules = self._rules_of(dynamic)
        return (pools, rules) if len(self.findings.problems) == before else ((), ())

    def _refuse_type(self) -> None:
        key = "dynamic" if "dynamic" in self.record.node else "gslb"
        said = f"{self.record.type_name} cannot be steered; A, AAAA and CNAME can"
        self.findings.error(self.record.node.key_line(key), joined(self.record.path, key), said)

    def _profile(self, schema: SteeringSchema) -> MonitorProfile | None:
        """The monitor named or written under `gslb`; without one, octoDNS's health check."""
        node = self.gslb.get("monitor") if isinstance(self.gslb, Mapping) else None
        if node is None or (isinstance(node, Text) and node.is_null):
            if schema.targets and self.record.healthcheck is None:
                said = "nothing probes them: the record has no monitor"
                self._gslb_error(("targets",), said)
            return self._from_healthcheck()
        if not isinstance(node, Text):
            return read_monitor(node, self.findings, joined(self.gslb_path, "monitor"), in_zone=True)
        profile = self.monitors.get(str(node))
        if profile is None:
            hint = did_you_mean(str(node), self.monitors) or "; gslb.yaml defines none"
            if node.lower() in {"off", "none", "no", "false"}:
                hint = "; leave `monitor` out, and nothing is probed"
            self._gslb_error(("monitor",), f"unknown monitor {str(node)!r}{hint}")
        return profile

    def _from_healthcheck(self) -> MonitorProfile | None:
        if self.record.healthcheck is None:
            return None
        path = joined(self.record.path, "octodns", "healthcheck")
        return read_healthcheck(self.record.healthcheck, self.record.rrset.owner, path, self.findings)

    def _refuse_by_value_in_pools(self) -> None:
        for key in ("weights", "status"):
            if isinstance(self.gslb, Mapping) and key in self.gslb:
                where = "weight" if key == "weights" else key
                self._gslb_error((key,), f"with `dynamic:` write `{where}` beside the value in its pool")

    def _members(self, name: str, pool: PoolSchema) -> Iterator[Member]:
        for position, value in enumerate(pool.values):
            rdata = self._pool_value(name, position)
            if rdata is not None:
                yield Member(rdata, value.weight, Status(value.status), position)

    def _pool_value(self, pool: str, position: int) -> bytes | None:
        node = _at(self.record.node, "dynamic", "pools", pool, "values", position, "value")
        try:
            return read_value(self.record.type_name, self.record.rrset.rtype, node, self.record.apex)
        except BadValueError as error:
            path = joined(self.record.path, "dynamic", "pools", pool, "values", position, "value")
            self.findings.error(error.line, path, str(error))
            return None

    def _rules_of(self, dynamic: DynamicSchema) -> tuple[Rule, ...]:
        rules = tuple(Rule(rule.pool) for rule in dynamic.rules)
        for position, rule in enumerate(rules):
            node = _at(self.record.node, "dynamic", "rules", position)
            path = joined(self.record.path, "dynamic", "rules", position)
            if rule.pool not in dynamic.pools:
                said = f"the pool {rule.pool!r} is not defined{did_you_mean(rule.pool, dynamic.pools)}"
                self.findings.error(node.line, path, said)
            if position:
                said = "never reached: the rule before it has no conditions and matches every client"
                self.findings.error(node.line, path, said)
        return rules

    def _with_values(
        self, schema: SteeringSchema, profile: MonitorProfile | None, pools: tuple[Pool, ...]
    ) -> tuple[Pool, ...]:
        """The pools with what `gslb:` says of their values, and their members' monitors."""
        if not pools:
            return ()
        known = {member.value for pool in pools for member in pool.members}
        weights = self._by_value("weights", schema.weights, known)
        priorities = self._by_value("priorities", schema.priorities, known)
        status = self._by_value("status", schema.status, known)
        targets = self._by_value("targets", schema.targets, known)

        def complete(member: Member) -> Member:
            value = member.value
            return Member(
                value,
                weights.get(value, member.weight),
                Status(status.get(value, member.status.value)),
                priorities.get(value, member.priority),
                profile.for_target(targets.get(value) or self._host(value)) if profile else None,
            )

        return tuple(
            replace(pool, members=tuple(map(complete, pool.members)), min_healthy=schema.min_healthy) for pool in pools
        )

    def _by_value(self, key: str, written: AnyMapping[str, ValueT], known: set[bytes]) -> dict[bytes, ValueT]:
        found: dict[bytes, ValueT] = {}
        section = self.gslb.get(key) if isinstance(self.gslb, Mapping) else None
        for text, _ in section.entries() if isinstance(section, Mapping) else ():
            path = joined(self.gslb_path, key, text)
            try:
                rdata = self._same_value(text)
            except BadValueError as error:
                self.findings.error(text.line, path, str(error))
                continue
            if rdata not in known:
                said = f"{str(text)!r} is not among the values; they are {', '.join(map(self._host, sorted(known)))}"
                self.findings.error(text.line, path, said)
            elif rdata in found:
                self.findings.error(text.line, path, "this value is there twice, written in two ways")
            elif str(text) in written:
                found[rdata] = written[str(text)]
        return found

    def _same_value(self, text: Text) -> bytes:
        return read_value(self.record.type_name, self.record.rrset.rtype, text, self.record.apex)

    def _host(self, rdata: bytes) -> str:
        return host_of(self.record.rrset.rtype, rdata)

    def _check_turns(self, schema: SteeringSchema, pools: tuple[Pool, ...]) -> None:
        if POLICIES[schema.policy].drawn_by is not DrawnBy.TURN:
            return
        for pool in pools:
            weights = [member.weight for member in pool.members if member.weight]
            period = sum(weights) // math.gcd(*weights) if weights else 0
            if period > MAX_TURNS:
                said = f"the weights of pool {pool.name} make a rotation of {period} turns, more than {MAX_TURNS}"
                self._gslb_error(("policy",), f"{said}; use smaller weights")

    def _check_answers(self, schema: SteeringSchema, pools: tuple[Pool, ...]) -> None:
        largest = max((len(pool.members) for pool in pools), default=schema.answers)
        if schema.answers > largest:
            has = "the pool has" if len(pools) == 1 else "the largest pool has"
            said = f"{has} {largest} value{'s' if largest != 1 else ''}, so there are never {schema.answers} answers"
            line = self.gslb.key_line("answers") if isinstance(self.gslb, Mapping) else self.gslb.line
            self.findings.warn(line, joined(self.gslb_path, "answers"), said)

    def _gslb_error(self, keys: tuple[str, ...], message: str) -> None:
        line = self.gslb.key_line(keys[0]) if isinstance(self.gslb, Mapping) else self.gslb.line
        self.findings.error(line, joined(self.gslb_path, *keys), message)


def host_of(rtype: int, rdata: bytes) -> str:
    """The host that a steered value names: an address, or a name without its last dot."""
    if rtype == RRType.A:
        return socket.inet_ntop(socket.AF_INET, rdata)
    if rtype == RRType.AAAA:
        return socket.inet_ntop(socket.AF_INET6, rdata)
    return name_to_text(rdata).rstrip(".")


def _at(node: Node, *steps: str | int) -> Node:
    """The node some steps further down, which a schema has said is there."""
    for step in steps:
        if isinstance(node, Mapping):
            node = node[str(step)]
        elif isinstance(node, Sequence):
            node = node[int(step)]
    return node
