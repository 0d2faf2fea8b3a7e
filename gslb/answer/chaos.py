"""Class CHAOS: what the node says of itself to `dig CH TXT version.bind`, `id.server` and their like (RFC 4892).

Two things under two names each: the version, and which of the nodes behind an address this is, which is the NSID
too (RFC 5001). What the node does not tell, and any other name, is refused: there are no zones of this class.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from gslb.answer.options import NodeOptions
from gslb.wire.codes import CLASS_CH, RRType
from gslb.wire.message import QNAME_POINTER
from gslb.wire.names import Name

_ASKED_BY = (RRType.TXT, RRType.ANY)
_NOT_TO_BE_KEPT = bytes(4)
"""TTL 0 (RFC 4892 section 3.1: the next reply may be another node's)."""


def _version(node: NodeOptions) -> bytes | None:
    return node.version


def _identity(node: NodeOptions) -> bytes | None:
    return node.nsid


NAMES: Mapping[Name, Callable[[NodeOptions], bytes | None]] = MappingProxyType(
    {
        b"\x07version\x04bind\x00": _version,
        b"\x07version\x06server\x00": _version,
        b"\x08hostname\x04bind\x00": _identity,
        b"\x02id\x06server\x00": _identity,
    }
)


def chaos_record(qname: Name, qtype: int, node: NodeOptions) -> bytes | None:
    """The one record that answers a canonical name, its owner a pointer to the question; None: REFUSED."""
    tell = NAMES.get(qname)
    text = tell(node) if tell is not None and qtype in _ASKED_BY else None
    if text is None:
        return None
    string = bytes((len(text),)) + text
    fixed = RRType.TXT.to_bytes(2, "big") + CLASS_CH.to_bytes(2, "big") + _NOT_TO_BE_KEPT
    return QNAME_POINTER + fixed + len(string).to_bytes(2, "big") + string
