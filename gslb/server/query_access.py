"""Who may ask which zone: `allow_query`, where it is set. Without it nothing of this is on a query's way.

A zone's list stands beside the peers it is exchanged with: who may fetch a zone, gives it or is told of it asks for its
SOA as well. A reply of the short path is held back for clients that are not on the list; the full path then refuses.
"""

from collections.abc import Mapping

from gslb.answer.draws import DrawSource
from gslb.answer.short import Shortcut, ShortPath
from gslb.answer.table import AnswerTable
from gslb.config.access import AccessList
from gslb.wire.names import Name, name_to_text
from gslb.wire.tsig import TsigKey

_MAX_KEPT = 20_000


class QueryAccess:
    """`lists` are of the zones that not everyone may ask, by apex; one list that allows is enough."""

    def __init__(self, lists: Mapping[Name, tuple[AccessList, ...]]) -> None:
        self.lists = lists
        self._apexes = {name_to_text(apex): apex for apex in lists}
        self._kept: dict[tuple[Name, str], bool] = {}

    def refuses(self, apex: Name, client: str, key: TsigKey | None = None) -> bool:
        """True when this client may not ask the zone. `key` has signed its query and is verified; None: unsigned."""
        lists = self.lists.get(apex)
        if lists is None:
            return False
        if key is not None:
            return not any(each.allows(client, key) for each in lists)
        refused = self._kept.get((apex, client))
        if refused is None:
            if len(self._kept) >= _MAX_KEPT:
                self._kept.clear()
            refused = self._kept[apex, client] = not any(each.allows(client, None) for each in lists)
        return refused

    def refuses_zone(self, text: str, client: str) -> bool:
        """As `refuses` for an unsigned query, of a zone by its text."""
        apex = self._apexes.get(text)
        return apex is not None and self.refuses(apex, client)


class RestrictedShortPath(ShortPath):
    """The short path, for clients that may ask."""

    def __init__(self, udp_size: int, access: QueryAccess) -> None:
        super().__init__(udp_size)
        self._access = access

    def answer(
        self, data: bytes, table: AnswerTable, source: DrawSource, client: str = "", now: float = 0.0
    ) -> Shortcut | None:
        shortcut = super().answer(data, table, source, client, now)
        if shortcut is None or self._access.refuses_zone(shortcut[1].facts.zone, client):
            return None
        return shortcut
