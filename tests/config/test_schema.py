"""The JSON Schemas, tried on the examples by a validator that knows the keywords the schemas use."""

import re
from pathlib import Path

import pytest
import yaml

from gslb.config.forms import FORMS
from gslb.config.keys import KeySchema
from gslb.config.monitors import MonitorSchema
from gslb.config.node_schema import LimitsSchema, NodeSchema
from gslb.config.octodns import RECORD_KEYS
from gslb.config.peers import PeerSchema
from gslb.config.schema import json_schema_node, json_schema_zone
from gslb.config.sections import SoaSchema, SteeringSchema
from gslb.config.zonelist import ZoneSchema
from gslb.health.probes import PROBES

ROOT = Path(__file__).parent.parent.parent
TYPES = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
    "null": type(None),
}


def fits(value, schema, root):
    if "$ref" in schema and not fits(value, resolve(schema["$ref"], root), root):
        return False
    if "type" in schema and not any(is_type(value, name) for name in listed(schema["type"])):
        return False
    checks = [
        ("const", lambda wanted: value == wanted),
        ("enum", lambda wanted: value in wanted),
        ("pattern", lambda wanted: not isinstance(value, str) or re.search(wanted, value)),
        ("minimum", lambda wanted: not is_type(value, "number") or value >= wanted),
        ("maximum", lambda wanted: not is_type(value, "number") or value <= wanted),
        ("minItems", lambda wanted: not isinstance(value, list) or len(value) >= wanted),
        ("items", lambda wanted: not isinstance(value, list) or all(fits(item, wanted, root) for item in value)),
        ("required", lambda wanted: not isinstance(value, dict) or set(wanted) <= set(value)),
        ("anyOf", lambda wanted: any(fits(value, one, root) for one in wanted)),
        ("oneOf", lambda wanted: sum(fits(value, one, root) for one in wanted) == 1),
        ("allOf", lambda wanted: all(fits(value, one, root) for one in wanted)),
    ]
    if not all(check(schema[keyword]) for keyword, check in checks if keyword in schema):
        return False
    if "if" in schema and fits(value, schema["if"], root) and not fits(value, schema["then"], root):
        return False
    return not isinstance(value, dict) or fits_keys(value, schema, root)


def fits_keys(value, schema, root):
    known = schema.get("properties", {})
    others = schema.get("additionalProperties", True)
    for key, item in value.items():
        wanted = known.get(key, others)
        if wanted is False or (wanted is not True and not fits(item, wanted, root)):
            return False
    return True


def listed(value):
    return value if isinstance(value, list) else [value]


def is_type(value, name):
    return isinstance(value, TYPES[name]) and not (isinstance(value, bool) and name in {"integer", "number"})


def resolve(reference, root):
    found = root
    for step in reference.removeprefix("#/").split("/"):
        found = found[step]
    return found


