"""`make bench`: what a query costs us, beside other servers in the same run. README.md tells how to read it.

Each server runs alone, as one worker on one CPU; the generator and this program use another. A round measures every
server on every workload; the rounds take the servers in turning order, so that a machine that grows slower or faster
does so for everybody.
"""

import json
import os
import platform
import shutil
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import generator
import hotspots
import report
from generator import GeneratorError, Load
from measure import FOREIGN_LIMIT, Cpus, Sample, Subject, WrongAnswersError, measure, warm_up
from options import Options, parse
from peers import SERVERS
from procstat import processes_hold_interrupts
from running import Running, ServerError, running
from zonedata import Workload, workload

sys.path.append(str(Path(__file__).parent.parent))  # ports of the tests
from ports import free_port

TITLES = {name: server.title for name, server in SERVERS.items()}
NEEDED = {"taskset": "util-linux", "setpriv": "util-linux", "cc": "gcc"}


class SetupError(Exception):
    """This machine cannot run the benchmark; the message says what it lacks."""


@dataclass(frozen=True, slots=True)
class Bench:
    """What is prepared once for a run."""

    options: Options
    directory: Path
    blast: Path
    cpus: Cpus
    interrupts: bool  # see `procstat.processes_hold_interrupts`
    programs: dict[str, str]  # path by server
    workloads: tuple[tuple[Workload, Path], ...]  # with their query files

    def loads(self) -> list[tuple[Workload, Path, Load]]:
        """What each server is put through in a round."""
        settings = (False, True) if self.options.edns else (False,)
        plain = Load(self.options.seconds)
        return [(*entry, replace(plain, edns=edns)) for edns in settings for entry in self.workloads]

    def subject(self, name: str, server: Running, asked: Workload, queries: Path) -> Subject:
        return Subject(name, server, asked, queries, self.blast, self.cpus, self.interrupts)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 measured, 1 a server or a target failed, 2 machine or arguments won't do, 130 interrupted."""
    options = parse(arguments)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        with TemporaryDirectory(prefix="gslb-bench-") as directory:
            bench = prepare(options, Path(directory))
            return profile(bench) if options.profile else compare(bench)
    except SetupError as error:
        return _fail(str(error), 2)
    except (ServerError, GeneratorError, WrongAnswersError) as error:
        return _fail(str(error), 1)
    except KeyboardInterrupt:
        return _fail("interrupted; every server is stopped", 130)


