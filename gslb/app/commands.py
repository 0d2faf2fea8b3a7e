"""What the commands ask of a running node, over the control socket. Results are plain JSON values."""

import ipaddress
import os
import time
from typing import TYPE_CHECKING, Any

from gslb import __version__
from gslb.answer.compile import ZoneTable
from gslb.answer.explain import explain
from gslb.api.control import ControlError
from gslb.app.cluster_status import differences, peer_row, troubles
from gslb.app.overrides import find_member, override_json, override_note
from gslb.app.signatures import signing_status
from gslb.app.status import certificate_status, degraded_status, members_status, secondaries_status, zones_status
from gslb.wire.codes import Rcode, type_from_text
from gslb.wire.names import BadNameError, name_from_text

if TYPE_CHECKING:  # the node hands itself to its commands
    from gslb.app.node import Node

OPEN, SOME, ALLOWED, REFUSED = "open", "some clients", "allowed", "refused"
"""What `allow_query` makes of a client."""


class Commands:
    """Implements `api.control.Controlled`."""

    def __init__(self, node: "Node") -> None:
        self._node = node

    async def reload(self) -> dict[str, Any]:
        return await self._node.reload()

    def status(self) -> dict[str, Any]:
        prober = self._node.health.prober
        listeners, descriptors = self._node.listeners, self._node.descriptors
        return {
            "node": self._node.config.node,
            "version": __version__,
            "pid": os.getpid(),
            "started": self._node.started,
            "state": "serving" if listeners is not None else "starting: first round of probes",
            "listen": [list(address) for address in listeners.addresses] if listeners is not None else [],
            "tls": certificate_status(
                self._node.config, listeners.tls_addresses if listeners is not None else [], time.time()
            ),
            "api": list(self._node.api_address) if self._node.api_address is not None else None,
            "config": {
                "file": str(self._node.config.path),
                "problems": list(self._node.config_problems),
                "warnings": [str(warning) for warning in self._node.config.warnings],
                "pending_restart": self._node.pending_restart,
            },
            "replies": listeners.replies if listeners is not None else 0,
            "rate_limit": listeners.guard.status() if listeners is not None and listeners.guard is not None else None,
            "descriptors_short": descriptors.status() if descriptors is not None else None,
            "prober": {
                "state": prober.state,
                "pid": prober.pid,
                "since": prober.since,
                "restarts": prober.restarts,
                "last_exit": prober.last_exit,
            },
            "zones": self._zone_rows(),
            "degraded": degraded_status(self._node.table),
            "members": members_status(self._node.table, self._node.health.conditions),
            "overrides": [override_json(key, note) for key, note in self._node.health.conditions.overrides.items()],
        }

    async def cluster_status(self) -> dict[str, Any]:
        node = self._node
        looks = await node.cluster.look_around()
        views = [view for view, _ in looks]
        rows = [peer_row(view, role, node.cluster.serial(view.apex)) for view, role in looks]
        differing = differences(node.config.node, {view.apex: node.report(view.apex) for view in views}, views)
        return {
            "node": self._node.config.node,
            "zones": self._zone_rows(),
            "peers": rows,
            "differences": differing,
            "troubles": self._node.not_ready() + troubles(rows, differing),
        }

    def _zone_rows(self) -> list[dict[str, Any]]:
        rows = zones_status(self._node.zones, time.time())
        rows += secondaries_status(self._node.cluster.secondaries, self._node.table, time.time())
        return sorted(rows, key=lambda row: str(row["zone"]))

    def explain(self, name: str, rtype: str, client: str | None) -> dict[str, Any]:
        try:
            qname, qtype = name_from_text(name).lower(), type_from_text(rtype)
        except (BadNameError, ValueError) as error:
            raise ControlError(str(error)) from None
        if client is not None:
            _check_address(client)
        table = self._node.table
        explanation = explain(table, qname, qtype)
        zone = table.zones.get(name_from_text(explanation.zone).lower()) if explanation.zone is not None else None
        more = {"client": client, "node": self._node.config.node, "signing": signing_status(zone, time.time())}
        more["access"] = self._access(zone, client)
        if more["access"] == REFUSED:
            more["rcode"] = Rcode.REFUSED.name
        return explanation.to_json() | more

    def _access(self, zone: ZoneTable | None, client: str | None) -> str:
        """Whether `allow_query` lets a client ask a zone; OPEN where there is none, SOME where no client is given."""
        access = self._node.query_access
        if zone is None or access is None or zone.apex not in access.lists:
            return OPEN
        if client is None:
            return SOME
        return REFUSED if access.refuses(zone.apex, client) else ALLOWED

    def set_override(self, request: dict[str, Any]) -> dict[str, Any]:
        key, note = find_member(self._node.table, request), override_note(request, time.time())
        self._node.health.set_override(key, note)
        return {"override": override_json(key, note), "node": self._node.config.node}

    def clear_override(self, request: dict[str, Any]) -> dict[str, Any]:
        key = find_member(self._node.table, request)
        if not self._node.health.clear_override(key):
            raise ControlError("there is no override on this member; `gslb override list` shows those there are")
        return {"cleared": True, "node": self._node.config.node}


def _check_address(client: str) -> None:
    try:
        ipaddress.ip_address(client)
    except ValueError:
        raise ControlError(
            f"--client {client!r} is not an address; write one like 203.0.113.9 or 2001:db8::9"
        ) from None
