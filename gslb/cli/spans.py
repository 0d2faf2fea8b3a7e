"""Spans of time for people: `12s`, `5m`, `3h`, `2d`. Seconds of Unix time go in."""

import time

_UNITS = ((120, 1, "s"), (7200, 60, "m"), (172800, 3600, "h"))


def lasting(seconds: float) -> str:
    """The span, in the unit that says most of it."""
    for limit, size, unit in _UNITS:
        if seconds < limit:
            return f"{int(max(seconds, 0.0) / size)}{unit}"
    return f"{int(seconds / 86400)}d"


def ago(moment: float | None, now: float | None = None) -> str:
    """How long since a moment; `-` for None."""
    return "-" if moment is None else lasting((time.time() if now is None else now) - moment)


def until(moment: float) -> str:
    """How long till a moment."""
    return lasting(moment - time.time())
