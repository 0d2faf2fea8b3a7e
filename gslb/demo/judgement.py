"""What each step of the story must show, and the judgement of what it showed. Pure: observations in, findings out.

Each step has an observation, measured by `unattended`, and a judge. Where both nodes take part, what is seen of each
stands under its name. Times are seconds of the demo's clock; those that are compared with a bound are given
`GRACE_SECONDS` more, for the machine's other work.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from gslb.demo.plan import FALL, INTERVAL_SECONDS, PRIMARY, RETRY_SECONDS, RISE, SECONDARY, TIMEOUT_SECONDS
from gslb.demo.shares import allowed_error, shares
from gslb.demo.story import Finding

T = TypeVar("T")

GRACE_SECONDS = 1.0
LEAVES_WITHIN = FALL * INTERVAL_SECONDS + TIMEOUT_SECONDS
RETURNS_WITHIN = RISE * INTERVAL_SECONDS + TIMEOUT_SECONDS
EDIT_WITHIN = {PRIMARY: 0.5, SECONDARY: 1.0}
"""By node: an edit is served. The secondary is told of it, and fetches it."""
EQUAL_WITHIN = LEAVES_WITHIN + RETRY_SECONDS
"""A primary that is back has found a dead backend by its own probes, and a secondary that asked too early has asked
again."""
_LEAVES_WHY = f"fall {FALL} x interval {INTERVAL_SECONDS:g} s + timeout {TIMEOUT_SECONDS:g} s"
_RETURNS_WHY = f"rise {RISE} x interval {INTERVAL_SECONDS:g} s + timeout {TIMEOUT_SECONDS:g} s"
MIN_ANSWERS = 100
"""Fewer do not tell shares apart."""


@dataclass(frozen=True, slots=True)
class StartSeen:
    """`seconds` until all serve; by node, the members found up and the serial; `members`: how many there are."""

    seconds: float
    members: int
    up: Mapping[str, int]
    serials: Mapping[str, int | None]


@dataclass(frozen=True, slots=True)
class SharesSeen:
    """Answers by address while the weights were `weights`."""

    weights: Mapping[str, int]
    counts: Mapping[str, int]

    def measured(self) -> dict[str, float]:
        return {value: round(share, 4) for value, share in shares(self.counts).items()}

    def faults(self) -> list[str]:
        """What does not fit the weights; nothing when all does."""
        count = sum(self.counts.values())
        if count < MIN_ANSWERS:
            return [f"only {count} answers came, too few to measure shares"]
        wanted, found = shares(self.weights), shares(self.counts)
        faults = [f"{value or 'nothing'} was answered, which is no member" for value in found if value not in wanted]
        for value, share in wanted.items():
            got = found.get(value, 0.0)
            if abs(got - share) > allowed_error(share, count):
                faults.append(f"{value} was answered in {got:.1%}, not in {share:.1%}")
        return faults


BothShares = Mapping[str, SharesSeen]
"""By node."""


@dataclass(frozen=True, slots=True)
class FailoverSeen:
    """What a node did when the backend at `address` was killed. `last_held`: seconds from the kill to its last answer
    with it (0: none); `quiet`: answers since then; `why`: the reason that its status gives, "" while it is not down."""

    address: str
    last_held: float
    quiet: int
    why: str
    others: SharesSeen

    def faults(self) -> list[str]:
        faults = [] if self.why else [f"{self.address} was not found down"]
        if self.last_held > LEAVES_WITHIN + GRACE_SECONDS:
            faults.append(f"{self.address} was still answered {self.last_held:.2f} s after it was killed")
        return faults or self.others.faults()


@dataclass(frozen=True, slots=True)
class ReturnSeen:
    """A backend was revived. `first_held`: by node, seconds to the first answer with it, None when there was none."""

    address: str
    first_held: Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class EditSeen:
    """The zone was edited at the primary: other weights, a new record. By node: `served`, seconds from the save to
    the first answer with the new record, None when there was none; `serials` and `after`, what it served then.
    `lost`: queries of both streams that got no right answer meanwhile."""

    new_name: str
    served: Mapping[str, float | None]
    serial_before: int
    serials: Mapping[str, int]
    lost: int
    after: BothShares


@dataclass(frozen=True, slots=True)
class BadEditSeen:
    """A mistake was saved in `file` at `line`. `refused`: seconds until the primary's status told it, None when it
    never did; `problem`: what it told; `serials` and `after`: by node, what was served from then on."""

    file: str
    line: int
    refused: float | None
    problem: str
    serial_before: int
    serials: Mapping[str, int]
    lost: int
    after: BothShares


@dataclass(frozen=True, slots=True)
class MendSeen:
    """The mistake was taken back. `accepted`: seconds until no problem was left, None when one stayed; `followed`:
    seconds until the secondary served the same, None when it did not."""

    accepted: float | None
    problem: str
    followed: float | None


@dataclass(frozen=True, slots=True)
class LostSeen:
    """The primary was killed, and then a backend. `ended`: how the primary ended, "" if it runs; `answered` and
    `lost`: queries to the secondary meanwhile; `failover`: what the secondary made of the backend's end."""

    ended: str
    answered: int
    lost: int
    failover: FailoverSeen


