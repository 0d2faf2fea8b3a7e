"""EDNS options asked by dig of the real node, and cookies that nodes and BIND share."""

import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import dns.edns
import dns.message
import dns.query
import dns.rcode
import pytest
from foreign_servers import ForeignServer, ForeignZone, Key, serial_of
from harness import Daemon, wait_for
from ports import free_port

from gslb.wire.cookies import ServerCookies

pytestmark = pytest.mark.daemon

ZONE = """\
'': {type: NS, values: [ns1.opt.example.]}
ns1: {type: A, value: 127.0.0.1}
www: {type: A, ttl: 5, value: 192.0.2.1}
"""
MASTER_FILE = "$ORIGIN opt.example.\n@ 60 SOA ns ops 1 3600 600 86400 60\n@ 60 NS ns\nns 60 A 127.0.0.1\n"
SECRETS = ["00112233445566778899aabbccddeeff", "ffeeddccbbaa99887766554433221100"]


@pytest.fixture
def node(daemon: Daemon) -> Daemon:
    daemon.configure("zones_dir: zones\nnsid: on\n")
    daemon.write("zones/opt.example.yaml", ZONE)
    daemon.start()
    return daemon


@pytest.fixture
def dig(node: Daemon, tool: Callable[[str], str]) -> Callable[..., str]:
    program = tool("dig")

    def ask(*words: str) -> str:
        command = [program, "@127.0.0.1", "-p", str(node.port), "+nocmd", "+tries=1", "+time=20", *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout

    return ask


def test_dig_is_told_the_nsid_and_live_when_it_changes(node: Daemon, dig: Callable[..., str]) -> None:
    assert '("test")' in dig("+nsid", "www.opt.example")
    node.configure("zones_dir: zones\nnsid: fra-2\n")
    wait_for(lambda: '("fra-2")' in dig("+nsid", "www.opt.example"), "the new NSID")
    node.configure("zones_dir: zones\n")
    wait_for(lambda: "NSID" not in dig("+nsid", "www.opt.example"), "no NSID")


def test_dig_is_told_version_and_identity_of_class_chaos_and_live_when_they_change(
    node: Daemon, dig: Callable[..., str]
) -> None:
    assert '"test"' in dig("CH", "TXT", "id.server")
    assert "status: REFUSED" in dig("CH", "TXT", "version.bind")
    node.configure("zones_dir: zones\nversion: on\n")
    wait_for(lambda: '"gslb ' in dig("CH", "TXT", "version.bind"), "the version")
    assert "status: REFUSED" in dig("CH", "TXT", "hostname.bind")


def test_dig_finds_our_cookie_good_and_it_stays(dig: Callable[..., str]) -> None:
    first = dig("+cookie", "www.opt.example")
    cookie = re.search(r"COOKIE: ([0-9a-f]{48}) \(good\)", first)
    assert cookie, first
    assert "192.0.2.1" in first
    assert f"COOKIE: {cookie[1]} (good)" in dig(f"+cookie={cookie[1]}", "www.opt.example")
    assert f"COOKIE: {cookie[1]} (good)" in dig(f"+cookie={cookie[1]}", "+tcp", "www.opt.example")
    other = dig(f"+cookie={cookie[1]}", "-b", "127.0.0.9", "www.opt.example")
    assert "(good)" in other
    assert cookie[1] not in other, "a cookie is one address's"


def test_dig_sees_the_other_options_answered_or_passed_over(node: Daemon, dig: Callable[..., str]) -> None:
    assert "TCP KEEPALIVE: 10.0 secs" in dig("+tcp", "+keepalive", "www.opt.example")
    assert "KEEPALIVE" not in dig("+keepalive", "www.opt.example")
    unknown = dig("+ednsopt=100:abcd", "+nocookie", "www.opt.example")
    assert "192.0.2.1" in unknown
    assert "OPT=" not in unknown
    assert "EXPIRE: 1209600 (2 weeks)" in dig("+expire", "opt.example", "SOA")
    serial = node.ask("opt.example", "SOA").answer[0][0].serial
    octets = " ".join(f"{octet:02x}" for octet in b"\x02\x00" + serial.to_bytes(4, "big"))
    assert f"OPT=19: {octets}" in dig("+ednsopt=19", "www.opt.example")
    assert "BADVERS" in dig("+edns=1", "+noednsnegotiation", "www.opt.example")
    assert "EDE: 20 (Not Authoritative)" in dig("www.elsewhere.example")


def cookie_of(port: int, shown: bytes = b"abcdefgh") -> tuple[int, bytes]:
    """The rcode and the cookie that come back to a cookie."""
    query = dns.message.make_query("opt.example", "SOA", use_edns=0, options=[dns.edns.GenericOption(10, shown)])
    reply = dns.query.udp(query, "127.0.0.1", port=port, timeout=20)
    return reply.rcode(), next(option.to_wire() for option in reply.options if option.otype == 10)


def strict(node: Daemon, secrets: str) -> None:
    node.configure(f"zones_dir: zones\ncookies: {{{secrets}, required: true}}\n")


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Daemon]:
    (tmp_path / "other").mkdir()
    node = Daemon(tmp_path / "other")
    yield node
    node.stop()


