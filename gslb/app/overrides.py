"""From what an operator says of a member (`gslb override`) to an override of the health service, strictly checked."""

import time
from typing import Any

from gslb.answer.table import AnswerTable
from gslb.api.control import ControlError
from gslb.steering.conditions import Override, OverrideKey, OverrideNote
from gslb.wire.codes import type_from_text, type_to_text
from gslb.wire.names import BadNameError, name_from_text, name_to_text
from gslb.wire.rdata import rdata_to_text

_MAX_SECONDS = 100 * 366 * 86400
"""A hundred years: an end that a clock can show."""


def find_member(table: AnswerTable, request: dict[str, Any]) -> OverrideKey:
    """The member that `name`, `type` (optional where the name has one steered type) and `member` (its value as text)
    mean. Raises `ControlError` listing what there is."""
    try:
        owner = name_from_text(str(request.get("name", ""))).lower()
        wanted = type_from_text(str(request["type"])) if request.get("type") else None
    except (BadNameError, ValueError) as error:
        raise ControlError(str(error)) from None
    keys = [key for key in table.draws if key[0] == owner and wanted in {None, key[1]}]
    if not keys:
        steered = sorted({name_to_text(key[0]) for key in table.draws})
        raise ControlError(f"{name_to_text(owner)} is not a steered name here; steered: {', '.join(steered) or 'none'}")
    value = str(request.get("member", ""))
    found = {}
    for key in keys:
        for pool in table.draws[key].selection.steered.pools:
            for member in pool.members:
                found[rdata_to_text(key[1], member.value)] = (key, member.value)
    if value not in found:
        raise ControlError(f"{name_to_text(owner)} has no member {value!r}; members: {', '.join(sorted(found))}")
    return found[value]


def override_note(request: dict[str, Any], now: float) -> OverrideNote:
    """The override that the request's `state`, `author`, `note` and `seconds` (optional) make."""
    try:
        state = Override(str(request.get("state")))
    except ValueError:
        known = ", ".join(state.value for state in Override)
        raise ControlError(f"{request.get('state')!r} is no override state; known: {known}") from None
    seconds = request.get("seconds")
    if seconds is not None and not (isinstance(seconds, int | float) and 0 < seconds <= _MAX_SECONDS):
        raise ControlError(
            f"`seconds` is how long the override lasts: a number above 0, at most {_MAX_SECONDS}, or left out"
        )
    until = now + seconds if seconds is not None else None
    return OverrideNote(state, str(request.get("author", "")), str(request.get("note", "")), now, until)


def override_json(key: OverrideKey, note: OverrideNote) -> dict[str, Any]:
    """An override as a plain value."""
    (owner, rtype), value = key
    return {
        "name": name_to_text(owner),
        "type": type_to_text(rtype),
        "member": rdata_to_text(rtype, value),
        "state": note.state.value,
        "author": note.author,
        "note": note.note,
        "since": note.since,
        "until": note.until,
        "seconds_left": max(0.0, note.until - time.time()) if note.until is not None else None,
    }
