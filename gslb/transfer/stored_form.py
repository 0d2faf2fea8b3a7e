"""How records stand in the journal: plain concatenation, each part preceded by its length, numbers in network order.

rdatas of an rrset   length (2 octets), rdata; again for each
a change set         how many are removed (4), how many added (4); then as records the SOA it starts at, the SOA it
                     leads to, those removed, those added
a record             length of the owner (1), owner, type (2), TTL (4), length of the rdata (2), rdata
"""

import struct
from collections.abc import Iterable, Sequence
from itertools import chain

from gslb.wire.records import Record
from gslb.zone.diff import ChangeSet

_COUNTS = struct.Struct(">II")
_FIXED = struct.Struct(">HIH")
_LENGTH = struct.Struct(">H")


class StoredFormError(ValueError):
    """Octets that are no stored form: the journal is damaged."""


def render_rdatas(rdatas: Sequence[bytes]) -> bytes:
    return b"".join([_LENGTH.pack(len(rdata)) + rdata for rdata in rdatas])


def parse_rdatas(data: bytes) -> tuple[bytes, ...]:
    """Raises `StoredFormError`."""
    end = 2 + int.from_bytes(data[:2], "big")
    if end == len(data):
        return (data[2:],)
    found = [data[2:end]]
    while 2 <= end < len(data):
        start = end + 2
        end = start + int.from_bytes(data[end:start], "big")
        found.append(data[start:end])
    if end != len(data):
        raise StoredFormError("the values of an rrset do not fill their field")
    return tuple(found)


def render_change_set(change_set: ChangeSet) -> bytes:
    counts = _COUNTS.pack(len(change_set.removed), len(change_set.added))
    soas = (change_set.from_soa, change_set.to_soa)
    return counts + _render_records(chain(soas, change_set.removed, change_set.added))


def _render_records(records: Iterable[Record]) -> bytes:
    parts = []
    for record in records:
        fixed = _FIXED.pack(record.rtype, record.ttl_seconds, len(record.rdata))
        parts.append(bytes((len(record.owner),)) + record.owner + fixed + record.rdata)
    return b"".join(parts)


def parse_change_set(data: bytes) -> ChangeSet:
    """Raises `StoredFormError`."""
    try:
        removed, added = _COUNTS.unpack_from(data)
        records = _parse_records(data, _COUNTS.size)
    except (struct.error, IndexError):
        raise StoredFormError("a change set is cut short") from None
    if len(records) != 2 + removed + added:
        raise StoredFormError("a change set has not the records it counts")
    return ChangeSet(records[0], records[1], tuple(records[2 : 2 + removed]), tuple(records[2 + removed :]))


def _parse_records(data: bytes, position: int) -> list[Record]:
    records = []
    while position < len(data):
        fixed = position + 1 + data[position]
        rtype, ttl_seconds, length = _FIXED.unpack_from(data, fixed)
        rdata = fixed + _FIXED.size
        records.append(Record(data[position + 1 : fixed], rtype, ttl_seconds, data[rdata : rdata + length]))
        position = rdata + length
    if position != len(data):
        raise IndexError
    return records
