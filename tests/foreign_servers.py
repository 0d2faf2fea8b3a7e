"""BIND, Knot and NSD as a primary or a secondary of ours on loopback, each in a folder of its own.

One key signs everything between such a server and its partner; who asks without one, as `axfr` does, gets the zone
from a foreign server as loopback is allowed to.
"""

import base64
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import dns.exception
import dns.message
import dns.query
import dns.rcode
from ports import free_port
from processes import Program

ALGORITHM = "hmac-sha256"
ANSWER_SECONDS = 10.0
"""How long the reply of a server that runs may take on a busy machine."""
SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Key:
    """A TSIG key, in the form each program wants it."""

    name: str
    secret: str = field(repr=False)

    @classmethod
    def called(cls, name: str) -> "Key":
        return cls(name, base64.b64encode(name.encode().ljust(32, b".")).decode())

    @property
    def for_dig(self) -> str:
        return f"{ALGORITHM}:{self.name}:{self.secret}"

    @property
    def yaml(self) -> str:
        """An entry of `keys` in gslb.yaml."""
        return f"{self.name}: {{algorithm: {ALGORITHM}, secret: {self.secret}}}"


@dataclass(frozen=True)
class ForeignZone:
    """A zone on a foreign server. `text`, a master file, makes the server its primary, which notifies the partner and
    takes updates; None: it is a secondary of the partner. `partner` is a port of 127.0.0.1."""

    apex: str
    partner: int
    text: str | None = None


def find_program(name: str) -> str | None:
    return shutil.which(name) or shutil.which(name, path=SEARCH_PATH)


