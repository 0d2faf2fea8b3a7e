"""The demo's files are right, and its mistake is wrong in the line it says."""

import stat

import pytest

from gslb.config.node import load_node
from gslb.config.problems import ConfigError
from gslb.config.zones import load_zone
from gslb.demo.files import FolderError, broken, write_files, write_zone, zone_text
from gslb.demo.plan import APEX, FALL, RISE, make_plan
from gslb.demo.ports import EPHEMERAL, PlatformError, free_dns_port, free_tcp_port, is_free_for_dns


@pytest.fixture
def plan(tmp_path):
    plan = make_plan(tmp_path)
    write_files(plan, keep_zone=True)
    return plan


def loaded(plan):
    config = load_node(plan.nodes[0].config)
    (source,) = config.zones.values()
    return config, load_zone(source, config.monitors)


def test_the_files_load_without_a_warning_and_steer_with_the_weights_of_the_plan(plan):
    config, read = loaded(plan)
    assert read.warnings == ()
    assert config.monitors["web"].fall == FALL
    assert config.monitors["web"].rise == RISE
    weights = {
        key[0]: [member.weight for member in steered.pools[0].members] for key, steered in read.zone.steered.items()
    }
    www = b"\x03www\x04demo\x07example\x00"
    assert weights[www] == list(plan.weights.values())
    assert len(weights) == 3


def test_the_primary_tells_and_serves_the_secondary_which_has_no_file(plan):
    primary, secondary = (load_node(node.config) for node in plan.nodes)
    (source,), (follower,) = primary.zones.values(), secondary.secondaries.values()
    assert source.apex == follower.apex
    assert [(peer.name, peer.port) for peer in source.notify] == [("secondary", plan.nodes[1].dns_port)]
    assert source.allow_transfer.peers == source.notify
    assert [(peer.name, peer.port) for peer in follower.primaries] == [("primary", plan.nodes[0].dns_port)]
    assert source.notify[0].keys == follower.primaries[0].keys
    assert not secondary.zones


def test_the_key_is_for_its_owner_only_and_new_at_each_start(plan):
    first = plan.key_file.read_text()
    assert stat.S_IMODE(plan.key_file.stat().st_mode) == 0o600
    write_files(plan, keep_zone=True)
    assert plan.key_file.read_text() != first
    assert stat.S_IMODE(plan.key_file.stat().st_mode) == 0o600
    assert not any(first.strip() in node.config.read_text() for node in plan.nodes)


def test_the_edit_loads_and_has_the_new_record(plan):
    write_zone(plan, zone_text({"127.0.0.11": 1, "127.0.0.12": 1, "127.0.0.13": 3}, new_record="127.0.0.11"))
    _, read = loaded(plan)
    assert b"\x03new\x04demo\x07example\x00" in read.zone.rrsets


def test_the_mistake_is_refused_in_the_line_it_is_in(plan):
    text, line = broken(zone_text(plan.weights), "127.0.0.11")
    write_zone(plan, text)
    with pytest.raises(ConfigError) as caught:
        loaded(plan)
    (problem,) = caught.value.problems
    assert str(problem).startswith(f"{plan.zone_file}:{line}: ")


def test_an_edited_zone_is_kept_live_and_never_overwritten_by_the_story(plan):
    write_zone(plan, zone_text({"127.0.0.11": 9}))
    write_files(plan, keep_zone=True)
    assert plan.zone_file.read_text() == zone_text({"127.0.0.11": 9})
    with pytest.raises(FolderError, match="has been edited"):
        write_files(plan, keep_zone=False)


def test_the_story_takes_a_folder_that_it_left(plan):
    write_files(plan, keep_zone=False)
    assert plan.zone_file.name == f"{APEX}.yaml"


@pytest.mark.parametrize("node", ["primary", "secondary"])
def test_a_configuration_that_is_not_the_demos_is_left_alone(tmp_path, node):
    (tmp_path / node).mkdir()
    (tmp_path / node / "gslb.yaml").write_text("node: mine\n")
    with pytest.raises(FolderError, match="was not written by the demo"):
        write_files(make_plan(tmp_path), keep_zone=True)
    assert (tmp_path / node / "gslb.yaml").read_text() == "node: mine\n"
    assert [path.name for path in tmp_path.rglob("*")] == [node, "gslb.yaml"]


def test_a_port_that_is_taken_is_refused_with_what_to_do(tmp_path, taken_port):
    assert not is_free_for_dns("127.0.0.1", taken_port)
    with pytest.raises(PlatformError, match="choose another with --port"):
        make_plan(tmp_path, taken_port)


def test_ports_are_given_once_and_are_none_that_the_kernel_gives_to_clients():
    ports = [free_dns_port("127.0.0.1") for _ in range(20)] + [free_tcp_port(["127.0.0.1"]) for _ in range(20)]
    first, last = map(int, EPHEMERAL.read_text().split()) if EPHEMERAL.exists() else (32_768, 65_535)
    assert len({*ports}) == 40
    assert not any(first <= port <= last for port in ports)


def test_an_address_of_another_machine_is_told_with_what_would_help():
    with pytest.raises(PlatformError, match=r"192\.0\.2\.1 is no address of this system"):
        free_dns_port("192.0.2.1")
