"""What the event loop reports is in the log, and bounded."""

import asyncio
import errno

from structlog.testing import capture_logs

from gslb.app.loop_errors import LoopErrors
from gslb.transfer.sparing import TOLD_PER_MINUTE


def test_a_lack_of_descriptors_is_told_a_few_times_a_minute_with_what_to_do() -> None:
    now = 0.0
    handler = LoopErrors(lambda: now)
    loop = asyncio.new_event_loop()
    loop.close()
    with capture_logs() as logged:
        for now in [0.0] * 500 + [61.0]:  # noqa: B007  read by the clock
            handler(loop, {"message": "accept", "exception": OSError(errno.EMFILE, "Too many open files")})
    assert [entry["event"] for entry in logged] == ["descriptors_used_up"] * (TOLD_PER_MINUTE + 1)
    assert "LimitNOFILE" in logged[0]["advice"]
    assert logged[-1]["untold"] == 500 - TOLD_PER_MINUTE


def test_any_other_error_is_told_with_its_traceback() -> None:
    error = ValueError("wrong")
    loop = asyncio.new_event_loop()
    loop.close()
    with capture_logs() as logged:
        LoopErrors()(loop, {"message": "Exception in callback", "exception": error})
    assert logged[0]["event"] == "event_loop_error"
    assert logged[0]["exc_info"] is error
