"""Referrals and answers with additional data are as short as compression makes them, and say what the zone says."""

from collections.abc import Callable

import dns.message
import dns.name
import dns.rdatatype
import pytest
from signed_zone import complete, with_nsec

from gslb.answer.compile import ZoneTable
from gslb.answer.respond import respond
from gslb.answer.table import AnswerTable
from gslb.steering.conditions import Conditions
from gslb.zone.zone import Zone

ADDRESSES = "".join(
    f"{host}. 60 A 192.0.2.{number}\n{host}. 60 AAAA 2001:db8::{number}\n"
    for number, host in enumerate(
        ("ns1.child.e", "ns2.child.e", "a.dns.child.e", "b.dns.child.e", "ns.e", "ns.sister.e", "child.e"), 1
    )
)
CUTS = {
    "servers inside": ["ns1.child.e.", "NS2.Child.e."],
    "servers that share a suffix": ["a.dns.child.e.", "b.DNS.child.e.", "ns.e."],
    "servers elsewhere": ["ns.other.", "ns2.other.", "ns.other.e."],
    "a server in a sister": ["ns.sister.e.", "ns1.child.e."],
    "the cut itself": ["child.e.", "ns1.child.e."],
    "the apex and the root": ["e.", "."],
}
QNAMES = [
    "child.e.",
    "www.child.e.",
    "WwW.cHiLd.E.",
    "ns1.child.e.",
    "a.b.c.child.e.",
    f"{'x' * 63}.{'y' * 63}.child.e.",
]


@pytest.fixture
def refer(zone_of: Callable[..., Zone], seeded) -> Callable[..., bytes]:
    def ask(servers: list[str], qname: str, *, apex: str = "e.", udp: bool = True) -> bytes:
        text = f"{apex} 60 SOA ns.e. ops.e. 1 1 1 1 60\nalias.e. 60 CNAME www.child.e.\n{ADDRESSES}"
        text += "sister.e. 60 NS ns.sister.e.\n" + "".join(f"child.e. 60 NS {server}\n" for server in servers)
        table = AnswerTable().with_zone(ZoneTable(zone_of(text)), Conditions())
        query = dns.message.make_query(qname, "TXT").to_wire()
        first = respond(query, table, seeded(0), udp=udp).wire
        assert respond(query, table, seeded(0), udp=udp).wire == first, "what is kept changes nothing"
        return first

    return ask


def said(wire: bytes) -> tuple[set[str], dict[str, set[str]]]:
    """The servers, and the addresses by host."""
    message = dns.message.from_wire(wire)
    servers = {rdata.target.to_text().lower() for rrset in message.authority for rdata in rrset}
    addresses: dict[str, set[str]] = {}
    for rrset in message.additional:
        addresses.setdefault(rrset.name.to_text().lower(), set()).update(rdata.address for rdata in rrset)
    return servers, addresses


def glue(server: str) -> set[str]:
    host = f"{server.lower()} 60 "
    return {line.split()[-1] for line in ADDRESSES.splitlines() if line.startswith(host)}


@pytest.mark.parametrize("apex", ["e.", "."])
@pytest.mark.parametrize("qname", QNAMES)
@pytest.mark.parametrize("cut", CUTS)
def test_a_referral_says_all_and_is_no_longer_than_another_compressor_makes_it(
    refer, cut: str, qname: str, apex: str
) -> None:
    wire = refer(CUTS[cut], qname, apex=apex)
    servers, addresses = said(wire)
    assert servers == {server.lower() for server in CUTS[cut]}
    assert addresses == {server.lower(): glue(server) for server in CUTS[cut] if glue(server)}
    message = dns.message.from_wire(wire)
    assert {rrset.name for rrset in message.authority} == {dns.name.from_text("child.e.")}
    if qname != "ns1.child.e.":  # a question for a server's own name would spare its first label
        assert len(wire) <= len(message.to_wire())


SECURE = """\
e. 60 SOA ns.e. ops.e. 1 1 1 1 60
e. 60 NS ns.e.
ns.e. 60 A 192.0.2.1
ns.e. 60 AAAA 2001:db8::1
alias.e. 60 CNAME www.child.e.
child.e. 60 NS ns.e.
child.e. 60 NS ns.child.e.
child.e. 60 DS 1 13 2 D4B7D520E7BB5F0F67674A0CCEB1E3E0614B93C4F9E99B8383F6A1E4469DA50A
ns.child.e. 60 A 192.0.2.2
"""


