"""Monitors as people write them: the probe's kind, when it is tried, and the options of that kind.

A profile has no target yet: each member that uses it is probed at its own value, unless the profile or the zone
says another target. The options are validated by the probe's own model, found in `health.probes.PROBES`.

A file that an option names is read as a probe would. In gslb.yaml one that cannot be is an error. In a zone it is a
warning: the zone is the same on nodes that have the file and on those that have not, and a lost file must not cost a
zone that stands.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Self

from pydantic import BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from gslb.config.durations import PATTERN, parse_duration
from gslb.config.problems import Findings, did_you_mean
from gslb.config.validated import Schema, empty_mapping, validated
from gslb.config.yamltext import Mapping, Node, Text
from gslb.health.probes import PROBES, ProbeImpossibleError, ProbeOptions
from gslb.zone.steered import Monitor

Duration = Annotated[float, BeforeValidator(parse_duration), WithJsonSchema({"type": "string", "pattern": PATTERN})]
"""A field that is written as a duration and held in seconds."""


class MonitorSchema(Schema):
    """What all kinds of monitors have; the remaining keys are the probe's options."""

    model_config = ConfigDict(extra="allow", frozen=True)

    probe: Annotated[str, Field(description="Kind of probe.", json_schema_extra={"enum": sorted(PROBES)})]
    target: Annotated[
        str | None,
        Field(min_length=1, description="Host to probe: an address or a name. Left out: the value that is answered."),
    ] = None
    interval: Annotated[Duration, Field(ge=0.1, le=86400, description="Time from one probe to the next.")] = 10.0
    timeout: Annotated[Duration, Field(ge=0.01, le=3600, description="Time after which a probe has failed.")] = 2.0
    rise: Annotated[int, Field(ge=1, le=100, description="Straight successes that bring a member up.")] = 2
    fall: Annotated[int, Field(ge=1, le=100, description="Failures that take a member down.")] = 3

    @model_validator(mode="after")
    def _timeout_fits(self) -> Self:
        if self.timeout > self.interval:
            raise ValueError(
                f"the timeout ({self.timeout:g}s) must not be longer than the interval ({self.interval:g}s)"
            )
        return self


@dataclass(frozen=True, slots=True)
class MonitorProfile:
    """A monitor without a target. `options` is canonical JSON, as in `zone.steered.Monitor`; `target` None means
    that each member is probed at its own value."""

    probe: str
    options: str
    interval_seconds: float
    timeout_seconds: float
    rise: int
    fall: int
    target: str | None = None

    def for_target(self, host: str) -> Monitor:
        """The monitor of one member: its target is `host`, unless the profile names one."""
        return Monitor(
            self.probe,
            self.target or host,
            self.options,
            self.interval_seconds,
            self.timeout_seconds,
            self.rise,
            self.fall,
        )


def read_monitor(node: Node, findings: Findings, path: str, *, in_zone: bool = False) -> MonitorProfile | None:
    """The profile written in `node`, or None when it has problems, which go to `findings`."""
    if isinstance(node, Text) and node.is_absent:
        node = empty_mapping(node.line)
    if not isinstance(node, Mapping):
        findings.error(node.line, path, "must be a mapping of keys, such as {probe: http, port: 80}")
        return None
    before = len(findings.problems)
    ours, options = _divided(node)
    shared = validated(MonitorSchema, ours, findings, path)
    kind = str(node.get("probe", ""))
    if "probe" in node and kind not in PROBES:
        message = f"unknown probe {kind!r}{did_you_mean(kind, PROBES)}"
        findings.error(node.key_line("probe"), f"{path}.probe", message)
    if kind not in PROBES:
        return None
    model = validated(PROBES[kind].options, options, findings, path, also_known=MonitorSchema.model_fields)
    if model is not None:
        _try_files(model, node, findings.warn if in_zone else findings.error, path)
    if shared is None or model is None or len(findings.problems) > before:
        return None
    return MonitorProfile(
        kind, model.to_text(), shared.interval, shared.timeout, shared.rise, shared.fall, shared.target
    )


def files_of_monitor(node: Node) -> tuple[Path, ...]:
    """The files that a monitor names, as far as it can be read."""
    kind = PROBES.get(str(node.get("probe", ""))) if isinstance(node, Mapping) else None
    if kind is None or not isinstance(node, Mapping):
        return ()
    model = validated(kind.options, _divided(node)[1], Findings(""), "")
    return tuple(model.files().values()) if model is not None else ()


def _try_files(model: ProbeOptions, node: Mapping, tell: Callable[[int, str, str], None], path: str) -> None:
    try:
        model.try_files()
    except ProbeImpossibleError as error:
        option = next(iter(model.files()))
        tell(node.key_line(option), f"{path}.{option}", str(error))


def _divided(node: Mapping) -> tuple[Mapping, Mapping]:
    """The keys that all monitors have, and the options of the probe."""
    ours, options = empty_mapping(node.line), empty_mapping(node.line)
    for key, value in node.items():
        (ours if str(key) in MonitorSchema.model_fields else options)[key] = value
    return ours, options
