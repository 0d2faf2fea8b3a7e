"""Who used the processors: the CPU time of a process tree and of a whole CPU, from Linux's /proc (proc(5)).

A server may be several processes (NSD forks its workers, ours has a prober), so a server's time is that of its first
process and everything below it, children that have ended and were waited for included. All times are in seconds.
"""

import os
import resource
import socket
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

TICK_SECONDS = 1 / os.sysconf("SC_CLK_TCK")
TRIALS = 4
TRIAL_SECONDS = 0.4
TRIAL_MARGIN = 0.08  # interrupts are 0.15 to 0.3 of the time, the rounding to ticks 0.03


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


def tree_time(root: int) -> CpuTime:
    """The CPU time so far of process `root` and all its descendants."""
    times, children = _processes()
    return sum((times[pid] for pid in _tree(root, children) if pid in times), CpuTime(0, 0))


def tree_processes(root: int) -> list[int]:
    """The ids of `root` and its descendants."""
    return list(_tree(root, _processes()[1]))


def _tree(root: int, children: Mapping[int, Sequence[int]]) -> Iterator[int]:
    yield root
    for child in children.get(root, ()):
        yield from _tree(child, children)


def own_time() -> CpuTime:
    """The CPU time so far of this process and of its children that have ended."""
    own, ended = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return CpuTime(own.ru_utime + ended.ru_utime, own.ru_stime + ended.ru_stime)


def busy_seconds(cpu: int, *, interrupts: bool) -> float:
    """The seconds so far in which `cpu` ran processes, or the host of this virtual machine ran something else on it;
    with or without the time it served interrupts."""
    for line in Path("/proc/stat").read_text("ascii").splitlines():
        name, *fields = line.split()
        if name == f"cpu{cpu}":
            user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, fields[:8])
            return (user + nice + system + steal + (irq + softirq if interrupts else 0)) * TICK_SECONDS
    raise LookupError(f"/proc/stat has no cpu{cpu}")


def processes_hold_interrupts(cpu: int) -> bool:
    """True when this kernel counts interrupts, a third of the work of sending a datagram on loopback, as time of the
    process that ran when they came (CONFIG_IRQ_TIME_ACCOUNTING off). Only then they belong on both sides when a CPU's
    time is held against that of its processes. Tried out by sending datagrams; we must be running on `cpu` alone."""
    return any(_interrupts_counted_twice(cpu) for _ in range(TRIALS))


def _interrupts_counted_twice(cpu: int) -> bool:
    busy, own = busy_seconds(cpu, interrupts=False), own_time()
    _talk_to_ourselves(TRIAL_SECONDS)
    unexplained = (own_time() - own).total - (busy_seconds(cpu, interrupts=False) - busy)
    return unexplained > TRIAL_MARGIN * TRIAL_SECONDS


def _talk_to_ourselves(seconds: float) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as line:
        line.bind(("127.0.0.1", 0))
        line.connect(line.getsockname())
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            line.send(b"hello")
            line.recv(16)


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
