"""From probe results to a verdict that does not flap.

A monitor that is UP goes DOWN after `fall` failures. They accumulate: a single success between them does not
forgive, so a member that fails every other probe goes down; `rise` straight successes do. A monitor that is DOWN
comes UP after `rise` straight successes. The first result after UNKNOWN is the verdict, so that a start or a new
member does not wait for counts.
"""

from dataclasses import dataclass

from gslb.health.probes import ProbeResult
from gslb.steering.conditions import Health, Verdict


@dataclass(frozen=True, slots=True)
class Track:
    """A verdict, and what counts towards the next one: failures since the last `rise` straight successes, and
    straight successes. Counting stops at the threshold."""

    verdict: Verdict
    failures: int = 0
    successes: int = 0


def unknown(now: float, reason: str) -> Track:
    """The track of a monitor that nothing is known about, and why."""
    return Track(Verdict(Health.UNKNOWN, since=now, reason=reason, checked=now))


def step(track: Track | None, result: ProbeResult, now: float, rise: int, fall: int) -> Track:
    """The track after `result`, found at `now` (Unix seconds). `track` None: the monitor was never probed."""
    before = track.verdict if track is not None else None
    if track is None or track.verdict.health is Health.UNKNOWN:
        health, failures, successes = _first(result)
    elif track.verdict.health is Health.UP:
        health, failures, successes = _from_up(track, result, rise, fall)
    else:
        health, failures, successes = _from_down(track, result, rise)
    verdict = Verdict(
        health,
        since=before.since if before is not None and before.health is health else now,
        reason=_reason(health, result, f"{failures} of {fall} failures", f"{successes} of {rise} successes"),
        checked=now,
        latency_seconds=result.latency_seconds if result.ok else before.latency_seconds if before else None,
    )
    return Track(verdict, failures, successes)


def _first(result: ProbeResult) -> tuple[Health, int, int]:
    return (Health.UP, 0, 1) if result.ok else (Health.DOWN, 0, 0)


def _from_up(track: Track, result: ProbeResult, rise: int, fall: int) -> tuple[Health, int, int]:
    if result.ok:
        successes = min(track.successes + 1, rise)
        return Health.UP, 0 if successes >= rise else track.failures, successes
    failures = track.failures + 1
    return (Health.DOWN, 0, 0) if failures >= fall else (Health.UP, failures, 0)


def _from_down(track: Track, result: ProbeResult, rise: int) -> tuple[Health, int, int]:
    successes = track.successes + 1 if result.ok else 0
    return (Health.UP if successes >= rise else Health.DOWN), 0, successes


def _reason(health: Health, result: ProbeResult, failures: str, successes: str) -> str:
    """A result that speaks against the verdict says how far it has come."""
    if health is Health.UP and not result.ok:
        return f"{result.reason} ({failures})"
    if health is Health.DOWN and result.ok:
        return f"{result.reason} ({successes})"
    return result.reason
