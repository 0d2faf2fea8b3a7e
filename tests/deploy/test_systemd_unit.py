"""The systemd unit: right by systemd's own judgement, and its command run as an unprivileged user on a port below 1024.

The user may not see folders that others keep closed, such as root's home, and the interpreter may live there. So the
command runs in a mount namespace in which such a folder is empty but for what the command needs.
"""

import contextlib
import ctypes
import os
import re
import shlex
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import dns.message
import dns.query
import pytest
import yaml
from harness import BOUND_SECONDS, Backend, wait_for
from ports import free_port

from gslb.cli.config_file import DEFAULT_CONFIG
from gslb.config.node_schema import DEFAULT_STATE_DIR

pytestmark = pytest.mark.daemon

ROOT = Path(__file__).parents[2]
SYSTEMD = ROOT / "deploy/systemd"
UNIT = SYSTEMD / "gslb.service"
NOBODY = 65534
CAP_NET_BIND_SERVICE = 1 << 10
PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN = 65, 1
MOST_EXPOSED = 1.5
"""What `systemd-analyze security` may say at most; 0 is a service that can do nothing, 10 one that may do all."""


def setting(name: str) -> str:
    """The value of a setting of the unit that is there once."""
    found = re.findall(rf"^{name}=(.*)$", UNIT.read_text(), re.MULTILINE)
    assert len(found) == 1, name
    return str(found[0])


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The unit as on a machine where the program is installed."""
    unit = tmp_path / UNIT.name
    program = shlex.split(setting("ExecStart"))[0]
    unit.write_text(UNIT.read_text().replace(program, f'"{sys.executable}"'))
    return unit


def test_systemd_takes_the_unit_without_a_word(tool: Callable[[str], str], installed: Path) -> None:
    verified = subprocess.run(
        [tool("systemd-analyze"), "verify", "--man=no", "--recursive-errors=one", str(installed)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert verified.returncode == 0, verified.stderr
    assert UNIT.name not in verified.stderr


def test_the_service_is_exposed_to_little(tool: Callable[[str], str], installed: Path) -> None:
    threshold = f"--threshold={MOST_EXPOSED * 10:.0f}"  # systemd-analyze compares tenths
    judged = subprocess.run(
        [tool("systemd-analyze"), "security", "--offline=true", "--no-pager", threshold, str(installed)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert judged.returncode == 0, judged.stdout + judged.stderr
    assert f"Overall exposure level for {UNIT.name}" in judged.stdout


def test_the_unit_and_the_program_agree_on_where_things_are() -> None:
    assert shlex.split(setting("ExecStart"))[1:] == ["serve", "-c", DEFAULT_CONFIG]
    assert Path("/var/lib") / setting("StateDirectory") == DEFAULT_STATE_DIR
    assert Path("/etc") / setting("ConfigurationDirectory") == Path(DEFAULT_CONFIG).parent
    user = re.search(r"^u (\S+) ", (SYSTEMD / "gslb.sysusers.conf").read_text(), re.MULTILINE)
    assert user is not None
    assert setting("User") == setting("Group") == user[1]


def test_a_reload_is_the_signal_that_the_program_takes_for_it() -> None:
    assert setting("ExecReload") == "/bin/kill -HUP $MAINPID"


@dataclass
class Service:
    """The unit's command as a process of its own; `heard` are the messages to the service manager so far."""

    process: subprocess.Popen[bytes]
    manager: socket.socket
    folder: Path
    heard: list[str]

    def hear(self, wanted: str, bound: float = BOUND_SECONDS) -> str:
        """The next message that has `wanted`; those before it are kept in `heard`."""
        end = time.monotonic() + bound
        while time.monotonic() < end:
            self.manager.settimeout(max(end - time.monotonic(), 0.01))
            with contextlib.suppress(TimeoutError):
                self.heard.append(self.manager.recv(4096).decode())
                if wanted in self.heard[-1]:
                    return self.heard[-1]
        pytest.fail(f"no {wanted} within {bound:g} s, only {self.heard}; log:\n{self.log()}")

    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")


