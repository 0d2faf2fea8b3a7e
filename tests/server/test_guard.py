"""What is limited together and what not: the guard over a real table, a query at a time."""

import asyncio
import itertools
from collections.abc import Callable, Iterator

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.tsig
import pytest
from structlog.testing import capture_logs

from gslb.answer.compile import ZoneTable
from gslb.answer.options import NodeOptions
from gslb.answer.table import AnswerTable
from gslb.config.access import AccessList
from gslb.config.prefixes import parse_prefix
from gslb.config.rate_limit import RateLimits
from gslb.metrics import Metrics, Tally
from gslb.server.guard import UdpGuard
from gslb.server.responder import Responder
from gslb.steering.conditions import Conditions
from gslb.transfer.exchange import Exchange, Published
from gslb.wire.cookies import ServerCookies
from gslb.wire.names import name_from_text
from gslb.wire.tsig import TsigKey
from gslb.zone.zone import Zone

ZONE = """\
x.example. 60 SOA ns.x.example. ops.x.example. 1 3600 600 86400 60
x.example. 60 NS ns.x.example.
ns.x.example. 60 A 192.0.2.53
www.x.example. 60 A 192.0.2.1
other.x.example. 60 A 192.0.2.2
*.wild.x.example. 60 A 192.0.2.3
*.alias.x.example. 60 CNAME www.x.example.
moved.x.example. 60 DNAME x.example.
child.x.example. 60 NS ns.elsewhere.
sister.x.example. 60 NS ns.elsewhere.
"""
CLIENT, NEIGHBOUR, OTHER = "192.0.2.1", "192.0.2.200", "198.51.100.1"
BURST = 4
LIMITS = RateLimits(*([BURST] * 5), burst_seconds=1.0, slip=2)
KEY = TsigKey(name_from_text("ours."), "hmac-sha256", b"0" * 32)
RING = {dns.name.from_text("ours."): dns.tsig.Key("ours.", KEY.secret, "hmac-sha256.")}
Ask = Callable[..., "dns.message.Message | None"]


class Guarded:
    """A guard, its clock standing still, and a client's way to ask it."""

    def __init__(self, zone: Zone, limits: RateLimits) -> None:
        self.metrics = Metrics()
        self.responder = Responder(self.metrics, clock=lambda: 1_700_000_000.0)
        self.responder.table = AnswerTable().with_zone(ZoneTable(zone), Conditions())
        self.responder.node = NodeOptions(cookies=ServerCookies(bytes(16)))
        self.tally = Tally(self.metrics, "udp")
        self.guard = UdpGuard(limits, self.responder)

    def ask(self, name: str, rtype: str = "A", client: str = CLIENT, **more) -> dns.message.Message | None:
        return self.send(dns.message.make_query(name, rtype, **more).to_wire(), client)

    def send(self, wire: bytes, client: str = CLIENT, **more) -> dns.message.Message | None:
        reply = self.guard.answer(wire, client, self.tally)
        return None if reply is None else dns.message.from_wire(reply, **more)

    def counted(self, name: str, **labels: str) -> float:
        self.tally.fold()
        return self.metrics.registry.get_sample_value(name, labels) or 0


@pytest.fixture
def guarded(zone_of: Callable[..., Zone], monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Guarded]]:
    monkeypatch.setattr("gslb.server.guard.time.monotonic", lambda: 1000.0)
    made: list[Guarded] = []

    async def make(limits: RateLimits) -> Guarded:
        made.append(Guarded(zone_of(ZONE), limits))
        return made[-1]

    with asyncio.Runner() as runner:
        loop = runner.get_loop()
        monkeypatch.setattr("gslb.server.guard.asyncio.get_running_loop", lambda: loop)
        yield lambda limits=LIMITS: runner.run(make(limits))
        for each in made:
            each.guard.close()


def whole(reply: dns.message.Message | None) -> bool:
    return reply is not None and not reply.flags & dns.flags.TC


FLOODS = {
    "one name": (["www.x.example."], "A"),
    "one name in any case": (["www.x.example.", "WWW.X.example.", "wWw.x.eXample."], "A"),
    "a wildcard": ([f"n{number}.wild.x.example." for number in range(20)], "A"),
    "a wildcard, labels with a zero octet": ([f"n\\000{number}.wild.x.example." for number in range(20)], "A"),
    "a wildcard's alias": ([f"n{number}.alias.x.example." for number in range(20)], "A"),
    "below a DNAME": ([f"n{number}.moved.x.example." for number in range(20)], "A"),
    "below a zone cut": ([f"n{number}.child.x.example." for number in range(20)], "A"),
    "names that are not there": ([f"n{number}.x.example." for number in range(20)], "A"),
    "names without the type": (["www.x.example.", "other.x.example.", "ns.x.example."], "TXT"),
    "a wildcard without the type": ([f"n{number}.wild.x.example." for number in range(20)], "TXT"),
    "zones that are not ours": ([f"n{number}.elsewhere." for number in range(20)], "A"),
}


