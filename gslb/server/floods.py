"""Which networks are being rate limited, and what is asked by them, for the log and for `gslb status`. Pure: the time
is an argument.

A network is limited from the first reply that is refused it until QUIET_SECONDS have passed without one. However many
networks a flood is made of, MAX_FOLLOWED are followed, and TOLD_PER_MINUTE are told of; the end is told of those whose
beginning was. What is asked is kept as long as any network is followed, MAX_FOLLOWED names at most. The counters have
all of it.
"""

from collections import Counter
from dataclasses import dataclass

from gslb.server.rate import About, Judgement, ReplyKind

QUIET_SECONDS = 10.0
MAX_FOLLOWED = 1000
TOLD_PER_MINUTE = 10


@dataclass(slots=True)
class Flood:
    """A network that is limited since a reply of this kind was refused. `told`: the log has its beginning."""

    network: str
    kind: ReplyKind
    since: float
    last: float
    told: bool
    dropped: int = 0
    slipped: int = 0


class Floods:
    """`untold` counts networks that began to be limited, and were not told of, since the last that was."""

    def __init__(self) -> None:
        self.untold = 0
        self._followed: dict[str, Flood] = {}
        self._asked: Counter[tuple[ReplyKind, About]] = Counter()
        self._minute = 0.0
        self._told = 0

    def note(self, network: str, kind: ReplyKind, about: About, judgement: Judgement, now: float) -> Flood | None:
        """A reply was refused. The flood, when it begins with this and is to be told of."""
        asked = (kind, about)
        if asked in self._asked or len(self._asked) < MAX_FOLLOWED:
            self._asked[asked] += 1
        flood = self._followed.get(network)
        begins = flood is None
        if flood is None:
            if len(self._followed) >= MAX_FOLLOWED:
                return None
            flood = self._followed[network] = Flood(network, kind, now, now, told=self._may_tell(now))
        flood.last = now
        if judgement is Judgement.DROP:
            flood.dropped += 1
        else:
            flood.slipped += 1
        return flood if begins and flood.told else None

    def ended(self, now: float) -> list[Flood]:
        """Take out those that are over; the ones that were told of."""
        over = [flood for flood in self._followed.values() if now - flood.last >= QUIET_SECONDS]
        for flood in over:
            del self._followed[flood.network]
        if not self._followed:
            self._asked.clear()
        return [flood for flood in over if flood.told]

    def busiest(self, count: int) -> list[Flood]:
        """Those with the most replies refused, the worst first."""
        return sorted(self._followed.values(), key=lambda flood: -flood.dropped - flood.slipped)[:count]

    def asked_most(self, count: int) -> list[tuple[ReplyKind, About, int]]:
        """What most of the refused replies were about, and how many of them."""
        return [(kind, about, times) for (kind, about), times in self._asked.most_common(count)]

    def _may_tell(self, now: float) -> bool:
        if now - self._minute >= 60:
            self._minute, self._told = now, 0
        self._told += 1
        if self._told > TOLD_PER_MINUTE:
            self.untold += 1
            return False
        return True

    def __len__(self) -> int:
        return len(self._followed)
