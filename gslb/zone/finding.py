"""What a check of a zone's data has to say."""

from dataclasses import dataclass

from gslb.wire.names import Name


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong at `owner` and `rtype` (None: the owner as a whole)."""

    owner: Name
    rtype: int | None
    message: str
    is_error: bool = True
    pool: str | None = None
    is_absence: bool = False
