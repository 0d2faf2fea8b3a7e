"""How many octets come back for each that was asked, of us, NSD and Knot with the same zone.

Who forges a sender's address wants that ratio high. For no kind of query may ours be above the largest of the peers';
a reply that is no larger than its query is let go, and so is the extended error that says why something is refused. Run
with `-s` to see the table.
"""

from collections.abc import Callable, Iterator

import dns.edns
import dns.message
import pytest
from side_by_side import SideBySide, side_by_side

pytestmark = pytest.mark.daemon

APEX = "amp.example."
TEXT = "\n".join(f'big 60 TXT "{number:04d}{"x" * 200}"' for number in range(15))
HOSTS = "\n".join(f"ns{n}.child 60 A 192.0.2.{n}\nns{n}.child 60 AAAA 2001:db8::{n}" for n in range(1, 9))
CUT = "\n".join(f"child 60 NS ns{n}.child" for n in range(1, 9))
MASTER_FILE = f"""\
$ORIGIN {APEX}
@ 3600 SOA ns ops 1 3600 600 86400 60
@ 3600 NS ns
@ 3600 NS ns2
@ 3600 MX 10 mail
@ 3600 TXT "v=spf1 -all"
ns 3600 A 127.0.0.1
ns 3600 AAAA ::1
ns2 3600 A 127.0.0.2
mail 3600 A 192.0.2.25
www 60 A 192.0.2.1
www 60 A 192.0.2.2
some 60 TXT "{"y" * 250}" "{"z" * 200}"
many 60 A 192.0.2.1
many 60 AAAA 2001:db8::1
many 60 TXT "{"m" * 120}"
many 60 MX 10 mail
alias 60 CNAME www
*.wild 60 A 192.0.2.3
moved 60 DNAME {APEX}
child 60 DS 60485 13 2 {"ab" * 32}
{CUT}
{HOSTS}
{TEXT}
"""
EXTENDED_ERROR_OCTETS = {"AXFR over UDP": 6}
NAMES = {
    "A": ("www", "A"),
    "A through a CNAME": ("alias", "A"),
    "A of a wildcard": ("n1.wild", "A"),
    "A below a DNAME": ("www.moved", "A"),
    "SOA": ("", "SOA"),
    "NS with addresses": ("", "NS"),
    "MX with address": ("", "MX"),
    "DNSKEY of an unsigned zone": ("", "DNSKEY"),
    "TXT of 450 octets": ("some", "TXT"),
    "TXT of 3,000 octets": ("big", "TXT"),
    "ANY at the apex": ("", "ANY"),
    "ANY of a name": ("many", "ANY"),
    "ANY of 3,000 octets": ("big", "ANY"),
    "NXDOMAIN": ("no", "A"),
    "NODATA": ("www", "TXT"),
    "referral with glue": ("www.child", "A"),
    "DS": ("child", "DS"),
    "RRSIG": ("www", "RRSIG"),
    "AXFR over UDP": ("", "AXFR"),
    "IXFR over UDP": ("", "IXFR"),
    "a zone that is not here": ("x.elsewhere.", "A"),
    "CH TXT version.bind": ("version.bind.", "CH"),
}
SIZES = {"plain": None, "EDNS 512": 512, "EDNS 1232": 1232, "EDNS 4096": 4096}
WWW = dns.message.make_query(f"www.{APEX}", "A", id=0xABCD, use_edns=0)
PLAIN = dns.message.make_query(f"www.{APEX}", "A", id=0xABCD).to_wire()
OPT = WWW.to_wire()[len(PLAIN) :]


def with_options(*options: dns.edns.Option, version: int = 0) -> bytes:
    return dns.message.make_query(f"www.{APEX}", "A", use_edns=version, options=list(options)).to_wire()


def changed(data: bytes, at: int, octets: bytes) -> bytes:
    return data[:at] + octets + data[at + len(octets) :]


