"""The zones, the key and the queries that the targets work with: the scenarios' and one that has everything steered."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import yaml
from signed_zone import complete

from gslb.answer.compile import ZoneTable
from gslb.answer.table import AnswerTable
from gslb.config.monitors import MonitorProfile
from gslb.config.node import load_node
from gslb.config.zones import ZoneSource, load_zone
from gslb.steering.conditions import Conditions
from gslb.wire.codes import RRType, type_from_text
from gslb.wire.names import name_from_text
from gslb.wire.rdata import rdata_from_text
from gslb.wire.tsig import TsigKey
from gslb.zone.builder import ZoneBuilder
from gslb.zone.rrset import RRset
from gslb.zone.zone import Zone

ROOT = Path(__file__).parent.parent.parent
SCENARIOS = ROOT / "tests" / "scenarios"
KEY = TsigKey(name_from_text("fuzz.key."), "hmac-sha256", b"k" * 32)
NOW = 1_750_000_000.0

_LONG_TEXTS = ", ".join(f"{number:03d}{'x' * 200}" for number in range(12))
_MANY_ADDRESSES = ", ".join(f"10.0.{number // 250}.{number % 250 + 1}" for number in range(300))
STEERED = """\
'': {type: NS, values: [ns1.steered.test., ns2.elsewhere.test.]}
ns1: {type: A, value: 192.0.2.53}
www: {type: A, ttl: 5, values: [192.0.2.1, 192.0.2.2, 192.0.2.3], gslb: {weights: {192.0.2.1: 3}}}
turns: {type: A, values: [192.0.2.1, 192.0.2.2], gslb: {policy: round_robin}}
many: {type: A, values: [192.0.2.1, 192.0.2.2, 192.0.2.3], gslb: {answers: 2}}
empty: {type: A, values: [192.0.2.1], gslb: {status: {192.0.2.1: down}, all_down: empty}}
fail: {type: A, values: [192.0.2.1], gslb: {status: {192.0.2.1: down}, all_down: servfail}}
'*.wild': {type: AAAA, values: ['2001:db8::1', '2001:db8::2'], gslb: {policy: failover}}
alias: {type: CNAME, value: www.steered.test., gslb: {weights: {www.steered.test.: 2}}}
over: {type: CNAME, value: alias.steered.test.}
big: {type: TXT, values: [LONG_TEXTS]}
huge: {type: A, values: [MANY_ADDRESSES]}
d: {type: DNAME, value: e.steered.test.}
e: {type: MX, values: [{preference: 10, exchange: ns1.steered.test.}, {preference: 20, exchange: www.steered.test.}]}
child: {type: NS, values: [ns.child.steered.test., ns1.steered.test.]}
ns.child: {type: A, value: 192.0.2.77}
""".replace("LONG_TEXTS", _LONG_TEXTS).replace("MANY_ADDRESSES", _MANY_ADDRESSES)


def monitors() -> dict[str, MonitorProfile]:
    """The monitors of the example configuration."""
    return dict(load_node(ROOT / "deploy" / "gslb.yaml").monitors)


@cache
def scenario_files() -> list[dict]:
    return [yaml.safe_load(path.read_text()) for path in sorted(SCENARIOS.glob("*.yaml"))]


def scenario_zones() -> Iterator[str]:
    """The scenarios' zones as master files."""
    for document in scenario_files():
        yield from document.get("zones", ())


@cache
def zones() -> tuple[Zone, ...]:
    """One zone for each apex; of several in the scenarios the first that loads."""
    found: dict[bytes, Zone] = {}
    for text in scenario_zones():
        zone = _built(text)
        found.setdefault(zone.apex, zone)
    steered = ZoneSource(name_from_text("steered.test."), Path("steered.yaml"), "octodns")
    return (*found.values(), load_zone(steered, {}, STEERED.encode()).zone.with_serial(7))


def _built(text: str) -> Zone:
    """A zone of records one a line, whatever the checks of files would say of it."""
    split = [line.split(None, 3) for line in text.splitlines()]
    builder = ZoneBuilder(name_from_text(split[0][0]).lower())
    for owner, ttl, type_text, rdata in split:
        rtype = type_from_text(type_text)
        values = (rdata_from_text(rtype, rdata, b"\x00"),)
        builder.add(RRset(name_from_text(owner).lower(), rtype, int(ttl), values))
    return builder.build()


@cache
def signed_zones() -> tuple[Zone, ...]:
    """The scenarios' signed zones; they are of one apex, so each is for a table of its own."""
    return tuple(complete(_built(text)) for document in scenario_files() for text in document.get("signed", ()))


def signed_tables() -> tuple[AnswerTable, ...]:
    return tuple(AnswerTable().with_zone(ZoneTable(zone), Conditions()) for zone in signed_zones())


def fresh_table() -> AnswerTable:
    """Every zone, one that cannot be served besides."""
    table = AnswerTable()
    for zone in zones():
        table = table.with_zone(ZoneTable(zone), Conditions())
    return table.with_failed(name_from_text("broken.test."))


@cache
def questions() -> tuple[tuple[bytes, int], ...]:
    """Names and types: those of the scenarios, and each name of each zone with what stands there and below."""
    found: dict[tuple[bytes, int], None] = {}
    for document in scenario_files():
        for case in document["cases"]:
            name, rtype = case["ask"].rsplit(None, 1)
            found[name_from_text(name), type_from_text(rtype)] = None
    for zone in (*zones(), *signed_zones()):
        for rrset in zone.each_rrset():
            found[rrset.owner, rrset.rtype] = None
            found[rrset.owner, int(RRType.ANY)] = None
            found[b"\x05below" + rrset.owner, int(RRType.A)] = None
    return tuple(question for question in found if len(question[0]) <= 255)


def plain_query(qname: bytes, qtype: int, flags: int = 0x0100) -> bytes:
    """A query without EDNS."""
    header = b"\xab\xcd" + flags.to_bytes(2, "big") + b"\x00\x01" + bytes(6)
    return header + qname + qtype.to_bytes(2, "big") + b"\x00\x01"
