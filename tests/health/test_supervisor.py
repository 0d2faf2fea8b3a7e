"""The supervisor with real prober processes."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest
from structlog.testing import capture_logs

from gslb.health.supervisor import Supervisor


class Kept:
    """What the supervisor was told; the part that the service plays."""

    def __init__(self, *monitors):
        self.watch = dict.fromkeys(monitors)
        self.reports = 0

    def wanted(self):
        return self.watch

    def heard(self, report):
        self.reports += 1
        by_key = {monitor.key: monitor for monitor in self.watch}
        self.watch |= {by_key[key]: track for key, track in report.tracks.items()}

    @property
    def is_known(self):
        return all(self.watch.values())


def supervising(scenario, *monitors, **options):
    async def run():
        kept = Kept(*monitors)
        supervisor = Supervisor(kept.wanted, kept.heard, concurrency=10, clock=time.time, **options)
        supervisor.start()
        try:
            await scenario(supervisor, kept)
        finally:
            await supervisor.stop()

    asyncio.run(run())


def test_it_starts_and_its_status_says_so(monitor, until):
    async def scenario(supervisor, kept):
        assert (supervisor.status.state, supervisor.status.pid) == ("starting", None)
        await until(lambda: kept.is_known)
        assert (supervisor.status.state, supervisor.status.restarts) == ("running", 0)
        assert supervisor.status.pid > 0

    supervising(scenario, monitor())


def test_it_runs_in_a_session_of_its_own_out_of_reach_of_the_terminal(monitor, until):
    async def scenario(supervisor, kept):
        await until(lambda: kept.is_known)
        assert os.getsid(supervisor.status.pid) == supervisor.status.pid

    supervising(scenario, monitor())


def test_a_prober_that_is_killed_is_replaced_and_goes_on_with_the_tracks(monitor, until):
    one = monitor(interval=0.3, rise=2, fall=3)

    async def scenario(supervisor, kept):
        await until(lambda: kept.is_known)
        first, known = supervisor.status.pid, kept.watch[one]
        with capture_logs() as logs:
            os.kill(first, signal.SIGKILL)
            await until(lambda: supervisor.status.state == "restarting")
            assert kept.watch[one].verdict.since == known.verdict.since
            await until(lambda: supervisor.status.state == "running")
        assert supervisor.status.pid != first
        assert (supervisor.status.restarts, supervisor.status.last_exit) == (1, "killed by SIGKILL")
        assert [entry["how"] for entry in logs if entry["event"] == "prober_ended"] == ["killed by SIGKILL"]
        seen = kept.watch[one].verdict.checked
        await until(lambda: kept.watch[one].verdict.checked > seen)
        assert kept.watch[one].verdict.since == known.verdict.since

    supervising(scenario, one)


def test_a_prober_that_hangs_is_killed_and_replaced(monitor, until, is_alive):
    async def scenario(supervisor, kept):
        await until(lambda: kept.is_known)
        first = supervisor.status.pid
        os.kill(first, signal.SIGSTOP)
        await until(lambda: supervisor.status.restarts and supervisor.status.state == "running")
        assert supervisor.status.last_exit == "hung: killed after it said nothing for 2 s"
        assert not is_alive(first)

    supervising(scenario, monitor(), silence_seconds=2.0)


def test_a_node_that_stood_still_does_not_blame_the_prober(monitor, until):
    async def scenario(supervisor, kept):
        await until(lambda: kept.is_known)
        for _ in range(2):
            time.sleep(3.5)  # noqa: ASYNC251 - the loop standing still is the point
            heard = kept.reports
            await until(lambda heard=heard: kept.reports > heard)
        assert supervisor.status.restarts == 0

    supervising(scenario, monitor(), silence_seconds=3.0)


def test_failures_in_a_row_back_off(monitor, until, monkeypatch):
    monkeypatch.setattr("gslb.health.supervisor.sys.executable", "/bin/false")
    monkeypatch.setattr("gslb.health.supervisor.RESTART_DELAYS", (0.0, 0.01, 0.02))

    async def scenario(supervisor, kept):
        with capture_logs() as logs:
            await until(lambda: supervisor.status.restarts >= 4)
        delays = [entry["restart_in_seconds"] for entry in logs if entry["event"] == "prober_ended"]
        assert delays[:4] == [0.0, 0.01, 0.02, 0.02]
        assert supervisor.status.last_exit == "exited with status 1"

    supervising(scenario, monitor())


def test_a_prober_that_cannot_be_started_is_tried_again(monitor, until, monkeypatch):
    monkeypatch.setattr("gslb.health.supervisor.sys.executable", "/nonexistent")

    async def scenario(supervisor, kept):
        await until(lambda: supervisor.status.restarts >= 1)
        assert supervisor.status.last_exit.startswith("did not start: ")

    supervising(scenario, monitor())


def test_what_a_crashing_prober_complained_of_is_in_the_log_and_in_the_status(monitor, until):
    async def scenario(supervisor, kept):
        await until(lambda: kept.is_known)
        with capture_logs() as logs:
            supervisor._process.stdin.write(b"nonsense\n")
            await until(lambda: supervisor.status.restarts == 1)
        assert supervisor.status.last_exit.startswith("exited with status 1: ")
        assert "JSON" in supervisor.status.last_exit
        assert "traceback" in next(entry for entry in logs if entry["event"] == "prober_crashed")

    supervising(scenario, monitor())


def test_a_prober_that_is_well_stops_by_itself_and_leaves_no_process(monitor, until, monkeypatch, is_alive):
    monkeypatch.setattr("gslb.health.supervisor.STOP_SECONDS", 600.0)  # so nobody ends it by force
    pids = []

    async def scenario(supervisor, kept):
        await until(lambda: kept.is_known)
        pids.append(supervisor.status.pid)
        async with asyncio.timeout(60):
            await supervisor.stop()

    with capture_logs() as logs:
        supervising(scenario, monitor())
    assert not is_alive(pids[0])
    assert [entry["event"] for entry in logs] == ["prober_running"]


def test_stopping_ends_even_a_prober_that_hangs(monitor, until, is_alive):
    async def scenario(supervisor, kept):
        await until(lambda: kept.is_known)
        pid = supervisor.status.pid
        os.kill(pid, signal.SIGSTOP)
        async with asyncio.timeout(60):
            await supervisor.stop()
        assert not is_alive(pid)

    supervising(scenario, monitor())


@pytest.mark.parametrize("delay", [0.0, 0.01, 0.1])
def test_stopping_during_the_start_leaves_no_process(monitor, delay):
    async def scenario(supervisor, kept):
        await asyncio.sleep(delay)
        await supervisor.stop()
        assert supervisor._process is None

    supervising(scenario, monitor())


NODE = """
import asyncio, time
from gslb.health.supervisor import Supervisor

async def main():
    running = asyncio.Event()
    supervisor = Supervisor(dict, lambda _: running.set(), concurrency=1, clock=time.time)
    supervisor.start()
    await running.wait()
    print(supervisor.status.pid, flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


def test_a_node_that_is_killed_leaves_no_prober(is_alive):
    with subprocess.Popen([sys.executable, "-c", textwrap.dedent(NODE)], stdout=subprocess.PIPE, text=True) as node:
        try:
            pid = next(int(word) for line in node.stdout for word in line.split() if word.isdigit())
            assert is_alive(pid)
        finally:
            node.kill()
    end = time.monotonic() + 60
    while is_alive(pid) and time.monotonic() < end:
        time.sleep(0.02)
    assert not is_alive(pid)
