"""A hundred thousand mutated queries: the node answers on, its log stays empty, its memory flat."""

import random
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import dns.message
import pytest
from harness import Daemon

pytestmark = pytest.mark.daemon

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
UDP_PACKETS = 100_000
TCP_PACKETS = 10_000


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


def mutated(rng: random.Random, count: int) -> Iterator[bytes]:
    """Queries with octets changed, cut, doubled or made up."""
    whole = seeds()
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


@pytest.fixture
def node(daemon: Daemon) -> Daemon:
    daemon.configure()
    daemon.write("zones/fuzz.example.yaml", ZONE)
    daemon.start()
    return daemon


def check_unharmed(node: Daemon, kib_before: int) -> None:
    assert node.process is not None
    assert node.values("ns1.fuzz.example") == {"127.0.0.1"}
    assert node.values("alias.fuzz.example")
    levels = {event["level"] for event in node.events()}
    assert not levels & {"error", "critical"}, node.log()
    assert "Traceback" not in node.log()
    assert node.metrics()["gslb_internal_errors_total"] == 0
    assert resident_kib(node.process.pid) - kib_before < 20_000


def test_mutated_queries_over_udp(node: Daemon) -> None:
    rng = random.Random(20260101)
    assert node.process is not None
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        sock.connect(("127.0.0.1", node.port))
        sock.settimeout(5)
        replies = 0
        kib_before = 0
        for number, packet in enumerate(mutated(rng, UDP_PACKETS)):
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
    sock = socket.create_connection(("127.0.0.1", node.port), timeout=5)
    for packet in mutated(rng, TCP_PACKETS):
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
            sock = socket.create_connection(("127.0.0.1", node.port), timeout=5)
        if rng.random() < 0.02:
            sock.close()
            sock = socket.create_connection(("127.0.0.1", node.port), timeout=5)
    sock.close()
    assert node.ask("ns1.fuzz.example", tcp=True).answer
    check_unharmed(node, kib_before)