@contextlib.contextmanager
def service(command: list[str], **how: object) -> Iterator[Service]:
    """Run `command` with a service manager that listens. The socket's path must stay short."""
    folder = Path(tempfile.mkdtemp(prefix="gslb-unit-"))
    folder.chmod(0o755)
    watchdog = re.fullmatch(r"(\d+)s", setting("WatchdogSec"))
    assert watchdog is not None
    environ = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "NOTIFY_SOCKET": str(folder / "notify")}
    environ["WATCHDOG_USEC"] = str(int(watchdog[1]) * 1_000_000 // 100)  # a test does not wait for half a minute
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager, (folder / "log").open("ab") as log:
        manager.bind(environ["NOTIFY_SOCKET"])
        (folder / "notify").chmod(0o777)
        expanded = [part.replace("FOLDER", str(folder)) for part in command]
        process = subprocess.Popen(expanded, env=environ, cwd="/", stdout=log, stderr=log, **how)
        try:
            yield Service(process, manager, folder, [])
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()
            shutil.rmtree(folder)


ZONE = """\
'': {type: NS, values: [ns1.unit.example.]}
ns1: {type: A, value: 127.0.0.1}
www: {type: A, ttl: 5, values: [127.0.0.11, 127.0.0.12], gslb: {monitor: web}}
"""


def configure(folder: Path, port: int, probed: int) -> Path:
    zones = folder / "etc/zones"
    zones.mkdir(parents=True)
    (zones / "unit.example.yaml").write_text(ZONE)
    (folder / "state").mkdir()
    config = folder / "etc/gslb.yaml"
    config.write_text(
        f"node: unit\nlisten: [127.0.0.1:{port}]\nstate_dir: {folder}/state\napi: off\nzones_dir: zones\n"
        f"monitors: {{web: {{probe: tcp, port: {probed}, interval: 1s, timeout: 1s}}}}\n"
    )
    return config


def command_of_the_unit(config: str) -> list[str]:
    said = shlex.split(setting("ExecStart"))
    return [sys.executable, "-m", "gslb", *(config if part == DEFAULT_CONFIG else part for part in said[1:])]


def port_below_1024() -> int:
    for port in range(1023, 511, -1):
        with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp, contextlib.suppress(OSError):
            tcp.bind(("127.0.0.1", port))
            udp.bind(("127.0.0.1", port))
            return port
    pytest.skip("every port below 1024 is taken, or this user may bind none")


def closed_folders(paths: list[Path]) -> dict[Path, list[Path]]:
    """Of each path, the first folder on the way to it that others may not enter, with the paths below."""
    found: dict[Path, list[Path]] = {}
    for path in paths:
        for parent in reversed(path.parents):
            if not parent.stat().st_mode & 0o001:
                found.setdefault(parent, []).append(path)
                break
    return found


def opened(command: list[str]) -> list[str]:
    """The command in a mount namespace in which everybody may reach the interpreter and the program."""
    needed = sorted({Path(sys.base_prefix).resolve(), Path(sys.prefix).resolve(), ROOT})
    script = ["set -e", "umask 022"]
    for closed, paths in closed_folders(needed).items():
        stages = {shlex.quote(str(path)): f"'FOLDER/stage/{number}'" for number, path in enumerate(paths)}
        script += [f"mkdir -p {stage}; mount --rbind {path} {stage}" for path, stage in stages.items()]
        script.append(f"mount -t tmpfs -o mode=755 tmpfs {shlex.quote(str(closed))}")
        script += [f"mkdir -p {path}; mount --rbind {stage} {path}" for path, stage in stages.items()]
    script += [f"umask {setting('UMask')}", 'exec "$@"']
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c", "\n".join(script), "sh", *command]


def unprivileged(command: list[str]) -> list[str]:
    """The command with the user and the capabilities that the unit gives it."""
    ambient = ",".join(f"+{name.removeprefix('CAP_').lower()}" for name in setting("AmbientCapabilities").split())
    bounding = ",".join(f"+{name.removeprefix('CAP_').lower()}" for name in setting("CapabilityBoundingSet").split())
    assert setting("NoNewPrivileges") == "yes"
    return [
        *("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--no-new-privs"),
        *(f"--bounding-set=-all,{bounding}", f"--inh-caps=-all,{ambient}", f"--ambient-caps=-all,{ambient}"),
        *command,
    ]


def refuse_writable_code() -> None:
    """MemoryDenyWriteExecute, where the kernel (6.3) knows it."""
    assert setting("MemoryDenyWriteExecute") == "yes"
    ctypes.CDLL(None).prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0)
    os.umask(int(setting("UMask"), 8))


