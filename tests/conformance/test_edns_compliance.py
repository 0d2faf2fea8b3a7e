"""ISC's EDNS compliance checks, asked of our node and, side by side, of NSD and Knot.

Each check is a query for the zone's SOA with something about it that servers were found to trip over, and what a
compliant server answers. NSD and Knot judge the checks: what they do otherwise stands in `KNOWN_OF_PEERS`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import dns.edns
import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import dns.rdatatype
import pytest
from side_by_side import SideBySide, side_by_side

pytestmark = pytest.mark.daemon

APEX = "edns.example."
MASTER_FILE = """\
$ORIGIN edns.example.
@ 3600 SOA ns ops 1 3600 600 86400 60
@ 3600 NS ns
ns 3600 A 127.0.0.1
"""
Z = 0x40  # the one header bit without a meaning
FLAGS_THAT_ARE_NOT_OURS = dns.flags.TC | dns.flags.RA | dns.flags.AD | dns.flags.CD | Z
RD_OF_QUERY = "RD came back, which means something for opcode QUERY only"
UNKNOWN = dns.edns.GenericOption(100, b"")
COOKIE = dns.edns.GenericOption(dns.edns.OptionType.COOKIE, b"\x01\x02\x03\x04\x05\x06\x07\x08")
LIST = [
    dns.edns.GenericOption(dns.edns.OptionType.NSID, b""),
    dns.edns.ECSOption("0.0.0.0", 0),
    dns.edns.GenericOption(9, b""),
    COOKIE,
]


@dataclass(frozen=True)
class Check:
    """A query, and what the reply has to be. `edns` False: the query has no OPT, and so has the reply."""

    rtype: str = "SOA"
    edns: bool = True
    version: int = 0
    payload: int = 4096
    ednsflags: int = 0
    options: tuple[dns.edns.Option, ...] = ()
    header_flags: int = 0
    header_only_opcode: int = 0
    tcp: bool = False
    rcode: int = dns.rcode.NOERROR
    answers: bool = True
    largest: int = 65535


CHECKS = {
    "plain": Check(edns=False),
    "edns0": Check(),
    "edns1": Check(version=1, rcode=dns.rcode.BADVERS, answers=False),
    "ednsopt": Check(options=(UNKNOWN,)),
    "edns1opt": Check(version=1, options=(UNKNOWN,), rcode=dns.rcode.BADVERS, answers=False),
    "edns@512": Check("DNSKEY", payload=512, ednsflags=0x8000, answers=False, largest=512),
    "ednsflags": Check(ednsflags=0x0080),
    "do": Check(ednsflags=0x8000),
    "docookie": Check(ednsflags=0x8000, options=(COOKIE,)),
    "list of options": Check(options=tuple(LIST)),
    "unknown opcode": Check(edns=False, header_only_opcode=15, rcode=dns.rcode.NOTIMP, answers=False),
    "unknown type": Check("TYPE666", edns=False, answers=False),
    "zero flags": Check(edns=False, header_flags=Z),
    "opcode flags": Check(
        edns=False,
        header_only_opcode=15,
        header_flags=FLAGS_THAT_ARE_NOT_OURS | dns.flags.AA | dns.flags.RD,
        rcode=dns.rcode.NOTIMP,
        answers=False,
    ),
    "ad": Check(edns=False, header_flags=dns.flags.AD),
    "cd": Check(edns=False, header_flags=dns.flags.CD),
    "rd": Check(edns=False, header_flags=dns.flags.RD),
    "tcp": Check(edns=False, tcp=True),
    "edns over tcp": Check(tcp=True),
    "edns@512 over tcp": Check("DNSKEY", payload=512, ednsflags=0x8000, tcp=True, answers=False),
}

KNOWN_OF_PEERS = {
    ("nsd", "opcode flags"): ["flags 0x02d0", RD_OF_QUERY],
    ("knot", "opcode flags"): [RD_OF_QUERY],
}
"""NSD gives the header bits back that came with an unknown opcode, Knot RD."""


def packet(check: Check) -> bytes:
    if check.header_only_opcode:
        flags = check.header_flags | check.header_only_opcode << 11
        return b"\xab\xcd" + flags.to_bytes(2, "big") + bytes(8)
    query = dns.message.make_query(APEX, check.rtype)
    query.flags = 0
    if check.edns:
        query.use_edns(check.version, check.ednsflags, check.payload, options=list(check.options))
    wire = query.to_wire()
    return wire[:2] + check.header_flags.to_bytes(2, "big") + wire[4:]


def faults(check: Check, data: bytes, wire: bytes) -> list[str]:
    """What is wrong with a reply."""
    reply = dns.message.from_wire(wire)
    flags = int.from_bytes(wire[2:4], "big")
    asked_opcode, sent_do = int.from_bytes(data[2:4], "big") & 0x7800, check.ednsflags & 0x8000
    answered = any(rrset.rdtype == dns.rdatatype.SOA for rrset in reply.answer)
    rules = {
        "the id": wire[:2] == data[:2],
        "the opcode": flags & 0x7800 == asked_opcode,
        f"rcode {dns.rcode.to_text(reply.rcode())}": reply.rcode() == check.rcode,
        "an SOA in the answer or none": answered is check.answers,
        "aa": not check.answers or bool(flags & dns.flags.AA),
        f"flags {flags & FLAGS_THAT_ARE_NOT_OURS:#06x}": not flags & FLAGS_THAT_ARE_NOT_OURS & ~dns.flags.CD,
        RD_OF_QUERY: not flags & dns.flags.RD or (not asked_opcode and bool(check.header_flags & dns.flags.RD)),
        "an OPT or none": (reply.edns >= 0) is check.edns,
        f"EDNS version {reply.edns}": reply.edns in {0, -1},
        f"EDNS flags {reply.ednsflags & 0xFFFF:#06x}": reply.ednsflags & 0xFFFF == (sent_do if check.edns else 0)
        or check.version != 0,
        "an unknown option came back": all(option.otype != UNKNOWN.otype for option in reply.options),
        f"{len(wire)} octets": len(wire) <= check.largest,
    }
    return [rule for rule, holds in rules.items() if not holds]


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory, tool: Callable[[str], str]) -> Iterator[SideBySide]:
    folder = tmp_path_factory.mktemp("edns")
    yield from side_by_side(tool, folder, {"edns.example": MASTER_FILE}, "knot", "nsd", minimal=False)


@pytest.mark.parametrize("server", ["gslb", "knot", "nsd"])
@pytest.mark.parametrize("name", CHECKS)
def test_edns_compliance(servers: SideBySide, server: str, name: str) -> None:
    check = CHECKS[name]
    data = packet(check)
    reply = servers.ask(server, data, tcp=check.tcp)
    assert reply is not None
    found = faults(check, data, reply)
    assert not found or found == KNOWN_OF_PEERS.get((server, name))


def test_the_judge_finds_faults() -> None:
    check = CHECKS["edns0"]
    data = packet(check)
    reply = dns.message.make_response(dns.message.from_wire(data))
    reply.flags |= dns.flags.RA
    reply.use_edns(1, 0x4000, options=[UNKNOWN])
    reply.set_rcode(dns.rcode.SERVFAIL)
    assert len(faults(check, data, reply.to_wire())) == 7
