"""What `gslb status` shows people; programs get the same values with --json.

Where there is a bound (`most`) on the rows of a kind and it is passed, what is wrong comes first, and of zones and
members those that are not well.
"""

import time
from collections import Counter
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from gslb.cli.spans import ago, lasting, until
from gslb.cli.terminal import columns, first, fits, shortened
from gslb.config.tls import Validity, day

_REST = "gslb status | less"
_STYLES = {"up": "green", "down": "red", "unknown": "yellow", "file": "green", "running": "green"}


def styled(word: str) -> Text:
    return Text(word, style=_STYLES.get(word, "yellow"))


def has_expired(signing: dict[str, Any]) -> bool:
    return bool(signing["state"] == "have expired")


def is_well(zone: dict[str, Any]) -> bool:
    """True for a zone that is served as configured, and may be for long."""
    expired = zone["signing"] is not None and has_expired(zone["signing"])
    return not zone["problems"] and zone["gone_seconds_left"] is None and not expired


def status_view(status: dict[str, Any], most: int | None = None) -> RenderableType:
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
    parts: list[RenderableType] = [Text("\n".join(head))]
    if status["config"]["pending_restart"]:
        parts.append(Text(f"pending restart: {', '.join(status['config']['pending_restart'])}", style="bold yellow"))
    zones: list[RenderableType] = [Text(), *_zones(status["zones"], most)]
    if listed := [zone for zone in status["zones"] if zone["allow_query"] is not None]:
        lines = shortened([_may_ask(zone) for zone in listed], most, _REST)
        zones += [Text("\nallow_query, who may ask (and peers that exchange the zone):"), *_indented(lines)]
    wrong: list[RenderableType] = []
    for heading, lines in _not_well(status):
        if lines:
            wrong.append(Text(f"\n{heading}", style="bold red"))
            wrong += _indented(shortened(lines, most, _REST), "red")
    parts += [*zones, *wrong] if fits(status["zones"], most) else [*wrong, *zones]
    if status["members"]:
        parts += [Text(), *_members(status["members"], most)]
    if status["overrides"]:
        parts += [Text(), overrides_view(status["overrides"])]
    return Group(*parts)


def _indented(lines: list[str], style: str = "") -> list[Text]:
    return [Text(f"  {line}", style=style) for line in lines]


def _may_ask(zone: dict[str, Any]) -> str:
    return f"{zone['zone']}: {', '.join(zone['allow_query']) or 'nobody'}"


