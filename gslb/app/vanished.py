"""Zones of `zones_dir` whose file is gone: which of them are served on for a while, and until when.

Editors, `git checkout` and `rsync` take files away for a moment, and a mistaken `rm` should leave time to see it. So a
zone whose file is not there any more is kept for `zones_dir_grace`; then it is dropped. Only what is there in the old
configuration and missing in the new one counts, and only in the same folder: whoever edits gslb.yaml means it.
"""

from dataclasses import replace

import structlog

from gslb.app.zones import Zones
from gslb.config.node_config import NodeConfig
from gslb.config.sources import ZoneSource
from gslb.wire.names import Name, name_to_text

log = structlog.get_logger("gslb")


def vanished(before: NodeConfig, after: NodeConfig) -> dict[Name, ZoneSource]:
    """The zones that `before` found in the folder, and `after` does not find anywhere."""
    if before.zones_dir is None or before.zones_dir != after.zones_dir:
        return {}
    return {
        apex: source
        for apex, source in before.zones.items()
        if apex not in after.zones and apex not in after.secondaries and source.path.parent == before.zones_dir
    }


def with_vanished(before: NodeConfig, after: NodeConfig, zones: Zones) -> NodeConfig:
    """The configuration `after`, and with it the zones that are served on though their file is gone. Each is told in
    the log, once."""
    kept = {}
    for apex, source in vanished(before, after).items():
        entry, now = zones.entries.get(apex), zones.clock()
        if entry is None:
            continue
        until = entry.gone_until if entry.gone_until is not None else now + after.zones_dir_grace_seconds
        if until <= now:
            continue
        kept[apex] = source
        if zones.hold(apex, until):
            seconds = round(until - now, 1)
            advice = "put it back, or drop the zone now with `gslb reload`"
            file, zone = str(source.path), name_to_text(apex)
            log.warning("zone_file_gone", zone=zone, file=file, seconds_left=seconds, advice=advice)
    return replace(after, zones=dict(after.zones) | kept)
