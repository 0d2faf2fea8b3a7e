"""Rdata: text ⇄ wire, and the names inside."""

import pytest

from gslb.wire.codes import RRType
from gslb.wire.names import name_from_text
from gslb.wire.rdata import (
    RdataError,
    alias_target,
    embedded_names,
    is_same,
    name_end,
    rdata_from_text,
    rdata_to_text,
    target,
)

EXAMPLE = name_from_text("example.")
MB, MINFO, LOC, CERT, SINK, IPSECKEY, CDS, ZONEMD, NID, L64 = 7, 14, 29, 37, 40, 45, 59, 63, 104, 106


@pytest.mark.parametrize(
    ("rtype", "text", "wire"),
    [
        (RRType.A, "192.0.2.1", b"\xc0\x00\x02\x01"),
        (RRType.A, "192.0.2.1\n", b"\xc0\x00\x02\x01"),
        (RRType.A, "192.0.2.1 ; the first", b"\xc0\x00\x02\x01"),
        (RRType.A, r"\# 4 c0000201", b"\xc0\x00\x02\x01"),
        (RRType.AAAA, "2001:db8::1", bytes.fromhex("20010db8000000000000000000000001")),
        (RRType.MX, "10 Mail", b"\x00\x0a\x04Mail\x07example\x00"),
        (RRType.MX, "10 mail.example.", b"\x00\x0a\x04mail\x07example\x00"),
        (RRType.CNAME, "@", EXAMPLE),
        (RRType.TXT, '"a b" c', b"\x03a b\x01c"),
        (RRType.TXT, r'"\"\255"', b'\x02"\xff'),
        (RRType.TXT, "(a\nb)", b"\x01a\x01b"),
        (RRType.HTTPS, "1 . alpn=h2", b"\x00\x01\x00\x00\x01\x00\x03\x02h2"),
        (RRType.HTTPS, "0 Other alpn=h2", b"\x00\x00\x05Other\x07example\x00\x00\x01\x00\x03\x02h2"),  # RFC 9460 2.4.2
        (RRType.HTTPS, r"\# 12 0000 0161 00 0001 0003 026832", b"\x00\x00\x01a\x00\x00\x01\x00\x03\x02h2"),
        (RRType.HTTPS, "1 . dohpath=/q{?dns}", b"\x00\x01\x00\x00\x07\x00\x08/q{?dns}"),
        (RRType.HTTPS, "0 . dohpath=/{x}{&a,dns:9}", b"\x00\x00\x00\x00\x07\x00\x0e/{x}{&a,dns:9}"),
        (MB, "Host", b"\x04Host\x07example\x00"),  # RFC 1035 section 3.3
        (MB, r"\# 3 016100", b"\x01a\x00"),
        (MINFO, "a. b.", b"\x01a\x00\x01b\x00"),
        (NID, "10 14:4fff:0:ee64", bytes.fromhex("000a00144fff0000ee64")),
        (L64, "10 2001:DB8:1140:1000", bytes.fromhex("000a20010db811401000")),
        (L64, r"\# 10 000a 20010db811401000", bytes.fromhex("000a20010db811401000")),
        (SINK, r"\# 2 4001", b"\x40\x01"),
        (RRType.DNSKEY, "256 3 RSASHA1-NSEC3-SHA1 AA==", bytes.fromhex("0100 03 07 00")),  # as IANA's table names it
        (RRType.DS, "1 rsasha1-nsec3-sha1 9 ab", bytes.fromhex("0001 07 09 ab")),
        (CERT, "PKIX 1 ECC-GOST AA==", bytes.fromhex("0001 0001 0c 00")),
        (RRType.DS, "1 8 0 ab cd", bytes.fromhex("0001 08 00 abcd")),  # a digest type that is reserved
        (RRType.DS, r"\# 5 0001 08 00 ab", bytes.fromhex("0001 08 00 ab")),
        (CDS, "0 0 0 00", bytes(5)),
        (ZONEMD, "7 1 1 " + "ab" * 48, bytes.fromhex("00000007 01 01" + "ab" * 48)),
        (ZONEMD, "7 241 1 " + "ab" * 20, bytes.fromhex("00000007 f1 01" + "ab" * 20)),  # RFC 8976 appendix A.3 has such
        (ZONEMD, "4294967295 0 0 " + "ab " * 12, bytes.fromhex("ffffffff 00 00" + "ab" * 12)),
        (ZONEMD, r"\# 18 00000007 00 00" + "ab" * 12, bytes.fromhex("00000007 00 00" + "ab" * 12)),
        (IPSECKEY, "10 0 0 .", bytes.fromhex("0a 00 00")),  # no key (RFC 4025 section 2.4)
        (IPSECKEY, "10 1 0 192.0.2.1", bytes.fromhex("0a 01 00 c0000201")),
        (IPSECKEY, "10 3 0 Gw", b"\x0a\x03\x00\x02Gw\x07example\x00"),
        (IPSECKEY, "10 1 2 192.0.2.1 AA ==", bytes.fromhex("0a 01 02 c0000201 00")),
        (65282, r"\# 2 abcd", b"\xab\xcd"),
        (65282, r"\# 0", b""),
    ],
)
def test_a_text_parses_to_uncompressed_rdata(rtype: int, text: str, wire: bytes) -> None:
    assert rdata_from_text(rtype, text, EXAMPLE) == wire


