"""Peers: the other name servers that this node exchanges zones with, each named once under `peers`.

Whoever sends us a message is told by the address it comes from and, for a peer with keys, by the TSIG key as well.
So of two peers with an address and a key in common nobody could say which one is asking; where it matters, between
a gslb node and a foreign server, that is a problem of the file.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from gslb.config.endpoints import DNS_PORT
from gslb.config.listed import SomeTexts
from gslb.config.prefixes import plain_address
from gslb.config.problems import Findings
from gslb.config.validated import Schema
from gslb.wire.tsig import TsigKey

Kind = Literal["gslb", "foreign"]
"""What a peer is: a node of ours, which steers by what it is sent, or any other name server."""


def _peer_address(text: str) -> str:
    try:
        address = plain_address(text)
    except ValueError:
        raise ValueError(f"{text!r} is not an address; write one like 192.0.2.1 or 2001:db8::1") from None
    if address.is_unspecified or address.is_multicast:
        raise ValueError(f"{text} is not the address of one server")
    return str(address)


class PeerSchema(Schema):
    """One entry under `peers`."""

    EXAMPLE: ClassVar[str] = "{address: 192.0.2.2, key: xfr}"

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={
            "anyOf": [{"required": ["key"]}, {"properties": {"kind": {"const": "foreign"}}, "required": ["kind"]}]
        },
    )

    address: Annotated[
        str,
        AfterValidator(_peer_address),
        Field(description="Where the peer answers, and where its own requests come from."),
    ]
    port: Annotated[int, Field(ge=1, le=65535, description="Its port for DNS.")] = DNS_PORT
    key: Annotated[
        SomeTexts | None,
        Field(description="Its TSIG key, named under keys. Of several, the first it takes signs; all are accepted."),
    ] = None
    kind: Annotated[
        Kind, Field(description="gslb: a node of ours, which is sent the steering too; foreign: any other server.")
    ] = "gslb"

    @model_validator(mode="after")
    def _steering_needs_a_key(self) -> Self:
        if self.kind == "gslb" and self.key is None:
            raise ValueError(
                "a peer of kind gslb needs a `key`, because steering travels signed only; "
                "add one, or `kind: foreign` for a server that gets the plain records"
            )
        return self


@dataclass(frozen=True, slots=True)
class Peer:
    """Another name server. `host` is an address in its normal form. The first of `keys` that it takes signs what we
    send it; a message of its may be signed with any of them, so that two are live while keys are changed. `source` is
    the address of this node that it is spoken to from, so that it meets the one that it lists; None: as the system
    routes."""

    name: str
    host: str
    port: int = DNS_PORT
    keys: tuple[TsigKey, ...] = ()
    kind: Kind = "gslb"
    source: str | None = None

    def matches(self, address: str, key: TsigKey | None) -> bool:
        """True when a message from `address` that `key` signed (None: unsigned) is one of this peer's."""
        return str(plain_address(address)) == self.host and (not self.keys or key in self.keys)


def source_for(host: str, listen: Iterable[tuple[str, int]]) -> str | None:
    """The first address that the node listens on by name, of the host's family, and on loopback just when it is."""
    theirs = plain_address(host)
    for own, _ in listen:
        ours = plain_address(own)
        alike = (ours.version, ours.is_loopback) == (theirs.version, theirs.is_loopback)
        if alike and not ours.is_unspecified:
            return own
    return None


def read_peers(
    entries: Iterable[tuple[str, int, PeerSchema]],
    keys: Mapping[str, TsigKey],
    listen: tuple[tuple[str, int], ...],
    findings: Findings,
) -> dict[str, Peer]:
    """The peers by name. `entries` are name, line and what is written, whose keys are looked up in `keys`: one that
    is not there makes its peer keyless, and has been said to `findings` by the caller."""
    found: dict[str, Peer] = {}
    for name, line, entry in entries:
        path = f"peers.{name}"
        named = tuple(keys[key] for key in dict.fromkeys(entry.key or ()) if key in keys)
        peer = Peer(name, entry.address, entry.port, named, entry.kind, source_for(entry.address, listen))
        for clash in _clashes(peer, found.values()):
            findings.error(line, path, clash)
        found[name] = peer
    return found


def _clashes(peer: Peer, others: Iterable[Peer]) -> Iterator[str]:
    for other in others:
        if peer.host != other.host:
            continue
        if peer.port == other.port:
            yield f"{peer.host} port {peer.port} is the peer {other.name!r} already"
        elif peer.kind != other.kind and set(peer.keys) & set(other.keys):
            yield (
                f"requests from {peer.host} with this key may be of {other.name!r}, which is {other.kind}; "
                "give one of the two a key of its own"
            )
