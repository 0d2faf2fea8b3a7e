"""The demo that plays by itself: does each step of the story to the running cluster and measures what came of it."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gslb.demo.child import ChildError
from gslb.demo.cluster import Cluster, DemoNode
from gslb.demo.files import broken, write_zone, zone_text
from gslb.demo.plan import NEW_NAME
from gslb.demo.story import (
    EDIT_WITHIN,
    GRACE_SECONDS,
    LEAVES_WITHIN,
    RETURNS_WITHIN,
    STEPS,
    BadEditSeen,
    EditSeen,
    FailoverSeen,
    Finding,
    MendSeen,
    ReturnSeen,
    SharesSeen,
    Story,
    StreamSeen,
    judge_bad_edit,
    judge_edit,
    judge_failover,
    judge_mend,
    judge_return,
    judge_shares,
    judge_start,
    judge_stream,
)
from gslb.demo.stream import LOST_SECONDS, ask
from gslb.demo.timeline import problems

MIN_SECONDS = 25.0
"""The shortest story: what its bounds take, and the shortest windows."""
_FIXED_SECONDS = 19.0
_WINDOWS = 3
_MIN_WINDOW_SECONDS, _MAX_WINDOW_SECONDS = 2.0, 10.0
_QUIET_SECONDS = 1.0
_SLACK_SECONDS = 1.0
_POLL_SECONDS = 0.005
_EDIT_PATIENCE_SECONDS = EDIT_WITHIN + GRACE_SECONDS + _SLACK_SECONDS


def window_seconds(whole: float) -> float:
    """How long shares are measured, three times, in a story of `whole` seconds."""
    return min(max((whole - _FIXED_SECONDS) / _WINDOWS, _MIN_WINDOW_SECONDS), _MAX_WINDOW_SECONDS)


@dataclass(slots=True)
class _Mark:
    """A moment in the stream, to count from."""

    time: float
    unanswered: int


class Director:
    """Plays the story on the first node. `tell` gets a line for each thing it is about to do, `found` each finding."""

    def __init__(
        self, cluster: Cluster, seconds: float, tell: Callable[[str], None], found: Callable[[Finding], None]
    ) -> None:
        self._cluster = cluster
        self._plan = cluster.plan
        self._seconds = seconds
        self._window = window_seconds(seconds)
        self._tell = tell
        self._found = found
        self._findings: list[Finding] = []
        self._serving_since = 0.0
        self._new_weights = dict(zip(self._plan.weights, reversed(self._plan.weights.values()), strict=True))

    async def play(self) -> Story:
        """Start the cluster and play, at most `seconds` in all; stops at the first step that is not seen."""
        begun = self._now()
        steps: dict[str, Callable[[], Awaitable[Finding]]] = {
            "start": self._start,
            "shares": self._shares,
            "failover": self._failover,
            "return": self._return,
            "edit": self._edit,
            "bad edit": self._bad_edit,
            "mend": self._mend,
            "stream": self._stream,
        }
        for step in STEPS:
            left = begun + self._seconds - self._now()
            try:
                finding = await asyncio.wait_for(steps[step](), max(left, 0))
            except ChildError as error:
                finding = Finding(step, ok=False, text=str(error))
            except TimeoutError:
                finding = Finding(step, ok=False, text=f"not seen within the {self._seconds:g} s of the whole story")
            self._findings.append(finding)
            self._found(finding)
            if not finding.ok:
                break
        return Story(tuple(self._findings), self._now() - begun)

    async def _start(self) -> Finding:
        begun = self._now()
        self._tell("starting the backends and the node")
        await self._cluster.start()
        self._serving_since = self._now()
        up = [member for member in self._members().values() if member["health"] == "up"]
        return judge_start(self._serving_since - begun, len(up), len(self._plan.backends))

    async def _shares(self) -> Finding:
        self._tell(f"asking for {self._window:.1f} s")
        return judge_shares(SharesSeen(self._plan.weights, await self._watch_answers()))

    async def _failover(self) -> Finding:
        backend = self._plan.heaviest
        address, mark = backend.address, self._mark()
        self._tell(f"killing backend {backend.number} ({address}), the heaviest")
        self._cluster.kill(backend.number)
        await self._until(lambda: self._is_out(address, mark), LEAVES_WITHIN + GRACE_SECONDS + _QUIET_SECONDS)
        last = self._node.stream.answers.last_of(address, mark.time) or mark.time
        member = self._members()[address]
        after = Counter(self._node.stream.answers.since(last))
        after.pop(address, None)  # the last answer itself, and others of the same instant
        rest = {value: weight for value, weight in self._plan.weights.items() if value != address}
        return judge_failover(
            FailoverSeen(
                address,
                last - mark.time,
                after.total(),
                f"down: {member['reason']}" if member["health"] == "down" else "",
                SharesSeen(rest, after),
            )
        )

    def _is_out(self, address: str, mark: _Mark) -> bool:
        """Status says so, and the answers do, for `_QUIET_SECONDS`."""
        last = self._node.stream.answers.last_of(address, mark.time) or mark.time
        return self._members()[address]["health"] == "down" and self._now() - last >= _QUIET_SECONDS

    async def _return(self) -> Finding:
        backend = self._plan.heaviest
        self._tell(f"reviving backend {backend.number} ({backend.address})")
        await self._cluster.revive(backend.number)
        mark = self._mark()
        answers = self._node.stream.answers
        await self._until(
            lambda: answers.first_of(backend.address, mark.time) is not None,
            RETURNS_WITHIN + GRACE_SECONDS + _SLACK_SECONDS,
        )
        first = answers.first_of(backend.address, mark.time)
        return judge_return(ReturnSeen(backend.address, first - mark.time if first is not None else None))

    async def _edit(self) -> Finding:
        self._tell(f"editing {self._plan.zone_file.name}: other weights, and a new record {NEW_NAME}")
        before, mark = self._serial(), self._mark()
        write_zone(self._plan, self._edited())
        served = await self._until_asked(NEW_NAME)
        counts = await self._watch_answers()
        lost = await self._lost_since(mark)
        after = SharesSeen(self._new_weights, counts)
        return judge_edit(EditSeen(NEW_NAME, served, before, self._serial(), lost, after))

    async def _bad_edit(self) -> Finding:
        text, line = broken(self._edited(), self._plan.heaviest.address)
        self._tell(f"saving a mistake in line {line} of {self._plan.zone_file.name}")
        before, mark = self._serial(), self._mark()
        write_zone(self._plan, text)
        refused = await self._until_status(lambda: bool(self._problems()))
        problem = next(iter(self._problems()), "")
        counts = await self._watch_answers()
        lost = await self._lost_since(mark)
        after = SharesSeen(self._new_weights, counts)
        file = str(self._plan.zone_file)
        return judge_bad_edit(BadEditSeen(file, line, refused, problem, before, self._serial(), lost, after))

    async def _mend(self) -> Finding:
        self._tell("putting the file right")
        write_zone(self._plan, zone_text(self._plan.weights))
        accepted = await self._until_status(lambda: not self._problems())
        return judge_mend(MendSeen(accepted, next(iter(self._problems()), "")))

    async def _stream(self) -> Finding:
        stream = self._node.stream
        seconds = self._now() - self._serving_since
        await stream.finish()
        return judge_stream(StreamSeen(stream.sent, stream.answered, stream.lost, stream.failed, seconds))

    @property
    def _node(self) -> DemoNode:
        return self._cluster.nodes[0]

    def _edited(self) -> str:
        return zone_text(self._new_weights, new_record=self._plan.heaviest.address)

    def _status(self) -> Mapping[str, Any]:
        assert self._node.status is not None
        return self._node.status

    def _members(self) -> dict[str, Mapping[str, Any]]:
        return {member["value"]: member for member in self._status()["members"]}

    def _serial(self) -> int:
        return int(self._status()["zones"][0]["serial"])

    def _problems(self) -> list[str]:
        return problems(self._status())

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    def _mark(self) -> _Mark:
        return _Mark(self._now(), self._node.stream.lost + self._node.stream.failed)

    async def _watch_answers(self) -> Counter[str]:
        """The answers of one window from now, the status of its end included."""
        begun = self._now()
        await asyncio.sleep(self._window)
        return self._node.stream.answers.since(begun)

    async def _lost_since(self, mark: _Mark) -> int:
        """Queries sent since `mark` that are known by now to have had no right answer."""
        await asyncio.sleep(max(0.0, mark.time + LOST_SECONDS + _QUIET_SECONDS / 2 - self._now()))
        return self._node.stream.lost + self._node.stream.failed - mark.unanswered

    async def _until(self, condition: Callable[[], bool], seconds: float) -> float | None:
        """Seconds until `condition` held, None when it did not within `seconds`."""
        begun = self._now()
        while not condition():
            if self._now() - begun > seconds:
                return None
            await asyncio.sleep(_POLL_SECONDS)
        return self._now() - begun

    async def _until_status(self, condition: Callable[[], bool]) -> float | None:
        """Seconds until `condition` held of the node's status, asked for again and again; None when it did not."""
        begun = self._now()
        while self._now() - begun <= _EDIT_PATIENCE_SECONDS:
            await self._node.poll()
            if condition():
                return self._now() - begun
            await asyncio.sleep(_POLL_SECONDS)
        return None

    async def _until_asked(self, name: str) -> float | None:
        """Seconds until `name` was answered with something, None when it was not."""
        begun = self._now()
        while self._now() - begun <= _EDIT_PATIENCE_SECONDS:
            reply = await ask(self._node.server, name)
            if reply is not None and reply.values:
                return self._now() - begun
            await asyncio.sleep(_POLL_SECONDS)
        return None