@pytest.mark.parametrize(
    ("rtype", "text"),
    [
        (RRType.A, ""),
        (RRType.A, "192.0.2.256"),
        (RRType.A, "192.0.2.1 junk"),
        (RRType.A, "192.0.2.1\n192.0.2.2"),  # the second line is not dropped without a word
        (RRType.A, r"\# 3 c00002"),
        (RRType.A, r"\# 4 c00002"),
        (RRType.AAAA, "192.0.2.1"),
        (RRType.MX, "mail"),
        (RRType.MX, "65536 mail"),
        (RRType.CNAME, "a..b"),
        (RRType.TXT, '"' + "x" * 256 + '"'),
        (RRType.TXT, '"open'),
        (RRType.HTTPS, "1 . alpn"),
        (RRType.HTTPS, "0 a alpn"),
        (RRType.HTTPS, "1 . dohpath"),  # RFC 9461 section 5
        (RRType.HTTPS, "1 . dohpath=dns-query{?dns}"),
        (RRType.HTTPS, "1 . dohpath=/dns-query"),
        (RRType.HTTPS, "1 . dohpath=/dns-query{?dnsx}"),
        (RRType.HTTPS, "1 . dohpath=/dns-query{?dns"),
        (RRType.HTTPS, "65536 a"),
        (RRType.HTTPS, r"\# 7 0000 0161 00 0001"),
        (RRType.HTTPS, ""),
        (MB, ""),
        (MB, "a. b."),
        (MB, r"\# 4 01610000"),
        (MB, r"\# 2 0561"),
        (MINFO, r"\# 5 016100 c000"),  # a compression pointer
        (MINFO, "a."),
        (L64, "10 2001:db8::1"),
        (L64, "10 12345:1:1:1"),
        (NID, "10 1:2:3"),
        (NID, "10"),
        (SINK, "64 1 AAAA"),
        (RRType.DNSKEY, "256 3 RSASHA1-NSEC3 AA=="),
        (RRType.DS, "1 8"),
        (RRType.DS, "1 8 0"),
        (RRType.DS, r"\# 4 0001 08 00"),
        (ZONEMD, "7 1 1 " + "ab" * 11),  # RFC 8976 section 2.2.4
        (ZONEMD, r"\# 17 00000007 00 00" + "ab" * 11),
        (ZONEMD, "7 256 1 " + "ab" * 12),
        (ZONEMD, "4294967296 1 1 " + "ab" * 12),
        (ZONEMD, "7 1 1 " + "ab" * 12 + "a"),
        (ZONEMD, "7 1 1"),
        (IPSECKEY, "10 1 2 192.0.2.1"),
        (IPSECKEY, "10 1 0"),
        (65282, "abcd"),
    ],
)
def test_what_is_no_rdata_is_refused_with_the_text_and_the_type(rtype: int, text: str) -> None:
    with pytest.raises(RdataError, match=r"is not .* data") as caught:
        rdata_from_text(rtype, text, EXAMPLE)
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize(
    ("rtype", "text"),
    [
        (RRType.A, "192.0.2.1"),
        (RRType.SOA, "ns1.example. ops.example. 1 2 3 4 5"),
        (RRType.TXT, r'"a b" "\"\255"'),
        (RRType.SRV, "1 2 443 www.example."),
        (RRType.DS, "60485 5 1 2bb183af5f22588179a53b0a98631fad1a292118"),
        (ZONEMD, "7 1 1 " + "ab" * 48),
        (ZONEMD, "7 241 0 " + "ab" * 20),
        (RRType.SVCB, '1 svc.example. alpn="h2,h3" port="8443"'),
        (RRType.SVCB, "0 svc.example."),
        (RRType.SVCB, '0 svc.example. alpn="h2"'),
        (MB, "Host.example."),
        (MINFO, "a.example. b.example."),
        (65282, r"\# 2 abcd"),
    ],
)
def test_rdata_renders_as_the_text_it_came_from(rtype: int, text: str) -> None:
    assert rdata_to_text(rtype, rdata_from_text(rtype, text, EXAMPLE)) == text


