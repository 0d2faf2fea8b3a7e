"""How often the log is told of what anyone can bring about. Pure: the time is an argument.

Of each event TOLD_PER_MINUTE lines are written, and the next line that is written tells how many were not. Whatever is
sent, the log does not grow faster than that; counters have all of it.
"""

from dataclasses import dataclass, field

TOLD_PER_MINUTE = 10
_MINUTE_SECONDS = 60.0


@dataclass(slots=True)
class _Minute:
    """One event: since when lines are counted, how many were written since, how many were not since the last."""

    began: float
    told: int = 0
    untold: int = 0


@dataclass(slots=True)
class Sparing:
    """Events by name; there are as many as the code has."""

    _minutes: dict[str, _Minute] = field(default_factory=dict)

    def leave(self, event: str, now: float) -> int | None:
        """None: write nothing. Otherwise how many lines were not written since the last that was. `now`: seconds."""
        minute = self._minutes.setdefault(event, _Minute(now))
        if not 0 <= now - minute.began < _MINUTE_SECONDS:
            minute.began, minute.told = now, 0
        if minute.told >= TOLD_PER_MINUTE:
            minute.untold += 1
            return None
        minute.told += 1
        untold, minute.untold = minute.untold, 0
        return untold
