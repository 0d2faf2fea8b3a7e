"""The demo for people: the introduction, the live view, and plain lines where there is no terminal."""

import os
import shutil
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from gslb.demo.cluster import Cluster, DemoNode
from gslb.demo.plan import APEX, LOOPBACK, NAME, Plan
from gslb.demo.shares import shares
from gslb.demo.timeline import Event, problems

WINDOW = 1000
"""Answers that the measured share is over: five seconds of the demo's queries."""
_EVENTS_SHOWN = 8
_BAR = 20
_STYLES = {"up": "green", "down": "red", "unknown": "yellow"}


def introduction(plan: Plan, *, keys: bool) -> str:
    """What runs where, and lines to copy."""
    first, gslb = plan.nodes[0], _program()
    ports = f"@{LOOPBACK} -p {first.dns_port}"
    backends = ", ".join(f"{backend.address} (weight {backend.weight})" for backend in plan.backends)
    control = f"http://{LOOPBACK}:{plan.control_port}"
    key = "press 1, 2 or 3 here, or " if keys else ""
    asked = " or ".join(f"-c {node.config}" for node in plan.nodes)
    return f"""\
backends   {backends}, port {plan.http_port}
{_nodes(plan)}
ask        dig {ports} {NAME} +short
           dig {ports} first.{APEX} +short       failover
           dig {ports} turns.{APEX} +short       in turns, two to an answer
           curl http://{plan.heaviest.address}:{plan.http_port}/
kill       {key}curl -X POST {control}/kill/1
revive     the same key, or curl -X POST {control}/revive/1
edit       {plan.zone_file}     live when saved
look       {gslb} status {asked}
           {gslb} explain -c {first.config} {NAME}
           curl http://{LOOPBACK}:{first.api_port}/metrics
logs       {plan.folder / "logs"}
"""


def _program() -> str:
    """How this shell would start `gslb`: by name, by its path beside our Python, or as a module."""
    if shutil.which("gslb"):
        return "gslb"
    beside = Path(sys.executable).with_name("gslb")
    if not beside.exists():
        return f"{sys.executable} -m gslb"
    return min(str(beside), os.path.relpath(beside), key=len)


def _nodes(plan: Plan) -> str:
    return "\n".join(f"{node.name:10} DNS on {LOOPBACK} port {node.dns_port}, UDP and TCP" for node in plan.nodes)


def live_view(cluster: Cluster, now: float, *, keys: bool) -> RenderableType:
    """The whole picture at `now` (Unix seconds)."""
    parts: list[RenderableType] = []
    for node in cluster.nodes:
        parts += [_heading(node, now), _members(node, cluster, now), *_problems(node)]
    parts += [Text("\nlately", style="bold"), *_lately(list(cluster.events)[-_EVENTS_SHOWN:])]
    numbers = " ".join(str(number) for number in cluster.backends)
    parts.append(Text(f"\n{f'{numbers} kills or revives a backend, ' if keys else ''}Ctrl-C stops everything", "dim"))
    return Group(*parts)


def _heading(node: DemoNode, now: float) -> Text:
    if node.child.pid is None:
        return Text(f"{node.plan.name} does not run: {node.child.how_it_ended}. See {node.plan.log}", "bold red")
    if node.status is None:
        return Text(f"{node.plan.name} starts")
    serials = ", ".join(f"{zone['zone']} serial {zone['serial']}" for zone in node.status["zones"])
    return Text.assemble(
        (node.plan.name, "bold"),
        f" pid {node.child.pid}, up {_ago(node.status['started'], now)}, {serials}, "
        f"{node.replies_per_second:.0f} queries/s, the demo lost {node.stream.lost} of its {node.stream.sent}",
    )


def _members(node: DemoNode, cluster: Cluster, now: float) -> Table:
    table = Table("", "member", "pid", "health", "since", "configured", "now", "measured", "", "why", box=None)
    backends = {backend.plan.address: backend for backend in cluster.backends.values()}
    counts = shares(node.stream.answers.last(WINDOW))
    for member, configured in _rows(node.status):
        measured = counts.get(member["value"], 0.0)
        backend = backends.get(member["value"])
        state = member["health"] + (f" ({member['override']})" if member["override"] else "")
        table.add_row(
            str(backend.plan.number) if backend else "",
            member["value"],
            str(backend.child.pid or "-") if backend else "",
            Text(state, _STYLES[member["health"]]),
            _ago(member["since"], now),
            f"{configured:.1%}",
            f"{member['share']:.1%}",
            f"{measured:.1%}",
            Text(("█" * round(measured * _BAR)).ljust(_BAR), "cyan"),
            member["reason"],
        )
    return table


def _rows(status: Mapping[str, Any] | None) -> Iterable[tuple[Mapping[str, Any], float]]:
    """The members of the name that the demo asks for, each with its configured share."""
    members = [each for each in (status or {}).get("members", []) if each["owner"].rstrip(".") == NAME]
    configured = shares({each["value"]: each["weight"] for each in members})
    return [(each, configured[each["value"]]) for each in members]


def _problems(node: DemoNode) -> list[Text]:
    found = problems(node.status) if node.status is not None else []
    return [Text(f"not taken, the version before is served: {problem}", "red") for problem in found]


def _lately(events: Sequence[Event]) -> list[Text]:
    return [Text(f"  {event_line(event)}") for event in events] or [Text("  nothing yet", "dim")]


def event_line(event: Event) -> str:
    """An event on one line, with the time of day."""
    clock = time.strftime("%H:%M:%S", time.localtime(event.time))
    return f"{clock}  {event.where}: {event.text}"


def plain_line(node: DemoNode) -> str:
    """The state of a node on one line."""
    counts = shares(node.stream.answers.last(WINDOW))
    members = ", ".join(
        f"{member['value']} {member['health']} {counts.get(member['value'], 0.0):.1%} of {configured:.1%}"
        for member, configured in _rows(node.status)
    )
    return f"{node.plan.name}: {node.replies_per_second:.0f} queries/s; {members}"


def _ago(since: float | None, now: float) -> str:
    return "-" if since is None else f"{max(0, now - since):.0f}s"
