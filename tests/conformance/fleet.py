"""Four servers with the same zones on loopback: our daemon, NSD, Knot and BIND, each in a folder of its own.

A zone that our reader of master files refuses is fetched by our daemon from a peer that has it, so that its answers
can be compared all the same; `refused` has the reasons. The peers run with what they do by default, but for BIND's
authority section in positive answers, which the others leave out, and with no limit of rates.
"""

import shutil
import socket
import struct
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import dns.name
from foreign_servers import find_program, knot_server
from harness import Daemon
from ports import free_port
from processes import Program

from gslb.config.problems import ConfigError
from gslb.config.sources import ZoneSource
from gslb.config.zones import load_zone
from gslb.wire.names import BadNameError, name_from_text

OURS = "gslb"
PEERS = ("nsd", "knot", "bind")
SERVERS = (OURS, *PEERS)
PROGRAMS = {"nsd": "nsd", "knot": "knotd", "bind": "named"}
START_SECONDS = 120.0
PEER_SECONDS = 3.0
OUR_SECONDS = 8.0
LOOKS = 20
"""A machine that stood still for a while looks again before it says what is not served."""
WINDOW = 32
"""Queries under way to one server at a time: their replies fit into a socket's buffer."""
_PATIENCE_SECONDS = 1.0
_TRIES = 3

Zones = Mapping[str, str]
"""Master files by apex, absolute names."""


def missing_programs() -> list[str]:
    return [program for program in PROGRAMS.values() if find_program(program) is None]


@dataclass
class Peer(Program):
    """One foreign server: started with `zones`, stopped with `stop`."""

    kind: str
    folder: Path
    port: int = field(default_factory=free_port)

    def start(self, files: Mapping[str, Path]) -> None:
        program = find_program(PROGRAMS[self.kind])
        assert program is not None, f"needs {PROGRAMS[self.kind]}"
        self.folder.mkdir()
        self.run(_CONFIGURE[self.kind](self, program, files))


def _nsd(peer: Peer, program: str, files: Mapping[str, Path]) -> list[str]:
    folder = peer.folder
    zones = "".join(
        f'zone:\n  name: "{apex}"\n  zonefile: "{path}"\n  provide-xfr: 127.0.0.1 NOKEY\n'
        for apex, path in files.items()
    )
    config = f"""server:
  ip-address: 127.0.0.1
  port: {peer.port}
  do-ip6: no
  server-count: 1
  username: ""
  chroot: ""
  database: ""
  rrl-ratelimit: 0
  tcp-query-count: 0
  zonesdir: "{folder}"
  pidfile: "{folder}/pid"
  xfrdfile: "{folder}/xfrd.state"
  xfrdir: "{folder}"
  zonelistfile: "{folder}/zone.list"
  minimal-responses: yes
remote-control:
  control-enable: no
{zones}"""
    (folder / "nsd.conf").write_text(config)
    return [program, "-d", "-c", str(folder / "nsd.conf")]


def _knot(peer: Peer, program: str, files: Mapping[str, Path]) -> list[str]:
    folder = peer.folder
    (folder / "db").mkdir()
    zones = "".join(f'  - domain: "{_knot_name(apex)}"\n    file: "{path}"\n' for apex, path in files.items())
    config = f"""{knot_server(folder, peer.port, "warning")}acl:
  - id: anyone
    address: 127.0.0.1
    action: transfer
template:
  - id: default
    storage: "{folder}"
    zonefile-sync: -1
    zonefile-load: whole
    journal-content: none
    acl: anyone
zone:
{zones}"""
    (folder / "knot.conf").write_text(config)
    return [program, "-c", str(folder / "knot.conf")]


def _knot_name(apex: str) -> str:
    return apex.replace("\\", "\\\\")


def _bind(peer: Peer, program: str, files: Mapping[str, Path]) -> list[str]:
    folder = peer.folder
    # Debian's AppArmor profile is for named's own path, and would keep it out of our folder; not so a copy.
    named = str(shutil.copy(program, folder / "named"))
    zones = "".join(
        f'zone "{_knot_name(apex)}" {{ type primary; file "{path}"; check-integrity no; check-names ignore; '
        "check-dup-records ignore; };\n"
        for apex, path in files.items()
    )
    config = f"""options {{
  directory "{folder}"; pid-file "{folder}/pid"; session-keyfile "{folder}/session.key";
  listen-on port {peer.port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};
  recursion no; dnssec-validation no; empty-zones-enable no; notify no; answer-cookie no; zone-statistics none;
  minimal-responses no-auth; allow-transfer {{ 127.0.0.1; }};
}};
controls {{ }};
{zones}"""
    (folder / "named.conf").write_text(config)
    return [named, "-g", "-n", "1", "-c", str(folder / "named.conf")]


_CONFIGURE: dict[str, Callable[[Peer, str, Mapping[str, Path]], list[str]]] = {
    "nsd": _nsd,
    "knot": _knot,
    "bind": _bind,
}


