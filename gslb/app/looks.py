"""What a node looks at again and again, as long as it runs: files, addresses, peers, what expires, and descriptors.

Each look is a loop of its own. One that fails is begun anew after a pause: a fault that passes ends none for good.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, MutableMapping
from functools import partial
from pathlib import Path

from gslb.app.answering import Answering
from gslb.app.certificate import CertificateWatch
from gslb.app.cluster import Cluster
from gslb.app.descriptors import LOOK_SECONDS
from gslb.app.persist import until_done
from gslb.app.reloading import Reloading
from gslb.app.signatures import SignatureWatch
from gslb.app.transports import Transports
from gslb.app.watch import Fingerprint, changes
from gslb.server.address_events import AddressEvents

_ADDRESS_REFRESH_SECONDS = 15.0
_PEER_LOOK_SECONDS = 30.0
_EXPIRY_LOOK_SECONDS = 60.0
_OVERDUE_LOOK_SECONDS = 0.5


class Looks:
    """`begin` once the node answers; `stop` ends them all."""

    def __init__(self, reloading: Reloading, answering: Answering, cluster: Cluster, transports: Transports) -> None:
        self._reloading = reloading
        self._answering = answering
        self._cluster = cluster
        self._transports = transports
        self._stopping = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def begin(self, known: MutableMapping[Path, Fingerprint]) -> None:
        """Look from now on; at files, for what has changed since these fingerprints were taken, which are kept up."""
        loops: dict[str, Callable[[], Awaitable[None]]] = {
            "watch files": partial(self._watch_files, known),
            "watch addresses": self._watch_addresses,
            "watch peers": self._watch_peers,
            "watch what expires": self._watch_expiry,
            "watch descriptors": self._watch_descriptors,
            "drop zones whose file is gone": self._drop_overdue,
        }
        self._tasks = [asyncio.create_task(until_done(what, loop)) for what, loop in loops.items()]

    async def stop(self) -> None:
        """End every loop."""
        self._stopping.set()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _watch_files(self, known: MutableMapping[Path, Fingerprint]) -> None:
        async for changed in changes(self._reloading.files, self._stopping, known):
            await until_done("read changed files", partial(self._reloading.reload, changed))

    async def _watch_addresses(self) -> None:
        events = AddressEvents()
        try:
            while self._transports.listeners is not None:
                await events.changed(_ADDRESS_REFRESH_SECONDS)
                await self._transports.listeners.refresh()
        finally:
            events.close()

    async def _watch_peers(self) -> None:
        """Keep what the metrics say of peers fresh."""
        while True:
            await self._cluster.look_around()
            await asyncio.sleep(_PEER_LOOK_SECONDS)

    async def _watch_expiry(self) -> None:
        """Say in time that signatures and the certificate come to their end."""
        signatures, certificate = SignatureWatch(), CertificateWatch()
        while True:
            config = self._reloading.settings.config
            signatures.look(self._answering.table, time.time())
            certificate.look(config.tls if config.listen_tls else None, time.time())
            await asyncio.sleep(_EXPIRY_LOOK_SECONDS)

    async def _watch_descriptors(self) -> None:
        while self._transports.descriptors is not None:
            self._transports.descriptors.look(time.monotonic())
            await asyncio.sleep(LOOK_SECONDS)

    async def _drop_overdue(self) -> None:
        """Drop zones whose file is gone when their time is over."""
        while True:
            await asyncio.sleep(_OVERDUE_LOOK_SECONDS)
            await self._reloading.drop_overdue(time.time())
