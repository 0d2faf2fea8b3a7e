"""The same master files on a node of ours and on Knot, NSD and BIND, to be asked the same octets.

What a peer does is no law, but where ours differs from all three there has to be a reason.
"""

import socket
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Self

import dns.message
import dns.rrset
from foreign_servers import ANSWER_SECONDS, ForeignServer, ForeignZone, Key, serial_of
from harness import Daemon, wait_for
from ports import free_port

PROGRAMS = {"knot": "knotd", "nsd": "nsd", "bind": "named"}


class SideBySide:
    """Runs from `with` on. `zones` are master files by apex, with serial 1. `ports` are by server: "gslb", and each of
    `peers`, whose answers are `minimal` or as they are when nothing is said."""

    def __init__(
        self, folder: Path, zones: Mapping[str, str], peers: tuple[str, ...] = tuple(PROGRAMS), *, minimal: bool = True
    ) -> None:
        self.node = Daemon(folder)
        named = "".join(f'  "{apex}": {{file: "{apex}.zone", format: master}}\n' for apex in zones)
        self.node.configure(f"zones:\n{named}")
        for apex, text in zones.items():
            self.node.write(f"{apex}.zone", text)
        self.peers = {peer: ForeignServer(peer, folder / peer, Key.called("unused"), minimal=minimal) for peer in peers}
        for server in self.peers.values():
            server.serve(*(ForeignZone(apex, free_port(), text) for apex, text in zones.items()))
        self.ports = {"gslb": self.node.port} | {peer: server.port for peer, server in self.peers.items()}
        self._apexes = list(zones)

    def __enter__(self) -> Self:
        try:
            self.node.start()
            for server in self.peers.values():
                server.start()
            for name, port in self.ports.items():
                for apex in self._apexes:
                    wait_for(lambda port=port, apex=apex: serial_of(port, apex) is not None, f"{name} to serve {apex}")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for server in self.peers.values():
            server.stop()
        self.node.stop()

    def ask(self, server: str, data: bytes, *, tcp: bool = False) -> bytes | None:
        """The reply to these octets; None for silence over UDP, and where a connection is closed."""
        return over_tcp(data, self.ports[server]) if tcp else over_udp(data, self.ports[server])


def side_by_side(
    tool: Callable[[str], str], folder: Path, zones: Mapping[str, str], *peers: str, minimal: bool = True
) -> Iterator[SideBySide]:
    """For a fixture: the servers run while it does. `tool` says what is done without a peer's program."""
    for peer in peers:
        tool(PROGRAMS[peer])
    with SideBySide(folder, zones, peers, minimal=minimal) as started:
        yield started


_CONTROL = dns.message.make_query("control.invalid.", "A", id=0x5EED).to_wire()


def over_udp(data: bytes, port: int) -> bytes | None:
    """What a server at 127.0.0.1 says to one message; None when it says nothing, and answers the next query: so silence
    is told from a busy machine."""
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.settimeout(ANSWER_SECONDS)
        sock.connect(("127.0.0.1", port))
        sock.send(data)
        sock.send(_CONTROL)
        reply = sock.recv(65535)
        return None if reply[:2] == _CONTROL[:2] and _CONTROL[12:] in reply else reply


def over_tcp(data: bytes, port: int) -> bytes | None:
    """The same over TCP; None when the connection is closed instead."""
    with socket.create_connection(("127.0.0.1", port), ANSWER_SECONDS) as sock, sock.makefile("rb") as stream:
        try:
            sock.sendall(len(data).to_bytes(2, "big") + data)
            return stream.read(int.from_bytes(stream.read(2), "big")) or None
        except ConnectionError:
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
