"""Transfers that come in: the messages of an AXFR or IXFR answer, up to the zone that is served."""

from collections.abc import Iterator
from pathlib import Path
from random import Random

from fake_primary import APEX, MARKER_RECORD, difference, ixfr_records, record, soa, view, zone
from fuzz_zones import NOW, STEERED, plain_query
from fuzzing import Target
from mutating import after, each_frame, join_frames, mutate_message, split_frames
from replies import check_reply
from target_query import Source

from gslb.answer.compile import ZoneTable
from gslb.answer.respond import Reply, respond
from gslb.answer.table import AnswerTable
from gslb.config.access import ProbeBounds
from gslb.config.sources import ZoneSource
from gslb.config.transferred import transferred_zone
from gslb.config.zones import load_zone
from gslb.steering.conditions import Conditions
from gslb.transfer.acceptance import Acceptance
from gslb.transfer.faults import FaultError
from gslb.transfer.request import Asked, Wanted
from gslb.transfer.stream import AnswerStream, Bounds, Differences, Outcome, Whole, in_steps
from gslb.wire.codes import AA, QR, RRType
from gslb.wire.pack import pack_messages
from gslb.wire.records import MessageError, Question, Record, parse_message
from gslb.zone.diff import ChangeSetError, Editor, records
from gslb.zone.view import View, steering_view

HAVE = view(5, "www 60 A 192.0.2.1", "old 60 TXT gone")
GSLB_HAVE = steering_view(transferred_zone(APEX, HAVE, ProbeBounds())[0])
ID = b"\x12\x34"
_MOST_OWNERS = 10


def check(data: bytes) -> None:
    """The first octet: what was asked for and what kind of primary it is; then the messages, framed as over TCP."""
    control = data[0] if data else 0
    qtype = RRType.IXFR if control & 1 else RRType.AXFR
    acceptance = Acceptance(APEX, "gslb" if control & 2 else "foreign")
    have = GSLB_HAVE if control & 2 else HAVE
    stream = AnswerStream(Asked(APEX, qtype, ID, 5, Wanted.NEWER), acceptance, Bounds(octets=100_000, records=1000))
    try:
        outcome = _fed(stream, split_frames(data[1:]))
        arrived = _view(outcome, have)
        if arrived is None:
            return
        acceptance.check_view(arrived)
    except (FaultError, ChangeSetError, MessageError) as error:
        assert str(error)
        return
    _check_served(arrived)


def _fed(stream: AnswerStream, messages: list[bytes]) -> Outcome | None:
    """As `exchange` feeds it: no message after the one that ends it."""
    for data in messages:
        stream.take(stream.open(parse_message(data), len(data)))
        stream.close()
        if stream.outcome is not None:
            break
    return stream.outcome


def _view(outcome: Outcome | None, have: View) -> View | None:
    if isinstance(outcome, Whole):
        for _ in outcome.gathering.freeze():
            pass
        return outcome.gathering.view
    if isinstance(outcome, Differences):
        editor = Editor(have)
        for change_set in outcome.change_sets:
            for step in in_steps(change_set, 2):
                editor.change(step)
        return editor.view()
    return None


def _check_served(arrived: View) -> None:
    """What was taken can be answered from and sent on."""
    served, _ = transferred_zone(APEX, arrived, ProbeBounds())
    table = AnswerTable().with_zone(ZoneTable(served), Conditions())
    for owner in list(served.rrsets)[:_MOST_OWNERS]:
        for qtype in (*served.rrsets[owner], int(RRType.A), int(RRType.ANY)):
            packet = plain_query(owner, qtype)
            reply = respond(packet, table, Source(1), now=NOW)
            assert isinstance(reply, Reply)
            check_reply(packet, reply.wire, 512, any_zone=True)
    for message in pack_messages(ID, QR, Question(APEX, RRType.AXFR).wire, records(steering_view(served), APEX)):
        parse_message(message)


def _axfr(contents: list[Record], limit: int = 16384) -> bytes:
    return join_frames(
        list(pack_messages(ID, QR | AA, Question(APEX, RRType.AXFR).wire, [*contents, contents[0]], limit=limit))
    )


def seeds() -> Iterator[bytes]:
    plain = zone(6, "www 60 A 192.0.2.1", "*.w 60 TXT x", "d 60 DNAME www", "c 60 CNAME www", "s 60 NS ns.s")
    yield b"\x00" + _axfr(plain)
    yield b"\x00" + _axfr(plain, limit=100)
    yield b"\x02" + _axfr([*plain, MARKER_RECORD])
    written = STEERED.replace("steered.test.", "example.")
    steered = load_zone(ZoneSource(APEX, Path("steered.yaml"), "octodns"), {}, written.encode()).zone.with_serial(9)
    yield b"\x02" + _axfr(list(records(steering_view(steered), APEX)))
    change = difference(soa(5), soa(6), ["old 60 TXT gone"], ["new 60 A 192.0.2.9"])
    more = difference(soa(6), soa(7), ["new 60 A 192.0.2.9"], ["new 60 A 192.0.2.8", "m 60 MX 1 www"])
    for differences in (ixfr_records(change), ixfr_records(change, more), plain, [soa(5)], [soa(6)]):
        question = Question(APEX, RRType.IXFR).wire
        yield b"\x01" + join_frames(list(pack_messages(ID, QR | AA, question, differences)))
    yield b"\x00" + join_frames(list(pack_messages(ID, QR | AA, b"", [soa(6), record("x 60 A 192.0.2.1"), soa(6)])))


def records_moved(data: bytes, rng: Random) -> bytes:
    """The records of a message in another order, some of them twice or not at all."""
    try:
        message = parse_message(data)
    except MessageError:
        return data
    moved = list(message.answer)
    for _ in range(rng.randint(1, 3)):
        if moved:
            at = rng.randrange(len(moved))
            if rng.random() < 0.4:
                moved.insert(rng.randrange(len(moved) + 1), moved[at])
            else:
                moved.insert(rng.randrange(len(moved)), moved.pop(at))
    question = b"" if message.question is None else message.question.wire
    try:
        return next(pack_messages(message.message_id, message.flags, question, moved, limit=60000))
    except ValueError:
        return data


def mutate(data: bytes, rng: Random) -> bytes:
    return after(1, each_frame(records_moved if rng.random() < 0.5 else mutate_message))(data, rng)


TARGET = Target(
    "any sequence of messages is a zone that can be answered from and sent on, or a fault that says what is wrong",
    seeds,
    check,
    mutate,
    most_octets=16384,
)
