"""What happened: the differences between one look at the demo and the next, in words."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Status = Mapping[str, Any]
"""What a node answers to `gslb status --json`."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened: when (Unix seconds), to whom (a node's name, or "backends"), and what."""

    time: float
    where: str
    text: str


def status_changes(before: Status, after: Status) -> list[str]:
    """What is new in `after`, a line each."""
    return [
        *_member_changes(_members(before), _members(after)),
        *_zone_changes(_zones(before), _zones(after)),
        *_problem_changes(problems(before), problems(after), "the files are right again"),
        *_problem_changes(unreached(before), unreached(after), "a primary answers again"),
        *_prober_changes(before, after),
    ]


def process_changes(before: Mapping[str, int | None], after: Mapping[str, int | None]) -> list[str]:
    """Which processes (name to process id, None: does not run) went and came, a line each."""
    changes = []
    for name, pid in after.items():
        was = before.get(name)
        if was is not None and pid is None:
            changes.append(f"{name} is gone (pid {was})")
        elif pid is not None and pid != was and name in before:
            changes.append(f"{name} runs again, pid {pid}")
    return changes


def problems(status: Status) -> list[str]:
    """What is wrong with the files of a node."""
    zones = (zone for zone in status["zones"] if zone["role"] == "primary")
    return [*status["config"]["problems"], *(problem for zone in zones for problem in zone["problems"])]


def unreached(status: Status) -> list[str]:
    """Why a secondary cannot refresh its zones."""
    zones = (zone for zone in status["zones"] if zone["role"] == "secondary")
    return [problem for zone in zones for problem in zone["problems"]]


def told(problem: str) -> str:
    """A problem of either kind in the words of an event."""
    return f"not taken, the version before is served: {problem}"


def _members(status: Status) -> dict[str, Mapping[str, Any]]:
    """By value: the records of the demo probe a backend the same way, and so share its state."""
    return {member["value"]: member for member in status["members"]}


def _zones(status: Status) -> dict[str, Mapping[str, Any]]:
    return {zone["zone"]: zone for zone in status["zones"]}


def _member_changes(before: Mapping[str, Mapping[str, Any]], after: Mapping[str, Mapping[str, Any]]) -> list[str]:
    changes = []
    for value, member in after.items():
        was = before.get(value)
        if was is None or was["health"] != member["health"]:
            changes.append(f"{value} is {member['health']}: {member['reason']}")
        elif was["override"] != member["override"]:
            changes.append(f"{value}: override {member['override'] or 'cleared'}")
    return changes + [f"{value} is no longer a member" for value in before if value not in after]


def _zone_changes(before: Mapping[str, Mapping[str, Any]], after: Mapping[str, Mapping[str, Any]]) -> list[str]:
    return [
        f"{name} is served in a new version, serial {zone['serial']}{_how_it_came(zone)}"
        for name, zone in after.items()
        if name in before and before[name]["serial"] != zone["serial"]
    ]


def _how_it_came(zone: Mapping[str, Any]) -> str:
    transfer = zone.get("transfer")
    return f", by {transfer['how'].upper()}" if transfer and transfer["how"] else ""


def _problem_changes(before: list[str], after: list[str], end: str) -> list[str]:
    changes = [told(problem) for problem in after if problem not in before]
    return changes + ([end] if before and not after else [])


def _prober_changes(before: Status, after: Status) -> list[str]:
    if after["prober"]["restarts"] > before["prober"]["restarts"]:
        return [f"the prober was restarted ({after['prober']['last_exit']}); the last verdicts stayed"]
    return []
