"""Which sockets to open for the listen addresses of the configuration.

A reply must come from the address that was asked, and a socket bound to a wildcard address lets the kernel choose;
so a wildcard is expanded to one socket per local address, and `refresh` follows addresses that come and go. Port 0
takes a free port, the same for UDP and TCP. DNS over TLS has sockets of its own, and connections, limits and turns in
common with TCP.
"""

import asyncio
import contextlib
import errno
import ipaddress
import socket
import ssl
from dataclasses import dataclass, field

import ifaddr
import structlog

from gslb.config.rate_limit import RateLimits
from gslb.server.guard import UdpGuard
from gslb.server.responder import Responder
from gslb.server.tcp import TcpConnection, TcpConnections, TcpLimits
from gslb.server.udp import UdpListener

log = structlog.get_logger("gslb.server")

_BACKLOG = 256
_ACCEPTED_AT_ONCE = 16
"""Connections let in per wake-up of asyncio's own event loop: each costs as much as several answers over UDP."""
_FAST_OPEN_QUEUE = 64
"""Queries that may wait in SYN segments (RFC 7766 section 9, RFC 7413)."""
_FREE_PORT_TRIES = 20
Address = tuple[str, int]


class ListenError(Exception):
    """No socket could be opened; the message says which, why, and what would help."""


def expand(addresses: tuple[Address, ...], local: list[str]) -> list[Address]:
    """Replace wildcard addresses by the local ones of the same family, in order and without repeats."""
    expanded: dict[Address, None] = {}
    for host, port in addresses:
        parsed = ipaddress.ip_address(host)
        if not parsed.is_unspecified:
            expanded[host, port] = None
            continue
        for candidate in local:
            if ipaddress.ip_address(candidate).version == parsed.version:
                expanded[candidate, port] = None
    return list(expanded)


def local_addresses() -> list[str]:
    """The addresses of this machine, link-local ones left out (they need a scope, and nobody delegates to them)."""
    found = []
    for adapter in ifaddr.get_adapters():
        for ip in adapter.ips:
            text = ip.ip if isinstance(ip.ip, str) else ip.ip[0]
            if not ipaddress.ip_address(text).is_link_local:
                found.append(text)
    return found


def check_free(addresses: tuple[Address, ...], tls_addresses: tuple[Address, ...] = ()) -> None:
    """Find out at once, before a round of probes, that a named address cannot be had. Raises `ListenError`."""
    for wanted, bind in ((addresses, _bind_pair), (tls_addresses, _bind_tls)):
        for address in wanted:
            if not ipaddress.ip_address(address[0]).is_unspecified:
                try:
                    for sock in bind(address):
                        sock.close()
                except OSError as error:
                    raise ListenError(_explain(address, error)) from None


@dataclass(slots=True)
class _Listening:
    """The sockets of one address: UDP and TCP, or TLS."""

    server: asyncio.Server
    udp: UdpListener | None = None

    def close(self) -> None:
        self.server.close()
        if self.udp is not None:
            self.udp.close()


@dataclass(slots=True)
class _Group:
    """What listens in one way: the addresses as configured, and those that are open."""

    wanted: tuple[Address, ...]
    open: dict[Address, _Listening] = field(default_factory=dict)