@dataclass(frozen=True, slots=True)
class BackSeen:
    """The primary was started again, after an edit that nobody could read. Seconds from its start, None when it did
    not come to it: `served`, by node the edit is answered; `equal`, `gslb cluster status` has nothing to complain
    about on either node, else `troubles` are its last complaints. `lost`: queries to the secondary meanwhile."""

    served: Mapping[str, float | None]
    serial_before: int
    serials: Mapping[str, int]
    equal: float | None
    troubles: tuple[str, ...]
    lost: int


@dataclass(frozen=True, slots=True)
class StreamSeen:
    """The queries of the whole story to one node. `failed`: replies that are no answer; `excused`: queries without an
    answer that were sent while it was killed."""

    sent: int
    answered: int
    lost: int
    failed: int
    excused: int

    @property
    def unanswered(self) -> int:
        """Those that should have been answered."""
        return self.lost + self.failed - self.excused


def judge_start(seen: StartSeen) -> Finding:
    """Both nodes serve the same, and each found every backend up."""
    text = (
        f"all served {seen.seconds:.1f} s after the start; backends found up: "
        f"{_each(seen.up, lambda count: f'{count} of {seen.members}')}; {_serials(seen.serials)}"
    )
    faults = [f"the {node} did not find all backends up" for node, count in seen.up.items() if count != seen.members]
    measured = {"seconds": round(seen.seconds, 3), "members_up": dict(seen.up), "serials": dict(seen.serials)}
    return _finding("start", faults + _unequal(seen.serials), text, measured)


def judge_shares(seen: BothShares) -> Finding:
    return _finding("shares", _shares_faults(seen), _shares_told(seen), {"shares": _shares_measured(seen)})


def judge_failover(seen: Mapping[str, FailoverSeen]) -> Finding:
    """The killed backend left the answers of each node within the bound, and the others took its share."""
    address = next(each.address for each in seen.values())
    text = (
        f"{address} left the answers after it was killed: {_each(seen, lambda each: f'{each.last_held:.2f} s')}, bound "
        f"{LEAVES_WITHIN:g} s ({_LEAVES_WHY}); answers since without it: {_each(seen, lambda each: str(each.quiet))}; "
        f"found {' and '.join(dict.fromkeys(each.why for each in seen.values()))}"
    )
    faults = [f"{node}: {fault}" for node, each in seen.items() for fault in each.faults()]
    seconds = {node: round(each.last_held, 3) for node, each in seen.items()}
    return _finding("failover", faults, text, {"seconds": seconds, "bound_seconds": LEAVES_WITHIN})


