"""How many connections a process's limit of open files has room for."""

import resource

import pytest
from structlog.testing import capture_logs

from gslb.app.descriptors import SPARE, make_room


@pytest.mark.parametrize(
    ("soft", "hard", "fit", "told"),
    [
        (4096, 4096, 1000, False),
        (1024, resource.RLIM_INFINITY, 1000, False),  # raised
        (1024, 1100 + SPARE, 1000, False),
        (1024, 1024, 1024 - 100 - SPARE, True),
        (80, 80, 20, True),
        (2, 2, 1, True),
    ],
)
def test_no_more_connections_than_leave_descriptors_for_all_else(monkeypatch, soft, hard, fit, told) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (soft, hard))
    monkeypatch.setattr(resource, "setrlimit", lambda *_: None)
    with capture_logs() as logged:
        assert make_room(1000, 100) == fit
    assert [entry["event"] for entry in logged] == ["descriptors_short"] * told
    assert all(entry["connections"] == fit for entry in logged)
