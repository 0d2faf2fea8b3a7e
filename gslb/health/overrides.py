"""The book of overrides: what operators said of members on this node, and until when. No clock in here."""

from collections.abc import Mapping
from types import MappingProxyType

from gslb.steering.conditions import OverrideKey, OverrideNote


class Overrides:
    """One note a member; a new one takes the place of the old."""

    def __init__(self, notes: Mapping[OverrideKey, OverrideNote]) -> None:
        self._notes: Mapping[OverrideKey, OverrideNote] = MappingProxyType(dict(notes))

    @property
    def notes(self) -> Mapping[OverrideKey, OverrideNote]:
        """An immutable snapshot."""
        return self._notes

    def put(self, key: OverrideKey, note: OverrideNote) -> None:
        self._notes = MappingProxyType({**self._notes, key: note})

    def clear(self, key: OverrideKey) -> bool:
        """True when there was one to clear."""
        return bool(self._without({key} & self._notes.keys()))

    def expire(self, now: float) -> frozenset[OverrideKey]:
        """Take out the notes whose end is `now` (Unix seconds) or before; returns their keys."""
        return self._without({key for key, note in self._notes.items() if note.until is not None and note.until <= now})

    def _without(self, keys: set[OverrideKey]) -> frozenset[OverrideKey]:
        if keys:
            self._notes = MappingProxyType({key: note for key, note in self._notes.items() if key not in keys})
        return frozenset(keys)
