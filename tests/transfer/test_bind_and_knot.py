"""BIND and Knot as our primaries, signed: what they say the zone is, we have; whole, and edit by edit."""

import asyncio
import base64
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import dns.exception
import dns.name
import dns.query
import dns.rdatatype
import dns.tsig
import pytest
from harness import BOUND_SECONDS, wait_for
from ports import free_port
from processes import Program

from gslb.config.peers import Peer
from gslb.transfer.inbound import InboundLimits, fetch
from gslb.transfer.secondary import SecondaryZone
from gslb.wire.names import name_from_text
from gslb.wire.tsig import TsigKey
from gslb.zone.diff import records
from gslb.zone.view import soa_of

APEX = name_from_text("example.")
ALGORITHM = "hmac-sha512"
SECRET = b"0123456789abcdef0123456789abcdef"
KEY = TsigKey(name_from_text("xfr."), ALGORITHM, SECRET)
KEYRING = {dns.name.from_text("xfr."): dns.tsig.Key("xfr.", SECRET, ALGORITHM)}
LIMITS = InboundLimits(seconds=60, idle_seconds=30, udp_seconds=(10,))
EVERY_SECOND = 1

BIND_CONF = """
options {{
  directory "{folder}"; pid-file "{folder}/pid"; session-keyfile "{folder}/session.key";
  managed-keys-directory "{folder}";
  listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};
  recursion no; notify no; dnssec-validation no; allow-transfer {{ key xfr; }};
}};
controls {{ }};
key xfr {{ algorithm {algorithm}; secret "{secret}"; }};
zone "example." {{ type primary; file "example.zone"; allow-update {{ key xfr; }}; }};
"""
KNOT_CONF = """
server:
    rundir: "{folder}"
    listen: 127.0.0.1@{port}
database:
    storage: "{folder}/db"
log:
  - target: stderr
    any: warning
key:
  - id: xfr
    algorithm: {algorithm}
    secret: {secret}
acl:
  - id: ours
    key: xfr
    action: [transfer, update]
zone:
  - domain: example.
    storage: "{folder}"
    file: example.zone
    acl: ours
    zonefile-sync: -1
    journal-content: changes
"""


def zone_text(names: int) -> str:
    """A zone of so many names, and of types with names, strings and unknown data inside."""
    others = r"""
@ 300 MX 10 mail
@ 300 TXT "v=spf1 -all" "two strings"
@ 300 CAA 0 issue "ca.example.net"
alias 300 CNAME Www.Example.
deleg 300 NS ns.deleg
ns.deleg 300 A 192.0.2.53
_sip._udp 300 SRV 1 2 5060 sip
enum 300 NAPTR 100 10 "u" "E2U+sip" "!^.*$!sip:info@example.com!" .
old 300 DNAME new
responsible 300 RP admin.example. txt
svc 300 HTTPS 1 . alpn=h2,h3 ipv4hint=192.0.2.1
host 300 SSHFP 4 2 1234567890ABCDEF1234567890ABCDEF1234567890ABCDEF1234567890ABCDEF
place 300 LOC 52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m
strange 300 TYPE65280 \# 4 0A000001
*.wild 300 AAAA 2001:db8::1
"""
    many = "".join(f"n{number} 300 A 192.0.{number // 250}.{number % 250 + 1}\n" for number in range(names))
    soa = f"@ 300 SOA ns hostmaster 1 {EVERY_SECOND} 1 3600 60\n"
    return f"$ORIGIN example.\n{soa}@ 300 NS ns\nns 300 A 192.0.2.1\n{others}{many}"