def judge_return(seen: ReturnSeen) -> Finding:
    """Each node answers the revived backend again within the bound."""
    text = (
        f"{seen.address} was answered again after it was revived: {_each(seen.first_held, _seconds)}, bound "
        f"{RETURNS_WITHIN:g} s ({_RETURNS_WHY})"
    )
    faults = _late(seen.first_held, dict.fromkeys(seen.first_held, RETURNS_WITHIN))
    return _finding("return", faults, text, {"seconds": dict(seen.first_held), "bound_seconds": RETURNS_WITHIN})


def judge_edit(seen: EditSeen) -> Finding:
    """Both nodes served the edit soon, under one higher serial, without a lost query, and the new weights hold."""
    text = (
        f"an edit (weights, {seen.new_name}) was served after it was saved: {_each(seen.served, _milliseconds)}; "
        f"from serial {seen.serial_before}, {_serials(seen.serials)}; {seen.lost} queries lost; "
        f"{_shares_told(seen.after)}"
    )
    faults = _late(seen.served, EDIT_WITHIN) + _not_risen(seen.serial_before, seen.serials)
    faults += _lost(seen.lost) + _shares_faults(seen.after)
    measured = {"seconds": dict(seen.served), "serials": dict(seen.serials), "lost": seen.lost}
    return _finding("edit", faults, text, measured | {"shares": _shares_measured(seen.after)})


def judge_bad_edit(seen: BadEditSeen) -> Finding:
    """The mistake was refused by file and line, and what both nodes served went on."""
    if seen.refused is None:
        return Finding("bad edit", ok=False, text="a mistake in the zone file was not noticed")
    text = (
        f"a mistake was refused {_milliseconds(seen.refused)} after it was saved: {seen.problem}; both nodes serve the "
        f"version before on, {seen.lost} queries lost"
    )
    faults = [] if seen.problem.startswith(f"{seen.file}:{seen.line}: ") else [f"it is at {seen.file}:{seen.line}"]
    for node, serial in seen.serials.items():
        if serial != seen.serial_before:
            faults.append(f"the serial of the {node} changed from {seen.serial_before} to {serial}")
    faults += _lost(seen.lost) + _shares_faults(seen.after)
    measured = {"seconds": round(seen.refused, 3), "problem": seen.problem, "lost": seen.lost}
    return _finding("bad edit", faults, text, measured)


def judge_mend(seen: MendSeen) -> Finding:
    """The mended file was taken, by both."""
    if seen.accepted is None:
        return Finding("mend", ok=False, text=f"the mended file was not taken: {seen.problem}")
    if seen.followed is None:
        return Finding("mend", ok=False, text="the secondary did not follow the mended file")
    times = {PRIMARY: seen.accepted, SECONDARY: seen.followed}
    text = f"the file as it was at first was served after it was saved: {_each(times, _milliseconds)}"
    return Finding("mend", ok=True, text=text, measured={"seconds": times})


def judge_lost(seen: LostSeen) -> Finding:
    """The secondary answered everything while the primary was dead, and steered by its own probes."""
    failover = seen.failover
    text = (
        f"the primary was {seen.ended}; meanwhile {seen.answered} queries to the secondary were answered, "
        f"{seen.lost} lost; {failover.address}, killed too, left its answers after {failover.last_held:.2f} s, bound "
        f"{LEAVES_WITHIN:g} s, found {failover.why}"
    )
    faults = [] if seen.ended else ["the primary runs"]
    faults += [] if seen.answered else ["the secondary answered nothing"]
    faults += _lost(seen.lost) + failover.faults()
    measured = {"answered": seen.answered, "lost": seen.lost, "seconds": round(failover.last_held, 3)}
    return _finding("primary lost", faults, text, measured)


