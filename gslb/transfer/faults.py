"""What can go wrong when a zone is fetched from a primary, each with a name for the metrics.

Pure code and the connection raise `FaultError`, whose reason says what happened and what to do. `transfer.inbound`,
which knows the peer, makes a `TransferError` of it. Either way nothing has changed.
"""

import enum
from typing import Literal

Phase = Literal["soa", "ixfr", "axfr"]
"""What was asked of the primary."""


class Fault(enum.StrEnum):
    """The kind of a failure: the label of its counter."""

    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    BROKEN_OFF = "broken_off"
    RCODE = "rcode"
    SIGNATURE = "signature"
    MALFORMED = "malformed"
    BOUNDS = "bounds"
    OLDER = "older"
    CONTENT = "content"
    STORAGE = "storage"


NO_ANSWER = frozenset({Fault.UNREACHABLE, Fault.TIMEOUT})


class FaultError(Exception):
    """A failed step. The text is the reason; it names no peer."""

    def __init__(self, fault: Fault, reason: str) -> None:
        super().__init__(reason)
        self.fault = fault
        self.reason = reason


class RefusedError(FaultError):
    """The peer will not have it from us; signed with another key it may."""


class TransferError(Exception):
    """A zone that could not be fetched; the text names the peer's address and what to do. Nothing has changed.

    `phase` is what was asked when it failed; `octets` came, and `seconds` passed, until then.
    """

    def __init__(self, reason: str, fault: Fault, phase: Phase, octets: int = 0, seconds: float = 0.0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.fault = fault
        self.phase = phase
        self.octets = octets
        self.seconds = seconds
