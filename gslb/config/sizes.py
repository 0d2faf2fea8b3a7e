"""Sizes as people write them: `512KiB`, `64MiB`, `1GiB`."""

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

_OCTETS = {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
PATTERN = r"^\d{1,9}(KiB|MiB|GiB)$"
"""What `parse_size` takes, as a regular expression for JSON Schemas."""


def parse_size(text: Any) -> int:
    """The octets of `text`. Raises `ValueError` that says what would be right, for what is no text too."""
    if not isinstance(text, str) or not re.fullmatch(PATTERN, text, re.ASCII):
        raise ValueError(f"{text!r} is not a size; write one like 512KiB, 64MiB or 1GiB")
    return int(text[:-3]) * _OCTETS[text[-3:]]


def size_text(octets: int) -> str:
    """The size in the largest unit of which it is a whole number; `octets` is a multiple of 1024."""
    unit = max((unit for unit, each in _OCTETS.items() if octets % each == 0), key=_OCTETS.__getitem__)
    return f"{octets // _OCTETS[unit]}{unit}"


Size = Annotated[int, BeforeValidator(parse_size), WithJsonSchema({"type": "string", "pattern": PATTERN})]
"""A field that is written as a size and held in octets."""
