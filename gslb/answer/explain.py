"""explain: why this name is answered as it is, as a value that people and programs can read.

It walks the same answers as `respond`, but shows the draw instead of taking it. Pure.
"""

from dataclasses import dataclass
from typing import Any

from gslb.answer.compile import ZoneTable
from gslb.answer.draws import Draw
from gslb.answer.found_at import END_OF_CHAIN, END_OF_LOOP, FoundAt, found_at
from gslb.answer.respond import UNANSWERED
from gslb.answer.segments import Answer
from gslb.answer.shown import shown_outcomes, shown_segments
from gslb.answer.table import AnswerTable
from gslb.answer.walk import MAX_STEPS
from gslb.steering.conditions import MemberState
from gslb.steering.policies import POLICIES
from gslb.steering.select import PoolState
from gslb.wire.codes import Rcode, type_to_text
from gslb.wire.names import Name, name_to_text
from gslb.wire.rdata import rdata_to_text
from gslb.zone.steered import AllDown, Steered

_LAST_RESORTS = {
    AllDown.SERVE_ALL: "its first pool, as if all were up",
    AllDown.EMPTY: "no records",
    AllDown.SERVFAIL: "SERVFAIL",
}


@dataclass(frozen=True, slots=True)
class Explanation:
    """`zone` None: no zone of ours, or a type that asks for no data. `steps` are plain JSON values, one per
    owner of the chain; the last one tells the outcome. Each has its `records`, where they were `found_at` and `why`.
    `rcode` is what a client gets."""

    qname: str
    qtype: str
    zone: str | None
    serial: int | None
    rcode: str
    steps: tuple[dict[str, Any], ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "qname": self.qname,
            "qtype": self.qtype,
            "zone": self.zone,
            "serial": self.serial,
            "rcode": self.rcode,
            "steps": list(self.steps),
        }


def explain(table: AnswerTable, qname: Name, qtype: int) -> Explanation:
    """Explain the answer to a canonical name and a type."""
    shown, kind = name_to_text(qname), type_to_text(qtype)
    if qtype in UNANSWERED:
        return Explanation(shown, kind, None, None, UNANSWERED[qtype][0].name, ())
    apex = table.apex_for(qname, qtype)
    if apex is None:
        return Explanation(shown, kind, None, None, Rcode.REFUSED.name, ())
    zone = table.zones[apex]
    if zone is None:
        return Explanation(shown, kind, name_to_text(apex), None, Rcode.SERVFAIL.name, ())
    steps: list[dict[str, Any]] = []
    rcode = Rcode.NOERROR
    name: Name | None = qname
    seen: set[Name] = set()
    dnames: set[Name] = set()
    while name is not None and name not in seen and len(seen) <= MAX_STEPS:
        seen.add(name)
        answer = zone.answer(name, qtype)
        if answer.dname in dnames:  # it comes once in a reply
            answer = answer._replace(segments=answer.segments[1:])
        elif answer.dname is not None:
            dnames.add(answer.dname)
        found, draw = found_at(zone, name, qtype), None
        if answer.draw is not None:
            draw = table.draws[answer.draw]
        rcode = answer.rcode if draw is None else draw.rcode
        steps.append(_step(zone, name, found, answer) if draw is None else _drawn(zone, name, found, draw))
        name = answer.next
    if name is not None:
        steps[-1]["why"] += END_OF_LOOP if name in seen else END_OF_CHAIN
    return Explanation(shown, kind, zone.text, zone.zone.serial, rcode.name, tuple(steps))


def _step(zone: ZoneTable, name: Name, found: FoundAt, answer: Answer) -> dict[str, Any]:
    """An owner that is not steered."""
    return {
        "owner": name_to_text(name),
        "kind": found.kind,
        "found_at": found.owner,
        "why": found.why,
        "records": shown_segments(name, zone.apex, answer.segments),
    }


def _drawn(zone: ZoneTable, name: Name, found: FoundAt, draw: Draw) -> dict[str, Any]:
    """A steered owner: `records` are those that may be drawn, or what is answered when there are none."""
    records = shown_outcomes(name, draw.outcomes)
    if not draw.outcomes and draw.rcode is not Rcode.SERVFAIL:
        records = shown_segments(name, zone.apex, [zone.negative(draw.selection.steered.rrset.ttl_seconds)])
    step = {"owner": name_to_text(name), "kind": "steered", "found_at": found.owner, "why": found.why}
    return step | _steered(draw) | {"records": records}


def _steered(draw: Draw) -> dict[str, Any]:
    steered = draw.selection.steered
    shares = draw.shares()
    return {
        "type": type_to_text(steered.rrset.rtype),
        "policy": steered.policy,
        "policy_summary": POLICIES[steered.policy].summary,
        "in_order": POLICIES[steered.policy].in_order,
        "answers": draw.answers,
        "ttl": steered.rrset.ttl_seconds,
        "pool": draw.selection.pool,
        "degraded": draw.selection.degraded,
        "all_down": steered.all_down.value,
        "last_resort": _last_resort(steered),
        "pools": [_pool(state, steered.rrset.rtype, shares, draw) for state in draw.selection.path],
        "shares": {rdata_to_text(steered.rrset.rtype, value): share for value, share in shares.items()},
    }


def _last_resort(steered: Steered) -> str:
    """What is answered when nothing on the fallback path is available, for people."""
    if steered.all_down is AllDown.VALUES:
        values = ", ".join(rdata_to_text(steered.rrset.rtype, value) for value in steered.rrset.rdatas)
        return f"the record's own values, {values}"
    return _LAST_RESORTS[steered.all_down]


def _pool(state: PoolState, rtype: int, shares: dict[bytes, float], draw: Draw) -> dict[str, Any]:
    chosen = state.pool.name == draw.selection.pool
    takes_part = chosen or draw.selection.pool is None  # all_down may answer with members of any pool
    states = state.states
    if POLICIES[draw.selection.steered.policy].in_order:
        states = tuple(sorted(states, key=lambda member: member.member.priority))
    return {
        "name": state.pool.name,
        "chosen": chosen,
        "summary": state.summary,
        "fallback": state.pool.fallback,
        "members": [
            _member(member, rtype, shares.get(member.member.value) if takes_part else None, chosen=chosen)
            for member in states
        ],
    }


def _member(state: MemberState, rtype: int, share: float | None, *, chosen: bool) -> dict[str, Any]:
    """`share` is None for a member that takes no part; `skipped` says why."""
    return {
        "value": rdata_to_text(rtype, state.member.value),
        "weight": state.member.weight,
        "priority": state.member.priority,
        "health": state.health.value,
        "available": state.available,
        "since": state.since,
        "reason": state.reason,
        "monitor": state.member.monitor.key if state.member.monitor is not None else None,
        "share": share,
        "skipped": _skipped(state, chosen=chosen) if share is None else "",
    }


def _skipped(state: MemberState, *, chosen: bool) -> str:
    if not state.available:
        return state.reason
    if state.member.weight == 0:
        return "weight 0: stands by until no other member of its pool is available"
    return "the policy prefers other members" if chosen else "its pool is not used"
