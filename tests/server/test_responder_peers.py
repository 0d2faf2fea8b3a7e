"""How queries that peers signed are counted."""

import dns.edns
import dns.message
import dns.name
import dns.rcode
import dns.tsig
import pytest

from gslb.answer.compile import ZoneTable
from gslb.answer.options import NodeOptions
from gslb.answer.table import AnswerTable
from gslb.metrics import Metrics, Tally
from gslb.server.responder import Responder
from gslb.steering.conditions import Conditions
from gslb.transfer.exchange import Exchange
from gslb.wire.cookies import ServerCookies
from gslb.wire.names import name_from_text
from gslb.wire.tsig import TsigKey

KEY = TsigKey(name_from_text("ours."), "hmac-sha256", b"0" * 32)
RING = {dns.name.from_text("ours."): dns.tsig.Key("ours.", KEY.secret, "hmac-sha256.")}
ZONE = "x.example. 60 SOA ns.x.example. ops.x.example. 1 3600 600 86400 60\nwww.x.example. 60 A 192.0.2.1\n"


@pytest.mark.parametrize(
    ("cookie", "name", "rcode", "zone"),
    [
        (None, "www.x.example.", "NOERROR", "x.example."),
        (None, "no.x.example.", "NXDOMAIN", "x.example."),
        (b"abcdefgh", "www.x.example.", "BADCOOKIE", ""),
    ],
)
def test_a_signed_query_is_counted_as_what_answers_it(zone_of, cookie, name: str, rcode: str, zone: str) -> None:
    metrics = Metrics()
    responder = Responder(metrics)
    responder.table = AnswerTable().with_zone(ZoneTable(zone_of(ZONE)), Conditions())
    responder.exchange = Exchange(lambda _: None, lambda *_: None, lambda *_: None)
    responder.exchange.keys = {KEY.name: KEY}
    responder.node = NodeOptions(cookies=ServerCookies(bytes(16), required=True))
    options = [] if cookie is None else [dns.edns.GenericOption(10, cookie)]
    query = dns.message.make_query(name, "A", use_edns=0, options=options)
    query.use_tsig(RING)
    tally = Tally(metrics, "udp")
    wire = responder.answer(query.to_wire(), "192.0.2.33", tally, udp=True)
    assert isinstance(wire, bytes)
    reply = dns.message.from_wire(wire, keyring=RING, request_mac=query.mac)
    assert reply.had_tsig
    assert dns.rcode.to_text(reply.rcode()) == rcode
    tally.fold()
    labels = {"transport": "udp", "type": "A", "rcode": rcode, "zone": zone}
    assert metrics.registry.get_sample_value("gslb_queries_total", labels) == 1
    assert metrics.registry.get_sample_value("gslb_internal_errors_total") == 0
