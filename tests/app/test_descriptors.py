"""How many connections a process's limit of open files has room for."""

import os
import resource
from dataclasses import dataclass, field

import pytest
from prometheus_client import CollectorRegistry, Gauge
from structlog.testing import capture_logs

from gslb.app import descriptors
from gslb.app.descriptors import LEAST_FREE, QUIET_SECONDS, SPARE, DescriptorWatch, are_short, make_room


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


@dataclass
class Clients:
    connections: int
    asked: list[int | None] = field(default_factory=list)

    def make_do_with(self, connections: int | None) -> int:
        self.asked.append(connections)
        closed = 0 if connections is None else max(0, self.connections - connections)
        self.connections -= closed
        return closed


def test_while_descriptors_are_short_connections_are_closed_until_a_quiet_minute_has_passed(monkeypatch) -> None:
    clients, gauge = Clients(100), Gauge("short", "", registry=CollectorRegistry())
    watch = DescriptorWatch(clients, gauge)
    short = False
    monkeypatch.setattr(descriptors, "are_short", lambda: short)
    with capture_logs() as logged:
        watch.look(0.0)
        assert (clients.asked, watch.status(), gauge._value.get()) == ([], None, 0)
        short = True
        watch.look(1.0)
        watch.look(2.0)
        short = False
        watch.look(1.0 + QUIET_SECONDS)
        assert (clients.asked, watch.status(), gauge._value.get()) == ([68, 36], {"connections": 36}, 1)
        watch.look(2.0 + QUIET_SECONDS)
    assert (clients.asked, watch.status(), gauge._value.get()) == ([68, 36, None], None, 0)
    assert [entry["event"] for entry in logged] == ["descriptors_used_up"] * 2 + ["descriptors_free_again"]
    assert logged[0]["closed"] == 32


def test_a_shortage_that_stays_is_told_a_few_times_a_minute(monkeypatch) -> None:
    watch = DescriptorWatch(Clients(0), Gauge("short", "", registry=CollectorRegistry()))
    monkeypatch.setattr(descriptors, "are_short", lambda: True)
    with capture_logs() as logged:
        for second in range(60):
            watch.look(float(second))
    assert len(logged) == 10
    assert {entry["connections"] for entry in logged} == {1}


def test_descriptors_are_short_when_fewer_can_be_had_than_are_kept_free() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken = [os.open(os.devnull, os.O_RDONLY) for _ in range(40)]  # no gap is left below the last
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(taken) + LEAST_FREE + 1, before[1]))
        assert not are_short()
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(taken) + LEAST_FREE, before[1]))
        assert are_short()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
        for descriptor in taken:
            os.close(descriptor)
    assert not are_short()
