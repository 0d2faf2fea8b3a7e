import asyncio
import contextlib
import json
import os
import select
import signal
import subprocess
import sys

import pytest

from gslb.health.prober import Prober
from gslb.health.probes import PROBES, Probe, ProbeImpossibleError, ProbeOptions, ProbeResult
from gslb.health.protocol import parse_report, render_watch
from gslb.steering.conditions import Health


class Heard:
    """Stands for the reporter."""

    def __init__(self):
        self.tracks, self.changes, self.counts = {}, [], []

    def tell(self, key, track, *, changed):
        self.tracks[key] = track
        if changed:
            self.changes.append((key, track.verdict.health.value))

    def count(self, kind, counts):
        self.counts.append((kind, counts))

    def forget(self, key):
        self.tracks.pop(key, None)


def probing(scenario, concurrency=10):
    async def run():
        heard = Heard()
        prober = Prober(heard, concurrency, draw=lambda: 0.5, clock=lambda: 1000.0)
        task = asyncio.create_task(prober.run())
        try:
            await scenario(prober, heard)
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    asyncio.run(run())


@pytest.fixture
def probes(monkeypatch):
    """Add a kind of probe: `probes("kind", run)`."""

    def add(kind, run):
        monkeypatch.setitem(PROBES, kind, Probe("", Anything, run))

    return add


class Anything(ProbeOptions):
    port: int = 0


async def succeeds(*_):
    return ProbeResult(ok=True, reason="fine", latency_seconds=0.1)


def test_every_monitor_is_probed_at_once(monitor, probes, until):
    probes("fine", succeeds)
    monitors = [monitor(str(number), "fine", interval=60.0) for number in range(30)]

    async def scenario(prober, heard):
        prober.watch(dict.fromkeys(monitors))
        await until(lambda: len(heard.tracks) == 30)
        assert sorted(heard.changes) == sorted((one.key, "up") for one in monitors)
        assert heard.tracks[monitors[0].key].verdict.checked == 1000.0

    probing(scenario)


def test_equal_monitors_are_one_probe(monitor, probes, until):
    asked = []

    async def notes(target, *_):
        asked.append(target)
        return await succeeds()

    probes("notes", notes)

    async def scenario(prober, heard):
        prober.watch({monitor("a", "notes"): None, monitor("a", "notes"): None})
        prober.watch({monitor("a", "notes"): None})
        await until(lambda: heard.tracks)
        await asyncio.sleep(0.05)
        assert asked == ["a"]

    probing(scenario)


def test_at_most_so_many_probes_run_at_a_time(monitor, probes, until):
    running, most = 0, 0

    async def slow(*_):
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.01)
        running -= 1
        return await succeeds()

    probes("slow", slow)

    async def scenario(prober, heard):
        prober.watch(dict.fromkeys(monitor(str(number), "slow") for number in range(40)))
        await until(lambda: len(heard.tracks) == 40)
        assert most == 7

    probing(scenario, concurrency=7)


def test_a_monitor_that_is_gone_is_probed_no_longer(monitor, probes, until):
    asked = []

    async def hangs(target, *_):
        asked.append(target)
        try:
            await asyncio.sleep(60)
        finally:
            asked.append("cancelled")

    probes("hangs", hangs)
    probes("fine", succeeds)

    async def scenario(prober, heard):
        prober.watch({monitor("a", "hangs"): None})
        await until(lambda: asked)
        prober.watch({monitor("b", "fine"): None})
        await until(lambda: heard.tracks)
        assert asked == ["a", "cancelled"]
        assert set(heard.tracks) == {monitor("b", "fine").key}

    probing(scenario)


def test_a_probe_goes_on_with_the_track_that_it_is_given(monitor, probes, track, until):
    async def fails(*_):
        return ProbeResult(ok=False, reason="no", latency_seconds=0.1)

    probes("fails", fails)
    one = monitor("a", "fails", interval=0.05, fall=3)

    async def scenario(prober, heard):
        prober.watch({one: track("up", failures=2)})
        await until(lambda: heard.tracks)
        assert heard.changes == [(one.key, "down")]

    probing(scenario)


