"""Any text is a configuration or a `ConfigError` with problems that have a line; nothing else comes out."""

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gslb.config.node import load_node
from gslb.config.problems import ConfigError
from gslb.config.zones import ZoneSource, load_zone
from gslb.wire.names import name_from_text

ROOT = Path(__file__).parent.parent.parent
APEX = name_from_text("example.com.")
SEEDS = {
    "octodns": [ROOT / "zones" / "example.com.yaml", Path(__file__).parent / "data" / "breadth.example.yaml"],
    "master": [ROOT / "zones" / "2.0.192.in-addr.arpa.zone"],
}
WORDS = [
    ":", "- ", "{", "}", "[", "]", "'", '"', "\n", "\n  ", "*", "&a ", "*a", "<<: ", "!!x ", "#", "~", "null", "", " ",
    "::", "-1", "1e9", "@", "..", "\\", "(", ")", ";", "$TTL", "$GENERATE 1-3 a$ A 1.2.3.$", "$INCLUDE x", "$ORIGIN .",
    "\t", "\0", "ü", "\ud7ff", "gslb", "dynamic", "pools", "values", "value", "weights", "type", "A", "TXT", "MX",
]  # fmt: skip
CLUSTER = """\
keys: {new: {secret: c2VjcmV0IHNlY3JldA==}, old: {secret: c2VjcmV0IHNlY3JldA==}}
peers:
  ns2: {address: 192.0.2.2, key: [new, old]}
  knot: {address: "2001:db8::53", port: 5300, key: old, kind: foreign}
notify: [ns2, knot]
allow_transfer: [ns2, key:old, 192.0.2.0/24, "2001:db8::/32"]
probe_allow: [10.0.0.0/8, 192.0.2.1]
zones: {a: {file: a.yaml, notify: knot}, b: {primaries: [ns2], allow_transfer: [knot]}}
limits: {transfers_in: 2, journal_size: 1GiB, transfer_idle: 5s}
"""


def problems_of(read):
    """The problems that reading ends in, None when it succeeds; any other exception fails the test."""
    try:
        read()
    except ConfigError as error:
        return error.problems
    return None


def check(problems):
    assert problems is None or problems
    assert all(problem.line >= 1 and problem.message for problem in problems or ())


def read_zone(text, kind):
    source = ZoneSource(APEX, Path("/nonexistent/zone"), kind)
    check(problems_of(lambda: load_zone(source, {}, text.encode("utf-8", "surrogatepass"))))


@pytest.mark.parametrize("kind", sorted(SEEDS))
@settings(max_examples=300, deadline=None)
@given(text=st.text(max_size=200))
def test_any_text_is_a_zone_or_problems(kind, text):
    read_zone(text, kind)


@pytest.mark.parametrize("kind", sorted(SEEDS))
@settings(max_examples=300, deadline=None)
@given(text=st.lists(st.sampled_from(WORDS), max_size=30).map("".join))
def test_any_mixture_of_the_words_of_the_format_is_a_zone_or_problems(kind, text):
    read_zone(text, kind)


@pytest.mark.parametrize("path", [path for paths in SEEDS.values() for path in paths], ids=lambda path: path.name)
def test_a_zone_with_anything_done_to_it_is_a_zone_or_problems(path):
    kind = "master" if path.suffix == ".zone" else "octodns"
    chance = random.Random(20)
    lines = path.read_text().splitlines(keepends=True)
    for _ in range(60):
        mutated = list(lines)
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(len(mutated))
            line = mutated[at]
            cut = chance.randrange(len(line) + 1)
            end = min(len(line), cut + chance.randint(0, 8))
            mutated[at] = line[:cut] + chance.choice(WORDS) + line[end:]
        read_zone("".join(mutated), kind)


@pytest.mark.parametrize("seed", [(ROOT / "deploy" / "gslb.yaml").read_text(), CLUSTER], ids=["example", "cluster"])
def test_gslb_yaml_with_anything_done_to_it_is_a_configuration_or_problems(tmp_path, seed):
    chance = random.Random(21)
    path = tmp_path / "gslb.yaml"
    path.touch(mode=0o600)
    for _ in range(150):
        cut = chance.randrange(len(seed))
        path.write_text(seed[:cut] + chance.choice(WORDS) + seed[cut + chance.randint(0, 8) :], errors="replace")
        check(problems_of(lambda: load_node(path)))