@pytest.mark.parametrize(
    "metres",
    ["0.29m", "-0.29m", "42849672.91m", "1208.64m 0.30m 90000000.00m 5.00m", "0.00m 9000000.00m 10000.00m 10.00m"],
)
def test_no_centimetre_of_a_location_is_lost(metres: str) -> None:
    text = f"51 30 12.748 N 0 7 39.612 W {metres}"
    assert rdata_to_text(LOC, rdata_from_text(LOC, text, EXAMPLE)).startswith(text)


@pytest.mark.parametrize(
    "metres", ["", "x", "1e3m", "inf", "99999999999m", "1m 1m 1m 1m 1m", "1m 90000000.01m", "1m 1m 1m -1m"]
)
def test_what_is_no_distance_is_refused(metres: str) -> None:
    with pytest.raises(RdataError):
        rdata_from_text(LOC, f"51 30 12.748 N 0 7 39.612 W {metres}", EXAMPLE)


@pytest.mark.parametrize(
    ("rtype", "one", "other", "same"),
    [
        (RRType.CNAME, "Host.example.", "hOST.example.", True),
        (RRType.MX, "10 Host.example.", "10 host.example.", True),
        (RRType.MX, "65 host.example.", "97 host.example.", False),
        (RRType.A, "65.65.65.65", "97.97.97.97", False),
        (RRType.TXT, "Text", "text", False),
        (RRType.SVCB, "1 Host.example.", "1 host.example.", False),  # its name is as it is (RFC 9460 section 2.2)
        (MB, "Host.example.", "host.example.", True),
        (ZONEMD, "7 0 0 " + "41" * 12, "7 0 0 " + "61" * 12, False),
    ],
)
def test_a_record_with_its_names_in_another_case_is_the_same_record(
    rtype: int, one: str, other: str, same: bool
) -> None:
    assert is_same(rtype, rdata_from_text(rtype, one, EXAMPLE), rdata_from_text(rtype, other, EXAMPLE)) is same


def test_a_digest_of_another_length_is_refused_as_text_and_shown_as_it_came() -> None:
    assert rdata_to_text(RRType.DS, bytes.fromhex("ec45 05 01 abcd")) == "60485 5 1 abcd"
    with pytest.raises(RdataError):
        rdata_from_text(RRType.DS, "60485 5 1 abcd", EXAMPLE)


@pytest.mark.parametrize(
    ("rtype", "text", "names"),
    [
        (RRType.NS, "ns1", ["ns1.example."]),
        (RRType.CNAME, "a", ["a.example."]),
        (RRType.PTR, "a", ["a.example."]),
        (RRType.MX, "10 mail", ["mail.example."]),
        (RRType.SOA, "ns1 ops 1 2 3 4 5", ["ns1.example.", "ops.example."]),
        # RFC 3597 section 4: names of types later than RFC 1035 are not compressed.
        (RRType.SRV, "1 2 3 a", []),
        (RRType.DNAME, "a", []),
        (RRType.SVCB, "1 a", []),
        (RRType.A, "192.0.2.1", []),
        (65282, r"\# 2 0161", []),
    ],
)
def test_the_names_a_message_may_compress(rtype: int, text: str, names: list[str]) -> None:
    rdata = rdata_from_text(rtype, text, EXAMPLE)
    found = [rdata[start:end] for start, end in embedded_names(rtype, rdata)]
    assert found == [name_from_text(name) for name in names]


@pytest.mark.parametrize(
    ("rtype", "text", "host"),
    [
        (RRType.NS, "NS1", "ns1.example."),
        (RRType.MX, "10 Mail", "mail.example."),
        (RRType.SRV, "1 2 3 Sip", "sip.example."),
        (RRType.SVCB, "1 Svc alpn=h2", "svc.example."),
        (RRType.HTTPS, "0 Other", "other.example."),
        (RRType.CNAME, "a", None),
        (RRType.SOA, "ns1 ops 1 2 3 4 5", None),
        (RRType.A, "192.0.2.1", None),
    ],
)
def test_the_host_whose_addresses_belong_in_additional(rtype: int, text: str, host: str | None) -> None:
    expected = None if host is None else name_from_text(host)
    assert target(rtype, rdata_from_text(rtype, text, EXAMPLE)) == expected


def test_an_alias_target_is_canonical() -> None:
    assert alias_target(rdata_from_text(RRType.CNAME, "WWW.Other.", EXAMPLE)) == name_from_text("www.other.")


def test_a_name_ends_after_its_root_label() -> None:
    assert name_end(b"xx\x03www\x00yy", 2) == 7
    assert name_end(b"\x00", 0) == 1