def _rate_limit(value: dict[str, Any]) -> str:
    """Whom it limits now, and what is asked."""
    if not value["busiest"]:
        return f"rate limit{' (log only)' if value['log_only'] else ''}: nobody is above it"
    dropped, slipped = ("would have been dropped", "cut short") if value["log_only"] else ("dropped", "slipped")
    networks = ", ".join(
        f"{each['network']} ({each['kind']}: {each['dropped']} {dropped}, {each['slipped']} {slipped})"
        for each in value["busiest"]
    )
    more = value["limited_networks"] - len(value["busiest"])
    networks += f" and {more} more networks" if more > 0 else ""
    asked = ", ".join(
        f"{each['about']} ({each['kind']}: {each['replies']})"
        if each["about"]
        else f"{each['kind']}: {each['replies']}"
        for each in value["asked_most"]
    )
    return f"rate limit{' (log only)' if value['log_only'] else ''}: {networks}\n  asked most: {asked}"


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
    of_files = [zone for zone in status["zones"] if zone["role"] == "primary"]
    fetched = [zone for zone in status["zones"] if zone["role"] == "secondary"]
    failed = [problem for zone in of_files if zone["serial"] is None for problem in zone["problems"]]
    failed += [_not_fetched(zone) for zone in fetched if zone["serial"] is None]
    kept = [problem for zone in of_files if zone["serial"] is not None for problem in zone["problems"]]
    served = [zone for zone in fetched if zone["serial"] is not None]
    lost = [_lost(zone) for zone in served if zone["transfer"]["failing_since"] is not None]
    partly = [f"{zone['zone']}: {zone['transfer']['error']}" for zone in served if _is_partly_lost(zone)]
    degraded = [f"{each['owner']} {each['type']}: {each['state']}" for each in status["degraded"]]
    warnings = [*status["config"]["warnings"]]
    warnings += [warning for zone in status["zones"] for warning in zone["warnings"]]
    gone = [_gone(zone) for zone in status["zones"] if zone["gone_seconds_left"] is not None]
    signings = [(zone["zone"], zone["signing"]) for zone in status["zones"] if zone["signing"] is not None]
    expired = [f"{zone}: since {day(signing['expires'])}" for zone, signing in signings if has_expired(signing)]
    refused = [f"{status['tls']['certificate']} {_validity(status['tls'])}"] if has_bad_certificate(status) else []
    return [
        ("Not served (SERVFAIL):", failed),
        ("Not taken, the version before is served:", [*status["config"]["problems"], *kept]),
        ("Primary lost; served on until the zone expires:", lost),
        ("A primary is of no use, another is:", partly),
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


def _lost(zone: dict[str, Any]) -> str:
    """A secondary zone without a primary: since when, until when, and why."""
    transfer = zone["transfer"]
    since = f"for {ago(transfer['failing_since'])}, last word {ago(transfer['contacted'])} ago"
    expires = f"expires in {until(transfer['expires_at'])} ({day(transfer['expires_at'])})"
    tried = f"next try in {until(transfer['next_attempt'])}"
    return f"{zone['zone']}: {since}; {expires}; {tried}\n    {transfer['error']}"


def _is_partly_lost(zone: dict[str, Any]) -> bool:
    return zone["transfer"]["failing_since"] is None and zone["transfer"]["error"] is not None


def _not_fetched(zone: dict[str, Any]) -> str:
    """A secondary zone that cannot be served."""
    transfer = zone["transfer"]
    how = f"expired {ago(transfer['expires_at'])} ago" if transfer["state"] == "expired" else "never transferred yet"
    error = f"\n    {transfer['error']}" if transfer["error"] is not None else ""
    return f"{zone['zone']}: {how}; next try in {until(transfer['next_attempt'])}{error}"


def _gone(zone: dict[str, Any]) -> str:
    left = lasting(zone["gone_seconds_left"])
    return f"{zone['zone']}: there is no {zone['file']}; dropped in {left}: put it back, or drop it with `gslb reload`"


def _state(status: dict[str, Any]) -> str:
    return f"{status['state']} for {ago(status['started'])}"


def _zones(zones: list[dict[str, Any]], most: int | None) -> list[Text]:
    """The zones, or how many and the first that are not well; how they are signed where any is."""
    if fits(zones, most):
        return _zone_rows(zones)
    ill = [zone for zone in zones if not is_well(zone)]
    served_from = Counter(zone["served_from"] for zone in zones)
    counts = ", ".join(f"{count:,} {word}" for word, count in served_from.most_common())
    rest = f"; {len(ill):,} not well" if ill else ", all well"
    lines = [Text(f"{len(zones):,} zones: {counts}{rest}"), *(_zone_rows(first(ill, most)) if ill else [])]
    return [*lines, Text(f"  all of them: {_REST}; one: gslb status | grep NAME")]


def _zone_rows(zones: list[dict[str, Any]]) -> list[Text]:
    with_signed = any(zone["signing"] is not None for zone in zones)
    heads = ["zone", "serial", "owners", "steered", "served from", "since", *(["signed"] if with_signed else [])]
    rows = [
        [
            zone["zone"],
            str(zone["serial"] if zone["serial"] is not None else "-"),
            str(zone["owners"]),
            str(zone["steered"]),
            styled(zone["served_from"]),
            ago(zone["since"]),
            *([_signing(zone["signing"])] if with_signed else []),
        ]
        for zone in zones
    ]
    return columns(rows, heads) if rows else [Text("  no zones")]


def _signing(signing: dict[str, Any] | None) -> Text:
    """How a zone is signed, and until when."""
    if signing is None:
        return Text("-")
    until = time.strftime("%Y-%m-%d %H:%M", time.gmtime(signing["expires"]))
    if has_expired(signing):
        return Text(f"{signing['denial']}; EXPIRED {until} UTC", style="bold red")
    return Text(f"{signing['denial']}; until {until} UTC", style="" if signing["state"] == "hold" else "bold red")


def _members(members: list[dict[str, Any]], most: int | None) -> list[RenderableType]:
    """The members, or how many and the first that are not up or are held by an override."""
    if fits(members, most):
        return [members_view(members)]
    odd = [each for each in members if each["override"] or (each["monitor"] is not None and each["health"] != "up")]
    names = {(each["owner"], each["type"]) for each in members}
    counts = f"{len(members):,} members of {len(names):,} names: {len(odd):,} not up, or held by an override"
    shown = [members_view(first(odd, most))] if odd else []
    return [Text(counts), *shown, Text(f"  all of them: {_REST}; those of a name: gslb explain NAME")]


def members_view(members: list[dict[str, Any]]) -> RenderableType:
    """Every member under its name: its state, why, and the share of answers it gets now."""
    rows = columns([_member(member) for member in members], ("pool", "member", "health", "since", "share", "why"))
    lines = rows[:1]
    before = ""
    for member, row in zip(members, rows[1:], strict=True):
        name = f"{member['owner']} {member['type']}"
        if name != before:
            lines.append(Text(name))
        lines.append(row)
        before = name
    return Group(*lines)


def _member(member: dict[str, Any]) -> list[Text | str]:
    health = member["health"] + (f" ({member['override']})" if member["override"] else "")
    share = f"{member['share']:.1%}" if member["share"] else "-"
    return [member["pool"], member["value"], styled(health), ago(member["since"]), share, member["reason"]]


def overrides_view(overrides: list[dict[str, Any]]) -> RenderableType:
    rows = [
        [
            Text(override["state"], style="bold yellow"),
            f"{override['name']} {override['type']}",
            override["member"],
            override["author"] or "-",
            ago(override["since"]),
            "when cleared" if override["seconds_left"] is None else lasting(override["seconds_left"]),
            override["note"] or "-",
        ]
        for override in overrides
    ]
    return Group(*columns(rows, ("override", "name", "member", "by", "since", "ends in", "note")))
