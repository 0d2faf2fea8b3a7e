"""What a fuzz target is, and the list of them.

A target says one sentence that must hold for any octets, and checks it: `check` raises for octets that break it, and
for nothing else. `seeds` are octets to begin with, `mutate` changes octets in ways that know their structure; both
make coverage, neither is needed for the sentence to hold. Targets know nothing of atheris.
"""

import importlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from random import Random

Mutator = Callable[[bytes, Random], bytes]

TARGETS = {
    "query": "target_query",
    "exchange": "target_exchange",
    "message": "target_message",
    "tsig": "target_tsig",
    "edns": "target_edns",
    "zone_yaml": "target_zone_yaml",
    "master_file": "target_master_file",
    "node_config": "target_node_config",
    "inbound": "target_inbound",
    "steering_text": "target_steering_text",
    "journal": "target_journal",
    "control": "target_control",
}
"""Each target and the module that holds it."""


@dataclass(frozen=True, slots=True)
class Target:
    """`rule` is the sentence. An input of at most `most_octets` that takes longer than `most_seconds` is a finding."""

    rule: str
    seeds: Callable[[], Iterable[bytes]]
    check: Callable[[bytes], None]
    mutate: Mutator
    most_octets: int = 4096
    most_seconds: int = 5


def load(name: str) -> Target:
    """The target of this name, imported only now: atheris must see the imports of what it is to watch."""
    target = importlib.import_module(TARGETS[name]).TARGET
    assert isinstance(target, Target)
    return target
