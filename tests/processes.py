"""Ending the processes that tests start."""

import subprocess

STOP_SECONDS = 30.0
"""Only a bound: a busy machine takes its time."""


def stop_process(process: "subprocess.Popen[bytes] | subprocess.Popen[str]", seconds: float = STOP_SECONDS) -> bool:
    """Ask a process to end, and kill it when it has not within `seconds`. True when it ended by itself."""
    process.terminate()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return False
    return True
