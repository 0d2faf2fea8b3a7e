"""SipHash-2-4: the keyed hash of server cookies (RFC 9018 section 4.4; Aumasson and Bernstein, 2012).

Sixty-four bits from a key of sixteen octets. Some ten microseconds for a cookie: who asks often keeps what it got.
"""

import struct

KEY_OCTETS = 16
_MASK = 0xFFFFFFFFFFFFFFFF
_KEY = struct.Struct("<QQ")
# "somepseudorandomlygeneratedbytes", as four words.
_START = (0x736F6D6570736575, 0x646F72616E646F6D, 0x6C7967656E657261, 0x7465646279746573)

_State = tuple[int, int, int, int]


def siphash24(key: bytes, data: bytes) -> bytes:
    """The hash, eight octets in little-endian order. `key` has sixteen octets."""
    low, high = _KEY.unpack(key)
    state = (low ^ _START[0], high ^ _START[1], low ^ _START[2], high ^ _START[3])
    for word in _words(data):
        state = _round(_round((state[0], state[1], state[2], state[3] ^ word)))
        state = (state[0] ^ word, state[1], state[2], state[3])
    state = (state[0], state[1], state[2] ^ 0xFF, state[3])
    a, b, c, d = _round(_round(_round(_round(state))))
    return (a ^ b ^ c ^ d).to_bytes(8, "little")


def _words(data: bytes) -> tuple[int, ...]:
    """The data as little-endian words; the last octet of the last is the length."""
    padded = data + bytes(7 - len(data) % 8) + bytes((len(data) & 0xFF,))
    return struct.unpack(f"<{len(padded) // 8}Q", padded)


def _round(state: _State) -> _State:
    a, b, c, d = state
    a = (a + b) & _MASK
    b = (b << 13 & _MASK | b >> 51) ^ a
    a = a << 32 & _MASK | a >> 32
    c = (c + d) & _MASK
    d = (d << 16 & _MASK | d >> 48) ^ c
    a = (a + d) & _MASK
    d = (d << 21 & _MASK | d >> 43) ^ a
    c = (c + b) & _MASK
    b = (b << 17 & _MASK | b >> 47) ^ c
    return a, b, c << 32 & _MASK | c >> 32, d
