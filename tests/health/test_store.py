import pytest
from structlog.testing import capture_logs

from gslb.health.store import Store, restored
from gslb.steering.conditions import Health, Override, OverrideNote

KEY = ((b"\x03www\x07example\x00", 1), b"\xc0\x00\x02\x01")
STRANGE = ((b"\x04\xff\\.\x00\x00", 65), b"")
NOTE = OverrideNote(Override.DRAIN, "ann", "new kernel äö", 100.5, 200.0)


def test_what_is_saved_is_loaded(tmp_path, track):
    store = Store(tmp_path / "state")
    tracks = {"tcp a 1": track("down", failures=1), "http b 2": track("up", successes=2), "c": track("unknown")}
    overrides = {KEY: NOTE, STRANGE: OverrideNote(Override.UP, "bob", "", 1.0)}
    store.save_tracks(tracks)
    store.save_overrides(overrides)
    assert Store(tmp_path / "state").load_tracks() == tracks
    assert Store(tmp_path / "state").load_overrides() == overrides


def test_without_files_nothing_is_known(tmp_path):
    assert Store(tmp_path).load_tracks() == {}
    assert Store(tmp_path).load_overrides() == {}


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[1]", b"\x00" * 50, b'{"a": 1}', b'[{"owner": "..", "rtype": 1, "value": "zz"}]']
)
def test_a_damaged_file_is_set_aside_with_a_warning(tmp_path, content):
    for name in ("verdicts", "overrides"):
        (tmp_path / f"{name}.json").write_bytes(content)
    with capture_logs() as logs:
        assert Store(tmp_path).load_tracks() == {}
        assert Store(tmp_path).load_overrides() == {}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["overrides.bad", "verdicts.bad"]
    assert [(entry["event"], entry["log_level"]) for entry in logs] == [("state_file_damaged", "warning")] * 2
    assert "verdicts.json" in logs[0]["file"]


def test_a_damaged_file_of_verdicts_leaves_the_overrides(tmp_path):
    Store(tmp_path).save_overrides({KEY: NOTE})
    (tmp_path / "verdicts.json").write_text("{")
    Store(tmp_path).load_tracks()
    assert Store(tmp_path).load_overrides() == {KEY: NOTE}


def test_a_write_that_breaks_off_leaves_the_old_file(tmp_path, track, monkeypatch):
    store = Store(tmp_path)
    store.save_tracks({"a": track()})

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("gslb.durable.os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        store.save_tracks({"a": track("down")})
    assert Store(tmp_path).load_tracks() == {"a": track()}


@pytest.mark.parametrize(
    ("interval", "age", "fresh"),
    [(5.0, 0, True), (5.0, 30, True), (5.0, 31, False), (60.0, 180, True), (60.0, 181, False), (5.0, -31, False)],
)
def test_a_verdict_is_fresh_for_three_intervals_or_thirty_seconds(monitor, track, interval, age, fresh):
    stored = track("down", checked=1000.0)
    found = restored(stored, monitor(interval=interval), 1000.0 + age)
    assert (found is stored) is fresh


def test_a_stale_verdict_is_unknown_and_says_what_it_was(monitor, track):
    verdict = restored(track("down", "503 Busy", checked=1000.0), monitor(), 8200.0).verdict
    assert verdict.health is Health.UNKNOWN
    assert verdict.reason == "not probed yet; before the restart it was down (503 Busy), 7200 s ago"


def test_an_unknown_verdict_is_not_restored(monitor, track):
    assert restored(track("unknown", checked=1000.0), monitor(), 1000.0) is None
    assert restored(None, monitor(), 1000.0) is None
