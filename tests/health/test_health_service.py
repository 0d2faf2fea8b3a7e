"""The service as the node uses it, with a real prober and targets on loopback."""

import asyncio
import contextlib
import time

import pytest
from structlog.testing import capture_logs

from gslb.health.service import CONFIRM_SECONDS, HealthService
from gslb.health.store import Store
from gslb.steering.conditions import Health, Override, OverrideNote

KEY = ((b"\x03www\x07example\x00", 1), b"\xc0\x00\x02\x01")


def note(until=None):
    return OverrideNote(Override.DRAIN, "ann", "new disk", 100.0, until)


class Changes(list):
    """Collects the calls of `on_change`; `look` is called at each."""

    def look(self):
        """Nothing, unless a test says what."""

    def __call__(self, conditions, monitors, overrides):
        self.look()
        self.append((conditions, monitors, overrides))

    @property
    def of_monitors(self):
        return [(key, conditions.verdicts[key].health) for conditions, keys, _ in self for key in sorted(keys)]


@contextlib.asynccontextmanager
async def serving(state_dir, monitors, first_round=10.0, **options):
    changes = Changes()
    service = HealthService(state_dir, changes, **options)
    try:
        await service.start(set(monitors), first_round)
        yield service, changes
    finally:
        await service.stop()


def test_after_the_start_every_monitor_has_a_verdict(tmp_path, monitor, target):
    async def run():
        async with target() as good, target() as bad:
            bad.status = 503
            up, down = (monitor(kind="http", port=one.port) for one in (good, bad))
            async with serving(tmp_path, [up, down]) as (service, changes):
                verdicts = service.conditions.verdicts
                assert verdicts[up.key].health is Health.UP
                assert verdicts[up.key].latency_seconds > 0
                assert verdicts[down.key].health is Health.DOWN
                assert verdicts[down.key].reason == "503 Said, wanted 200-399"
                assert changes == []
                assert service.prober.state == "running"
                assert (service.counts["http"].run, service.counts["http"].failed) == (2, 1)

    asyncio.run(run())


def test_without_monitors_the_start_does_not_wait(tmp_path):
    async def run():
        async with asyncio.timeout(60), serving(tmp_path, [], first_round=3600.0):
            pass

    asyncio.run(run())


def test_a_member_that_dies_and_returns_is_told_by_the_probe_that_meets_its_threshold(tmp_path, monitor, target, until):
    async def run():
        async with target() as site:
            one = monitor(kind="http", interval=0.5, timeout=20.0, rise=2, fall=3, port=site.port)
            async with serving(tmp_path, [one]) as (service, changes):
                counts = []
                changes.look = lambda: counts.append(service.counts["http"])
                with capture_logs() as logs:
                    site.status = 503
                    await until(lambda: changes)
                    site.status = 200
                    await until(lambda: len(changes) == 2)
            down, up = counts
            assert down.failed == 3
            assert (up.run - up.failed) - (down.run - down.failed) == 2
            assert changes.of_monitors == [(one.key, Health.DOWN), (one.key, Health.UP)]
            told = [(entry["event"], entry["reason"]) for entry in logs if entry["event"].startswith("monitor_")]
            assert told == [("monitor_down", "503 Said, wanted 200-399"), ("monitor_up", "200 Said")]

    asyncio.run(run())


def test_confirmations_show_in_conditions_and_are_not_told(tmp_path, monitor, target, until):
    async def run():
        async with target() as site:
            one = monitor(kind="http", interval=0.2, timeout=20.0, port=site.port)
            async with serving(tmp_path, [one]) as (service, changes):
                before = service.conditions
                await until(lambda: service.conditions.verdicts[one.key].checked > before.verdicts[one.key].checked)
                assert service.conditions.verdicts[one.key].since == before.verdicts[one.key].since
                assert changes == []

    asyncio.run(run())


def test_targets_that_never_answer_do_not_hold_up_the_start_beyond_its_bound(tmp_path, monitor, target):
    async def run():
        async with target() as good, target() as hole:
            hole.status = None
            holes = [
                monitor(kind="http", timeout=60.0, interval=60.0, port=hole.port, path=f"/{n}") for n in range(100)
            ]
            fine = [monitor(kind="http", timeout=4.0, port=good.port, path=f"/{n}") for n in range(100)]
            with capture_logs() as logs:
                service = HealthService(tmp_path, Changes())
                try:
                    async with asyncio.timeout(50):  # a hole by itself holds up for 60 s
                        await service.start({*holes, *fine}, 6.0)
                    assert all(service.conditions.verdicts[one.key].health is Health.UP for one in fine)
                    assert not any(one.key in service.conditions.verdicts for one in holes)
                finally:
                    async with asyncio.timeout(50):
                        await service.stop()
            incomplete = next(entry for entry in logs if entry["event"] == "first_round_incomplete")
            assert (incomplete["up"], incomplete["unknown"]) == (100, 100)

    asyncio.run(run())


