"""What the unattended demo must see, and the judgement of what it saw. Pure: observations in, findings out.

Each step has an observation (measured by `unattended`) and a judge. Times are seconds; those that are compared with a
bound are given `GRACE_SECONDS` more, for the machine's other work.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gslb.demo.plan import FALL, INTERVAL_SECONDS, RISE, TIMEOUT_SECONDS
from gslb.demo.shares import allowed_error, shares

GRACE_SECONDS = 1.0
LEAVES_WITHIN = FALL * INTERVAL_SECONDS + TIMEOUT_SECONDS
RETURNS_WITHIN = RISE * INTERVAL_SECONDS + TIMEOUT_SECONDS
EDIT_WITHIN = 0.5
_LEAVES_WHY = f"fall {FALL} x interval {INTERVAL_SECONDS:g} s + timeout {TIMEOUT_SECONDS:g} s"
_RETURNS_WHY = f"rise {RISE} x interval {INTERVAL_SECONDS:g} s + timeout {TIMEOUT_SECONDS:g} s"
MIN_ANSWERS = 100
"""Fewer do not tell shares apart."""

STEPS = ("start", "shares", "failover", "return", "edit", "bad edit", "mend", "stream")
"""The story, in order."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of a step: whether it was seen, told in a line, with the numbers in it."""

    step: str
    ok: bool
    text: str
    measured: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {"step": self.step, "ok": self.ok, "text": self.text, "measured": dict(self.measured)}


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

    def told(self) -> str:
        found = shares(self.counts)
        parts = (f"{value} {found.get(value, 0.0):.1%} of {share:.1%}" for value, share in shares(self.weights).items())
        return f"{sum(self.counts.values())} answers: {', '.join(parts)}"


@dataclass(frozen=True, slots=True)
class FailoverSeen:
    """A backend was killed. `last_held`: seconds from the kill to the last answer that held it (0: none did);
    `quiet`: answers since then; `why`: the reason that status gives, "" while it is not down."""

    address: str
    last_held: float
    quiet: int
    why: str
    others: SharesSeen


@dataclass(frozen=True, slots=True)
class ReturnSeen:
    """A backend was revived. `first_held`: seconds to the first answer that held it, None when none did."""

    address: str
    first_held: float | None


@dataclass(frozen=True, slots=True)
class EditSeen:
    """The zone was edited: other weights, a new record. `served`: seconds from the save to the first answer with the
    new record, None when there was none; `lost`: queries of the stream that got no right answer meanwhile."""

    new_name: str
    served: float | None
    serial_before: int
    serial_after: int
    lost: int
    after: SharesSeen


@dataclass(frozen=True, slots=True)
class BadEditSeen:
    """A mistake was saved in `file` at `line`. `refused`: seconds until status told it, None when it never did;
    `problem`: what it told; `after`: what was answered from then on."""

    file: str
    line: int
    refused: float | None
    problem: str
    serial_before: int
    serial_after: int
    lost: int
    after: SharesSeen


@dataclass(frozen=True, slots=True)
class MendSeen:
    """The mistake was taken back. `accepted`: seconds until no problem was left, None when one stayed."""

    accepted: float | None
    problem: str


@dataclass(frozen=True, slots=True)
class StreamSeen:
    """The queries of the whole story. `failed`: replies that are no answer."""

    sent: int
    answered: int
    lost: int
    failed: int
    seconds: float


def judge_start(seconds: float, members_up: int, members: int) -> Finding:
    """The node serves, and found every backend up."""
    measured = {"seconds": round(seconds, 3), "members_up": members_up}
    text = f"the node served {seconds:.1f} s after its start, {members_up} of {members} backends up"
    return Finding("start", members_up == members, text, measured)


def judge_shares(seen: SharesSeen) -> Finding:
    return _finding("shares", seen.faults(), seen.told(), {"shares": seen.measured()})


def judge_failover(seen: FailoverSeen) -> Finding:
    """The killed backend left within the bound, and the others took its share."""
    text = (
        f"{seen.address} left the answers {seen.last_held:.2f} s after it was killed, "
        f"bound {LEAVES_WITHIN:g} s ({_LEAVES_WHY}); {seen.quiet} answers since without it; {seen.why}"
    )
    faults = [] if seen.why else [f"{seen.address} was not found down"]
    if seen.last_held > LEAVES_WITHIN + GRACE_SECONDS:
        faults.append(f"{seen.address} was still answered {seen.last_held:.2f} s after it was killed")
    if not faults:
        faults = seen.others.faults()
    measured = {"seconds": round(seen.last_held, 3), "bound_seconds": LEAVES_WITHIN, "answers_since": seen.quiet}
    return _finding("failover", faults, text, measured)


