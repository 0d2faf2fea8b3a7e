"""Who may do what, as values: who may fetch a zone and in which of its two views, and where probes may go.

An `AccessList` knows whoever asks by address and verified TSIG key. The steering view of a zone is for gslb peers
that signed their request; anyone else on the list gets the plain one. Nobody is on an empty list.
"""

import ipaddress
from dataclasses import dataclass, field

from gslb.config.peers import Kind, Peer
from gslb.config.prefixes import Prefix, plain_address, within
from gslb.wire.names import name_to_text
from gslb.wire.tsig import TsigKey

KEY_MARK = "key:"
"""What a key's name stands behind in a list."""
ANYWHERE: tuple[Prefix, ...] = (ipaddress.IPv4Network("0.0.0.0/0"), ipaddress.IPv6Network("::/0"))


@dataclass(frozen=True, slots=True)
class AccessList:
    """A requester is allowed as one of `peers` (its address, and its key if it has any), by one of `keys` from any
    address, or by its address alone. `known` are all peers of the node: they tell what kind of server a requester is
    that a key or a prefix lets in."""

    peers: tuple[Peer, ...] = ()
    keys: tuple[TsigKey, ...] = ()
    prefixes: tuple[Prefix, ...] = ()
    known: tuple[Peer, ...] = field(default=(), repr=False)

    @property
    def texts(self) -> list[str]:
        """The list as it is written: networks, `key:NAME`, names of peers."""
        keys = [f"{KEY_MARK}{name_to_text(key.name).removesuffix('.')}" for key in self.keys]
        return [*map(str, self.prefixes), *keys, *(peer.name for peer in self.peers)]

    def allows(self, address: str, key: TsigKey | None) -> bool:
        """True for a requester on the list. `key` has signed its request and is verified; None: it is unsigned."""
        if key is not None and key in self.keys:
            return True
        return any(peer.matches(address, key) for peer in self.peers) or within(plain_address(address), self.prefixes)

    def kind_for(self, address: str, key: TsigKey | None) -> Kind | None:
        """Whose view the requester gets: "gslb" the steering view, "foreign" the plain one; None: it is refused."""
        if not self.allows(address, key):
            return None
        return "gslb" if key is not None and self._is_ours(address, key) else "foreign"

    def _is_ours(self, address: str, key: TsigKey) -> bool:
        ours = (peer for peer in (*self.peers, *self.known) if peer.kind == "gslb" and key in peer.keys)
        return any(peer.matches(address, key) for peer in ours)


NOBODY = AccessList()


@dataclass(frozen=True, slots=True)
class ProbeBounds:
    """Where a transferred zone may make this node connect."""

    prefixes: tuple[Prefix, ...] = ANYWHERE

    def allows_target(self, target: str) -> bool:
        """True when the target of a monitor lies within the bounds. What a host name stands for is up to others, so
        names pass only where every address does."""
        try:
            return within(plain_address(target), self.prefixes)
        except ValueError:
            return set(ANYWHERE) <= set(self.prefixes)
