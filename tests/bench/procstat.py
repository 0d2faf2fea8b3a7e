"""Who used the processors: the CPU time of a process tree and of a whole CPU, from Linux's /proc (proc(5)).

A server may be several processes (NSD forks its workers, ours has a prober), so a server's time is that of its first
process and everything below it, children that have ended and were waited for included. All times are in seconds.
"""

import os
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

TICK_SECONDS = 1 / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class CpuTime:
    """Seconds of CPU in user space and in the kernel."""

    user: float
    system: float

    @property
    def total(self) -> float:
        return self.user + self.system

    def __add__(self, other: "CpuTime") -> "CpuTime":
        return CpuTime(self.user + other.user, self.system + other.system)

    def __sub__(self, other: "CpuTime") -> "CpuTime":
        return CpuTime(self.user - other.user, self.system - other.system)


@dataclass(frozen=True, slots=True)
class BusyTime:
    """Seconds in which a CPU ran processes (or the host ran others on it), and in which it served interrupts."""

    running: float
    interrupts: float

    def __sub__(self, other: "BusyTime") -> "BusyTime":
        return BusyTime(self.running - other.running, self.interrupts - other.interrupts)


def tree_time(root: int) -> CpuTime:
    """The CPU time so far of process `root` and all its descendants."""
    times, children = _processes()
    total, waiting = CpuTime(0, 0), [root]
    while waiting:
        pid = waiting.pop()
        total += times.get(pid, CpuTime(0, 0))
        waiting += children[pid]
    return total


def own_time() -> CpuTime:
    """The CPU time so far of this process and of its children that have ended."""
    times = os.times()
    return CpuTime(times.user + times.children_user, times.system + times.children_system)


def busy_time(cpu: int) -> BusyTime:
    """What `cpu` did so far other than idle."""
    for line in Path("/proc/stat").read_text("ascii").splitlines():
        name, *fields = line.split()
        if name == f"cpu{cpu}":
            user, nice, system, _idle, _iowait, irq, softirq, steal = (
                int(field) * TICK_SECONDS for field in fields[:8]
            )
            return BusyTime(user + nice + system + steal, irq + softirq)
    raise LookupError(f"/proc/stat has no cpu{cpu}")


def foreign_seconds(busy: BusyTime, ours: float) -> float:
    """The part of a CPU's `busy` seconds that is not `ours`.

    Kernels differ in whether a process's time holds the interrupts served while it ran: of the two readings, the one
    nearer to nothing unexplained is the kernel's.
    """
    return min(abs(busy.running - ours), abs(busy.running + busy.interrupts - ours))


def _processes() -> tuple[dict[int, CpuTime], defaultdict[int, list[int]]]:
    """Every process: its CPU time, and its children."""
    times: dict[int, CpuTime] = {}
    children: defaultdict[int, list[int]] = defaultdict(list)
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            stat = (entry / "stat").read_text("utf-8", "replace")
        except OSError:  # it ended while we looked
            continue
        fields = stat.rpartition(")")[2].split()  # the name before it may hold anything
        user, system, ended_user, ended_system = map(int, fields[11:15])
        times[int(entry.name)] = CpuTime((user + ended_user) * TICK_SECONDS, (system + ended_system) * TICK_SECONDS)
        children[int(fields[1])].append(int(entry.name))
    return times, children
