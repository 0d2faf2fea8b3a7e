"""An rrset: all records of one owner and type, which share a TTL (RFC 9499).

Signatures are the exception: those of one owner have the TTLs of what they cover (RFC 4035 section 2.2). So the
RRSIG records of an owner are as many rrsets as there are types covered, and what tells the rrsets of an owner apart is
not the type but the *key* (`gslb.wire.rdata.rrset_key`): the type itself, and beyond all types one for the signatures
over each.
"""

from dataclasses import dataclass

from gslb.wire.names import Name
from gslb.wire.rdata import rrset_key


@dataclass(frozen=True, slots=True)
class RRset:
    """`rdatas` are uncompressed wire bytes, distinct, in the order they were written; at least one. Signatures all
    cover the same type."""

    owner: Name
    rtype: int
    ttl_seconds: int
    rdatas: tuple[bytes, ...]

    @property
    def key(self) -> int:
        """What it is found by at its owner."""
        return rrset_key(self.rtype, self.rdatas[0])
