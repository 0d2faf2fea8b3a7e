"""UDP under response rate limiting: the answer to a datagram, and whether it goes out.

It stands between a `UdpListener` and the `Responder` while `rate_limit` is set; without it nobody comes by here. Free
of limits are the exempt networks, whoever shows a cookie of ours (RFC 7873: it receives at the address it asks from),
and what a peer is granted: an accepted NOTIFY, a zone it may fetch, an answer that is signed.
"""

import asyncio
import time
from itertools import product
from typing import Any

import structlog
from prometheus_client import Counter

from gslb.answer.finished import Facts
from gslb.answer.options import Asking, NodeOptions, reply_opt
from gslb.config.rate_limit import RateLimits
from gslb.metrics import Metrics, Tally
from gslb.server.floods import QUIET_SECONDS, Flood, Floods
from gslb.server.rate import About, Judgement, RateLimiter, ReplyKind, kind_of, slipped
from gslb.server.responder import Responder
from gslb.wire.cookies import COOKIE_OCTETS
from gslb.wire.edns import Option, render_option
from gslb.wire.names import Name, name_to_text
from gslb.wire.query import HEADER_OCTETS, FormError, Query, parse_query
from gslb.wire.rdata import name_end
from gslb.zone.lookup import Alias, Found, Redirection, Referral

log = structlog.get_logger("gslb.server")

_COOKIE_HEAD = render_option(Option.COOKIE, bytes(COOKIE_OCTETS))[:4]
_BY_ZONE = frozenset({ReplyKind.NODATA, ReplyKind.NXDOMAIN})
_SHOWN = 5
"""Networks, and names, that `gslb status` tells."""


