"""The programs of the small internet: how each name server and resolver is configured, started and stopped.

Each has a folder of its own and runs in the namespace of its machine, on port 53 of the machine's addresses. Programs
are copied before they run: Debian's AppArmor profiles are for their usual paths, and would keep them out of a folder.
"""

import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path

from namespaces import PATH
from our_zones import FILES, MONITOR
from processes import Program
from world import MACHINES, OURS, ROOT_HINTS, master_file

SECRET = "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2U="
COOKIE_SECRET = "00112233445566778899aabbccddeeff"
EDNS_SIZE = 1232


@dataclass
class MachineProgram(Program):
    """One process of a machine; `command` is what starts it, in `folder`."""

    machine: str
    folder: Path
    command: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)

    @property
    def addresses(self) -> tuple[str, ...]:
        return MACHINES[self.machine]

    def write(self, name: str, text: str) -> Path:
        """Write a file as careful editors do: aside, then renamed over."""
        path = self.folder / name
        aside = path.with_name(f".{path.name}.new")
        aside.write_text(text)
        aside.chmod(0o600)
        aside.replace(path)
        return path

    def copy_of(self, name: str) -> str:
        found = shutil.which(name, path=PATH)
        assert found is not None, f"needs the program {name!r}"
        (self.folder / "bin").mkdir(exist_ok=True)
        return str(shutil.copy(found, self.folder / "bin" / name))

    def start(self) -> None:
        self.run(["ip", "netns", "exec", self.machine, *self.command])


# Authoritative servers of others

Zones = dict[str, str]
"""Whole master files by apex."""


def _write_zones(program: MachineProgram, zones: Zones) -> list[tuple[str, Path]]:
    named = {apex: "root.zone" if apex == "." else f"{apex}.zone" for apex in zones}
    return [(apex, program.write(named[apex], text)) for apex, text in zones.items()]


def nsd(machine: str, folder: Path, zones: Zones) -> MachineProgram:
    program = MachineProgram(machine, folder)
    listen = "".join(f"  ip-address: {address}\n" for address in program.addresses)
    served = "".join(f'zone:\n  name: "{apex}"\n  zonefile: "{path}"\n' for apex, path in _write_zones(program, zones))
    config = (
        f'server:\n{listen}  port: 53\n  server-count: 1\n  username: ""\n  chroot: ""\n  database: ""\n'
        f'  rrl-ratelimit: 0\n  zonesdir: "{folder}"\n  pidfile: "{folder}/pid"\n  xfrdfile: "{folder}/xfrd.state"\n'
        f'  xfrdir: "{folder}"\n  zonelistfile: "{folder}/zone.list"\nremote-control:\n  control-enable: no\n{served}'
    )
    program.command = [program.copy_of("nsd"), "-d", "-c", str(program.write("nsd.conf", config))]
    return program


def knot(machine: str, folder: Path, zones: Zones) -> MachineProgram:
    program = MachineProgram(machine, folder)
    (folder / "db").mkdir(exist_ok=True)
    listen = ", ".join(f"{address}@53" for address in program.addresses)
    served = "".join(f'  - domain: "{apex}"\n    file: "{path}"\n' for apex, path in _write_zones(program, zones))
    config = (
        f'server:\n  rundir: "{folder}"\n  listen: [{listen}]\n  udp-workers: 1\n  tcp-workers: 1\n'
        f'  background-workers: 1\ncontrol:\n  listen: "{folder}/knot.sock"\ndatabase:\n  storage: "{folder}/db"\n'
        f"log:\n  - target: stderr\n    any: info\n"
        "template:\n  - id: default\n    zonefile-sync: -1\n    zonefile-load: whole\n"
        f"    journal-content: none\nzone:\n{served}"
    )
    program.command = [program.copy_of("knotd"), "-c", str(program.write("knot.conf", config))]
    return program


def plain_zones(zones: dict[str, str]) -> Zones:
    return {apex: master_file(apex, records) for apex, records in zones.items()}


# Our nodes

_NODE_ZONES = {
    "ns1": "{{file: zones/{file}, notify: [ns2], allow_transfer: [ns2, client]}}",
    "ns2": "{{primaries: [ns1], allow_transfer: [client]}}",
}


def node(machine: str, folder: Path) -> MachineProgram:
    """One of ours: ns1 is the primary of every zone, ns2 its secondary, which wants DNS cookies."""
    program = MachineProgram(machine, folder)
    (folder / "zones").mkdir(exist_ok=True)
    if machine == "ns1":
        for name, text in FILES.items():
            program.write(f"zones/{name}", text)
    listen = ", ".join(f'"[{address}]:53"' if ":" in address else f"{address}:53" for address in program.addresses)
    peers = "".join(
        f"  {peer}: {{address: {MACHINES[peer][0]}, key: {key}}}\n"
        for peer, key in (("ns1", "xfr"), ("ns2", "xfr"), ("client", "xfr, kind: foreign"))
        if peer != machine
    )
    zones = "".join(
        f"  {apex}: {_NODE_ZONES[machine].format(file=file)}\n"
        for apex, file in zip(OURS, _files_in_order(), strict=True)
    )
    config = (
        f"node: {machine}\nlisten: [{listen}]\nstate_dir: state\napi: off\nlog: {{format: json}}\n"
        f"cookies: {{secret: {COOKIE_SECRET}, required: {str(machine == 'ns2').lower()}}}\n"
        f"{MONITOR}keys: {{xfr: {{secret: {SECRET}}}}}\npeers:\n{peers}zones:\n{zones}"
    )
    path = program.write("gslb.yaml", config)
    program.command = [sys.executable, "-m", "gslb", "serve", "-c", str(path)]
    return program


