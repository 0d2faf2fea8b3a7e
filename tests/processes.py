"""The processes that tests start beside our own node: how they are started, read and ended."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

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


class Program:
    """A program of others with a folder of its own, which holds its log."""

    folder: Path
    process: "subprocess.Popen[bytes] | None" = None

    def run(self, command: Sequence[str]) -> None:
        """Start it, in its folder."""
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder)

    def stop(self) -> None:
        if self.process is not None:
            stop_process(self.process)
            self.process = None

    def log(self) -> str:
        path = self.folder / "log"
        return path.read_text(errors="replace") if path.exists() else ""
