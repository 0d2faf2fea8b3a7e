"""The demo as people run it: unattended, live, on a terminal, and ended in every way."""

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import termios
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from gslb.demo.story import STEPS

pytestmark = pytest.mark.daemon
STORY_SECONDS = "45s"  # 25 s when all goes well


def ends(running, running_of, pids, seconds=60):
    """The exit code, when the demo and all its processes have ended."""
    code = running.process.wait(seconds)
    running.wait_for(lambda: not running_of(pids), f"all of {pids} to end", seconds)
    return code


def test_the_story_is_seen_and_told_step_by_step(start_demo, tmp_path):
    running = start_demo("--for", STORY_SECONDS, "--dir", str(tmp_path / "demo"))
    assert running.process.wait(200) == 0, running.text()
    for step in STEPS:
        assert re.search(rf"^ok +{step} ", running.text(), re.MULTILINE), running.text()
    told = running.text()
    assert re.search(r"left the answers after it was killed: primary \d\.\d\d s, secondary \d\.\d\d s, bound 3 s", told)
    assert re.search(r"demo\.example\.yaml:\d+: www", told)
    assert re.search(
        r"the primary was killed by SIGKILL; meanwhile [1-9]\d* queries to the secondary were answered", told
    )
    assert "by IXFR" in told
    assert "`gslb cluster status` on both found nothing to complain about" in told
    for node in ("primary", "secondary"):
        assert (tmp_path / "demo" / node / "gslb.yaml").exists()
        assert "Traceback" not in (tmp_path / "demo" / "logs" / f"{node}.log").read_text()


def test_a_story_that_cannot_be_seen_fails_by_the_name_of_its_step_as_json_too(start_demo, commands_of, tmp_path):
    out = tmp_path / "json"
    with out.open("wb") as stdout:
        running = start_demo("--for", STORY_SECONDS, "--json", stdout=stdout)
    running.wait_for(lambda: "seen: start" in running.text(), "the start")
    (secondary,) = [pid for pid, command in commands_of(running.process.pid).items() if "/secondary/gslb" in command]
    os.kill(secondary, signal.SIGKILL)
    assert running.process.wait(120) == 1
    told = json.loads(out.read_text())
    assert told["ok"] is False
    assert told["failed"] in STEPS[1:]
    assert told["steps"][-1]["step"] == told["failed"]
    kept = Path(re.search(r"its files and logs stay in (.+)", running.text())[1])
    assert "serving" in (kept / "logs" / "secondary.log").read_text()


def test_a_port_that_is_taken_ends_it_with_what_to_do(start_demo, taken_port):
    running = start_demo("--port", str(taken_port))
    assert running.process.wait(60) == 1
    assert (
        running.text()
        == f"gslb demo: 127.0.0.1 port {taken_port} is taken: choose another with --port, or leave it out\n"
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--for", "5s"], "45s or more"),
        (["--for", "60"], "write 60s"),
        (["--json"], "--for"),
    ],
)
def test_wrong_options_are_refused_with_what_would_be_right(start_demo, arguments, said):
    running = start_demo(*arguments)
    assert running.process.wait(60) == 2
    assert said in running.text()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_everything_and_leaves_no_process_and_no_folder(start_demo, running_of, number):
    running = start_demo()
    pids = running.all_serving()
    folder = re.search(r"edit +(.+)/demo\.example\.yaml", running.text())[1]
    running.process.send_signal(number)
    assert ends(running, running_of, pids) == 0, running.text()
    assert "Traceback" not in running.text()
    assert not Path(folder).exists()


def test_a_demo_that_is_killed_leaves_no_process(start_demo, running_of, tmp_path):
    running = start_demo("--dir", str(tmp_path / "demo"))
    pids = running.all_serving()
    running.process.kill()
    assert ends(running, running_of, pids) == -signal.SIGKILL


def test_a_second_demo_does_not_touch_the_folder_of_the_first(start_demo, tmp_path):
    folder = str(tmp_path / "demo")
    first = start_demo("--dir", folder)
    first.all_serving()
    config = (tmp_path / "demo" / "primary" / "gslb.yaml").read_text()
    second = start_demo("--dir", folder)
    assert second.process.wait(60) == 1
    assert "another demo runs" in second.text()
    assert (tmp_path / "demo" / "primary" / "gslb.yaml").read_text() == config


