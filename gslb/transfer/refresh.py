"""When a secondary asks which primary, and until when it may serve: the timers of the SOA (RFC 1034 section 4.3.5),
NOTIFY (RFC 1996) and the EXPIRE option (RFC 7314). No clock and no event loop: times and draws are arguments.

- A *round* asks the primaries in order until one has a newer version; one that has ours confirms it, and the next is
  asked, because a primary may itself lag behind. A round that reached nobody is repeated after `retry`, any other
  after `refresh`, both up to a tenth earlier by a draw so that zones do not fall into step. A zone that has never been
  loaded, or is expired, is tried more eagerly: after 1 s, 2 s, 4 s … up to a minute.
- A primary that failed is passed over for `retry`, doubled with each further failure, as long as others remain. One
  that gives no answer at all is passed over by every zone of the node (`transfer.silence`).
- A NOTIFY starts a round at once, its sender asked first. Any number of them make one round; one whose serial is not
  newer makes none. A round that did not find the serial it was told of is repeated soon, a few times; so packets that
  nobody could verify cost a poll each 8 s at most.
- The zone expires `expire` after it was last *fresh*: known to be what its origin has. A primary that is itself a
  secondary tells how long its own copy is good, and that dates freshness back. The time is kept over restarts.

Times are Unix seconds of a clock that neither stands nor jumps while the process runs.
"""

import enum
from dataclasses import dataclass, replace

from gslb.zone.serial import is_newer
from gslb.zone.zone import Soa

START_SPREAD_SECONDS = 1.0
"""Zones with a stored version are first asked for within this time after the start."""
EAGER_SECONDS = 60.0
"""The longest wait between rounds while there is nothing to serve."""
LONGEST_BACK_OFF_SECONDS = 3600.0
JITTER = 0.1
MAX_HINT_ROUNDS = 6
"""How often a serial that was announced is looked for before the SOA timers are trusted again."""
LONGEST_HINT_HOLD_SECONDS = 8.0
_WEEK_SECONDS = 7 * 86400.0


@dataclass(frozen=True, slots=True)
class Timers:
    """The SOA's times in seconds, within reason: at least 1 s, refresh and retry at most a week and half of expire."""

    refresh: float
    retry: float
    expire: float

    @classmethod
    def of(cls, soa: Soa) -> "Timers":
        expire = max(float(soa.expire), 2.0)
        most = min(_WEEK_SECONDS, expire / 2)
        return cls(min(max(soa.refresh, 1.0), most), min(max(soa.retry, 1.0), most), expire)


class Found(enum.IntEnum):
    """What a round, or a primary in it, came to."""

    NOTHING = 0
    SAME = 1
    NEWER = 2


@dataclass(frozen=True, slots=True)
class Hint:
    """What a NOTIFY said: the serial, and the place of its sender among the primaries, where known."""

    serial: int | None
    primary: int | None


@dataclass(frozen=True, slots=True)
class BackOff:
    """A primary's failures in a row, and until when it is passed over."""

    failures: int = 0
    until: float = 0.0


@dataclass(frozen=True, slots=True)
class SecondaryState:
    """All that the timers of one zone depend on. `serial`, `timers` and `fresh_at` are None until there is a zone.

    `failed_rounds` and `vain_hints` count in a row; a hint waits for `hint_at`.
    """

    serial: int | None
    timers: Timers | None
    fresh_at: float | None
    next_round: float
    back_off: tuple[BackOff, ...]
    expired: bool = False
    failed_rounds: int = 0
    hint: Hint | None = None
    hint_at: float = 0.0
    vain_hints: int = 0

    @property
    def due(self) -> float:
        """When the next round starts."""
        return self.next_round if self.hint is None else min(self.next_round, self.hint_at)

    @property
    def expires_at(self) -> float | None:
        if self.timers is None or self.fresh_at is None:
            return None
        return self.fresh_at + self.timers.expire

    @property
    def name(self) -> str:
        """`loading` (never had the zone), `expired`, `retrying` (no primary reached), or `ok`."""
        if self.serial is None:
            return "loading"
        if self.expired:
            return "expired"
        return "retrying" if self.failed_rounds else "ok"


def begin(primaries: int, now: float, draw: float, stored: tuple[Soa, float] | None = None) -> SecondaryState:
    """The state at start; `stored` is the SOA of the version on disk and when that was fresh."""
    back_off = (BackOff(),) * primaries
    if stored is None:
        return SecondaryState(None, None, None, now, back_off)
    soa, fresh_at = stored
    first_round = now + draw * START_SPREAD_SECONDS
    state = SecondaryState(soa.serial, Timers.of(soa), min(fresh_at, now), first_round, back_off)
    return expire(state, now)


def expire(state: SecondaryState, now: float) -> SecondaryState:
    """Expired, if its time is over; a zone that becomes so is asked for at once."""
    if state.expired or state.expires_at is None or now < state.expires_at:
        return state
    return replace(state, expired=True, next_round=min(state.next_round, now))


