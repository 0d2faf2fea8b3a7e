import asyncio
import contextlib

import pytest

from gslb.health.counts import CRASH
from gslb.health.protocol import HEARTBEAT_SECONDS, parse_report, parse_watch, render_watch
from gslb.health.reporter import MAX_TRACKS, Reporter


class Sink:
    """Collects reports with their times; `open` cleared: there is no room for another."""

    def __init__(self):
        self.reports, self.times = [], []
        self.open = asyncio.Event()
        self.open.set()

    async def write(self, line):
        await self.open.wait()
        self.reports.append(parse_report(line))
        self.times.append(asyncio.get_running_loop().time())


@pytest.fixture
def no_heartbeat(monkeypatch):
    """After the first report only what is urgent is sent."""
    monkeypatch.setattr("gslb.health.reporter.HEARTBEAT_SECONDS", 3600.0)


def reporting(scenario):
    async def run():
        sink = Sink()
        reporter = Reporter(sink.write)
        task = asyncio.create_task(reporter.run())
        try:
            await scenario(reporter, sink)
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    asyncio.run(run())


@pytest.mark.usefixtures("no_heartbeat")
def test_changes_made_together_are_one_report_sent_at_once(track, until):
    async def scenario(reporter, sink):
        await until(lambda: sink.reports)
        for name in "abc":
            reporter.tell(name, track("down"), changed=True)
        reporter.tell("d", track("up"), changed=False)
        await until(lambda: len(sink.reports) == 2)
        assert sink.reports[1].tracks == dict.fromkeys("abc", track("down"))

    reporting(scenario)


def test_confirmations_wait_for_the_heartbeat_and_only_the_last_is_sent(track, until):
    async def scenario(reporter, sink):
        started = asyncio.get_running_loop().time()
        await until(lambda: sink.reports)
        for checked in (5.0, 6.0):
            reporter.tell("a", track(checked=checked), changed=False)
        await until(lambda: any(report.tracks for report in sink.reports))
        assert sink.times[-1] - started >= HEARTBEAT_SECONDS
        assert sink.reports[-1].tracks == {"a": track(checked=6.0)}

    reporting(scenario)


def test_with_nothing_to_say_there_is_a_heartbeat(until):
    async def scenario(reporter, sink):
        await until(lambda: len(sink.reports) == 3)
        assert all(not report.tracks and not report.counts for report in sink.reports)

    reporting(scenario)


def test_while_the_node_does_not_read_the_newest_track_is_kept(track, until):
    async def scenario(reporter, sink):
        sink.open.clear()
        for checked in range(100):
            reporter.tell("a", track("down" if checked % 2 else "up", checked=float(checked)), changed=True)
            reporter.count("tcp", CRASH)
            await asyncio.sleep(0)
        sink.open.set()
        await until(lambda: sum(report.counts["tcp"].crashed for report in sink.reports if report.counts) == 100)
        told = [report.tracks["a"] for report in sink.reports if report.tracks]
        assert told[-1] == track("down", checked=99.0)
        assert len(told) <= 2

    reporting(scenario)


@pytest.mark.usefixtures("no_heartbeat")
def test_many_changes_are_several_reports(track, until):
    async def scenario(reporter, sink):
        await until(lambda: sink.reports)
        names = [str(number) for number in range(2 * MAX_TRACKS + 1)]
        for name in names:
            reporter.tell(name, track(), changed=True)
        await until(lambda: len(sink.reports) == 4)
        assert [len(report.tracks) for report in sink.reports[1:]] == [MAX_TRACKS, MAX_TRACKS, 1]

    reporting(scenario)


@pytest.mark.usefixtures("no_heartbeat")
def test_a_forgotten_monitor_is_not_reported(track, until):
    async def scenario(reporter, sink):
        await until(lambda: sink.reports)
        reporter.tell("gone", track(), changed=True)
        reporter.tell("here", track(), changed=True)
        reporter.forget("gone")
        await until(lambda: any(report.tracks for report in sink.reports))
        assert set(sink.reports[-1].tracks) == {"here"}

    reporting(scenario)


def test_a_watch_survives_the_pipe_with_the_keys_of_its_monitors(monitor, track):
    watch = {monitor(interval=5): track("down"), monitor("bücher.test\n", interval=0.5): None}
    line = render_watch(watch)
    assert line.count(b"\n") == 1
    assert parse_watch(line) == watch
    assert [one.key for one in parse_watch(line)] == [one.key for one in watch]
