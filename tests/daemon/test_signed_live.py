"""Zones that Knot and BIND sign, served by us: what validators say, and how we follow the signer."""

import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import pytest
from foreign_servers import ANSWER_SECONDS, Key, axfr, bind_copy, find_program, serial_of
from harness import Daemon, wait_for
from ports import free_port
from processes import Program

from gslb.wire.names import name_from_text

pytestmark = pytest.mark.daemon

APEX = "signed.example"
KEY = Key.called("xfr")
BOUND_SECONDS = 60.0
ZONE = f"""$ORIGIN {APEX}.
$TTL 300
@ 3600 SOA ns1 ops 5 3600 600 86400 60
@ NS ns1
ns1 A 127.0.0.1
www A 192.0.2.1
www 60 TXT "of another TTL"
alias CNAME www
a.b.c TXT deep
*.wild MX 5 www
*.alias CNAME www
unsigned NS ns.unsigned
ns.unsigned A 127.0.0.1
signed NS ns.signed
signed DS 60485 13 2 D4B7D520E7BB5F0F67674A0CCEB1E3E0614B93C4F9E99B8383F6A1E4469DA50A
ns.signed A 127.0.0.1
d DNAME target
host.target A 192.0.2.11
"""
"""Glue of children stands for servers that nobody asks."""

POLICIES = {
    "nsec": "",
    "nsec3": "    nsec3: on\n    nsec3-iterations: 0\n    nsec3-salt-length: 0\n",
    "opt-out": "    nsec3: on\n    nsec3-iterations: 3\n    nsec3-salt-length: 4\n    nsec3-opt-out: on\n",
}
DENIALS = {"nsec": "NSEC", "nsec3": "NSEC3, 0 iterations, no salt", "opt-out": "NSEC3, 3 iterations, salt "}


@dataclass
class Signer(Program):
    """A primary that signs, in a folder; `start` returns when it has."""

    folder: Path
    partner: int
    policy: str
    port: int = field(default_factory=free_port)

    def dnskeys(self) -> list[str]:
        return dnskeys(self.port)


