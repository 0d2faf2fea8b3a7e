"""JSON Schemas of gslb.yaml and of zone files, for editors that complete and check while one types.

They are made of the same models and tables that read the files, so that a key cannot be in one and not in the other.
An editor sees YAML's own types: where we read the text of a scalar, numbers and booleans are let through.
"""

from typing import Any

from pydantic import BaseModel

from gslb.config.forms import FORMS, SVCB_FIELDS, SVCPARAMS, Field, FieldsForm, TextForm
from gslb.config.monitors import MonitorSchema
from gslb.config.node_schema import NodeSchema
from gslb.config.octodns import OCTODNS_KEYS, RECORD_KEYS
from gslb.config.sections import ApexSchema, DynamicSchema, HealthcheckSchema, SteeringSchema
from gslb.config.sizes import size_text
from gslb.health.probes import PROBES
from gslb.zone.checks import MAX_TTL

JsonSchema = dict[str, Any]

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_SCALAR: JsonSchema = {"type": ["string", "number", "boolean"]}
_PROVIDERS: JsonSchema = {"type": "array", "items": {"type": "string"}}


def json_schema_node() -> JsonSchema:
    """The schema of gslb.yaml."""
    definitions: JsonSchema = {}
    schema = _model(NodeSchema, definitions)
    schema["properties"]["monitors"]["additionalProperties"] = _monitor(definitions)
    for name in ("api", "cookies", "rate_limit"):
        schema["properties"][name]["anyOf"].append({"enum": ["off", False]})
    return {"$schema": _DIALECT, "title": "gslb.yaml", **schema, "$defs": definitions}


def json_schema_zone() -> JsonSchema:
    """The schema of a zone file: owners relative to the apex, each with a record or a list of records."""
    definitions: JsonSchema = {}
    definitions["monitor"] = _monitor(definitions)
    definitions["record"] = _record(definitions)
    record = {"$ref": "#/$defs/record"}
    owners = {"anyOf": [record, {"type": "array", "items": record}]}
    return {
        "$schema": _DIALECT,
        "title": "a zone of gslb",
        "type": "object",
        "additionalProperties": owners,
        "$defs": definitions,
    }


def _model(model: type[BaseModel], definitions: JsonSchema) -> JsonSchema:
    """The schema of a model; the models inside it go to `definitions`."""
    schema = _tidied(model.model_json_schema(ref_template="#/$defs/{model}"))
    definitions |= schema.pop("$defs", {})
    return dict(schema)


def _tidied(schema: Any) -> Any:
    """Without pydantic's titles, and without defaults that are in our inner forms."""
    if isinstance(schema, list):
        return [_tidied(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    default = schema.get("default")
    if isinstance(default, float) and schema.get("type") == "string":
        schema = schema | {"default": f"{default:g}s"}
    elif isinstance(default, int) and schema.get("type") == "string":
        schema = schema | {"default": size_text(default)}
    elif default is None or isinstance(default, list | dict):
        schema = {key: value for key, value in schema.items() if key != "default"}
    named = {key: value for key, value in schema.items() if key != "title" or isinstance(value, dict)}
    return {key: _tidied(value) for key, value in named.items()}


def _monitor(definitions: JsonSchema) -> JsonSchema:
    """A monitor: for each kind of probe, what all monitors have and that kind's options."""
    shared = _model(MonitorSchema, definitions)["properties"]
    kinds = []
    for kind, probe in PROBES.items():
        options = _model(probe.options, definitions)
        properties = shared | options["properties"] | {"probe": {"const": kind, "description": probe.summary}}
        required = ["probe", *options.get("required", [])]
        kinds.append(_object(properties, required))
    return {"type": "object", "oneOf": kinds}


def _record(definitions: JsonSchema) -> JsonSchema:
    steering = _model(SteeringSchema, definitions)
    steering["properties"]["monitor"] |= {"anyOf": [{"type": "string"}, {"$ref": "#/$defs/monitor"}]}
    keys: JsonSchema = {
        "type": {"type": "string", "examples": list(FORMS)},
        "ttl": {"type": "integer", "minimum": 0, "maximum": MAX_TTL},
        "value": {},
        "values": {},
        "dynamic": _model(DynamicSchema, definitions),
        "octodns": _octodns(definitions),
        "gslb": {"anyOf": [steering, _model(ApexSchema, definitions)]},
    }
    record = _object({key: keys[key] for key in RECORD_KEYS}, ["type"])
    record["allOf"] = [_values_of(name, form) for name, form in FORMS.items()]
    return record


def _octodns(definitions: JsonSchema) -> JsonSchema:
    keys: JsonSchema = {
        "healthcheck": _model(HealthcheckSchema, definitions),
        "ignored": {"type": "boolean"},
        "excluded": _PROVIDERS,
        "included": _PROVIDERS,
        "lenient": {"type": "boolean"},
    }
    return {"type": "object", "properties": {key: keys[key] for key in OCTODNS_KEYS}}


def _values_of(name: str, form: TextForm | FieldsForm) -> JsonSchema:
    """What `value` and `values` of a type look like."""
    one = _SCALAR if isinstance(form, TextForm) else {"anyOf": _shapes(form)}
    several = {"anyOf": [one, {"type": "array", "items": one, "minItems": 1}]}
    return {
        "if": {"properties": {"type": {"const": name}}, "required": ["type"]},
        "then": {"properties": {"value": several, "values": several}},
    }


def _shapes(form: FieldsForm) -> list[JsonSchema]:
    return [_shape(fields) for fields in (form.fields, form.former) if fields]


def _shape(fields: tuple[Field, ...]) -> JsonSchema:
    properties = {name: dict(item.schema) for item in fields for name in (item.name, *item.aliases)}
    if fields is SVCB_FIELDS:
        properties[SVCPARAMS] = {"type": "object"}
    return _object(properties, [item.name for item in fields if item.default is None and not item.aliases])


def _object(properties: JsonSchema, required: list[str]) -> JsonSchema:
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