class Fleet:
    """The servers with `zones`, as a context manager. By server, `ports` and the apexes `served`; `refused`: what our
    reader says against a zone."""

    def __init__(self, folder: Path, zones: Zones) -> None:
        self.folder = folder
        self.zones = zones
        self.refused: dict[str, str] = {}
        self.served: dict[str, set[str]] = {}
        self._peers = {kind: Peer(kind, folder / kind) for kind in PEERS}
        self._daemon = Daemon(folder / OURS)
        self.ports = {OURS: self._daemon.port} | {kind: peer.port for kind, peer in self._peers.items()}

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        files = {}
        for number, (apex, text) in enumerate(self.zones.items()):
            files[apex] = self.folder / f"{number}.zone"
            files[apex].write_bytes(text.encode())
        try:
            for peer in self._peers.values():
                peer.start(files)
            with ThreadPoolExecutor(len(PEERS)) as pool:  # what one does not serve is waited for beside the others
                waits = pool.map(lambda server: self._wait(server, self.zones, PEER_SECONDS), PEERS)
                self.served = dict(zip(PEERS, waits, strict=True))
            self._start_ours(files)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for peer in self._peers.values():
            peer.stop()
        self._daemon.stop()

    def _start_ours(self, files: Mapping[str, Path]) -> None:
        lines = []
        for apex, path in files.items():
            holders = [peer for peer in PEERS if apex in self.served[peer]]
            reason = refusal(apex, path)
            if reason is None:
                lines.append(f"  {quoted(apex)}: {{file: {path}, format: master}}")
                continue
            self.refused[apex] = reason
            if holders:
                lines.append(f"  {quoted(apex)}: {{primaries: [{', '.join(holders)}]}}")
        self._daemon.folder.mkdir()
        peers = "".join(
            f"  {kind}: {{address: 127.0.0.1, port: {peer.port}, kind: foreign}}\n"
            for kind, peer in self._peers.items()
        )
        # It need not hold its answers back for zones that no peer may give it in a form it takes.
        limits = "limits: {first_round: 1s}\n"
        self._daemon.configure(f"{limits}peers:\n{peers}zones:\n" + "\n".join(lines) + "\n")
        self._daemon.start(wait=False)
        expected = [
            apex for apex in self.zones if apex not in self.refused or any(apex in s for s in self.served.values())
        ]
        self.served[OURS] = self._wait(OURS, expected, OUR_SECONDS)

    def _wait(self, server: str, zones: Iterable[str], seconds: float) -> set[str]:
        """Until the server answers for all zones, or `seconds` and `LOOKS` looks have passed since it answered at all,
        or for one more; those that it serves."""
        left, served, is_up, end, looks = list(zones), set[str](), False, time.monotonic() + START_SECONDS, 0
        while left and (time.monotonic() < end or (is_up and looks < LOOKS)):
            looks += 1
            if self._is_gone(server):
                raise RuntimeError(f"{server} does not start:\n{self.log(server)[-2000:]}")
            replies = self.ask(server, [soa_query(apex) for apex in left], tries=1, patience=0.5)
            # Answered with authority, or referred to from a zone above (its flag AA is then clear).
            now = {
                apex for apex, reply in zip(left, replies, strict=True) if reply and reply[3] & 15 == 0 and reply[2] & 4
            }
            left = [apex for apex in left if apex not in now]
            if now or (any(replies) and not is_up):
                is_up, end, looks = True, time.monotonic() + seconds, 0
            served |= now
            time.sleep(0.05)
        return served

    def _is_gone(self, server: str) -> bool:
        process = self._daemon.process if server == OURS else self._peers[server].process
        return process is None or process.poll() is not None

    def ask(
        self, server: str, queries: Sequence[bytes], *, tries: int = _TRIES, patience: float = _PATIENCE_SECONDS
    ) -> list[bytes | None]:
        """The reply of one server to each query over UDP, None for silence. Ids are set here."""
        found: list[bytes | None] = [None] * len(queries)
        for _ in range(tries):
            left = [number for number, reply in enumerate(found) if reply is None]
            for at in range(0, len(left), WINDOW):
                _ask_some(self.ports[server], queries, left[at : at + WINDOW], found, patience)
        return found

    def ask_tcp(self, server: str, queries: Sequence[bytes]) -> list[bytes | None]:
        """The same over TCP, a connection for each: pipelining is not what is compared."""
        return [_ask_tcp(self.ports[server], query) for query in queries]

    def log(self, server: str) -> str:
        return self._daemon.log() if server == OURS else self._peers[server].log()


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\") + '"'


def refusal(apex: str, path: Path) -> str | None:
    """What our reader says against a zone file; None when it takes it."""
    try:
        load_zone(ZoneSource(name_from_text(apex).lower(), path, "master"), {})
    except (ConfigError, BadNameError) as error:
        return str(error)
    return None


def soa_query(apex: str) -> bytes:
    qname = dns.name.from_text(apex).to_wire()
    return struct.pack("!6H", 0, 0, 1, 0, 0, 0) + qname + b"\x00\x06\x00\x01"


def _ask_some(
    port: int, queries: Sequence[bytes], numbers: Sequence[int], found: list[bytes | None], patience: float
) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as udp:
        udp.connect(("127.0.0.1", port))
        udp.settimeout(patience)
        waiting = {number & 0xFFFF: number for number in numbers}
        try:
            for identity, number in waiting.items():
                udp.send(identity.to_bytes(2, "big") + queries[number][2:])
            while waiting:
                reply = udp.recv(65535)
                number = waiting.pop(int.from_bytes(reply[:2], "big"), None)
                if number is not None:
                    found[number] = reply
        except (TimeoutError, ConnectionRefusedError):
            return


def _ask_tcp(port: int, query: bytes) -> bytes | None:
    try:
        with socket.create_connection(("127.0.0.1", port), 10) as tcp, tcp.makefile("rb") as stream:
            tcp.sendall(len(query).to_bytes(2, "big") + query)
            length = stream.read(2)
            return stream.read(int.from_bytes(length, "big")) if len(length) == 2 else None
    except OSError:
        return None
