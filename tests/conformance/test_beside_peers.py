"""The same zones on a node of ours and on Knot, NSD and BIND: names of every kind, the root, zones inside one another,
and malformed packets. Every reply of ours is that of one of them at least, or a row says why not.
"""

from collections.abc import Callable, Iterator

import dns.rdatatype
import pytest
from malformed import MALFORMED, ON_PURPOSE
from side_by_side import SideBySide, compared, side_by_side

from gslb.wire.names import name_from_text

pytestmark = pytest.mark.daemon

L63 = "l" * 63
ROOT = """\
. 300 SOA ns.nic.tld. ops.nic.tld. 1 3600 600 86400 60
. 300 NS ns.nic.tld.
. 300 TXT root
. 300 MX 10 one.
tld. 300 NS ns.nic.tld.
tld. 300 DS 60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118
ns.nic.tld. 300 A 127.0.0.1
other. 300 NS ns.other.
ns.other. 300 A 192.0.2.9
one. 300 A 192.0.2.10
alias. 300 CNAME one.
toc. 300 CNAME www.c.tld.
d. 300 DNAME tld.
*.wild. 300 A 192.0.2.11
"""
TLD = rf"""
$ORIGIN tld.
$TTL 300
@ SOA ns.nic ops.nic 1 3600 600 86400 60
@ NS ns.nic
ns.nic A 127.0.0.1
c NS ns.c
ns.c A 192.0.2.66
www.c A 192.0.2.67
glue NS ns.c
nods NS ns.nic
dot\.ted A 192.0.2.20
nul\000l A 192.0.2.21
hi\255\200 A 192.0.2.22
sp\032ace A 192.0.2.23
UPPER A 192.0.2.24
qu\"ote A 192.0.2.25
at\@x A 192.0.2.26
back\\slash A 192.0.2.27
dollar\$x A 192.0.2.28
se\;mi A 192.0.2.29
{L63}.{L63}.{L63}.{"m" * 57} A 192.0.2.30
{L63} A 192.0.2.31
ALIAS CNAME UPPER.Tld.
mx MX 10 dot\.ted
*.{L63}.{L63}.{L63} A 192.0.2.32
"""
C = """\
$ORIGIN c.tld.
$TTL 300
@ SOA ns ops 1 3600 600 86400 60
@ NS ns
@ NS ns2
ns A 192.0.2.77
ns2 A 192.0.2.78
www A 192.0.2.67
up CNAME ns.nic.tld.
"""
NODS = "$ORIGIN nods.tld.\n$TTL 300\n@ SOA ns.nic.tld. ops 1 3600 600 86400 60\n@ NS ns.nic.tld.\n"
EXAMPLE = """\
$ORIGIN example.
$TTL 300
@ SOA ns ops 1 3600 600 86400 60
@ NS ns
ns A 127.0.0.1
www A 192.0.2.1
"""
ZONES = {".": ROOT, "tld": TLD, "c.tld": C, "nods.tld": NODS}
NAMES = [
    *(".", "tld.", "other.", "one.", "ONE.", "x.one.", "nosuch.", "a.nosuch.", "alias.", "toc.", "x.d.", "www.c.d."),
    *("c.tld.", "www.c.tld.", "nx.c.tld.", "up.c.tld.", "x.other.", "x.glue.tld.", "glue.tld.", "nods.tld."),
    *("q.wild.", "a.b.wild.", "*.wild.", r"\*.wild.", r"\255.tld.", r"\000.tld.", r"\000.", "dot.ted.tld."),
    *(r"dot\.ted.tld.", r"nul\000l.tld.", r"NUL\000L.tld.", r"hi\255\200.tld.", r"sp\032ace.tld.", "upper.tld."),
    *("UpPeR.tLd.", r"qu\"ote.tld.", r"at\@x.tld.", r"back\\slash.tld.", r"dollar\$x.tld.", r"se\;mi.tld."),
    *("alias.tld.", "AlIaS.TLD.", "mx.tld.", f"{L63}.tld.", f"{L63}.{L63}.{L63}.tld."),
    f"{L63}.{L63}.{L63}.{'m' * 57}.tld.",  # 255 octets
    f"{L63}.{L63}.{L63}.{'M' * 57}.tld.",
    f"{'x' * 57}.{L63}.{L63}.{L63}.tld.",
    f"{'X' * 57}.{L63.upper()}.{L63}.{L63}.Tld.",
]
TYPES = ("A", "NS", "DS", "SOA", "MX", "CNAME", "TXT")


@pytest.fixture(scope="module")
def nested(tmp_path_factory: pytest.TempPathFactory, tool: Callable[[str], str]) -> Iterator[SideBySide]:
    yield from side_by_side(tool, tmp_path_factory.mktemp("nested"), ZONES, "knot", "nsd")


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory, tool: Callable[[str], str]) -> Iterator[SideBySide]:
    yield from side_by_side(tool, tmp_path_factory.mktemp("one"), {"example": EXAMPLE}, "knot", "nsd", "bind")


def query(name: str, rtype: str) -> bytes:
    question = name_from_text(name) + dns.rdatatype.from_text(rtype).to_bytes(2, "big") + b"\x00\x01"
    return b"\xab\xcd\x00\x00\x00\x01" + bytes(6) + question


@pytest.mark.parametrize("name", NAMES, ids=lambda name: name if len(name) < 40 else f"{name[:20]}({len(name) + 1})")
def test_a_name_is_answered_as_a_peer_does_and_in_the_case_of_the_question(nested: SideBySide, name: str) -> None:
    for rtype in TYPES:
        data = query(name, rtype)
        ours = nested.ask("gslb", data)
        assert ours[12:].startswith(data[12:]), "the question comes back octet by octet"
        theirs = {peer: compared(nested.ask(peer, data)) for peer in nested.peers}
        assert compared(ours) in theirs.values(), (rtype, compared(ours), theirs)


def rcode(reply: bytes | None) -> str:
    """The rcode, and whether there is an OPT; "silence" for no reply."""
    if reply is None:
        return "silence"
    has_opt = bool(reply[11])  # a refusal has no other additional record
    return f"{reply[3] & 0xF}{' with an OPT' if has_opt else ''}"


@pytest.mark.parametrize("kind", MALFORMED)
def test_a_malformed_packet_is_met_as_a_peer_does_or_otherwise_on_purpose(example: SideBySide, kind: str) -> None:
    packet = MALFORMED[kind][0]
    got = {server: rcode(example.ask(server, packet)) for server in example.ports}
    ours = got.pop("gslb")
    assert (ours not in got.values()) is (kind in ON_PURPOSE), (ours, got)
