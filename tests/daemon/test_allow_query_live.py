"""`allow_query` on the real node: for clients on the list, live, and for a secondary that is not on it."""

from collections.abc import Iterator
from pathlib import Path

import dns.edns
import dns.message
import dns.query
import dns.rcode
import pytest
from foreign_servers import Key
from harness import Daemon, wait_for

pytestmark = pytest.mark.daemon

ZONE = (
    "'': {type: NS, values: [ns1.in.example.]}\nns1: {type: A, value: 127.0.0.1}\nwww: {type: A, value: 192.0.2.%d}\n"
)
KEY = Key.called("between-us")


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Daemon]:
    (tmp_path / "other").mkdir()
    node = Daemon(tmp_path / "other")
    yield node
    node.stop()


def rcode(node: Daemon, source: str, *, tcp: bool = False) -> tuple[str, list[int]]:
    query = dns.message.make_query("www.in.example", "A", use_edns=0)
    send = dns.query.tcp if tcp else dns.query.udp
    reply = send(query, "127.0.0.1", timeout=20, port=node.port, source=source)
    return dns.rcode.to_text(reply.rcode()), [
        option.code for option in reply.options if isinstance(option, dns.edns.EDEOption)
    ]


def explained(node: Daemon, *more: str) -> str:
    return node.run("explain", "www.in.example", *more).stdout


def test_others_are_refused_over_udp_and_tcp_and_an_edit_is_live(daemon: Daemon) -> None:
    daemon.configure("zones_dir: zones\nallow_query: [127.0.2.0/24]\n")
    daemon.write("zones/in.example.yaml", ZONE % 1)
    daemon.start()
    for tcp in (False, True):
        assert rcode(daemon, "127.0.2.9", tcp=tcp) == ("NOERROR", [])
        assert rcode(daemon, "127.0.0.1", tcp=tcp) == ("REFUSED", [18])
    assert "www.in.example. A for 127.0.0.1: REFUSED" in explained(daemon, "--client", "127.0.0.1")
    assert "`allow_query` does not name this client" in explained(daemon, "--client", "127.0.0.1")
    assert "www.in.example. A for 127.0.2.9: NOERROR" in explained(daemon, "--client", "127.0.2.9")
    assert "`allow_query` says who may ask" in explained(daemon)
    daemon.configure("zones_dir: zones\nallow_query: [127.0.0.1]\n")
    wait_for(lambda: rcode(daemon, "127.0.0.1") == ("NOERROR", []), "the new list")
    assert rcode(daemon, "127.0.2.9") == ("REFUSED", [18])
    daemon.configure("zones_dir: zones\n")
    wait_for(lambda: rcode(daemon, "127.0.2.9") == ("NOERROR", []), "no list")
    assert "allow_query" not in explained(daemon)


def test_a_secondary_that_is_not_on_the_list_follows_its_primary(daemon: Daemon, other: Daemon) -> None:
    """It asks for the SOA before it transfers."""

    def peer(node: Daemon) -> str:
        return (
            f"keys: {{{KEY.yaml}}}\n"
            f"peers: {{them: {{address: 127.0.0.1, port: {node.port}, key: {KEY.name}, kind: foreign}}}}\n"
            "allow_query: [127.0.2.0/24]\n"
        )

    daemon.configure(
        peer(other) + "zones: {in.example: {file: zones/in.example.yaml, notify: [them], allow_transfer: [them]}}\n"
    )
    other.configure(peer(daemon) + "zones: {in.example: {primaries: [them]}}\n")
    daemon.write("zones/in.example.yaml", ZONE % 1)
    daemon.start()
    other.start()

    def value(node: Daemon) -> set[str]:
        query = dns.message.make_query("www.in.example", "A")
        reply = dns.query.udp(query, "127.0.0.1", timeout=20, port=node.port, source="127.0.2.1")
        return {rdata.to_text() for rrset in reply.answer for rdata in rrset}

    wait_for(lambda: value(other) == {"192.0.2.1"}, "the first transfer")
    daemon.write("zones/in.example.yaml", ZONE % 2)
    wait_for(lambda: value(other) == {"192.0.2.2"}, "the change to be transferred")
    assert rcode(other, "127.0.0.1") == ("REFUSED", [18])
    looks = daemon.run("cluster", "status")
    assert looks.returncode == 0, looks.stdout