@pytest.mark.parametrize("flood", FLOODS)
def test_a_flood_is_counted_together_however_it_varies_its_names(guarded, flood: str) -> None:
    names, rtype = FLOODS[flood]
    node = guarded()
    replies = [node.ask(name, rtype) for name in itertools.islice(itertools.cycle(names), 20)]
    assert [reply is None for reply in replies] == [False] * BURST + [True, False] * 8
    assert node.ask(names[0], rtype, NEIGHBOUR) is None, "one network is one client"
    assert whole(node.ask(names[0], rtype, OTHER)), "another network is not touched"
    assert whole(node.ask("ns.x.example."))


def test_types_of_a_name_are_counted_together(guarded) -> None:
    node = guarded()
    replies = [node.ask("x.example.", rtype) for rtype in ("SOA", "NS", "ANY", "SOA", "NS")]
    assert [reply is None for reply in replies] == [False] * BURST + [True]


@pytest.mark.parametrize("name", ["other.x.example.", "n.wild.x.example.", "n.child.x.example.", "no.x.example."])
def test_what_is_asked_of_something_else_is_not_limited(guarded, name: str) -> None:
    node = guarded()
    for _ in range(10):
        node.ask("www.x.example.")
        node.ask("n.sister.x.example.")
        node.ask("www.x.example.", "TXT")
        node.ask("no.elsewhere.")
    assert whole(node.ask(name))


def test_a_slipped_reply_sends_a_resolver_to_tcp_and_is_no_longer_than_its_query(guarded) -> None:
    node = guarded()
    for _ in range(BURST + 1):
        node.ask("www.x.example.")
    query = dns.message.make_query("WWW.x.example.", "A", use_edns=0, payload=4096, want_dnssec=True)
    reply = node.send(query.to_wire())
    assert reply is not None
    assert reply.flags & (dns.flags.TC | dns.flags.AA | dns.flags.QR) == dns.flags.TC | dns.flags.AA | dns.flags.QR
    assert (reply.id, reply.question[0].name.to_text(), reply.edns) == (query.id, "WWW.x.example.", 0)
    assert not reply.answer
    assert len(reply.to_wire()) <= len(query.to_wire())
    assert node.counted("gslb_answers_total") == 0


def test_an_error_slips_whole_for_it_has_no_cut_form(guarded) -> None:
    node = guarded()
    replies = [node.ask("a.elsewhere.") for _ in range(BURST + 2)]
    assert replies[-2] is None
    assert whole(replies[-1])
    assert replies[-1].rcode() == dns.rcode.REFUSED


def test_malformed_packets_are_limited_as_errors(guarded) -> None:
    node = guarded()
    packet = dns.message.make_query("www.x.example.", "A").to_wire()[:-2]
    assert [node.send(packet, ignore_trailing=True) is None for _ in range(BURST + 1)] == [False] * BURST + [True]
    assert node.ask("a.elsewhere.") is not None, "each second one slips"
    assert node.guard.answer(b"\x00" * 5, CLIENT, node.tally) is None


def cookie(value: bytes) -> dict[str, object]:
    return {"use_edns": 0, "options": [dns.edns.GenericOption(10, value)]}


def test_a_client_that_shows_our_cookie_is_not_limited_and_takes_nobodys_tokens(guarded) -> None:
    node = guarded()
    first = node.ask("www.x.example.", **cookie(b"abcdefgh"))
    ours = first.options[0].to_wire()
    assert all(whole(node.ask("www.x.example.", **cookie(ours))) for _ in range(50))
    with_more = {"use_edns": 0, "options": [dns.edns.GenericOption(10, ours), dns.edns.GenericOption(3, b"")]}
    assert all(whole(node.ask("no.elsewhere.", **with_more)) for _ in range(50))
    assert [whole(node.ask("www.x.example.")) for _ in range(BURST)] == [True] * (BURST - 1) + [False]
    assert not whole(node.ask("www.x.example.", **cookie(ours[:-1] + bytes([ours[-1] ^ 1]))))
    assert not whole(node.ask("www.x.example.", client=NEIGHBOUR, **cookie(ours))), "a cookie is one address's"


