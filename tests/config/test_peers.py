"""Peers: how gslb.yaml names them, and whose message a message is."""

import pytest

from gslb.config.node import load_node
from gslb.config.peers import Peer
from gslb.config.problems import ConfigError
from gslb.wire.names import name_from_text
from gslb.wire.tsig import TsigKey

KEYS = """\
keys:
  new: {secret: bmV3IHNlY3JldA==}
  old: {secret: b2xkIHNlY3JldA==, algorithm: hmac-sha512}
"""
NEW = TsigKey(name_from_text("new."), "hmac-sha256", b"new secret")
OLD = TsigKey(name_from_text("old."), "hmac-sha512", b"old secret")


@pytest.fixture
def load(tmp_path):
    def write_and_load(peers):
        path = tmp_path / "gslb.yaml"
        path.write_text(f"{KEYS}peers:\n{peers}")
        path.chmod(0o600)
        return load_node(path).peers

    return write_and_load


def test_a_peer_is_a_gslb_node_on_the_port_of_dns_unless_told_otherwise(load):
    peers = load(
        "  ns2: {address: 192.0.2.2, key: new}\n"
        '  knot: {address: "2001:DB8::0:53", port: 5300, key: old, kind: foreign}\n'
    )
    assert dict(peers) == {
        "ns2": Peer("ns2", "192.0.2.2", 53, (NEW,), "gslb"),
        "knot": Peer("knot", "2001:db8::53", 5300, (OLD,), "foreign"),
    }


def test_two_keys_are_in_order_and_both_are_accepted(load):
    peer = load("  ns2: {address: 192.0.2.2, key: [new, old, new]}\n")["ns2"]
    assert peer.keys == (NEW, OLD)
    assert peer.matches("192.0.2.2", NEW)
    assert peer.matches("192.0.2.2", OLD)


def test_a_foreign_peer_may_go_without_a_key(load):
    peer = load("  nsd: {address: 192.0.2.3, kind: foreign}\n")["nsd"]
    assert peer.keys == ()
    assert peer.matches("192.0.2.3", None)
    assert peer.matches("192.0.2.3", NEW)


@pytest.mark.parametrize(
    ("address", "key"),
    [("192.0.2.2", None), ("192.0.2.2", OLD), ("192.0.2.3", NEW), ("2001:db8::2", NEW)],
)
def test_a_message_is_a_peers_only_with_its_address_and_its_key(address, key):
    assert not Peer("ns2", "192.0.2.2", keys=(NEW,)).matches(address, key)


def test_a_key_of_the_same_name_with_another_secret_is_another_key():
    forged = TsigKey(NEW.name, NEW.algorithm, b"guessed it")
    assert not Peer("ns2", "192.0.2.2", keys=(NEW,)).matches("192.0.2.2", forged)


def test_an_ipv4_address_in_ipv6_clothes_is_the_ipv4_address():
    assert Peer("ns2", "192.0.2.2", keys=(NEW,)).matches("::ffff:192.0.2.2", NEW)


def test_a_gslb_peer_without_a_key_is_refused_because_steering_travels_signed_only(refused):
    (problem,) = refused("  ns2: {address: 192.0.2.2}\n")
    assert problem.startswith("gslb.yaml:5: peers.ns2: a peer of kind gslb needs a `key`")
    assert "`kind: foreign`" in problem


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("{address: ns2.example, key: new}", "address: 'ns2.example' is not an address; write one like 192.0.2.1"),
        ("{address: 192.0.2.2:53, key: new}", "address: '192.0.2.2:53' is not an address"),
        ("{address: 0.0.0.0, key: new}", "address: 0.0.0.0 is not the address of one server"),
        ("{address: 224.0.0.1, key: new}", "address: 224.0.0.1 is not the address of one server"),
        ("{key: new}", "address: is missing"),
        ("{address: 192.0.2.2, port: 0, key: new}", "port: must be at least 1"),
        ("{address: 192.0.2.2, key: []}", "key: must have at least one entry"),
        ("{address: 192.0.2.2, key: {a: b}}", "key: must be a list"),
        ("{address: 192.0.2.2, key: nwe}", "key: unknown key 'nwe'; did you mean 'new'?"),
        ("{address: 192.0.2.2, key: [new, older]}", "key: unknown key 'older'; did you mean 'old'?"),
        ("{address: 192.0.2.2, key: new, kind: bind}", "kind: must be one of 'gslb' or 'foreign', not 'bind'"),
        ("{address: 192.0.2.2, key: new, prot: 53}", "prot: unknown key 'prot'; did you mean 'port'?"),
    ],
)
def test_whatever_is_wrong_with_a_peer_is_told_with_the_mend(refused, written, said):
    (problem,) = refused(f"  ns2: {written}\n")
    assert problem.startswith(f"gslb.yaml:5: peers.ns2.{said}")


def test_an_address_and_port_belong_to_one_peer(refused):
    assert refused("  a: {address: 192.0.2.2, key: new}\n  b: {address: 192.0.2.2, kind: foreign}\n") == [
        "gslb.yaml:6: peers.b: 192.0.2.2 port 53 is the peer 'a' already"
    ]


def test_a_gslb_and_a_foreign_peer_of_one_address_need_different_keys(load, refused):
    ours = "  a: {address: 192.0.2.2, key: [new, old]}\n"
    (problem,) = refused(ours + "  b: {address: 192.0.2.2, port: 54, key: old, kind: foreign}\n")
    assert problem == (
        "gslb.yaml:6: peers.b: requests from 192.0.2.2 with this key may be of 'a', which is gslb; "
        "give one of the two a key of its own"
    )
    assert len(load(ours + "  b: {address: 192.0.2.2, port: 54, kind: foreign}\n")) == 2
    assert len(load(ours + "  b: {address: 192.0.2.2, port: 54, key: old}\n")) == 2


def test_a_key_whose_own_entry_is_wrong_is_told_once(tmp_path):
    path = tmp_path / "gslb.yaml"
    path.write_text("keys: {xfr: {secret: '!!'}}\npeers: {ns2: {address: 192.0.2.2, key: xfr}}\n")
    path.chmod(0o600)
    with pytest.raises(ConfigError) as caught:
        load_node(path)
    assert [problem.path for problem in caught.value.problems] == ["keys.xfr.secret"]


def test_two_keys_of_one_name_on_the_wire_are_refused(tmp_path):
    path = tmp_path / "gslb.yaml"
    path.write_text("keys:\n  xfr: {secret: bmV3IHNlY3JldA==}\n  XFR.: {secret: b2xkIHNlY3JldA==}\n")
    path.chmod(0o600)
    with pytest.raises(ConfigError, match=r":3: keys\.XFR\.: on the wire this is the name of the key 'xfr' too"):
        load_node(path)


def test_keys_are_found_by_their_names_on_the_wire(tmp_path):
    path = tmp_path / "gslb.yaml"
    path.write_text("keys: {Xfr.Example: {secret: bmV3IHNlY3JldA==}}\n")
    path.chmod(0o600)
    assert set(load_node(path).tsig_keys) == {name_from_text("xfr.example.")}
