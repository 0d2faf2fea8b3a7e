"""Rendering for people on a terminal; programs get the same values with --json."""

import time
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from gslb.config.tls import Validity, day

_STYLES = {"up": "green", "down": "red", "unknown": "yellow", "file": "green", "running": "green"}


def ago(seconds: float | None, now: float | None = None) -> str:
    """How long since a moment in Unix seconds: `12s`, `5m`, `3h`, `2d`; `-` for None."""
    if seconds is None:
        return "-"
    passed = max(0.0, (time.time() if now is None else now) - seconds)
    for limit, size, unit in ((120, 1, "s"), (7200, 60, "m"), (172800, 3600, "h")):
        if passed < limit:
            return f"{int(passed / size)}{unit}"
    return f"{int(passed / 86400)}d"


def styled(word: str) -> Text:
    return Text(word, style=_STYLES.get(word, "yellow"))


def _has_expired(signing: dict[str, Any]) -> bool:
    return bool(signing["state"] == "have expired")


def status_view(status: dict[str, Any]) -> RenderableType:
    """What `gslb status` shows."""
    listen = ", ".join(f"{host} port {port}" for host, port in status["listen"]) or "nothing yet"
    prober = status["prober"]
    api = f";  http://{status['api'][0]}:{status['api'][1]}/metrics" if status["api"] else ""
    last_exit = f" (last exit: {prober['last_exit']})" if prober["last_exit"] else ""
    head = [
        f"{status['node']}  gslb {status['version']}  pid {status['pid']}  {_state(status)}",
        f"DNS on {listen};  {status['replies']} replies{api}",
        f"prober {prober['state']}, pid {prober['pid']}, restarts {prober['restarts']}{last_exit}",
        *_tls(status),
    ]
    if status["rate_limit"] is not None:
        head.append(_rate_limit(status["rate_limit"]))
    parts: list[RenderableType] = [Text("\n".join(head)), Text(), _zones(status["zones"])]
    for heading, lines in _not_well(status):
        if lines:
            parts.append(Text(f"\n{heading}", style="bold red"))
            parts += [Text(f"  {line}", style="red") for line in lines]
    if status["members"]:
        parts += [Text(), members_view(status["members"])]
    if status["overrides"]:
        parts += [Text(), overrides_view(status["overrides"])]
    return Group(*parts)


def _rate_limit(value: dict[str, Any]) -> str:
    """Whom it limits now."""
    mode = "rate limit (log only)" if value["log_only"] else "rate limit"
    networks = ", ".join(
        f"{each['network']} ({each['kind']}: {each['dropped']} dropped, {each['slipped']} slipped)"
        for each in value["busiest"]
    )
    more = value["limited_networks"] - len(value["busiest"])
    return f"{mode}: {networks or 'nobody is above it'}" + (f" and {more} more networks" if more > 0 else "")


def _tls(status: dict[str, Any]) -> list[str]:
    """Where DNS over TLS is served, and how long its certificate lasts."""
    tls = status["tls"]
    if tls is None:
        return []
    listen = ", ".join(f"{host} port {port}" for host, port in tls["listen"])
    return [f"TLS on {listen};  {tls['certificate']} {_validity(tls)}"]


def _validity(tls: dict[str, Any]) -> str:
    """Until when a certificate is valid, or since when it is not."""
    if tls["state"] == Validity.EXPIRED:
        return f"has expired on {day(tls['expires'])}"
    if tls["state"] == Validity.NOT_YET:
        return f"is not valid before {day(tls['starts'])}"
    return f"is valid until {day(tls['expires'])}" + ("; renew it" if tls["state"] == Validity.SOON else "")


def has_bad_certificate(status: dict[str, Any]) -> bool:
    """True where clients that verify do not connect over TLS."""
    return status["tls"] is not None and status["tls"]["state"] in {Validity.EXPIRED, Validity.NOT_YET}


