"""Records as values: what a zone transfer carries.

A `Record` is one resource record of class IN, apart from any message: its owner canonical, its rdata uncompressed.
"""

from dataclasses import dataclass

from gslb.wire.names import Name


@dataclass(frozen=True, slots=True)
class Record:
    """One record of class IN. `owner` is canonical; `rdata` holds uncompressed wire bytes."""

    owner: Name
    rtype: int
    ttl_seconds: int
    rdata: bytes
