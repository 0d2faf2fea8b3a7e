"""The servers of the benchmark: how each is set up to do the same work.

Every one runs as a single worker on one loopback address, with minimal responses and no rate limit, no query log, no
control channel, as the current user, with every file it writes in a directory of its own. A server here is a value:
which program it needs, which package has it, and a function that writes its configuration and returns its command.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import zonedata

SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"  # servers are not on a user's PATH
ZONE = zonedata.ORIGIN.rstrip(".")


@dataclass(frozen=True, slots=True)
class Server:
    """One server: `configure(directory, port, program)` writes its files and returns the command to start it."""

    name: str
    title: str
    program: str  # looked for on PATH and where system daemons live
    package: str  # what to install for it
    configure: Callable[[Path, int, str], list[str]]
    version: Callable[[str], str]

    def find(self) -> str | None:
        """The path of its program; None where it is not installed."""
        return shutil.which(self.program) or shutil.which(self.program, path=SEARCH_PATH)


def _gslb(directory: Path, port: int, program: str) -> list[str]:
    return _gslb_with({}, directory, port, program)


def _gslb_limited(directory: Path, port: int, program: str) -> list[str]:
    """Every reply is judged, and none is above its limit: what rate limiting costs who is not limited."""
    limits = {"responses_per_second": 1_000_000, "burst": "60s"}
    return _gslb_with({"rate_limit": limits}, directory, port, program)


def _gslb_with(more: dict[str, object], directory: Path, port: int, program: str) -> list[str]:
    zone = directory / f"{ZONE}.yaml"
    zone.write_text(zonedata.octodns_yaml(), "utf-8")
    config = {
        "node": "bench",
        "listen": [f"127.0.0.1:{port}"],
        "state_dir": str(directory / "state"),
        "api": {"listen": "127.0.0.1:0"},
        "log": {"format": "json", "level": "warning"},
        "zones": {ZONE: {"file": str(zone)}},
    } | more
    (directory / "state").mkdir()
    (directory / "gslb.yaml").write_text(json.dumps(config, indent=2), "utf-8")  # JSON is YAML
    return [program, "-m", "gslb.cli", "serve", "--config", str(directory / "gslb.yaml")]


def _nsd(directory: Path, port: int, program: str) -> list[str]:
    (directory / "zone").write_text(zonedata.master_file(), "utf-8")
    (directory / "nsd.conf").write_text(
        f"""server:
  ip-address: 127.0.0.1
  port: {port}
  do-ip6: no
  server-count: 1
  reuseport: yes
  minimal-responses: yes
  round-robin: yes
  rrl-ratelimit: 0
  hide-version: yes
  username: ""
  chroot: ""
  database: ""
  zonesdir: "{directory}"
  pidfile: "{directory}/pid"
  xfrdfile: "{directory}/xfrd.state"
  xfrdir: "{directory}"
  zonelistfile: "{directory}/zone.list"
remote-control:
  control-enable: no
zone:
  name: {ZONE}
  zonefile: zone
""",
        "utf-8",
    )
    return [program, "-d", "-c", str(directory / "nsd.conf")]


def _bind(directory: Path, port: int, program: str) -> list[str]:
    # Debian's AppArmor profile is for named's own path, and would keep it out of our directory; not so a copy.
    named = str(shutil.copy(program, directory / "named"))
    (directory / "zone").write_text(zonedata.master_file(), "utf-8")
    (directory / "named.conf").write_text(
        f"""options {{
  directory "{directory}";
  pid-file "{directory}/pid";
  session-keyfile "{directory}/session.key";
  listen-on port {port} {{ 127.0.0.1; }};
  listen-on-v6 {{ none; }};
  recursion no;
  dnssec-validation no;
  empty-zones-enable no;
  minimal-responses yes;
  rrset-order {{ order random; }};
  answer-cookie no;
  querylog no;
  notify no;
  zone-statistics none;
}};
controls {{ }};
zone "{ZONE}" {{ type primary; file "{directory}/zone"; check-integrity no; }};
""",
        "utf-8",
    )
    return [named, "-f", "-n", "1", "-c", str(directory / "named.conf")]


def _knot(directory: Path, port: int, program: str) -> list[str]:
    (directory / "zone").write_text(zonedata.master_file(), "utf-8")
    (directory / "knot.conf").write_text(
        f"""server:
  rundir: "{directory}"
  listen: 127.0.0.1@{port}
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
  answer-rotation: on
database:
  storage: "{directory}/db"
log:
  - target: stderr
    any: warning
zone:
  - domain: {ZONE}
    storage: "{directory}"
    file: zone
    zonefile-sync: -1
    zonefile-load: whole
    journal-content: none
""",
        "utf-8",
    )
    (directory / "db").mkdir()
    return [program, "-c", str(directory / "knot.conf")]


def _first_line(option: str) -> Callable[[str], str]:
    def version(program: str) -> str:
        done = subprocess.run(
            [program, option], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=10
        )
        return done.stdout.partition("\n")[0].partition(" <id:")[0]

    return version


def _python_version(_program: str) -> str:
    loop = "uvloop " + metadata.version("uvloop") if _installed("uvloop") else "asyncio's own loop"
    return f"gslb {metadata.version('gslb')}, Python {sys.version.partition(' ')[0]}, {loop}"


def _installed(distribution: str) -> bool:
    return any(True for _ in metadata.distributions(name=distribution))


SERVERS: Mapping[str, Server] = {
    "gslb": Server("gslb", "gslb", sys.executable, "gslb", _gslb, _python_version),
    "gslb-limited": Server(
        "gslb-limited", "gslb, rate limits on", sys.executable, "gslb", _gslb_limited, _python_version
    ),
    "nsd": Server("nsd", "NSD", "nsd", "nsd", _nsd, _first_line("-v")),
    "bind": Server("bind", "BIND", "named", "bind9", _bind, _first_line("-v")),
    "knot": Server("knot", "Knot DNS", "knotd", "knot", _knot, _first_line("--version")),
}
