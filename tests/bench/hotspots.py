"""Where our server spends its time under a workload: `bench.py --profile`.

The server runs under sampler.py, which is switched on for the measured load alone. Shares are of all samples taken;
"own" is time in a function itself and the C functions it called, "below" also counts the Python functions it called.
"""

import json
import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

SAMPLER = Path(__file__).with_name("sampler.py")
SHOWN = 12


@dataclass(frozen=True, slots=True)
class Hotspots:
    """Samples by function (file:name) and by line (file:number)."""

    own: Mapping[str, int]
    below: Mapping[str, int]
    lines: Mapping[str, int]


def command(plain: Sequence[str], report: Path) -> list[str]:
    """The command that runs `python -m MODULE ARGUMENT...` under the sampler."""
    python, dash_m, *rest = plain
    if dash_m != "-m":
        raise ValueError(f"only `python -m` can be profiled, not {' '.join(plain)}")
    return [python, str(SAMPLER), str(report), *rest]


def toggle(pid: int) -> None:
    """Start or stop the sampling of the process."""
    os.kill(pid, signal.SIGUSR2)


def read(report: Path) -> Hotspots:
    """What the sampler wrote when its program ended."""
    return Hotspots(**json.loads(report.read_text("utf-8")))


def lines(hotspots: Hotspots) -> Iterator[str]:
    """The busiest functions and lines, for people."""
    total = sum(hotspots.own.values())
    if not total:
        yield "  no samples: the server used no CPU time, or ended before it could report"
        return
    yield f"  {total} samples\n     own   below  function"
    for name, count in _top(hotspots.own):
        yield f"  {count / total:6.1%}  {hotspots.below[name] / total:6.1%}  {_short(name)}"
    yield "     own  line"
    for name, count in _top(hotspots.lines):
        yield f"  {count / total:6.1%}  {_short(name)}  {_source(name)}"


def _top(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:SHOWN]


def _short(place: str) -> str:
    """`.../gslb/server/udp.py:12` as `gslb/server/udp.py:12`."""
    path, _, rest = place.rpartition(":")
    return "/".join(Path(path).parts[-3:]) + ":" + rest


def _source(line: str) -> str:
    path, _, number = line.rpartition(":")
    try:
        return Path(path).read_text("utf-8").splitlines()[int(number) - 1].strip()
    except (OSError, IndexError):  # compiled or generated code
        return ""
