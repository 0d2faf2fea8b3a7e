"""How a secondary zone fares: what its rounds came to, for the log, the metrics and `gslb status`.

It is told of each poll and each transfer by the `SecondaryZone`, which decides; nothing here changes what that does.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from gslb.config.peers import Peer
from gslb.transfer.faults import Fault, TransferError
from gslb.transfer.inbound import Fetched
from gslb.transfer.refresh import SecondaryState
from gslb.wire.names import Name, name_to_text

log = structlog.get_logger("gslb.transfer")


@dataclass(frozen=True, slots=True)
class InboundCounts:
    """Polls or transfers of one kind and result: how many, their octets, and the seconds they took."""

    done: int = 0
    octets: int = 0
    seconds: float = 0.0

    def __add__(self, other: "InboundCounts") -> "InboundCounts":
        return InboundCounts(self.done + other.done, self.octets + other.octets, self.seconds + other.seconds)


@dataclass(frozen=True, slots=True)
class SecondaryStatus:
    """A secondary zone as `gslb status` shows it. Times are Unix seconds; None: never, or not known.

    `state` is ok, retrying (no primary reached), expired or loading (never had it). `primary` is the name of the peer
    that was of use last; `how`, `octets` and `seconds` are of the last transfer; `error` is of the last round.
    `failing_since` is when the first of the rounds ended that found no primary to be of use, one after another.
    """

    state: str
    serial: int | None
    primary: str | None
    contacted: float | None
    transferred: float | None
    attempted: float | None
    how: str | None
    octets: int
    seconds: float
    error: str | None
    next_attempt: float
    expires_at: float | None
    failing_since: float | None


class Account:
    """One zone's. `counts` are by what was asked (soa, ixfr, axfr) and the result (ok, or a `Fault`); `contacted` is
    when the version on disk was fresh. Times are Unix seconds."""

    def __init__(self, apex: Name, contacted: float | None) -> None:
        self.counts: dict[tuple[str, str], InboundCounts] = {}
        self._apex = apex
        self._primary: Peer | None = None
        self._last: Fetched | None = None
        self._contacted = contacted
        self._transferred: float | None = None
        self._attempted: float | None = None
        self._errors: tuple[str, ...] = ()
        self._failing_since: float | None = None

    def status(self, state: SecondaryState) -> SecondaryStatus:
        """All of it, with what the timers say."""
        last = self._last
        return SecondaryStatus(
            state=state.name,
            serial=state.serial,
            primary=self._primary.name if self._primary is not None else None,
            contacted=self._contacted,
            transferred=self._transferred,
            attempted=self._attempted,
            how=last.how if last is not None else None,
            octets=last.octets if last is not None else 0,
            seconds=last.seconds if last is not None else 0.0,
            error="; ".join(self._errors) or None,
            next_attempt=state.due,
            expires_at=state.expires_at,
            failing_since=self._failing_since,
        )

    def asked(self, now: float) -> None:
        """A primary is about to be asked."""
        self._attempted = now

    def round_over(self, errors: Sequence[str], now: float, *, of_use: bool) -> None:
        """A round has ended; `of_use` tells that a primary was."""
        self._errors = tuple(errors)
        if of_use:
            self._failing_since = None
        elif self._failing_since is None:
            self._failing_since = now

    def unanswered(self, error: TransferError) -> None:
        """A primary gave no answer in haste; it may be asked again."""
        self._count(error.phase, error.fault, error.octets, error.seconds)

    def failed(self, peer: Peer, error: TransferError, serial: int | None) -> None:
        """A primary was of no use; `serial` is of the version that stays."""
        self._count(error.phase, error.fault, error.octets, error.seconds)
        fault = error.fault.value
        log.warning("transfer_failed", **self._with(peer), serial=serial, reason=error.reason, fault=fault)

    def crashed(self, peer: Peer, error: Exception) -> None:
        """A bug of ours."""
        log.error("transfer_crashed", **self._with(peer), exc_info=error)

    def confirmed(self, peer: Peer, fetched: Fetched, now: float) -> None:
        """A primary has the version that is served."""
        self._count("soa", "ok", fetched.octets, fetched.seconds)
        self._primary = peer
        self._contacted = now

    def taken(self, peer: Peer, fetched: Fetched, from_serial: int | None, now: float) -> None:
        """A version came, and is served."""
        self._count(fetched.how, "ok", fetched.octets, fetched.seconds)
        self._last, self._primary = fetched, peer
        self._contacted = self._transferred = now
        instead_of = {"no_ixfr": fetched.instead_of} if fetched.instead_of is not None else {}
        log.info(
            "zone_transferred",
            **self._with(peer),
            from_serial=from_serial,
            serial=fetched.serial,
            how=fetched.how,
            octets=fetched.octets,
            seconds=round(fetched.seconds, 3),
            **instead_of,
        )

    def not_taken(self, peer: Peer, fetched: Fetched, error: Exception) -> None:
        """A version came, and could not be stored or served."""
        self._count(fetched.how, Fault.STORAGE, fetched.octets, fetched.seconds)
        log.error("transfer_not_taken", **self._with(peer), serial=fetched.serial, reason=str(error) or repr(error))

    def expired(self, serial: int | None, primaries: Sequence[Peer]) -> None:
        """The version that was served is too old."""
        log.error(
            "zone_expired",
            zone=name_to_text(self._apex),
            serial=serial,
            primaries=[f"{peer.host} port {peer.port}" for peer in primaries],
            advice="answered with SERVFAIL until a transfer succeeds: bring back a primary",
        )

    def _count(self, asked: str, result: str, octets: int, seconds: float) -> None:
        key = (asked, str(result))
        self.counts[key] = self.counts.get(key, InboundCounts()) + InboundCounts(1, octets, seconds)

    def _with(self, peer: Peer) -> dict[str, str]:
        return {"zone": name_to_text(self._apex), "primary": peer.name, "address": peer.host}
