"""An rrset: all records of one owner and type, which share a TTL (RFC 9499)."""

from dataclasses import dataclass

from gslb.wire.names import Name


@dataclass(frozen=True, slots=True)
class RRset:
    """`rdatas` are uncompressed wire bytes, distinct, in the order they were written; at least one."""

    owner: Name
    rtype: int
    ttl_seconds: int
    rdatas: tuple[bytes, ...]
