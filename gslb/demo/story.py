"""The story of the unattended demo: its steps, and what came of them."""

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

STEPS = (
    "start",
    "shares",
    "failover",
    "return",
    "edit",
    "bad edit",
    "mend",
    "primary lost",
    "primary back",
    "stream",
)
"""In order. It is played on both nodes at once."""
_VERDICT_COLUMNS, _STEP_COLUMNS = 8, 14


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

    def to_text(self, columns: int | None = None) -> str:
        """A line for each step, folded to `columns` where given."""
        lines = [_line("ok" if each.ok else "FAILED", each.step, each.text, columns) for each in self.findings]
        lines += [_line("", step, "not reached", columns) for step in STEPS[len(self.findings) :]]
        end = "all of it was seen" if self.failed is None else f"the step {self.failed!r} was not seen"
        return "\n".join([*lines, f"{end}, in {self.seconds:.0f} s"])


def _line(verdict: str, step: str, text: str, columns: int | None) -> str:
    head = f"{verdict:{_VERDICT_COLUMNS}}{step:{_STEP_COLUMNS}}"
    if columns is None:
        return head + text
    return textwrap.fill(
        text,
        columns,
        initial_indent=head,
        subsequent_indent=" " * len(head),
        break_long_words=False,
        break_on_hyphens=False,
    )