def test_a_new_set_of_monitors_is_probed_at_once_and_gone_ones_are_forgotten(tmp_path, monitor, target, until):
    async def run():
        async with target() as site:
            old, new = (monitor(kind="http", interval=60.0, port=site.port, path=path) for path in ("/old", "/new"))
            async with serving(tmp_path, [old]) as (service, changes):
                service.watch({new})
                assert service.conditions.verdicts == {}
                await until(lambda: changes)
                assert changes.of_monitors == [(new.key, Health.UP)]
                assert set(service.conditions.verdicts) == {new.key}

    asyncio.run(run())


def test_other_thresholds_for_the_same_probe_keep_the_verdict(tmp_path, monitor):
    async def run():
        old, new = monitor(interval=60.0), monitor(interval=30.0, fall=5)
        async with serving(tmp_path, [old]) as (service, changes):
            before = service.conditions.verdicts[old.key]
            service.watch({new})
            assert service.conditions.verdicts == {new.key: before}
            assert changes.of_monitors == [(new.key, Health.DOWN)]

    asyncio.run(run())


@pytest.mark.parametrize(("before", "after"), [(200, 503), (503, 200)])
def test_an_edited_monitor_keeps_the_verdict_until_its_own_probes_have_confirmed_another(
    tmp_path, monitor, target, until, before, after
):
    async def run():
        async with target() as site, target() as other:
            site.status, other.status = before, after
            old = monitor(kind="http", interval=60.0, port=site.port)
            new = monitor(kind="http", interval=1.0, timeout=20.0, rise=4, fall=3, port=other.port)
            async with serving(tmp_path, [old]) as (service, changes):
                verdict = service.conditions.verdicts[old.key]
                service.hand_on([(old, new)])
                assert service.conditions.verdicts[new.key] == verdict
                service.watch({new})
                assert service.conditions.verdicts == {new.key: verdict}
                counts = []
                ran = service.counts["http"].run
                changes.look = lambda: counts.append(service.counts["http"].run - ran)
                await until(lambda: changes)
                assert changes.of_monitors == [(new.key, Health.DOWN if after == 503 else Health.UP)]
                assert counts == [3 if after == 503 else 4]

    asyncio.run(run())


def test_counts_towards_another_verdict_are_not_handed_on_to_what_is_probed_otherwise(tmp_path, monitor, track):
    old, longer, elsewhere = monitor(port=1), monitor(port=1, interval=60.0), monitor(port=2, interval=60.0)
    Store(tmp_path).save_tracks({old.key: track("up", checked=time.time(), failures=2)})

    async def run():
        service = HealthService(tmp_path, Changes())
        service._load({old})
        service.hand_on([(old, longer), (old, elsewhere)])
        failures = {key: kept.failures for key, kept in service._tracks.items()}
        assert failures == {old.key: 2, longer.key: 2, elsewhere.key: 0}

    asyncio.run(run())


def test_a_verdict_is_not_handed_on_to_a_monitor_that_is_watched_already(tmp_path, monitor, track):
    old, watched, unprobed = monitor(port=1), monitor(port=2), monitor(port=3)
    Store(tmp_path).save_tracks({old.key: track("down", checked=time.time()), watched.key: track(checked=time.time())})

    async def run():
        service = HealthService(tmp_path, Changes())
        service._load({old, watched, unprobed})
        before = service.conditions
        service.hand_on([(old, watched), (old, unprobed), (unprobed, monitor(port=4))])
        assert service.conditions == before

    asyncio.run(run())


def test_a_verdict_that_was_handed_on_survives_a_restart(tmp_path, monitor):
    old, new = monitor(port=1), monitor(port=2, interval=60.0)

    async def run():
        async with serving(tmp_path, [old]) as (service, _):
            service.hand_on([(old, new)])
            service.watch({new})
        async with asyncio.timeout(60), serving(tmp_path, [new], first_round=3600.0) as (service, _):
            assert service.conditions.verdicts[new.key].health is Health.DOWN

    asyncio.run(run())


def test_fresh_verdicts_of_before_the_restart_need_no_first_round(tmp_path, monitor, track):
    one = monitor(kind="http", port=1)
    Store(tmp_path).save_tracks({one.key: track("up", "200 OK", checked=time.time() - 5), "gone": track()})

    async def run():
        async with asyncio.timeout(60), serving(tmp_path, [one], first_round=3600.0) as (service, _):
            assert set(service.conditions.verdicts) == {one.key}
            assert service.conditions.verdicts[one.key].health is Health.UP

    asyncio.run(run())


def test_conditions_read_before_the_start_do_not_hide_the_stored_verdicts(tmp_path, monitor, track):
    one = monitor(kind="http", port=1)
    Store(tmp_path).save_tracks({one.key: track("down", "refused", checked=time.time() - 5)})

    async def run():
        service = HealthService(tmp_path, lambda *_: None)
        assert not service.conditions.verdicts
        await service.start({one})
        try:
            assert service.conditions.verdicts[one.key].health is Health.DOWN
        finally:
            await service.stop()

    asyncio.run(run())