def test_the_printed_commands_kill_and_revive_a_backend_and_the_primary(start_demo):
    running = start_demo()
    running.all_serving()
    control = re.search(r"curl -X POST (http://127\.0\.0\.1:\d+)/kill/1", running.text())[1]
    backend = re.search(r"curl (http://127\.0\.0\.11:\d+/)", running.text())[1]
    assert get(backend).startswith("backend 127.0.0.11 ")
    assert post(f"{control}/kill/1") == "backend 1 is killed\n"
    running.wait_for(lambda: get(backend) is None, "the backend to be gone")
    wait_for_both(running, "127.0.0.11 is down: connection refused")
    assert post(f"{control}/kill/1") == "backend 1 does not run\n"
    assert post(f"{control}/revive/1") == "backend 1 runs again\n"
    assert get(backend).startswith("backend 127.0.0.11 ")
    wait_for_both(running, "127.0.0.11 is up: 200 OK")
    assert post(f"{control}/kill/primary") == "the primary is killed\n"
    running.wait_for(lambda: "primary is gone" in running.text(), "the primary to be gone")
    assert post(f"{control}/revive/primary") == "the primary runs again\n"
    assert post(f"{control}/revive/primary") == "the primary runs already\n"
    with pytest.raises(urllib.error.HTTPError, match="404"):
        post(f"{control}/kill/9")


def wait_for_both(running, text):
    for node in ("primary", "secondary"):
        running.wait_for(lambda node=node: f"{node}: {text}" in running.text(), f"the {node} to see: {text}")


def get(url):
    try:
        with urllib.request.urlopen(url, timeout=20) as response:
            return response.read().decode()
    except OSError:
        return None


def post(url):
    with urllib.request.urlopen(urllib.request.Request(url, method="POST"), timeout=60) as response:
        return response.read().decode()


class Terminal:
    """A pseudo-terminal of 50 lines and 160 columns, and what was drawn on it."""

    def __init__(self):
        self.ours, self.theirs = pty.openpty()
        fcntl.ioctl(self.theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 160, 0, 0))
        self.text = ""

    def press(self, keys):
        os.write(self.ours, keys)

    def read_until(self, pattern, seconds=60):
        """Read what is drawn until a new piece of it matches."""
        end, start = time.monotonic() + seconds, len(self.text)
        while not (found := re.search(pattern, self.text[start:])):
            assert time.monotonic() < end, f"{pattern!r} was not drawn in {seconds} s:\n{self.text[-3000:]}"
            if select.select([self.ours], [], [], 0.1)[0]:
                drawn = os.read(self.ours, 65536).decode(errors="replace")
                self.text += re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\r", "", drawn)
        return found

    def close(self):
        os.close(self.ours)
        os.close(self.theirs)


@pytest.fixture
def terminal():
    terminal = Terminal()
    yield terminal
    terminal.close()


def own_the_terminal():
    """In the child: its session's controlling terminal is standard input, as in a shell."""
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def test_on_a_terminal_the_members_are_drawn_keys_kill_and_revive_and_ctrl_c_ends(start_demo, terminal):
    before = termios.tcgetattr(terminal.theirs)
    streams = dict.fromkeys(("stdin", "stdout", "stderr"), terminal.theirs)
    environment = os.environ | {"TERM": "xterm-256color"}
    running = start_demo(env=environment, start_new_session=False, preexec_fn=own_the_terminal, **streams)
    terminal.read_until(r"1 2 3 kills or revives a backend")
    terminal.read_until(r"1 +127\.0\.0\.11 +\d+ +60% +both +up +\d+s +60% +[56]\d\.\d%")
    terminal.press(b"1")
    terminal.read_until(r"1 +127\.0\.0\.11 +- +60% +both +down +\d+s +0% +\S+ +connection refused")
    terminal.press(b"1")
    terminal.read_until(r"1 +127\.0\.0\.11 +\d+ +60% +both +up +\d+s +60%")
    terminal.press(b"p")
    terminal.read_until(r"p +primary +- +- +- +- +\d+ +killed by SIGKILL")
    terminal.read_until(r"1 +127\.0\.0\.11 +\d+ +60% +secondary +up")
    terminal.press(b"p")
    terminal.read_until(r"p +primary +\d+ +\d+s +\d+ +\d+ +\d+ +primary, from its file")
    terminal.press(b"h")
    terminal.read_until(r"h goes back")
    terminal.press(b"h")
    terminal.read_until(r"s +secondary +\d+ +\d+s +\d+ +\d+ +\d+ +secondary, equal")
    terminal.press(b"\x03")
    terminal.read_until("everything is stopped")
    assert running.process.wait(60) == 0
    assert termios.tcgetattr(terminal.theirs) == before