def test_a_probe_that_crashes_is_logged_once_and_leaves_the_verdict(monitor, probes, track, until, capsys):
    async def crashes(*_):
        raise KeyError("a bug")

    probes("crashes", crashes)
    probes("fine", succeeds)
    broken = monitor("a", "crashes", interval=0.05)
    known = monitor("b", "crashes", interval=0.05)
    fine = monitor("c", "fine")

    async def scenario(prober, heard):
        prober.watch({broken: None, known: track("down"), fine: None})
        await until(lambda: len(heard.counts) > 8)
        assert heard.tracks[broken.key].verdict.health is Health.UNKNOWN
        assert "the probe itself failed, a bug: KeyError('a bug')" in heard.tracks[broken.key].verdict.reason
        assert known.key not in heard.tracks
        assert heard.tracks[fine.key].verdict.health is Health.UP
        assert sum(counts.crashed for _, counts in heard.counts) >= 7

    probing(scenario)
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert sorted(line["monitor"] for line in lines) == sorted([broken.key, known.key])
    assert all(line["event"] == "probe_crashed" and "KeyError" in line["traceback"] for line in lines)


def test_what_is_missing_on_this_machine_is_told_once_and_leaves_the_verdicts(monitor, probes, track, until, capsys):
    lacking = {"file": True}

    async def needs_a_file(*_):
        if lacking["file"]:
            raise ProbeImpossibleError("the file is missing")
        return await succeeds()

    probes("needs", needs_a_file)
    new, up, down = (monitor(target, "needs", interval=0.05, rise=2, fall=1) for target in "abc")

    async def scenario(prober, heard):
        prober.watch({new: None, up: track("up"), down: track("down")})
        await until(lambda: len(heard.counts) > 15)
        assert set(heard.tracks) == {new.key}
        verdict = heard.tracks[new.key].verdict
        assert (verdict.health, verdict.reason) == (Health.UNKNOWN, "cannot be probed: the file is missing")
        assert sum(counts.run for _, counts in heard.counts) == 0
        lacking["file"] = False
        await until(lambda: {new.key, up.key, down.key} <= heard.tracks.keys())
        await until(lambda: all(track.verdict.health is Health.UP for track in heard.tracks.values()))
        seen = len(heard.counts)
        lacking["file"] = True
        await until(lambda: len(heard.counts) > seen + 6)
        assert all(track.verdict.health is Health.UP for track in heard.tracks.values())

    probing(scenario)
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [(line["event"], line["error"]) for line in lines] == [("probe_impossible", "the file is missing")] * 2


def test_a_monitor_that_this_version_cannot_run_stops_only_itself(monitor, probes, until):
    probes("fine", succeeds)

    async def scenario(prober, heard):
        prober.watch(
            {monitor("a", "nonesuch"): None, monitor("b", "tcp", nonesuch=1): None, monitor("c", "fine"): None}
        )
        await until(lambda: len(heard.tracks) == 3)
        healths = sorted(track.verdict.health.value for track in heard.tracks.values())
        assert healths == ["unknown", "unknown", "up"]

    probing(scenario)


@pytest.fixture
def process():
    """A prober process, spoken to by hand."""
    prober = subprocess.Popen(
        [sys.executable, "-m", "gslb.health.prober", "10"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    yield prober
    prober.kill()
    prober.communicate()


def next_report(prober, seconds=60):
    ready, _, _ = select.select([prober.stdout], [], [], seconds)
    assert ready, "no report in time"
    return parse_report(prober.stdout.readline())


def test_the_process_ends_with_its_stdin(process):
    next_report(process)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0
    assert errors == b""


def test_ctrl_c_does_not_touch_the_process(process):
    next_report(process)
    os.kill(process.pid, signal.SIGINT)
    for _ in range(3):
        next_report(process)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, b"")


def test_the_process_reports_what_it_is_told_to_watch(process, monitor):
    one = monitor("127.0.0.1", port=1)
    process.stdin.write(render_watch({one: None}))
    process.stdin.flush()
    reports = [next_report(process)]
    while not reports[-1].tracks:
        reports.append(next_report(process))
    assert reports[-1].tracks[one.key].verdict.reason == "connection refused"
    assert reports[-1].counts["tcp"].failed == 1


def test_nonsense_on_stdin_ends_the_process_with_the_reason(process):
    next_report(process)
    process.stdin.write(b"nonsense\n")
    process.stdin.flush()
    process.wait(60)
    line = json.loads(process.stderr.readline())
    assert process.returncode == 1
    assert line["event"] == "prober_crashed"
