"""The messages to the service manager, and when there are none."""

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import BOUND_SECONDS
from structlog.testing import capture_logs

from gslb.app.sd_notify import Notifier


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    monkeypatch.chdir(tmp_path)  # a Unix socket's path must stay short, and pytest's folders can be long
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.bind("notify")
        heard.settimeout(BOUND_SECONDS)
        yield heard


def notifier(**environ: str) -> Notifier:
    return Notifier({"NOTIFY_SOCKET": "notify", **environ}, process=77, clock_ns=lambda: 12_345_678_901)


def test_each_step_of_a_service_is_one_message(manager: socket.socket) -> None:
    told = notifier()
    told.starting("loading")
    told.ready("serving 1 zone")
    told.reloading()
    told.stopping()
    assert [manager.recv(4096).decode().splitlines() for _ in range(4)] == [
        ["STATUS=loading"],
        ["READY=1", "STATUS=serving 1 zone"],
        ["RELOADING=1", "MONOTONIC_USEC=12345678", "STATUS=reading every file again"],
        ["STOPPING=1", "STATUS=stopping"],
    ]


def test_an_at_sign_begins_an_abstract_address() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.bind(b"\0gslb-test-%d" % id(heard))
        heard.settimeout(BOUND_SECONDS)
        address = heard.getsockname().decode()
        notifier(NOTIFY_SOCKET=f"@{address[1:]}").ready("here")
        assert heard.recv(4096) == b"READY=1\nSTATUS=here"


def test_signs_of_life_come_from_the_event_loop_at_half_the_interval(manager: socket.socket) -> None:
    told = notifier(WATCHDOG_USEC="40000")
    assert told.beat_seconds == 0.02

    async def beats() -> None:
        task = asyncio.create_task(told.keep_alive(lambda: "well"))
        for _ in range(3):
            assert await asyncio.to_thread(manager.recv, 4096) == b"WATCHDOG=1\nSTATUS=well"
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(beats())


@pytest.mark.parametrize(
    ("environ", "seconds"),
    [
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "77"}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "78"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({}, None),
    ],
)
def test_the_watchdog_is_that_of_this_process(environ: dict[str, str], seconds: float | None) -> None:
    assert notifier(**environ).beat_seconds == seconds


def test_without_a_watchdog_keeping_alive_is_over_at_once() -> None:
    asyncio.run(asyncio.wait_for(notifier().keep_alive(lambda: pytest.fail("asked for the status")), BOUND_SECONDS))


def test_without_a_service_manager_nothing_is_said() -> None:
    with capture_logs() as logs:
        Notifier({}).ready("alone")
    assert logs == []


@pytest.mark.usefixtures("manager")
def test_a_manager_that_does_not_read_holds_nobody_up() -> None:
    with capture_logs() as logs:
        for _ in range(20_000):
            notifier().ready("x" * 1000)
            if logs:
                break
    assert logs[0]["event"] == "service_manager_not_told"
    assert logs[0]["message"] == "READY=1"


def test_a_manager_that_is_gone_is_only_logged() -> None:
    with capture_logs() as logs:
        notifier(NOTIFY_SOCKET="/nonexistent/notify").stopping()
    assert [entry["event"] for entry in logs] == ["service_manager_not_told"]
