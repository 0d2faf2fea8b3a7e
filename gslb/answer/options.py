"""What we say in the OPT record of a reply: one table, option code to what is done with it.

The handlers are pure: who asked, when and over what, and what this node has to say, are in `Asking`. Of an option
that comes twice the first counts (RFC 7873 section 5.2); one that is not in the table is passed over (RFC 6891 section
6.1.2). Options are answered in any reply to version 0 but FORMERR; then comes an extended error (RFC 8914), and last
the padding, which is sized when the rest of the message is there.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

from gslb.wire.codes import Rcode, RRType
from gslb.wire.cookies import CLIENT_OCTETS, ServerCookies, is_well_formed
from gslb.wire.edns import Edns, Option, render_opt, render_option
from gslb.wire.message import MAX_MESSAGE_OCTETS
from gslb.wire.names import Name

_SOA_SERIAL = 0
_MAX_KEEPALIVE = 0xFFFF
PADDING_BLOCK_OCTETS = 468
"""For replies (RFC 8467 section 4.1)."""
_NO_PADDING = render_option(Option.PADDING, b"")
_OPT_LENGTH_AT = 9


@dataclass(frozen=True, slots=True)
class NodeOptions:
    """What a node says of itself. `nsid`, `cookies` and `version` None: nothing. `idle_seconds` tells how long a TCP
    connection may be idle at the moment, 0 where there is no TCP. `expires` tells for how many seconds a copy of a zone
    of ours is good, None where there is no such zone."""

    nsid: bytes | None = None
    cookies: ServerCookies | None = None
    idle_seconds: Callable[[], float] = lambda: 0.0
    expires: Callable[[Name], int | None] = lambda _: None
    version: bytes | None = None


class Asking(NamedTuple):
    """A query as the options see it. `client` is an address as text, `now` Unix seconds, `qname` canonical, `tls` the
    version of TLS and the protocol agreed by ALPN, "" for no TLS."""

    edns: Edns | None
    qname: Name
    qtype: int
    node: NodeOptions
    client: str
    now: float
    udp: bool
    tls: str = ""


class ZoneVersion(NamedTuple):
    """The zone that answers, and the serial of what is served of it."""

    apex: Name
    serial: int


@dataclass(frozen=True, slots=True)
class _Kind:
    """`render` gives our option, or nothing. A value that is not `well_formed` is the client's fault: FORMERR. `last`:
    it stands behind an extended error."""

    render: Callable[[bytes, Asking, ZoneVersion | None], bytes]
    well_formed: Callable[[bytes], bool] = lambda _: True
    tcp_only: bool = False
    last: bool = False


def _nsid(_: bytes, asking: Asking, __: ZoneVersion | None) -> bytes:
    """RFC 5001; whatever stands in the query's is of no account."""
    return b"" if asking.node.nsid is None else render_option(Option.NSID, asking.node.nsid)


def _expire(_: bytes, asking: Asking, zone: ZoneVersion | None) -> bytes:
    """How long a copy of the zone is good, at its SOA (RFC 7314 section 3)."""
    if asking.qtype != RRType.SOA or zone is None or zone.apex != asking.qname:
        return b""
    seconds = asking.node.expires(zone.apex)
    return b"" if seconds is None else render_option(Option.EXPIRE, seconds.to_bytes(4, "big"))


def _cookie(value: bytes, asking: Asking, _: ZoneVersion | None) -> bytes:
    """RFC 7873 section 5.2."""
    cookies = asking.node.cookies
    return b"" if cookies is None else cookies.answer(value, asking.client, asking.now)[0]


def _keepalive(_: bytes, asking: Asking, __: ZoneVersion | None) -> bytes:
    """The idle time in tenths of a second (RFC 7828 section 3.1)."""
    tenths = min(_MAX_KEEPALIVE, int(asking.node.idle_seconds() * 10))
    return render_option(Option.TCP_KEEPALIVE, tenths.to_bytes(2, "big")) if tenths else b""


def _zone_version(_: bytes, __: Asking, zone: ZoneVersion | None) -> bytes:
    """The serial of the zone around the name, referrals and SERVFAIL included (RFC 9660 section 3.2)."""
    if zone is None:
        return b""
    value = bytes((_labels(zone.apex), _SOA_SERIAL)) + zone.serial.to_bytes(4, "big")
    return render_option(Option.ZONEVERSION, value)


