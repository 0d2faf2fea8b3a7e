"""One measurement: a workload put to a running server, and what it cost.

The generator's report gives the rate; /proc gives the CPU time that the server's whole process tree used meanwhile.
Divided by the replies received, that is the CPU time per answered query. A sample in which other processes (or the
host of a virtual machine) used more than `FOREIGN_LIMIT` of one of the two CPUs is dirty: it says less about the
server than about the neighbours.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from generator import GeneratorError, Load, Report, blast
from procstat import CpuTime, busy_seconds, own_time, tree_time
from running import Running
from zonedata import Outcome, Workload

FOREIGN_LIMIT = 0.06
WARM_UP_SECONDS = 0.5
PAUSE_SECONDS = 1.0
OUTCOME_TOLERANCE = 0.02


class WrongAnswersError(Exception):
    """The server answered something else than the zone says: how fast does not matter."""


@dataclass(frozen=True, slots=True)
class Cpus:
    """The CPU that servers run on, and the one for the generator and ourselves."""

    server: int
    generator: int

    def busy(self, *, interrupts: bool) -> tuple[float, float]:
        """The busy seconds so far of both."""
        return busy_seconds(self.server, interrupts=interrupts), busy_seconds(self.generator, interrupts=interrupts)


@dataclass(frozen=True, slots=True)
class Sample:
    """What one measurement saw. CPU figures are microseconds of CPU per answered query; shares are of one CPU."""

    server: str
    workload: str
    edns: bool
    round: int
    qps: float
    cpu_us: float
    user_us: float
    system_us: float
    sent: int
    received: int
    lost: int
    p50_us: int
    p99_us: int
    average_bytes: float
    server_share: float
    generator_share: float
    foreign_share: float

    @property
    def dirty(self) -> bool:
        return self.foreign_share > FOREIGN_LIMIT


@dataclass(frozen=True, slots=True)
class Subject:
    """What is measured: a started server under load from a query file by the compiled generator."""

    server: str
    running: Running
    workload: Workload
    queries: Path
    blast: Path
    cpus: Cpus
    interrupts: bool  # see `processes_hold_interrupts`


@dataclass(frozen=True, slots=True)
class _Clock:
    """Everything that is read before and after a measurement."""

    wall: float
    server: CpuTime
    ours: CpuTime
    busy: tuple[float, float]  # the server's CPU and the generator's


def measure(subject: Subject, load: Load, number: int, *, repeats: int, tell: Callable[[Sample], None]) -> list[Sample]:
    """Warm up, then measure until a sample is clean, 1 + `repeats` times at most; returns every sample, in order.
    `tell` hears of each at once. Raises GeneratorError and WrongAnswersError."""
    warm_up(subject, load)
    samples: list[Sample] = []
    while not samples or (samples[-1].dirty and len(samples) <= repeats):
        if samples:
            time.sleep(PAUSE_SECONDS)
        samples.append(_sample(subject, load, number))
        tell(samples[-1])
    return samples


def warm_up(subject: Subject, load: Load) -> None:
    """The same load for a moment: caches fill, and wrong answers show."""
    _ask(subject, replace(load, seconds=WARM_UP_SECONDS))


def _sample(subject: Subject, load: Load, number: int) -> Sample:
    before = _read(subject)
    report = _ask(subject, load)
    after = _read(subject)
    elapsed = after.wall - before.wall
    server, ours = after.server - before.server, (after.ours - before.ours).total
    foreign = max(after.busy[0] - before.busy[0] - server.total, after.busy[1] - before.busy[1] - ours)
    microseconds = 1e6 / report.received
    return Sample(
        server=subject.server,
        workload=subject.workload.name,
        edns=load.edns,
        round=number,
        qps=report.qps,
        cpu_us=server.total * microseconds,
        user_us=server.user * microseconds,
        system_us=server.system * microseconds,
        sent=report.sent,
        received=report.received,
        lost=report.lost,
        p50_us=report.p50_us,
        p99_us=report.p99_us,
        average_bytes=report.average_bytes,
        server_share=server.total / elapsed,
        generator_share=ours / elapsed,
        foreign_share=max(foreign, 0.0) / elapsed,
    )


def _read(subject: Subject) -> _Clock:
    return _Clock(
        wall=time.monotonic(),
        server=tree_time(subject.running.pid),
        ours=own_time(),
        busy=subject.cpus.busy(interrupts=subject.interrupts),
    )


def _ask(subject: Subject, load: Load) -> Report:
    report = blast(subject.blast, subject.running.port, subject.queries, load)
    if not report.received:
        raise GeneratorError(f"{subject.server} gave no reply at all to {report.sent} queries")
    problem = wrong_answers(report, subject.workload)
    if problem:
        raise WrongAnswersError(f"{subject.server}, {subject.workload.name}: {problem}")
    return report


def wrong_answers(report: Report, workload: Workload) -> str | None:
    """Says how the replies differ from what the questions ask for; None when they do not."""
    expected = workload.outcome_shares()
    for outcome in Outcome:
        share, wanted = report.outcomes[outcome] / report.received, expected.get(outcome, 0.0)
        if abs(share - wanted) > (OUTCOME_TOLERANCE if wanted else 0):
            return f"{share:.1%} of the replies are {outcome.value}, where {wanted:.1%} should be"
    return None