class UdpGuard:
    """Make it on the event loop; `close` it when the limits change."""

    def __init__(self, limits: RateLimits, responder: Responder) -> None:
        self.limits = limits
        self.floods = Floods()
        self._limiter = RateLimiter(limits)
        self._responder = responder
        self._refused = _counters(responder.metrics, log_only=limits.log_only)
        self._timer: asyncio.TimerHandle | None = None

    def answer(self, data: bytes, client: str, tally: Tally) -> bytes | None:
        """The reply to a datagram; None for silence."""
        responder = self._responder
        try:
            shortcut = responder.short.answer(data, responder.table, responder.source, client, responder.clock())
            if shortcut is None:
                reply = responder.answer(data, client, tally, udp=True, permit=self.permit)
                return reply if isinstance(reply, bytes) else None
            whole, finished, outcome = shortcut
            sent = self.permit(data, client, whole, finished.facts, exact=True)
        except Exception as error:  # noqa: BLE001  a bug of ours costs this query, not the server
            return responder.servfail(data, error)
        if sent is not None:
            tally.log.append(finished)
            if outcome is not None and sent is whole:
                tally.log.append(outcome)
        return sent

    def permit(self, data: bytes, client: str, reply: bytes, facts: Facts, *, exact: bool = False) -> bytes | None:
        """What goes out instead of the reply to the query `data`: itself, something shorter, or nothing. `exact`: the
        answer stands at the name that was asked for."""
        network = self._limiter.network_of(client)
        if network is None or self._knows_us(data, client):
            return reply
        kind = kind_of(reply, facts.rcode)
        now = time.monotonic()
        about = self._about(reply, kind, facts, exact=exact)
        judgement = self._limiter.judge(network, kind, about, now)
        if judgement is Judgement.SEND:
            return reply
        self._refused[kind, judgement].inc()
        self._note(network, kind, about, judgement, now)
        if self.limits.log_only:
            return reply
        if judgement is Judgement.DROP:
            return None
        return reply if kind is ReplyKind.ERROR else slipped(reply, self._opt(data, client, facts.rcode))

    def _about(self, reply: bytes, kind: ReplyKind, facts: Facts, *, exact: bool) -> About:
        """What a reply is counted under."""
        if kind is ReplyKind.ERROR:
            return ""
        if kind in _BY_ZONE:
            return facts.zone
        qname = reply[HEADER_OCTETS : name_end(reply, HEADER_OCTETS)].lower()
        return qname if exact else self._stands_at(qname, facts.qtype)

    def _stands_at(self, qname: Name, qtype: int) -> Name:
        """Where an answer or referral comes from: the name itself, a wildcard, a DNAME or a zone cut above it."""
        table = self._responder.table
        apex = table.apex_for(qname, qtype)
        zone = table.zones[apex] if apex is not None else None
        outcome = zone.outcome(qname, qtype)[0] if zone is not None else None
        if isinstance(outcome, Found | Alias | Referral):
            return outcome.node.name
        return outcome.rrset.owner if isinstance(outcome, Redirection) else qname

    def _knows_us(self, data: bytes, client: str) -> bool:
        """True for a query with a good cookie of ours."""
        cookies = self._responder.node.cookies
        if cookies is None or _COOKIE_HEAD not in data:
            return False
        if data[-COOKIE_OCTETS - 4 : -COOKIE_OCTETS] == _COOKIE_HEAD:  # nearly always: it is the last option
            return cookies.answer(data[-COOKIE_OCTETS:], client, self._responder.clock())[1]
        query = _parsed(data)
        options = query.edns.options if query is not None and query.edns is not None else ()
        value = dict(reversed(options)).get(Option.COOKIE, b"")
        return len(value) == COOKIE_OCTETS and cookies.answer(value, client, self._responder.clock())[1]

    def _opt(self, data: bytes, client: str, rcode: int) -> bytes:
        """The OPT of a slipped reply: none would say that we do not speak EDNS (RFC 6891 section 7). Of options only
        the cookie: with it the client is free of limits from now on."""
        query = _parsed(data)
        if query is None:
            return b""
        node = NodeOptions(cookies=self._responder.node.cookies)
        asking = Asking(query.edns, query.qname, query.qtype, node, client, self._responder.clock(), udp=True)
        return reply_opt(asking, rcode)

    # Who is limited

    def _note(self, network: str, kind: ReplyKind, about: About, judgement: Judgement, now: float) -> None:
        begun = self.floods.note(network, kind, about, judgement, now)
        if begun is not None:
            log.warning(
                "rate_limit_began",
                network=network,
                kind=kind.value,
                about=_shown(kind, about),
                log_only=self.limits.log_only,
                networks_not_told=self.floods.untold,
                advice="a flood, likely with this network as its victim; for real clients there is `rate_limit.exempt`",
            )
            self.floods.untold = 0
        if self._timer is None:
            self._responder.metrics.rate_limited_networks.set(len(self.floods))
            self._timer = asyncio.get_running_loop().call_later(QUIET_SECONDS / 10, self._look)

    def _look(self) -> None:
        """Once a second while there is anybody to follow."""
        for flood in self.floods.ended(time.monotonic()):
            self._tell_end(flood)
        self._responder.metrics.rate_limited_networks.set(len(self.floods))
        self._timer = None
        if len(self.floods):
            self._timer = asyncio.get_running_loop().call_later(QUIET_SECONDS / 10, self._look)

    def status(self) -> dict[str, Any]:
        """For `gslb status`: whom it limits now, and what they ask. With `log_only` nothing is: `dropped` and
        `slipped` are what would have been."""
        return {
            "log_only": self.limits.log_only,
            "limited_networks": len(self.floods),
            "busiest": [
                {"network": flood.network, "kind": flood.kind.value, "dropped": flood.dropped, "slipped": flood.slipped}
                for flood in self.floods.busiest(_SHOWN)
            ],
            "asked_most": [
                {"kind": kind.value, "about": _shown(kind, about), "replies": times}
                for kind, about, times in self.floods.asked_most(_SHOWN)
            ],
        }

    def _tell_end(self, flood: Flood) -> None:
        would = "would_have_" if self.limits.log_only else ""
        refused = {f"{would}dropped": flood.dropped, f"{would}slipped": flood.slipped}
        seconds = round(flood.last - flood.since, 1)
        log.info("rate_limit_ended", network=flood.network, log_only=self.limits.log_only, seconds=seconds, **refused)

    def close(self) -> None:
        """Follow nobody any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for flood in self.floods.ended(float("inf")):
            self._tell_end(flood)
        self._responder.metrics.rate_limited_networks.set(0)


_ACTIONS = {Judgement.SLIP: ("slipped", "would_slip"), Judgement.DROP: ("dropped", "would_drop")}
"""What metrics call a judgement, and one that is only logged."""


def _counters(metrics: Metrics, *, log_only: bool) -> dict[tuple[ReplyKind, Judgement], Counter]:
    """What counts replies above a limit. A reply above the limit of everything is counted by its own kind."""
    judged = product(ReplyKind, (Judgement.SLIP, Judgement.DROP))
    return {
        (kind, judgement): metrics.rate_limited.labels(kind.value, _ACTIONS[judgement][log_only])
        for kind, judgement in judged
        if kind is not ReplyKind.ALL
    }


def _shown(kind: ReplyKind, about: About) -> str:
    """What replies of a kind are about, for people: a name, the zone that names are not in, or nothing."""
    if isinstance(about, bytes):
        return name_to_text(about)
    return f"names in {about}" if kind in _BY_ZONE else about


def _parsed(data: bytes) -> Query | None:
    try:
        return parse_query(data)
    except FormError:
        return None
