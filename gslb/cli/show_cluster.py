"""What `gslb cluster status` shows people; programs get the same values with --json."""

from itertools import islice
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from gslb.cli.spans import ago
from gslb.cli.terminal import columns

_NOBODY = """\
There is nobody to compare with: no zone here has peers. Name the other nodes under
`peers`, and then in the zones: on the primary in `notify` and `allow_transfer`, on
a secondary in `primaries`."""
_HEADS = ("node", "role", "serial", "lag", "last transfer", "address")
_LAG_STYLES = {"equal": "green", "behind": "yellow", "ahead": "yellow"}


def cluster_view(value: dict[str, Any]) -> RenderableType:
    """What `gslb cluster status` shows."""
    rows = columns([row for zone in value["zones"] for row in _rows(zone, value)], _HEADS)
    parts: list[RenderableType] = [*rows[:1]]
    rest = iter(rows[1:])
    for zone in value["zones"]:
        parts += [Text(zone["zone"]), *islice(rest, 1 + len(_peers(zone, value)))]
    for each in value["differences"]:
        words = "; ".join(f"{node} says {word}" for node, word in each["seen"].items())
        parts.append(Text(f"  {each['member']}: {words}", style="yellow"))
    if value["troubles"]:
        parts += [Text("\nNot well:", style="bold red"), *(Text(f"  {line}") for line in value["troubles"])]
    elif not value["peers"]:
        parts.append(Text(f"\n{_NOBODY}", style="yellow"))
    else:
        parts.append(Text("\nAll nodes serve the same serials, and see members the same.", style="green"))
    return Group(*parts)


def _rows(zone: dict[str, Any], value: dict[str, Any]) -> list[list[Text | str]]:
    """A zone on this node, and on each that it is exchanged with."""
    peers = _peers(zone, value)
    here = Text("here" if peers else "here only")
    rows: list[list[Text | str]] = [
        [value["node"], zone["role"], _serial(zone), here, _transfer_text(zone), ""],
    ]
    for peer in peers:
        lag = peer["lag"] if peer["reachable"] else "no answer"
        role = peer["role"] if peer["kind"] == "gslb" else f"{peer['role']} ({peer['kind']})"
        shown = Text(lag, style=_LAG_STYLES.get(lag, "bold red"))
        rows.append([peer["node"], role, _serial(peer), shown, "", peer["address"]])
    return rows


def _peers(zone: dict[str, Any], value: dict[str, Any]) -> list[dict[str, Any]]:
    return [row for row in value["peers"] if row["zone"] == zone["zone"]]


def _serial(row: dict[str, Any]) -> str:
    return str(row["serial"]) if row["serial"] is not None else "-"


def _transfer_text(zone: dict[str, Any]) -> str:
    transfer = zone.get("transfer")
    if transfer is None:
        return "-"
    how = transfer["how"] or "none"
    return f"{how}, {ago(transfer['transferred'])} ago" if transfer["transferred"] else how
