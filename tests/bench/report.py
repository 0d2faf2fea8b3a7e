"""Samples in, figures out: medians, ratios between servers, and whether the targets are met.

Only clean samples count towards a median. Where every sample of a server was dirty, the dirty ones are used rather
than none, and the figure is marked. A ratio divides two medians of the same workload in the same run, because only
then was the machine the same.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

from measure import Sample

Figure = Literal["qps", "cpu_us"]
FIGURES: Mapping[Figure, str] = {"qps": "queries per second", "cpu_us": "CPU per query"}
OURS = "gslb"
HEADINGS = (
    "server", "queries/s", "min..max", "CPU µs", "min..max", "user", "kernel", "p50 µs", "p99 µs", "lost", "bytes",
    "server busy", "load busy", "clean",
)  # fmt: skip


@dataclass(frozen=True, slots=True, order=True)
class Group:
    """The samples that are one figure: a server on a workload."""

    workload: str
    edns: bool
    server: str

    @property
    def load(self) -> str:
        return self.workload + (" with EDNS" if self.edns else "")


@dataclass(frozen=True, slots=True)
class Spread:
    """A median, and the least and the greatest value beside it."""

    median: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Summary:
    """What the samples of a group say, units as in `Sample`. `lost` is a share of the queries sent."""

    qps: Spread
    cpu_us: Spread
    user_us: float
    system_us: float
    p50_us: float
    p99_us: float
    lost: float
    average_bytes: float
    server_share: float
    generator_share: float
    clean: int
    dirty: int


@dataclass(frozen=True, slots=True)
class Target:
    """A bound for our figure divided by a peer's: the least for queries per second, the most for CPU."""

    workload: str
    figure: Figure
    peer: str
    bound: float

    @property
    def sign(self) -> str:
        return "≥" if self.figure == "qps" else "≤"

    def met_by(self, value: float) -> bool:
        return value >= self.bound if self.figure == "qps" else value <= self.bound


TARGETS = (
    Target("hits", "qps", "nsd", 0.5),
    Target("weighted", "qps", "nsd", 0.4),
    Target("hits", "cpu_us", "bind", 1.25),
    Target("nxdomain", "cpu_us", "bind", 1.25),
    Target("weighted", "cpu_us", "bind", 1.25),
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """A target beside the ratio that was measured. `sound`: both medians are of clean samples."""

    target: Target
    ratio: float
    ok: bool
    sound: bool


def summarise(samples: Iterable[Sample]) -> dict[Group, Summary]:
    """A summary for each group, in the order in which the groups first appear."""
    groups: dict[Group, list[Sample]] = {}
    for sample in samples:
        groups.setdefault(Group(sample.workload, sample.edns, sample.server), []).append(sample)
    return {group: _summary(members) for group, members in groups.items()}


def _summary(samples: Sequence[Sample]) -> Summary:
    clean = [sample for sample in samples if not sample.dirty]
    used = clean or samples
    return Summary(
        qps=_spread([sample.qps for sample in used]),
        cpu_us=_spread([sample.cpu_us for sample in used]),
        user_us=median(sample.user_us for sample in used),
        system_us=median(sample.system_us for sample in used),
        p50_us=median(sample.p50_us for sample in used),
        p99_us=median(sample.p99_us for sample in used),
        lost=median(sample.lost / max(sample.sent, 1) for sample in used),
        average_bytes=median(sample.average_bytes for sample in used),
        server_share=median(sample.server_share for sample in used),
        generator_share=median(sample.generator_share for sample in used),
        clean=len(clean),
        dirty=len(samples) - len(clean),
    )


def _spread(values: Sequence[float]) -> Spread:
    return Spread(median(values), min(values), max(values))


def ratio(ours: Summary, theirs: Summary, figure: Figure) -> float:
    """Our median divided by theirs."""
    return float(getattr(ours, figure).median / getattr(theirs, figure).median)


def verdicts(summaries: Mapping[Group, Summary], targets: Iterable[Target] = TARGETS) -> list[Verdict]:
    """The targets for which both servers were measured, on the workload without EDNS."""
    found = []
    for target in targets:
        ours = summaries.get(Group(target.workload, edns=False, server=OURS))
        theirs = summaries.get(Group(target.workload, edns=False, server=target.peer))
        if ours and theirs:
            value = ratio(ours, theirs, target.figure)
            found.append(Verdict(target, value, target.met_by(value), sound=bool(ours.clean and theirs.clean)))
    return found


def verdict_line(verdict: Verdict, titles: Mapping[str, str]) -> str:
    """`gslb/NSD queries per second, hits: 0.62 (target ≥ 0.5) ok`"""
    target = verdict.target
    what = f"{titles[OURS]}/{titles[target.peer]} {FIGURES[target.figure]}, {target.workload}"
    outcome = "ok" if verdict.ok else "MISSED"
    doubt = "" if verdict.sound else ", but from dirty rounds only"
    return f"{what}: {verdict.ratio:.2f} (target {target.sign} {target.bound:g}) {outcome}{doubt}"


def tables(summaries: Mapping[Group, Summary], titles: Mapping[str, str]) -> Iterator[str]:
    """The lines of one table for each load, fewest CPU µs first, with our ratios to the others below."""
    loads: dict[str, dict[str, Summary]] = {}
    for group, summary in summaries.items():
        loads.setdefault(group.load, {})[group.server] = summary
    for load, servers in loads.items():
        ranked = dict(sorted(servers.items(), key=lambda item: item[1].cpu_us.median))
        rows = [HEADINGS, *(_row(titles[server], summary) for server, summary in ranked.items())]
        yield f"\n{load}"
        yield from _aligned(rows)
        yield from _ratio_lines(ranked, titles)


def _row(title: str, summary: Summary) -> tuple[str, ...]:
    qps, cpu = summary.qps, summary.cpu_us
    return (
        title,
        f"{qps.median:,.0f}",
        f"{qps.low:,.0f}..{qps.high:,.0f}",
        f"{cpu.median:.2f}",
        f"{cpu.low:.2f}..{cpu.high:.2f}",
        f"{summary.user_us:.2f}",
        f"{summary.system_us:.2f}",
        f"{summary.p50_us:.0f}",
        f"{summary.p99_us:.0f}",
        f"{summary.lost:.2%}",
        f"{summary.average_bytes:.0f}",
        f"{summary.server_share:.0%}",
        f"{summary.generator_share:.0%}",
        f"{summary.clean}/{summary.clean + summary.dirty}" + ("" if summary.clean else " (!)"),
    )


def _aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for first, *rest in rows:
        yield f"  {first:{widths[0]}}  " + "  ".join(f"{cell:>{w}}" for cell, w in zip(rest, widths[1:], strict=True))


def _ratio_lines(servers: Mapping[str, Summary], titles: Mapping[str, str]) -> Iterator[str]:
    ours = servers.get(OURS)
    for server, theirs in servers.items():
        if ours and server != OURS:
            figures = ", ".join(f"{text} {ratio(ours, theirs, figure):.2f}" for figure, text in FIGURES.items())
            yield f"  {titles[OURS]}/{titles[server]}: {figures}"