def judge_back(seen: BackSeen) -> Finding:
    """The edit that the dead primary missed is on both nodes, which serve and see the same."""
    text = (
        f"started again, it had an edit made meanwhile on both nodes: {_each(seen.served, _seconds)} after its start; "
        f"from serial {seen.serial_before}, {_serials(seen.serials)}; {seen.lost} queries to the secondary lost"
    )
    faults = [f"the {node} did not serve the edit" for node, seconds in seen.served.items() if seconds is None]
    faults += _not_risen(seen.serial_before, seen.serials) + _lost(seen.lost)
    if seen.equal is None:
        faults.append(f"`gslb cluster status`: {'; '.join(seen.troubles)}")
    else:
        text += f"; `gslb cluster status` on both found nothing to complain about after {seen.equal:.2f} s"
    measured = {"seconds": dict(seen.served), "serials": dict(seen.serials), "equal_seconds": seen.equal}
    return _finding("primary back", faults, text, measured)


def judge_stream(seen: Mapping[str, StreamSeen]) -> Finding:
    """No query of the whole story went without a right answer, but those to a node that was killed."""
    parts = []
    for node, each in seen.items():
        excused = f", {each.excused} sent while it was killed" if each.excused else ""
        parts.append(f"{node} {each.sent} queries, {each.answered} answered{excused}, {each.unanswered} lost or wrong")
    faults = [f"{node}: {fault}" for node, each in seen.items() for fault in _lost(each.unanswered)]
    faults += [f"the {node} was asked nothing" for node, each in seen.items() if not each.sent]
    measured = {
        node: {"sent": each.sent, "answered": each.answered, "excused": each.excused, "unanswered": each.unanswered}
        for node, each in seen.items()
    }
    return _finding("stream", faults, "; ".join(parts), measured)


def _each(values: Mapping[str, T], show: Callable[[T], str]) -> str:
    """`primary 1.20 s, secondary 1.32 s`."""
    return ", ".join(f"{node} {show(value)}" for node, value in values.items())


def _seconds(seconds: float | None) -> str:
    return "never" if seconds is None else f"{seconds:.2f} s"


def _milliseconds(seconds: float | None) -> str:
    return "never" if seconds is None else f"{seconds * 1000:.0f} ms"


def _late(seconds: Mapping[str, float | None], bounds: Mapping[str, float]) -> list[str]:
    faults = []
    for node, value in seconds.items():
        if value is None:
            faults.append(f"the {node} never answered it")
        elif value > bounds[node] + GRACE_SECONDS:
            faults.append(f"the {node} was late, its bound is {bounds[node]:g} s")
    return faults


def _serials(serials: Mapping[str, int | None]) -> str:
    return f"serials: {_each(serials, str)}" if _unequal(serials) else f"both at serial {next(iter(serials.values()))}"


def _unequal(serials: Mapping[str, int | None]) -> list[str]:
    return ["the serials are not equal"] if len({*serials.values()}) > 1 else []


def _not_risen(before: int, serials: Mapping[str, int]) -> list[str]:
    return [
        f"the serial of the {node} did not rise" for node, serial in serials.items() if serial <= before
    ] + _unequal(serials)


def _shares_told(seen: BothShares) -> str:
    weights = next(each.weights for each in seen.values())
    wanted = ", ".join(f"{value} {share:.1%}" for value, share in shares(weights).items())
    found = (f"{node} {_shares_of(each)}" for node, each in seen.items())
    return f"wanted {wanted}; {'; '.join(found)}"


def _shares_of(seen: SharesSeen) -> str:
    """In the order of the weights."""
    found = shares(seen.counts)
    told = ", ".join(f"{found.get(value, 0.0):.1%}" for value in seen.weights)
    return f"{told} of {sum(seen.counts.values())} answers"


def _shares_faults(seen: BothShares) -> list[str]:
    return [f"{node}: {fault}" for node, each in seen.items() for fault in each.faults()]


def _shares_measured(seen: BothShares) -> dict[str, dict[str, float]]:
    return {node: each.measured() for node, each in seen.items()}


def _lost(count: int) -> list[str]:
    return [f"{count} queries got no right answer"] if count else []


def _finding(step: str, faults: list[str], text: str, measured: Mapping[str, Any]) -> Finding:
    """A step with faults tells them first."""
    return Finding(step, not faults, f"{'; '.join(faults)} ({text})" if faults else text, measured)
