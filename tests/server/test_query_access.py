"""Who may ask a zone, on the short path and on the full one."""

import dns.edns
import dns.message
import dns.name
import dns.rcode
import dns.tsig
import pytest

from gslb.answer.compile import ZoneTable
from gslb.answer.short import ShortPath
from gslb.config.access import AccessList
from gslb.config.prefixes import parse_prefix
from gslb.config.rate_limit import RateLimits
from gslb.metrics import Metrics, Tally
from gslb.server import query_access
from gslb.server.guard import UdpGuard
from gslb.server.query_access import QueryAccess
from gslb.server.responder import Responder
from gslb.steering.conditions import Conditions
from gslb.transfer.exchange import Exchange
from gslb.wire.names import name_from_text
from gslb.wire.tsig import TsigKey

KEY = TsigKey(name_from_text("ours."), "hmac-sha256", b"0" * 32)
RING = {dns.name.from_text("ours."): dns.tsig.Key("ours.", KEY.secret, "hmac-sha256.")}
ZONES = [
    f"{apex} 60 SOA ns.{apex} ops.{apex} 1 3600 600 86400 60\nwww.{apex} 60 A 192.0.2.1\n*.w.{apex} 60 A 192.0.2.2\n"
    for apex in ("inner.example.", "open.example.", "below.inner.example.")
]
INNER = name_from_text("inner.example.")
INSIDE, OUTSIDE, ELSEWHERE = "10.1.2.3", "192.0.2.7", "2001:db8::7"


@pytest.fixture
def responder(zone_of) -> Responder:
    made = Responder(Metrics())
    for text in ZONES:
        made.table = made.table.with_zone(ZoneTable(zone_of(text)), Conditions())
    lists = (AccessList(prefixes=(parse_prefix("10.0.0.0/8"),)), AccessList(keys=(KEY,)))
    made.access = QueryAccess({INNER: lists})
    made.exchange = Exchange(lambda _: None, lambda *_: None, lambda *_: None)
    made.exchange.keys = {KEY.name: KEY}
    return made


def ask(responder: Responder, name: str, client: str, rtype: str = "A", *, signed: bool = False) -> dns.message.Message:
    """As the UDP listener asks: the short path first."""
    query = dns.message.make_query(name, rtype, use_edns=0)
    if signed:
        query.use_tsig(RING)
    data = query.to_wire()
    shortcut = responder.short.answer(data, responder.table, responder.source, client, 0.0)
    tally = Tally(responder.metrics, "udp")
    wire = shortcut[0] if shortcut else responder.answer(data, client, tally, udp=True)
    assert isinstance(wire, bytes)
    return dns.message.from_wire(wire, keyring=RING, request_mac=query.mac)


def refused(reply: dns.message.Message) -> bool:
    codes = [option.code for option in reply.options if isinstance(option, dns.edns.EDEOption)]
    if reply.rcode() == dns.rcode.REFUSED:
        assert codes == [dns.edns.EDECode.PROHIBITED]
        assert not reply.answer + reply.authority
    return reply.rcode() == dns.rcode.REFUSED


@pytest.mark.parametrize("name", ["www", "no", "x.w"])
@pytest.mark.parametrize("rtype", ["A", "SOA", "ANY"])
def test_clients_on_the_list_are_answered_and_others_refused_each_time(responder, name: str, rtype: str) -> None:
    for _ in range(3):  # the first fills what the short path keeps
        assert not refused(ask(responder, f"{name}.inner.example.", INSIDE, rtype))
        assert refused(ask(responder, f"{name}.inner.example.", OUTSIDE, rtype))
        assert refused(ask(responder, f"{name}.inner.example.", ELSEWHERE, rtype))


@pytest.mark.parametrize("zone", ["open.example.", "below.inner.example."])
def test_zones_without_a_list_are_everyones(responder, zone: str) -> None:
    for _ in range(2):
        assert not refused(ask(responder, f"www.{zone}", OUTSIDE))
        assert not refused(ask(responder, f"no.{zone}", OUTSIDE))


def test_a_key_on_the_list_opens_the_zone_from_anywhere(responder) -> None:
    assert not refused(ask(responder, "www.inner.example.", OUTSIDE, signed=True))
    responder.access = QueryAccess({INNER: (AccessList(),)})
    assert refused(ask(responder, "www.inner.example.", OUTSIDE, signed=True))


def test_a_zone_without_a_version_is_refused_all_the_same(responder) -> None:
    responder.table = responder.table.with_failed(INNER)
    assert refused(ask(responder, "www.inner.example.", OUTSIDE))
    assert ask(responder, "www.inner.example.", INSIDE).rcode() == dns.rcode.SERVFAIL


def test_refusals_count_towards_the_rate_of_errors(responder) -> None:
    guard = UdpGuard(RateLimits(errors=5, burst_seconds=1.0, slip=0, log_only=True), responder)
    guard._note = lambda *_: None
    query = dns.message.make_query("www.inner.example.", "A").to_wire()
    for _ in range(8):
        guard.answer(query, OUTSIDE, Tally(responder.metrics, "udp"))
    labels = {"kind": "error", "action": "would_drop"}
    assert responder.metrics.registry.get_sample_value("gslb_rate_limited_replies_total", labels) == 3


def test_without_lists_the_short_path_is_the_plain_one(responder) -> None:
    responder.access = None
    assert type(responder.short) is ShortPath
    assert not refused(ask(responder, "www.inner.example.", OUTSIDE))


def test_what_is_kept_of_clients_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(query_access, "_MAX_KEPT", 10)
    access = QueryAccess({INNER: (AccessList(),)})
    for number in range(100):
        assert access.refuses(INNER, f"192.0.2.{number}")
    assert len(access._kept) <= 10
