"""A secondary zone: asks its primaries when `transfer.refresh` says so, and hands on what comes.

A version is ours when `on_update` has returned: it has stored it and serves it. Until then, and whatever goes wrong,
the version before stays. Every failure goes to its `Account`, which logs, counts and shows it; the next round is due by
the timers. One task per zone does all of this, and it never ends by itself.
"""

import asyncio
import contextlib
import random
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from gslb.config.peers import Peer
from gslb.config.prefixes import plain_address
from gslb.transfer.account import Account, InboundCounts, SecondaryStatus
from gslb.transfer.faults import NO_ANSWER, TransferError
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
from gslb.transfer.silence import Silence
from gslb.wire.names import Name, name_to_text
from gslb.zone.diff import ChangeSet
from gslb.zone.indexing import Indexing
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


@dataclass(slots=True)
class _Round:
    """What a round came to so far. `silent` are the places of primaries that gave no answer in haste, or lately, and
    what to say of them; of those in `news` nobody knew before."""

    found: Found = Found.NOTHING
    errors: list[str] = field(default_factory=list)
    silent: dict[int, str] = field(default_factory=dict)
    news: set[int] = field(default_factory=set)


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
        silence: Silence | None = None,
        indexing: Indexing | None = None,
        clock: Callable[[], float] = time.time,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self.apex = apex
        self._account = Account(apex, initial.contacted if initial is not None else None)
        self._primaries = tuple(primaries)
        self._view = initial.view if initial is not None else None
        self._on_update, self._on_contact, self._on_expire = on_update, on_contact, on_expire
        self._limits = limits or InboundLimits()
        self._places = places
        self._keys = keys or KeyChoice()
        self._silence = silence or Silence()
        self._indexing = indexing or Indexing()
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
        for place in places:
            self._silence.end(self._primaries[place])
        heard = hear(self._state, serial, places[0] if places else None, self._now())
        news = heard is not self._state
        self._state = heard
        self._wake.set()
        return news

    def retry_now(self, wanted: Wanted = Wanted.NEWER) -> None:
        """Start a round at once, with every primary. `Wanted.ANY` takes the whole zone even at an older serial."""
        self._wanted = wanted
        for peer in self._primaries:
            self._silence.end(peer)
        self._state = reset(self._state, self._now())
        self._wake.set()

    @property
    def status(self) -> SecondaryStatus:
        """How it stands."""
        return self._account.status(self._state)

    @property
    def counts(self) -> Mapping[tuple[str, str], InboundCounts]:
        """By what was asked (soa, ixfr, axfr) and the result (ok, or a `Fault`)."""
        return self._account.counts

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
        told_by = hint.primary if hint is not None else None
        current = _Round()
        with contextlib.suppress(_NotTakenError):
            await self._ask_in_haste(places, told_by, current)
            await self._ask_with_patience(current)
        errors = (*current.silent.values(), *current.errors)
        self._account.round_over(errors, self._now(), of_use=current.found is not Found.NOTHING)
        self._state = end_round(self._state, self._now(), self._draw(), current.found, hint)
        self._arm_expiry()

    async def _ask_in_haste(self, places: tuple[int, ...], told_by: int | None, current: "_Round") -> None:
        """Ask the primaries in order. As long as there are others nobody is waited for, but who just told us."""
        for place in places:
            peer = self._primaries[place]
            hasty = len(places) > 1 and place != told_by
            if hasty and self._silence.holds(peer, time.monotonic()):
                current.silent[place] = f"primary {_where(peer)} gave no answer lately, and is passed over for a while"
                continue
            await self._ask(place, current, hasty=hasty)
            if current.found is Found.NEWER:
                return

    async def _ask_with_patience(self, current: "_Round") -> None:
        """Ask the silent ones once more: all of them when nobody answered, else those of whom it is news."""
        for place in list(current.silent):
            if current.found is Found.NOTHING or (current.found is Found.SAME and place in current.news):
                del current.silent[place]
                await self._ask(place, current, hasty=False)

    async def _ask(self, place: int, current: "_Round", *, hasty: bool) -> None:
        """Ask one primary, and note what it had."""
        peer = self._primaries[place]
        self._account.asked(self._now())
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
                indexing=self._indexing,
                hasty=hasty,
            )
        except TransferError as error:
            self._note_silence(place, error, current)
            if hasty and error.fault in NO_ANSWER:
                current.silent[place] = error.reason
                self._account.unanswered(error)
            else:
                self._failed(place, error, current.errors)
            return
        except Exception as error:  # noqa: BLE001  a bug of ours must not end the refreshing of the zone
            self._account.crashed(peer, error)
            current.errors.append(f"primary {_where(peer)}: {error!r}")
            self._state = failed(self._state, place, self._now())
            return
        self._silence.end(peer)
        if fetched.how == "current":
            self._confirmed(place, fetched)
            current.found = max(current.found, Found.SAME)
        else:
            await self._take(place, fetched, current.errors)
            current.found = Found.NEWER

    def _note_silence(self, place: int, error: TransferError, current: "_Round") -> None:
        peer = self._primaries[place]
        if error.phase != "soa" or error.fault not in NO_ANSWER:
            self._silence.end(peer)
        elif self._silence.begin(peer, time.monotonic()):
            current.news.add(place)
            advice = "zones that have other primaries ask those meanwhile; a NOTIFY from it ends that"
            log.warning("primary_silent", primary=peer.name, address=peer.host, reason=error.reason, advice=advice)

    def _failed(self, place: int, error: TransferError, errors: list[str]) -> None:
        self._state = failed(self._state, place, self._now())
        errors.append(error.reason)
        self._account.failed(self._primaries[place], error, self._state.serial)

    def _confirmed(self, place: int, fetched: Fetched) -> None:
        self._state = confirmed(self._state, place, self._now(), fetched.expire_seconds)
        self._account.confirmed(self._primaries[place], fetched, self._now())
        self._on_contact(self.apex, self._fresh_at())

    async def _take(self, place: int, fetched: Fetched, errors: list[str]) -> None:
        """Hand a version on. It is ours once that succeeded."""
        peer, soa = self._primaries[place], soa_of(fetched.view, self.apex)
        before = self._state
        after = transferred(before, place, self._now(), soa, fetched.expire_seconds)
        assert after.fresh_at is not None
        self._taking = asyncio.create_task(self._hand_on(fetched, self._in_unix_time(after.fresh_at)))
        try:
            await asyncio.shield(self._taking)
        except Exception as error:  # noqa: BLE001  a full disk, a zone that cannot be served: whatever it is, not taken
            self._account.not_taken(peer, fetched, error)
            errors.append(f"serial {fetched.serial} from {_where(peer)} was not taken: {error}")
            raise _NotTakenError from None
        # A NOTIFY may have been heard meanwhile, so `transferred` is applied to the state of now.
        self._state = transferred(self._state, place, self._now(), soa, fetched.expire_seconds)
        self._wanted = Wanted.NEWER
        self._view = fetched.view
        self._account.taken(peer, fetched, before.serial, self._now())

    async def _hand_on(self, fetched: Fetched, fresh_at: float) -> None:
        await self._on_update(self.apex, fetched.view, fetched.change_sets, fresh_at)

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
        self._account.expired(self._state.serial, self._primaries)
        self._on_expire(self.apex)


def _where(peer: Peer) -> str:
    return f"{peer.name} ({peer.host} port {peer.port})"