def test_a_slipped_reply_brings_the_cookie_that_frees_its_client(guarded) -> None:
    node = guarded()
    for _ in range(BURST + 1):
        node.ask("www.x.example.")
    slipped = node.ask("www.x.example.", **cookie(b"abcdefgh"))
    assert slipped.flags & dns.flags.TC
    assert whole(node.ask("www.x.example.", **cookie(slipped.options[0].to_wire())))


def test_log_only_counts_what_it_would_do_and_sends_everything(guarded) -> None:
    node = guarded(RateLimits(*([BURST] * 5), burst_seconds=1.0, slip=2, log_only=True))
    assert all(whole(node.ask("www.x.example.")) for _ in range(20))
    assert node.counted("gslb_rate_limited_replies_total", kind="answer", action="would_drop") == 8
    assert node.counted("gslb_rate_limited_replies_total", kind="answer", action="would_slip") == 8
    assert node.counted("gslb_rate_limited_replies_total", kind="answer", action="dropped") == 0


def test_only_what_went_out_counts_as_a_reply(guarded) -> None:
    node = guarded()
    sent = sum(node.ask("www.x.example.") is not None for _ in range(20))
    sent += sum(node.ask(f"n{number}.wild.x.example.") is not None for number in range(20))
    labels = {"transport": "udp", "type": "A", "rcode": "NOERROR", "zone": "x.example."}
    assert sent == 2 * (BURST + 8)
    assert node.counted("gslb_queries_total", **labels) == sent
    assert node.counted("gslb_rate_limited_replies_total", kind="answer", action="dropped") == 16
    assert node.counted("gslb_rate_limited_networks") == 1


def exchange() -> Exchange:
    published = Published(None, AccessList(prefixes=(parse_prefix("192.0.2.0/24"),)))
    made = Exchange(lambda _: published, lambda *_: None, lambda *_: None)
    made.keys = {KEY.name: KEY}
    return made


def test_what_a_peer_signed_is_not_limited_and_forged_requests_are(guarded) -> None:
    node = guarded()
    node.responder.exchange = exchange()
    for name in ("www.x.example.", "no.x.example."):
        query = dns.message.make_query(name, "A")
        query.use_tsig(RING)
        wire = query.to_wire()
        assert all(whole(node.send(wire, keyring=RING, request_mac=query.mac)) for _ in range(20))
    refused = [node.ask("x.example.", "AXFR") is None for _ in range(20)]
    assert refused == [False] * BURST + [True, False] * 8


def test_a_fault_of_ours_is_answered_and_counted(guarded, monkeypatch: pytest.MonkeyPatch) -> None:
    node = guarded()
    monkeypatch.setattr(node.guard, "_about", lambda *_, **__: 1 / 0)
    reply = node.ask("www.x.example.")
    assert reply.rcode() == dns.rcode.SERVFAIL
    assert node.counted("gslb_internal_errors_total") == 1


def test_status_names_the_busiest_networks(guarded) -> None:
    node = guarded()
    for _ in range(BURST + 3):
        node.ask("www.x.example.")
    assert node.guard.status() == {
        "log_only": False,
        "limited_networks": 1,
        "busiest": [{"network": "192.0.2.0/24", "kind": "answer", "dropped": 2, "slipped": 1}],
        "asked_most": [{"kind": "answer", "about": "www.x.example.", "replies": 3}],
    }


@pytest.mark.parametrize(
    ("name", "kind", "about"),
    [
        ("n%d.wild.x.example.", "answer", "*.wild.x.example."),
        ("n%d.x.example.", "nxdomain", "names in x.example."),
        ("n%d.elsewhere.", "error", ""),
    ],
)
def test_status_tells_what_is_asked_most_under_what_it_is_counted(guarded, name: str, kind: str, about: str) -> None:
    node = guarded()
    for number in range(BURST + 4):
        node.ask(name % number)
    assert node.guard.status()["asked_most"] == [{"kind": kind, "about": about, "replies": 4}]


@pytest.mark.parametrize(("log_only", "key"), [(False, "dropped"), (True, "would_have_dropped")])
def test_the_log_says_dropped_only_where_something_was(guarded, log_only: bool, key: str) -> None:
    node = guarded(RateLimits(*([BURST] * 5), burst_seconds=1.0, slip=0, log_only=log_only))
    for _ in range(BURST + 4):
        node.ask("www.x.example.")
    with capture_logs() as logs:
        node.guard.close()
    (ended,) = logs
    assert (ended["event"], ended["log_only"], ended[key]) == ("rate_limit_ended", log_only, 4)
    assert len([name for name in ended if "dropped" in name]) == 1