class KnotSigner(Signer):
    """Knot."""

    def start(self) -> None:
        (self.folder / "db").mkdir(parents=True)
        (self.folder / f"{APEX}.zone").write_text(ZONE)
        (self.folder / "knot.conf").write_text(f"""server:
  rundir: "{self.folder}"
  listen: 127.0.0.1@{self.port}
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
control:
  listen: "{self.folder}/knot.sock"
database:
  storage: "{self.folder}/db"
log:
  - target: stderr
    any: info
key:
  - id: {KEY.name}
    algorithm: hmac-sha256
    secret: {KEY.secret}
remote:
  - id: partner
    address: 127.0.0.1@{self.partner}
    key: {KEY.name}
acl:
  - id: partner
    address: 127.0.0.1
    key: {KEY.name}
    action: [transfer, notify, update]
  - id: anyone
    address: 127.0.0.1
    action: transfer
policy:
  - id: sign
    algorithm: ecdsap256sha256
    single-type-signing: on
    reproducible-signing: on
    propagation-delay: 0
    dnskey-ttl: 2
    zone-max-ttl: 2
{POLICIES[self.policy]}zone:
  - domain: {APEX}
    storage: "{self.folder}"
    file: "{APEX}.zone"
    acl: [partner, anyone]
    notify: partner
    zonefile-sync: -1
    zonefile-load: whole
    journal-content: changes
    dnssec-signing: on
    dnssec-policy: sign
""")
        self.run([str(find_program("knotd")), "-c", str(self.folder / "knot.conf")])
        wait_for(lambda: serial_of(self.port, APEX), "Knot to sign its zone", BOUND_SECONDS)

    def control(self, *arguments: str) -> None:
        command = [str(find_program("knotc")), "-b", "-s", str(self.folder / "knot.sock"), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    def edit(self, *lines: str) -> None:
        self.control("zone-begin", APEX)
        for line in lines:
            action, *record = line.split(maxsplit=4)
            self.control(action, APEX, *record)
        self.control("zone-commit", APEX)


class BindSigner(Signer):
    """BIND."""

    def start(self) -> None:
        self.folder.mkdir(parents=True)
        (self.folder / f"{APEX}.zone").write_text(ZONE)
        nsec3 = "" if self.policy == "nsec" else "nsec3param iterations 0 optout no salt-length 0;"
        (self.folder / "named.conf").write_text(f"""
key "{KEY.name}" {{ algorithm hmac-sha256; secret "{KEY.secret}"; }};
dnssec-policy "sign" {{ keys {{ csk lifetime unlimited algorithm ecdsap256sha256; }}; {nsec3} }};
options {{
  directory "{self.folder}"; pid-file "{self.folder}/pid"; session-keyfile "{self.folder}/session.key";
  listen-on port {self.port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }}; key-directory "{self.folder}";
  recursion no; dnssec-validation no; empty-zones-enable no; notify-delay 0; allow-transfer {{ 127.0.0.1; }};
}};
controls {{ }};
zone "{APEX}" {{
  type primary; file "{self.folder}/{APEX}.zone"; dnssec-policy "sign"; inline-signing yes; check-integrity no;
  notify explicit; also-notify {{ 127.0.0.1 port {self.partner} key "{KEY.name}"; }};
}};
""")
        program = bind_copy(str(find_program("named")), self.folder)
        self.run([program, "-g", "-n", "1", "-c", str(self.folder / "named.conf")])
        wait_for(self._denies, f"BIND to sign its zone: {self.log()}", BOUND_SECONDS)

    def _denies(self) -> bool:
        """True once the zone has its chain: it is signed a part at a time."""
        query = dns.message.make_query(f"nowhere.{APEX}", "A", want_dnssec=True)
        try:
            reply = dns.query.tcp(query, "127.0.0.1", port=self.port, timeout=2)
        except (OSError, dns.exception.DNSException):
            return False
        kind = dns.rdatatype.NSEC if self.policy == "nsec" else dns.rdatatype.NSEC3
        return any(rrset.rdtype == kind for rrset in reply.authority)


def dnskeys(port: int) -> list[str]:
    """The DNSKEY rdatas served on a port."""
    reply = dns.query.tcp(dns.message.make_query(APEX, "DNSKEY"), "127.0.0.1", port=port, timeout=20)
    return sorted(rdata.to_text() for rrset in reply.answer for rdata in rrset)


def be_secondary(daemon: Daemon, signing: Signer) -> None:
    daemon.configure(
        f"keys: {{{KEY.yaml}}}\n"
        f"peers: {{signer: {{address: 127.0.0.1, port: {signing.port}, key: {KEY.name}, kind: foreign}}}}\n"
        f"zones: {{{APEX}: {{primaries: [signer], allow_transfer: [127.0.0.1]}}}}\n"
    )
    daemon.start()


@contextmanager
def signed_by(signing: Signer, daemon: Daemon) -> Iterator[None]:
    """The signer runs, and we are its secondary."""
    try:
        signing.start()
        be_secondary(daemon, signing)
        yield
    finally:
        signing.stop()


@pytest.fixture(params=["nsec", "nsec3"])
def bind_signer(
    request: pytest.FixtureRequest, daemon: Daemon, tool: Callable[[str], str], tmp_path: Path
) -> Iterator[BindSigner]:
    """BIND, and us as its secondary."""
    tool("named")
    signing = BindSigner(tmp_path / "bind", daemon.port, request.param)
    with signed_by(signing, daemon):
        yield signing


@pytest.fixture(params=POLICIES)
def signer(
    request: pytest.FixtureRequest, daemon: Daemon, tool: Callable[[str], str], tmp_path: Path
) -> Iterator[KnotSigner]:
    """Knot, and us as its secondary."""
    tool("knotd")
    signing = KnotSigner(tmp_path / "knot", daemon.port, request.param)
    with signed_by(signing, daemon):
        yield signing


def followed(daemon: Daemon, signer: Signer) -> bool:
    serial = serial_of(signer.port, APEX, ANSWER_SECONDS)
    return serial is not None and serial_of(daemon.port, APEX) == serial


def follow(daemon: Daemon, signer: Signer) -> None:
    wait_for(lambda: followed(daemon, signer), f"the signer's version; the log:\n{daemon.log()}", BOUND_SECONDS)


def become_equal(daemon: Daemon, signer: Signer) -> None:
    """The records too: a signer may make a version at any time."""

    def lower(line: str) -> str:
        """BIND writes hashes in capitals."""
        return re.sub(r"^\S+", lambda owner: owner[0].lower(), line)

    wait_for(
        lambda: axfr(daemon.port, APEX) == sorted(map(lower, axfr(signer.port, APEX))),
        f"the signer's records; the log:\n{daemon.log()}",
        BOUND_SECONDS,
    )


def anchors(signer: Signer) -> str:
    """The keys as BIND's trust anchors."""
    texts = [key.split(maxsplit=3) for key in signer.dnskeys()]
    lines = "".join(
        f'{APEX}. static-key {flags} {protocol} {algorithm} "{data.replace(" ", "")}";\n'
        for flags, protocol, algorithm, data in texts
    )
    return f"trust-anchors {{\n{lines}}};\n"


def delv(daemon: Daemon, signer: Signer, name: str, rtype: str) -> str:
    """What delv, with the signer's keys as its trust anchors, says of our answer."""
    anchor = signer.folder / "anchors"
    anchor.write_text(anchors(signer))
    command = [str(find_program("delv")), "@127.0.0.1", "-p", str(daemon.port), "-a", str(anchor), f"+root={APEX}"]
    done = subprocess.run([*command, name, rtype], capture_output=True, text=True, timeout=60, check=False)
    return done.stdout + done.stderr


QUESTIONS = {
    "an answer": (f"www.{APEX}", "A"),
    "an rrset of another TTL": (f"www.{APEX}", "TXT"),
    "an alias": (f"alias.{APEX}", "A"),
    "a name error": (f"nowhere.{APEX}", "A"),
    "a name error below a name": (f"x.y.www.{APEX}", "A"),
    "no data": (f"www.{APEX}", "MX"),
    "an empty non-terminal": (f"b.c.{APEX}", "TXT"),
    "a wildcard": (f"x.y.wild.{APEX}", "MX"),
    "no data at a wildcard": (f"x.wild.{APEX}", "A"),
    "an alias by a wildcard": (f"x.alias.{APEX}", "A"),
    "a DS": (f"signed.{APEX}", "DS"),
    "no DS": (f"unsigned.{APEX}", "DS"),
    "an alias by a DNAME": (f"host.d.{APEX}", "A"),
    "nothing behind a DNAME": (f"nobody.d.{APEX}", "A"),
}
NXDOMAINS = {"a name error", "a name error below a name", "nothing behind a DNAME"}
SHOWN_BY_A_SPAN = {"no data at a wildcard", "a wildcard", "an alias by a wildcard", "no DS"} | NXDOMAINS
"""That a name is not there is shown by a span between hashes. Where delegations may be opted out of it, such an answer
is insecure to a validator (RFC 5155 section 12.2), and must not be bogus."""


def may_be_insecure(signer: Signer, what: str) -> bool:
    return signer.policy == "opt-out" and what in SHOWN_BY_A_SPAN


def not_accepted(daemon: Daemon, signer: Signer) -> dict[str, str]:
    """What delv says of the answers that it does not accept."""
    wrong = {}
    for what, (name, rtype) in QUESTIONS.items():
        said = delv(daemon, signer, name, rtype)
        accepted = "fully validated" in said or (may_be_insecure(signer, what) and "unsigned answer" in said)
        if not accepted:
            wrong[what] = said
    return wrong


def test_delv_accepts_every_kind_of_answer(daemon: Daemon, signer: Signer, tool: Callable[[str], str]) -> None:
    tool("delv")
    follow(daemon, signer)
    assert not_accepted(daemon, signer) == {}


def test_delv_accepts_what_bind_signs(daemon: Daemon, bind_signer: BindSigner, tool: Callable[[str], str]) -> None:
    tool("delv")
    follow(daemon, bind_signer)
    assert not_accepted(daemon, bind_signer) == {}
    become_equal(daemon, bind_signer)


@dataclass
class Validator(Program):
    """unbound, which asks us for the zone and validates by the signer's keys."""

    folder: Path
    port: int = field(default_factory=free_port)

    def start(self, daemon: Daemon, signer: Signer) -> None:
        self.folder.mkdir()
        keys = "".join(f'  trust-anchor: "{APEX}. DNSKEY {key}"\n' for key in signer.dnskeys())
        (self.folder / "unbound.conf").write_text(
            f"""server:
  interface: 127.0.0.1
  port: {self.port}
  do-ip6: no
  do-daemonize: no
  username: ""
  chroot: ""
  directory: "{self.folder}"
  pidfile: "{self.folder}/pid"
  use-syslog: no
  logfile: ""
  verbosity: 1
  val-log-level: 2
  do-not-query-localhost: no
  module-config: "validator iterator"
  num-threads: 1
  cache-max-ttl: 0
  cache-max-negative-ttl: 0
  aggressive-nsec: no
  qname-minimisation: no
  root-hints: ""
  domain-insecure: "unsigned.{APEX}"
{keys}remote-control:
  control-enable: no
stub-zone:
  name: "{APEX}"
  stub-addr: 127.0.0.1@{daemon.port}
  stub-prime: no
""".replace('  root-hints: ""\n', "").replace(f'  domain-insecure: "unsigned.{APEX}"\n', "")
        )
        self.run([str(find_program("unbound")), "-c", str(self.folder / "unbound.conf")])
        wait_for(lambda: self.ask(APEX, "SOA", 1.0), f"unbound to answer: {self.log()}", BOUND_SECONDS)

    def ask(self, name: str, rtype: str, seconds: float = 10.0) -> dns.message.Message | None:
        query = dns.message.make_query(name, rtype, want_dnssec=True)
        try:
            return dns.query.udp(query, "127.0.0.1", port=self.port, timeout=seconds)
        except (OSError, dns.exception.DNSException):
            return None


@pytest.fixture
def validator(tool: Callable[[str], str], tmp_path: Path) -> Iterator[Validator]:
    tool("unbound")
    resolver = Validator(tmp_path / "unbound")
    yield resolver
    resolver.stop()


def test_unbound_finds_every_kind_of_answer_secure(daemon: Daemon, signer: Signer, validator: Validator) -> None:
    follow(daemon, signer)
    validator.start(daemon, signer)
    wrong = {}
    for what, (name, rtype) in QUESTIONS.items():
        reply = validator.ask(name, rtype)
        rcode = dns.rcode.NXDOMAIN if what in NXDOMAINS else dns.rcode.NOERROR
        secure = reply is not None and (bool(reply.flags & dns.flags.AD) or may_be_insecure(signer, what))
        if reply is None or reply.rcode() != rcode or not secure:
            wrong[what] = str(reply)
    assert wrong == {}


@pytest.mark.parametrize("child", ["signed", "unsigned"])
def test_a_question_below_a_delegation_is_referred_as_the_signer_does(
    daemon: Daemon, signer: Signer, child: str
) -> None:
    follow(daemon, signer)
    name = f"host.below.{child}.{APEX}"
    ours, theirs = (
        dns.query.tcp(dns.message.make_query(name, "A", want_dnssec=True), "127.0.0.1", port=port, timeout=20)
        for port in (daemon.port, signer.port)
    )
    assert ours.rcode() == dns.rcode.NOERROR
    assert not ours.flags & dns.flags.AA
    assert not ours.answer
    assert (said(ours.authority), said(ours.additional)) == (said(theirs.authority), said(theirs.additional))
    cut = dns.name.from_text(f"{child}.{APEX}")
    assert ours.get_rrset(ours.authority, cut, dns.rdataclass.IN, dns.rdatatype.NS) is not None
    kinds = {rrset.covers for rrset in ours.authority if rrset.rdtype == dns.rdatatype.RRSIG}
    no_ds = dns.rdatatype.NSEC if signer.policy == "nsec" else dns.rdatatype.NSEC3
    assert kinds == {dns.rdatatype.DS if child == "signed" else no_ds}, "the child's NS are not the parent's to sign"


def said(section: list[dns.rrset.RRset]) -> set[str]:
    return {f"{rrset.name} {rrset.ttl} {rrset.rdtype} {rdata}".lower() for rrset in section for rdata in rrset}


def test_a_copy_of_ours_is_the_signers_record_for_record(daemon: Daemon, signer: Signer) -> None:
    follow(daemon, signer)
    become_equal(daemon, signer)


def test_edits_new_signatures_and_new_keys_are_followed_step_by_step(
    daemon: Daemon, signer: Signer, tool: Callable[[str], str]
) -> None:
    tool("delv")
    follow(daemon, signer)
    signer.edit(
        "zone-set new 30 A 192.0.2.30",
        "zone-unset alias CNAME",
        "zone-set alias 30 CNAME new",
        "zone-set deep.new 30 A 192.0.2.31",
    )
    follow(daemon, signer)
    assert "fully validated" in delv(daemon, signer, f"deep.new.{APEX}", "A")
    assert "fully validated" in delv(daemon, signer, f"alias.{APEX}", "A")

    signer.control("zone-sign", APEX)
    follow(daemon, signer)

    before = signer.dnskeys()
    signer.control("zone-key-rollover", APEX, "ksk")
    wait_for(lambda: signer.dnskeys() != before and followed(daemon, signer), "a new key", BOUND_SECONDS)
    assert not_accepted(daemon, signer) == {}

    hows = [event["how"] for event in daemon.events() if event["event"] == "zone_transferred"]
    assert hows[0] == "axfr"
    assert set(hows[1:]) == {"ixfr"}
    become_equal(daemon, signer)


def test_a_restart_serves_the_signed_zone_from_disk(daemon: Daemon, signer: Signer) -> None:
    follow(daemon, signer)
    whole = axfr(daemon.port, APEX)
    daemon.stop()
    signer.stop()
    daemon.start()
    assert axfr(daemon.port, APEX) == whole
    reply = daemon.ask(f"nowhere.{APEX}", "A", want_dnssec=True, tcp=True)
    assert any(rrset.covers for rrset in reply.authority)


def test_status_and_metrics_tell_how_the_zone_is_signed(daemon: Daemon, signer: Signer) -> None:
    follow(daemon, signer)
    (row,) = [row for row in daemon.status()["zones"] if row["zone"] == f"{APEX}."]
    assert row["signing"]["denial"].startswith(DENIALS[signer.policy])
    assert row["signing"]["state"] == "hold"
    shown = daemon.run("status").stdout
    assert re.search(r"NSEC3?", shown)
    assert APEX in daemon.run("explain", f"www.{APEX}").stdout
    left = daemon.metrics()[f'gslb_zone_signature_expires_seconds{{zone="{APEX}."}}']
    assert 86400 < left < 30 * 86400
    assert name_from_text(APEX + ".")