def status_of(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def modes_of_files(folder: Path) -> Iterator[int]:
    """A file that is renamed over another meanwhile is found under that name."""
    for path in folder.rglob("*"):
        with contextlib.suppress(FileNotFoundError):
            mode = path.stat().st_mode
            if stat.S_ISREG(mode):
                yield mode


def answers(port: int) -> set[str]:
    reply = dns.query.udp(dns.message.make_query("www.unit.example", "A"), "127.0.0.1", BOUND_SECONDS, port)
    return {rdata.to_text() for rrset in reply.answer for rdata in rrset}


def test_the_service_runs_as_its_unprivileged_user(tool: Callable[[str], str], backends: list[Backend]) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root, to become the unprivileged user")
    if any(not path.stat().st_mode & 0o004 for path in (ROOT / "gslb/__main__.py", Path(yaml.__file__))):
        pytest.skip(
            "needs a checkout and an environment that other users may read: these were made under a umask of 077"
        )
    for program in ("unshare", "setpriv", "mount"):
        tool(program)
    port = port_below_1024()
    backends[1].stop()
    command = opened(unprivileged(command_of_the_unit("FOLDER/etc/gslb.yaml")))
    with prepared(command, port, backends[0].port) as running:
        running.hear("READY=1")
        assert answers(port) == {"127.0.0.11"}  # the prober has found .12 dead, so it can connect
        for pid in (running.process.pid, *children(running.process.pid)):
            status = status_of(pid)
            assert status["Uid"].split() == [str(NOBODY)] * 4
            assert int(status["CapEff"], 16) == CAP_NET_BIND_SERVICE
            assert status["NoNewPrivs"] == "1"
        assert len(children(running.process.pid)) == 1
        state = running.folder / "state"
        wait_for(lambda: any(state.iterdir()), "the node to write its state")
        assert all(mode & 0o077 == 0 for mode in modes_of_files(state))
        running.process.send_signal(signal.SIGTERM)
        running.hear("STOPPING=1")
        assert running.process.wait(BOUND_SECONDS) == 0


@contextlib.contextmanager
def prepared(command: list[str], port: int, probed: int) -> Iterator[Service]:
    """As `service`; the configuration is written, and the state directory given to nobody, before the command runs."""
    go = ["sh", "-c", 'until [ -e "$0/go" ]; do sleep 0.02; done; exec "$@"', "FOLDER", *command]
    with service(go, preexec_fn=refuse_writable_code) as running:
        configure(running.folder, port, probed)
        if os.geteuid() == 0:
            os.chown(running.folder / "state", NOBODY, NOBODY)
        (running.folder / "go").touch()
        yield running


def test_the_manager_hears_of_start_life_reload_and_stop(backends: list[Backend]) -> None:
    port = free_port()
    with prepared(command_of_the_unit("FOLDER/etc/gslb.yaml"), port, backends[0].port) as running:
        ready = running.hear("READY=1")
        assert answers(port) <= {"127.0.0.11", "127.0.0.12"}  # at once: the sockets are bound
        assert "serving 1 zone" in ready
        for _ in range(3):
            running.hear("WATCHDOG=1")
        before = time.monotonic_ns() // 1000
        running.process.send_signal(signal.SIGHUP)
        told = re.search(r"^MONOTONIC_USEC=(\d+)$", running.hear("RELOADING=1"), re.MULTILINE)
        assert told is not None
        assert before <= int(told[1]) <= time.monotonic_ns() // 1000
        running.hear("READY=1")
        running.process.send_signal(signal.SIGTERM)
        running.hear("STOPPING=1")
        assert running.process.wait(BOUND_SECONDS) == 0


def test_a_node_that_stands_still_gives_no_sign_of_life(backends: list[Backend]) -> None:
    port = free_port()
    with prepared(command_of_the_unit("FOLDER/etc/gslb.yaml"), port, backends[0].port) as running:
        running.hear("WATCHDOG=1")
        running.process.send_signal(signal.SIGSTOP)
        wait_for(lambda: "T" in status_of(running.process.pid)["State"], "the node to stand still")
        running.manager.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                running.manager.recv(4096)
        running.manager.settimeout(1)  # three intervals and more
        with pytest.raises(TimeoutError):
            running.manager.recv(4096)
        running.process.send_signal(signal.SIGCONT)
        running.hear("WATCHDOG=1")
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(BOUND_SECONDS) == 0