MALFORMED = {
    "no octets": b"",
    "cut in the header": PLAIN[:8],
    "a header alone": PLAIN[:12],
    "a header without a question": changed(PLAIN, 4, b"\0\0")[:12],
    "cut in the question": PLAIN[:-3],
    "two questions": changed(PLAIN, 4, b"\0\2") + PLAIN[12:],
    "a label that runs out": changed(PLAIN, 12, b"\x3f"),
    "a pointer in the question": PLAIN[:12] + b"\xc0\x0c\0\1\0\1",
    "a reserved label type": changed(PLAIN, 12, b"\x80"),
    "octets after the end": PLAIN + b"\0" * 20,
    "an answer in the query": changed(PLAIN, 6, b"\0\1") + b"\xc0\x0c\0\1\0\1\0\0\0\0\0\4\1\2\3\4",
    "a response": changed(PLAIN, 2, b"\x80"),
    "an unknown opcode": changed(PLAIN, 2, b"\x78"),
    "STATUS": changed(PLAIN, 2, b"\x10"),
    "UPDATE": changed(PLAIN, 2, b"\x28"),
    "NOTIFY": changed(PLAIN, 2, b"\x20"),
    "two OPTs": changed(PLAIN, 10, b"\0\2") + 2 * OPT,
    "an OPT that is not the root's": changed(PLAIN, 10, b"\0\1") + b"\1x" + OPT,
    "an OPT cut short": WWW.to_wire()[:-4],
    "an option that runs out": changed(PLAIN, 10, b"\0\1") + OPT[:-2] + b"\0\4\0\x0a\0\x20",
    "a cookie of 3 octets": with_options(dns.edns.GenericOption(10, b"abc")),
    "EDNS version 1": with_options(version=1),
    "an unknown option": with_options(dns.edns.GenericOption(100, b"x" * 40)),
    "a client cookie": with_options(dns.edns.GenericOption(10, b"abcdefgh")),
    "class ANY": PLAIN[:-2] + b"\0\xff",
    "class 4711": PLAIN[:-2] + b"\x12\x67",
    "type 0": PLAIN[:-4] + b"\0\0\0\1",
    "type OPT": PLAIN[:-4] + b"\0\x29\0\1",
    "a TSIG that nobody knows": changed(PLAIN, 10, b"\0\1")
    + b"\1k\0\0\xfa\0\xff\0\0\0\0\0\x3d\x0bhmac-sha256\0"
    + bytes(6)
    + b"\1\x2c\0\x20"
    + bytes(32)
    + b"\xab\xcd\0\0\0\0",
}


def query(name: str, rtype: str, size: int | None) -> bytes:
    qname = name if name.endswith(".") else f"{name}.{APEX}".lstrip(".")
    rdclass, rtype = ("CH", "TXT") if rtype == "CH" else ("IN", rtype)
    edns = {} if size is None else {"use_edns": 0, "payload": size}
    message = dns.message.make_query(qname, "A", rdclass, **edns)
    message.question[0].rdtype = dns.rdatatype.from_text(rtype)
    if rtype == "IXFR":
        soa = f"{APEX} 0 IN SOA ns.{APEX} ops.{APEX} 1 3600 600 86400 60".split(" ", 4)
        message.authority.append(dns.rrset.from_text(*soa[:2], *soa[2:4], soa[4]))
    return message.to_wire()


def packets() -> dict[str, bytes]:
    asked = {
        f"{kind}, {how}": query(name, rtype, size)
        for kind, (name, rtype) in NAMES.items()
        for how, size in SIZES.items()
    }
    return asked | MALFORMED


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory, tool: Callable[[str], str]) -> Iterator[SideBySide]:
    """Our node, NSD and Knot with the zone; the peers as they are installed, without rate limits."""
    folder = tmp_path_factory.mktemp("amp")
    yield from side_by_side(tool, folder, {"amp.example": MASTER_FILE}, "nsd", "knot", minimal=False)


def row(kind: str, asked: int, back: dict[str, int]) -> str:
    ratios = (f"{back[server] / max(asked, 1):7.2f}" for server in ("gslb", "nsd", "knot"))
    return f"{kind:44}{asked:6}" + "".join(ratios)


def test_no_kind_of_query_brings_more_back_than_from_the_peers(servers: SideBySide) -> None:
    print(f"\n{'octets back for each octet asked':44}{'asked':>6}   gslb    nsd   knot")
    above = {}
    for kind, data in packets().items():
        back = {server: len(servers.ask(server, data) or b"") for server in servers.ports}
        print(row(kind, len(data), back))
        told = EXTENDED_ERROR_OCTETS.get(kind.partition(",")[0], 0)
        bound = max(len(data), back["nsd"] + told, back["knot"] + told)
        if back["gslb"] > bound:
            above[kind] = back
    assert above == {}
