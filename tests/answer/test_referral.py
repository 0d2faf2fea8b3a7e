"""Referrals are as short as compression makes them, and say what the zone says."""

from collections.abc import Callable

import dns.message
import dns.name
import pytest

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


@pytest.mark.parametrize("cut", CUTS)
def test_a_referral_at_the_end_of_a_chain_says_the_same(refer, cut: str) -> None:
    servers, addresses = said(refer(CUTS[cut], "alias.e."))
    assert (servers, addresses) == said(refer(CUTS[cut], "www.child.e."))


def test_servers_far_behind_the_reach_of_a_pointer_are_written_out(refer) -> None:
    servers = [f"{'s' * 60}{number:03}.{'t' * 63}.{'u' * 40}.child.e." for number in range(400)]
    found, _ = said(refer(servers, "www.child.e.", udp=False))
    assert found == set(servers)
