"""What a secondary asks, as others read it, and what it takes for an answer to its poll."""

import dns.edns
import dns.message
import dns.rdatatype
import pytest
from fake_primary import APEX, NS, soa

from gslb.transfer.faults import Fault, FaultError
from gslb.transfer.request import Asked, Polled, read_poll, render_request
from gslb.wire.codes import AA, QR, Rcode, RRType
from gslb.wire.edns import Edns
from gslb.wire.names import name_from_text
from gslb.wire.records import Message, Question
from gslb.zone.zone import Soa

ID = b"\x12\x34"
ASKED = Asked(APEX, RRType.SOA, ID)


def test_the_poll_asks_for_the_expire_option():
    parsed = dns.message.from_wire(render_request(ASKED, expire=True))
    assert (parsed.id, parsed.flags, parsed.question[0].to_text()) == (0x1234, 0, "example. IN SOA")
    assert [(option.otype, option.to_wire()) for option in parsed.options] == [(9, b"")]


def test_an_axfr_query_is_as_plain_as_can_be():
    parsed = dns.message.from_wire(render_request(Asked(APEX, RRType.AXFR, ID)))
    assert parsed.question[0].to_text() == "example. IN AXFR"
    assert (parsed.authority, parsed.additional, parsed.edns) == ([], [], -1)


def test_an_ixfr_query_tells_the_serial_that_we_have():
    parsed = dns.message.from_wire(render_request(Asked(APEX, RRType.IXFR, ID, 5), soa=soa(5)))
    assert parsed.question[0].to_text() == "example. IN IXFR"
    assert parsed.authority[0].rdtype == dns.rdatatype.SOA
    assert parsed.authority[0][0].serial == 5


def reply(*records, flags=QR | AA, rcode=Rcode.NOERROR, options=()):
    edns = Edns(1232, 0, dnssec_ok=False, options=options)
    return Message(ID, flags, rcode, Question(APEX, RRType.SOA), records, (), (), edns, None)


def test_the_poll_is_answered_with_the_soa():
    assert read_poll(reply(soa(5)), ASKED) == Polled(Soa.from_rdata(soa(5).rdata), None)


@pytest.mark.parametrize(
    ("options", "seconds"),
    [([(9, b"\x00\x00\x0e\x10")], 3600), ([(9, b"")], None), ([(10, b"\x00\x00\x0e\x10")], None), ([], None)],
)
def test_the_expire_option_is_read(options, seconds):
    assert read_poll(reply(soa(5), options=tuple(options)), ASKED).expire_seconds == seconds


@pytest.mark.parametrize(
    ("message", "fault", "text"),
    [
        (reply(soa(5), flags=QR), Fault.MALFORMED, "not authoritative for example."),
        (reply(), Fault.MALFORMED, "it serves another zone"),
        (reply(NS), Fault.MALFORMED, "it serves another zone"),
        (reply(soa(5, apex=name_from_text("net."))), Fault.MALFORMED, "it serves another zone"),
        (reply(soa(5), soa(6)), Fault.MALFORMED, "does not answer with the SOA"),
        (reply(rcode=Rcode.NXDOMAIN), Fault.RCODE, "is the address right"),
    ],
)
def test_anything_else_is_no_answer(message, fault, text):
    with pytest.raises(FaultError, match=text) as raised:
        read_poll(message, ASKED)
    assert raised.value.fault is fault
