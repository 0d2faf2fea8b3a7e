"""A secondary zone: asks its primaries when `transfer.refresh` says so, and hands on what comes.

A version is ours when `on_update` has returned: it has stored it and serves it. Until then, and whatever goes wrong,
the version before stays. Every failure is logged with the primary's address and what to do, counted, and shown in
`status`; the next round is due by the timers. One task per zone does all of this, and it never ends by itself.
"""

import asyncio
import contextlib
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from gslb.config.peers import Peer
from gslb.config.prefixes import plain_address
from gslb.transfer.faults import Fault, TransferError
from gslb.transfer.inbound import ANY_NUMBER, Fetched, InboundLimits, Places, fetch
from gslb.transfer.key_choice import KeyChoice
from gslb.transfer.refresh import (
    Found,
    begin,
    confirmed,
    end_round,
    expire,
    failed,
    hear,
    order,
    reset,
    take_hint,
    transferred,
)
from gslb.transfer.request import Wanted
from gslb.wire.names import Name, name_to_text
from gslb.zone.diff import ChangeSet
from gslb.zone.view import View, soa_of

log = structlog.get_logger("gslb.transfer")

OnUpdate = Callable[[Name, View, tuple[ChangeSet, ...] | None, float], Awaitable[None]]
"""Called with a new version: the change sets that lead to it from the one before, None when it is whole; and when it
was fresh, in Unix seconds. It stores and serves it; what it raises leaves everything as it was."""
OnContact = Callable[[Name, float], None]
"""Called when a primary confirmed our version, with when that was fresh: what the journal keeps as `contacted`."""
OnExpire = Callable[[Name], None]
"""Called when the zone must no longer be served, until the next `OnUpdate`."""


class Stored(Protocol):
    """A version from the journal."""

    @property
    def view(self) -> View: ...
    @property
    def contacted(self) -> float: ...


class _NotTakenError(Exception):
    """`on_update` did not take a version: asking another primary is of no use."""


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


