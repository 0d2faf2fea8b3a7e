"""Who a zone is fetched from, who is told of it and who may fetch it, as gslb.yaml says."""

import pytest

from gslb.config.access import AccessList, ProbeBounds
from gslb.config.node import load_node
from gslb.config.peers import source_for
from gslb.config.prefixes import parse_prefix
from gslb.wire.names import name_from_text

HEAD = """\
listen: ["127.0.0.1:5300", "[::1]:5300"]
keys: {xfr: {secret: c2VjcmV0IHNlY3JldA==}, other: {secret: b3RoZXIgc2VjcmV0}}
peers:
  ns1: {address: 192.0.2.1, key: xfr}
  ns2: {address: 192.0.2.2, key: xfr}
  knot: {address: 192.0.2.3, key: other, kind: foreign}
  me: {address: 127.0.0.1, port: 5300, key: xfr}
"""
A, B = name_from_text("a."), name_from_text("b.")


@pytest.fixture
def load(tmp_path):
    def write_and_load(text, head=HEAD):
        path = tmp_path / "gslb.yaml"
        path.write_text(head + text)
        path.chmod(0o600)
        return load_node(path)

    return write_and_load


def names(peers):
    return [peer.name for peer in peers]


def test_a_zone_with_primaries_is_a_secondary_and_has_no_file(load):
    config = load("zones: {a: {file: a.yaml}, b: {primaries: [ns2, ns1]}}")
    assert set(config.zones) == {A}
    assert set(config.secondaries) == {B}
    assert names(config.secondaries[B].primaries) == ["ns2", "ns1"]


def test_one_alone_may_stand_without_brackets(load):
    config = load("zones: {b: {primaries: ns1, notify: knot, allow_transfer: knot}}")
    source = config.secondaries[B]
    assert (names(source.primaries), names(source.notify)) == (["ns1"], ["knot"])
    assert names(source.allow_transfer.peers) == ["knot"]


def test_nobody_is_told_and_nobody_may_fetch_unless_it_is_said(load):
    source = load("zones: {a: {file: a.yaml}}").zones[A]
    assert source.notify == ()
    assert not source.allow_transfer.allows("192.0.2.1", source.allow_transfer.known[0].keys[0])


def test_access_is_by_peers_keys_and_networks(load):
    config = load('zones: {a: {file: a.yaml, allow_transfer: [ns2, key:other, 198.51.100.7, "2001:db8::/32"]}}')
    assert config.zones[A].allow_transfer == AccessList(
        peers=(config.peers["ns2"],),
        keys=(config.keys["other"],),
        prefixes=(parse_prefix("198.51.100.7/32"), parse_prefix("2001:db8::/32")),
        known=tuple(config.peers.values()),
    )


def test_the_common_settings_go_for_zones_that_do_not_say_their_own(load, tmp_path):
    (tmp_path / "zones").mkdir()
    (tmp_path / "zones" / "found.yaml").write_text("")
    config = load(
        "notify: [ns2, knot]\nallow_transfer: [ns2]\nzones_dir: zones\n"
        "zones: {a: {file: a.yaml}, b: {file: b.yaml, notify: [], allow_transfer: [knot]}}"
    )
    for apex in (A, name_from_text("found.")):
        assert names(config.zones[apex].notify) == ["ns2", "knot"]
        assert names(config.zones[apex].allow_transfer.peers) == ["ns2"]
    assert config.zones[B].notify == ()
    assert names(config.zones[B].allow_transfer.peers) == ["knot"]


def test_a_key_with_nothing_behind_it_counts_as_left_out(load):
    config = load("notify: [ns2]\nzones: {a: {file: a.yaml, notify: , allow_transfer: ~}}")
    assert names(config.zones[A].notify) == ["ns2"]