def test_a_stale_verdict_is_unknown_until_the_first_probe(tmp_path, monitor, track, until):
    one = monitor()
    Store(tmp_path).save_tracks({one.key: track("up", "connected", checked=time.time() - 3600)})

    async def run():
        async with serving(tmp_path, [one], first_round=0.0) as (service, changes):
            verdict = service.conditions.verdicts[one.key]
            assert verdict.health is Health.UNKNOWN
            assert "before the restart it was up (connected)" in verdict.reason
            await until(lambda: changes)
            assert changes.of_monitors == [(one.key, Health.DOWN)]

    asyncio.run(run())


def test_verdicts_and_overrides_are_on_disk_soon_enough_for_a_kill(tmp_path, monitor, until):
    one = monitor()

    async def run():
        async with serving(tmp_path, [one]) as (service, _):
            service.set_override(KEY, note())
            assert Store(tmp_path).load_overrides() == {KEY: note()}
            await until(lambda: one.key in Store(tmp_path).load_tracks(), CONFIRM_SECONDS / 2)

    asyncio.run(run())


def test_a_restart_keeps_since_and_overrides(tmp_path, monitor):
    one = monitor()

    async def run():
        async with serving(tmp_path, [one]) as (service, _):
            service.set_override(KEY, note())
            before = service.conditions
        async with serving(tmp_path, [one]) as (service, _):
            assert service.conditions.overrides == before.overrides == {KEY: note()}
            assert service.conditions.verdicts[one.key].since == before.verdicts[one.key].since

    asyncio.run(run())


def test_overrides_are_told_when_set_and_cleared(tmp_path):
    async def run():
        async with serving(tmp_path, []) as (service, changes):
            service.set_override(KEY, note())
            assert service.clear_override(KEY) is True
            assert service.clear_override(KEY) is False
            told = [(set(conditions.overrides), overrides) for conditions, _, overrides in changes]
            assert told == [({KEY}, {KEY}), (set(), {KEY})]
        assert Store(tmp_path).load_overrides() == {}

    asyncio.run(run())


def test_an_override_ends_by_itself_and_that_is_told(tmp_path, until):
    now = [1000.0]

    async def run():
        async with serving(tmp_path, [], clock=lambda: now[0]) as (service, changes):
            service.set_override(KEY, note(1060.0))
            now[0] = 1059.0
            await asyncio.sleep(0)
            assert service.conditions.overrides == {KEY: note(1060.0)}
            now[0] = 1060.0
            with capture_logs() as logs:
                await until(lambda: len(changes) == 2)
            assert service.conditions.overrides == {}
            assert changes[-1][2] == {KEY}
            ended = next(entry for entry in logs if entry["event"] == "override_ended")
            assert (ended["owner"], ended["type"], ended["value"]) == ("www.example.", "A", "192.0.2.1")

    asyncio.run(run())
    assert Store(tmp_path).load_overrides() == {}


def test_an_override_that_ended_while_the_node_was_down_is_gone(tmp_path):
    Store(tmp_path).save_overrides({KEY: note(1060.0)})

    async def run():
        async with serving(tmp_path, [], clock=lambda: 2000.0) as (service, changes):
            assert service.conditions.overrides == {}
            assert changes == []

    asyncio.run(run())


def test_a_listener_that_fails_does_not_stop_health(tmp_path, monitor, target, until):
    async def run():
        async with target() as site:
            one = monitor(kind="http", interval=0.2, timeout=20.0, rise=1, fall=1, port=site.port)

            def fails(*_):
                raise RuntimeError("a bug of the listener")

            service = HealthService(tmp_path, fails)
            try:
                await service.start({one})
                for status, health in ((503, Health.DOWN), (200, Health.UP)):
                    site.status = status
                    await until(lambda health=health: service.conditions.verdicts[one.key].health is health)
                assert service.prober.restarts == 0
            finally:
                await service.stop()

    asyncio.run(run())


def test_a_disk_that_fails_is_said_once_and_health_goes_on(tmp_path, monkeypatch):
    def full(_):
        raise OSError(28, "No space left on device")

    async def run():
        async with serving(tmp_path, []) as (service, changes):
            with capture_logs() as logs, monkeypatch.context() as patch:
                patch.setattr("gslb.durable.os.fsync", full)
                service.set_override(KEY, note())
                service.clear_override(KEY)
            assert len(changes) == 2
            assert [entry["event"] for entry in logs].count("state_not_saved") == 1

    asyncio.run(run())


@pytest.mark.parametrize("started", [False, True])
def test_stopping_twice_or_before_the_start_is_harmless(tmp_path, started):
    async def run():
        service = HealthService(tmp_path, Changes())
        if started:
            await service.start(set())
            await service.stop()
        await service.stop()

    asyncio.run(run())


def test_a_snapshot_of_conditions_does_not_change(tmp_path, monitor):
    async def run():
        async with serving(tmp_path, [monitor()]) as (service, _):
            before = service.conditions
            assert service.conditions is before
            service.set_override(KEY, note())
            assert before.overrides == {}
            with pytest.raises(TypeError):
                before.verdicts["x"] = None

    asyncio.run(run())