def _files_in_order() -> list[str]:
    return [next(name for name in FILES if name.rpartition(".")[0] == apex) for apex in OURS]


# Resolvers


def unbound(machine: str, folder: Path, more: str = "") -> MachineProgram:
    """As strict and as suspicious as it can be made: QNAME minimisation without a way back, 0x20, all hardening."""
    program = MachineProgram(machine, folder)
    hints = program.write("root.hints", ROOT_HINTS)
    interfaces = "".join(f"  interface: {address}\n  outgoing-interface: {address}\n" for address in program.addresses)
    reverse = (
        "2.0.192.in-addr.arpa.",
        "100.51.198.in-addr.arpa.",
        "113.0.203.in-addr.arpa.",
        "8.b.d.0.1.0.0.2.ip6.arpa.",
    )
    known = "".join(f"  local-zone: {zone} nodefault\n" for zone in reverse)
    config = f"""\
server:
  directory: "{folder}"
  chroot: ""
  username: ""
  pidfile: "{folder}/pid"
  do-daemonize: no
  use-syslog: no
  verbosity: 2
  num-threads: 1
{interfaces}  access-control: 0.0.0.0/0 allow
  access-control: ::/0 allow
  root-hints: "{hints}"
  module-config: "iterator"
  edns-buffer-size: {EDNS_SIZE}
  qname-minimisation: yes
  qname-minimisation-strict: yes
  use-caps-for-id: yes
  harden-short-bufsize: yes
  harden-large-queries: yes
  harden-glue: yes
  harden-dnssec-stripped: yes
  harden-below-nxdomain: yes
  harden-referral-path: yes
  harden-algo-downgrade: yes
  aggressive-nsec: yes
  log-servfail: yes
{known}{more}remote-control:
  control-enable: yes
  control-interface: "{folder}/control"
  control-use-cert: no
"""
    program.command = [program.copy_of("unbound"), "-c", str(program.write("unbound.conf", config))]
    return program


def ask_in_mixed_case(program: MachineProgram, *, wanted: bool) -> None:
    """Switch 0x20 on or off, from the next start, in a resolver that has it."""
    config = program.folder / "unbound.conf"
    if config.exists():
        said = {True: "use-caps-for-id: yes", False: "use-caps-for-id: no"}
        program.write(config.name, config.read_text().replace(said[not wanted], said[wanted]))


def unbound_tcp(machine: str, folder: Path) -> MachineProgram:
    """As above, and it never asks over UDP."""
    return unbound(machine, folder, "  tcp-upstream: yes\n")


def named(machine: str, folder: Path) -> MachineProgram:
    """BIND's has no 0x20 of its own, but asks in the case that it is asked in. It sends cookies unasked."""
    return _named(machine, folder, "strict", "yes")


def named_ipv4(machine: str, folder: Path) -> MachineProgram:
    """Where it has IPv6 it asks by that alone. Here it has not; it minimises as it does by default, without cookies."""
    return _named(machine, folder, "relaxed", "no", "-4")


def _named(machine: str, folder: Path, minimization: str, cookies: str, *more: str) -> MachineProgram:
    program = MachineProgram(machine, folder)
    hints = program.write("root.hints", ROOT_HINTS)
    by_version = [("-v6" if ":" in address else "", address) for address in program.addresses]
    listen = " ".join(f"listen-on{suffix} {{ {address}; }};" for suffix, address in by_version)
    source = " ".join(f"query-source{suffix} address {address};" for suffix, address in by_version)
    config = f"""\
options {{
  directory "{folder}"; pid-file "{folder}/pid"; session-keyfile "{folder}/session.key";
  {listen} {source}
  recursion yes; allow-query {{ any; }}; allow-recursion {{ any; }};
  dnssec-validation no; empty-zones-enable no; minimal-responses no;
  qname-minimization {minimization}; edns-udp-size {EDNS_SIZE}; max-udp-size {EDNS_SIZE}; send-cookie {cookies};
}};
controls {{ }};
zone "." {{ type hint; file "{hints}"; }};
"""
    path = program.write("named.conf", config)
    program.command = [program.copy_of("named"), *more, "-g", "-n", "1", "-c", str(path)]
    return program


RESOLVER_PROGRAMS = {"unbound": unbound, "unbound-tcp": unbound_tcp, "named": named, "named-ipv4": named_ipv4}
