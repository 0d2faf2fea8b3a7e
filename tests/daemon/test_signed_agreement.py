"""Random questions to a signed zone: we answer with the records that Knot answers with, DO and not."""

import random
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import pytest
from foreign_servers import ForeignServer, ForeignZone, Key, serial_of
from harness import wait_for
from ports import free_port

from gslb.answer.compile import ZoneTable
from gslb.answer.respond import Reply, respond
from gslb.answer.table import AnswerTable
from gslb.config.sources import ZoneSource
from gslb.config.zones import load_zone
from gslb.steering.conditions import Conditions
from gslb.wire.names import name_from_text, name_to_text
from gslb.zone.lookup import ZoneIndex
from gslb.zone.zone import Zone

pytestmark = pytest.mark.daemon

APEX = "signed.example"
QUESTIONS = 1500
ZONE = f"""$ORIGIN {APEX}.
$TTL 300
@ 3600 SOA ns1 ops 5 3600 600 86400 60
@ NS ns1
@ NS ns2.elsewhere.
@ MX 10 mail
ns1 A 192.0.2.53
ns1 AAAA 2001:db8::53
mail A 192.0.2.25
mail 60 TXT "of another TTL"
www A 192.0.2.1
www A 192.0.2.2
a.b.c TXT deep
alias CNAME www
outside CNAME www.elsewhere.
dangling CNAME nowhere
chain CNAME alias
towild CNAME q.wild
tochild CNAME www.child
tosigned CNAME www.sec
*.wild TXT wild
*.wild MX 5 mail
*.cwild CNAME www
*.dwild CNAME nothing.at.all
sub.ent.wild A 192.0.2.99
host.wild A 192.0.2.9
child NS ns.child
child NS ns1
ns.child A 192.0.2.77
sec NS ns.sec
sec DS 60485 13 2 D4B7D520E7BB5F0F67674A0CCEB1E3E0614B93C4F9E99B8383F6A1E4469DA50A
ns.sec A 192.0.2.78
far.away.deep NS ns.elsewhere.
other.away.deep NS ns.elsewhere.
d DNAME target
d TXT "at the owner"
www.target A 192.0.2.11
dd DNAME elsewhere.
srv SRV 1 2 443 www
"""
SIGNED = {"nsec": (), "nsec3": ("-3", "-", "-H", "0"), "opt-out": ("-A", "-3", "abcd", "-H", "5")}
TYPES = ["A", "AAAA", "TXT", "MX", "NS", "SOA", "DS", "CNAME", "DNAME", "ANY", "NSEC3", "NSEC3PARAM", "DNSKEY", "SRV"]
LABELS = ["www", "a", "zz", "*", "foo", "0", "b.c", "x.y", "wild", "q"]
Compared = tuple[str, bool, frozenset[str], frozenset[str], frozenset[str]]


@pytest.fixture(params=SIGNED)
def signed_file(request: pytest.FixtureRequest, tool: Callable[[str], str], tmp_path: Path) -> Path:
    """The zone as BIND's tools sign it."""
    (tmp_path / "unsigned").write_text(ZONE)
    keygen = [tool("dnssec-keygen"), "-q", "-a", "ECDSAP256SHA256"]
    sign = [tool("dnssec-signzone"), "-S", "-o", APEX, "-f", f"{APEX}.zone", *SIGNED[request.param], "unsigned"]
    for command in ([*keygen, APEX], [*keygen, "-f", "KSK", APEX], sign):
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, timeout=60)
    return tmp_path / f"{APEX}.zone"


@pytest.fixture
def knot(signed_file: Path, tool: Callable[[str], str], tmp_path: Path) -> Iterator[ForeignServer]:
    tool("knotd")
    server = ForeignServer("knot", tmp_path / "knot", Key.called("xfr"))
    server.serve(ForeignZone(APEX, free_port(), signed_file.read_text()))
    server.start()
    wait_for(lambda: serial_of(server.port, APEX), "Knot to serve the zone")
    yield server
    server.stop()


class NoDraws:
    def random(self) -> float:
        raise AssertionError

    turn = random


def questions(zone: Zone, draw: random.Random) -> Iterator[tuple[str, str, bool, int]]:
    """Names that are there, below such, and hashes; DO or not; sizes."""
    names = [name_to_text(name) for name in ZoneIndex(zone).nodes]
    hashes = [text for text in map(name_to_text, zone.rrsets) if text not in names] or names
    for _ in range(QUESTIONS):
        name = draw.choice(hashes if draw.random() < 0.1 else names)
        if draw.random() < 0.6:
            name = f"{draw.choice(LABELS)}.{name}"
        yield name, draw.choice(TYPES), draw.random() < 0.75, draw.choice((512, 1232, 4096))


def compared(message: dns.message.Message) -> Compared:
    sections = [
        frozenset(
            f"{rrset.name.to_text().lower()} {rrset.ttl} {rrset.rdtype} {rdata}" for rrset in section for rdata in rrset
        )
        for section in (message.answer, message.authority, message.additional)
    ]
    return (dns.rcode.to_text(message.rcode()), bool(message.flags & dns.flags.AA), *sections)


def test_the_records_are_those_of_knot(signed_file: Path, knot: ForeignServer) -> None:
    zone = load_zone(ZoneSource(name_from_text(f"{APEX}."), signed_file, "master"), {}).zone
    table = AnswerTable().with_zone(ZoneTable(zone), Conditions({}, {}))
    differing = []
    whole = 0
    for name, rtype, do, size in questions(zone, random.Random(4035)):
        query = dns.message.make_query(name, rtype, use_edns=0, want_dnssec=do, payload=size)
        reply = respond(query.to_wire(), table, NoDraws(), udp_size=4096)
        assert isinstance(reply, Reply)
        assert len(reply.wire) <= size
        ours = dns.message.from_wire(reply.wire)
        theirs = dns.query.udp(query, "127.0.0.1", port=knot.port, timeout=20)
        assert not ours.flags & dns.flags.AD
        if (ours.flags | theirs.flags) & dns.flags.TC:
            continue
        whole += 1
        parts = 5 if size == 4096 else 4  # how much additional data fits is each server's own
        if compared(ours)[:parts] != compared(theirs)[:parts]:
            differing.append((name, rtype, do, size))
    assert differing == []
    assert whole > QUESTIONS * 0.8