def test_nodes_share_a_secret_and_change_it_while_every_cookie_stays_good(daemon: Daemon, other: Daemon) -> None:
    old, new = SECRETS
    for node in (daemon, other):
        strict(node, f"secret: {old}")
        node.write("zones/opt.example.yaml", ZONE)
        node.start()
    rcode, cookie = cookie_of(daemon.port)
    assert rcode == dns.rcode.BADCOOKIE
    assert cookie_of(other.port, cookie) == (dns.rcode.NOERROR, cookie)
    for node in (daemon, other):
        strict(node, f"secret: {old}, previous: {new}")
    early = ServerCookies(bytes.fromhex(new)).answer(b"12345678", "127.0.0.1", time.time())[0][4:]
    for node in (daemon, other):
        wait_for(lambda port=node.port: cookie_of(port, early)[0] == dns.rcode.NOERROR, "the new secret to be taken")
    strict(daemon, f"secret: {new}, previous: {old}")
    wait_for(lambda: cookie_of(daemon.port, cookie)[1] != cookie, "the new secret to be used")
    rcode, renewed = cookie_of(daemon.port, cookie)
    assert rcode == dns.rcode.NOERROR
    wait_for(lambda: cookie_of(other.port, renewed)[0] == dns.rcode.NOERROR, "the other to know the new secret")


def test_a_resolver_whose_cookie_is_required_comes_again_and_is_answered(node: Daemon, dig: Callable[..., str]) -> None:
    node.configure("zones_dir: zones\ncookies: {required: true}\n")
    wait_for(lambda: cookie_of(node.port)[0] == dns.rcode.BADCOOKIE, "cookies to be required")
    assert "192.0.2.1" in dig("+cookie", "www.opt.example")
    assert "192.0.2.1" in dig("+nocookie", "www.opt.example")


def test_cookies_of_bind_with_the_same_secret_are_good_here_and_ours_there(
    daemon: Daemon, tool: Callable[[str], str], tmp_path: Path
) -> None:
    tool("named")
    server = ForeignServer("bind", tmp_path / "bind", Key.called("unused"))
    server.serve(ForeignZone("opt.example", free_port(), MASTER_FILE))
    config = server.folder / "named.conf"
    shared = f'options {{ cookie-algorithm siphash24; cookie-secret "{SECRETS[0]}"; require-server-cookie yes;'
    config.write_text(config.read_text().replace("options {", shared, 1))
    strict(daemon, f"secret: {SECRETS[0]}")
    daemon.write("zones/opt.example.yaml", ZONE)
    daemon.start()
    server.start()
    try:
        wait_for(lambda: serial_of(server.port, "opt.example") == 1, "BIND to serve")
        rcode, theirs = cookie_of(server.port)
        assert rcode == dns.rcode.BADCOOKIE
        assert cookie_of(daemon.port, theirs) == (dns.rcode.NOERROR, theirs)
        rcode, ours = cookie_of(daemon.port, b"ijklmnop")
        assert rcode == dns.rcode.BADCOOKIE
        assert cookie_of(server.port, ours)[0] == dns.rcode.NOERROR
    finally:
        server.stop()
        shutil.rmtree(server.folder)
