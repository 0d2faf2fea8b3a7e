"""`allow_query` of gslb.yaml, for the node and for one zone."""

from pathlib import Path

import pytest

from gslb.config.access import AccessList
from gslb.config.node import load_node
from gslb.config.node_config import NodeConfig
from gslb.config.problems import ConfigError
from gslb.wire.names import name_from_text

OTHERS = """\
keys:
  xfr: {algorithm: hmac-sha256, secret: c2VjcmV0IHNlY3JldCBzZWNyZXQ=}
peers:
  ns2: {address: 192.0.2.2, key: xfr}
zones_dir: zones
zones:
  own.example: {file: own.yaml, allow_query: [192.0.2.0/24, "key:xfr", ns2]}
  plain.example: {file: plain.yaml}
  nobodys.example: {file: nobodys.yaml, allow_query: []}
  second.example: {primaries: [ns2], allow_query: "2001:db8::/32"}
"""


def load(folder: Path, text: str) -> NodeConfig:
    (folder / "zones").mkdir(exist_ok=True)
    (folder / "zones/found.example.yaml").write_text("")
    path = folder / "gslb.yaml"
    path.write_text(f"node: a\n{text}")
    path.chmod(0o600)
    return load_node(path)


def allowed(config: NodeConfig, apex: str) -> AccessList | None:
    name = name_from_text(apex)
    return (config.zones.get(name) or config.secondaries[name]).allow_query


def test_without_a_word_everyone_may_ask(tmp_path: Path) -> None:
    config = load(tmp_path, OTHERS)
    assert allowed(config, "plain.example.") is None
    assert allowed(config, "found.example.") is None


def test_a_zone_says_its_own_and_the_others_take_the_common_list(tmp_path: Path) -> None:
    config = load(tmp_path, OTHERS + "allow_query: [198.51.100.0/24]\n")
    own, second = allowed(config, "own.example."), allowed(config, "second.example.")
    assert own.allows("192.0.2.77", None)
    assert own.allows("203.0.113.1", config.keys["xfr"])
    assert not own.allows("198.51.100.1", None)
    assert own.peers == (config.peers["ns2"],)
    assert second.allows("2001:db8::1", None)
    assert not allowed(config, "nobodys.example.").allows("192.0.2.2", None)
    for apex in ("plain.example.", "found.example."):
        assert allowed(config, apex).allows("198.51.100.1", None)
        assert not allowed(config, apex).allows("192.0.2.77", None)


@pytest.mark.parametrize(
    ("text", "where", "said"),
    [
        ("allow_query: [key:xrf]", "allow_query", "unknown key 'xrf'; did you mean 'xfr'?"),
        ("allow_query: [192.0.2.1/24]", "allow_query", "write 192.0.2.0/24"),
        ("allow_query: [ns3]", "allow_query", "unknown peer 'ns3'; did you mean 'ns2'?"),
        ("alow_query: []", "alow_query", "did you mean 'allow_query'?"),
    ],
)
def test_what_is_wrong_is_said_at_its_line(tmp_path: Path, text: str, where: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, f"{text}\n{OTHERS}")
    problem = caught.value.problems[0]
    assert (problem.line, problem.path) == (2, where)
    assert said in str(problem)
