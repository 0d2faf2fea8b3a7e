"""The policy and the probe of docs/EXTENDING.md work as they stand there, once they are in their registries."""

import asyncio
import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from gslb.config.node import load_node
from gslb.config.zones import ZoneSource, load_zone
from gslb.health.probes import PROBES
from gslb.steering.conditions import Health, MemberState
from gslb.steering.policies import POLICIES, Offer
from gslb.wire.names import name_from_text
from gslb.zone.steered import Member

PAGE = (Path(__file__).parents[2] / "docs/EXTENDING.md").read_text()


@pytest.fixture
def module() -> Callable[[str], ModuleType]:
    """The module that the guide gives whole: `module("even")`."""

    def written(name: str) -> ModuleType:
        (text,) = re.findall(rf'^```python\n("""{name}:.*?)^```', PAGE, re.MULTILINE | re.DOTALL)
        found = ModuleType(name)
        exec(compile(text, name, "exec"), found.__dict__)
        return found

    return written


def test_the_policy_of_the_guide_steers(
    module: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(POLICIES, "even", module("even").POLICY)
    zone = (
        b"'': {type: NS, value: ns.example.net.}\n"
        b"www: {type: A, values: [192.0.2.1, 192.0.2.2], gslb: {policy: even, weights: {192.0.2.1: 3}}}\n"
    )
    source = ZoneSource(name_from_text("z.example."), tmp_path / "z.yaml", "octodns", ())
    (steered,) = load_zone(source, {}, zone).zone.steered.values()
    assert steered.policy == "even"
    states = tuple(
        MemberState(Member(bytes((192, 0, 2, last)), weight=weight), Health.UP, True, False, "", None)
        for last, weight in ((1, 3), (2, 1))
    )
    distribution = POLICIES["even"].distribute(Offer(states, (3, 1), 1))
    assert [float(share) for share in distribution.shares()] == [0.5, 0.5]


def test_the_probe_of_the_guide_probes(
    module: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(PROBES, "resolves", module("resolves").PROBE)
    (tmp_path / "gslb.yaml").write_text("monitors: {names: {probe: resolves, interval: 30s}}\n")
    profile = load_node(tmp_path / "gslb.yaml").monitors["names"]
    probe = PROBES[profile.probe]
    options = probe.options.model_validate_json(profile.options)
    found = asyncio.run(probe.run("127.0.0.1", options, 5.0))
    assert (found.ok, found.reason) == (True, "resolves to 127.0.0.1")
    assert not asyncio.run(probe.run(64 * "x", options, 5.0)).ok
