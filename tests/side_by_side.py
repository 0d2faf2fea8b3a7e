"""The same master files on a node of ours and on Knot, NSD and BIND, to be asked the same octets.

What a peer does is no law, but where ours differs from all three there has to be a reason.
"""

import socket
from collections.abc import Mapping
from pathlib import Path

import dns.message
import dns.rrset
from foreign_servers import ForeignServer, ForeignZone, Key, find_program, serial_of
from harness import Daemon, free_port, wait_for

PROGRAMS = {"knot": "knotd", "nsd": "nsd", "bind": "named"}


class SideBySide:
    """`zones` are master files by apex, with serial 1. `ports` are by server: "gslb", and each of `peers`."""

    def __init__(self, folder: Path, zones: Mapping[str, str], peers: tuple[str, ...] = tuple(PROGRAMS)) -> None:
        self.node = Daemon(folder)
        named = "".join(f'  "{apex}": {{file: "{apex}.zone", format: master}}\n' for apex in zones)
        self.node.configure(f"zones:\n{named}")
        for apex, text in zones.items():
            self.node.write(f"{apex}.zone", text)
        self.peers = {peer: ForeignServer(peer, folder / peer, Key.called("unused")) for peer in peers}
        for server in self.peers.values():
            server.serve(*(ForeignZone(apex, free_port(), text) for apex, text in zones.items()))
        self.ports = {"gslb": self.node.port} | {peer: server.port for peer, server in self.peers.items()}
        self._apexes = list(zones)

    def start(self) -> None:
        self.node.start()
        for server in self.peers.values():
            server.start()
        for name, port in self.ports.items():
            for apex in self._apexes:
                wait_for(lambda port=port, apex=apex: serial_of(port, apex) is not None, f"{name} to serve {apex}")

    def stop(self) -> None:
        self.node.stop()
        for server in self.peers.values():
            server.stop()

    def ask(self, server: str, data: bytes, *, tcp: bool = False, seconds: float = 5.0) -> bytes | None:
        """The reply to these octets; None for silence."""
        return exchanged(data, self.ports[server], tcp=tcp, seconds=seconds)


def missing_programs(peers: tuple[str, ...] = tuple(PROGRAMS)) -> list[str]:
    return [PROGRAMS[peer] for peer in peers if find_program(PROGRAMS[peer]) is None]


def exchanged(data: bytes, port: int, *, tcp: bool = False, seconds: float = 5.0) -> bytes | None:
    """One message to a port of 127.0.0.1 and back; None when nothing comes, or the connection is closed."""
    kind = socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.settimeout(seconds)
        sock.connect(("127.0.0.1", port))
        try:
            if not tcp:
                sock.send(data)
                return sock.recv(65535)
            sock.sendall(len(data).to_bytes(2, "big") + data)
            stream = sock.makefile("rb")
            return stream.read(int.from_bytes(stream.read(2), "big")) or None
        except (TimeoutError, ConnectionError):
            return None


def compared(wire: bytes) -> tuple[object, ...]:
    """What two servers that answer alike share: rcode, flags, question, records, TTLs too. Names in rdata are compared
    without their case, which some servers keep; authority only beside an empty answer section, the OPT not at all."""
    message = dns.message.from_wire(wire)

    def records(section: list[dns.rrset.RRset]) -> list[tuple[str, int, int, str]]:
        return sorted(
            (rrset.name.to_text().lower(), int(rrset.rdtype), rrset.ttl, rdata.to_text().lower())
            for rrset in section
            for rdata in rrset
        )

    authority = [] if message.answer else records(message.authority)
    return (message.rcode(), int(message.flags), records(message.answer), authority, records(message.additional))