def judge_return(seen: ReturnSeen) -> Finding:
    """The revived backend was answered again within the bound."""
    if seen.first_held is None:
        return Finding("return", ok=False, text=f"{seen.address} was not answered again")
    text = (
        f"{seen.address} was answered again {seen.first_held:.2f} s after it was revived, "
        f"bound {RETURNS_WITHIN:g} s ({_RETURNS_WHY})"
    )
    late = seen.first_held > RETURNS_WITHIN + GRACE_SECONDS
    measured = {"seconds": round(seen.first_held, 3), "bound_seconds": RETURNS_WITHIN}
    return _finding("return", ["that is too late"] if late else [], text, measured)


def judge_edit(seen: EditSeen) -> Finding:
    """The edit was served soon, under a higher serial, without a lost query, and the new weights hold."""
    if seen.served is None:
        return Finding("edit", ok=False, text=f"the edit was not served: no answer for {seen.new_name}")
    text = (
        f"an edit (weights, {seen.new_name}) was served {seen.served * 1000:.0f} ms after it was saved, serial "
        f"{seen.serial_before} to {seen.serial_after}, {seen.lost} queries lost; {seen.after.told()}"
    )
    faults = seen.after.faults()
    if seen.served > EDIT_WITHIN + GRACE_SECONDS:
        faults.append("that is too late")
    if seen.serial_after <= seen.serial_before:
        faults.append("the serial did not rise")
    faults += _lost(seen.lost)
    measured = {"seconds": round(seen.served, 3), "lost": seen.lost, "shares": seen.after.measured()}
    return _finding("edit", faults, text, measured | {"serial": seen.serial_after})


def judge_bad_edit(seen: BadEditSeen) -> Finding:
    """The mistake was refused by file and line, and what was served went on."""
    if seen.refused is None:
        return Finding("bad edit", ok=False, text="a mistake in the zone file was not noticed")
    text = (
        f"a mistake was refused {seen.refused * 1000:.0f} ms after it was saved: {seen.problem}; the version before "
        f"is served on, {seen.lost} queries lost"
    )
    faults = [] if seen.problem.startswith(f"{seen.file}:{seen.line}: ") else [f"it is at {seen.file}:{seen.line}"]
    if seen.serial_after != seen.serial_before:
        faults.append(f"the serial changed from {seen.serial_before} to {seen.serial_after}")
    faults += seen.after.faults() + _lost(seen.lost)
    measured = {"seconds": round(seen.refused, 3), "problem": seen.problem, "lost": seen.lost}
    return _finding("bad edit", faults, text, measured)


def judge_mend(seen: MendSeen) -> Finding:
    """The mended file was taken."""
    if seen.accepted is None:
        return Finding("mend", ok=False, text=f"the mended file was not taken: {seen.problem}")
    text = f"the file as it was at first was taken {seen.accepted * 1000:.0f} ms after it was saved"
    return Finding("mend", ok=True, text=text, measured={"seconds": round(seen.accepted, 3)})


def judge_stream(seen: StreamSeen) -> Finding:
    """No query of the whole story went without a right answer."""
    text = (
        f"{seen.sent} queries in {seen.seconds:.0f} s, {seen.answered} answered, {seen.lost} lost, "
        f"{seen.failed} answered wrong"
    )
    faults = _lost(seen.lost + seen.failed) + ([] if seen.sent else ["nothing was asked"])
    measured = {"sent": seen.sent, "answered": seen.answered, "lost": seen.lost, "failed": seen.failed}
    return _finding("stream", faults, text, measured)


def _lost(count: int) -> list[str]:
    return [f"{count} queries got no right answer"] if count else []


def _finding(step: str, faults: list[str], text: str, measured: Mapping[str, Any]) -> Finding:
    """A step with faults tells them first."""
    return Finding(step, not faults, f"{'; '.join(faults)} ({text})" if faults else text, measured)


@dataclass(frozen=True, slots=True)
class Story:
    """The findings so far, in order; it ends at the first step that was not seen."""

    findings: tuple[Finding, ...]
    seconds: float

    @property
    def failed(self) -> str | None:
        """The step that was not seen, None when all were."""
        if self.findings and not self.findings[-1].ok:
            return self.findings[-1].step
        return None if len(self.findings) == len(STEPS) else STEPS[len(self.findings)]

    def to_json(self) -> dict[str, Any]:
        steps = [finding.to_json() for finding in self.findings]
        return {"ok": self.failed is None, "failed": self.failed, "seconds": round(self.seconds, 1), "steps": steps}

    def to_text(self) -> str:
        lines = [
            f"{'ok    ' if finding.ok else 'FAILED'}  {finding.step:9} {finding.text}" for finding in self.findings
        ]
        lines += [f"        {step:9} not reached" for step in STEPS[len(self.findings) :]]
        end = "all of it was seen" if self.failed is None else f"the step {self.failed!r} was not seen"
        return "\n".join([*lines, f"{end}, in {self.seconds:.0f} s"])
