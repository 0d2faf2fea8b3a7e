"""Where a name stands in a zone: the examples of RFC 1034, 4592 and 6672 as tables, and their corners."""

from collections.abc import Callable

import pytest

from gslb.wire.codes import type_from_text, type_to_text
from gslb.wire.names import name_from_text, name_to_text
from gslb.zone.lookup import Alias, Found, NxDomain, Outcome, Redirection, Referral, ZoneIndex
from gslb.zone.zone import Zone

ZoneOf = Callable[..., Zone]

SOA = " 3600 IN SOA ns.example.com. ops.example.com. 1 3600 600 86400 60\n"

# RFC 4592 section 2.2.1.
WILDCARDS = f"""
example. {SOA}
example.                 3600     NS    ns.example.com.
example.                 3600     NS    ns.example.net.
*.example.               3600     TXT   "this is a wildcard"
*.example.               3600     MX    10 host1.example.
sub.*.example.           3600     TXT   "this is not a wildcard"
host1.example.           3600     A     192.0.2.1
_ssh._tcp.host1.example. 3600     SRV   0 0 22 host1.example.
_ssh._tcp.host2.example. 3600     SRV   0 0 22 host2.example.
subdel.example.          3600     NS    ns.example.com.
subdel.example.          3600     NS    ns.example.net.
"""

# The zone of RFC 1034 section 6.1 that holds the cuts, in part.
EDU = f"""
edu. {SOA}
edu.             86400 NS SRI-NIC.ARPA.
edu.             86400 NS C.ISI.EDU.
UCI.EDU.         172800 NS ICS.UCI.EDU.
ICS.UCI.EDU.     172800 A 192.5.19.1
ISI.EDU.         172800 NS VAXA.ISI.EDU.
ISI.EDU.         172800 DS 60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118
VAXA.ISI.EDU.    172800 A 10.2.0.27
VAXA.ISI.EDU.    172800 A 128.9.0.33
deep.UCI.EDU.    172800 NS ns.deep.UCI.EDU.
ACC.ARPA.EDU.    172800 CNAME VAXA.ISI.EDU.
"""

CORNERS = f"""
example. {SOA}
example.               60 NS ns.example.com.
a.b.c.example.         60 A 192.0.2.1
alias.example.         60 CNAME a.b.c.example.
*.w.example.           60 A 192.0.2.2
*.w.example.           60 AAAA 2001:db8::1
x.y.w.example.         60 A 192.0.2.3
*.alias.w.example.     60 CNAME other.example.
*.zone.w.example.      60 NS ns.child.example.
d.example.             60 DNAME target.example.
d.example.             60 A 192.0.2.4
hidden.d.example.      60 A 192.0.2.5
cut.example.           60 NS ns.cut.example.
cut.example.           60 TXT "of the child"
d.cut.example.         60 DNAME elsewhere.example.
both.example.          60 NS ns.both.example.
both.example.          60 DNAME elsewhere.example.
"""


def describe(outcome: Outcome) -> str:
    match outcome:
        case Found(node, rrset):
            return f"found {name_to_text(node.name)} {type_to_text(rrset.rtype)}"
        case Alias(node):
            return f"alias {name_to_text(node.name)}"
        case Referral(node):
            return f"referral {name_to_text(node.name)}"
        case Redirection(rrset, target):
            return f"redirected by {name_to_text(rrset.owner)} to {name_to_text(target) if target else 'too long'}"
        case NxDomain():
            return "nxdomain"
        case _:
            return "nodata"


def look(zone: Zone, qname: str, qtype: str) -> str:
    return describe(ZoneIndex(zone).lookup(name_from_text(qname).lower(), type_from_text(qtype)))


@pytest.mark.parametrize(
    ("qname", "qtype", "expected"),
    [
        # "The following responses would be synthesized from one of the wildcards in the zone":
        ("host3.example.", "MX", "found *.example. MX"),
        ("host3.example.", "A", "nodata"),
        ("foo.bar.example.", "TXT", "found *.example. TXT"),
        # "The following responses would not be synthesized from any of the wildcards in the zone":
        ("host1.example.", "MX", "nodata"),
        ("sub.*.example.", "MX", "nodata"),
        ("_telnet._tcp.host1.example.", "SRV", "nxdomain"),
        ("host.subdel.example.", "A", "referral subdel.example."),
        ("ghost.*.example.", "MX", "nxdomain"),
        # Beyond the list: the names themselves, and the empty non-terminals of section 2.2.2.
        ("*.example.", "TXT", "found *.example. TXT"),
        ("*.example.", "A", "nodata"),
        ("sub.*.example.", "TXT", "found sub.*.example. TXT"),
        ("_tcp.host1.example.", "TXT", "nodata"),
        ("host2.example.", "TXT", "nodata"),
        ("_tcp.host2.example.", "A", "nodata"),
        ("example.", "MX", "nodata"),
        ("subdel.example.", "TXT", "referral subdel.example."),
        ("subdel.example.", "DS", "nodata"),
    ],
)
def test_rfc4592_section_2_2_1(zone_of: ZoneOf, qname: str, qtype: str, expected: str) -> None:
    assert look(zone_of(WILDCARDS), qname, qtype) == expected


