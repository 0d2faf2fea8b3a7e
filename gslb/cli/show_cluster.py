"""What `gslb cluster status` shows people; programs get the same values with --json."""

from collections import Counter, defaultdict
from itertools import islice
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from gslb.cli.spans import ago
from gslb.cli.terminal import columns, fits, shortened

_NOBODY = """\
There is nobody to compare with: no zone here has peers. Name the other nodes under
`peers`, and then in the zones: on the primary in `notify` and `allow_transfer`, on
a secondary in `primaries`."""
_REST = "gslb cluster status | less"
_HEADS = ("node", "role", "serial", "lag", "last transfer", "address")
_LAG_STYLES = {"equal": "green", "behind": "yellow", "ahead": "yellow"}


def cluster_view(value: dict[str, Any], most: int | None = None) -> RenderableType:
    """What `gslb cluster status` shows. With more than `most` zones: what is not well, and how many are."""
    if not fits(value["zones"], most):
        return Group(*_verdict(value, most), Text(), *_counts(value), Text(f"  all of them: {_REST}"))
    peers = _peers_by_zone(value)
    zones = [(zone, _rows(zone, value["node"], peers[zone["zone"]])) for zone in value["zones"]]
    lines = columns([row for _, rows in zones for row in rows], _HEADS)
    parts: list[RenderableType] = [*lines[:1]]
    rest = iter(lines[1:])
    for zone, rows in zones:
        parts += [Text(zone["zone"]), *islice(rest, len(rows))]
    parts += [Text(f"  {line}", style="yellow") for line in shortened(_differences(value), most, _REST)]
    return Group(*parts, *_verdict(value, most))


def _differences(value: dict[str, Any]) -> list[str]:
    return [
        f"{each['member']}: {'; '.join(f'{node} says {word}' for node, word in each['seen'].items())}"
        for each in value["differences"]
    ]


def _verdict(value: dict[str, Any], most: int | None) -> list[Text]:
    if value["troubles"]:
        lines = shortened(value["troubles"], most, _REST)
        return [Text("\nNot well:", style="bold red"), *(Text(f"  {line}") for line in lines)]
    if not value["peers"]:
        return [Text(f"\n{_NOBODY}", style="yellow")]
    return [Text("\nAll nodes serve the same serials, and see members the same.", style="green")]


def _counts(value: dict[str, Any]) -> list[Text]:
    """How many zones there are here, and how each other node stands to them."""
    lags: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for peer in value["peers"]:
        lags[peer["node"]][_lag(peer)] += 1
    lines = [f"{len(value['zones']):,} zones on {value['node']}, here"]
    for node, counts in lags.items():
        said = ", ".join(f"{count:,} {lag}" for lag, count in counts.most_common())
        lines.append(f"{counts.total():,} zones on {node}: {said}")
    return [Text(line) for line in lines]


def _rows(zone: dict[str, Any], node: str, peers: list[dict[str, Any]]) -> list[list[Text | str]]:
    """A zone on this node, and on each that it is exchanged with."""
    here = Text("here" if peers else "here only")
    rows: list[list[Text | str]] = [
        [node, zone["role"], _serial(zone), here, _transfer_text(zone), ""],
    ]
    for peer in peers:
        lag = _lag(peer)
        role = peer["role"] if peer["kind"] == "gslb" else f"{peer['role']} ({peer['kind']})"
        shown = Text(lag, style=_LAG_STYLES.get(lag, "bold red"))
        rows.append([peer["node"], role, _serial(peer), shown, "", peer["address"]])
    return rows


def _lag(peer: dict[str, Any]) -> str:
    return str(peer["lag"]) if peer["reachable"] else "no answer"


def _peers_by_zone(value: dict[str, Any]) -> defaultdict[str, list[dict[str, Any]]]:
    found = defaultdict(list)
    for row in value["peers"]:
        found[row["zone"]].append(row)
    return found


def _serial(row: dict[str, Any]) -> str:
    return str(row["serial"]) if row["serial"] is not None else "-"


def _transfer_text(zone: dict[str, Any]) -> str:
    transfer = zone.get("transfer")
    if transfer is None:
        return "-"
    how = transfer["how"] or "none"
    return f"{how}, {ago(transfer['transferred'])} ago" if transfer["transferred"] else how