def test_a_secondary_leaves_its_primaries_out_of_the_common_notify_but_not_out_of_its_own(load):
    config = load("notify: [ns1, ns2]\nzones: {a: {primaries: [ns1]}, b: {primaries: [ns1], notify: [ns1]}}")
    assert names(config.secondaries[A].notify) == ["ns2"]
    assert names(config.secondaries[B].notify) == ["ns1"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("zones: {a: {file: a.yaml, primaries: [ns1]}}", "zones.a: a zone has either `file` or `primaries`"),
        ("zones: {a: {}}", "zones.a: a zone has `file`, or as a secondary `primaries`"),
        ("zones: {a: {notify: [ns1]}}", "zones.a: a zone has `file`, or as a secondary `primaries`"),
        ("zones: {a: {primaries: ns1, format: master}}", "zones.a: `format` is that of a `file`"),
        ("zones: {a: {primaries: []}}", "zones.a.primaries: must have at least one entry"),
        ("zones: {a: {primaries: [ns3]}}", "zones.a.primaries: unknown peer 'ns3'; did you mean 'ns"),
        ("zones: {a: {primaries: [ns1, ns1]}}", "zones.a.primaries: 'ns1' is there twice"),
        ("zones: {a: {primaries: [me]}}", "zones.a.primaries: 'me' is this node itself (127.0.0.1 port 5300)"),
        ("zones: {a: {primaries: [192.0.2.1]}}", "zones.a.primaries: unknown peer '192.0.2.1'"),
        ("zones: {a: {file: a.yaml, notify: [me]}}", "zones.a.notify: 'me' is this node itself"),
        ("zones: {a: {file: a.yaml, notify: [[ns1]]}}", "zones.a.notify.0: must be text"),
        ("zones: {a: {file: a.yaml, kind: secondary}}", "zones.a.kind: a zone with `primaries` is a secondary"),
        ("notify: [me]", "notify: 'me' is this node itself"),
        ("notify: [knott]", "notify: unknown peer 'knott'; did you mean 'knot'?"),
        ("primaries: [ns1]", "primaries: `primaries` go with each zone, under `zones`"),
        ("allow_transfer: [knott]", "allow_transfer: unknown peer 'knott'; did you mean 'knot'?"),
        ("allow_transfer: [key:xfer]", "allow_transfer: unknown key 'xfer'; did you mean 'xfr'?"),
        ("allow_transfer: [192.0.2.1/24]", "allow_transfer: '192.0.2.1/24' has bits set behind its prefix; write"),
        ("allow_transfer: [192.0.2.0/33]", "allow_transfer: '192.0.2.0/33' is not a network; write one like"),
        ("allow_transfer: [300.0.2.1]", "allow_transfer: '300.0.2.1' is not a network; write one like"),
        ("probe_allow: [localhost]", "probe_allow: 'localhost' is not a network; write one like"),
        ("probe_allow: {a: b}", "probe_allow: must be a list of networks"),
    ],
)
def test_whatever_is_wrong_is_told_with_the_mend(refused, text, said):
    (problem,) = refused(text)
    assert problem.startswith(f"gslb.yaml:8: {said}")


def test_each_entry_of_a_list_has_its_own_line(refused):
    problems = refused("allow_transfer:\n  - ns9x\n  - ns2\n  - key:y\n")
    assert [problem.split(": unknown")[0] for problem in problems] == [
        "gslb.yaml:9: allow_transfer",
        "gslb.yaml:11: allow_transfer",
    ]


def test_without_peers_an_unknown_one_says_where_to_name_it(refused):
    assert refused("notify: [ns2]", head="") == [
        "gslb.yaml:1: notify: unknown peer 'ns2'; name it under `peers`, with its address and key"
    ]


def test_a_peer_whose_own_entry_is_wrong_is_told_once(refused):
    problems = refused("peers: {ns1: {address: x, key: k}}\nkeys: {k: {secret: c2VjcmV0IHNlY3JldA==}}\n"
                       "zones: {b: {primaries: [ns1]}}\nallow_transfer: [ns1]", head="")  # fmt: skip
    assert [problem.split(": ")[1] for problem in problems] == ["peers.ns1.address"]


