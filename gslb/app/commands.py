"""What the commands ask of a running node, over the control socket. Results are plain JSON values."""

import asyncio
import ipaddress
import os
import time
from dataclasses import dataclass
from typing import Any

from gslb import __version__
from gslb.answer.compile import ZoneTable
from gslb.answer.explain import explain
from gslb.answer.table import AnswerTable
from gslb.api.control import ControlError
from gslb.app.answering import Answering
from gslb.app.cluster import Cluster
from gslb.app.cluster_status import differences, own_report, peer_row, troubles
from gslb.app.http_endpoints import HttpEndpoints
from gslb.app.overrides import find_member, override_json, override_note
from gslb.app.reloading import Reloading
from gslb.app.settings import Settings
from gslb.app.signatures import signing_status
from gslb.app.status import (
    certificate_status,
    degraded_status,
    members_status,
    not_ready,
    secondaries_not_ready,
    secondaries_status,
    zones_status,
)
from gslb.app.transports import Transports
from gslb.app.zones import Zones
from gslb.steering.conditions import Conditions
from gslb.wire.codes import Rcode, type_from_text
from gslb.wire.names import BadNameError, name_from_text

OPEN, SOME, ALLOWED, REFUSED = "open", "some clients", "allowed", "refused"
"""What `allow_query` makes of a client."""
_REPORTS_AT_ONCE = 20
"""Made between two turns of the event loop: about two milliseconds."""


@dataclass(frozen=True, slots=True)
class Commands:
    """Implements `api.control.Controlled`. `started` is in Unix seconds."""

    settings: Settings
    zones: Zones
    answering: Answering
    cluster: Cluster
    transports: Transports
    http: HttpEndpoints
    reloading: Reloading
    started: float

    async def reload(self) -> dict[str, Any]:
        return await self.reloading.reload()

    async def status(self) -> dict[str, Any]:
        conditions = self.answering.health.conditions
        many = await asyncio.to_thread(self._many, self.answering.table, conditions)
        listeners, descriptors = self.transports.listeners, self.transports.descriptors
        tls_addresses = listeners.tls_addresses if listeners is not None else []
        return {
            "node": self._name,
            "version": __version__,
            "pid": os.getpid(),
            "started": self.started,
            "state": "serving" if listeners is not None else "starting: first round of probes",
            "listen": [list(address) for address in listeners.addresses] if listeners is not None else [],
            "tls": certificate_status(self.settings.config, tls_addresses, time.time()),
            "api": list(self.http.api_address) if self.http.api_address is not None else None,
            "config": self._config(),
            "replies": listeners.replies if listeners is not None else 0,
            "rate_limit": listeners.guard.status() if listeners is not None and listeners.guard is not None else None,
            "descriptors_short": descriptors.status() if descriptors is not None else None,
            "prober": self._prober(),
            **many,
            "overrides": [override_json(key, note) for key, note in conditions.overrides.items()],
        }

    def _many(self, table: AnswerTable, conditions: Conditions) -> dict[str, Any]:
        """What there may be thousands of."""
        return {
            "zones": self._zone_rows(),
            "degraded": degraded_status(table),
            "members": members_status(table, conditions),
        }

    @property
    def _name(self) -> str:
        return self.settings.config.node

    def _config(self) -> dict[str, Any]:
        return {
            "file": str(self.settings.config.path),
            "problems": list(self.settings.problems),
            "warnings": [str(warning) for warning in self.settings.config.warnings],
            "pending_restart": self.settings.pending_restart,
        }

    def _prober(self) -> dict[str, Any]:
        prober = self.answering.health.prober
        return {
            "state": prober.state,
            "pid": prober.pid,
            "since": prober.since,
            "restarts": prober.restarts,
            "last_exit": prober.last_exit,
        }

    def not_ready(self) -> list[str]:
        """Why `/readyz` says no, a line each."""
        serving = self.transports.listeners is not None
        return [
            *not_ready(self.zones, self.settings.problems, serving=serving),
            *secondaries_not_ready(self.cluster.secondaries),
        ]

    async def cluster_status(self) -> dict[str, Any]:
        looks = await self.cluster.look_around()
        ours = {}
        for apex in dict.fromkeys(view.apex for view, _ in looks):
            ours[apex] = own_report(self.answering, self.cluster, apex)
            if not len(ours) % _REPORTS_AT_ONCE:
                await asyncio.sleep(0)
        here = self.not_ready()

        def compared() -> dict[str, Any]:
            rows = [peer_row(view, role, self.cluster.serial(view.apex)) for view, role in looks]
            differing = differences(self._name, ours, [view for view, _ in looks])
            told = {"node": self._name, "zones": self._zone_rows(), "peers": rows, "differences": differing}
            return told | {"troubles": here + troubles(rows, differing)}

        return await asyncio.to_thread(compared)

    def _zone_rows(self) -> list[dict[str, Any]]:
        rows = zones_status(self.zones, time.time())
        rows += secondaries_status(self.cluster.secondaries, self.answering.table, time.time())
        return sorted(rows, key=lambda row: str(row["zone"]))

    def explain(self, name: str, rtype: str, client: str | None) -> dict[str, Any]:
        try:
            qname, qtype = name_from_text(name).lower(), type_from_text(rtype)
        except (BadNameError, ValueError) as error:
            raise ControlError(str(error)) from None
        if client is not None:
            _check_address(client)
        table = self.answering.table
        explanation = explain(table, qname, qtype)
        zone = table.zones.get(name_from_text(explanation.zone).lower()) if explanation.zone is not None else None
        more: dict[str, Any] = {"client": client, "node": self._name, "problems": self._problems_of(zone)}
        more |= {"signing": signing_status(zone, time.time()), "access": self._access(zone, client)}
        if more["access"] == REFUSED:
            more["rcode"] = Rcode.REFUSED.name
        return explanation.to_json() | more

    def _problems_of(self, zone: ZoneTable | None) -> list[str]:
        """Why the zone's file is not what is served; nothing where it is, or the zone has no file."""
        entry = self.zones.entries.get(zone.apex) if zone is not None else None
        return [str(problem) for problem in entry.problems] if entry is not None else []

    def _access(self, zone: ZoneTable | None, client: str | None) -> str:
        """Whether `allow_query` lets a client ask a zone; OPEN where there is none, SOME where no client is given."""
        access = self.transports.access
        if zone is None or access is None or zone.apex not in access.lists:
            return OPEN
        if client is None:
            return SOME
        return REFUSED if access.refuses(zone.apex, client) else ALLOWED

    def set_override(self, request: dict[str, Any]) -> dict[str, Any]:
        key, note = find_member(self.answering.table, request), override_note(request, time.time())
        self.answering.health.set_override(key, note)
        return {"override": override_json(key, note), "node": self._name}

    def clear_override(self, request: dict[str, Any]) -> dict[str, Any]:
        key = find_member(self.answering.table, request)
        if not self.answering.health.clear_override(key):
            raise ControlError("there is no override on this member; `gslb override list` shows those there are")
        return {"cleared": True, "node": self._name}


def _check_address(client: str) -> None:
    try:
        ipaddress.ip_address(client)
    except ValueError:
        raise ControlError(
            f"--client {client!r} is not an address; write one like 203.0.113.9 or 2001:db8::9"
        ) from None