@pytest.mark.parametrize("qname", ["www.child.e.", "child.e.", f"{'x' * 63}.{'y' * 63}.cHiLd.e.", "alias.e."])
def test_signatures_in_a_referral_have_their_owner_in_two_octets(
    zone_of: Callable[..., Zone], seeded, qname: str
) -> None:
    table = AnswerTable().with_zone(ZoneTable(complete(with_nsec(zone_of(SECURE)))), Conditions())
    query = dns.message.make_query(qname, "A", want_dnssec=True, payload=4096).to_wire()
    wire = respond(query, table, seeded(0), udp_size=4096).wire
    message = dns.message.from_wire(wire)
    covered = [each.covers for each in message.authority + message.additional if each.rdtype == dns.rdatatype.RRSIG]
    assert covered == [dns.rdatatype.DS, dns.rdatatype.A, dns.rdatatype.AAAA]
    if qname != "alias.e.":
        assert len(wire) <= len(message.to_wire())


@pytest.mark.parametrize("cut", CUTS)
def test_a_referral_at_the_end_of_a_chain_says_the_same(refer, cut: str) -> None:
    servers, addresses = said(refer(CUTS[cut], "alias.e."))
    assert (servers, addresses) == said(refer(CUTS[cut], "www.child.e."))


def test_servers_far_behind_the_reach_of_a_pointer_are_written_out(refer) -> None:
    servers = [f"{'s' * 60}{number:03}.{'t' * 63}.{'u' * 40}.child.e." for number in range(400)]
    found, _ = said(refer(servers, "www.child.e.", udp=False))
    assert found == set(servers)


HOSTS = """\
e. 60 SOA ns.e. ops.e. 1 1 1 1 60
e. 60 NS ns1.e.
e. 60 NS NS2.E.
e. 60 MX 10 mail.in.e.
e. 60 MX 20 ns1.e.
_sip.e. 60 SRV 1 1 5060 a.sip.e.
_sip.e. 60 SRV 1 2 5060 b.sip.e.
*.wild.e. 60 MX 10 mail.in.e.
*.wild.e. 60 MX 20 mail.wild.e.
*.wild.e. 60 HTTPS 1 .
*.wild.e. 60 A 192.0.2.1
alias.e. 60 CNAME e.
far.e. 60 CNAME x.wild.e.
""" + "".join(
    f"{host}.e. 60 A 192.0.2.{number}\n{host}.e. 60 AAAA 2001:db8::{number}\n"
    for number, host in enumerate(("ns1", "ns2", "mail.in", "a.sip", "b.sip", "mail.wild"), 1)
)
ASKED = [
    ("e.", "NS"),
    ("E.", "NS"),
    ("e.", "MX"),
    ("x.wild.e.", "MX"),
    ("a.b.WILD.e.", "MX"),
    ("*.wild.e.", "MX"),
    (f"{'x' * 63}.{'y' * 63}.wild.e.", "MX"),
    ("x.wild.e.", "HTTPS"),
]


@pytest.mark.parametrize(("qname", "qtype"), ASKED)
def test_an_answer_with_additional_data_is_no_longer_than_another_compressor_makes_it(
    zone_of: Callable[..., Zone], seeded, qname: str, qtype: str
) -> None:
    message, wire = answered(zone_of, seeded, qname, qtype)
    assert message.answer[0].name == dns.name.from_text(qname)
    assert {each.name.to_text().lower(): len(each) for each in message.additional}
    assert len(wire) <= len(message.to_wire())


@pytest.mark.parametrize(
    ("alias", "leads_to", "qtype"), [("alias.e.", "e.", "MX"), ("far.e.", "x.wild.e.", "MX"), ("alias.e.", "e.", "NS")]
)
def test_an_answer_at_the_end_of_a_chain_brings_the_same_along(
    zone_of: Callable[..., Zone], seeded, alias: str, leads_to: str, qtype: str
) -> None:
    behind, _ = answered(zone_of, seeded, alias, qtype)
    direct, _ = answered(zone_of, seeded, leads_to, qtype)
    assert behind.answer[1:] == direct.answer
    assert behind.additional == direct.additional


def test_names_in_data_that_is_not_compressed_are_no_place_to_point_at(zone_of: Callable[..., Zone], seeded) -> None:
    message, wire = answered(zone_of, seeded, "_sip.e.", "SRV")
    assert len(message.additional) == 4
    assert wire.count(b"\x01a\x03sip\x01e\x00") == 1  # the target, in full
    assert wire.count(b"\x01a\x03sip\xc0") == 2  # the owner of its addresses


def answered(zone_of: Callable[..., Zone], seeded, qname: str, qtype: str) -> tuple[dns.message.Message, bytes]:
    table = AnswerTable().with_zone(ZoneTable(zone_of(HOSTS)), Conditions())
    query = dns.message.make_query(qname, qtype).to_wire()
    wire = respond(query, table, seeded(0)).wire
    assert respond(query, table, seeded(0)).wire == wire, "what is kept changes nothing"
    return dns.message.from_wire(wire), wire
