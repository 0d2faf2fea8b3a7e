"""Network namespaces: a program starts itself again within namespaces that nothing else lives in, and makes more there.

Mount, network and process namespaces are taken at once, so that names, interfaces, mounts and processes all go when the
program ends, however it ends. `ip netns` keeps its names in /run, which is an empty file system of the program's own.
"""

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
UNABLE = 77
"""The exit status for "cannot be run here"."""
CLONE_NEWNET = 0x40000000
NETNS = Path("/run/netns")


def apart(command: list[str]) -> list[str]:
    """`command` in namespaces of its own, all of it killed when it is killed, or we are."""
    rights = [] if os.geteuid() == 0 else ["--map-root-user"]
    unshare = ["unshare", *rights, "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
    return ["setpriv", "--pdeathsig", "KILL", *unshare, *command]


def why_not() -> str | None:
    """Why namespaces cannot be made here; None when they can."""
    for program in ("ip", "unshare", "setpriv"):
        if shutil.which(program, path=PATH) is None:
            return f"needs the program {program!r}"
    script = "mount -t tmpfs tmpfs /run && ip netns add try && ip netns exec try ip link set lo up"
    tried = subprocess.run(
        apart(["sh", "-c", script]), env=os.environ | {"PATH": PATH}, capture_output=True, text=True, check=False
    )
    if tried.returncode:
        return f"needs the right to make network namespaces: {tried.stderr.strip()}"
    return None


def again_within(prefix: str, keep: Path | None) -> int:
    """Start this program again within namespaces, with `--inside FOLDER` behind its arguments: `keep`, or one that goes
    with it, named from `prefix` on. Its exit status."""
    with tempfile.TemporaryDirectory(prefix=prefix) as temporary:
        folder = Path(temporary) if keep is None else keep
        again = [sys.executable, *sys.argv, "--inside", str(folder.resolve())]
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
        return subprocess.run(apart(again), env=os.environ | {"PATH": PATH}, check=False).returncode


def settle() -> None:
    """The first thing to do within: a /run of our own, where `ip netns` keeps its names."""
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run"], check=True)


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)


def enter(namespace: str) -> None:
    """Move the calling thread into a network namespace: the sockets it makes from now on are there."""
    libc = ctypes.CDLL(None, use_errno=True)
    with (NETNS / namespace).open() as handle:
        if libc.setns(handle.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"cannot enter the network namespace {namespace}")


def within(namespace: str, work: Callable[[], T]) -> T:
    """What `work` gives, done in a thread that is in the namespace."""
    with ThreadPoolExecutor(1, initializer=enter, initargs=(namespace,)) as pool:
        return pool.submit(work).result()