class Listeners:
    """The open sockets of a node. `tls_context` is what new TLS connections use; replace it at any time."""

    def __init__(
        self,
        addresses: tuple[Address, ...],
        responder: Responder,
        limits: TcpLimits,
        *,
        tls_addresses: tuple[Address, ...] = (),
        tls_context: ssl.SSLContext | None = None,
    ) -> None:
        self._dns, self._dot = _Group(addresses), _Group(tls_addresses if tls_context is not None else ())
        self._responder = responder
        self._tcp = TcpConnections(responder, limits)
        self.tls_context = tls_context
        self.guard: UdpGuard | None = None

    @property
    def addresses(self) -> list[Address]:
        """What is bound for UDP and TCP, real ports included."""
        return [_bound(each.server) for each in self._dns.open.values()]

    @property
    def tls_addresses(self) -> list[Address]:
        """What is bound for TLS, real ports included."""
        return [_bound(each.server) for each in self._dot.open.values()]

    @property
    def idle_seconds(self) -> float:
        """How long a TCP connection may be idle at the moment."""
        return self._tcp.places.idle_seconds

    @property
    def connections(self) -> int:
        """TCP and TLS connections that are open."""
        return len(self._tcp.places)

    def make_do_with(self, connections: int | None) -> int:
        """Have no more connections than so many from now on; None: as many as the limits say. Gives how many were
        closed for it."""
        places = self._tcp.places
        return places.make_do_with(places.limits.connections if connections is None else connections)

    @property
    def replies(self) -> int:
        """Replies sent since the start, over all transports."""
        self.fold()
        return self._tcp.replies + sum(udp.tally.replies for udp in self._udp())

    def _udp(self) -> list[UdpListener]:
        return [each.udp for each in self._dns.open.values() if each.udp is not None]

    async def start(self) -> None:
        """Open every socket. An explicit address that fails is a `ListenError`; one that a wildcard gave is logged
        and left out, unless none remains."""
        problems = await self._start(self._dns) + await self._start(self._dot)
        if not self._dns.open:
            raise ListenError(problems[0] if problems else "no local address for what `listen` names; give one")
        for message in problems:
            log.warning("address_not_listening", problem=message)

    async def _start(self, group: _Group) -> list[str]:
        explicit = {address for address in group.wanted if not ipaddress.ip_address(address[0]).is_unspecified}
        problems = []
        for address in expand(group.wanted, local_addresses()):
            try:
                await self._open_one(group, address)
            except OSError as error:
                message = _explain(address, error)
                if address in explicit:
                    self.close()
                    raise ListenError(message) from None
                problems.append(message)
        return problems

    async def refresh(self) -> None:
        """Follow local addresses that came or went, for wildcard addresses."""
        for group in (self._dns, self._dot):
            await self._follow(group)

    async def _follow(self, group: _Group) -> None:
        wanted = expand(group.wanted, local_addresses())
        for address in [address for address in group.open if address not in wanted]:
            group.open.pop(address).close()
            log.info("address_gone", address=address[0], port=address[1])
        for address in wanted:
            if address not in group.open:
                try:
                    await self._open_one(group, address)
                except OSError as error:
                    log.warning("address_not_listening", problem=_explain(address, error))
                else:
                    log.info("address_added", address=address[0], port=address[1])

    async def _open_one(self, group: _Group, address: Address) -> None:
        loop = asyncio.get_running_loop()
        if group is self._dot:
            (tls_socket,) = _bind_tls(address)
            server = await loop.create_server(self._tls_connection, sock=tls_socket, backlog=_ACCEPTED_AT_ONCE)
            tls_socket.listen(_BACKLOG)  # asyncio has one number for both
            group.open[address] = _Listening(server)
        else:
            udp_socket, tcp_socket = _bind_pair(address)
            server = await loop.create_server(self._tcp.connection, sock=tcp_socket, backlog=_ACCEPTED_AT_ONCE)
            tcp_socket.listen(_BACKLOG)
            group.open[address] = _Listening(server, UdpListener(udp_socket, self._responder, self.guard))

    def _tls_connection(self) -> TcpConnection:
        assert self.tls_context is not None  # without one nothing listens for TLS
        return self._tcp.connection(self.tls_context)

    def limit(self, limits: RateLimits | None) -> None:
        """Limit the rate of replies over UDP from now on; None: not any more. Equal limits go on as they stand."""
        if limits == (self.guard.limits if self.guard is not None else None):
            return
        if self.guard is not None:
            self.guard.close()
        self.guard = UdpGuard(limits, self._responder) if limits is not None else None
        for udp in self._udp():
            udp.limit(self.guard)

    def fold(self) -> None:
        """Bring the counters up to date."""
        self._tcp.fold()
        for udp in self._udp():
            udp.tally.fold()

    def close(self) -> None:
        """Close every socket and connection."""
        if self.guard is not None:
            self.guard.close()
        for group in (self._dns, self._dot):
            for each in group.open.values():
                each.close()
            group.open.clear()
        self._tcp.close()


def _bound(server: asyncio.Server) -> Address:
    host, port = server.sockets[0].getsockname()[:2]
    return host, port


def _bind_tls(address: Address) -> tuple[socket.socket]:
    return (_bind(socket.SOCK_STREAM, *address),)


def _bind_pair(address: Address) -> tuple[socket.socket, socket.socket]:
    """A UDP and a TCP socket on one port. For port 0 a port that is free in both has to be found."""
    host, port = address
    for attempt in range(_FREE_PORT_TRIES):
        udp = _bind(socket.SOCK_DGRAM, host, port)
        try:
            return udp, _bind(socket.SOCK_STREAM, host, udp.getsockname()[1])
        except OSError as error:
            udp.close()
            if port or error.errno != errno.EADDRINUSE or attempt == _FREE_PORT_TRIES - 1:
                raise
    raise AssertionError


def _bind(kind: socket.SocketKind, host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, kind)
    try:
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if kind == socket.SOCK_STREAM:  # a restart must not wait for old connections to time out
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(AttributeError, OSError):  # not every kernel has it
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_FASTOPEN, _FAST_OPEN_QUEUE)
        sock.bind((host, port))
    except OSError:
        sock.close()
        raise
    return sock


_ADVICE = {
    errno.EADDRINUSE: "another program has the port; stop it (`ss -lntup` shows which) or choose another in `listen`",
    errno.EACCES: "ports below 1024 need root or CAP_NET_BIND_SERVICE; grant it or choose a port above 1023",
    errno.EADDRNOTAVAIL: "this machine has no such address; `ip address` lists what it has",
    errno.EAFNOSUPPORT: "this machine has no IPv6; take the address out of `listen`",
}


def _explain(address: Address, error: OSError) -> str:
    host, port = address
    shown = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    advice = _ADVICE.get(error.errno or 0)
    return f"cannot listen on {shown}: {error.strerror or error}" + (f": {advice}" if advice else "")