@pytest.mark.parametrize(
    ("qname", "closest_encloser"),
    [
        ("host3.example.", "example."),
        ("_telnet._tcp.host1.example.", "_tcp.host1.example."),
        ("_dns._udp.host2.example.", "host2.example."),
        ("_telnet._tcp.host3.example.", "example."),
        ("_chat._udp.host3.example.", "example."),
        ("foobar.*.example.", "*.example."),
    ],
)
def test_rfc4592_section_3_3_1_closest_enclosers(zone_of: ZoneOf, qname: str, closest_encloser: str) -> None:
    node = ZoneIndex(zone_of(WILDCARDS)).closest(name_from_text(qname))
    assert name_to_text(node.name) == closest_encloser


@pytest.mark.parametrize(
    ("qname", "qtype", "expected"),
    [
        ("edu.", "NS", "found edu. NS"),
        ("edu.", "SOA", "found edu. SOA"),
        ("isi.edu.", "A", "referral isi.edu."),
        ("isi.edu.", "NS", "referral isi.edu."),
        ("isi.edu.", "SOA", "referral isi.edu."),
        ("isi.edu.", "ANY", "referral isi.edu."),
        ("isi.edu.", "DS", "found isi.edu. DS"),
        ("uci.edu.", "DS", "nodata"),
        ("vaxa.isi.edu.", "A", "referral isi.edu."),
        ("vaxa.isi.edu.", "DS", "referral isi.edu."),
        ("nowhere.isi.edu.", "MX", "referral isi.edu."),
        ("ns.deep.uci.edu.", "A", "referral uci.edu."),
        ("deep.uci.edu.", "DS", "referral uci.edu."),
        ("acc.arpa.edu.", "A", "alias acc.arpa.edu."),
        ("acc.arpa.edu.", "CNAME", "found acc.arpa.edu. CNAME"),
        ("acc.arpa.edu.", "ANY", "found acc.arpa.edu. CNAME"),
        ("arpa.edu.", "A", "nodata"),
        ("mit.edu.", "A", "nxdomain"),
        ("not-edu.edu.", "A", "nxdomain"),
    ],
)
def test_cuts_go_before_everything_below_but_ds(zone_of: ZoneOf, qname: str, qtype: str, expected: str) -> None:
    assert look(zone_of(EDU), qname, qtype) == expected


@pytest.mark.parametrize(
    ("qname", "qtype", "expected"),
    [
        ("b.c.example.", "A", "nodata"),
        ("c.example.", "ANY", "nodata"),
        ("z.c.example.", "A", "nxdomain"),
        ("z.a.b.c.example.", "A", "nxdomain"),
        ("alias.example.", "AAAA", "alias alias.example."),
        ("below.alias.example.", "A", "nxdomain"),
        # A wildcard covers any number of labels, and stops where a name exists, an empty one too.
        ("q.w.example.", "A", "found *.w.example. A"),
        ("p.q.w.example.", "AAAA", "found *.w.example. AAAA"),
        ("p.q.w.example.", "MX", "nodata"),
        ("q.w.example.", "ANY", "found *.w.example. A"),
        ("w.example.", "A", "nodata"),
        ("y.w.example.", "A", "nodata"),
        ("z.y.w.example.", "A", "nxdomain"),
        ("z.x.y.w.example.", "A", "nxdomain"),
        ("q.alias.w.example.", "A", "alias *.alias.w.example."),
        ("q.zone.w.example.", "A", "referral *.zone.w.example."),
        ("q.zone.w.example.", "DS", "nodata"),
        # A DNAME redirects what is below it, whatever stands there, and not itself (RFC 6672 section 2.3).
        ("d.example.", "A", "found d.example. A"),
        ("d.example.", "DNAME", "found d.example. DNAME"),
        ("d.example.", "MX", "nodata"),
        ("q.d.example.", "A", "redirected by d.example. to q.target.example."),
        ("hidden.d.example.", "A", "redirected by d.example. to hidden.target.example."),
        ("q.hidden.d.example.", "DNAME", "redirected by d.example. to q.hidden.target.example."),
        # The topmost decides: a cut above a DNAME, and a cut that holds one (RFC 6672 section 2.4).
        ("cut.example.", "TXT", "referral cut.example."),
        ("q.d.cut.example.", "A", "referral cut.example."),
        ("q.both.example.", "A", "referral both.example."),
        ("both.example.", "DNAME", "referral both.example."),
    ],
)
def test_corners(zone_of: ZoneOf, qname: str, qtype: str, expected: str) -> None:
    assert look(zone_of(CORNERS), qname, qtype) == expected


