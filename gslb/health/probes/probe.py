"""The shape of a probe, and what all probes share: the clock around an attempt and the words for what went wrong.

A probe is one attempt against one target. It opens a new connection each time, finishes within its timeout, holds
a bounded amount of what the target sends, and never raises for anything that the target does: that is a
`ProbeResult` which says so in one line. `ProbeImpossibleError` says that this machine lacks what the attempt needs; any
other exception that leaves a probe is a bug of ours.
"""

import asyncio
import json
import os
import socket
import ssl
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

MAX_REASON = 200
"""Reasons are cut at this many characters: part of the text can come from the target."""

Port = Annotated[int, Field(ge=1, le=65535)]


class ProbeOptions(BaseModel):
    """The base of every option model: frozen, unknown options are errors, a number may stand where text is wanted."""

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)

    def to_text(self) -> str:
        """Canonical JSON with every option written out and sorted: what `Monitor.options` holds."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    def files(self) -> dict[str, Path]:
        """The files of this machine that a probe needs, by the option that names them."""
        return {}

    def try_files(self) -> None:
        """Read these files as a probe does. Raises `ProbeImpossibleError`."""


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """What one attempt found. `reason` is one line for people, `latency_seconds` the time the attempt took."""

    ok: bool
    reason: str
    latency_seconds: float


@dataclass(frozen=True, slots=True)
class Probe:
    """A kind of probe: a line for help and docs, the model of its options, and the attempt itself.

    `run(target, options, timeout_seconds)`: `target` is an IPv4 or IPv6 address or a host name, `options` a value of
    the model.
    """

    summary: str
    options: type[ProbeOptions]
    run: Callable[[str, Any, float], Awaitable[ProbeResult]]


class ProbeFailedError(Exception):
    """The target did not do what was wanted of it; the message is the reason for people."""


class ProbeImpossibleError(Exception):
    """The attempt cannot be made on this machine, which says nothing about the target; the message is for people."""


class Progress:
    """What an attempt is doing, so that a timeout can name it: `timed out after 2 s connecting`."""

    __slots__ = ("doing",)

    def __init__(self) -> None:
        self.doing = "connecting"


async def attempt(steps: Callable[[Progress], Awaitable[str]], timeout_seconds: float) -> ProbeResult:
    """Run `steps` against the clock. They return the reason for success, and raise `ProbeFailedError` or any of the
    errors of the network for failure."""
    started = time.perf_counter()
    progress = Progress()
    clock = asyncio.timeout(timeout_seconds)
    try:
        async with clock:
            said, ok = await steps(progress), True
    except TimeoutError as error:
        said, ok = f"timed out after {timeout_seconds:g} s {progress.doing}" if clock.expired() else _said(error), False
    except ProbeFailedError as error:
        said, ok = str(error), False
    except (OSError, EOFError, ValueError) as error:
        said, ok = _said(error), False
    return ProbeResult(ok, one_line(said), time.perf_counter() - started)


def one_line(text: str) -> str:
    """`text` fit for a log line: printable characters only, at most `MAX_REASON` of them."""
    clean = "".join(character if character.isprintable() else " " for character in text)
    return " ".join(clean.split())[:MAX_REASON]


def network_reason(error: BaseException) -> str:
    """The words for an error of the network: `connection refused`, `certificate refused: certificate has expired`."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate refused: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed: {(error.reason or str(error)).lower().replace('_', ' ')}"
    if isinstance(error, socket.gaierror):
        return f"the name does not resolve: {error.strerror or error}"
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno).lower()
    return ""


def _said(error: Exception) -> str:
    return network_reason(error) or str(error) or type(error).__name__
