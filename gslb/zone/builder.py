"""Collects records in any order and makes a `Zone` of them.

The builder merges and deduplicates; it does not judge. What is wrong with the data is said by `zone.checks`,
with the place each record was written.
"""

from types import MappingProxyType

from gslb.wire.names import Name
from gslb.zone.rrset import RRset
from gslb.zone.steered import Steered, SteeredKey
from gslb.zone.zone import Zone


class ZoneBuilder:
    """Add records, then `build()`. Owners are canonical names; the apex must have got its SOA by then."""

    def __init__(self, apex: Name) -> None:
        self.apex = apex
        self._rrsets: dict[Name, dict[int, RRset]] = {}
        self._steered: dict[SteeredKey, Steered] = {}

    def add(self, rrset: RRset) -> None:
        """Add an rrset, or more records to one that is there (its TTL stays, duplicates are dropped)."""
        types = self._rrsets.setdefault(rrset.owner, {})
        present = types.get(rrset.key)
        if present is None:
            types[rrset.key] = rrset
            return
        rdatas = tuple(dict.fromkeys(present.rdatas + rrset.rdatas))
        types[rrset.key] = RRset(rrset.owner, rrset.rtype, present.ttl_seconds, rdatas)

    def steer(self, steered: Steered) -> None:
        """Add a steered owner and type, its plain rrset included."""
        self.add(steered.rrset)
        self._steered[steered.key] = steered

    def build(self) -> Zone:
        frozen = {owner: MappingProxyType(dict(types)) for owner, types in self._rrsets.items()}
        return Zone(self.apex, MappingProxyType(frozen), MappingProxyType(dict(self._steered)))
