"""A hundred thousand mutated queries: the node answers on, its log stays short, its memory flat.

`GSLB_HOSTILE=full` is the long form: a million over UDP and a hundred thousand over TCP, for each configuration.
"""

import os
import random
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import dns.flags
import dns.message
import dns.opcode
import dns.rrset
import dns.tsig
import pytest
from harness import Daemon

ZONE = """\
'': {type: NS, values: [ns1.fuzz.example., ns2.fuzz.example.]}
ns1: {type: A, value: 127.0.0.1}
ns2: {type: A, value: 127.0.0.2}
www: {type: A, ttl: 5, values: [192.0.2.1, 192.0.2.2], gslb: {weights: {192.0.2.1: 3}}}
alias: {type: CNAME, value: www.fuzz.example.}
'*.wild': {type: TXT, value: anything}
child: {type: NS, values: [ns.child.fuzz.example.]}
ns.child: {type: A, value: 127.0.0.3}
"""
NAMES = ["fuzz.example", "www.fuzz.example", "alias.fuzz.example", "a.b.wild.fuzz.example", "x.child.fuzz.example"]
PEERS = """\
zones_dir: zones
nsid: hostile
cookies: {secret: 00112233445566778899aabbccddeeff, previous: 0f0e0d0c0b0a09080706050403020100, required: yes}
keys: {hostile: {secret: aG9zdGlsZSBob3N0aWxlIGhvc3RpbGUgaG9zdGlsZSE=}}
peers:
  near: {address: 127.0.0.1, key: hostile}
  far: {address: 127.0.0.99, key: hostile}
allow_transfer: [near, far]
"""
RING = {dns.name.from_text("hostile."): dns.tsig.Key("hostile.", "aG9zdGlsZSBob3N0aWxlIGhvc3RpbGUgaG9zdGlsZSE=")}
CONFIGURATIONS = {"plain": "zones_dir: zones\n", "peers": PEERS}
OTHER_ZONES = ["child.fuzz.example", "other.example", "a.b.c.d.other.example", "1.0.10.in-addr.arpa"]
OTHER_ZONE = "'': {type: NS, values: [ns1.fuzz.example.]}\nwww: {type: A, value: 192.0.2.1}\n"
FULL = os.environ.get("GSLB_HOSTILE") == "full"
UDP_PACKETS, TCP_PACKETS = (1_000_000, 100_000) if FULL else (100_000, 10_000)
MOST_LOG_LINES = 100
"""Before a packet comes there are some twenty; peers' requests that are refused are told a few times a minute. A
transfer that was granted to whoever has the key is told each time."""
GRANTED = {"transfer_sent", "transfer_broken_off"}
pytestmark = [pytest.mark.daemon, pytest.mark.timeout(3600 if FULL else 900)]


def seeds() -> list[bytes]:
    """Valid queries of every kind the parser knows."""
    made = []
    for name in NAMES:
        for rtype in ("A", "SOA", "TXT", "ANY", "HTTPS", "AXFR"):
            made.append(dns.message.make_query(name, rtype).to_wire())
            made.append(dns.message.make_query(name, rtype, use_edns=0, payload=4096, want_dnssec=True).to_wire())
            cookie = dns.edns.GenericOption(10, b"12345678")
            made.append(dns.message.make_query(name, rtype, use_edns=0, options=[cookie]).to_wire())
    return made


def peers_seeds() -> list[bytes]:
    """What peers send: transfers and NOTIFY, signed with our key, with another, and not at all."""
    made = []
    for name in ("fuzz.example.", "other.example.", "elsewhere.example."):
        for ask in ("AXFR", "IXFR", "SOA", "NOTIFY"):
            for signed in (None, "hostile.", "nobody."):
                query = dns.message.make_query(name, "SOA" if ask == "NOTIFY" else ask)
                if ask == "NOTIFY":
                    query.set_opcode(dns.opcode.NOTIFY)
                    query.flags |= dns.flags.AA
                if ask == "IXFR":
                    soa = f"ns.{name} ops.{name} 1 1 1 1 1"
                    query.authority.append(dns.rrset.from_text(name, 0, "IN", "SOA", soa))
                if signed is not None:
                    query.use_tsig({dns.name.from_text(signed): next(iter(RING.values()))}, signed)
                made.append(query.to_wire())
    return made