def _interrupt(_signal: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _fail(message: str, status: int) -> int:
    print(f"bench: {message}", file=sys.stderr)
    return status


def _progress(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


# ---- preparing ----


def prepare(options: Options, directory: Path) -> Bench:
    """Find the programs, compile the generator, write the query files. Raises SetupError and GeneratorError."""
    if sys.platform != "linux":
        raise SetupError("this benchmark reads Linux's /proc; it does not run elsewhere")
    missing = {program: package for program, package in NEEDED.items() if not shutil.which(program)}
    if missing:
        raise SetupError(f"needs {', '.join(missing)}: apt-get install {' '.join(sorted(set(missing.values())))}")
    cpus = options.cpus or _first_two_cpus()
    programs = _programs(("gslb",) if options.profile else options.servers)
    _settle_on(cpus)
    made = tuple(workload(name) for name in options.workloads)
    return Bench(
        options=options,
        directory=directory,
        blast=generator.build(directory),
        cpus=cpus,
        interrupts=processes_hold_interrupts(cpus.generator),
        programs=programs,
        workloads=tuple((each, generator.write_queries(each, directory)) for each in made),
    )


def _first_two_cpus() -> Cpus:
    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) < 2:
        raise SetupError("needs two CPUs: one for the server, one for the generator")
    return Cpus(allowed[0], allowed[1])


def _settle_on(cpus: Cpus) -> None:
    absent = {cpus.server, cpus.generator} - os.sched_getaffinity(0)
    if absent:
        raise SetupError(f"CPU {', '.join(map(str, sorted(absent)))} is not ours to use")
    os.sched_setaffinity(0, {cpus.generator})


def _programs(names: Sequence[str]) -> dict[str, str]:
    found = {name: SERVERS[name].find() for name in names}
    for name, path in found.items():
        if path is None:
            _progress(f"{TITLES[name]} is not installed and is left out (apt-get install {SERVERS[name].package})")
    programs = {name: path for name, path in found.items() if path is not None}
    if not programs:
        raise SetupError("none of the servers is installed")
    return programs


# ---- comparing ----


def compare(bench: Bench) -> int:
    """Measure every server, print tables and verdicts, write the JSON."""
    versions = {name: SERVERS[name].version(path) for name, path in bench.programs.items()}
    for line in _introduction(bench, versions):
        _progress(line)
    used, discarded = measure_all(bench)
    summaries = report.summarise(used)
    verdicts = report.verdicts(summaries)
    for line in report.tables(summaries, TITLES):
        print(line)
    print()
    for verdict in verdicts:
        print(report.verdict_line(verdict, TITLES))
    if bench.options.json:
        document = _document(bench, versions, used, discarded)
        bench.options.json.write_text(json.dumps(document, indent=2) + "\n", "utf-8")
    return 1 if bench.options.enforce and not all(verdict.ok for verdict in verdicts) else 0


def _introduction(bench: Bench, versions: dict[str, str]) -> Iterator[str]:
    options, loads = bench.options, bench.loads()
    seconds = options.rounds * len(bench.programs) * (2 + len(loads) * (options.seconds + 1))
    yield from (f"{TITLES[name]}: {version}" for name, version in versions.items())
    yield (
        f"{options.rounds} rounds of {len(bench.programs)} servers and {len(loads)} loads, about {seconds:.0f} s; "
        f"servers on CPU {bench.cpus.server}, generator on CPU {bench.cpus.generator}"
    )


def measure_all(bench: Bench) -> tuple[list[Sample], list[Sample]]:
    """All rounds. Returns the samples to use, one for each round, server and load, and the dirty ones repeated."""
    used: list[Sample] = []
    discarded: list[Sample] = []
    names = list(bench.programs)
    for number in range(bench.options.rounds):
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            with started(bench, name) as server:
                for each, queries, load in bench.loads():
                    subject = bench.subject(name, server, each, queries)
                    samples = measure(subject, load, number, repeats=bench.options.repeats, tell=_tell)
                    best = min(samples, key=lambda sample: sample.foreign_share)
                    used.append(best)
                    discarded += [sample for sample in samples if sample is not best]
    return used, discarded


@contextmanager
def started(bench: Bench, name: str, profile_to: Path | None = None) -> Iterator[Running]:
    """A server of the bench, running from a directory of its own."""
    with TemporaryDirectory(prefix=f"{name}-", dir=bench.directory) as made:
        directory, port = Path(made), free_port()
        command = SERVERS[name].configure(directory, port, bench.programs[name])
        if profile_to:
            command = hotspots.command(command, profile_to)
        with running(TITLES[name], command, port, directory, bench.cpus.server) as server:
            yield server


def _tell(sample: Sample) -> None:
    load = sample.workload + (" with EDNS" if sample.edns else "")
    note = f"  dirty: others used {sample.foreign_share:.0%} of a CPU" if sample.foreign_share > FOREIGN_LIMIT else ""
    _progress(
        f"round {sample.round + 1}  {TITLES[sample.server]:9} {load:19} {sample.qps:9,.0f} queries/s  "
        f"{sample.cpu_us:6.2f} µs CPU (user {sample.user_us:.2f}, kernel {sample.system_us:.2f}){note}"
    )


def _document(
    bench: Bench, versions: dict[str, str], used: Sequence[Sample], discarded: Sequence[Sample]
) -> dict[str, object]:
    """What --json writes: units as in `Sample`."""
    summaries = report.summarise(used)
    return {
        "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "machine": {"kernel": platform.release(), "cpu": _cpu_model(), "cpus": os.cpu_count()},
        "servers": versions,
        "options": {"rounds": bench.options.rounds, "seconds": bench.options.seconds, "cpus": asdict(bench.cpus)},
        "medians": [asdict(group) | asdict(summary) for group, summary in summaries.items()],
        "verdicts": [asdict(verdict) for verdict in report.verdicts(summaries)],
        "samples": [asdict(sample) | {"dirty": sample.dirty} for sample in used],
        "discarded": [asdict(sample) | {"dirty": sample.dirty} for sample in discarded],
    }


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


# ---- profiling ----


def profile(bench: Bench) -> int:
    """gslb alone: the cost of each load, and the functions and lines it spends its time in."""
    for index, (each, queries, load) in enumerate(bench.loads()):
        sampled = bench.directory / f"profile-{index}.json"
        with started(bench, "gslb", sampled) as server:
            subject = bench.subject("gslb", server, each, queries)
            warm_up(subject, load)
            hotspots.toggle(server.pid)
            measure(subject, load, 0, repeats=0, tell=_tell)
            hotspots.toggle(server.pid)
        print(f"\n{each.name}{' with EDNS' if load.edns else ''}")
        for line in hotspots.lines(hotspots.read(sampled)):
            print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main())
