"""Changes from one look to the next, in words."""

from gslb.demo.timeline import process_changes, status_changes


def status(health="up", serial=7, problems=(), restarts=0, override=None, reason="200 OK", role="primary", how=None):
    member = {"value": "192.0.2.1", "health": health, "reason": reason, "override": override}
    zone = {"zone": "demo.example.", "role": role, "serial": serial, "problems": list(problems)}
    return {
        "config": {"problems": []},
        "zones": [zone | ({"transfer": {"how": how}} if role == "secondary" else {})],
        "members": [member, member],
        "prober": {"restarts": restarts, "last_exit": "killed by SIGKILL"},
    }


def test_nothing_new_is_nothing_to_tell():
    assert status_changes(status(), status(reason="204 No Content")) == []


def test_a_member_that_changes_is_told_once_with_the_reason():
    down = status(health="down", reason="connection refused")
    assert status_changes(status(), down) == ["192.0.2.1 is down: connection refused"]


def test_overrides_are_told_when_set_and_when_cleared():
    assert status_changes(status(), status(override="drain")) == ["192.0.2.1: override drain"]
    assert status_changes(status(override="drain"), status()) == ["192.0.2.1: override cleared"]


def test_members_that_come_and_go_are_told():
    none = status() | {"members": []}
    assert status_changes(none, status()) == ["192.0.2.1 is up: 200 OK"]
    assert status_changes(status(), none) == ["192.0.2.1 is no longer a member"]


def test_a_new_serial_is_told():
    assert status_changes(status(), status(serial=8)) == ["demo.example. is served in a new version, serial 8"]


def test_a_problem_is_told_once_and_so_is_its_end():
    wrong = status(problems=["zone.yaml:3: wrong"])
    assert status_changes(status(), wrong) == ["not taken, the version before is served: zone.yaml:3: wrong"]
    assert status_changes(wrong, wrong) == []
    assert status_changes(wrong, status()) == ["the files are right again"]


def test_a_serial_of_a_secondary_is_told_with_how_it_came():
    (told,) = status_changes(status(role="secondary"), status(serial=8, role="secondary", how="ixfr"))
    assert told == "demo.example. is served in a new version, serial 8, by IXFR"


def test_a_secondary_that_reaches_no_primary_is_told_and_so_is_its_end():
    cut_off = status(role="secondary", problems=["primary: connection refused"])
    well = status(role="secondary")
    assert status_changes(well, cut_off) == ["not taken, the version before is served: primary: connection refused"]
    assert status_changes(cut_off, well) == ["a primary answers again"]


def test_a_restart_of_the_prober_is_told_with_how_the_last_one_ended():
    (told,) = status_changes(status(), status(restarts=1))
    assert "prober was restarted (killed by SIGKILL)" in told


def test_processes_that_go_and_come_are_told():
    assert process_changes({"a": 1, "b": 2}, {"a": 1, "b": 2}) == []
    assert process_changes({"a": 1}, {"a": None}) == ["a is gone (pid 1)"]
    assert process_changes({"a": None}, {"a": 2}) == ["a runs again, pid 2"]
    assert process_changes({"a": 1}, {"a": 2}) == ["a runs again, pid 2"]