def _not_well(status: dict[str, Any]) -> list[tuple[str, list[str]]]:
    """What is not as configured, under a heading each."""
    failed: list[str] = []
    kept = [*status["config"]["problems"]]
    for zone in status["zones"]:
        (failed if zone["serial"] is None else kept).extend(zone["problems"])
    degraded = [f"{each['owner']} {each['type']}: {each['state']}" for each in status["degraded"]]
    warnings = [*status["config"]["warnings"]]
    warnings += [warning for zone in status["zones"] for warning in zone["warnings"]]
    gone = [_gone(zone) for zone in status["zones"] if zone["gone_seconds_left"] is not None]
    signings = [(zone["zone"], zone["signing"]) for zone in status["zones"] if zone["signing"] is not None]
    expired = [f"{zone}: since {day(signing['expires'])}" for zone, signing in signings if _has_expired(signing)]
    refused = [f"{status['tls']['certificate']} {_validity(status['tls'])}"] if has_bad_certificate(status) else []
    return [
        ("Not served (SERVFAIL):", failed),
        ("Not taken, the version before is served:", kept),
        ("Gone, and served on for a while:", gone),
        ("Signatures have expired: validating resolvers answer SERVFAIL; see that the signer runs:", expired),
        ("Clients that verify do not connect over TLS:", refused),
        ("File descriptors run out:", _descriptors(status)),
        ("Not answered as configured:", degraded),
        ("Warnings:", warnings),
    ]


def _descriptors(status: dict[str, Any]) -> list[str]:
    short = status["descriptors_short"]
    if short is None:
        return []
    advice = "let the process open more files (LimitNOFILE= of the unit)"
    return [f"no more than {short['connections']} TCP connections are taken for now; {advice}"]


def _gone(zone: dict[str, Any]) -> str:
    left = ago(0.0, now=zone["gone_seconds_left"])
    return f"{zone['zone']}: there is no {zone['file']}; dropped in {left}: put it back, or drop it with `gslb reload`"


def _state(status: dict[str, Any]) -> str:
    return f"{status['state']} for {ago(status['started'])}"


def _zones(zones: list[dict[str, Any]]) -> Table:
    heads = ("zone", "serial", "owners", "steered", "signed", "served from", "since")
    table = Table(*heads, box=None, header_style="bold")
    for zone in zones:
        table.add_row(
            zone["zone"],
            str(zone["serial"] if zone["serial"] is not None else "-"),
            str(zone["owners"]),
            str(zone["steered"]),
            _signing(zone["signing"]),
            styled(zone["served_from"]),
            ago(zone["since"]),
        )
    return table


def _signing(signing: dict[str, Any] | None) -> Text:
    """How a zone is signed, and until when."""
    if signing is None:
        return Text("-")
    until = time.strftime("%Y-%m-%d %H:%M", time.gmtime(signing["expires"]))
    if _has_expired(signing):
        return Text(f"{signing['denial']}; EXPIRED {until} UTC", style="bold red")
    return Text(f"{signing['denial']}; until {until} UTC", style="" if signing["state"] == "hold" else "bold red")


def members_view(members: list[dict[str, Any]]) -> Table:
    """Every member: its state, why, and the share of answers it gets now."""
    table = Table("name", "type", "pool", "member", "health", "since", "share", "why", box=None, header_style="bold")
    before = ""
    for member in members:
        name = f"{member['owner']} {member['type']}"
        health = member["health"] + (f" ({member['override']})" if member["override"] else "")
        table.add_row(
            member["owner"] if name != before else "",
            member["type"] if name != before else "",
            member["pool"],
            member["value"],
            styled(health),
            ago(member["since"]),
            f"{member['share']:.1%}" if member["share"] else "-",
            member["reason"],
        )
        before = name
    return table


_LAG_STYLES = {"equal": "green", "behind": "yellow", "ahead": "yellow"}


