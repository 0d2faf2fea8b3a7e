"""What the lists of gslb.yaml refer to: `notify` and `primaries` name peers; `allow_transfer` names peers, keys
(`key:NAME`) and networks. A name that stands for nothing is a problem at its own line; one whose entry has problems
itself is passed over, for those have been said.
"""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from gslb.config.access import KEY_MARK, AccessList
from gslb.config.listed import texts_of
from gslb.config.peers import Peer
from gslb.config.prefixes import Prefix, parse_prefix, plain_address
from gslb.config.problems import Findings, did_you_mean
from gslb.config.yamltext import Node, Text
from gslb.wire.tsig import TsigKey

_EVERYONE = 'for everyone write [0.0.0.0/0, "::/0"]'
_NOBODY = "for nobody write []"
_WORDS: dict[str, str] = {
    **dict.fromkeys(("any", "all", "*", "everyone", "everybody", "on", "yes", "true"), _EVERYONE),
    **dict.fromkeys(("none", "nobody", "off", "no", "false"), _NOBODY),
    "localhost": 'write [127.0.0.1, "::1"]',
    "localnets": "write the networks themselves",
}
"""Words of other name servers, and such as people think of: what is written here instead."""

EntryT = TypeVar("EntryT")


@dataclass(frozen=True, slots=True)
class References:
    """The named entries of the file: those that are right, and the names of all that are written. `listen` is where
    the node itself answers."""

    peers: Mapping[str, Peer]
    keys: Mapping[str, TsigKey]
    peer_names: frozenset[str]
    key_names: frozenset[str]
    listen: tuple[tuple[str, int], ...]
    findings: Findings

    def servers(self, node: Node | None, path: str) -> tuple[Peer, ...]:
        """The peers named in a list to send to or fetch from; the node itself is none of them."""
        found: dict[str, Peer] = {}
        for text in texts_of(node):
            peer = self._peer(text, path)
            if peer is None:
                continue
            if is_own(peer.host, peer.port, self.listen):
                said = f"{str(text)!r} is this node itself ({peer.host} port {peer.port}); leave it out"
                self.findings.error(text.line, path, said)
            elif str(text) in found:
                self.findings.error(text.line, path, f"{str(text)!r} is there twice")
            found[str(text)] = peer
        return tuple(found.values())

    def access(self, node: Node | None, path: str) -> AccessList:
        """The access list written in a list of peers, `key:NAME` and networks."""
        peers, keys, prefixes = [], [], []
        for text in texts_of(node):
            if text.lower() in _WORDS and text not in self.peer_names:
                said = f"{str(text)!r} is no network, key or peer; {_WORDS[text.lower()]}"
                self.findings.error(text.line, path, said)
            elif text.startswith("!"):
                said = f"a list says who may, and nobody else may: leave {str(text)!r} out, and name those who may"
                self.findings.error(text.line, path, said)
            elif text.startswith(KEY_MARK):
                keys.append(self.key(text, text.removeprefix(KEY_MARK), path))
            elif text in self.peer_names or not _like_a_prefix(text):
                peers.append(self._peer(text, path))
            else:
                prefixes.append(self._prefix(text, path))
        known = tuple(self.peers.values())
        return AccessList(_present(peers), _present(keys), _present(prefixes), known)

    def key(self, at: Text, name: str, path: str) -> TsigKey | None:
        """The key called `name`, which is written in the text `at`."""
        if name not in self.key_names:
            self.findings.error(at.line, path, f"unknown key {name!r}{did_you_mean(name, self.key_names)}")
        return self.keys.get(name)

    def _peer(self, text: Text, path: str) -> Peer | None:
        name = str(text)
        if name not in self.peer_names:
            known = did_you_mean(name, self.peer_names)
            said = known or "; name it under `peers`, with its address and key"
            self.findings.error(text.line, path, f"unknown peer {name!r}{said}")
        return self.peers.get(name)

    def _prefix(self, text: Text, path: str) -> Prefix | None:
        try:
            return parse_prefix(str(text))
        except ValueError as error:
            self.findings.error(text.line, path, str(error))
            return None


def is_own(host: str, port: int, listen: tuple[tuple[str, int], ...]) -> bool:
    """True when the node listens there. Of a wildcard address only loopback is known to be the node's own: which
    other addresses the machine has is not the file's to say."""
    address = plain_address(host)
    for own, own_port in listen:
        here = ipaddress.ip_address(own)
        covered = here.is_unspecified and here.version == address.version and address.is_loopback
        if port == own_port and (covered or here == address):
            return True
    return False


def _like_a_prefix(text: str) -> bool:
    """True for what can only be meant as a network: it has a colon, a slash, or digits and dots alone."""
    return any(mark in text for mark in ":/") or text.replace(".", "").isdigit()


def _present(found: list[EntryT | None]) -> tuple[EntryT, ...]:
    return tuple(dict.fromkeys(item for item in found if item is not None))
