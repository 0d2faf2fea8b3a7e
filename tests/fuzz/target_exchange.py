"""What peers ask: transfers, NOTIFY, signed queries; through the responder, as it comes off a socket."""

from collections.abc import Iterator, Sequence
from random import Random

from fuzz_zones import KEY, NOW, fresh_table, plain_query, zones
from fuzzing import Target
from mutating import after, mutate_message
from replies import check_reply
from structlog.testing import capture_logs

from gslb.answer.options import NodeOptions
from gslb.config.access import AccessList
from gslb.config.peers import Peer
from gslb.config.prefixes import parse_prefix
from gslb.metrics import Metrics, Tally
from gslb.server.responder import Responder
from gslb.transfer.exchange import Exchange, Published, Stream
from gslb.wire.codes import AA, Opcode, RRType
from gslb.wire.cookies import ServerCookies
from gslb.wire.names import Name, name_from_text
from gslb.wire.pack import pack_message
from gslb.wire.records import Question, Record, parse_message
from gslb.wire.tsig import sign_request
from gslb.zone.diff import ChangeSet, diff, soa_record
from gslb.zone.private import reserved_owner
from gslb.zone.view import View, steering_view
from gslb.zone.zone import Soa, Zone

CONTROL_OCTETS = 1
APEX = name_from_text("steered.test.")
PEER = Peer("peer", "192.0.2.33", keys=(KEY,))
PLAIN_PEER = Peer("plain", "192.0.2.34", kind="foreign")
CLIENTS = ("192.0.2.33", "192.0.2.34", "198.51.100.1", "2001:db8::1")
ACCESS = AccessList((PEER,), (), (parse_prefix("198.51.100.0/24"),), (PEER,))


class Loud(Responder):
    """Lets a bug of ours come out, where the real one answers SERVFAIL."""

    def servfail(self, data: bytes, error: Exception) -> bytes:
        raise error


def _newer(zone: Zone) -> Zone:
    return zone.with_serial((zone.serial + 1) & 0xFFFFFFFF)


VIEWS = {zone.apex: steering_view(_newer(zone)) for zone in zones() if zone.apex != b"\x00"}
CHANGES = {zone.apex: diff(steering_view(zone), VIEWS[zone.apex]) for zone in zones() if zone.apex in VIEWS}


def published(apex: Name) -> Published | None:
    view: View | None = VIEWS.get(apex)
    return None if view is None else Published(view, ACCESS, (PEER, PLAIN_PEER) if apex == APEX else ())


def history(apex: Name, have: int, private: bool) -> Sequence[ChangeSet] | None:
    change = CHANGES[apex]
    return [change if private else change.without_private()] if change.from_serial == have else None


def made_responder() -> Responder:
    responder = Loud(Metrics(), clock=lambda: NOW)
    responder.table = fresh_table()
    responder.node = NodeOptions(b"node", ServerCookies(bytes(16), required=True))
    exchange = responder.exchange = Exchange(published, history, lambda *_: None, clock=lambda: NOW)
    exchange.keys = {KEY.name: KEY}
    exchange.node = responder.node
    return responder


RESPONDER = made_responder()
TALLY = Tally(RESPONDER.metrics, "udp")


def check(data: bytes) -> None:
    """One octet says who asks, and over what."""
    control, packet = data[:1] or b"\x00", data[1:]
    udp = not control[0] & 1
    with capture_logs() as logged:
        reply = RESPONDER.answer(packet, CLIENTS[control[0] >> 1 & 3], TALLY, udp=udp)
        messages = _messages(reply)
    assert len(logged) <= 1, logged
    for number, message in enumerate(messages):
        if number == 0:
            check_reply(packet, message, 65535)
        else:
            assert parse_message(message).message_id == packet[:2]


def _messages(reply: bytes | Stream | None) -> list[bytes]:
    if not isinstance(reply, Stream):
        return [] if reply is None else [reply]
    messages = list(reply.messages)
    reply.close(True)
    return messages


def _ixfr(zone: Zone) -> bytes:
    soa: Record = soa_record(zone.rrsets)
    return pack_message(b"\x12\x34", 0, Question(zone.apex, RRType.IXFR).wire, authority=(soa,))


def _notify(zone: Zone) -> bytes:
    soa = soa_record(zone.rrsets)
    assert Soa.from_rdata(soa.rdata).serial == zone.serial
    return pack_message(b"\x12\x34", Opcode.NOTIFY << 11 | AA, Question(zone.apex, RRType.SOA).wire, answer=(soa,))


def seeds() -> Iterator[bytes]:
    number = 0
    for zone in zones():
        for packet in (
            plain_query(zone.apex, RRType.AXFR),
            plain_query(zone.apex, RRType.SOA),
            plain_query(
                reserved_owner(zone.apex)[:60] + b"\x00" if zone.apex == b"\x00" else reserved_owner(zone.apex), 65281
            ),
            _ixfr(zone),
            _notify(zone),
        ):
            for whole in (packet, sign_request(packet, KEY, NOW)[0]):
                yield bytes((number % 8,)) + whole
                number += 1


def signed(data: bytes, rng: Random) -> bytes:
    """What came of the mutation, signed now and then, so that what is behind the signature is met too."""
    data = mutate_message(data, rng)
    if len(data) >= 12 and rng.random() < 0.5:
        data = sign_request(data, KEY, NOW)[0] if data[10:12] != b"\xff\xff" else data
    return data


TARGET = Target(
    "any octets from a peer or anyone give valid replies or silence, and at most one line in the log",
    seeds,
    check,
    after(CONTROL_OCTETS, signed),
)
