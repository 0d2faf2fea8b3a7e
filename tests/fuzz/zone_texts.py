"""What must hold of any text as a zone file, in either format."""

from pathlib import Path

from fuzz_zones import NOW, monitors, plain_query
from replies import check_reply
from target_query import Source

from gslb.answer.compile import ZoneTable
from gslb.answer.respond import Reply, respond
from gslb.answer.table import AnswerTable
from gslb.config.problems import ConfigError
from gslb.config.zones import ZoneSource, load_zone
from gslb.steering.conditions import Conditions
from gslb.wire.codes import QR, RRType
from gslb.wire.names import Name, name_from_text
from gslb.wire.pack import pack_messages
from gslb.wire.records import Question, parse_message
from gslb.zone.diff import records, view_of
from gslb.zone.view import steering_view, zone_from_view
from gslb.zone.zone import Zone

APEX: Name = name_from_text("example.com.")
MONITORS = monitors()
_MOST_NAMES = 20


def check_zone_text(data: bytes, form: str) -> None:
    """Raise for a text that is neither a zone that can be answered from and sent, nor a list of problems."""
    try:
        loaded = load_zone(ZoneSource(APEX, Path("/nonexistent/zone"), form), MONITORS, data)
    except ConfigError as error:
        assert error.problems
        for problem in error.problems:
            assert problem.message
            assert 1 <= problem.line <= len(data) + 1
        return
    zone = loaded.zone if loaded.zone.serial else loaded.zone.with_serial(1)
    _check_answers(zone)
    _check_transfer(zone)


def _check_answers(zone: Zone) -> None:
    table = AnswerTable().with_zone(ZoneTable(zone), Conditions())
    for owner in list(zone.rrsets)[:_MOST_NAMES]:
        for qname in (owner, b"\x05below" + owner):
            for qtype in (*zone.rrsets[owner], int(RRType.A)):
                if len(qname) <= 255:
                    packet = plain_query(qname, qtype)
                    reply = respond(packet, table, Source(1), now=NOW)
                    assert isinstance(reply, Reply)
                    check_reply(packet, reply.wire, 512, any_zone=True)


def _check_transfer(zone: Zone) -> None:
    view = steering_view(zone)
    question = Question(zone.apex, RRType.AXFR).wire
    messages = pack_messages(b"\x12\x34", QR, question, records(view, zone.apex))
    arrived = view_of(record for message in messages for record in parse_message(message).answer)
    again, warnings = zone_from_view(zone.apex, arrived, lambda _: None)
    assert not warnings, warnings
    assert again.digest() == zone.digest(), "another zone comes out of a transfer"