class SecondaryZone:
    """One zone. Make it on the event loop, `start` it, `stop` it. `initial` is the version on disk.

    `clock` gives Unix seconds; between its readings time is counted by a clock that does not jump. `draw` gives
    numbers from 0 to 1.
    """

    def __init__(
        self,
        apex: Name,
        primaries: Sequence[Peer],
        initial: Stored | None,
        *,
        on_update: OnUpdate,
        on_contact: OnContact,
        on_expire: OnExpire,
        limits: InboundLimits | None = None,
        places: Places = ANY_NUMBER,
        keys: KeyChoice | None = None,
        clock: Callable[[], float] = time.time,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self.apex = apex
        self.counts: dict[tuple[str, str], InboundCounts] = {}
        """By what was asked (soa, ixfr, axfr) and the result (ok, or a `Fault`)."""
        self._primaries = tuple(primaries)
        self._view = initial.view if initial is not None else None
        self._on_update, self._on_contact, self._on_expire = on_update, on_contact, on_expire
        self._limits = limits or InboundLimits()
        self._places = places
        self._keys = keys or KeyChoice()
        self._clock = clock
        self._draw = draw
        self._ahead = clock() - time.monotonic()
        stored = (soa_of(initial.view, apex), initial.contacted) if initial is not None else None
        self._state = begin(len(self._primaries), self._now(), draw(), stored)
        self._wanted = Wanted.NEWER
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._taking: asyncio.Task[None] | None = None
        self._expiry: asyncio.TimerHandle | None = None
        self._primary: Peer | None = None
        self._last: Fetched | None = None
        self._contacted = initial.contacted if initial is not None else None
        self._transferred: float | None = None
        self._attempted: float | None = None
        self._errors: list[str] = []

    # For the node

    def start(self) -> None:
        """A stored version that is past its time is told to `on_expire` before this returns."""
        if self._state.expired:
            self._tell_expired()
        self._arm_expiry()
        self._task = asyncio.create_task(self._run(), name=f"secondary {name_to_text(self.apex)}")

    async def stop(self) -> None:
        """Returns when nothing is under way; a version that is being taken is taken."""
        if self._expiry is not None:
            self._expiry.cancel()
        tasks = [task for task in (self._task, self._taking) if task is not None]
        if self._task is not None:
            self._task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def notify(self, serial: int | None, address: str) -> bool:
        """A NOTIFY from `address` (RFC 1996). True when it tells something new."""
        sender = str(plain_address(address))
        places = [place for place, peer in enumerate(self._primaries) if peer.host == sender]
        heard = hear(self._state, serial, places[0] if places else None, self._now())
        news = heard is not self._state
        self._state = heard
        self._wake.set()
        return news

    def retry_now(self, wanted: Wanted = Wanted.NEWER) -> None:
        """Start a round at once, with every primary. `Wanted.ANY` takes the whole zone even at an older serial."""
        self._wanted = wanted
        self._state = reset(self._state, self._now())
        self._wake.set()

    @property
    def status(self) -> SecondaryStatus:
        last = self._last
        return SecondaryStatus(
            state=self._state.name,
            serial=self._state.serial,
            primary=self._primary.name if self._primary is not None else None,
            contacted=self._contacted,
            transferred=self._transferred,
            attempted=self._attempted,
            how=last.how if last is not None else None,
            octets=last.octets if last is not None else 0,
            seconds=last.seconds if last is not None else 0.0,
            error="; ".join(self._errors) or None,
            next_attempt=self._state.due,
            expires_at=self._state.expires_at,
        )

    # Rounds

    async def _run(self) -> None:
        while True:
            await self._until_due()
            await self._round()

    async def _until_due(self) -> None:
        while (wait_seconds := self._state.due - self._now()) > 0:
            self._wake.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_seconds):
                    await self._wake.wait()

    async def _round(self) -> None:
        places = order(self._state, self._now())
        self._state, hint = take_hint(self._state)
        errors: list[str] = []
        found = Found.NOTHING
        with contextlib.suppress(_NotTakenError):
            for place in places:
                found = max(found, await self._ask(place, errors))
                if found is Found.NEWER:
                    break
        self._errors = errors
        self._state = end_round(self._state, self._now(), self._draw(), found, hint)
        self._arm_expiry()

    async def _ask(self, place: int, errors: list[str]) -> Found:
        """Ask one primary; what it had. Failures are added to `errors`."""
        peer = self._primaries[place]
        self._attempted = self._now()
        wanted = Wanted.WHOLE if self._state.expired and self._wanted is Wanted.NEWER else self._wanted
        try:
            fetched = await fetch(
                self.apex,
                peer,
                self._view,
                limits=self._limits,
                clock=self._clock,
                wanted=wanted,
                places=self._places,
                keys=self._keys,
            )
        except TransferError as error:
            self._failed(place, error, errors)
            return Found.NOTHING
        except Exception as error:  # a bug of ours must not end the refreshing of the zone
            log.exception("transfer_crashed", zone=name_to_text(self.apex), primary=peer.name, address=peer.host)
            errors.append(f"primary {peer.name} ({peer.host} port {peer.port}): {error!r}")
            self._state = failed(self._state, place, self._now())
            return Found.NOTHING
        if fetched.how == "current":
            self._confirmed(place, fetched)
            return Found.SAME
        return await self._take(place, fetched, errors)

    def _failed(self, place: int, error: TransferError, errors: list[str]) -> None:
        peer = self._primaries[place]
        self._count(error.phase, error.fault, InboundCounts(1, error.octets, error.seconds))
        self._state = failed(self._state, place, self._now())
        errors.append(error.reason)
        log.warning(
            "transfer_failed",
            zone=name_to_text(self.apex),
            primary=peer.name,
            address=peer.host,
            serial=self._state.serial,
            reason=error.reason,
            fault=error.fault.value,
        )

    def _confirmed(self, place: int, fetched: Fetched) -> None:
        self._count("soa", "ok", InboundCounts(1, fetched.octets, fetched.seconds))
        self._state = confirmed(self._state, place, self._now(), fetched.expire_seconds)
        self._primary = self._primaries[place]
        self._contacted = self._now()
        self._on_contact(self.apex, self._fresh_at())

    async def _take(self, place: int, fetched: Fetched, errors: list[str]) -> Found:
        """Hand a version on. It is ours once that succeeded."""
        peer, soa = self._primaries[place], soa_of(fetched.view, self.apex)
        before = self._state
        after = transferred(before, place, self._now(), soa, fetched.expire_seconds)
        assert after.fresh_at is not None
        self._taking = asyncio.create_task(self._hand_on(fetched, self._in_unix_time(after.fresh_at)))
        try:
            await asyncio.shield(self._taking)
        except Exception as error:  # noqa: BLE001  a full disk, a zone that cannot be served: whatever it is, not taken
            self._not_taken(peer, fetched, error, errors)
            raise _NotTakenError from None
        # A NOTIFY may have been heard meanwhile, so `transferred` is applied to the state of now.
        self._state = transferred(self._state, place, self._now(), soa, fetched.expire_seconds)
        self._wanted = Wanted.NEWER
        self._view, self._last, self._primary = fetched.view, fetched, peer
        self._contacted = self._transferred = self._now()
        self._count(fetched.how, "ok", InboundCounts(1, fetched.octets, fetched.seconds))
        self._log_transferred(peer, before.serial, fetched)
        return Found.NEWER

    async def _hand_on(self, fetched: Fetched, fresh_at: float) -> None:
        await self._on_update(self.apex, fetched.view, fetched.change_sets, fresh_at)

    def _not_taken(self, peer: Peer, fetched: Fetched, error: Exception, errors: list[str]) -> None:
        self._count(fetched.how, Fault.STORAGE, InboundCounts(1, fetched.octets, fetched.seconds))
        errors.append(f"serial {fetched.serial} from {peer.name} ({peer.host} port {peer.port}) was not taken: {error}")
        log.error(
            "transfer_not_taken",
            zone=name_to_text(self.apex),
            primary=peer.name,
            address=peer.host,
            serial=fetched.serial,
            reason=str(error) or repr(error),
        )

    def _log_transferred(self, peer: Peer, from_serial: int | None, fetched: Fetched) -> None:
        instead_of = {"no_ixfr": fetched.instead_of} if fetched.instead_of is not None else {}
        log.info(
            "zone_transferred",
            zone=name_to_text(self.apex),
            primary=peer.name,
            address=peer.host,
            from_serial=from_serial,
            serial=fetched.serial,
            how=fetched.how,
            octets=fetched.octets,
            seconds=round(fetched.seconds, 3),
            **instead_of,
        )

    def _count(self, asked: str, result: str, counts: InboundCounts) -> None:
        key = (asked, str(result))
        self.counts[key] = self.counts.get(key, InboundCounts()) + counts

    # Time

    def _now(self) -> float:
        return time.monotonic() + self._ahead

    def _in_unix_time(self, moment: float) -> float:
        """A time of ours by the clock as it is set now."""
        return self._clock() - (self._now() - moment)

    def _fresh_at(self) -> float:
        assert self._state.fresh_at is not None
        return self._in_unix_time(self._state.fresh_at)

    def _arm_expiry(self) -> None:
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None
        expires_at = self._state.expires_at
        if expires_at is not None and not self._state.expired:
            wait_seconds = max(expires_at - self._now(), 0.0)
            self._expiry = asyncio.get_running_loop().call_later(wait_seconds, self._expire)

    def _expire(self) -> None:
        after = expire(self._state, self._now())
        if after is self._state:
            self._arm_expiry()
            return
        self._state = after
        self._tell_expired()
        self._wake.set()

    def _tell_expired(self) -> None:
        log.error(
            "zone_expired",
            zone=name_to_text(self.apex),
            serial=self._state.serial,
            primaries=[f"{peer.host} port {peer.port}" for peer in self._primaries],
            advice="answered with SERVFAIL until a transfer succeeds: bring back a primary",
        )
        self._on_expire(self.apex)
