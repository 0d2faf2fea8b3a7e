"""Clients that only cost: connections that are idle, and writers that send a query at an octet a second.

Run as a program it keeps so many of each connected to a port of 127.0.0.1 until its standard input closes; who is
closed comes back a second later. It says `ready` once all have been connected, and at the end how often they were
closed.
"""

import argparse
import asyncio
import contextlib
import json
import resource
import sys
from dataclasses import dataclass

import dns.message

OF_ONE_ADDRESS = 50
"""Connections from one address of 127.1.0.0/16: below the limit for a client."""
_AT_ONCE = 50
_PAUSE_SECONDS = 1.0


@dataclass
class Counts:
    connected: int = 0
    closed: int = 0


class Client:
    """One connection after another; with `slow` it writes."""

    def __init__(self, number: int, port: int, counts: Counts, *, slow: bool) -> None:
        self._source = f"127.1.{number // OF_ONE_ADDRESS // 250}.{number // OF_ONE_ADDRESS % 250 + 1}"
        self._port, self._counts, self._slow = port, counts, slow
        self.connected = asyncio.Event()

    async def run(self, gate: asyncio.Semaphore) -> None:
        while True:
            with contextlib.suppress(OSError):
                async with gate:
                    reader, writer = await asyncio.open_connection(
                        "127.0.0.1", self._port, local_addr=(self._source, 0)
                    )
                self._counts.connected += 1
                self.connected.set()
                writing = asyncio.create_task(self._write(writer)) if self._slow else None
                try:
                    await reader.read(1)
                    self._counts.closed += 1
                finally:
                    if writing is not None:
                        writing.cancel()
                    writer.close()
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _write(self, writer: asyncio.StreamWriter) -> None:
        wire = dns.message.make_query("www.crowd.example.", "A").to_wire()
        for octet in len(wire).to_bytes(2, "big") + wire:
            writer.write(bytes((octet,)))
            await asyncio.sleep(1.0)


async def crowd(port: int, idle: int, slow: int) -> Counts:
    """Hold the connections until standard input closes."""
    counts, gate = Counts(), asyncio.Semaphore(_AT_ONCE)
    clients = [Client(number, port, counts, slow=number < slow) for number in range(idle + slow)]
    tasks = [asyncio.create_task(client.run(gate)) for client in clients]
    for client in clients:
        await client.connected.wait()
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return counts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--idle", type=int, required=True, help="idle connections")
    parser.add_argument("--slow", type=int, required=True, help="slow writers")
    parser.add_argument("port", type=int)
    options = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    counts = asyncio.run(crowd(options.port, options.idle, options.slow))
    print(json.dumps({"connected": counts.connected, "closed": counts.closed}))


if __name__ == "__main__":
    main()
