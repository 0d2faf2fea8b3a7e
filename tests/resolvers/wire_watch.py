"""What resolvers and our nodes say to each other, read off the nodes' lines.

A query and its reply over UDP make an `Exchange`; of TCP only connections are counted. Packets are kept as they come
and taken apart when somebody asks, so that watching costs little while it goes on.
"""

import contextlib
import select
import socket
import struct
import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address

import dns.exception
import dns.flags
import dns.message
import dns.rcode
from namespaces import within

_ETH_P_ALL = 3
_IPV4, _IPV6 = 0x0800, 0x86DD
_UDP, _TCP = 17, 6
_DNS = 53
_SYN, _ACK = 0x02, 0x10
_COOKIE = 10


@dataclass(frozen=True, slots=True)
class Exchange:
    """A query that a node got, and its reply."""

    node: str
    client: str
    query: dns.message.Message
    reply: dns.message.Message
    question_octets: tuple[bytes, bytes]
    """Name, type and class, as they were sent in the query and in the reply."""

    @property
    def name(self) -> str:
        return self.query.question[0].name.to_text()

    @property
    def kind(self) -> str:
        """Of the reply: its error code, or what it holds."""
        if self.reply.flags & dns.flags.TC:
            return "truncated"
        if self.reply.rcode() != dns.rcode.NOERROR:
            return dns.rcode.to_text(self.reply.rcode())
        if self.reply.answer:
            return "answer"
        return "nodata" if self.reply.flags & dns.flags.AA else "referral"

    @property
    def cookie_octets(self) -> int:
        """Of the cookie that the client showed: 0, 8 for its own, more with one of ours."""
        return sum(len(option.to_wire()) for option in self.query.options if option.otype == _COOKIE)


class WireWatch:
    """Watches from the moment it is made. `clients`: the resolvers' names by address."""

    def __init__(self, nodes: dict[str, tuple[str, ...]], clients: dict[str, str]) -> None:
        self._clients = clients
        self._packets: list[tuple[str, bytes]] = []
        self._addresses = {name: {ip_address(each) for each in addresses} for name, addresses in nodes.items()}
        self._lines = {name: within(name, _listen) for name in nodes}
        self._reading = threading.Lock()
        threading.Thread(target=self._keep_reading, daemon=True).start()

    def _keep_reading(self) -> None:
        while True:
            select.select(list(self._lines.values()), [], [])
            self._read()

    def _read(self) -> None:
        """Take what has come. The kernel queues a packet for us before it goes on its way: who has an answer, and reads
        then, has all that led to it."""
        with self._reading:
            for node, line in self._lines.items():
                with contextlib.suppress(BlockingIOError):
                    while True:
                        self._packets.append((node, line.recv(65536, socket.MSG_DONTWAIT)))

    def mark(self) -> int:
        """The present, as `exchanges` and `connections` want it."""
        self._read()
        return len(self._packets)

    def exchanges(self, resolver: str, since: int = 0) -> list[Exchange]:
        """What the resolver asked our nodes over UDP and was answered."""
        waiting: dict[tuple[str, str, int, int, bytes], bytes] = {}
        found = []
        for node, packet in self._taken_apart(since, _UDP):
            if self._clients.get(packet.client) != resolver:
                continue
            key = (node, packet.client, packet.client_port, packet.family, packet.payload[:2])
            if packet.is_to_node:
                waiting[key] = packet.payload
            elif key in waiting:
                found.append(_exchange(node, packet.client, waiting.pop(key), packet.payload))
        return [exchange for exchange in found if exchange is not None]

    def connections(self, resolver: str, since: int = 0) -> Counter[int]:
        """TCP connections that the resolver opened to our nodes, by IP version."""
        counts: Counter[int] = Counter()
        for _, packet in self._taken_apart(since, _TCP):
            begins = packet.payload[13] & (_SYN | _ACK) == _SYN
            if packet.is_to_node and begins and self._clients.get(packet.client) == resolver:
                counts[packet.family] += 1
        return counts

    def _taken_apart(self, since: int, protocol: int) -> Iterable[tuple[str, "_Packet"]]:
        self._read()
        for node, frame in self._packets[since:]:
            packet = _take_apart(frame, protocol, self._addresses[node])
            if packet is not None:
                yield node, packet


@dataclass(frozen=True, slots=True)
class _Packet:
    family: int
    client: str
    client_port: int
    is_to_node: bool
    payload: bytes


def _listen() -> socket.socket:
    line = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL))
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    line.bind(("eth0", _ETH_P_ALL))
    return line


def _take_apart(frame: bytes, protocol: int, own: set[object]) -> _Packet | None:
    """The UDP datagram's data, or the whole TCP segment, to or from port 53 of the node."""
    ethertype = struct.unpack_from("!H", frame, 12)[0]
    if ethertype == _IPV4:
        family, found, start = 4, frame[23], 14 + 4 * (frame[14] & 15)
        source, destination = frame[26:30], frame[30:34]
    elif ethertype == _IPV6:
        family, found, start = 6, frame[20], 54
        source, destination = frame[22:38], frame[38:54]
    else:
        return None
    if found != protocol:
        return None
    ports = struct.unpack_from("!HH", frame, start)
    is_to_node = ip_address(destination) in own
    if ports[1 if is_to_node else 0] != _DNS:
        return None
    client = str(ip_address(source if is_to_node else destination))
    length = struct.unpack_from("!H", frame, start + 4)[0]
    payload = frame[start + 8 : start + length] if protocol == _UDP else frame[start:]
    return _Packet(family, client, ports[0 if is_to_node else 1], is_to_node, payload)


def _exchange(node: str, client: str, query: bytes, reply: bytes) -> Exchange | None:
    try:
        asked = dns.message.from_wire(query)
        said = dns.message.from_wire(reply, raise_on_truncation=False)
    except dns.exception.DNSException:
        return None
    octets = len(asked.question[0].name.to_wire()) + 4
    return Exchange(node, client, asked, said, (query[12 : 12 + octets], reply[12 : 12 + octets]))
