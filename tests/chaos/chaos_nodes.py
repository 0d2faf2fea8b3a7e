"""The nodes of the cluster that is disturbed: n1 is the primary, n2 its secondary, n3 the secondary of both.

`transfer_idle` is set well below the zone's refresh time: where the end of a connection may get lost with everything
else, a secondary that waits the usual 30 s for the rest of a transfer is behind for as long. `first_round` keeps one
that has nothing yet from answering SERVFAIL while its first transfer takes its time.

Each runs in the namespace of its name. Processes are ended with SIGKILL, their whole namespace: a prober of theirs that
outlives them for a moment must not meet its successor.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from versioned_zone import APEX

PRIMARY, NAMES, CLIENT = "n1", ("n1", "n2", "n3"), "client"
SECRET = "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2U="
ZONES = {
    "n1": "{file: chaos.yaml, notify: [n2, n3], allow_transfer: [n2, n3, client]}",
    "n2": "{primaries: [n1], notify: [n3], allow_transfer: [n3, client]}",
    "n3": "{primaries: [n1, n2], allow_transfer: [client]}",
}


class Node:
    """A node in a folder of its own below `folder`; `addresses` are those of all machines."""

    def __init__(self, name: str, folder: Path, addresses: dict[str, str]) -> None:
        self.name = name
        self.folder = folder / name
        self.address = addresses[name]
        self.process: subprocess.Popen[bytes] | None = None
        self.folder.mkdir()
        peers = [
            f"  {other}: {{address: {address}, key: xfr}}\n" for other, address in addresses.items() if other != name
        ]
        config = (
            f"node: {name}\nlisten: [{self.address}:53]\nstate_dir: state\napi: off\nlog: {{format: json}}\n"
            "limits: {transfer_idle: 5s, first_round: 1m}\n"
            f"keys: {{xfr: {{secret: {SECRET}}}}}\npeers:\n{''.join(peers)}"
            f"zones:\n  {APEX}: {ZONES[name]}\n"
        )
        self.write("gslb.yaml", config)

    def write(self, name: str, text: str) -> None:
        """Write a file as careful editors do: aside, then renamed over."""
        aside = self.folder / f".{name}.new"
        aside.write_text(text)
        aside.chmod(0o600)
        aside.replace(self.folder / name)

    def start(self) -> None:
        serve = [sys.executable, "-m", "gslb", "serve", "-c", str(self.folder / "gslb.yaml")]
        with (self.folder / "log").open("ab") as log:
            log.write(b"\n")  # the last line may have been cut short
            log.flush()
            self.process = subprocess.Popen(["ip", "netns", "exec", self.name, *serve], stdout=log, stderr=log)

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def kill(self) -> None:
        """SIGKILL for everything in the namespace."""
        assert self.process is not None
        listed = subprocess.run(["ip", "netns", "pids", self.name], capture_output=True, check=True).stdout
        for pid in {self.process.pid, *map(int, listed.split())}:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()

    def events(self) -> list[dict[str, Any]]:
        """The log's JSON lines, but for those that a kill cut short."""
        found = []
        for line in self._lines():
            with contextlib.suppress(ValueError):
                found.append(json.loads(line))
        return found

    def last_lines(self) -> str:
        return "\n".join(self._lines()[-20:])

    def _lines(self) -> list[str]:
        return (self.folder / "log").read_text(errors="replace").splitlines()
