"""Response rate limiting: what a forged sender has us send to its victim is cut, and real resolvers are let through.

Replies to one network of clients share token buckets, filled at the rate of the reply's kind up to a burst. What is
counted together is what costs a flood nothing to vary: the clients of a network; the types and the case of a name;
the names that a wildcard or a DNAME stands in for; the names below a zone cut; names that are not there, by zone; and
errors, whatever they are about. A reply without a token is dropped, but each `slip`-th goes out empty and truncated:
a resolver that is really there comes again over TCP, which cannot be forged. Errors have no such form, so that one
goes out as it is. Pure: the time is an argument, in seconds of any clock that does not jump.

The number of buckets is bounded by two generations: when the young one is full, the old one is forgotten. A bucket in
use moves to the young one, so what a flood of ever new senders pushes out are buckets that nobody drew from.
"""

import enum
import ipaddress
import socket
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from gslb.config.rate_limit import RateLimits
from gslb.wire.codes import AA, TC, Rcode
from gslb.wire.query import HEADER_OCTETS
from gslb.wire.rdata import name_end

MAX_BUCKETS = 200_000
"""In both generations, some 300 octets each."""
_MAX_ADDRESSES = 65_536
"""Addresses whose networks are kept."""


class Judgement(enum.StrEnum):
    """What becomes of a reply. SLIP: it goes out empty and truncated, or whole where it is an error."""

    SEND = "sent"
    SLIP = "slipped"
    DROP = "dropped"


class ReplyKind(enum.StrEnum):
    """What is limited apart from each other. ALL: every kind together."""

    ANSWER = "answer"
    REFERRAL = "referral"
    NODATA = "nodata"
    NXDOMAIN = "nxdomain"
    ERROR = "error"
    ALL = "all"


About = bytes | str
"""What a reply is counted under: a name in wire form, a zone's text, or "" where nothing tells replies apart."""

_Key = tuple[str, ReplyKind, About]


@dataclass(slots=True)
class _Bucket:
    tokens: float
    filled: float
    refused: int = 0


class RateLimiter:
    """Judges replies."""

    def __init__(self, limits: RateLimits) -> None:
        self.limits = limits
        self._rates: Final = MappingProxyType(
            {
                ReplyKind.ANSWER: limits.answers,
                ReplyKind.REFERRAL: limits.referrals,
                ReplyKind.NODATA: limits.nodata,
                ReplyKind.NXDOMAIN: limits.nxdomains,
                ReplyKind.ERROR: limits.errors,
                ReplyKind.ALL: limits.everything,
            }
        )
        self._young: dict[_Key, _Bucket] = {}
        self._old: dict[_Key, _Bucket] = {}
        self._networks: dict[str, str | None] = {}

    def judge(self, network: str, kind: ReplyKind, about: About, now: float) -> Judgement:
        """Whether a reply may go to a client of the network. `about` is what the reply is counted under."""
        judgement = self._drawn((network, kind, about), now)
        if not self.limits.everything:
            return judgement
        of_all = self._drawn((network, ReplyKind.ALL, ""), now)
        return judgement if of_all is Judgement.SEND else of_all

    def _drawn(self, key: _Key, now: float) -> Judgement:
        rate = self._rates[key[1]]
        if not rate:
            return Judgement.SEND
        bucket = self._bucket(key, rate, now)
        if bucket.tokens >= 1:
            bucket.tokens -= 1
            return Judgement.SEND
        bucket.refused += 1
        slip = self.limits.slip
        return Judgement.SLIP if slip and bucket.refused % slip == 0 else Judgement.DROP

    def _bucket(self, key: _Key, rate: float, now: float) -> _Bucket:
        burst = max(1.0, rate * self.limits.burst_seconds)
        bucket = self._young.get(key)
        if bucket is None:
            if len(self._young) >= MAX_BUCKETS // 2:
                self._young, self._old = {}, self._young
            kept = self._old.pop(key) if key in self._old else None
            bucket = self._young[key] = kept or _Bucket(burst, now)
        bucket.tokens = min(burst, bucket.tokens + max(0.0, now - bucket.filled) * rate)
        bucket.filled = now
        return bucket

    def __len__(self) -> int:
        """The buckets there are."""
        return len(self._young) + len(self._old)

    def network_of(self, client: str) -> str | None:
        """The network of a client's address, as text; None for one that is exempt."""
        try:
            return self._networks[client]
        except KeyError:
            if len(self._networks) >= _MAX_ADDRESSES:
                self._networks.clear()
            found = self._networks[client] = self._look(client.partition("%")[0])
            return found

    def _look(self, client: str) -> str | None:
        if self.limits.exempt:
            address = ipaddress.ip_address(client)
            if any(address in prefix for prefix in self.limits.exempt):
                return None
        if ":" in client:
            return _network(socket.AF_INET6, client, self.limits.ipv6_prefix)
        return _network(socket.AF_INET, client, self.limits.ipv4_prefix)


def _network(family: socket.AddressFamily, client: str, length: int) -> str:
    """As `ipaddress.ip_network`, which takes ten times as long: a flood has a new sender in each packet."""
    packed = socket.inet_pton(family, client)
    hidden = 8 * len(packed) - length
    masked = int.from_bytes(packed, "big") >> hidden << hidden
    return f"{socket.inet_ntop(family, masked.to_bytes(len(packed), 'big'))}/{length}"


def kind_of(reply: bytes, rcode: int) -> ReplyKind:
    """The kind of a reply with this (extended) rcode. One that was truncated is an answer that did not fit."""
    if rcode == Rcode.NXDOMAIN:
        return ReplyKind.NXDOMAIN
    if rcode != Rcode.NOERROR:
        return ReplyKind.ERROR
    flags = int.from_bytes(reply[2:4], "big")
    if reply[6:8] != b"\x00\x00" or flags & TC:
        return ReplyKind.ANSWER
    return ReplyKind.NODATA if flags & AA else ReplyKind.REFERRAL


def slipped(reply: bytes, opt: bytes) -> bytes:
    """The reply without records and with TC set; `opt` is its OPT record, b"" for none."""
    questions = reply[4:6]
    end = name_end(reply, HEADER_OCTETS) + 4 if any(questions) else HEADER_OCTETS  # none: a query for a cookie alone
    flags = int.from_bytes(reply[2:4], "big") | TC
    additional = b"\x00\x01" if opt else b"\x00\x00"
    return b"".join(
        (reply[:2], flags.to_bytes(2, "big"), questions, b"\x00\x00\x00\x00", additional, reply[HEADER_OCTETS:end], opt)
    )
