"""octoDNS's health check, `octodns: {healthcheck: {protocol, port, path, host}}`, read as a monitor.

Its times are our defaults, since octoDNS has none. Without a host, the Host header is the record's name.
"""

from gslb.config.monitors import MonitorProfile, MonitorSchema
from gslb.config.problems import Findings
from gslb.config.sections import HealthcheckSchema
from gslb.config.validated import empty_mapping, validated
from gslb.config.yamltext import Mapping, Node, Text
from gslb.health.probes import PROBES
from gslb.wire.names import Name, name_to_text


def read_healthcheck(node: Node, owner: Name, path: str, findings: Findings) -> MonitorProfile | None:
    """The monitor for a record of `owner`, or None when it has problems."""
    schema = validated(HealthcheckSchema, node, findings, path)
    if schema is None or not isinstance(node, Mapping):
        return None
    kind = schema.protocol.lower()
    options = {"port": str(schema.port)}
    if kind != "tcp":
        default_host = "" if "host" in node else name_to_text(owner).rstrip(".")  # `host: null` is the value's own
        options |= {"path": schema.path, "host": schema.host or default_host}
    model = validated(PROBES[kind].options, _written(options, node), findings, path)
    if model is None:
        return None
    times = MonitorSchema(probe=kind)
    return MonitorProfile(kind, model.to_text(), times.interval, times.timeout, times.rise, times.fall)


def _written(options: dict[str, str], node: Mapping) -> Mapping:
    """The options as if they had been written in `node`, so that problems have a line."""
    mapping = empty_mapping(node.line)
    for key, value in options.items():
        text, name = Text(value), Text(key)
        text.line = name.line = node.key_line(key)
        text.plain = name.plain = False
        mapping[name] = text
    return mapping
