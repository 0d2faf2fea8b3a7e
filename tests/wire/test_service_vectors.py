r"""The test vectors of RFC 9460 appendix D: SVCB and HTTPS records as text and octets, and texts that are none."""

import pytest

from gslb.wire.codes import RRType
from gslb.wire.names import name_from_text
from gslb.wire.rdata import RdataError, rdata_from_text, rdata_to_text

ORIGIN = name_from_text("example.com.")
FOO_COM, FOO_ORG = name_from_text("foo.example.com."), name_from_text("foo.example.org.")
SERVICES = (RRType.SVCB, RRType.HTTPS)
VECTORS = [
    # D.1, AliasMode
    ("0 foo.example.com.", b"\x00\x00" + FOO_COM),
    # D.2, ServiceMode
    ("1 .", b"\x00\x01\x00"),
    ("16 foo.example.com. port=53", b"\x00\x10" + FOO_COM + b"\x00\x03\x00\x02\x00\x35"),
    ("1 foo.example.com. key667=hello", b"\x00\x01" + FOO_COM + b"\x02\x9b\x00\x05hello"),
    (r'1 foo.example.com. key667="hello\210qoo"', b"\x00\x01" + FOO_COM + b"\x02\x9b\x00\x09hello\xd2qoo"),
    (
        '1 foo.example.com. ipv6hint="2001:db8::1,2001:db8::53:1"',
        b"\x00\x01"
        + FOO_COM
        + b"\x00\x06\x00\x20"
        + bytes.fromhex("20010db8" + 22 * "0" + "0120010db8" + 18 * "0" + "530001"),
    ),
    (
        '1 example.com. ipv6hint="2001:db8:122:344::192.0.2.33"',
        b"\x00\x01" + ORIGIN + b"\x00\x06\x00\x10" + bytes.fromhex("20010db801220344 00000000c0000221"),
    ),
    (
        "16 foo.example.org. alpn=h2,h3-19 mandatory=ipv4hint,alpn ipv4hint=192.0.2.1",
        b"\x00\x10"
        + FOO_ORG
        + b"\x00\x00\x00\x04\x00\x01\x00\x04\x00\x01\x00\x09\x02h2\x05h3-19\x00\x04\x00\x04\xc0\x00\x02\x01",
    ),
    (r'16 foo.example.org. alpn="f\\\\oo\\,bar,h2"', b"\x00\x10" + FOO_ORG + b"\x00\x01\x00\x0c\x08f\\oo,bar\x02h2"),
    (r"16 foo.example.org. alpn=f\\\092oo\092,bar,h2", b"\x00\x10" + FOO_ORG + b"\x00\x01\x00\x0c\x08f\\oo,bar\x02h2"),
]
FAILURES = [
    # D.3: a key twice
    "1 foo.example.com. key123=abc key123=def",
    # keys that need a value, and one that must have none
    "1 foo.example.com. mandatory",
    "1 foo.example.com. alpn",
    "1 foo.example.com. port",
    "1 foo.example.com. ipv4hint",
    "1 foo.example.com. ipv6hint",
    "1 foo.example.com. no-default-alpn=abc",
    # what is mandatory but not there, is mandatory itself, or stands there twice
    "1 foo.example.com. mandatory=key123",
    "1 foo.example.com. mandatory=mandatory",
    "1 foo.example.com. mandatory=key123,key123 key123=abc",
]


@pytest.mark.parametrize("rtype", SERVICES)
@pytest.mark.parametrize(("text", "wire"), VECTORS)
def test_rfc_9460_appendix_d_text_is_these_octets_and_back(rtype: int, text: str, wire: bytes) -> None:
    assert rdata_from_text(rtype, text, ORIGIN) == wire
    assert rdata_from_text(rtype, rdata_to_text(rtype, wire), ORIGIN) == wire


@pytest.mark.parametrize("rtype", SERVICES)
@pytest.mark.parametrize("text", FAILURES)
def test_rfc_9460_appendix_d_3_failures_are_refused(rtype: int, text: str) -> None:
    with pytest.raises(RdataError):
        rdata_from_text(rtype, text, ORIGIN)