@pytest.mark.parametrize(
    ("listen", "address", "own"),
    [
        ("0.0.0.0", "127.0.0.1", True),
        ("0.0.0.0", "192.0.2.1", False),
        ("0.0.0.0", '"::1"', False),
        ('"::"', '"::1"', True),
        ("127.0.0.1:5300", "127.0.0.1", False),
        ("192.0.2.1", "192.0.2.1", True),
    ],
)
def test_a_node_knows_its_own_addresses_as_far_as_the_file_tells(load, refused, listen, address, own):
    head = f"listen: {listen}\nkeys: {{k: {{secret: c2VjcmV0IHNlY3JldA==}}}}\n"
    text = f"peers: {{p: {{address: {address}, key: k}}}}\nnotify: [p]"
    if own:
        assert "is this node itself" in refused(text, head)[0]
    else:
        assert names(load(text, head).peers.values()) == ["p"]


def test_a_secondary_zone_must_not_be_found_in_zones_dir_too(refused, tmp_path):
    (tmp_path / "zones").mkdir()
    (tmp_path / "zones" / "B.yaml").write_text("")
    assert refused("zones_dir: zones\nzones:\n  b: {primaries: [ns1]}") == [
        "gslb.yaml:10: zones.b: the zone has `primaries`, and the file zones/B.yaml in zones_dir; remove one of the two"
    ]


def test_a_zone_is_there_once_be_it_by_file_or_by_primaries(refused):
    assert refused("zones: {a: {file: a.yaml}, A.: {primaries: [ns1]}}") == [
        "gslb.yaml:8: zones.A.: the zone a. is there twice"
    ]


def test_probes_are_bound_by_the_networks_that_are_named(load):
    assert load("node: n").probe_allow == ProbeBounds()
    assert load("probe_allow: 10.0.0.0/8").probe_allow == ProbeBounds((parse_prefix("10.0.0.0/8"),))
    assert load("probe_allow: []").probe_allow == ProbeBounds(())


def test_limits_of_transfers_are_read(load):
    limits = load(
        "limits: {transfers_out: 3, transfers_in: 2, transfer_timeout: 5m, transfer_idle: 5s, transfer_size: 2GiB,"
        " journal_size: 1MiB}"
    ).limits
    assert (limits.transfers_out, limits.transfers_in) == (3, 2)
    assert (limits.transfer_timeout_seconds, limits.transfer_idle_seconds) == (300.0, 5.0)
    assert (limits.transfer_size, limits.journal_size) == (2 << 30, 1 << 20)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("transfers_in: 0", "transfers_in: must be at least 1"),
        ("transfer_timeout: 60", "transfer_timeout: '60' has no unit"),
        ("journal_size: 64M", "journal_size: '64M' is not a size; write one like 512KiB, 64MiB or 1GiB"),
        ("transfer_size: 1KiB", "transfer_size: must be at least 65536"),
    ],
)
def test_limits_have_bounds(refused, text, said):
    (problem,) = refused(f"limits: {{{text}}}")
    assert problem.startswith(f"gslb.yaml:8: limits.{said}")


@pytest.mark.parametrize(
    ("host", "listen", "source"),
    [
        ("192.0.2.9", ["127.0.0.1", "192.0.2.1", "192.0.2.2"], "192.0.2.1"),
        ("127.0.0.9", ["192.0.2.1", "127.0.0.5"], "127.0.0.5"),
        ("2001:db8::9", ["192.0.2.1", "::1", "2001:db8::1"], "2001:db8::1"),
        ("192.0.2.9", ["0.0.0.0", "::"], None),
        ("192.0.2.9", ["2001:db8::1"], None),
    ],
)
def test_a_peer_is_spoken_to_from_the_address_that_it_can_list(host: str, listen: list[str], source: str | None):
    assert source_for(host, [(own, 53) for own in listen]) == source