def _padding(_: bytes, asking: Asking, __: ZoneVersion | None) -> bytes:
    """The place of the octets that `padded` adds. Without TLS all the world sees what is answered, and padding would
    only serve who amplifies (RFC 7830 section 6)."""
    return _NO_PADDING if asking.tls else b""


def _is_empty(value: bytes) -> bool:
    return not value


KINDS: Mapping[int, _Kind] = MappingProxyType(
    {
        Option.NSID: _Kind(_nsid),
        Option.EXPIRE: _Kind(_expire),
        Option.COOKIE: _Kind(_cookie, is_well_formed),
        Option.TCP_KEEPALIVE: _Kind(_keepalive, lambda value: len(value) in {0, 2}, tcp_only=True),
        Option.ZONEVERSION: _Kind(_zone_version, _is_empty),
        Option.PADDING: _Kind(_padding, last=True),
    }
)


def fault_of(edns: Edns | None, *, udp: bool) -> str:
    """What is wrong with the options of a query, as a short constant text; "" when nothing is."""
    for code, value in edns.options if edns is not None else ():
        kind = KINDS.get(code)
        if kind is not None and not (udp and kind.tcp_only) and not kind.well_formed(value):
            return "a malformed EDNS option"
    return ""


def lacks_cookie(asking: Asking) -> bool:
    """True when this is to be answered by BADCOOKIE: cookies are required, the query came over UDP, which anyone can
    forge, and what it shows is not good. A query without any cookie is from a client that does not know them."""
    cookies = asking.node.cookies
    if cookies is None or not cookies.required or not asking.udp or asking.edns is None or not asking.edns.options:
        return False
    value = dict(reversed(asking.edns.options)).get(Option.COOKIE)
    return value is not None and not cookies.answer(value, asking.client, asking.now)[1]


def cookie_rcode(asking: Asking) -> Rcode:
    """The rcode to a query for a cookie alone: whether the server cookie shown, if any, is good (RFC 7873 section
    5.4)."""
    cookies = asking.node.cookies
    value = dict(reversed(asking.edns.options)).get(Option.COOKIE) if asking.edns is not None else None
    if cookies is None or value is None:
        return Rcode.FORMERR
    good = len(value) == CLIENT_OCTETS or cookies.answer(value, asking.client, asking.now)[1]
    return Rcode.NOERROR if good else Rcode.BADCOOKIE


def reply_opt(asking: Asking, rcode: int, zone: ZoneVersion | None = None, error: bytes = b"") -> bytes:
    """Our OPT record for the reply, b"" where the query has none. `error` is a rendered extended error."""
    edns = asking.edns
    if edns is None:
        return b""
    options = error
    if edns.options:
        options = _answered(edns, asking, zone) + error + _answered(edns, asking, zone, last=True)
    return render_opt(rcode, dnssec_ok=edns.dnssec_ok, options=options)


def padded(message: bytes, opt: bytes, asking: Asking) -> bytes:
    """A whole message that ends in `opt`, our OPT record: where that has a padding option, it is made so long that the
    message fills its last block (RFC 7830, RFC 8467 section 4.1)."""
    if not asking.tls or asking.edns is None or Option.PADDING not in dict(asking.edns.options):
        return message
    if not opt.endswith(_NO_PADDING):  # the options could not be read
        return message
    fill = min(-len(message) % PADDING_BLOCK_OCTETS, MAX_MESSAGE_OCTETS - len(message))
    length = int.from_bytes(opt[_OPT_LENGTH_AT : _OPT_LENGTH_AT + 2], "big") + fill
    longer = opt[:_OPT_LENGTH_AT] + length.to_bytes(2, "big") + opt[_OPT_LENGTH_AT + 2 : -len(_NO_PADDING)]
    return message[: len(message) - len(opt)] + longer + render_option(Option.PADDING, bytes(fill))


def _answered(edns: Edns, asking: Asking, zone: ZoneVersion | None, *, last: bool = False) -> bytes:
    first = dict(reversed(edns.options))
    return b"".join(
        kind.render(first[code], asking, zone)
        for code, kind in KINDS.items()
        if code in first and kind.last is last and not (asking.udp and kind.tcp_only)
    )


def _labels(name: Name) -> int:
    """How many labels a name has, the root not counted."""
    count = position = 0
    while name[position]:
        count += 1
        position += 1 + name[position]
    return count
