"""What the node and its prober say to each other: one JSON document a line, both ways.

The node sends the full set of monitors whenever it changes, each with its last track. The prober sends reports:
tracks that are new, and the counts since the report before; an empty report is its heartbeat. The two are
always the same version of this code.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import TypeAdapter

from gslb.health.counts import ProbeCounts
from gslb.health.hysteresis import Track
from gslb.zone.steered import Monitor

LINE_LIMIT = 1 << 28
"""Octets of the longest line: some hundred thousand monitors."""
HEARTBEAT_SECONDS = 1.0
"""A report is sent at least this often."""

Watch = Mapping[Monitor, Track | None]
"""All monitors wanted; None: nothing is known of it."""


@dataclass(frozen=True, slots=True)
class Report:
    """Tracks by `Monitor.key`, and counts by kind of probe."""

    tracks: dict[str, Track] = field(default_factory=dict)
    counts: dict[str, ProbeCounts] = field(default_factory=dict)


_WATCH: TypeAdapter[list[tuple[Monitor, Track | None]]] = TypeAdapter(list[tuple[Monitor, Track | None]])
_REPORT = TypeAdapter(Report)


def render_watch(watch: Watch) -> bytes:
    return _WATCH.dump_json(list(watch.items())) + b"\n"


def parse_watch(line: bytes) -> Watch:
    """Raises `ValueError`."""
    return dict(_WATCH.validate_json(line))


def render_report(report: Report) -> bytes:
    return _REPORT.dump_json(report) + b"\n"


def parse_report(line: bytes) -> Report:
    """Raises `ValueError`."""
    return _REPORT.validate_json(line)
