"""A server that runs for the length of a `with` block: started on one CPU, seen to answer right, stopped in every case.

The server has a session of its own, so that Ctrl-C reaches only the benchmark, which then ends the server and its
children; and the kernel ends the server should the benchmark be killed without a chance to do so (PR_SET_PDEATHSIG).
"""

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import zonedata
from dnslib import RCODE, DNSError, DNSRecord
from procstat import tree_processes

READY_SECONDS = 30
STOP_SECONDS = 10
REPLY_SECONDS = 0.2
LOG_LINES = 15


class ServerError(Exception):
    """A server did not start, or does not answer as the zone says. The message tells, with the end of its log."""


@dataclass(frozen=True, slots=True)
class Running:
    """A started server: its first process and its UDP port on 127.0.0.1."""

    pid: int
    port: int


@contextmanager
def running(title: str, command: Sequence[str], port: int, directory: Path, cpu: int) -> Iterator[Running]:
    """Start `command` on `cpu`, wait until it answers on `port`, and stop it at the end. Raises ServerError."""
    log = directory / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "TERM", "taskset", "-c", str(cpu), *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=directory,
            start_new_session=True,
        )
    try:
        problem = _wait_until_ready(process, port)
        if problem:
            raise ServerError(f"{title} did not get ready: {problem}\n{_tail(log)}")
        yield Running(process.pid, port)
        if process.poll() is not None:
            raise ServerError(f"{title} ended by itself with status {process.returncode}\n{_tail(log)}")
    finally:
        _stop(process)


def _wait_until_ready(process: subprocess.Popen[bytes], port: int) -> str | None:
    """None once every check passes; otherwise what is wrong in the end."""
    deadline = time.monotonic() + READY_SECONDS
    while True:
        problem = next(filter(None, (check.problem(port) for check in CHECKS)), None)
        if problem is None:
            return None
        if process.poll() is not None:
            return f"it ended with status {process.returncode}"
        if time.monotonic() > deadline:
            return f"{problem} (after {READY_SECONDS} s)"
        time.sleep(0.05)


@dataclass(frozen=True, slots=True)
class Check:
    """A question, and a right reply's rcode and records: all of `values`, or at least one and no others."""

    owner: str
    rtype: str
    rcode: str
    values: frozenset[str]
    every: bool = True

    def problem(self, port: int) -> str | None:
        """What is wrong with the reply of the server on `port`; None when nothing is."""
        query = DNSRecord.question(f"{self.owner}.{zonedata.ORIGIN}", self.rtype)
        try:
            reply = DNSRecord.parse(query.send("127.0.0.1", port, timeout=REPLY_SECONDS))
        except (OSError, DNSError) as error:
            return f"no reply to {self.owner} {self.rtype} ({error})"
        rcode, got = RCODE[reply.header.rcode], {str(record.rdata) for record in reply.rr}
        if rcode == self.rcode and (got == self.values or (not self.every and got and got < self.values)):
            return None
        return f"a wrong reply to {self.owner} {self.rtype}: {rcode} {sorted(got)}"


_NAME = zonedata.NAMES[0]
CHECKS = (
    *(Check(_NAME, rtype, "NOERROR", frozenset(values)) for rtype, values in zonedata.addresses(_NAME).items()),
    Check(zonedata.WEIGHTED_NAME, "A", "NOERROR", frozenset(zonedata.WEIGHTS), every=False),
    Check("nosuchname", "A", "NXDOMAIN", frozenset()),
)


def _tail(log: Path) -> str:
    lines = log.read_text("utf-8", "replace").splitlines()[-LOG_LINES:]
    return "\n".join(f"    {line}" for line in lines) or "    (its log is empty)"


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Ask it to end, then kill what is left of it and its children. The handles are opened first: they stay with a
    process, while its number may soon be another's."""
    with ExitStack() as opened:
        handles = [handle for pid in tree_processes(process.pid) if (handle := _handle(pid)) is not None]
        for handle in handles:
            opened.callback(os.close, handle)
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
        for handle in handles:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(handle, signal.SIGKILL)
    process.wait()


def _handle(pid: int) -> int | None:
    try:
        return os.pidfd_open(pid)
    except ProcessLookupError:
        return None
