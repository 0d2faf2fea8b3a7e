"""Which of a peer's keys signs what we send it: the one that worked last, else the first; then the others.

While keys are rotated the two ends do not change at the same moment. A peer that does not know a key, or does not take
it for what is asked, says so (BADKEY, BADSIG, NOTAUTH, REFUSED); the next key is tried then, and the one that works is
remembered until it is refused in its turn. So the two ends may be edited in either order.

One `KeyChoice` serves all zones of a node. It is told once, in the log, when a peer takes another key than the first.
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from gslb.config.peers import Peer
from gslb.transfer.faults import RefusedError
from gslb.wire.names import name_to_text
from gslb.wire.tsig import TsigKey

log = structlog.get_logger("gslb.transfer")

_T = TypeVar("_T")


class KeyChoice:
    """What each peer took last, by its name in the configuration."""

    def __init__(self) -> None:
        self._taken: dict[str, TsigKey] = {}

    async def ask(self, peer: Peer, attempt: Callable[[TsigKey | None], Awaitable[_T]]) -> _T:
        """The result of `attempt` with the first key that the peer takes; None signs nothing. Raises what `attempt`
        raises; when every key is refused, what the peer said of the first one tried."""
        first, *others = self._in_order(peer)
        try:
            result = await attempt(first)
        except RefusedError as refusal:
            return await self._ask_with(others, peer, attempt, refusal)
        self._note(peer, first)
        return result

    async def _ask_with(
        self,
        keys: list[TsigKey | None],
        peer: Peer,
        attempt: Callable[[TsigKey | None], Awaitable[_T]],
        refusal: RefusedError,
    ) -> _T:
        for key in keys:
            try:
                result = await attempt(key)
            except RefusedError:
                continue
            self._note(peer, key)
            return result
        raise refusal

    def _in_order(self, peer: Peer) -> list[TsigKey | None]:
        taken = self._taken.get(peer.name)
        return [*sorted(peer.keys, key=lambda key: key != taken)] or [None]

    def _note(self, peer: Peer, key: TsigKey | None) -> None:
        if key is None or self._taken.get(peer.name, peer.keys[0]) == key:
            return
        self._taken[peer.name] = key
        if key == peer.keys[0]:
            log.info("key_taken", peer=peer.name, key=name_to_text(key.name))
            return
        first = name_to_text(peer.keys[0].name)
        advice = f"give it the key {first} too, or take that out of `key` of the peer {peer.name} here"
        log.warning("key_not_taken", peer=peer.name, key=first, signed_with=name_to_text(key.name), advice=advice)