@pytest.mark.parametrize(
    ("apex", "qname", "owner", "target", "expected"),
    [
        ("com.", "com.", "example.com.", "example.net.", "nodata"),
        ("com.", "example.com.", "example.com.", "example.net.", "nodata"),
        ("com.", "a.example.com.", "example.com.", "example.net.", "a.example.net."),
        ("com.", "a.b.example.com.", "example.com.", "example.net.", "a.b.example.net."),
        ("com.", "ab.example.com.", "b.example.com.", "example.net.", "nxdomain"),
        ("com.", "foo.example.com.", "example.com.", "example.net.", "foo.example.net."),
        ("com.", "a.x.example.com.", "x.example.com.", "example.net.", "a.example.net."),
        ("com.", "a.example.com.", "example.com.", "y.example.net.", "a.y.example.net."),
        ("com.", "cyc.example.com.", "example.com.", "example.com.", "cyc.example.com."),
        ("com.", "cyc.example.com.", "example.com.", "c.example.com.", "cyc.c.example.com."),
        ("x.", "shortloop.x.x.", "x.", ".", "shortloop.x."),
        ("x.", "shortloop.x.", "x.", ".", "shortloop."),
    ],
)
def test_rfc6672_section_2_2_table_1(
    zone_of: ZoneOf, apex: str, qname: str, owner: str, target: str, expected: str
) -> None:
    zone = zone_of(f"{apex}{SOA}{owner} 60 DNAME {target}")
    found = look(zone, qname, "A")
    assert found == (expected if not expected.endswith(".") else f"redirected by {owner} to {expected}")


@pytest.mark.parametrize(
    ("first_label", "expected"),
    [(62, f"{'q' * 62}."), (63, "too long")],
)
def test_a_redirection_to_more_than_255_octets_has_no_target(zone_of: ZoneOf, first_label: int, expected: str) -> None:
    # The target is 3 * 64 octets without the root; with a label of 62 and its length the name has 256 - 1.
    long = ".".join(["t" * 63] * 3)
    zone = zone_of(f"d.{SOA}d. 60 DNAME {long[:-1]}.")
    found = look(zone, f"{'q' * first_label}.d.", "A")
    assert found.startswith(f"redirected by d. to {expected}")


def test_the_index_of_a_zone_at_the_root_holds_every_name(zone_of: ZoneOf) -> None:
    zone = zone_of(f". {SOA} . 60 NS ns.example.com.\nexample.com. 60 A 192.0.2.1\n*. 60 TXT wild")
    assert look(zone, "example.com.", "A") == "found example.com. A"
    assert look(zone, "com.", "A") == "nodata"
    assert look(zone, "net.", "TXT") == "found *. TXT"
    assert look(zone, "www.com.", "TXT") == "nxdomain"
    assert look(zone, ".", "NS") == "found . NS"


def test_the_order_of_records_makes_no_difference(zone_of: ZoneOf) -> None:
    lines = [line for line in CORNERS.strip().splitlines() if line.strip()]
    forth, back = ZoneIndex(zone_of("\n".join(lines))), ZoneIndex(zone_of("\n".join(reversed(lines))))
    asked = [*forth.nodes, *(b"\x01q" + name for name in forth.nodes)]
    for qname in asked:
        for qtype in (1, 2, 5, 16, 28, 39, 43, 255):
            assert describe(forth.lookup(qname, qtype)) == describe(back.lookup(qname, qtype))


@pytest.mark.parametrize("text", [WILDCARDS, EDU, CORNERS])
def test_missing_names_are_those_without_any_answer(zone_of: ZoneOf, text: str) -> None:
    index = ZoneIndex(zone_of(text))
    names = [below + name for name in index.nodes for below in (b"", b"\x01q", b"\x01q\x01*", b"\x01*")]
    missing = [name for name in names if index.is_missing(name)]
    for name in missing:
        assert {type(index.lookup(name, qtype)) for qtype in (1, 5, 43, 255)} == {NxDomain}
    assert any(name not in index.nodes for name in missing) or text is WILDCARDS


def test_the_closest_encloser_of_a_name_with_many_labels(zone_of: ZoneOf) -> None:
    index = ZoneIndex(zone_of(CORNERS + f"{'d.' * 60}example. 60 A 192.0.2.9\n"))
    long = b"\x3f" + b"l" * 63
    for encloser in ("example.", "c.example.", "a.b.c.example.", "x.y.w.example.", f"{'d.' * 30}example."):
        name = name_from_text(encloser)
        prefixes = [b"\x01z" * count for count in (*range(12), 60)]
        for prefix in (long, long * 2, b"\x01z" * 3 + long, *prefixes):
            assert index.closest(prefix + name).name == name
