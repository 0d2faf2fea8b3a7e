"""The demo that plays by itself: does each step of the story to the running cluster and measures what came of it."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from functools import partial

from gslb.demo.child import ChildError
from gslb.demo.clock import now
from gslb.demo.cluster import Cluster
from gslb.demo.files import broken, write_zone, zone_text
from gslb.demo.judgement import (
    EDIT_WITHIN,
    EQUAL_WITHIN,
    GRACE_SECONDS,
    LEAVES_WITHIN,
    MIN_ANSWERS,
    RETURNS_WITHIN,
    BackSeen,
    BadEditSeen,
    BothShares,
    EditSeen,
    FailoverSeen,
    LostSeen,
    MendSeen,
    ReturnSeen,
    SharesSeen,
    StartSeen,
    StreamSeen,
    judge_back,
    judge_bad_edit,
    judge_edit,
    judge_failover,
    judge_lost,
    judge_mend,
    judge_return,
    judge_shares,
    judge_start,
    judge_stream,
)
from gslb.demo.parts import Backend, DemoNode
from gslb.demo.plan import NEW_NAME, RETRY_SECONDS
from gslb.demo.story import STEPS, Finding, Story
from gslb.demo.stream import LOST_SECONDS
from gslb.demo.timeline import problems
from gslb.demo.waits import until, until_asked, until_status, until_well

MIN_SECONDS = 45.0
"""The shortest story: what its bounds take, and the shortest windows."""
_FIXED_SECONDS = 39.0
_WINDOWS = 3
_MIN_WINDOW_SECONDS, _MAX_WINDOW_SECONDS = 2.0, 10.0
_QUIET_SECONDS = 1.0
_SLACK_SECONDS = 1.0
_AMPLE_ANSWERS = MIN_ANSWERS + 20
"""The last answer of a backend, and others of the same instant, are not counted."""
_UNDER_WAY_SECONDS = 0.1
"""So long before a node is killed, a query may have been sent that it did not come to answer."""
_TELL_SECONDS = 0.5
"""So long after a change its events have been told."""
_EDIT_PATIENCE_SECONDS = max(EDIT_WITHIN.values()) + GRACE_SECONDS + _SLACK_SECONDS


def window_seconds(whole: float) -> float:
    """How long shares are measured, three times, in a story of `whole` seconds."""
    return min(max((whole - _FIXED_SECONDS) / _WINDOWS, _MIN_WINDOW_SECONDS), _MAX_WINDOW_SECONDS)


class Director:
    """Plays the story. `tell` gets a line for each thing it is about to do, `found` each finding."""

    def __init__(
        self, cluster: Cluster, seconds: float, tell: Callable[[str], None], found: Callable[[Finding], None]
    ) -> None:
        self._cluster = cluster
        self._plan = cluster.plan
        self._nodes = cluster.nodes
        self._primary, self._secondary = cluster.nodes
        self._heaviest = cluster.backends[cluster.plan.heaviest.number]
        self._seconds = seconds
        self._window = window_seconds(seconds)
        self._tell = tell
        self._found = found
        self._findings: list[Finding] = []
        self._primary_dead = (0.0, 0.0)
        self._new_weights = dict(zip(self._plan.weights, reversed(self._plan.weights.values()), strict=True))

    async def play(self) -> Story:
        """Start the cluster and play, at most `seconds` in all; stops at the first step that is not seen."""
        begun = now()
        steps: dict[str, Callable[[], Awaitable[Finding]]] = {
            "start": self._start,
            "shares": self._shares,
            "failover": self._failover,
            "return": self._return,
            "edit": self._edit,
            "bad edit": self._bad_edit,
            "mend": self._mend,
            "primary lost": self._primary_lost,
            "primary back": self._primary_back,
            "stream": self._stream,
        }
        for step in STEPS:
            try:
                async with asyncio.timeout(max(0.0, begun + self._seconds - now())):
                    finding = await steps[step]()
            except ChildError as error:
                finding = Finding(step, ok=False, text=str(error))
            except TimeoutError:
                finding = Finding(step, ok=False, text=f"not seen within the {self._seconds:g} s of the whole story")
            self._findings.append(finding)
            self._found(finding)
            if not finding.ok:
                break
        return Story(tuple(self._findings), now() - begun)

    async def _start(self) -> Finding:
        begun = now()
        self._tell("starting the backends, the primary and the secondary")
        await self._cluster.start()
        # A probe that a busy machine kept from its answer is made good by those that follow.
        patience, backends = RETURNS_WITHIN + GRACE_SECONDS + _SLACK_SECONDS, len(self._plan.backends)
        for node in self._nodes:
            await until_status(node, partial(_has_up, node, backends), patience)
        up = {node.name: _up(node) for node in self._nodes}
        serials = {node.name: node.serial for node in self._nodes}
        return judge_start(StartSeen(now() - begun, backends, up, serials))

    async def _shares(self) -> Finding:
        self._tell(f"asking both nodes for {self._window:.1f} s")
        return judge_shares(await self._watch_answers(self._plan.weights))

    async def _failover(self) -> Finding:
        return judge_failover(await self._kill_heaviest(self._nodes))

    async def _return(self) -> Finding:
        address = self._heaviest.plan.address
        self._tell(f"reviving {self._heaviest.title} ({address})")
        await self._heaviest.revive()
        revived = now()

        def first(node: DemoNode) -> float | None:
            return node.stream.answers.first_of(address, revived)

        patience = RETURNS_WITHIN + GRACE_SECONDS + _SLACK_SECONDS
        await until(lambda: all(first(node) is not None for node in self._nodes), patience)
        times = {node.name: first(node) for node in self._nodes}
        return judge_return(
            ReturnSeen(address, {node: time - revived if time is not None else None for node, time in times.items()})
        )

    async def _edit(self) -> Finding:
        self._tell(f"editing {self._plan.zone_file.name}: other weights, and a new record {NEW_NAME}")
        before, saved = _serial(self._primary), now()
        write_zone(self._plan, self._edited())
        served = await self._until_all_answer(NEW_NAME, _EDIT_PATIENCE_SECONDS)
        after = await self._watch_answers(self._new_weights)
        lost = await _lost_since(self._nodes, saved)
        return judge_edit(EditSeen(NEW_NAME, served, before, self._serials(), lost, after))

    async def _bad_edit(self) -> Finding:
        text, line = broken(self._edited(), self._heaviest.plan.address)
        self._tell(f"saving a mistake in line {line} of {self._plan.zone_file.name}")
        before, saved = _serial(self._primary), now()
        write_zone(self._plan, text)
        refused = await until_status(self._primary, lambda: bool(self._problems()), _EDIT_PATIENCE_SECONDS)
        problem = next(iter(self._problems()), "")
        after = await self._watch_answers(self._new_weights)
        lost = await _lost_since(self._nodes, saved)
        file = str(self._plan.zone_file)
        return judge_bad_edit(BadEditSeen(file, line, refused, problem, before, self._serials(), lost, after))

    async def _mend(self) -> Finding:
        self._tell("putting the file right")
        before, saved = _serial(self._primary), now()
        write_zone(self._plan, zone_text(self._plan.weights))
        accepted = await until_status(self._primary, lambda: not self._problems(), _EDIT_PATIENCE_SECONDS)
        followed = await until_status(
            self._secondary, lambda: before != self._primary.serial == self._secondary.serial, _EDIT_PATIENCE_SECONDS
        )
        return judge_mend(
            MendSeen(accepted, next(iter(self._problems()), ""), now() - saved if followed is not None else None)
        )

    async def _primary_lost(self) -> Finding:
        await asyncio.sleep(_TELL_SECONDS)
        self._tell("killing the primary")
        stream, killed = self._secondary.stream, now()
        answered = stream.answered
        self._primary.kill()
        await until(lambda: self._primary.child.pid is None, GRACE_SECONDS)
        self._primary_dead = (killed - _UNDER_WAY_SECONDS, now())
        (failover,) = (await self._kill_heaviest([self._secondary])).values()
        lost = await _lost_since([self._secondary], killed)
        return judge_lost(LostSeen(self._primary.child.how_it_ended, stream.answered - answered, lost, failover))

    async def _primary_back(self) -> Finding:
        self._tell(f"editing {self._plan.zone_file.name} while nobody reads it, then starting the primary again")
        before, begun = _serial(self._secondary), now()
        write_zone(self._plan, self._edited())
        await self._primary.revive()
        booted = now() - begun
        self._primary_dead = (self._primary_dead[0], now())
        patience = RETRY_SECONDS + _EDIT_PATIENCE_SECONDS
        answered = await self._until_all_answer(NEW_NAME, patience)
        served = {node: seconds + booted if seconds is not None else None for node, seconds in answered.items()}
        well, troubles = await until_well(self._nodes, EQUAL_WITHIN + GRACE_SECONDS + _SLACK_SECONDS)
        equal = now() - begun if well is not None else None
        await asyncio.gather(*(node.poll() for node in self._nodes))
        lost = await _lost_since([self._secondary], begun)
        return judge_back(BackSeen(served, before, self._serials(), equal, troubles, lost))

    async def _stream(self) -> Finding:
        await asyncio.gather(*(node.stream.finish() for node in self._nodes))
        dead = {self._primary.name: self._primary_dead}
        seen = {}
        for node in self._nodes:
            stream = node.stream
            excused = stream.unanswered(*dead[node.name]) if node.name in dead else 0
            seen[node.name] = StreamSeen(stream.sent, stream.answered, stream.lost, stream.failed, excused)
        return judge_stream(seen)

    async def _kill_heaviest(self, nodes: list[DemoNode]) -> dict[str, FailoverSeen]:
        """Kill the heaviest backend; what each of `nodes` makes of it."""
        address = self._heaviest.plan.address
        self._tell(f"killing {self._heaviest.title} ({address}), the heaviest")
        killed = now()
        self._heaviest.kill()
        patience = LEAVES_WITHIN + GRACE_SECONDS + _QUIET_SECONDS + _SLACK_SECONDS
        await until(lambda: all(_is_out(node, address, killed) for node in nodes), patience)
        return {node.name: self._failover_of(node, self._heaviest, killed) for node in nodes}

    def _failover_of(self, node: DemoNode, backend: Backend, killed: float) -> FailoverSeen:
        address, answers = backend.plan.address, node.stream.answers
        last = answers.last_of(address, killed) or killed
        after = answers.since(last)
        after.pop(address, None)  # the last answer itself, and others of the same instant
        rest = {value: weight for value, weight in self._plan.weights.items() if value != address}
        health, reason = _word(node, address)
        why = f"down: {reason}" if health == "down" else ""
        return FailoverSeen(address, last - killed, after.total(), why, SharesSeen(rest, after))

    async def _until_all_answer(self, name: str, patience_seconds: float) -> dict[str, float | None]:
        """By node, seconds until it answered `name`."""
        times = await asyncio.gather(*(until_asked(node, name, patience_seconds) for node in self._nodes))
        return {node.name: time for node, time in zip(self._nodes, times, strict=True)}

    async def _watch_answers(self, weights: dict[str, int]) -> BothShares:
        """The answers of one window from now. One in which a busy machine let too few come is made longer."""
        begun = now()
        await asyncio.sleep(self._window)
        await until(lambda: all(_has_answers(node, begun) for node in self._nodes), self._window)
        return {node.name: SharesSeen(weights, node.stream.answers.since(begun)) for node in self._nodes}

    def _edited(self) -> str:
        return zone_text(self._new_weights, new_record=self._heaviest.plan.address)

    def _serials(self) -> dict[str, int]:
        return {node.name: _serial(node) for node in self._nodes}

    def _problems(self) -> list[str]:
        return problems(self._primary.status) if self._primary.status is not None else []


def _serial(node: DemoNode) -> int:
    return node.serial or 0


def _has_up(node: DemoNode, backends: int) -> bool:
    return _up(node) == backends


def _up(node: DemoNode) -> int:
    return len({member["value"] for member in _members(node) if member["health"] == "up"})


def _word(node: DemoNode, address: str) -> tuple[str, str]:
    """A member's health and reason, as the node sees it."""
    return next(((each["health"], each["reason"]) for each in _members(node) if each["value"] == address), ("", ""))


def _members(node: DemoNode) -> Iterable[dict[str, str]]:
    return node.status["members"] if node.status is not None else []


def _is_out(node: DemoNode, address: str, since: float) -> bool:
    """Its status says so, and its answers do, for `_QUIET_SECONDS` and in numbers that tell shares apart."""
    last = node.stream.answers.last_of(address, since) or since
    return _word(node, address)[0] == "down" and now() - last >= _QUIET_SECONDS and _has_answers(node, last)


def _has_answers(node: DemoNode, since: float) -> bool:
    """Enough since then to tell shares apart."""
    return node.stream.answers.since(since).total() >= _AMPLE_ANSWERS


async def _lost_since(nodes: Iterable[DemoNode], since: float) -> int:
    """Queries sent since then that are known by now to have had no right answer."""
    await asyncio.sleep(max(0.0, since + LOST_SECONDS + _QUIET_SECONDS / 2 - now()))
    return sum(node.stream.unanswered(since) for node in nodes)
