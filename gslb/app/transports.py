"""The transports of a node: the sockets that answer, who may ask there, and what the node says of itself.

The sockets are opened once, with the limits of the start. All else that gslb.yaml says of them is live: the
certificate, rate limits, who may ask, and what goes out in EDNS options are replaced whenever the file changes.
"""

import os

import structlog

from gslb.answer.options import NodeOptions
from gslb.app.cluster import Cluster
from gslb.app.descriptors import DescriptorWatch, make_room
from gslb.config.node_config import NodeConfig
from gslb.config.tls import day
from gslb.metrics import Metrics
from gslb.server.listen import Listeners
from gslb.server.query_access import QueryAccess
from gslb.server.responder import Responder
from gslb.server.tcp import TcpLimits
from gslb.wire.cookies import ServerCookies

log = structlog.get_logger("gslb")


class Transports:
    """`listeners` and `descriptors` are None until the sockets are open."""

    def __init__(self, responder: Responder, cluster: Cluster, metrics: Metrics) -> None:
        self.listeners: Listeners | None = None
        self.descriptors: DescriptorWatch | None = None
        self._responder = responder
        self._cluster = cluster
        self._metrics = metrics
        self._cookie_secret = os.urandom(16)
        responder.exchange = cluster.exchange

    async def open(self, config: NodeConfig) -> Listeners:
        """Answer from now on. Raises `ListenError`, and `OSError`."""
        limits = config.limits
        connections = make_room(limits.tcp_connections, limits.probe_concurrency)
        tcp = TcpLimits(connections, limits.tcp_per_client, limits.tcp_idle_seconds, limits.transfer_timeout_seconds)
        listeners = Listeners(
            config.listen,
            self._responder,
            tcp,
            tls_addresses=config.listen_tls,
            tls_context=config.tls.context if config.tls is not None else None,
        )
        listeners.limit(config.rate_limit)
        await listeners.start()
        self.listeners = listeners
        self.descriptors = DescriptorWatch(listeners, self._metrics.descriptors_short)
        self._tell_certificate(config)
        return listeners

    def fold(self) -> None:
        """Bring the counters up to date."""
        if self.listeners is not None:
            self.listeners.fold()

    def close(self) -> None:
        """Close every socket and connection."""
        if self.listeners is not None:
            self.listeners.close()

    # What is live

    def configure(self, config: NodeConfig) -> None:
        """Take what to say of the node, rate limits, and who may ask what, once the cluster has its part. Of `limits`
        the ones of the start are in force."""
        options = NodeOptions(
            config.nsid, self._cookies(config), self._idle_seconds, self._cluster.expires, config.version
        )
        self._responder.node = self._cluster.exchange.node = options
        if self.listeners is not None:
            self.listeners.limit(config.rate_limit)
        lists, access = self._cluster.may_ask(), self.access
        if lists != (access.lists if access is not None else {}):
            self._responder.access = QueryAccess(lists) if lists else None

    @property
    def access(self) -> QueryAccess | None:
        """Who may ask which zone; None: everyone."""
        return self._responder.access

    def _cookies(self, config: NodeConfig) -> ServerCookies | None:
        written = config.cookies
        if written is None:
            return None
        return ServerCookies(written.secret or self._cookie_secret, written.previous, required=written.required)

    def _idle_seconds(self) -> float:
        return self.listeners.idle_seconds if self.listeners is not None else 0.0

    def take_certificate(self, before: NodeConfig, config: NodeConfig) -> None:
        """Show another certificate from the next handshake on. What is open goes on as it is."""
        if self.listeners is None or config.tls is None or config.tls == before.tls:
            return
        self.listeners.tls_context = config.tls.context
        self._tell_certificate(config)
        log.info("certificate_loaded", file=str(config.tls.certificate), expires=day(config.tls.expires))

    def _tell_certificate(self, config: NodeConfig) -> None:
        self._metrics.certificate_expires.clear()
        if config.tls is not None and config.listen_tls:
            self._metrics.certificate_expires.labels(str(config.tls.certificate)).set(config.tls.expires)