def mutated(rng: random.Random, count: int, whole: list[bytes]) -> Iterator[bytes]:
    """Queries with octets changed, cut, doubled or made up."""
    for _ in range(count):
        packet = bytearray(rng.choice(whole))
        for _ in range(rng.randrange(4)):
            kind = rng.randrange(5)
            at = rng.randrange(len(packet)) if packet else 0
            if kind == 0 and packet:
                packet[at] = rng.randrange(256)
            elif kind == 1:
                del packet[at:]
            elif kind == 2:
                packet[at:at] = rng.randbytes(rng.randrange(1, 40))
            elif kind == 3:
                packet += packet[at:]
            elif packet:
                packet[at] ^= 1 << rng.randrange(8)
        yield bytes(packet[:4000])


def resident_kib(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1])
    raise AssertionError


@pytest.fixture(params=CONFIGURATIONS)
def node(request: pytest.FixtureRequest, daemon: Daemon) -> Daemon:
    daemon.configure(CONFIGURATIONS[request.param])
    daemon.write("zones/fuzz.example.yaml", ZONE)
    if request.param == "peers":
        for apex in OTHER_ZONES:
            daemon.write(f"zones/{apex}.yaml", OTHER_ZONE)
    daemon.start()
    return daemon


def sent_to(node: Daemon) -> list[bytes]:
    """The whole packets that are mutated: with peers, what they send too."""
    return seeds() + (peers_seeds() * 3 if "peers:" in node.config_path.read_text() else [])


def check_unharmed(node: Daemon, kib_before: int) -> None:
    assert node.process is not None
    assert node.values("ns1.fuzz.example") == {"127.0.0.1"}
    assert node.values("alias.fuzz.example")
    levels = {event["level"] for event in node.events()}
    assert not levels & {"error", "critical"}, node.log()
    assert "Traceback" not in node.log()
    assert node.metrics()["gslb_internal_errors_total"] == 0
    told = [event["event"] for event in node.events() if event["event"] not in GRANTED]
    assert len(told) < MOST_LOG_LINES, node.log()[-4000:]
    assert resident_kib(node.process.pid) - kib_before < 20_000


def test_mutated_queries_over_udp(node: Daemon) -> None:
    rng = random.Random(20260101)
    assert node.process is not None
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        sock.connect(("127.0.0.1", node.port))
        sock.settimeout(20)
        replies = 0
        kib_before = 0
        for number, packet in enumerate(mutated(rng, UDP_PACKETS, sent_to(node))):
            sock.send(packet)
            if number % 64 == 63:
                replies += _drain(sock)
            if number == UDP_PACKETS // 4:  # everything that is kept once has been asked by now
                kib_before = resident_kib(node.process.pid)
        end = time.monotonic() + 5
        while time.monotonic() < end and replies < UDP_PACKETS // 3:
            replies += _drain(sock)
    check_unharmed(node, kib_before)
    counted = node.metrics()
    sent = sum(value for name, value in counted.items() if name.startswith("gslb_queries_total"))
    refused = sum(value for name, value in counted.items() if name.startswith("gslb_malformed_packets_total"))
    assert replies > UDP_PACKETS // 3
    assert sent + refused > UDP_PACKETS // 2  # it really looked at them


def _drain(sock: socket.socket) -> int:
    """Wait for the answer to a control query, reading everything before it; how many replies came."""
    control = dns.message.make_query("ns2.fuzz.example", "A")
    control.id = 0xBEEF
    query = control.to_wire()
    sock.send(query)
    count = 0
    while True:
        reply = sock.recv(4096)
        count += 1
        assert 12 <= len(reply) <= 1232
        assert reply[2] & 0x80
        if reply[:2] == b"\xbe\xef" and b"ns2" in reply:
            return count - 1


def test_mutated_queries_over_tcp(node: Daemon) -> None:
    rng = random.Random(20260102)
    assert node.process is not None
    kib_before = resident_kib(node.process.pid)
    sock = socket.create_connection(("127.0.0.1", node.port), timeout=20)
    for packet in mutated(rng, TCP_PACKETS, sent_to(node)):
        framed = len(packet).to_bytes(2, "big") + packet
        if rng.random() < 0.02:  # a length that lies
            framed = rng.randrange(65536).to_bytes(2, "big") + packet
        try:
            sock.sendall(framed)
            if rng.random() < 0.1:
                sock.settimeout(0.05)
                sock.recv(65535)
        except TimeoutError:
            pass
        except OSError:
            sock.close()
            sock = socket.create_connection(("127.0.0.1", node.port), timeout=20)
        if rng.random() < 0.02:
            sock.close()
            sock = socket.create_connection(("127.0.0.1", node.port), timeout=20)
    sock.close()
    assert node.ask("ns1.fuzz.example", tcp=True).answer
    check_unharmed(node, kib_before)