def references(schema):
    if isinstance(schema, dict):
        if isinstance(schema.get("$ref"), str):
            yield schema["$ref"]
        for value in schema.values():
            yield from references(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from references(value)


NODE, ZONE = json_schema_node(), json_schema_zone()
RECORD = ZONE["$defs"]["record"]


@pytest.mark.parametrize("schema", [NODE, ZONE], ids=["node", "zone"])
def test_every_reference_leads_somewhere(schema):
    assert all(resolve(reference, schema) for reference in references(schema))


@pytest.mark.parametrize(
    ("path", "schema"),
    [
        ("deploy/gslb.yaml", NODE),
        ("zones/example.com.yaml", ZONE),
        ("tests/config/data/breadth.example.yaml", ZONE),
    ],
)
def test_the_examples_fit(path, schema):
    tree = yaml.safe_load((ROOT / path).read_text())
    for key, value in tree.items():
        assert fits({key: value}, schema, schema), key


@pytest.mark.parametrize(
    "text",
    [
        "nodee: a",
        "limits: {tcp_idle: 5}",
        "monitors: {web: {probe: http, prt: 80}}",
        "monitors: {web: {probe: none}}",
        "monitors: {db: {probe: tcp}}",
        "zones: {a: {fil: x}}",
        "log: {level: loud}",
        "peers: {ns2: {key: xfr}}",
        "peers: {ns2: {address: 192.0.2.1}}",
        "peers: {ns2: {address: 192.0.2.1, key: []}}",
        "peers: {ns2: {address: 192.0.2.1, key: xfr, kind: bind}}",
        "peers: {ns2: {address: 192.0.2.1, key: xfr, port: 0}}",
        "notify: 53",
        "zones: {a: {}}",
        "zones: {a: {primaries: []}}",
        "zones: {a: {file: a.yaml, primaries: [ns1]}}",
        "limits: {journal_size: 64M}",
    ],
)
def test_an_editor_marks_what_the_reader_of_gslb_yaml_refuses(text):
    assert not fits(yaml.safe_load(text), NODE, NODE)


@pytest.mark.parametrize(
    "text",
    [
        "peers: {ns2: {address: 192.0.2.1, key: [new, old]}, nsd: {address: 192.0.2.2, kind: foreign}}",
        "notify: ns2",
        "allow_transfer: [ns2, 'key:xfr', 192.0.2.0/24]",
        "zones: {a: {file: a.yaml, notify: []}, b: {primaries: ns1, allow_transfer: [ns2]}}",
        "limits: {journal_size: 64MiB, transfer_timeout: 10m}",
    ],
)
def test_an_editor_passes_what_the_reader_of_gslb_yaml_takes(text):
    assert fits(yaml.safe_load(text), NODE, NODE)


@pytest.mark.parametrize(
    "text",
    [
        "a: {value: 192.0.2.1}",
        "a: {type: A, valeu: 192.0.2.1}",
        "a: {type: MX, value: 10 mail.}",
        "a: {type: MX, value: {preference: 70000, exchange: m.}}",
        "a: {type: SRV, value: {priority: 1, weight: 1, port: 1}}",
        "a: {type: A, value: 192.0.2.1, ttl: 1h}",
        "a: {type: A, value: 192.0.2.1, gslb: {polcy: weighted}}",
        "a: {type: A, value: 192.0.2.1, gslb: {policy: best}}",
        "a: {type: A, value: 192.0.2.1, gslb: {monitor: {probe: http, prt: 1}}}",
        "a: {type: A, value: 192.0.2.1, dynamic: {pools: {}}}",
        "a: {type: A, value: 192.0.2.1, dynamic: {pools: {p: {values: [{value: x}]}}, rules: [{geos: [EU], pool: p}]}}",
    ],
)
def test_an_editor_marks_what_the_reader_of_zones_refuses(text):
    assert not fits(yaml.safe_load(text), ZONE, ZONE)


def test_no_key_is_read_that_the_schema_of_the_node_lacks():
    assert set(NODE["properties"]) == set(NodeSchema.model_fields)
    assert set(NODE["$defs"]["LimitsSchema"]["properties"]) == set(LimitsSchema.model_fields)
    assert set(NODE["$defs"]["KeySchema"]["properties"]) == set(KeySchema.model_fields)
    assert set(NODE["$defs"]["PeerSchema"]["properties"]) == set(PeerSchema.model_fields)
    assert set(NODE["$defs"]["ZoneSchema"]["properties"]) == set(ZoneSchema.model_fields)
    kinds = NODE["properties"]["monitors"]["additionalProperties"]["oneOf"]
    assert {kind["properties"]["probe"]["const"] for kind in kinds} == set(PROBES)
    for kind in kinds:
        options = PROBES[kind["properties"]["probe"]["const"]].options
        assert set(kind["properties"]) == set(MonitorSchema.model_fields) | set(options.model_fields)


def test_no_key_is_read_that_the_schema_of_zones_lacks():
    assert set(RECORD["properties"]) == set(RECORD_KEYS)
    steering, apex = RECORD["properties"]["gslb"]["anyOf"]
    assert set(steering["properties"]) == set(SteeringSchema.model_fields)
    assert set(apex["properties"]) == {"soa"}
    assert set(ZONE["$defs"]["SoaSchema"]["properties"]) == set(SoaSchema.model_fields)
    assert {one["if"]["properties"]["type"]["const"] for one in RECORD["allOf"]} == set(FORMS)


def test_durations_are_shown_as_they_are_written():
    interval = NODE["properties"]["monitors"]["additionalProperties"]["oneOf"][0]["properties"]["interval"]
    assert interval["default"] == "10s"
    assert re.search(interval["pattern"], interval["default"])


def test_sizes_are_shown_as_they_are_written():
    size = NODE["$defs"]["LimitsSchema"]["properties"]["journal_size"]
    assert size["default"] == "64MiB"
    assert re.search(size["pattern"], size["default"])
