"""Which primaries gave no answer lately, known to all zones of a node at once. No clock: times are arguments.

A dead primary would cost each zone that lists it the whole patience of a poll. So a node remembers it, for 10 s after
the first time and twice as long each time after, up to 5 minutes; meanwhile zones that have other primaries ask those.
Whatever comes from the primary, be it a NOTIFY or a refusal, ends its silence. It is about the host and port alone:
what a primary answers for a zone is that zone's matter (`transfer.refresh`).

Times are in seconds of a clock that does not jump.
"""

from dataclasses import dataclass

from gslb.config.peers import Peer

FIRST_SECONDS = 10.0
LONGEST_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class _Hush:
    times: int
    until: float


class Silence:
    """Made once for all zones of a node."""

    def __init__(self) -> None:
        self._hushes: dict[tuple[str, int], _Hush] = {}

    def holds(self, peer: Peer, now: float) -> bool:
        """True while the peer is to be passed over."""
        hush = self._hushes.get((peer.host, peer.port))
        return hush is not None and now < hush.until

    def begin(self, peer: Peer, now: float) -> bool:
        """The peer did not answer. True when that is news: whoever learned it first asks once more, with patience."""
        if self.holds(peer, now):
            return False
        before = self._hushes.get((peer.host, peer.port))
        times = before.times + 1 if before is not None else 1
        wait = min(FIRST_SECONDS * 2 ** min(times - 1, 16), LONGEST_SECONDS)
        self._hushes[peer.host, peer.port] = _Hush(times, now + wait)
        return True

    def end(self, peer: Peer) -> None:
        """Something came from the peer."""
        self._hushes.pop((peer.host, peer.port), None)
