"""Rdata of the DNSSEC types as values (RFC 4034, RFC 5155), and the hash of NSEC3.

Nothing here signs or verifies: an authoritative server hands on what a signer made, and has to find in it what is
covered, what is denied and until when it holds. The rdata is well-formed: whoever took it in has seen to that.
"""

import base64
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha1

from gslb.wire.names import Name
from gslb.wire.rdata import name_end

SHA1 = 1
"""The one hash algorithm of NSEC3 (RFC 5155 section 11)."""
_SHA1 = sha1(usedforsecurity=False)
"""To be copied: that takes less time than to begin anew."""
HASH_OCTETS = 20
_OPT_OUT = 0x01
_TO_BASE32HEX = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", b"0123456789abcdefghijklmnopqrstuv")
_FROM_BASE32HEX = bytes.maketrans(b"0123456789abcdefghijklmnopqrstuv", b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")


def expiration(rdata: bytes) -> int:
    """When an RRSIG ends, in Unix seconds modulo 2**32 (RFC 4034 section 3.1.5)."""
    return int.from_bytes(rdata[8:12], "big")


def signer(rdata: bytes) -> Name:
    """Whose keys made an RRSIG (RFC 4034 section 3.1.7), canonical."""
    return rdata[18 : name_end(rdata, 18)].lower()


@dataclass(frozen=True, slots=True)
class Nsec:
    """The owner that follows, in canonical order, and the bitmap of types (RFC 4034 section 4.1)."""

    next: Name
    bitmap: bytes

    @classmethod
    def from_rdata(cls, rdata: bytes) -> "Nsec":
        end = name_end(rdata, 0)
        return cls(rdata[:end].lower(), rdata[end:])


@dataclass(frozen=True, slots=True)
class Nsec3Parameters:
    """How names are hashed (RFC 5155 section 4.1)."""

    algorithm: int
    iterations: int
    salt: bytes

    @classmethod
    def from_rdata(cls, rdata: bytes) -> "Nsec3Parameters":
        """Of an NSEC3PARAM or an NSEC3 record, which begin alike."""
        return cls(rdata[0], int.from_bytes(rdata[2:4], "big"), rdata[5 : 5 + rdata[4]])

    def hash(self, name: Name) -> bytes:
        """The hash of a canonical name (RFC 5155 section 5): one more round of SHA-1 than there are iterations."""
        salt, digest, begun = self.salt, name, _SHA1.copy
        for _ in range(self.iterations + 1):
            context = begun()
            context.update(digest + salt)
            digest = context.digest()
        return digest


@dataclass(frozen=True, slots=True)
class Nsec3:
    """A link of the chain of hashes (RFC 5155 section 3.1). With `opt_out` there may be delegations without DS between
    its owner and `next`."""

    parameters: Nsec3Parameters
    opt_out: bool
    next: bytes
    bitmap: bytes

    @classmethod
    def from_rdata(cls, rdata: bytes) -> "Nsec3":
        start = 6 + rdata[4]
        end = start + rdata[start - 1]
        return cls(Nsec3Parameters.from_rdata(rdata), bool(rdata[1] & _OPT_OUT), rdata[start:end], rdata[end:])


def hashed_owner(digest: bytes, apex: Name) -> Name:
    """The owner of the NSEC3 record for a hash (RFC 5155 section 3)."""
    label = base64.b32encode(digest).translate(_TO_BASE32HEX)
    return bytes((len(label),)) + label + apex


def hash_of_owner(owner: Name) -> bytes | None:
    """The hash that the first label of a canonical name stands for, None when it is no such label."""
    label = owner[1 : 1 + owner[0]]
    if len(label) != 32:
        return None
    try:
        return base64.b32decode(label.translate(_FROM_BASE32HEX))
    except ValueError:
        return None


@lru_cache(maxsize=1024)
def type_bitmap(types: frozenset[int]) -> bytes:
    """The bitmap of some types (RFC 4034 section 4.1.2). Cached: the owners of a zone have few different sets."""
    blocks: dict[int, bytearray] = {}
    for rtype in sorted(types):
        block = blocks.setdefault(rtype >> 8, bytearray())
        octet = (rtype & 0xFF) >> 3
        block.extend(bytes(octet + 1 - len(block)))
        block[octet] |= 0x80 >> (rtype & 7)
    return b"".join(bytes((number, len(block))) + block for number, block in blocks.items())


def types_of_bitmap(bitmap: bytes) -> Iterable[int]:
    """The types in a bitmap, in order."""
    position = 0
    while position < len(bitmap):
        number, length = bitmap[position], bitmap[position + 1]
        block = bitmap[position + 2 : position + 2 + length]
        for octet, bits in enumerate(block):
            yield from (number << 8 | octet << 3 | bit for bit in range(8) if bits & 0x80 >> bit)
        position += 2 + length
