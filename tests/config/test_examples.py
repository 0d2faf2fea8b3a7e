"""The example files that people start from: they load, without a warning, and say every key there is."""

import re
from pathlib import Path

import pytest

from gslb.config.cookies import CookiesSchema
from gslb.config.keys import KeySchema
from gslb.config.monitors import MonitorSchema
from gslb.config.node import load_node
from gslb.config.node_schema import ApiSchema, LimitsSchema, LogSchema, NodeSchema
from gslb.config.peers import PeerSchema
from gslb.config.rate_limit import RateLimitSchema
from gslb.config.sections import PoolSchema, PoolValueSchema, SoaSchema, SteeringSchema
from gslb.config.sources import ZoneSource, format_of
from gslb.config.zonelist import ZoneSchema
from gslb.config.zones import load_zone
from gslb.health.probes import PROBES
from gslb.steering.policies import POLICIES
from gslb.wire.names import name_from_text

ROOT = Path(__file__).parent.parent.parent
NODE = ROOT / "deploy" / "gslb.yaml"
ZONES = sorted((ROOT / "zones").glob("*.*"))


def test_the_example_node_loads_with_all_its_zones():
    config = load_node(NODE)
    assert len(config.zones) == 2
    for source in config.zones.values():
        assert load_zone(source, config.monitors).warnings == ()


@pytest.mark.parametrize("path", ZONES, ids=[path.name for path in ZONES])
def test_every_example_zone_loads_without_a_warning(path):
    kind = format_of(path)
    assert kind is not None
    source = ZoneSource(name_from_text(path.stem), path, kind)
    assert load_zone(source, load_node(NODE).monitors).warnings == ()


def test_the_example_node_names_every_key():
    text = NODE.read_text()
    options = {name for probe in PROBES.values() for name in probe.options.model_fields}
    nodes = (NodeSchema, ApiSchema, LogSchema, CookiesSchema, RateLimitSchema, LimitsSchema)
    models = (*nodes, ZoneSchema, KeySchema, PeerSchema, MonitorSchema)
    for key in options.union(*(model.model_fields for model in models)):
        assert re.search(rf"\b{key}:", text), key


def test_the_example_zone_names_every_key_of_ours_and_uses_every_policy():
    text = (ROOT / "zones" / "example.com.yaml").read_text()
    for model in (SoaSchema, SteeringSchema, PoolSchema, PoolValueSchema):
        for key in model.model_fields:
            assert re.search(rf"\b{key}:", text), key
    zone = load_zone(
        ZoneSource(name_from_text("example.com."), ROOT / "zones" / "example.com.yaml", "octodns"),
        load_node(NODE).monitors,
    ).zone
    assert {steered.policy for steered in zone.steered.values()} == set(POLICIES)
