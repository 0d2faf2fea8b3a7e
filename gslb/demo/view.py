"""The picture of the running demo: nodes, members as the nodes see them, what happened lately; and the same as plain
lines where there is no terminal. A screen of 80 columns and 24 lines holds it."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import ConsoleDimensions, Group, RenderableType
from rich.table import Table
from rich.text import Text

from gslb.demo.cluster import Cluster
from gslb.demo.introduction import introduction
from gslb.demo.parts import DemoNode
from gslb.demo.plan import NAME, Plan
from gslb.demo.shares import shares
from gslb.demo.timeline import Event, problems, told, unreached

WINDOW = 1000
"""Answers of each node that the measured share is over: five seconds of the demo's queries."""
COMMANDS_KEY = "h"
_MOST_EVENTS = 12
_LINES_AROUND_EVENTS = 6  # two blank ones, a title, the keys, and room at the end of the screen
_BAR, _NARROW_BAR = 20, 14
_WIDE = 100
"""From so many columns on, process ids are shown too."""
_STYLES = {"up": "green", "down": "red", "unknown": "yellow"}
_ALL = "all"


def live_view(cluster: Cluster, now: float, size: ConsoleDimensions, *, keys: bool) -> RenderableType:
    """The whole picture at `now` (Unix seconds), to fit `size`."""
    wide = size.width >= _WIDE
    members = _members(cluster, now, wide=wide)
    notes = [note for node in cluster.nodes for note in _notes(node)]
    above = len(cluster.nodes) + members.row_count + 3 + sum(1 + len(note) // size.width for note in notes)
    room = min(max(size.height - above - _LINES_AROUND_EVENTS, 1), _MOST_EVENTS)
    return Group(
        _nodes(cluster, now, wide=wide),
        Text(),
        members,
        *notes,
        Text("\nlately", style="bold"),
        *_lately(list(cluster.events)[-room:]),
        Text(f"\n{_foot(cluster, keys=keys)}", "dim"),
    )


def commands_view(plan: Plan) -> RenderableType:
    """The introduction, in place of the picture."""
    return Text(f"{introduction(plan, keys=True)}{COMMANDS_KEY} goes back")


def _foot(cluster: Cluster, *, keys: bool) -> str:
    if not keys:
        return "Ctrl-C stops everything"
    numbers = " ".join(str(number) for number in cluster.backends)
    letters = " ".join(node.plan.key for node in cluster.nodes)
    return f"{numbers} kills or revives a backend, {letters} a node; {COMMANDS_KEY} commands; Ctrl-C ends all"


def _nodes(cluster: Cluster, now: float, *, wide: bool) -> Table:
    pid = ("pid",) if wide else ()
    table = _table("", "node", *pid, "up", "serial", "queries/s" if wide else "q/s", "lost", "role")
    primary = cluster.nodes[0]
    for node in cluster.nodes:
        pid = (str(node.child.pid or "-"),) if wide else ()
        table.add_row(node.key, Text(node.name, "bold"), *pid, *_node_cells(node, primary, now))
    return table


def _table(*headers: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for header in headers:
        table.add_column(header, no_wrap=True)
    return table


def _node_cells(node: DemoNode, primary: DemoNode, now: float) -> Iterable[str | Text]:
    if node.child.pid is None:
        return ("-", "-", "-", str(node.stream.lost), Text(node.child.how_it_ended, "bold red"))
    if node.status is None:
        return ("-", "-", "-", str(node.stream.lost), Text("starts", "yellow"))
    return (
        _ago(node.status["started"], now),
        str(node.serial),
        f"{node.replies_per_second:.0f}",
        str(node.stream.lost),
        _zone_word(node, primary, now),
    )


def _zone_word(node: DemoNode, primary: DemoNode, now: float) -> Text:
    """Its role, and how it has the zone."""
    assert node.status is not None
    zone = node.status["zones"][0]
    if zone["role"] == "primary":
        return Text("primary, from its file")
    transfer = zone["transfer"]
    came = f"{transfer['how'].upper()} {_ago(transfer['transferred'], now)} ago" if transfer["how"] else "kept on disk"
    if primary.child.pid is None or primary.serial is None:
        return Text(f"secondary, {came}")
    if node.serial == primary.serial:
        return Text.assemble("secondary, ", ("equal", "green"), f", {came}")
    return Text.assemble("secondary, ", ("differs", "bold yellow"), f", {came}")


@dataclass(frozen=True, slots=True)
class _Seen:
    """A member as a node sees it, and the share of its answers that hold it."""

    member: Mapping[str, Any]
    configured: float
    measured: float

    @property
    def state(self) -> str:
        override = self.member["override"]
        return f"{self.member['health']} ({override})" if override else str(self.member["health"])

    def same_as(self, other: "_Seen") -> bool:
        return (self.state, round(self.member["share"], 3)) == (other.state, round(other.member["share"], 3))


def _members(cluster: Cluster, now: float, *, wide: bool) -> Table:
    """A row for each member, or one for each node where they see it differently."""
    pid = ("pid",) if wide else ()
    table = _table("", "member", *pid, "weight", "seen by", "state", "since", "share", "given", "")
    bar = _BAR if wide else _NARROW_BAR
    backends = {backend.plan.address: backend for backend in cluster.backends.values()}
    nodes = [node for node in cluster.nodes if node.child.pid is not None and node.status is not None]
    seen = {node.name: _seen(node) for node in nodes}
    for value in dict.fromkeys(value for members in seen.values() for value in members):
        rows = _merged({node: members[value] for node, members in seen.items() if value in members})
        backend = backends.get(value)
        head = [backend.key if backend else "", value]
        head += [str(backend.child.pid or "-") if backend else ""] if wide else []
        head.append(f"{next(iter(rows.values())).configured:.0%}")
        for node, each in rows.items():
            table.add_row(*head, node, *_cells(each, now, bar))
            head = [""] * len(head)
    return table


def _merged(seen: Mapping[str, _Seen]) -> dict[str, _Seen]:
    """One row for all nodes that agree; the measured share is over all their answers then, each asked alike."""
    first = next(iter(seen.values()))
    if len(seen) == 1 or not all(first.same_as(each) for each in seen.values()):
        return dict(seen)
    measured = sum(each.measured for each in seen.values()) / len(seen)
    return {_ALL if len(seen) > 2 else "both": _Seen(first.member, first.configured, measured)}


def _seen(node: DemoNode) -> dict[str, _Seen]:
    counts = shares(node.stream.answers.last(WINDOW))
    return {
        member["value"]: _Seen(member, configured, counts.get(member["value"], 0.0))
        for member, configured in _rows(node.status)
    }


def _cells(seen: _Seen, now: float, bar_columns: int) -> Iterable[str | Text]:
    member = seen.member
    bar = Text("█" * round(seen.measured * bar_columns), "cyan")
    return (
        Text(seen.state, _STYLES[member["health"]]),
        _ago(member["since"], now),
        f"{member['share']:.0%}",
        f"{seen.measured:.1%}",
        Text(member["reason"], "red") if member["health"] == "down" else bar,
    )


def _rows(status: Mapping[str, Any] | None) -> Iterable[tuple[Mapping[str, Any], float]]:
    """The members of the name that the demo asks for, each with its configured share."""
    members = [each for each in (status or {}).get("members", []) if each["owner"].rstrip(".") == NAME]
    configured = shares({each["value"]: each["weight"] for each in members})
    return [(each, configured[each["value"]]) for each in members]


def _notes(node: DemoNode) -> list[Text]:
    """What a node that runs could not take."""
    if node.status is None or node.child.pid is None:
        return []
    return [
        Text(f"{node.name}: {told(problem)}", "red") for problem in (*problems(node.status), *unreached(node.status))
    ]


def _lately(events: Sequence[Event]) -> list[Text]:
    if not events:
        return [Text("  nothing yet", "dim")]
    return [Text(f"  {event_line(event)}", no_wrap=True, overflow="ellipsis") for event in events]


def event_line(event: Event) -> str:
    """An event on one line, with the time of day."""
    clock = time.strftime("%H:%M:%S", time.localtime(event.time))
    return f"{clock}  {event.where}: {event.text}"


def plain_line(node: DemoNode) -> str:
    """The state of a node on one line."""
    if node.child.pid is None:
        return f"{node.name}: not running, {node.child.how_it_ended}"
    members = ", ".join(
        f"{value} {each.state} {each.measured:.1%} of {each.configured:.1%}" for value, each in _seen(node).items()
    )
    return f"{node.name}: serial {node.serial}, {node.replies_per_second:.0f} queries/s; {members}"


def _ago(since: float | None, now: float) -> str:
    return "-" if since is None else f"{max(0, now - since):.0f}s"
