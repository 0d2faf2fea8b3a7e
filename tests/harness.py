"""The real daemon on loopback, and backends to steer between. Tests import from here; fixtures are in conftest."""

import json
import os
import re
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import TCPServer
from typing import Any

import dns.message
import dns.query
import pytest
from ports import free_port
from processes import stop_process

from gslb.api.client import call

BOUND_SECONDS = 60.0
"""How long is waited for what will come: only a bound, since a busy machine takes its time."""


def wait_for(condition: Callable[[], Any], what: str, bound: float = BOUND_SECONDS) -> Any:
    """The first true value of `condition`; fails the test when there is none within the bound."""
    end = time.monotonic() + bound
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            pytest.fail(f"waited {bound:g} s in vain: {what}")
        time.sleep(0.01)


class _Server(ThreadingHTTPServer):
    """The standard library's, but it does not look its own address up in the DNS, which may take long or be watched."""

    def server_bind(self) -> None:
        TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]


class Backend:
    """A small HTTP server at an address of its own; `healthy` decides between 200 and 503."""

    def __init__(self, address: str, port: int) -> None:
        backend = self
        self.healthy = True
        self.seen = 0

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                backend.seen += 1
                self.send_response(200 if backend.healthy else 503)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Quiet."""

        self.address, self.port = address, port
        self._handler = Handler
        self._server: ThreadingHTTPServer | None = None
        self.start()

    def start(self) -> None:
        self._server = _Server((self.address, self.port), self._handler)
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        """Stop listening: connections are refused from now on."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None


@dataclass
class Daemon:
    """A node in a folder: `config` and zones are text, written before `start`."""

    folder: Path
    port: int = field(default_factory=free_port)
    api_port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def config_path(self) -> Path:
        return self.folder / "gslb.yaml"

    def write(self, name: str, text: str) -> Path:
        """Write a file as careful editors do: aside, then renamed over."""
        path = self.folder / name
        aside = path.with_name(f".{path.name}.new")
        aside.write_text(text)
        aside.chmod(0o600)
        aside.replace(path)
        return path

    def configure(self, more: str = "zones_dir: zones\n") -> None:
        (self.folder / "zones").mkdir(exist_ok=True)
        text = (
            f"node: test\nlisten: [127.0.0.1:{self.port}]\nstate_dir: state\n"
            f"api: {{listen: 127.0.0.1:{self.api_port}}}\nlog: {{format: json}}\n{more}"
        )
        self.write("gslb.yaml", text)

    def start(self, *, wait: bool = True) -> None:
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "gslb", "serve", "-c", str(self.config_path)], stdout=log, stderr=log
            )
        if wait:
            wait_for(lambda: self.serving() or self._gone(), f"the node to serve; its log:\n{self.log()}")
            assert self.process.poll() is None, self.log()

    def _gone(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    def serving(self) -> bool:
        """The node's own word that it serves, from its control socket."""
        return '"serving"' in self.log().rpartition('"starting"')[2] and self._answers()

    def _answers(self) -> bool:
        try:
            self.ask("version.invalid.", "A", timeout=1.0)
        except (OSError, dns.exception.DNSException):
            return False
        return True

    def log(self) -> str:
        path = self.folder / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    def events(self) -> list[dict[str, Any]]:
        """The log's JSON lines, but for one that is still being written."""
        return [json.loads(line) for line in self.log().splitlines(True) if line.startswith("{") and line[-1] == "\n"]

    def ask(
        self, name: str, rtype: str = "A", *, timeout: float = 10.0, tcp: bool = False, **more: Any
    ) -> dns.message.Message:
        query = dns.message.make_query(name, rtype, **more)
        send = dns.query.tcp if tcp else dns.query.udp
        return send(query, "127.0.0.1", timeout=timeout, port=self.port)

    def values(self, name: str, rtype: str = "A") -> set[str]:
        return {rdata.to_text() for rrset in self.ask(name, rtype).answer for rdata in rrset}

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`gslb COMMAND …` with this node's configuration."""
        command = [sys.executable, "-m", "gslb", *arguments, "-c", str(self.config_path)]
        return subprocess.run(command, capture_output=True, text=True, timeout=BOUND_SECONDS, check=False)

    def status(self) -> dict[str, Any]:
        """What `gslb status --json` prints, without a process for it."""
        return call(self.folder / "state", "GET", "/status")

    def metrics(self) -> dict[str, float]:
        """The exposition as `{"name{labels}": value}`."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.api_port}/metrics", timeout=BOUND_SECONDS) as response:
            text = response.read().decode()
        pairs = re.findall(r"^([^#\s]+(?:\{.*?\})?) (\S+)$", text, re.MULTILINE)
        return {name: float(value) for name, value in pairs}

    def stop(self) -> int:
        """Ask it to stop; its exit code."""
        if self.process is None:
            return 0
        if not stop_process(self.process):
            pytest.fail(f"the node did not stop on SIGTERM; its log:\n{self.log()}")
        return self.process.wait()

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
