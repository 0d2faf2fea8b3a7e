"""Makes a view out of records that arrive a few at a time.

What `zone.diff.view_of` does in one go, here no step takes longer than its own records: a zone of any size is
gathered between two batches of queries.
"""

from collections.abc import Iterable, Iterator
from types import MappingProxyType

from gslb.wire.names import Name
from gslb.wire.rdata import type_of_key
from gslb.wire.records import Record
from gslb.zone.rrset import RRset
from gslb.zone.view import View

_FREEZE_STEP = 500
_Several = dict[tuple[Name, int], tuple[int, dict[bytes, None]]]
"""Owner and key to TTL and rdatas, of rrsets with more than one record."""


class Gathering:
    """`add` records in any order, exhaust `freeze`, then take `view`. A record that comes twice counts once; of TTLs
    that differ within an rrset the lowest is taken (RFC 2181 section 5.2)."""

    def __init__(self) -> None:
        self._rrsets: dict[Name, dict[int, RRset]] = {}
        self._several: _Several = {}

    def add(self, record: Record) -> None:
        types = self._rrsets.get(record.owner)
        if types is None:
            types = self._rrsets[record.owner] = {}
        rrset_key = record.key
        first = types.get(rrset_key)
        if first is None:
            types[rrset_key] = RRset(record.owner, record.rtype, record.ttl_seconds, (record.rdata,))
            return
        key = (record.owner, rrset_key)
        ttl_seconds, rdatas = self._several.get(key) or (first.ttl_seconds, dict.fromkeys(first.rdatas))
        if record.rdata not in rdatas:
            rdatas[record.rdata] = None
            self._several[key] = min(ttl_seconds, record.ttl_seconds), rdatas

    def extend(self, records: Iterable[Record]) -> None:
        for record in records:
            self.add(record)

    def freeze(self) -> Iterator[None]:
        """Put rrsets of several records together, some at each step."""
        for number, ((owner, key), (ttl_seconds, rdatas)) in enumerate(self._several.items()):
            self._rrsets[owner][key] = RRset(owner, type_of_key(key), ttl_seconds, tuple(rdatas))
            if number % _FREEZE_STEP == 0:
                yield
        self._several.clear()

    @property
    def view(self) -> View:
        return MappingProxyType(self._rrsets)
