"""An Ethernet switch in user space that delays and loses frames: what netem does, for kernels without it.

    frame_switch.py DELAY_SECONDS LOSS PORT ...

The machine behind the n-th port has the hardware address `02:00:00:00:00:n`; a frame leaves by the port of its
destination, DELAY_SECONDS after it came in and in the order it came, or with the probability LOSS not at all. One for
anybody else (multicast, a neighbour behind a partition) goes nowhere. On SIGTERM it prints its counts as JSON.
"""

import json
import random
import select
import signal
import socket
import sys
import time
from collections import Counter, deque

ETH_P_ALL = 3
_LARGEST_FRAME = 65536
_OURS = b"\x02\x00\x00\x00\x00"


class FrameSwitch:
    """Run it within the namespace of its ports."""

    def __init__(self, delay_seconds: float, loss: float, ports: list[str]) -> None:
        self.counts: Counter[str] = Counter(frames=0, lost=0, nowhere=0)
        self._delay_seconds = delay_seconds
        self._loss = loss
        self._sockets = [_port(name) for name in ports]
        self._waiting: deque[tuple[float, socket.socket, bytes]] = deque()

    def run(self) -> None:
        while True:
            wait = max(self._waiting[0][0] - time.monotonic(), 0) if self._waiting else None
            readable, _, _ = select.select(self._sockets, [], [], wait)
            for port in readable:
                frame, origin = port.recvfrom(_LARGEST_FRAME)
                if origin[2] != socket.PACKET_OUTGOING:
                    self._take(frame)
            self._send_what_is_due()

    def _take(self, frame: bytes) -> None:
        number = frame[5] if frame[:5] == _OURS else 0
        if not 1 <= number <= len(self._sockets):
            self.counts["nowhere"] += 1
            return
        self.counts["frames"] += 1
        if random.random() < self._loss:
            self.counts["lost"] += 1
        else:
            self._waiting.append((time.monotonic() + self._delay_seconds, self._sockets[number - 1], frame))

    def _send_what_is_due(self) -> None:
        while self._waiting and self._waiting[0][0] <= time.monotonic():
            _, port, frame = self._waiting.popleft()
            port.send(frame)


def _port(name: str) -> socket.socket:
    port = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    port.bind((name, ETH_P_ALL))
    return port


def main() -> int:
    switch = FrameSwitch(float(sys.argv[1]), float(sys.argv[2]), sys.argv[3:])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    print("ready", flush=True)
    try:
        switch.run()
    finally:
        print(json.dumps(switch.counts), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
