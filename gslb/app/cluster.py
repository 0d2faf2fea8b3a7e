"""A node's part in the cluster: it keeps the history of its zones, tells and serves secondaries, and is one of others.

For a zone of ours, `record` puts each new version into the journal before it is served, and `publish` then shows it
to whoever transfers and tells the peers. A secondary zone is kept up to date by its `SecondaryZone`; each version
that comes is journaled, handed to the node to serve, and published in turn. The journal is worked on in one thread.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import structlog

from gslb.answer.compile import ZoneTable
from gslb.app.pauses import set_aside
from gslb.config.access import AccessList
from gslb.config.node_config import Limits, NodeConfig
from gslb.config.peers import Peer
from gslb.config.sources import SecondarySource, ZoneSource
from gslb.config.transferred import transferred_zone
from gslb.transfer.account import InboundCounts
from gslb.transfer.exchange import Exchange, Published
from gslb.transfer.inbound import InboundLimits, Places
from gslb.transfer.journal import Journal
from gslb.transfer.journal_file import JournalError
from gslb.transfer.key_choice import KeyChoice
from gslb.transfer.notify import Notifier
from gslb.transfer.report import PeerView, look_at
from gslb.transfer.secondary import SecondaryZone
from gslb.transfer.silence import Silence
from gslb.transfer.stream import Bounds
from gslb.wire.names import Name, name_to_text
from gslb.zone.diff import ChangeSet, diff, soa_record
from gslb.zone.indexing import Indexing
from gslb.zone.view import View, soa_of, steering_view
from gslb.zone.zone import Zone

log = structlog.get_logger("gslb.cluster")

_LOOK_SECONDS = 0.05
_LOOKS_AT_ONCE = 32
T = TypeVar("T")
Serve = Callable[[Name, ZoneTable | None], None]
"""Serve a secondary zone from now on; None: it has expired."""


@dataclass(slots=True)
class SecondaryEntry:
    """A secondary zone of this node: where it comes from, what keeps it up to date and makes it ready to answer, and
    what could not be read of the version that is served."""

    source: SecondarySource
    driver: SecondaryZone
    indexing: Indexing
    warnings: tuple[str, ...] = ()


class Cluster:
    """Make it, `await start(...)`; `serve` is called on the event loop."""

    def __init__(self, config: NodeConfig, serve: Serve, clock: Callable[[], float]) -> None:
        self.secondaries: dict[Name, SecondaryEntry] = {}
        self._keys = KeyChoice()
        self._silence = Silence()
        self.notifier = Notifier(clock, self._keys)
        self.exchange = Exchange(self._published, self._history, self._notified, places=config.limits.transfers_out)
        self._config = config
        self._serve = serve
        self._clock = clock
        self._journal = Journal(config.state_dir / "journal.sqlite", max_bytes=config.limits.journal_size)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="journal")
        self._announcing = False
        self._views: dict[Name, View] = {}
        self.counts_before: dict[Name, dict[tuple[str, str], InboundCounts]] = {}
        self.peer_views: dict[tuple[Name, str], PeerView] = {}
        self._places_in = Places.of(config.limits.transfers_in)

    async def configure(self, config: NodeConfig) -> None:
        """Take the peers, keys and secondary zones of a configuration, at the start or after an edit."""
        self.exchange.keys = config.tsig_keys
        self.exchange.places = config.limits.transfers_out
        bounds_changed = config.probe_allow != self._config.probe_allow
        self._config = config
        for apex in [apex for apex, entry in self.secondaries.items() if config.secondaries.get(apex) != entry.source]:
            await self._drop(apex)
        for apex, source in config.secondaries.items():
            if apex not in self.secondaries:
                await self._add(source)
            elif bounds_changed and apex in self._views:
                await self._take(apex, self._views[apex])

    async def first_transfers(self, bound_seconds: float) -> None:
        """Wait until every secondary zone has a version, at most so long: a node that starts empty does not refuse
        what it is about to know."""
        end = asyncio.get_running_loop().time() + bound_seconds
        while any(apex not in self._views for apex in self.secondaries):
            if asyncio.get_running_loop().time() >= end:
                return
            await asyncio.sleep(_LOOK_SECONDS)

    async def stop(self) -> None:
        """Stop every transfer and timer; what was journaled stays."""
        await self.notifier.stop()
        await asyncio.gather(*(entry.driver.stop() for entry in self.secondaries.values()))
        self._thread.shutdown()
        self._journal.close()

    # Zones of ours

    def record(self, zones: Sequence[Zone]) -> list[View]:
        """Put versions of zones of ours into the journal, all or none; called in a thread. Raises `JournalError`."""
        return self._thread.submit(self._record, zones).result()

    def _record(self, zones: Sequence[Zone]) -> list[View]:
        views = [steering_view(zone) for zone in zones]
        stored = self._journal.serials(zone.apex for zone in zones)
        news = []
        for zone, view in zip(zones, views, strict=True):
            serial = stored.get(zone.apex)
            if serial != zone.serial:
                old = self._before(zone.apex, serial)
                news.append((zone.apex, view, diff(old, view) if old is not None else None))
        self._journal.commit_all(news, self._clock())
        return views

    def _before(self, apex: Name, serial: int | None) -> View | None:
        """The version in the journal, whose serial this is."""
        if serial is None:
            return None
        published = self._views.get(apex)
        if published is not None and soa_of(published, apex).serial == serial:
            return published
        found = self._journal.load(apex)
        return found.view if found is not None else None

    def publish(self, apex: Name, view: View) -> None:
        """Show a version to those who transfer, and tell the peers of it. Called on the event loop."""
        before = self._views.get(apex)
        self._views[apex] = view
        if before is None or soa_of(before, apex).serial != soa_of(view, apex).serial:
            self._tell(apex)

    def announce(self) -> None:
        """Tell the peers of every zone, now and from now on: the node answers by now, so they can come and fetch."""
        self._announcing = True
        for apex in self._views:
            self._tell(apex)

    def _tell(self, apex: Name) -> None:
        source = self._source(apex)
        if self._announcing and source is not None:
            self.notifier.tell(soa_record(self._views[apex]), source.notify)

    def withdraw(self, apex: Name) -> None:
        """Stop showing a zone."""
        self._views.pop(apex, None)

    # Secondary zones

    async def _add(self, source: SecondarySource) -> None:
        stored = await self._in_thread(lambda: self._journal.load(source.apex))
        indexing = Indexing()
        driver = SecondaryZone(
            source.apex,
            source.primaries,
            stored,
            on_update=self._updated,
            on_contact=self._contacted,
            on_expire=self._expired,
            limits=_inbound_limits(self._config.limits),
            places=self._places_in,
            keys=self._keys,
            silence=self._silence,
            indexing=indexing,
            clock=self._clock,
        )
        self.secondaries[source.apex] = SecondaryEntry(source, driver, indexing)
        if stored is not None and driver.status.state != "expired":
            await self._take(source.apex, stored.view)
        else:
            self._serve(source.apex, None)
        driver.start()

    async def _drop(self, apex: Name) -> None:
        entry = self.secondaries.pop(apex)
        await entry.driver.stop()
        for what, counts in entry.driver.counts.items():  # a counter that falls would look like a restart
            of_before = self.counts_before.setdefault(apex, {})
            of_before[what] = of_before.get(what, InboundCounts()) + counts
        self.withdraw(apex)

    async def _updated(self, apex: Name, view: View, changes: Sequence[ChangeSet] | None, contacted: float) -> None:
        """A version came. It is on disk before it is served; raises `JournalError`, and nothing is changed then."""
        await self._in_thread(lambda: self._commit(apex, view, changes, contacted))
        await self._take(apex, view)

    def _commit(self, apex: Name, view: View, changes: Sequence[ChangeSet] | None, contacted: float) -> None:
        old = self._views.get(apex)
        if changes is not None and len(changes) == 1:
            change: ChangeSet | None = changes[0]
        else:
            change = diff(old, view) if old is not None else None
        self._journal.commit(apex, view, change, contacted)

    async def _take(self, apex: Name, view: View) -> None:
        """Serve and publish a version of a secondary zone."""
        zone, warnings = await asyncio.to_thread(transferred_zone, apex, view, self._config.probe_allow)
        entry = self.secondaries.get(apex)
        if entry is None:  # dropped from the configuration meanwhile
            return
        table = await asyncio.to_thread(_table, zone, entry.indexing)
        set_aside(len(zone.rrsets))
        if self.secondaries.get(apex) is not entry:
            return
        entry.warnings = warnings
        for warning in warnings:
            log.warning("steering_not_taken", zone=name_to_text(apex), problem=warning)
        self._serve(apex, table)
        self.publish(apex, view)

    def _contacted(self, apex: Name, fresh_at: float) -> None:
        """A primary has the version we have. Should this not reach the disk, a restart asks again the sooner."""
        self._thread.submit(self._note_contact, apex, fresh_at)

    def _note_contact(self, apex: Name, fresh_at: float) -> None:
        try:
            self._journal.note_contact(apex, fresh_at)
        except JournalError as error:
            log.warning("contact_not_stored", zone=name_to_text(apex), problem=str(error))

    def _expired(self, apex: Name) -> None:
        self.withdraw(apex)
        self._serve(apex, None)

    # What other nodes serve and see

    def peers_of(self, apex: Name) -> dict[str, tuple[Peer, str]]:
        """The peers that a zone is exchanged with, by name, and what each is to it."""
        source = self._source(apex)
        if source is None:
            return {}
        primaries = source.primaries if isinstance(source, SecondarySource) else ()
        others = (*source.notify, *source.allow_transfer.peers)
        return {peer.name: (peer, "secondary") for peer in others} | {
            peer.name: (peer, "primary") for peer in primaries
        }

    async def look_around(self) -> list[tuple[PeerView, str]]:
        """Ask every peer of every zone how it stands, and what each is to us."""
        asked = [(apex, peer, role) for apex in self._apexes() for peer, role in self.peers_of(apex).values()]
        places = asyncio.Semaphore(_LOOKS_AT_ONCE)

        async def look(apex: Name, peer: Peer) -> PeerView:
            async with places:
                return await look_at(peer, apex, clock=self._clock, keys=self._keys)

        views = await asyncio.gather(*(look(apex, peer) for apex, peer, _ in asked))
        self.peer_views = {(view.apex, view.peer.name): view for view in views}
        return [(view, role) for view, (_, _, role) in zip(views, asked, strict=True)]

    def serial(self, apex: Name) -> int | None:
        """The serial served here."""
        view = self._views.get(apex)
        return soa_of(view, apex).serial if view is not None else None

    def _apexes(self) -> list[Name]:
        return sorted({*self._config.zones, *self._config.secondaries})

    # What the exchange asks

    def _source(self, apex: Name) -> ZoneSource | SecondarySource | None:
        return self._config.zones.get(apex) or self._config.secondaries.get(apex)

    def _published(self, apex: Name) -> Published | None:
        source = self._source(apex)
        if source is None:
            return None
        primaries = source.primaries if isinstance(source, SecondarySource) else ()
        return Published(self._views.get(apex), source.allow_transfer, primaries)

    def may_ask(self) -> dict[Name, tuple[AccessList, ...]]:
        """The zones that not everyone may ask, with who may: the zone's own list, and the peers that exchange it."""
        found: dict[Name, tuple[AccessList, ...]] = {}
        sources: list[ZoneSource | SecondarySource] = [*self._config.zones.values(), *self._config.secondaries.values()]
        for source in sources:
            if source.allow_query is not None:
                primaries = source.primaries if isinstance(source, SecondarySource) else ()
                peers = AccessList(peers=(*primaries, *source.notify))
                found[source.apex] = (source.allow_query, source.allow_transfer, peers)
        return found

    def expires(self, apex: Name) -> int | None:
        """Seconds for which a copy of what is served here is good: ours are as good as new."""
        entry, view = self.secondaries.get(apex), self._views.get(apex)
        if entry is None:
            return soa_of(view, apex).expire if view is not None else None
        until = entry.driver.status.expires_at
        return max(0, int(until - self._clock())) if until is not None else None

    def _history(self, apex: Name, since: int, private: bool) -> Sequence[ChangeSet] | None:  # noqa: FBT001  a callback
        return self._journal.change_sets(apex, since, private=private)

    def _notified(self, apex: Name, serial: int | None, client: str) -> None:
        entry = self.secondaries.get(apex)
        if entry is not None:
            entry.driver.notify(serial, client)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


def _table(zone: Zone, indexing: Indexing) -> ZoneTable:
    return ZoneTable(zone, indexing.of(zone))


def _inbound_limits(limits: Limits) -> InboundLimits:
    bounds = Bounds(octets=limits.transfer_size)
    return InboundLimits(bounds, limits.transfer_timeout_seconds, limits.transfer_idle_seconds)
