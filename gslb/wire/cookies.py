"""Server cookies (RFC 7873, made as RFC 9018 wants): a client that shows ours receives at the address it asks from.

    client cookie (8) | version 1 | reserved (3) | timestamp (4) | SipHash-2-4 of all that and the client's address

The hash is keyed with a secret that the nodes behind one address share, so that each knows what another made, whatever
its make. `previous` is another secret whose cookies are taken, while secrets change. Timestamps are whole minutes, so
that the answer to a cookie is the same for a minute and can be kept: a resolver shows the same cookie many times.
"""

import hmac
import ipaddress

from gslb.wire.edns import Option, render_option
from gslb.wire.siphash import KEY_OCTETS, siphash24

CLIENT_OCTETS = 8
COOKIE_OCTETS = 24
"""A client cookie and one of our server cookies."""
QUANTUM_SECONDS = 60
_VERSION = b"\x01\x00\x00\x00"
_GOOD_SECONDS = 3600
_RENEWED_AFTER_SECONDS = 1800
_AHEAD_SECONDS = 300 + QUANTUM_SECONDS
"""How far a timestamp may lie ahead: what clocks differ by, and what we round off ours."""
_MAX_KEPT = 20_000

Shown = tuple[bytes, bool]
"""The option to answer with, and whether the cookie that was shown is good."""


def is_well_formed(value: bytes) -> bool:
    """Whether an option holds a client cookie, alone or with a server cookie (RFC 7873 section 5.2.2)."""
    return len(value) == CLIENT_OCTETS or 16 <= len(value) <= 40


class ServerCookies:
    """Makes and checks cookies. Equal arguments within a minute give equal results; what is kept never changes one.

    `required`: over UDP a query with a cookie that is not good is answered by BADCOOKIE (RFC 7873 section 5.2.4).
    """

    def __init__(self, secret: bytes, previous: bytes | None = None, *, required: bool = False) -> None:
        if any(len(key) != KEY_OCTETS for key in (secret, previous) if key is not None):
            raise ValueError(f"a cookie secret has {KEY_OCTETS} octets")
        self.required = required
        self._secret = secret
        self._previous = previous
        self._kept: dict[tuple[bytes, str], Shown] = {}
        self._from = 0.0
        self._until = 0.0

    def answer(self, value: bytes, client: str, now: float) -> Shown:
        """For the well-formed cookie that a client's address showed. `now`: Unix seconds."""
        if not self._from <= now < self._until:
            self._from = now // QUANTUM_SECONDS * QUANTUM_SECONDS
            self._until = self._from + QUANTUM_SECONDS
            self._kept.clear()
        shown = self._kept.get((value, client))
        if shown is None:
            if len(self._kept) >= _MAX_KEPT:
                self._kept.clear()
            shown = self._kept[value, client] = self._look(value, _packed(client), int(self._from))
        return shown

    def _look(self, value: bytes, address: bytes, now: int) -> Shown:
        age = _age(value, now)
        good = fresh = False
        if age is not None and -_AHEAD_SECONDS <= age <= _GOOD_SECONDS:
            fresh = self._matches(self._secret, value, address)
            good = fresh or (self._previous is not None and self._matches(self._previous, value, address))
        if fresh and age is not None and age < _RENEWED_AFTER_SECONDS:
            return render_option(Option.COOKIE, value), good
        return render_option(Option.COOKIE, self._made(value[:CLIENT_OCTETS], address, now)), good

    def _made(self, client_cookie: bytes, address: bytes, now: int) -> bytes:
        cookie = client_cookie + _VERSION + (now & 0xFFFFFFFF).to_bytes(4, "big")
        return cookie + siphash24(self._secret, cookie + address)

    @staticmethod
    def _matches(secret: bytes, value: bytes, address: bytes) -> bool:
        return hmac.compare_digest(value[16:], siphash24(secret, value[:16] + address))

    def __repr__(self) -> str:
        return "<ServerCookies>"


def _age(value: bytes, now: int) -> int | None:
    """Seconds since a cookie like ours was made, in serial arithmetic (RFC 9018 section 4.3); None for another."""
    if len(value) != COOKIE_OCTETS or value[CLIENT_OCTETS] != _VERSION[0]:
        return None
    return (now - int.from_bytes(value[12:16], "big") + 0x80000000) % 0x100000000 - 0x80000000


def _packed(client: str) -> bytes:
    """An address's octets; those of an interface's own scope are the same to everyone."""
    return ipaddress.ip_address(client.partition("%")[0]).packed if client else b""
