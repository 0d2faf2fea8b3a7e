"""The load generator: blast.c, compiled for this run, and what it reports."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zonedata import Outcome, Workload

SOURCE = Path(__file__).with_name("blast.c")
GRACE_SECONDS = 10


class GeneratorError(Exception):
    """blast.c did not compile, or the generator did not report."""


@dataclass(frozen=True, slots=True)
class Report:
    """One run of the generator. `outcomes` counts replies; `p50_us` and `p99_us` are latencies in microseconds."""

    qps: float
    sent: int
    received: int
    lost: int
    p50_us: int
    p99_us: int
    average_bytes: float
    outcomes: dict[Outcome, int]


@dataclass(frozen=True, slots=True)
class Load:
    """How hard to ask: seconds, sockets, and queries in flight on each of them."""

    seconds: float
    sockets: int = 4
    outstanding: int = 48
    edns: bool = False


def build(directory: Path, compiler: str = "cc") -> Path:
    """Compile blast into `directory`; returns the program. Raises GeneratorError with what the compiler said."""
    program = directory / "blast"
    try:
        subprocess.run(
            [compiler, "-O2", "-o", str(program), str(SOURCE)], check=True, capture_output=True, text=True, timeout=60
        )
    except FileNotFoundError:
        raise GeneratorError(f"no C compiler {compiler!r}: install the package gcc") from None
    except subprocess.CalledProcessError as error:
        raise GeneratorError(f"{compiler} could not compile {SOURCE.name}:\n{error.stderr}") from error
    return program


def write_queries(workload: Workload, directory: Path) -> Path:
    """The workload's query file."""
    path = directory / f"{workload.name}.queries"
    path.write_text(workload.to_text(), "ascii")
    return path


def blast(program: Path, port: int, queries: Path, load: Load) -> Report:
    """Ask the server at 127.0.0.1 `port`. Raises GeneratorError."""
    command = [str(program), "--port", str(port), "--queries", str(queries), "--seconds", str(load.seconds)]
    command += ["--sockets", str(load.sockets), "--outstanding", str(load.outstanding)]
    command += ["--edns"] * load.edns
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=load.seconds + GRACE_SECONDS)
    if done.returncode:
        raise GeneratorError(f"the generator ended with status {done.returncode}: {done.stderr.strip()}")
    return _parse(json.loads(done.stdout))


def _parse(report: dict[str, Any]) -> Report:
    rcodes, nodata = report["rcodes"], report["nodata"]
    outcomes = {
        Outcome.ANSWER: rcodes.get("0", 0) - nodata - report["truncated"],
        Outcome.NODATA: nodata,
        Outcome.NXDOMAIN: rcodes.get("3", 0),
    }
    outcomes[Outcome.OTHER] = report["received"] - sum(outcomes.values())
    figures = {name: report[name] for name in Report.__dataclass_fields__ if name != "outcomes"}
    return Report(**figures, outcomes=outcomes)
