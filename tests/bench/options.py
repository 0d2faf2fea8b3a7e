"""The arguments of the benchmark, read and checked."""

import argparse
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from measure import Cpus
from peers import SERVERS
from zonedata import WORKLOADS

DEFAULT_SERVERS = ("gslb", "nsd", "bind")
DEFAULT_WORKLOADS = ("hits", "nxdomain", "weighted")
EXAMPLE = """example:
  make bench ARGS="--rounds 5 --workloads hits,mix --edns --servers gslb,nsd,knot --json bench.json"

README.md beside this program tells how to read the figures.
"""


@dataclass(frozen=True, slots=True)
class Options:
    """What to measure, how long, and what to do with the result."""

    rounds: int
    seconds: float
    servers: tuple[str, ...]
    workloads: tuple[str, ...]
    edns: bool
    repeats: int
    cpus: Cpus | None
    json: Path | None
    profile: bool
    enforce: bool


def parse(arguments: Sequence[str] | None) -> Options:
    """The options; ends the program with status 2 where they won't do."""
    parser = argparse.ArgumentParser(
        prog="bench.py",
        description="CPU time per query and queries a second of DNS servers on loopback, one server at a time.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--rounds", type=_whole(1, 100), default=3, metavar="N", help="rounds to take the medians of (3)")
    add("--seconds", type=_seconds, default=3.0, metavar="S", help="length of one measurement (3)")
    add(
        "--servers",
        type=_some_of(SERVERS),
        default=DEFAULT_SERVERS,
        metavar="A,B",
        help=_listed(SERVERS, DEFAULT_SERVERS),
    )
    add(
        "--workloads",
        type=_some_of(WORKLOADS),
        default=DEFAULT_WORKLOADS,
        metavar="A,B",
        help=_listed(WORKLOADS, DEFAULT_WORKLOADS),
    )
    add("--edns", action="store_true", help="measure every workload a second time, with EDNS")
    add("--repeats", type=_whole(0, 100), default=4, metavar="N", help="most repetitions of a dirty measurement (4)")
    add("--cpus", type=_cpus, metavar="S,G", help="the CPUs of the servers and of the generator (the first two)")
    add("--json", type=Path, metavar="FILE", help="also write every sample, median and verdict to FILE")
    add(
        "--profile", action="store_true", help="instead of comparing: gslb alone, and where its Python code spends time"
    )
    add("--enforce", action="store_true", help="exit 1 when a target is missed")
    options = Options(**vars(parser.parse_args(arguments)))
    if options.profile and options.json:
        parser.error("--profile prints; it writes no --json")
    if options.json and not options.json.parent.is_dir():
        parser.error(f"--json {options.json}: there is no directory {options.json.parent}")
    return options


def _listed(known: Iterable[str], default: Iterable[str]) -> str:
    return f"some of {','.join(known)} ({','.join(default)})"


def _whole(low: int, high: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if text.isdecimal() and low <= int(text) <= high:
            return int(text)
        raise argparse.ArgumentTypeError(f"a whole number from {low} to {high}, not {text!r}")

    return read


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if 0.2 <= seconds <= 60:  # blast.c stops at a minute
        return seconds
    raise argparse.ArgumentTypeError(f"seconds from 0.2 to 60, not {text!r}")


def _some_of(known: Iterable[str]) -> Callable[[str], tuple[str, ...]]:
    def read(text: str) -> tuple[str, ...]:
        names = tuple(dict.fromkeys(text.split(",")))
        unknown = [name for name in names if name not in known]
        if unknown:
            raise argparse.ArgumentTypeError(f"{', '.join(map(repr, unknown))}: there are {', '.join(known)}")
        return names

    return read


def _cpus(text: str) -> Cpus:
    server, _, generator = text.partition(",")
    if server.isdecimal() and generator.isdecimal() and int(server) != int(generator):
        return Cpus(int(server), int(generator))
    raise argparse.ArgumentTypeError(f"two CPU numbers as in 0,1, not {text!r}")
