"""Who may fetch a zone, which view of it they get, and where probes of a transferred zone may go."""

import ipaddress
import re

import pytest

from gslb.config.access import NOBODY, AccessList, ProbeBounds
from gslb.config.peers import Peer
from gslb.config.prefixes import parse_prefix
from gslb.wire.names import name_from_text
from gslb.wire.tsig import TsigKey

XFR = TsigKey(name_from_text("xfr."), "hmac-sha256", b"a secret of ours")
OTHER = TsigKey(name_from_text("other."), "hmac-sha256", b"a secret of theirs")
NS2 = Peer("ns2", "192.0.2.2", keys=(XFR,))
KNOT = Peer("knot", "2001:db8::53", keys=(OTHER,), kind="foreign")
NSD = Peer("nsd", "192.0.2.3", kind="foreign")
KNOWN = (NS2, KNOT, NSD)


def networks(*texts):
    return tuple(parse_prefix(text) for text in texts)


@pytest.mark.parametrize("key", [None, XFR])
def test_an_empty_list_allows_nobody(key):
    assert not NOBODY.allows("192.0.2.2", key)
    assert NOBODY.kind_for("192.0.2.2", key) is None
    assert AccessList(known=KNOWN).kind_for("192.0.2.2", key) is None


@pytest.mark.parametrize(
    ("address", "key", "kind"),
    [
        ("192.0.2.2", XFR, "gslb"),
        ("192.0.2.2", None, None),
        ("192.0.2.2", OTHER, None),
        ("192.0.2.9", XFR, None),
        ("2001:db8::53", OTHER, "foreign"),
        ("2001:db8::53", XFR, None),
        ("192.0.2.3", None, "foreign"),
        ("192.0.2.3", XFR, "foreign"),
    ],
)
def test_a_peer_is_allowed_by_its_address_and_its_key_and_gets_the_view_of_its_kind(address, key, kind):
    assert AccessList(peers=KNOWN, known=KNOWN).kind_for(address, key) == kind


def test_a_key_allows_from_any_address_and_only_when_it_signed():
    access = AccessList(keys=(OTHER,), known=KNOWN)
    assert access.kind_for("198.51.100.1", OTHER) == "foreign"
    assert access.kind_for("2001:db8::99", OTHER) == "foreign"
    assert not access.allows("198.51.100.1", XFR)
    assert not access.allows("198.51.100.1", None)


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("192.0.2.0", True),
        ("192.0.2.255", True),
        ("192.0.3.0", False),
        ("::ffff:192.0.2.7", True),
        ("198.51.100.7", True),
        ("198.51.100.8", False),
        ("2001:db8:1::1", True),
        ("2001:db9::1", False),
        ("::1", False),
    ],
)
def test_a_network_allows_its_addresses_and_no_other(address, allowed):
    access = AccessList(prefixes=networks("192.0.2.0/24", "198.51.100.7", "2001:db8::/32"))
    assert access.allows(address, None) is allowed


def test_whoever_a_network_lets_in_unsigned_gets_the_plain_view_even_a_gslb_peer():
    access = AccessList(prefixes=networks("192.0.2.0/24"), known=KNOWN)
    assert access.kind_for("192.0.2.2", None) == "foreign"


@pytest.mark.parametrize("access", [{"prefixes": networks("0.0.0.0/0")}, {"keys": (XFR,)}])
def test_a_gslb_peer_that_signs_gets_the_steering_view_whichever_entry_lets_it_in(access):
    assert AccessList(**access, known=KNOWN).kind_for("192.0.2.2", XFR) == "gslb"


def test_the_key_of_a_gslb_peer_from_another_address_gets_the_plain_view():
    assert AccessList(keys=(XFR,), known=KNOWN).kind_for("198.51.100.1", XFR) == "foreign"


def test_no_text_shows_a_secret():
    assert "secret" not in repr(AccessList(peers=KNOWN, keys=(XFR,), known=KNOWN))


class TestProbeBounds:
    @pytest.mark.parametrize("target", ["192.0.2.1", "127.0.0.1", "2001:db8::1", "www.example.com."])
    def test_probes_go_anywhere_unless_there_are_bounds(self, target):
        assert ProbeBounds().allows_target(target)

    @pytest.mark.parametrize("target", ["192.0.2.1", "2001:db8::1", "www.example.com"])
    def test_no_networks_means_nowhere(self, target):
        assert not ProbeBounds(()).allows_target(target)

    @pytest.mark.parametrize(
        ("target", "allowed"),
        [
            ("10.1.2.3", True),
            ("::ffff:10.1.2.3", True),
            ("169.254.169.254", False),
            ("::ffff:169.254.169.254", False),
            ("2001:db8::1", False),
        ],
    )
    def test_an_address_must_lie_within(self, target, allowed):
        assert ProbeBounds(networks("10.0.0.0/8")).allows_target(target) is allowed

    def test_a_name_may_stand_for_any_address_so_it_passes_only_without_bounds(self):
        assert not ProbeBounds(networks("10.0.0.0/8")).allows_target("localhost")
        assert not ProbeBounds(networks("0.0.0.0/0")).allows_target("localhost")
        assert ProbeBounds(networks("0.0.0.0/0", "::/0")).allows_target("localhost")


class TestPrefixes:
    def test_a_lone_address_is_a_prefix_of_full_length(self):
        assert parse_prefix("192.0.2.1") == ipaddress.ip_network("192.0.2.1/32")
        assert parse_prefix("2001:DB8::1") == ipaddress.ip_network("2001:db8::1/128")

    @pytest.mark.parametrize("text", ["192.0.2.0/33", "192.0.2/24", "example.com", "", "1", "192.0.2.0/24/24"])
    def test_what_is_no_network_says_how_one_is_written(self, text):
        with pytest.raises(ValueError, match=r"is not a network; write one like 192\.0\.2\.0/24"):
            parse_prefix(text)

    def test_bits_behind_the_prefix_are_refused_with_what_was_meant(self):
        with pytest.raises(ValueError, match=r"has bits set behind its prefix; write 192\.0\.2\.0/24"):
            parse_prefix("192.0.2.7/24")

    @pytest.mark.parametrize(
        ("text", "advice"),
        [
            ("::ffff:192.0.2.0/120", "is an IPv4 network in IPv6 form; write it as 192.0.2.0/24"),
            ("::ffff:192.0.2.1", "is an IPv4 network in IPv6 form; write it as 192.0.2.1/32"),
            ("::ffff:192.0.2.1/120", "has bits set behind its prefix; write 192.0.2.0/24"),
            ("fe80::%eth0/64", "names an interface; write it without the % part"),
        ],
    )
    def test_a_network_that_no_client_is_in_is_refused(self, text, advice):
        with pytest.raises(ValueError, match=re.escape(advice)):
            parse_prefix(text)

    def test_a_client_of_one_link_is_in_its_network_at_whatever_interface(self):
        access = AccessList(prefixes=networks("fe80::/10"))
        assert access.allows("fe80::1%eth0", None)
        assert access.allows("fe80::1", None)
        assert not access.allows("2001:db8::1", None)

    def test_a_mapped_client_is_in_the_ipv4_network_only(self):
        assert AccessList(prefixes=networks("192.0.2.0/24")).allows("::ffff:192.0.2.9", None)
        assert not AccessList(prefixes=networks("::/0")).allows("::ffff:192.0.2.9", None)
