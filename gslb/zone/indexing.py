"""The versions of one zone as they come in: each is made ready from the one before, where it follows from that.

A version that is to be taken is checked first, and then served: both need its index, and the chain of a signed one.
What was made last is kept, so that it is made once.
"""

from gslb.zone.completeness import check_signing, is_complete_after
from gslb.zone.finding import Finding
from gslb.zone.step import Indexed, step
from gslb.zone.zone import Zone


class Indexing:
    """Of one zone. May be used from any thread: what is kept is a value, replaced as a whole."""

    def __init__(self) -> None:
        self._last: Indexed | None = None

    def of(self, zone: Zone) -> Indexed:
        """A version, which lacks nothing, ready for lookup. Raises `ValueError` as `Indexed.of` does."""
        last = self._last
        made = step(last, zone) if last is not None else None
        found = self._last = made.after if made is not None else Indexed.of(zone)
        return found

    def check_signing(self, zone: Zone) -> list[Finding]:
        """As `zone.completeness.check_signing`, for the price of the changes where these lack nothing."""
        last = self._last
        if last is not None and self._follows(last, zone):
            return []
        return check_signing(zone)

    def _follows(self, last: Indexed, zone: Zone) -> bool:
        try:
            made = step(last, zone)
        except ValueError:  # a part of what makes it signed is gone: the whole check tells which
            return False
        if made is None or not is_complete_after(made):
            return False
        self._last = made.after
        return True
