"""What `gslb status` shows, as plain JSON values; `shares` of a name under the conditions of now.

The rows of zones and members may be thousands, and are made in a thread.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from gslb.answer.table import AnswerTable
from gslb.app.cluster import SecondaryEntry
from gslb.app.signatures import signing_status
from gslb.app.zones import FAILED, LAST_GOOD, ZoneEntry, Zones
from gslb.config.node_config import NodeConfig
from gslb.config.sources import SecondarySource, ZoneSource
from gslb.steering.conditions import Conditions
from gslb.wire.codes import type_to_text
from gslb.wire.names import Name, name_to_text, sort_key
from gslb.wire.rdata import rdata_to_text
from gslb.zone.steered import SteeredKey


def certificate_status(config: NodeConfig, listen: list[tuple[str, int]], now: float) -> dict[str, Any] | None:
    """Where DNS over TLS is served, and how its certificate stands. Times are in Unix seconds. None without TLS."""
    if config.tls is None or not listen:
        return None
    return {
        "listen": [list(address) for address in listen],
        "certificate": str(config.tls.certificate),
        "starts": config.tls.starts,
        "expires": config.tls.expires,
        "state": config.tls.validity_at(now).value,
    }


def zones_status(zones: Zones, now: float) -> list[dict[str, Any]]:
    """One value per configured zone, in order of names."""
    return [
        {
            "zone": entry.text,
            "role": "primary",
            "file": str(entry.source.path),
            "serial": entry.table.zone.serial if entry.table is not None else None,
            "owners": len(entry.table.zone.rrsets) if entry.table is not None else 0,
            "steered": len(entry.table.zone.steered) if entry.table is not None else 0,
            "signing": signing_status(entry.table, now),
            "served_from": entry.served_from,
            "since": entry.since or None,
            "problems": [str(problem) for problem in entry.problems],
            "warnings": [str(problem) for problem in entry.warnings],
            "gone_seconds_left": _seconds_left(entry, zones.clock()),
            "allow_query": _may_ask(entry.source),
        }
        for entry in sorted(zones.entries.values(), key=lambda entry: entry.text)
    ]


def _may_ask(source: ZoneSource | SecondarySource) -> list[str] | None:
    """Who may ask a zone; None: everyone."""
    return None if source.allow_query is None else source.allow_query.texts


def _seconds_left(entry: ZoneEntry, now: float) -> float | None:
    """How long a zone whose file is gone is served on; None for one whose file is there."""
    until = entry.gone_until  # once, for it may change between two looks
    return None if until is None else max(0.0, until - now)


def members_status(
    table: AnswerTable, conditions: Conditions, keys: Iterable[SteeredKey] | None = None
) -> list[dict[str, Any]]:
    """One value per member of every pool, of these steered owners or of all, in order of owners; `share` is the share
    of first answers it gets now."""
    rows = []
    for key in sorted(table.draws if keys is None else table.draws.keys() & keys, key=_by_name):
        draw = table.draws[key]
        shares = draw.shares()
        steered = draw.selection.steered
        for pool in steered.pools:
            chosen = pool.name == draw.selection.pool
            for member in pool.members:
                state = conditions.state_of(key, member)
                verdict = conditions.verdicts.get(member.monitor.key) if member.monitor is not None else None
                override = conditions.overrides.get((key, member.value))
                rows.append(
                    {
                        "owner": name_to_text(key[0]),
                        "type": type_to_text(key[1]),
                        "pool": pool.name,
                        "chosen": chosen,
                        "degraded": draw.selection.degraded,
                        "value": rdata_to_text(key[1], member.value),
                        "weight": member.weight,
                        "health": state.health.value,
                        "available": state.available,
                        "reason": state.reason,
                        "since": state.since,
                        "checked": verdict.checked if verdict is not None else None,
                        "latency_seconds": verdict.latency_seconds if verdict is not None else None,
                        "monitor": member.monitor.key if member.monitor is not None else None,
                        "override": override.state.value if override is not None else None,
                        "share": shares.get(member.value, 0.0) if chosen or draw.selection.pool is None else 0.0,
                    }
                )
    return rows


def degraded_status(table: AnswerTable) -> list[dict[str, Any]]:
    """One value per steered name that does not answer as configured, and what it answers instead."""
    return [
        {
            "owner": name_to_text(key[0]),
            "type": type_to_text(key[1]),
            "pool": table.draws[key].selection.pool,
            "state": table.draws[key].selection.degraded,
        }
        for key in sorted(table.draws, key=_by_name)
        if table.draws[key].selection.degraded
    ]


def _by_name(key: SteeredKey) -> tuple[list[bytes], int]:
    return sort_key(key[0]), key[1]


def not_ready(zones: Zones, config_problems: tuple[str, ...], *, serving: bool) -> list[str]:
    """Why `/readyz` says no, a line each."""
    problems = [] if serving else ["DNS is not served yet: the first round of probes is under way"]
    problems += [f"configuration: {problem}" for problem in config_problems]
    not_as_written = [entry for entry in zones.entries.values() if entry.served_from in {FAILED, LAST_GOOD}]
    for entry in sorted(not_as_written, key=lambda entry: entry.text):
        if entry.served_from == FAILED:
            problems.append(f"zone {entry.text} has no version to serve (SERVFAIL): see {entry.source.path}")
        else:
            problems.append(f"zone {entry.text} is served in its last good version: see {entry.source.path}")
    return problems


def secondaries_status(
    secondaries: Mapping[Name, SecondaryEntry], table: AnswerTable, now: float
) -> list[dict[str, Any]]:
    """As `zones_status`, for zones that are transferred; `transfer` tells how that goes."""
    rows = []
    for apex, entry in dict(secondaries).items():
        status = entry.driver.status
        served = table.zones.get(apex)
        rows.append(
            {
                "zone": name_to_text(apex),
                "role": "secondary",
                "file": None,
                "serial": served.zone.serial if served is not None else None,
                "owners": len(served.zone.rrsets) if served is not None else 0,
                "steered": len(served.zone.steered) if served is not None else 0,
                "signing": signing_status(served, now),
                "served_from": status.state if served is None else "transfer",
                "since": status.transferred,
                "problems": [] if served is not None and not status.error else [status.error or "no version came yet"],
                "warnings": list(entry.warnings),
                "gone_seconds_left": None,
                "allow_query": _may_ask(entry.source),
                "transfer": asdict(status),
            }
        )
    return rows


def secondaries_not_ready(secondaries: Mapping[Name, SecondaryEntry]) -> list[str]:
    """Why `/readyz` says no, a line each."""
    return [
        f"secondary zone {name_to_text(apex)} has no version to serve: {entry.driver.status.error or 'none came yet'}"
        for apex, entry in secondaries.items()
        if entry.driver.status.state in {"loading", "expired"}
    ]