@dataclass
class Primary(Program):
    """A foreign server that runs; `edit` sends update commands to it."""

    command: list[str]
    updater: list[str]
    port: int
    folder: Path

    @property
    def peer(self) -> Peer:
        return Peer("theirs", "127.0.0.1", self.port, (KEY,), "foreign")

    def start(self) -> None:
        self.run(self.command)
        wait_for(self.content, f"{self.command[0]} to serve; its log is {self.folder / 'log'}")

    def content(self) -> set[tuple[str, int, int, bytes]]:
        """What dnspython gets by AXFR: owner, type, TTL and rdata; nothing while the server does not answer."""
        try:
            messages = list(
                dns.query.xfr("127.0.0.1", "example.", port=self.port, keyring=KEYRING, relativize=False, timeout=20)
            )
        except (OSError, dns.exception.DNSException):
            return set()
        return {
            (rrset.name.to_text().lower(), int(rrset.rdtype), rrset.ttl, rdata.to_digestable())
            for message in messages
            for rrset in message.answer
            for rdata in rrset
        }

    def edit(self, *commands: str) -> None:
        """Each of `commands` is an update of its own, and so a version."""
        secret = base64.b64encode(SECRET).decode()
        script = f"server 127.0.0.1 {self.port}\nzone example.\nkey {ALGORITHM}:xfr {secret}\n"
        script += "".join(f"{command}\nsend\n" for command in commands)
        done = subprocess.run(self.updater, input=script, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stdout + done.stderr + self.log()


def _bind(folder: Path, port: int, tool: Callable[[str], str]) -> Primary:
    command = [tool("named"), "-g", "-n", "1", "-c", str(folder / "conf")]
    return Primary(command, [tool("nsupdate"), "-v"], port, folder)


def _knot(folder: Path, port: int, tool: Callable[[str], str]) -> Primary:
    return Primary([tool("knotd"), "-c", str(folder / "conf")], [tool("knsupdate"), "-v"], port, folder)


SERVERS = {"bind": (BIND_CONF, _bind), "knot": (KNOT_CONF, _knot)}


@pytest.fixture(params=SERVERS)
def theirs(request, tool) -> Iterator[Primary]:
    config, make = SERVERS[request.param]
    # Short: the path of a control socket is in it.
    folder = Path(tempfile.mkdtemp(prefix="gslb-"))
    port = free_port()
    primary = make(folder, port, tool)
    secret = base64.b64encode(SECRET).decode()
    (folder / "conf").write_text(config.format(folder=folder, port=port, algorithm=ALGORITHM, secret=secret))
    (folder / "db").mkdir()
    (folder / "example.zone").write_text(zone_text(500))
    try:
        primary.start()
        yield primary
    finally:
        primary.stop()
        shutil.rmtree(folder)


def ours(view) -> set[tuple[str, int, int, bytes]]:
    """A view in the same form."""
    return {
        (
            dns.name.from_wire(each.owner, 0)[0].to_text(),
            each.rtype,
            each.ttl_seconds,
            dns.rdata.from_wire("IN", each.rtype, each.rdata, 0, len(each.rdata)).to_digestable(),
        )
        for each in records(view, APEX)
    }


def fetched(primary, have=None):
    return asyncio.run(fetch(APEX, primary.peer, have, limits=LIMITS))


def edits(count):
    """Updates that add, change and remove records, change TTLs and swap types."""
    for number in range(count):
        name, address = f"n{number}.example.", f"203.0.{number // 250}.{number % 250 + 1}"
        yield (
            f"update add {name} 300 A {address}",
            f"update delete {name} A",
            f"update delete {name} A\nupdate add {name} 60 TXT now{number}",
            f"update add new{number}.example. 300 MX 5 {name}",
            f"update delete {name} A\nupdate add {name} 60 A {address}",
        )[number % 5]


def test_a_whole_zone_is_what_they_say_it_is(theirs):
    found = fetched(theirs)
    assert (found.how, found.serial) == ("axfr", 1)
    assert ours(found.view) == theirs.content()
    assert len(found.view) > 500


def test_differences_lead_to_what_they_say_the_zone_is(theirs):
    before = fetched(theirs)
    theirs.edit(*edits(40))
    after = fetched(theirs, before.view)
    assert (after.how, after.instead_of) == ("ixfr", None)
    assert after.serial == 41
    assert after.octets < before.octets
    assert ours(after.view) == theirs.content()
    assert [change_set.to_serial for change_set in after.change_sets][-1] == 41
    assert fetched(theirs, after.view).how == "current"


def test_a_secondary_follows_by_its_timers_alone(theirs):
    async def run():
        versions = asyncio.Queue()

        async def update(_apex, view, changes, _fresh_at):
            versions.put_nowait((view, changes))

        secondary = SecondaryZone(
            APEX,
            [theirs.peer],
            None,
            on_update=update,
            on_contact=lambda *_: None,
            on_expire=lambda _: None,
            limits=LIMITS,
        )
        secondary.start()
        try:
            async with asyncio.timeout(BOUND_SECONDS):
                view, changes = await versions.get()
                assert changes is None
                await asyncio.to_thread(theirs.edit, *edits(10))
                while soa_of(view, APEX).serial != 11:
                    view, changes = await versions.get()
                    assert changes
            assert ours(view) == await asyncio.to_thread(theirs.content)
            assert secondary.status.error is None
        finally:
            await secondary.stop()

    asyncio.run(run())


def test_a_key_they_do_not_know_is_told(theirs):
    stranger = TsigKey(name_from_text("stranger."), ALGORITHM, SECRET)
    peer = Peer("theirs", "127.0.0.1", theirs.port, (stranger,), "foreign")
    with pytest.raises(Exception, match=r"127.0.0.1 port \d+\) TSIG: .*no key stranger\."):
        asyncio.run(fetch(APEX, peer, None, limits=LIMITS))


def test_an_unsigned_transfer_is_refused_by_them_and_said_so(theirs):
    peer = Peer("theirs", "127.0.0.1", theirs.port, (), "foreign")
    with pytest.raises(Exception, match=r"to AXFR of example.: .*key"):
        asyncio.run(fetch(APEX, peer, None, limits=LIMITS))
