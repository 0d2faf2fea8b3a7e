"""Machines of their own network namespace on one slow and lossy network, which can be cut between any two of them.

It must be made within mount, network and process namespaces that nothing else lives in (`chaos.py` enters such): all
of it goes when they go. Each machine has one interface, `eth0`, whose other end is a port in the namespace `hub`.
Packets are delayed and lost on leaving a machine; what it says to itself is not. Where the kernel has netem, the hub
is a bridge and the machines' interfaces have a netem queue; where it has not, the hub is `frame_switch.py`.

Hardware addresses are fixed and told beforehand. A cut between two machines makes each take the other for one that
does not exist, so packets vanish without an error, as they do when a line is cut.
"""

import ctypes
import fcntl
import itertools
import json
import shutil
import socket
import struct
import subprocess
import sys
from pathlib import Path

from namespaces import ip, within

SIOCETHTOOL, ETHTOOL_STXCSUM = 0x8946, 0x17
HUB = "hub"
_NOBODY = "02:00:00:00:00:ff"


class Network:
    """The machines `names`, each in the namespace of its name, at 10.0.0.1, 10.0.0.2, … in that order."""

    def __init__(self, names: list[str], delay_ms: int, loss_percent: int) -> None:
        self.addresses = {name: f"10.0.0.{number}" for number, name in enumerate(names, 1)}
        self._delay_ms, self._loss_percent = delay_ms, loss_percent
        self._switch: subprocess.Popen[str] | None = None
        ip("netns", "add", HUB)
        for number, name in enumerate(names, 1):
            self._add(name, number)
        for one, other in itertools.permutations(names, 2):
            self._tell(one, other, self._hardware(other))
        self.kind = "netem" if self._has_netem() else "frame_switch.py (this kernel has no netem)"
        if self.kind == "netem":
            self._bridge()
        else:
            self._start_switch()

    def _add(self, name: str, number: int) -> None:
        ip("netns", "add", name)
        port = ["link", "add", f"port{number}", "netns", HUB, "type", "veth"]
        ip(*port, "peer", "name", "eth0", "netns", name, "address", self._hardware(name))
        ip("-n", name, "address", "add", f"{self.addresses[name]}/24", "dev", "eth0")
        ip("-n", name, "link", "set", "lo", "up")
        ip("-n", name, "link", "set", "eth0", "up")
        ip("-n", HUB, "link", "set", f"port{number}", "up")

    def _hardware(self, name: str) -> str:
        return f"02:00:00:00:00:{int(self.addresses[name].rpartition('.')[2]):02x}"

    def _tell(self, name: str, other: str, hardware: str) -> None:
        """Let a machine know the hardware address of another."""
        neighbour = ["neighbour", "replace", self.addresses[other], "lladdr", hardware, "nud", "permanent"]
        ip("-n", name, *neighbour, "dev", "eth0")

    def cut(self, one: str, other: str) -> None:
        self._tell(one, other, _NOBODY)
        self._tell(other, one, _NOBODY)

    def heal(self, one: str, other: str) -> None:
        self._tell(one, other, self._hardware(other))
        self._tell(other, one, self._hardware(one))

    # Delay and loss by the kernel

    def _has_netem(self) -> bool:
        if shutil.which("tc") is None:
            return False
        netem = ["netem", "delay", f"{self._delay_ms}ms", "loss", f"{self._loss_percent}%"]
        tried = [
            subprocess.run(
                ["tc", "-n", name, "qdisc", "add", "dev", "eth0", "root", *netem], capture_output=True, check=False
            )
            for name in self.addresses
        ]
        return all(done.returncode == 0 for done in tried)

    def _bridge(self) -> None:
        ip("-n", HUB, "link", "add", "bridge", "type", "bridge", "stp_state", "0")
        for number in range(1, len(self.addresses) + 1):
            ip("-n", HUB, "link", "set", f"port{number}", "master", "bridge")
        ip("-n", HUB, "link", "set", "bridge", "up")

    def _queue_counts(self) -> dict[str, int]:
        sums = {"frames": 0, "lost": 0}
        for name in self.addresses:
            command = ["tc", "-n", name, "-s", "-j", "qdisc", "show", "dev", "eth0"]
            (queue,) = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
            sums["frames"] += queue["packets"] + queue["drops"]
            sums["lost"] += queue["drops"]
        return sums

    # Delay and loss by a process

    def _start_switch(self) -> None:
        for name in self.addresses:
            within(name, lambda: _send_with_checksums("eth0"))
        ports = [f"port{number}" for number in range(1, len(self.addresses) + 1)]
        script = Path(__file__).with_name("frame_switch.py")
        numbers = [str(self._delay_ms / 1000), str(self._loss_percent / 100)]
        command = ["ip", "netns", "exec", HUB, sys.executable, str(script), *numbers, *ports]
        self._switch = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._switch.stdout is not None
        assert self._switch.stdout.readline() == "ready\n"

    def close(self) -> dict[str, int]:
        """Stop moving packets; how many there were, and how many of them were lost."""
        if self._switch is None:
            return self._queue_counts()
        self._switch.terminate()
        stdout, _ = self._switch.communicate(timeout=60)
        return dict(json.loads(stdout))


def _send_with_checksums(interface: str) -> None:
    """Have the kernel write the checksums of packets itself: a real card would, but ours hands frames to a process."""
    setting = ctypes.create_string_buffer(struct.pack("II", ETHTOOL_STXCSUM, 0))
    request = struct.pack("16sP", interface.encode(), ctypes.addressof(setting))
    with socket.socket(type=socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SIOCETHTOOL, request)
