"""Within a network namespace of its own: a node that listens on every address, while addresses come and go.

Prints as JSON which addresses answered, the reply's sender being the address that was asked, at three moments.
"""

import contextlib
import json
import socket
import subprocess
import sys
import time
from pathlib import Path

import dns.message

sys.path.insert(0, str(Path(__file__).parent.parent))
from harness import Daemon, wait_for

ALL = ["127.0.0.1", "192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2", "::1"]
FIRST, LATER = ["192.0.2.1/32", "2001:db8::1/128"], ["192.0.2.2/32", "2001:db8::2/128"]
ANSWER_SECONDS = 3.0
ZONE = "'': {type: NS, values: [ns1.wild.example.]}\nns1: {type: A, value: 192.0.2.1}\n"


def addresses(what: str, which: list[str]) -> None:
    for address in which:
        subprocess.run(["ip", "address", what, address, "dev", "lo"], check=True)


def answers(host: str) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    wire = dns.message.make_query("ns1.wild.example.", "A").to_wire()
    with socket.socket(family, socket.SOCK_DGRAM) as udp, contextlib.suppress(OSError):
        udp.settimeout(ANSWER_SECONDS)
        udp.connect((host, 53))  # so a reply from elsewhere does not come, and a port that nobody has is told at once
        udp.send(wire)
        udp.recv(4096)
        with socket.create_connection((host, 53), timeout=ANSWER_SECONDS) as tcp:
            tcp.sendall(len(wire).to_bytes(2, "big") + wire)
            return len(tcp.recv(2)) == 2
    return False


def answering() -> list[str]:
    return [host for host in ALL if answers(host)]


def main(folder: Path) -> None:
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    addresses("add", FIRST)
    node = Daemon(folder, port=53)
    node.configure()
    text = node.config_path.read_text()
    node.write("gslb.yaml", text.replace("listen: [127.0.0.1:53]", 'listen: ["0.0.0.0", "::"]'))
    node.write("zones/wild.example.yaml", ZONE)
    node.start()
    try:
        told = {"at the start": answering()}
        addresses("add", LATER)
        since = time.monotonic()
        wait_for(lambda: len(answering()) == len(ALL), "the new addresses to answer")
        took = time.monotonic() - since
        told["after two came"] = answering()
        addresses("delete", LATER)
        wait_for(lambda: node.log().count('"address_gone"') == len(LATER), "the addresses to be let go")
        print(json.dumps(told | {"after they went": answering(), "seconds to follow": took}))
    finally:
        node.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