def hear(state: SecondaryState, serial: int | None, primary: int | None, now: float) -> SecondaryState:
    """A NOTIFY came. The same state when it tells nothing new."""
    if not _is_news(state, serial):
        return state
    hint = Hint(serial, primary)
    if state.hint is None:
        return replace(state, hint=hint, hint_at=max(now, state.hint_at))
    if serial is None or (state.hint.serial is not None and not is_newer(serial, state.hint.serial)):
        return state
    return replace(state, hint=hint)


def _is_news(state: SecondaryState, serial: int | None) -> bool:
    return serial is None or state.serial is None or state.expired or is_newer(serial, state.serial)


def order(state: SecondaryState, now: float) -> tuple[int, ...]:
    """The primaries to ask in a round that starts now, by their places; each at most once, at least one."""
    places = range(len(state.back_off))
    ready = [place for place in places if state.back_off[place].until <= now]
    chosen = ready or sorted(places, key=lambda place: state.back_off[place].until)
    told_by = state.hint.primary if state.hint is not None else None
    return tuple(dict.fromkeys([told_by, *chosen] if told_by is not None else chosen))


def take_hint(state: SecondaryState) -> tuple[SecondaryState, Hint | None]:
    """A round starts; what is heard from now on is for the next one."""
    return replace(state, hint=None), state.hint


def reset(state: SecondaryState, now: float) -> SecondaryState:
    """Somebody asks for a round now: every primary gets a new chance."""
    return replace(state, next_round=min(state.next_round, now), back_off=(BackOff(),) * len(state.back_off))


def confirmed(state: SecondaryState, primary: int, now: float, expire_seconds: int | None) -> SecondaryState:
    """A primary has the version that we have. Of two words on how fresh it is the better counts."""
    assert state.timers is not None
    assert state.fresh_at is not None
    fresh_at = max(state.fresh_at, _fresh_at(state.timers, now, expire_seconds))
    return replace(_reached(state, primary), fresh_at=fresh_at)


def transferred(
    state: SecondaryState, primary: int, now: float, soa: Soa, expire_seconds: int | None
) -> SecondaryState:
    """A version came from a primary, and is ours now."""
    timers = Timers.of(soa)
    fresh_at = _fresh_at(timers, now, expire_seconds)
    state = replace(_reached(state, primary), serial=soa.serial, timers=timers, fresh_at=fresh_at)
    return replace(state, expired=False, vain_hints=0, hint_at=now)


def failed(state: SecondaryState, primary: int, now: float) -> SecondaryState:
    """A primary could not be used."""
    failures = state.back_off[primary].failures + 1
    retry = state.timers.retry if state.timers is not None else EAGER_SECONDS
    wait = min(retry * 2 ** min(failures - 1, 16), LONGEST_BACK_OFF_SECONDS)
    return _with_back_off(state, primary, BackOff(failures, now + wait))


def end_round(state: SecondaryState, now: float, draw: float, found: Found, hint: Hint | None) -> SecondaryState:
    """A round is over; `found` is the best that a primary had, `hint` what started the round."""
    failed_rounds = 0 if found else state.failed_rounds + 1
    state = replace(state, failed_rounds=failed_rounds, next_round=now + _wait(state, failed_rounds, draw))
    state = _after_hint(state, hint, now, found)
    if state.hint is not None and not _is_news(state, state.hint.serial):
        return replace(state, hint=None)
    return state


def _after_hint(state: SecondaryState, hint: Hint | None, now: float, found: Found) -> SecondaryState:
    """What was told is ours now, or is looked for again after a while, or is given up."""
    if hint is None:
        return replace(state, vain_hints=0) if found else state
    if found is Found.NEWER and not (hint.serial is not None and _is_news(state, hint.serial)):
        return state
    vain_hints = min(state.vain_hints + 1, MAX_HINT_ROUNDS)
    repeat = vain_hints < MAX_HINT_ROUNDS and (hint.serial is not None or not found)
    hold = min(2.0 ** (vain_hints - 1), LONGEST_HINT_HOLD_SECONDS)
    heard = state.hint or (hint if repeat else None)
    return replace(state, hint=heard, hint_at=now + hold, vain_hints=vain_hints)


def _wait(state: SecondaryState, failed_rounds: int, draw: float) -> float:
    if state.timers is None or state.expired:
        seconds = min(2.0 ** min(failed_rounds - 1, 16), EAGER_SECONDS)
    else:
        seconds = state.timers.retry if failed_rounds else state.timers.refresh
    return seconds * (1 - JITTER * draw)


def _fresh_at(timers: Timers, now: float, expire_seconds: int | None) -> float:
    if expire_seconds is None:
        return now
    return now - (timers.expire - min(float(expire_seconds), timers.expire))


def _reached(state: SecondaryState, primary: int) -> SecondaryState:
    return _with_back_off(state, primary, BackOff())


def _with_back_off(state: SecondaryState, primary: int, back_off: BackOff) -> SecondaryState:
    back_offs = list(state.back_off)
    back_offs[primary] = back_off
    return replace(state, back_off=tuple(back_offs))
