"""What `gslb explain` shows people; programs get the same values with --json."""

import time
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from gslb.cli.show import has_expired, styled
from gslb.cli.spans import ago
from gslb.cli.terminal import columns

_ACCESS = {
    "refused": "`allow_query` does not name this client: it gets REFUSED; those that may ask get",
    "some clients": "`allow_query` says who may ask: name one with --client ADDRESS",
}


def explain_view(value: dict[str, Any]) -> RenderableType:
    """What `gslb explain` shows."""
    client = f" for {value['client']}" if value["client"] else ""
    lines: list[RenderableType] = [Text(f"{value['qname']} {value['qtype']}{client}: {value['rcode']}", style="bold")]
    if value["zone"] is None:
        lines.append(Text("  not in a zone of this node: REFUSED"))
    elif value["serial"] is None:
        lines.append(Text(f"  zone {value['zone']} has no version to serve; `gslb status` says why"))
    else:
        lines.append(Text(f"  zone {value['zone']} serial {value['serial']}, answered by {value['node']}"))
        if value["signing"] is not None:
            until = time.strftime("%Y-%m-%d %H:%M", time.gmtime(value["signing"]["expires"]))
            ends = "expired" if has_expired(value["signing"]) else "expires"
            shown = f"  signed with {value['signing']['denial']}; the first signature {ends} at {until} UTC"
            lines.append(Text(f"{shown}; for DO come signatures and proof besides"))
        if value["problems"]:
            lines.append(_not_taken(value["problems"]))
    if value["access"] in _ACCESS:
        lines.append(Text(f"  {_ACCESS[value['access']]}", style="yellow"))
    if value["client"]:
        lines.append(
            Text("  the rule that matches: the one for every client (this zone has no rules by network or place)")
        )
    lines += [_step(step) for step in value["steps"]]
    return Group(*lines)


def _not_taken(problems: list[str]) -> RenderableType:
    """Why the zone's file is not what is answered from, by the first of its problems."""
    more = f"\n  and {len(problems) - 1} more: gslb status" if problems[1:] else ""
    said = f"  its file was not taken, and the version before is served:\n  {problems[0]}{more}"
    return Text(said, style="yellow", no_wrap=True, overflow="ignore")


def _step(step: dict[str, Any]) -> RenderableType:
    if step["kind"] != "steered":
        return Group(Text(f"\n{step['owner']}  {step['why']}"), _records(step["records"]))
    text = Text(f"\n{step['owner']}  {step['why']}, steered\n")
    text.append(f"  {step['type']}, policy {step['policy']}: {step['policy_summary']}\n")
    answers = f"{step['answers']} answer{'s' if step['answers'] != 1 else ''}"
    text.append(f"  {answers}, TTL {step['ttl']} s, from ")
    text.append(f"pool {step['pool']}" if step["pool"] else f"all_down: {step['all_down']}", style="bold")
    if step["degraded"]:
        text.append(f"\n  {step['degraded']}", style="yellow")
    if not step["pool"] and step["shares"]:
        text.append(f"\n  answered: {', '.join(step['shares'])}")
    if step["pool"]:
        text.append(f"\n  when no pool has anybody available: {step['last_resort']} (all_down: {step['all_down']})")
    return Group(text, *(_pool(pool, step) for pool in step["pools"]))


def _records(records: list[dict[str, Any]]) -> RenderableType:
    """As dig has them, one a line however long; each section but the answer under its name."""
    rows = [(row["owner"], str(row["ttl"]), "IN", row["type"]) for row in records]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    section = "answer"
    for record, row in zip(records, rows, strict=True):
        if record["section"] != section:
            section = record["section"]
            lines.append(f"  ({section})")
        columns = (text.ljust(width) for text, width in zip(row, widths, strict=True))
        lines.append(f"  {'  '.join(columns)}  {record['data']}")
    return Text("\n".join(lines), no_wrap=True, overflow="ignore")


def _use(pool: dict[str, Any], step: dict[str, Any]) -> str:
    """What becomes of a pool on the path."""
    if pool["chosen"]:
        return "answers"
    if step["pool"]:
        return "not used now"
    drawn = any(member["share"] is not None for member in pool["members"])
    return f"nobody available; answered all the same, by all_down: {step['all_down']}" if drawn else "nobody available"


def _pool(pool: dict[str, Any], step: dict[str, Any]) -> RenderableType:
    decides = "priority" if step["in_order"] else "weight"
    used = _use(pool, step)
    rows = [
        [
            member["value"],
            str(member[decides]),
            styled(member["health"]),
            ago(member["since"]),
            f"{member['share']:.1%}" if member["share"] is not None else "-",
            f"skipped: {member['skipped']}" if member["skipped"] else member["reason"],
        ]
        for member in pool["members"]
    ]
    lines = columns(rows, ("member", decides, "health", "since", "share", ""), indent=4)
    fallback = f", falls back to {pool['fallback']}" if pool["fallback"] else ""
    return Group(Text(f"  pool {pool['name']} ({used}): {pool['summary']}{fallback}"), *lines)
