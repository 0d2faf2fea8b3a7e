"""TSIG: messages signed with a secret that both ends share (RFC 8945).

The algorithms are HMAC-SHA-256 and the stronger ones of RFC 8945 section 6; MD5, SHA-1 and SHA-224 are not taken.
"""

from dataclasses import dataclass, field
from typing import Literal

from gslb.wire.names import Name

Algorithm = Literal["hmac-sha256", "hmac-sha384", "hmac-sha512"]


@dataclass(frozen=True, slots=True)
class TsigKey:
    """A key: its canonical name, its algorithm as RFC 8945 section 6 names it, and its secret, which no repr shows."""

    name: Name
    algorithm: Algorithm
    secret: bytes = field(repr=False)