@dataclass
class ForeignServer(Program):
    """A server of one of `KINDS`. Call `serve(...)` to write its configuration, then `start`."""

    kind: str
    folder: Path
    key: Key
    port: int = field(default_factory=free_port)
    minimal: bool = True
    """NSD and BIND leave out of an answer what need not be in it."""
    program: str = ""

    def serve(self, *zones: ForeignZone) -> None:
        """Write the configuration: these zones and no others."""
        kind = KINDS[self.kind]
        self.folder.mkdir(exist_ok=True)
        if not self.program:
            found = find_program(kind.program)
            assert found is not None, f"needs {kind.program}"
            self.program = kind.install(found, self.folder)
        for zone in zones:
            if zone.text is not None:
                (self.folder / f"{zone.apex}.zone").write_text(zone.text)
        (self.folder / kind.file).write_text(kind.configuration(self, zones))

    def start(self) -> None:
        kind = KINDS[self.kind]
        self.run([self.program, *kind.arguments, str(self.folder / kind.file)])

    def knotc(self, *arguments: str) -> str:
        """`knotc …`, which must succeed."""
        program = find_program("knotc")
        assert program is not None
        command = [program, "-b", "-s", str(self.folder / "knot.sock"), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        if done.returncode:
            raise RuntimeError(f"knotc {' '.join(arguments)}: {done.stdout}{done.stderr}")
        return done.stdout

    def update(self, apex: str, updates: Sequence[Sequence[str]], seconds: float = 300.0) -> None:
        """Send each of `updates`, lines of nsupdate's, as a message of its own, and wait for its acknowledgement."""
        program = find_program("nsupdate")
        assert program is not None
        lines = [f"server 127.0.0.1 {self.port}", f"zone {apex}"]
        for update in updates:
            lines += [*update, "send"]
        command = [program, "-y", self.key.for_dig]
        done = subprocess.run(
            command, input="\n".join(lines) + "\n", capture_output=True, text=True, timeout=seconds, check=False
        )
        if done.returncode or done.stderr.strip():
            raise RuntimeError(f"nsupdate: {done.stdout}{done.stderr}\n{self.log()[-2000:]}")


def ask(port: int, name: str, rtype: str, seconds: float) -> dns.message.Message | None:
    """The reply over UDP, None when there is none."""
    try:
        return dns.query.udp(dns.message.make_query(name, rtype), "127.0.0.1", port=port, timeout=seconds)
    except (OSError, dns.exception.DNSException):
        return None


def answer_of(port: int, name: str, rtype: str) -> tuple[str, frozenset[str]]:
    """The rcode, and the records of the answer section as text."""
    reply = ask(port, name, rtype, ANSWER_SECONDS)
    if reply is None:
        return "no reply", frozenset()
    lines = (line for rrset in reply.answer for line in rrset.to_text().splitlines())
    return dns.rcode.to_text(reply.rcode()), frozenset(lines)


def serial_of(port: int, apex: str, seconds: float = 1.0) -> int | None:
    """The serial served on a port of 127.0.0.1; None while there is none, or it does not come within `seconds`."""
    reply = ask(port, apex, "SOA", seconds)
    if reply is None or not reply.answer or reply.rcode() != dns.rcode.NOERROR:
        return None
    return int(reply.answer[0][0].serial)


def axfr(port: int, apex: str, key: Key | None = None) -> list[str]:
    """What `dig AXFR` prints, one line a record, sorted. Raises `RuntimeError` when there is no whole transfer."""
    dig = find_program("dig")
    assert dig is not None
    signed = ["-y", key.for_dig] if key is not None else []
    command = [dig, "@127.0.0.1", "-p", str(port), *signed, "+noall", "+answer", "+onesoa"]
    command += ["+tries=1", "+time=30", apex, "AXFR"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    lines = [" ".join(line.split()) for line in done.stdout.splitlines() if line.strip()]
    if done.returncode or not lines or any(line.startswith(";") for line in lines):
        raise RuntimeError(f"dig AXFR {apex} at port {port}: {done.stdout[:500]}{done.stderr[:500]}")
    return sorted(lines)


def wait_until(condition: Callable[[], bool], seconds: float, pause: float = 0.02) -> bool:
    """True as soon as the condition holds, False when it did not within the time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(pause)
    return True


# ---- the three servers ----


@dataclass(frozen=True)
class _Kind:
    """How one program is installed into a folder, configured and started."""

    program: str
    file: str
    arguments: tuple[str, ...]
    configuration: Callable[[ForeignServer, Sequence[ForeignZone]], str]
    install: Callable[[str, Path], str] = lambda program, _: program


def bind_copy(program: str, folder: Path) -> str:
    """Debian's AppArmor profile is for named's own path, and would keep it out of our folder; not so a copy."""
    return str(shutil.copy(program, folder / "named"))


def _bind(server: ForeignServer, zones: Sequence[ForeignZone]) -> str:
    key, folder = server.key, server.folder
    parts = [
        f"""key "{key.name}" {{ algorithm {ALGORITHM}; secret "{key.secret}"; }};
options {{
  directory "{folder}"; pid-file "{folder}/pid"; session-keyfile "{folder}/session.key";
  listen-on port {server.port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};
  recursion no; dnssec-validation no; empty-zones-enable no; zone-statistics none;
  minimal-responses {"yes" if server.minimal else "no-auth-recursive"};
  allow-transfer {{ 127.0.0.1; }}; notify-delay 0; notify-rate 1000; serial-query-rate 1000;
  startup-notify-rate 1000;
}};
controls {{ }};
"""
    ]
    for zone in zones:
        partner = f'127.0.0.1 port {zone.partner} key "{key.name}";'
        role = (
            f'type secondary; file "{folder}/{zone.apex}.copy"; primaries {{ {partner} }}; notify no; '
            "min-refresh-time 1; min-retry-time 1;"
            if zone.text is None
            else f'type primary; file "{folder}/{zone.apex}.zone"; check-integrity no; '
            f'allow-update {{ key "{key.name}"; }}; '
            f"notify explicit; also-notify {{ {partner} }};"
        )
        parts.append(f'zone "{zone.apex}" {{ {role} }};\n')
    return "".join(parts)


def knot_server(folder: Path, port: int, least: str) -> str:
    """The part of a knot.conf on the server itself; `least` is the level from which on it tells."""
    return f"""server:
  rundir: "{folder}"
  listen: 127.0.0.1@{port}
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
control:
  listen: "{folder}/knot.sock"
database:
  storage: "{folder}/db"
log:
  - target: stderr
    any: {least}
"""


def _knot(server: ForeignServer, zones: Sequence[ForeignZone]) -> str:
    key, folder = server.key, server.folder
    remotes = "".join(
        f"  - id: at{port}\n    address: 127.0.0.1@{port}\n    key: {key.name}\n"
        for port in sorted({zone.partner for zone in zones})
    )
    parts = [
        f"""{knot_server(folder, server.port, "info")}key:
  - id: {key.name}
    algorithm: {ALGORITHM}
    secret: {key.secret}
{"remote:" if remotes else ""}
{remotes}acl:
  - id: partner
    address: 127.0.0.1
    key: {key.name}
    action: [transfer, notify, update]
  - id: anyone
    address: 127.0.0.1
    action: transfer
zone:
"""
    ]
    for zone in zones:
        role = (
            f"master: at{zone.partner}\n    zonefile-load: none\n    journal-content: all"
            if zone.text is None
            else f"notify: at{zone.partner}\n    zonefile-load: whole\n    journal-content: changes"
        )
        parts.append(
            f'  - domain: {zone.apex}\n    storage: "{folder}"\n    file: "{zone.apex}.zone"\n'
            f"    acl: [partner, anyone]\n    zonefile-sync: -1\n    journal-max-depth: 10000\n    {role}\n"
        )
    (folder / "db").mkdir(exist_ok=True)
    return "".join(parts)


def _nsd(server: ForeignServer, zones: Sequence[ForeignZone]) -> str:
    key, folder = server.key, server.folder
    parts = [
        f"""server:
  ip-address: 127.0.0.1
  port: {server.port}
  do-ip6: no
  server-count: 1
  username: ""
  chroot: ""
  database: ""
  minimal-responses: {"yes" if server.minimal else "no"}
  rrl-ratelimit: 0
  xfrd-reload-timeout: 0
  zonesdir: "{folder}"
  pidfile: "{folder}/pid"
  xfrdfile: "{folder}/xfrd.state"
  xfrdir: "{folder}"
  zonelistfile: "{folder}/zone.list"
remote-control:
  control-enable: no
key:
  name: {key.name}
  algorithm: {ALGORITHM}
  secret: "{key.secret}"
"""
    ]
    for zone in zones:
        role = (
            f'  zonefile: "{zone.apex}.copy"\n  request-xfr: 127.0.0.1@{zone.partner} {key.name}\n'
            f"  allow-notify: 127.0.0.1 {key.name}\n"
            if zone.text is None
            else f'  zonefile: "{zone.apex}.zone"\n'
        )
        parts.append(f'zone:\n  name: "{zone.apex}"\n{role}  provide-xfr: 127.0.0.1 NOKEY\n')
    return "".join(parts)


KINDS: dict[str, _Kind] = {
    "bind": _Kind("named", "named.conf", ("-g", "-n", "1", "-c"), _bind, bind_copy),
    "knot": _Kind("knotd", "knot.conf", ("-c",), _knot),
    "nsd": _Kind("nsd", "nsd.conf", ("-d", "-c"), _nsd),
}
