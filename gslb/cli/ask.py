"""The commands that ask a running node: status, explain, override, reload."""

import getpass
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from rich.console import RenderableType
from rich.live import Live
from rich.text import Text

from gslb.api.client import NodeUnreachableError, call
from gslb.cli.show import has_bad_certificate, is_well, overrides_view, status_view
from gslb.cli.show_cluster import cluster_view
from gslb.cli.show_explain import explain_view
from gslb.cli.terminal import console, most_rows, shortened, show

_WATCH_SECONDS = 1.0
ReadT = TypeVar("ReadT")


def status(state_dir: Path, *, as_json: bool, watch: bool) -> int:
    """Exit code 1 when something is not as configured: a file not taken or gone, a zone not served or with signatures
    that have expired, a certificate out of its dates, descriptors running out, a name that does not answer from its
    first pool, or the prober not running."""
    value = call(state_dir, "GET", "/status")
    if watch and not as_json:
        _watch(lambda: status_view(call(state_dir, "GET", "/status"), most_rows()))
        return 0
    _print(value, lambda value: status_view(value, most_rows()), as_json=as_json)
    return 0 if _understood(_all_is_well, value) else 1


def _all_is_well(value: dict[str, Any]) -> bool:
    well = not value["config"]["problems"] and not value["degraded"] and value["prober"]["state"] == "running"
    well = well and value["descriptors_short"] is None and not has_bad_certificate(value)
    return well and all(map(is_well, value["zones"]))


def explain(state_dir: Path, name: str, rtype: str, client: str | None, *, as_json: bool) -> int:
    query = {"name": name, "type": rtype} | ({"client": client} if client else {})
    _print(call(state_dir, "GET", "/explain", query=query), explain_view, as_json=as_json)
    return 0


def set_override(state_dir: Path, request: dict[str, Any], *, as_json: bool) -> int:
    request = {"author": getpass.getuser()} | {key: value for key, value in request.items() if value is not None}
    value = call(state_dir, "POST", "/override", body=request)

    def view(value: dict[str, Any]) -> RenderableType:
        said = value["override"]
        return Text(
            f"{said['name']} {said['type']}: {said['member']} is {said['state']} on this node only ({value['node']}).\n"
            f"Undo: gslb override clear {said['name']} {said['member']}\n"
            "For all nodes, set `status` in the zone file instead."
        )

    _print(value, view, as_json=as_json)
    return 0


def clear_override(state_dir: Path, request: dict[str, Any], *, as_json: bool) -> int:
    value = call(state_dir, "DELETE", "/override", body=request)
    _print(value, lambda value: Text(f"cleared on this node ({value['node']})"), as_json=as_json)
    return 0


def list_overrides(state_dir: Path, *, as_json: bool) -> int:
    overrides = call(state_dir, "GET", "/status")["overrides"]
    if as_json:
        print(json.dumps(overrides, indent=2))
    else:
        show(overrides_view(overrides) if overrides else "no overrides on this node")
    return 0


def cluster_status(state_dir: Path, *, as_json: bool) -> int:
    """Exit code 1 when nodes differ, or one cannot be reached."""
    value = call(state_dir, "GET", "/cluster")
    _print(value, lambda value: cluster_view(value, most_rows()), as_json=as_json)
    return 1 if value["troubles"] else 0


def reload(state_dir: Path, *, as_json: bool) -> int:
    """Exit code 1 when a file was not taken."""
    value = call(state_dir, "POST", "/reload")
    _print(value, _reloaded, as_json=as_json)
    return 1 if value["problems"] else 0


def _reloaded(value: dict[str, Any]) -> RenderableType:
    dropped = [f"{zone}: dropped, for it is not configured any more, or its file is gone" for zone in value["dropped"]]
    lines = [
        *shortened(dropped, most_rows(), "gslb reload | less"),
        *shortened(value["problems"], most_rows(), "gslb status | less"),
    ] or ["reloaded, no problems"]
    if value["pending_restart"]:
        lines.append(f"pending restart: {', '.join(value['pending_restart'])}")
    return Text("\n".join(lines))


def _print(value: dict[str, Any], view: Callable[[dict[str, Any]], RenderableType], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(value, indent=2))
    else:
        show(_understood(view, value))


def _understood(read: Callable[[dict[str, Any]], ReadT], value: dict[str, Any]) -> ReadT:
    """What a node says, read. Raises `NodeUnreachableError` where it says other things than we know, as it does after
    an upgrade until it is restarted."""
    try:
        return read(value)
    except LookupError:
        raise NodeUnreachableError(
            "the node that runs is of another version of gslb than this command, which cannot show what it says: "
            "restart the node with the version that is installed, or look at --json"
        ) from None


def _watch(view: Callable[[], RenderableType]) -> None:
    try:
        with Live(view(), console=console(), screen=True, auto_refresh=False) as live:
            while True:
                time.sleep(_WATCH_SECONDS)
                live.update(view(), refresh=True)
    except KeyboardInterrupt:
        return
