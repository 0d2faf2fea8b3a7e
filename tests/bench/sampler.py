"""Where a Python program spends its CPU time: a sampling profiler of one file, without a dependency.

    python sampler.py REPORT MODULE [ARGUMENT...]      # as `python -m MODULE ARGUMENT...`, then writes REPORT

A timer that counts the process's CPU time (ITIMER_PROF, setitimer(2)) interrupts the main thread; the handler notes
the line that was running and the functions below it. Between interruptions the program runs at full speed, which
cProfile, slowing each call, cannot say. The kernel rounds the interval up to its tick, 1 to 10 ms. Time spent in a C
function counts for the line that called it. Only the samples between the two SIGUSR2 that the benchmark sends are
kept, so that neither start nor warm-up is in the figures.
"""

import json
import runpy
import signal
import sys
from collections import Counter
from pathlib import Path
from types import FrameType

INTERVAL_SECONDS = 0.001


class Sampler:
    """Counts of interruptions by function (`own`: it was running; `below`: it was on the stack) and by line."""

    def __init__(self) -> None:
        self.own: Counter[str] = Counter()
        self.below: Counter[str] = Counter()
        self.lines: Counter[str] = Counter()

    def note(self, _signal: int, frame: FrameType | None) -> None:
        if frame is None:
            return
        self.own[_function(frame)] += 1
        self.lines[f"{frame.f_code.co_filename}:{frame.f_lineno}"] += 1
        seen = set()
        while frame is not None:
            seen.add(_function(frame))
            frame = frame.f_back
        self.below.update(seen)

    def toggle(self, _signal: int, _frame: FrameType | None) -> None:
        """Start, or stop."""
        interval = 0.0 if signal.getitimer(signal.ITIMER_PROF)[1] else INTERVAL_SECONDS
        signal.setitimer(signal.ITIMER_PROF, interval, interval)

    def write(self, path: Path) -> None:
        counts = {"own": self.own, "below": self.below, "lines": self.lines}
        path.write_text(json.dumps(counts), "utf-8")


def _function(frame: FrameType) -> str:
    return f"{frame.f_code.co_filename}:{frame.f_code.co_qualname}"


def main() -> None:
    report, module = Path(sys.argv[1]), sys.argv[2]
    sampler = Sampler()
    signal.signal(signal.SIGPROF, sampler.note)
    signal.signal(signal.SIGUSR2, sampler.toggle)
    sys.argv = [module, *sys.argv[3:]]
    sys.path[0] = str(Path.cwd())
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        sampler.write(report)


if __name__ == "__main__":
    main()
