"""Who may be connected, and how long a connection may be idle."""

from dataclasses import dataclass

import pytest
import structlog

from gslb.metrics import Metrics
from gslb.server.places import LOG_EVERY_SECONDS, Places, TcpLimits, client_network


@dataclass(eq=False)
class Guest:
    client: str = "192.0.2.1"
    transport_name: str = "tcp"
    busy: bool = False
    closed: bool = False

    def close(self) -> None:
        self.closed = True

    make_room = close


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def places(limits: TcpLimits, clock: Clock | None = None) -> Places:
    return Places(limits, Metrics(), clock or Clock())


def test_the_idle_time_shrinks_from_half_the_places_on_and_comes_back() -> None:
    found = places(TcpLimits(connections=10, idle_seconds=10.0))
    guests = [Guest() for _ in range(10)]
    told = []
    for guest in guests:
        told.append(found.idle_seconds)
        assert found.admit(guest)
    assert told == pytest.approx([10, 10, 10, 10, 10, 10, 8, 6, 4, 2])
    assert found.idle_seconds == 1.0
    for guest in guests:
        found.leave(guest)
    assert found.idle_seconds == 10.0


def test_an_idle_time_below_the_least_stays_what_it_is() -> None:
    found = places(TcpLimits(connections=1, idle_seconds=0.5))
    found.admit(Guest())
    assert found.idle_seconds == 0.5


def test_a_place_is_counted_out_once() -> None:
    found = places(TcpLimits(connections=2))
    guest = Guest()
    found.admit(guest)
    found.leave(guest)
    found.leave(guest)
    assert len(found) == 0
    assert found._metrics.tcp_connections.labels("tcp")._value.get() == 0


def test_with_fewer_places_the_longest_idle_are_closed_and_newcomers_take_their_turn() -> None:
    found = places(TcpLimits(connections=10))
    guests = [Guest(busy=number == 0) for number in range(6)]
    for guest in guests:
        assert found.admit(guest)
    found.asked(guests[1])
    assert found.make_do_with(3) == 3
    assert [guest.closed for guest in guests] == [False, False, True, True, True, False]
    late = Guest()
    assert found.admit(late)
    assert guests[5].closed
    assert len(found) == 3
    assert found._metrics.tcp_evicted.labels("tcp")._value.get() == 4
    assert found.make_do_with(1000) == 0
    assert all(found.admit(Guest()) for _ in range(7))
    assert not late.closed


def test_one_place_always_remains_and_busy_connections_keep_theirs() -> None:
    found = places(TcpLimits(connections=10))
    guests = [Guest(busy=True) for _ in range(3)]
    for guest in guests:
        found.admit(guest)
    assert found.make_do_with(-5) == 0
    assert not found.admit(Guest())
    assert found.idle_seconds == 1.0
    for guest in guests:
        found.leave(guest)
    assert found.admit(Guest())


def test_an_ipv6_client_is_its_64_and_an_ipv4_client_its_address() -> None:
    assert client_network("2001:db8:1:2:3:4:5:6") == client_network("2001:db8:1:2::1") == "2001:db8:1:2::"
    assert client_network("fe80::1%eth0") == "fe80::"
    assert client_network("192.0.2.1") == "192.0.2.1"
    found = places(TcpLimits(per_client=1))
    assert found.admit(Guest("2001:db8::1"))
    assert not found.admit(Guest("2001:db8::2"))
    assert found.admit(Guest("2001:db8:0:1::2"))
    assert found.admit(Guest("192.0.2.1"))
    assert found.admit(Guest("192.0.2.2"))


def test_the_log_tells_of_a_limit_once_a_minute_with_how_often_and_what_to_do() -> None:
    clock = Clock()
    found = places(TcpLimits(per_client=1), clock)
    found.admit(Guest())
    with structlog.testing.capture_logs() as logged:
        for _ in range(5):
            found.admit(Guest())
        clock.now = LOG_EVERY_SECONDS
        found.admit(Guest())
    assert [(line["event"], line["limit"], line["times"]) for line in logged] == [
        ("tcp_limit_reached", "client", 1),
        ("tcp_limit_reached", "client", 5),
    ]
    assert "limits.tcp_per_client" in logged[0]["advice"]


def test_a_clock_that_is_set_back_does_not_silence_the_log() -> None:
    clock = Clock()
    clock.now = 1_000_000.0
    found = places(TcpLimits(per_client=1), clock)
    found.admit(Guest())
    with structlog.testing.capture_logs() as logged:
        found.admit(Guest())
        clock.now = 0.0
        found.admit(Guest())
    assert len(logged) == 2