def cluster_view(value: dict[str, Any]) -> RenderableType:
    """What `gslb cluster status` shows."""
    table = Table("zone", "node", "role", "serial", "lag", "last transfer", "address", box=None, header_style="bold")
    for zone in value["zones"]:
        serial = str(zone["serial"]) if zone["serial"] is not None else "-"
        table.add_row(zone["zone"], value["node"], zone["role"], serial, "here", _transfer_text(zone), "")
        for peer in (row for row in value["peers"] if row["zone"] == zone["zone"]):
            lag = peer["lag"] if peer["reachable"] else "no answer"
            shown = Text(lag, style=_LAG_STYLES.get(lag, "bold red"))
            serial = str(peer["serial"]) if peer["serial"] is not None else "-"
            table.add_row("", peer["node"], f"{peer['role']} ({peer['kind']})", serial, shown, "", peer["address"])
    parts: list[RenderableType] = [table]
    for each in value["differences"]:
        words = "; ".join(f"{node} says {word}" for node, word in each["seen"].items())
        parts.append(Text(f"  {each['member']}: {words}", style="yellow"))
    if value["troubles"]:
        parts += [Text("\nNot well:", style="bold red"), *(Text(f"  {line}") for line in value["troubles"])]
    else:
        parts.append(Text("\nAll nodes serve the same serials, and see members the same.", style="green"))
    return Group(*parts)


def _transfer_text(zone: dict[str, Any]) -> str:
    transfer = zone.get("transfer")
    if transfer is None:
        return "-"
    how = transfer["how"] or "none"
    return f"{how}, {ago(transfer['transferred'])} ago" if transfer["transferred"] else how


def overrides_view(overrides: list[dict[str, Any]]) -> Table:
    table = Table("override", "name", "member", "by", "note", "since", "ends in", box=None, header_style="bold")
    for override in overrides:
        left = override["seconds_left"]
        table.add_row(
            Text(override["state"], style="bold yellow"),
            f"{override['name']} {override['type']}",
            override["member"],
            override["author"] or "-",
            override["note"] or "-",
            ago(override["since"]),
            "when cleared" if left is None else ago(0.0, now=left),
        )
    return table


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
            ends = "expired" if _has_expired(value["signing"]) else "expires"
            shown = f"  signed with {value['signing']['denial']}; the first signature {ends} at {until} UTC"
            lines.append(Text(f"{shown}; for DO come signatures and proof besides"))
    if value["access"] in _ACCESS:
        lines.append(Text(f"  {_ACCESS[value['access']]}", style="yellow"))
    if value["client"]:
        lines.append(
            Text("  the rule that matches: the one for every client (this zone has no rules by network or place)")
        )
    lines += [_step(step) for step in value["steps"]]
    return Group(*lines)


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
    return Group(text, *(_pool(pool, in_order=step["in_order"]) for pool in step["pools"]))


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


def _pool(pool: dict[str, Any], *, in_order: bool) -> RenderableType:
    decides = "priority" if in_order else "weight"
    used = "answers" if pool["chosen"] else "not used"
    table = Table("member", decides, "health", "since", "share", "", box=None, header_style="dim", padding=(0, 2, 0, 0))
    for member in pool["members"]:
        table.add_row(
            member["value"],
            str(member[decides]),
            styled(member["health"]),
            ago(member["since"]),
            f"{member['share']:.1%}" if member["share"] is not None else "-",
            f"skipped: {member['skipped']}" if member["skipped"] else member["reason"],
        )
    fallback = f", falls back to {pool['fallback']}" if pool["fallback"] else ""
    return Group(Text(f"  pool {pool['name']} ({used}): {pool['summary']}{fallback}"), Padding(table, (0, 0, 0, 4)))


def console() -> Console:
    """As wide as the terminal; wide enough for any row where there is none, so that `grep` finds whole words."""
    plain = Console(highlight=False)
    return plain if plain.is_terminal else Console(highlight=False, width=200)
