"""The private records of a zone's steering view (TYPE65282): JSON that another node wrote."""

from collections.abc import Iterator
from types import MappingProxyType

from fuzz_zones import NOW, ROOT, STEERED, monitors, plain_query
from fuzzing import Target
from mutating import of_words
from target_query import Source

from gslb.answer.compile import ZoneTable
from gslb.answer.respond import Reply, respond
from gslb.answer.table import AnswerTable
from gslb.config.access import ProbeBounds
from gslb.config.sources import ZoneSource
from gslb.config.transferred import transferred_zone
from gslb.config.zones import load_zone
from gslb.steering.conditions import Conditions
from gslb.wire.codes import RRType
from gslb.wire.names import Name, name_from_text
from gslb.wire.records import parse_message
from gslb.zone.private import PRIVATE_TYPE, reserved_owner
from gslb.zone.rrset import RRset
from gslb.zone.view import steering_view
from gslb.zone.zone import Zone

WORDS = (
    '"', ":", ",", "{", "}", "[", "]", "null", "true", "0", "1", "-1", "1e999", "1.5", "65282",
    "99999999999999999999", "{}", '"of":', '"owner":', '"piece":', '"text":', '"type":', '"values":', '"policy":',
    '"answers":', '"all_down":', '"rules":', '"pools":', '"monitors":', '"fallback":', '"members":', '"weight":',
    '"status":', '"priority":', '"monitor":', '"target":', '"probe":', '"options":', '"interval":', '"timeout":',
    '"rise":', '"fall":', '"min_healthy":', '"name":', '"round_robin"', '"failover"', '"drain"', '"c0000201"',
    '"www"', "\\u0000", "\\ud800", "\u00fc", "\x01", "\x02",
)  # fmt: skip
APEX: Name = name_from_text("steered.test.")


def _read(apex: Name, text: bytes) -> Zone:
    return load_zone(ZoneSource(apex, ROOT / "zone.yaml", "octodns"), monitors(), text).zone.with_serial(7)


ZONE = _read(APEX, STEERED.encode())
VIEW = steering_view(ZONE)
OWNERS = [owner for owner, types in VIEW.items() if PRIVATE_TYPE in types]


def check(data: bytes) -> None:
    """The first octet says whose steering the rest is put in the place of."""
    owner = OWNERS[data[0] % len(OWNERS)] if data else reserved_owner(APEX)
    changed = dict(VIEW)
    changed[owner] = MappingProxyType({PRIVATE_TYPE: RRset(owner, PRIVATE_TYPE, 0, (data[1:],))})
    zone, warnings = transferred_zone(APEX, MappingProxyType(changed), ProbeBounds())
    assert all(warnings)
    assert {name: dict(types) for name, types in zone.rrsets.items()}.keys() == ZONE.rrsets.keys()
    table = AnswerTable().with_zone(ZoneTable(zone), Conditions())
    for name, rtype in ZONE.steered:
        reply = respond(plain_query(name, rtype), table, Source(1), now=NOW)
        assert isinstance(reply, Reply)
        assert parse_message(reply.wire).rcode in {0, 2}
    assert RRType.SOA in zone.rrsets[APEX]
    steering_view(zone)


def seeds() -> Iterator[bytes]:
    for number, owner in enumerate(OWNERS):
        for rdata in VIEW[owner][PRIVATE_TYPE].rdatas:
            yield bytes((number,)) + rdata
    apex = name_from_text("example.com.")
    with_monitors = steering_view(_read(apex, (ROOT / "zones" / "example.com.yaml").read_bytes()))
    for types in with_monitors.values():
        for rrset in types.values():
            if rrset.rtype == PRIVATE_TYPE:
                yield b"\x01" + rrset.rdatas[0]
    yield b'\x01\x01{"of":1,"owner":"www","piece":0,"text":"{}","type":1}'


TARGET = Target(
    "any octets as a private record leave a zone with the same owners, which answers, and a warning for what is wrong",
    seeds,
    check,
    of_words(WORDS),
    most_octets=8192,
)
