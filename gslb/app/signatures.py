"""How long the signatures of the zones served hold: what status and metrics show, and warnings as the end comes near.

A zone whose signatures have run out is served on. Validators refuse its answers then, but only the signer can help,
and resolvers that do not validate still get what they ask for.
"""

from collections.abc import Iterator
from typing import Any

import structlog
from prometheus_client.core import GaugeMetricFamily, Metric

from gslb.answer.compile import ZoneTable
from gslb.answer.table import AnswerTable
from gslb.wire.names import Name
from gslb.zone.serial import nearest

log = structlog.get_logger("gslb")

SOON_SECONDS = 86400
"""Signers renew signatures days before they end; less than this says that one has stopped."""
_HOLDS, _SOON, _OVER = "hold", "expire soon", "have expired"


def expires_at(table: ZoneTable | None, now: float) -> float | None:
    """When the first rrset of a zone is without a signature that holds, in Unix seconds; None for unsigned zones."""
    if table is None or table.signing is None:
        return None
    return float(nearest(table.signing.expires, int(now)))


def signing_status(table: ZoneTable | None, now: float) -> dict[str, Any] | None:
    """How a zone is signed, as `gslb status` shows it; None for unsigned zones."""
    expires = expires_at(table, now)
    if table is None or table.signing is None or expires is None:
        return None
    return {"denial": table.signing.denial.kind, "expires": expires, "state": _state(expires - now)}


def signature_readings(table: AnswerTable, now: float) -> Iterator[Metric]:
    family = GaugeMetricFamily(
        "gslb_zone_signature_expires_seconds",
        "Seconds until the first signature of a signed zone expires; negative when it has",
        labels=["zone"],
    )
    for zone, seconds in _seconds_left(table, now).values():
        family.add_metric([zone.text], seconds)
    yield family


class SignatureWatch:
    """Says in the log, once each, that signatures of a zone expire soon, have expired, or hold again."""

    def __init__(self) -> None:
        self._states: dict[Name, str] = {}

    def look(self, table: AnswerTable, now: float) -> None:
        """Compare what is served with what was said of it."""
        left = _seconds_left(table, now)
        states = {apex: _state(seconds) for apex, (_, seconds) in left.items()}
        for apex, state in states.items():
            if state != self._states.get(apex, _HOLDS):
                _tell(*left[apex], state)
        self._states = states


def _seconds_left(table: AnswerTable, now: float) -> dict[Name, tuple[ZoneTable, float]]:
    """The signed zones, and how long their signatures hold."""
    expiries = [(zone, expires_at(zone, now)) for zone in table.zones.values()]
    return {zone.apex: (zone, until - now) for zone, until in expiries if zone is not None and until is not None}


def _state(seconds_left: float) -> str:
    if seconds_left <= 0:
        return _OVER
    return _SOON if seconds_left < SOON_SECONDS else _HOLDS


def _tell(zone: ZoneTable, seconds_left: float, state: str) -> None:
    facts = {"zone": zone.text, "serial": zone.zone.serial, "seconds_left": round(seconds_left)}
    if state == _HOLDS:
        log.info("signatures_hold_again", **facts)
        return
    event = "signatures_expired" if state == _OVER else "signatures_expire_soon"
    log.warning(event, **facts, advice="see that its signer runs, and that its versions arrive here")
