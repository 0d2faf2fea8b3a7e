"""A node that runs out of file descriptors goes on answering, and its log stays small."""

import resource
import socket

import dns.exception
import pytest
from harness import Daemon, wait_for

pytestmark = pytest.mark.daemon

ZONE = (
    "'': {type: NS, values: [ns1.few.example.]}\nns1: {type: A, value: 127.0.0.1}\nwww: {type: A, value: 127.0.0.2}\n"
)


@pytest.mark.parametrize("loop", ["installed", "asyncio"])
def test_without_descriptors_udp_is_answered_and_the_log_stays_small(daemon: Daemon, monkeypatch, loop: str) -> None:
    if loop == "asyncio":
        shim = daemon.folder / "shim"
        shim.mkdir()
        (shim / "uvloop.py").write_text("raise ImportError\n")
        monkeypatch.setenv("PYTHONPATH", str(shim), prepend=":")
    daemon.configure()
    daemon.write("zones/few.example.yaml", ZONE)
    daemon.start()
    assert daemon.process is not None
    wait_for(lambda: daemon.status()["prober"]["state"] == "running", "the prober to run")
    resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE, (64, 64))
    size = len(daemon.log())
    held = [socket.socket() for _ in range(100)]
    for sock in held:
        sock.setblocking(False)
        sock.connect_ex(("127.0.0.1", daemon.port))
    for _ in range(150):
        assert daemon.values("www.few.example") == {"127.0.0.2"}
    wait_for(lambda: "descriptors_used_up" in daemon.log(), "the log to tell")
    wait_for(lambda: _answers_tcp(daemon), "idle clients to make room for one that asks")
    status = daemon.run("status")
    assert status.returncode == 1
    assert "File descriptors run out" in status.stdout
    assert daemon.metrics()["gslb_descriptors_short"] == 1
    assert len(daemon.log()) - size < 20_000
    for sock in held:
        sock.close()
    wait_for(lambda: _answers_tcp(daemon), "TCP to be answered again")


def _answers_tcp(daemon: Daemon) -> bool:
    try:
        return bool(daemon.ask("www.few.example", tcp=True, timeout=0.5).answer)
    except (OSError, EOFError, dns.exception.DNSException):
        return False
