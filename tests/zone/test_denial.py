"""What a chain of denial says holds, as someone works it out from the records alone: names compared and hashed by
dnspython, every owner of the zone looked at."""

import base64
from collections.abc import Callable

import dns.dnssec
import dns.name
import pytest
from signed_zone import complete, with_nsec, with_nsec3

from gslb.wire.dnssec import Nsec, Nsec3
from gslb.wire.names import Name, name_from_text
from gslb.zone.denial import Proof
from gslb.zone.lookup import ZoneIndex
from gslb.zone.rrset import RRset
from gslb.zone.signing import signing_of
from gslb.zone.zone import Zone

PLAIN = r"""
example. 3600 SOA ns1.example. ops.example. 1 3600 600 86400 60
example. 300 NS ns1.example.
ns1.example. 300 A 192.0.2.53
www.example. 300 A 192.0.2.1
a.b.c.example. 300 TXT deep
*.wild.example. 300 TXT wild
\000zero.example. 300 A 192.0.2.90
\001a\000.example. 300 A 192.0.2.92
!.example. 300 A 192.0.2.93
safe.example. 300 NS ns1.example.
safe.example. 300 DS 60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118
unsafe.in.deep.example. 300 NS ns1.example.
"""
NOT_THERE = {
    "nowhere.example.": "example.",
    "x.y.z.www.example.": "www.example.",
    "x.b.c.example.": "b.c.example.",
    r"\000.example.": "example.",
    r"\001.example.": "example.",
    r"\255.\255.example.": "example.",
    " .example.": "example.",
    "x.in.deep.example.": "in.deep.example.",
    "x.y.in.deep.example.": "in.deep.example.",
    "deeper.deep.example.": "deep.example.",
}
"""Names, and the closest encloser of each."""
ITERATIONS, SALT = 3, b"pepper"


def as_dns(name: Name) -> dns.name.Name:
    return dns.name.from_wire(name, 0)[0]


def next_closer(qname: str, encloser: str) -> dns.name.Name:
    name, above = dns.name.from_text(qname), dns.name.from_text(encloser)
    return dns.name.Name(name.labels[-len(above.labels) - 1 :])


def spans(rrset: RRset, name: dns.name.Name, apex: dns.name.Name) -> bool:
    """An NSEC covers the name."""
    owner, following = as_dns(rrset.owner), as_dns(Nsec.from_rdata(rrset.rdatas[0]).next)
    return owner < name and (name < following or following == apex)


def hashed(name: dns.name.Name) -> bytes:
    text = dns.dnssec.nsec3_hash(name, SALT.hex(), ITERATIONS, 1)
    return base64.b32hexdecode(text)


def hash_spans(rrset: RRset, name: dns.name.Name) -> bool:
    """An NSEC3 covers the name."""
    owner = base64.b32hexdecode(rrset.owner[1:33].upper())
    following, digest = Nsec3.from_rdata(rrset.rdatas[0]).next, hashed(name)
    return owner < digest < following or (following <= owner and (digest > owner or digest < following))


def hash_matches(rrset: RRset, name: dns.name.Name) -> bool:
    return base64.b32hexdecode(rrset.owner[1:33].upper()) == hashed(name)


def proof_of(zone: Zone, qname: str, encloser: str) -> Proof:
    index = ZoneIndex(zone)
    assert index.closest(name_from_text(qname)).name == name_from_text(encloser)
    denial = signing_of(index).denial
    first = denial.nxdomain(name_from_text(qname), name_from_text(encloser))
    assert denial.nxdomain(name_from_text(qname), name_from_text(encloser)) == first, "what is kept says the same"
    return first


@pytest.mark.parametrize(("qname", "encloser"), NOT_THERE.items())
def test_nsec_spans_the_name_and_the_wildcard(zone_of: Callable[..., Zone], qname: str, encloser: str) -> None:
    proof = proof_of(complete(with_nsec(zone_of(PLAIN))), qname, encloser)
    apex, wildcard = dns.name.from_text("example."), dns.name.from_text("*." + encloser)
    assert any(spans(rrset, dns.name.from_text(qname), apex) for rrset in proof)
    assert any(spans(rrset, wildcard, apex) for rrset in proof)
    assert len(proof) <= 2


@pytest.mark.parametrize("opt_out", [False, True], ids=["all in", "opt-out"])
@pytest.mark.parametrize(("qname", "encloser"), NOT_THERE.items())
def test_nsec3_matches_the_encloser_and_spans_the_next_closer_name_and_the_wildcard(
    zone_of: Callable[..., Zone], qname: str, encloser: str, *, opt_out: bool
) -> None:
    proof = proof_of(complete(with_nsec3(zone_of(PLAIN), ITERATIONS, SALT, opt_out=opt_out)), qname, encloser)
    if opt_out and encloser.endswith("deep.example."):  # nothing but an opted-out delegation is below
        encloser = "example."
    assert any(hash_matches(rrset, dns.name.from_text(encloser)) for rrset in proof)
    assert any(hash_spans(rrset, next_closer(qname, encloser)) for rrset in proof)
    assert any(hash_spans(rrset, dns.name.from_text("*." + encloser)) for rrset in proof)
    assert len(proof) <= 3


@pytest.mark.parametrize("opt_out", [False, True], ids=["all in", "opt-out"])
def test_a_delegation_without_ds_has_its_own_nsec3_or_is_opted_out(
    zone_of: Callable[..., Zone], *, opt_out: bool
) -> None:
    zone = complete(with_nsec3(zone_of(PLAIN), ITERATIONS, SALT, opt_out=opt_out))
    cut = "unsafe.in.deep.example."
    proof = signing_of(ZoneIndex(zone)).denial.nodata(name_from_text(cut))
    if not opt_out:
        assert [hash_matches(rrset, dns.name.from_text(cut)) for rrset in proof] == [True]
        return
    assert any(hash_matches(rrset, dns.name.from_text("example.")) for rrset in proof)
    spanning = [rrset for rrset in proof if hash_spans(rrset, dns.name.from_text("deep.example."))]
    assert [Nsec3.from_rdata(rrset.rdatas[0]).opt_out for rrset in spanning] == [True]


def test_more_names_that_are_not_there_than_are_kept_are_denied_alike(zone_of: Callable[..., Zone]) -> None:
    zone = complete(with_nsec3(zone_of(PLAIN), ITERATIONS, SALT))
    denial = signing_of(ZoneIndex(zone)).denial
    apex = name_from_text("example.")
    for number in [*range(1500), *range(1500)]:
        name = f"n{number}.example."
        (covering,) = denial.expansion(name_from_text(name), apex)
        assert hash_spans(covering, dns.name.from_text(name))
