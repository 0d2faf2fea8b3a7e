"""Fuzzes the parsers: every target for a while, one after the other. See README.md beside this file.

Each target runs under atheris in a process of its own; a line a target tells how it went. A finding ends its target:
the octets are kept in a file, and the command that shows the failure is printed. Exit status 1 when there is any.
"""

import argparse
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TextIO

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parent.parent)]

from fuzzing import TARGETS, Target, load

FINDINGS = HERE.parent.parent / "fuzz-out"
RSS_MIB = 2048
GRACE_SECONDS = 60
_PROGRESS = re.compile(r"^#(\d+)\s+(\w+)\s+.*?cov: (\d+).*?exec/s: (\d+)")
_EXECUTED = re.compile(r"^stat::number_of_executed_units:\s+(\d+)")
_KEPT = re.compile(r"Test unit written to (\S+)")


@dataclass(slots=True)
class Outcome:
    """How a target went. `finding` is the file with the octets, "" without one."""

    executions: int = 0
    coverage: int = 0
    seconds: float = 0.0
    finding: str = ""

    @property
    def line(self) -> str:
        rate = self.executions / self.seconds if self.seconds else 0.0
        found = f"FOUND {self.finding}" if self.finding else "no finding"
        return f"{self.executions:>11,} executions {rate:>9,.0f}/s  coverage {self.coverage:>5}  {found}"


def options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="fuzz.py", description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--targets", default=",".join(TARGETS), metavar="A,B", help=f"some of {', '.join(TARGETS)} (all)")
    add("--seconds", type=int, default=60, metavar="S", help="how long each target runs (60)")
    add("--seed", type=int, default=0, metavar="N", help="libFuzzer's seed; 0: another one each time")
    add("--out", type=Path, default=FINDINGS, metavar="DIR", help="where findings and logs go (fuzz-out)")
    add("--corpus", type=Path, metavar="DIR", help="keep what made coverage here, and begin with it the next time")
    add(
        "--input",
        type=Path,
        metavar="FILE",
        help="only run one target on the octets of this file, and show how it fails",
    )
    add("--list", action="store_true", help="say what each target holds, and end")
    found = parser.parse_args(arguments)
    found.targets = found.targets.split(",")
    unknown = [name for name in found.targets if name not in TARGETS]
    if unknown:
        parser.error(f"{', '.join(unknown)}: there are {', '.join(TARGETS)}")
    if found.input is not None and len(found.targets) != 1:
        parser.error("--input goes with one target: --targets NAME --input FILE")
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    chosen = options(arguments)
    if chosen.list:
        for name in chosen.targets:
            print(f"{name:14} {load(name).rule}")
        return 0
    if chosen.input is not None:
        load(chosen.targets[0]).check(chosen.input.read_bytes())
        print(f"{chosen.targets[0]}: nothing is wrong with {chosen.input}")
        return 0
    if find_spec("atheris") is None:
        print("fuzzing needs atheris, which this environment does not have; `make fuzz` installs it where it can")
        return 2
    chosen.out.mkdir(parents=True, exist_ok=True)
    return _run_all(chosen)


def _run_all(chosen: argparse.Namespace) -> int:
    findings = 0
    for name in chosen.targets:
        print(f"{name:14} ... {chosen.seconds} s", end="", flush=True)
        outcome = _run(name, chosen)
        print(f"\r{name:14} {outcome.line}", flush=True)
        if outcome.finding:
            findings += 1
            command = f"{sys.executable} {Path(__file__)} --targets {name} --input {outcome.finding}"
            print(f"{'':14} its log: {chosen.out / name}.log; again: {command}")
    print(f"{len(chosen.targets)} targets, {findings} with a finding")
    return 1 if findings else 0


def _run(name: str, chosen: argparse.Namespace) -> Outcome:
    target = load(name)
    with tempfile.TemporaryDirectory(prefix="gslb-fuzz-") as folder:
        corpus = Path(folder) if chosen.corpus is None else chosen.corpus / name
        corpus.mkdir(parents=True, exist_ok=True)
        for number, seed in enumerate(target.seeds()):
            (corpus / f"seed-{number}").write_bytes(seed)
        command = [sys.executable, str(HERE / "under_atheris.py"), name, str(corpus), *_flags(name, target, chosen)]
        with (chosen.out / f"{name}.log").open("w") as log:
            return _watch(command, log, chosen.seconds)


def _flags(name: str, target: Target, chosen: argparse.Namespace) -> list[str]:
    return [
        f"-max_total_time={chosen.seconds}",
        f"-timeout={target.most_seconds}",
        f"-max_len={target.most_octets}",
        f"-rss_limit_mb={RSS_MIB}",
        f"-artifact_prefix={chosen.out / name}-",
        f"-seed={chosen.seed}",
        "-print_final_stats=1",
    ]


def _watch(command: list[str], log: TextIO, seconds: int) -> Outcome:
    """Run to the end, and take from what libFuzzer prints how it went."""
    outcome = Outcome()
    started = time.monotonic()
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as run:
        assert run.stdout is not None
        try:
            for line in run.stdout:
                log.write(line)
                _take(line, outcome)
            status = run.wait(GRACE_SECONDS)
        finally:
            run.kill()  # also when we are to end before it does
    outcome.seconds = min(time.monotonic() - started, float(seconds))
    if status and not outcome.finding:
        outcome.finding = "(it did not start, or ended without a file)"
    return outcome


def _take(line: str, outcome: Outcome) -> None:
    if progress := _PROGRESS.match(line):
        outcome.executions, outcome.coverage = int(progress[1]), int(progress[3])
        if progress[2] == "pulse" and sys.stdout.isatty():
            print(f"\r{'':14} {outcome.line}", end="", flush=True)
    elif executed := _EXECUTED.match(line):
        outcome.executions = int(executed[1])
    elif kept := _KEPT.search(line):
        outcome.finding = kept[1]


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    sys.exit(main())
