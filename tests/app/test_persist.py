"""What a node has to do as long as it runs is not ended by one fault."""

import asyncio

import pytest
from structlog.testing import capture_logs

from gslb.app.node import Node
from gslb.app.persist import until_done
from gslb.config.node import load_node


def test_what_fails_is_done_again_until_it_is_done_and_each_fault_is_told() -> None:
    faults = [OSError(24, "Too many open files"), OSError(28, "No space left on device")]
    done = []

    async def action() -> None:
        if faults:
            raise faults.pop()
        done.append(True)

    with capture_logs() as logged:
        asyncio.run(until_done("look", action, pause_seconds=0))
    assert done == [True]
    assert [(entry["event"], entry["what"]) for entry in logged] == [("will_try_again", "look")] * 2


def test_a_cancelled_task_is_not_begun_again() -> None:
    async def run() -> None:
        task = asyncio.create_task(until_done("wait", asyncio.Event().wait, pause_seconds=0))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())


def test_addresses_are_watched_on_after_a_look_that_failed(tmp_path, monkeypatch) -> None:
    """Looking needs a descriptor, and there may be none at the moment."""
    config = tmp_path / "gslb.yaml"
    config.write_text("listen: 127.0.0.1:0\nstate_dir: state\napi: off\n")
    monkeypatch.setattr("gslb.app.persist.PAUSE_SECONDS", 0.01)
    monkeypatch.setattr("gslb.app.looks._ADDRESS_REFRESH_SECONDS", 0.01)
    looks = []

    def look() -> list[str]:
        looks.append(True)
        if len(looks) == 3:  # the first two are of the start, for both kinds of sockets
            raise OSError(24, "Too many open files")
        return ["127.0.0.1"]

    monkeypatch.setattr("gslb.server.listen.local_addresses", look)

    async def run() -> None:
        node = Node(load_node(config))
        await node.start()
        try:
            async with asyncio.timeout(5):
                while len(looks) < 5:  # noqa: ASYNC110  what is waited for has no event
                    await asyncio.sleep(0.005)
        finally:
            await node.stop()

    asyncio.run(run())
