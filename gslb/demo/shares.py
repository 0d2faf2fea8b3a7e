"""What a stream of queries was answered with: a bounded log, and the shares in it."""

import math
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice, takewhile


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: when it came (seconds of a steady clock) and its first address, "" for none."""

    time: float
    value: str


class AnswerLog:
    """The last `size` answers, in order of time."""

    def __init__(self, size: int) -> None:
        self._answers: deque[Answer] = deque(maxlen=size)

    def add(self, time: float, value: str) -> None:
        self._answers.append(Answer(time, value))

    def last(self, count: int) -> Counter[str]:
        """How often each value was answered, in the last `count` answers."""
        return Counter(answer.value for answer in islice(reversed(self._answers), count))

    def since(self, time: float) -> Counter[str]:
        """How often each value was answered, from `time` on."""
        return Counter(answer.value for answer in takewhile(lambda each: each.time >= time, reversed(self._answers)))

    def last_of(self, value: str, since: float) -> float | None:
        """When `value` was answered last, not before `since`."""
        return next((each.time for each in reversed(self._answers) if each.value == value and each.time >= since), None)

    def first_of(self, value: str, since: float) -> float | None:
        """When `value` was answered first, not before `since`."""
        return next((each.time for each in self._answers if each.value == value and each.time >= since), None)


def shares(weights: Mapping[str, float]) -> dict[str, float]:
    """Weights, or counts, as shares of 1; all 0 when there is nothing to share."""
    total = sum(weights.values())
    return {value: weight / total if total else 0.0 for value, weight in weights.items()}


def allowed_error(share: float, count: int, deviations: float = 6.5) -> float:
    """How far a measured share of `count` random draws may be from `share`: six and a half standard deviations (one
    miss in ten billion: many shares are judged in each demo), and one answer."""
    return deviations * math.sqrt(share * (1 - share) / count) + 1 / count if count else 1.0
