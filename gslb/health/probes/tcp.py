"""tcp: a connection opens; optionally a text is sent, and a text must come back."""

import asyncio
from typing import Annotated, Self

from pydantic import Field, model_validator

from gslb.health.probes.probe import Port, Probe, ProbeFailedError, ProbeOptions, ProbeResult, Progress, attempt

MAX_REPLY = 65536
"""`expect` must stand within this many octets: a target that talks without end costs no more."""
MAX_TEXT = 4096


class TcpOptions(ProbeOptions):
    port: Annotated[Port, Field(description="Port to connect to.")]
    send: Annotated[str, Field(max_length=MAX_TEXT, description="Text to send once connected, as UTF-8.")] = ""
    expect: Annotated[
        str,
        Field(
            max_length=MAX_TEXT, description="Text that must come back, within the first 64 KiB. Empty: any, or none."
        ),
    ] = ""

    @model_validator(mode="after")
    def _sends_for_a_reply(self) -> Self:
        if self.send and not self.expect:
            raise ValueError("`send` without `expect` checks nothing more than the connection; say what must come back")
        return self


async def run(target: str, options: TcpOptions, timeout_seconds: float) -> ProbeResult:
    async def steps(progress: Progress) -> str:
        reader, writer = await asyncio.open_connection(target, options.port)
        try:
            if not options.expect:
                return "connected"
            progress.doing = f"waiting for {options.expect!r}"
            writer.write(options.send.encode())
            await _expect(reader, options.expect.encode())
            return f"connected, got {options.expect!r}"
        finally:
            # Not close(): that would wait for a peer that does not read what we sent.
            writer.transport.abort()

    return await attempt(steps, timeout_seconds)


async def _expect(reader: asyncio.StreamReader, wanted: bytes) -> None:
    got = bytearray()
    while len(got) < MAX_REPLY:
        chunk = await reader.read(MAX_REPLY - len(got))
        if not chunk:
            raise ProbeFailedError(f"closed before it sent {wanted.decode()!r}, after {_shown(got)}")
        searched = len(got)
        got += chunk
        if got.find(wanted, max(0, searched - len(wanted))) >= 0:
            return
    raise ProbeFailedError(f"no {wanted.decode()!r} in the first {MAX_REPLY} octets, which start with {_shown(got)}")


def _shown(got: bytearray) -> str:
    return repr(got[:40].decode(errors="replace")) if got else "nothing"


PROBE = Probe("a TCP connection opens; with `expect`, that text comes back", TcpOptions, run)
