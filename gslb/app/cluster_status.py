"""What `gslb cluster status` shows: each zone on each node, compared with what is served here.

Peers' views go in, plain JSON values and a verdict come out; `own_report` is how peers see this node.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from gslb.app.answering import Answering
from gslb.app.cluster import Cluster
from gslb.app.status import members_status
from gslb.transfer.report import VERSION, PeerView, Report
from gslb.wire.names import Name, name_from_text, name_to_text
from gslb.zone.serial import is_newer


def peer_row(view: PeerView, role: str, ours: int | None) -> dict[str, Any]:
    """One peer's state of one zone. `lag` says how it stands to what is served here."""
    return {
        "zone": name_to_text(view.apex),
        "node": view.peer.name,
        "kind": view.peer.kind,
        "role": role,
        "address": f"{view.peer.host} port {view.peer.port}",
        "reachable": view.serial is not None,
        "serial": view.serial,
        "lag": lag(view.serial, ours),
        "problem": view.problem,
    }


def lag(theirs: int | None, ours: int | None) -> str:
    """`equal`, `behind` or `ahead`; `unknown` where a serial is missing."""
    if theirs is None or ours is None:
        return "unknown"
    if theirs == ours:
        return "equal"
    return "behind" if is_newer(ours, theirs) else "ahead"


def differences(node: str, ours: Mapping[Name, Report], views: Iterable[PeerView]) -> list[dict[str, Any]]:
    """Members that nodes see differently: one value per zone and member, with each node's word on it."""
    seen: dict[tuple[Name, str], dict[str, str]] = {}
    nodes: dict[Name, list[tuple[str, Report]]] = {apex: [(node, report)] for apex, report in ours.items()}
    for view in views:
        if view.report is not None:
            nodes.setdefault(view.apex, []).append((view.peer.name, view.report))
    for apex, reports in nodes.items():
        for member in sorted({member for _, report in reports for member in report["members"]}):
            words = {name: _word(report, member) for name, report in reports}
            if len({_state(report, member) for _, report in reports}) > 1:
                seen[apex, member] = words
    return [{"zone": name_to_text(apex), "member": member, "seen": words} for (apex, member), words in seen.items()]


def _state(report: Report, member: str) -> str:
    said = report["members"].get(member)
    return str(said[0]) if said else "up"


def _word(report: Report, member: str) -> str:
    """What one node says of a member: a state, and why."""
    said = report["members"].get(member)
    if not said:
        return "up"
    state, _, why = said
    return why if why.startswith(state) else f"{state}: {why}"


def troubles(rows: Iterable[Mapping[str, Any]], differing: Iterable[Mapping[str, Any]]) -> list[str]:
    """What is not well, a line each; empty when all nodes serve the same and see the same."""
    lines = []
    for row in rows:
        where = f"{row['zone']} on {row['node']} ({row['address']})"
        if not row["reachable"]:
            lines.append(f"{where}: {row['problem']}")
        elif row["lag"] != "equal":
            lines.append(f"{where}: serial {row['serial']} is {row['lag']} of what is served here")
    lines += [f"{each['zone']} {each['member']}: nodes see it differently" for each in differing]
    return lines


def own_report(answering: Answering, cluster: Cluster, apex: Name) -> Report:
    """How this node sees a zone: for its peers. A member that is as one expects, up and not overridden, is left out."""
    table, members = answering.table, {}
    zone = table.zones.get(apex)
    keys = zone.zone.steered if zone is not None else ()
    for row in members_status(table, answering.health.conditions, keys):
        is_told = row["override"] is not None or (row["monitor"] is not None and row["health"] != "up")
        if is_told and table.apex_for(name_from_text(row["owner"]), 0) == apex:
            state = f"override {row['override']}" if row["override"] else row["health"]
            members[f"{row['owner']} {row['type']} {row['value']}"] = [state, row["since"], row["reason"]]
    return {"version": VERSION, "serial": cluster.serial(apex), "cut": False, "members": members}
