"""Durations as people write them: `5s`, `2m`, `1h30m`, `14d`, `250ms`."""

import re
from typing import Any

_MILLISECONDS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhdw])", re.ASCII)
PATTERN = r"^(\d+(\.\d+)?(ms|[smhdw]))+$"
"""What `parse_duration` takes, as a regular expression for JSON Schemas."""


def parse_duration(text: Any) -> float:
    """The seconds of `text`. Raises `ValueError` that says what would be right, for what is no text too."""
    written = text if isinstance(text, str) else ""
    if re.fullmatch(PATTERN, written, re.ASCII):
        return sum(float(number) * _MILLISECONDS[unit] for number, unit in _PART.findall(written)) / 1000
    if re.fullmatch(r"\d+(\.\d+)?", written, re.ASCII):
        raise ValueError(f"{text!r} has no unit; write {text}s for seconds")
    raise ValueError(f"{text!r} is not a duration; write one like 250ms, 5s, 2m, 1h30m or 14d")


def parse_seconds(text: Any) -> int:
    """Whole seconds, written as a plain number or as a duration. Raises `ValueError`."""
    is_number = isinstance(text, str) and re.fullmatch(r"\d{1,10}", text, re.ASCII)
    seconds = float(text) if is_number else parse_duration(text)
    if not seconds.is_integer():
        raise ValueError(f"{text!r} is not a whole number of seconds")
    return int(seconds)
