"""Scenarios: files of zones and queries, with the exact reply to each.

A file holds `zones` (records one a line, absolute names), `steered` owners in a small form, and `cases`. A case is
a query and what it is asked with; the reply is written as `RCODE flags`, then a line for each record,
`section owner ttl type rdata`, in order, and `opt size [do]` for our OPT. `silence` is no reply. The zones under
`signed` are written with their NSEC or NSEC3 records, and get made-up signatures; of these the reply says what each
covers, and its labels.

Keys of a case: `ask` ("www.example. A"), `class`, `flags` (rd, ad, cd), `edns` (size), `do`, `version`, `tcp`;
`down` and `held` (values found down by their probe, or held down by an operator); `random` (the numbers drawn) and
`turn` (turns taken before). All numbers have to be used up, and no other may be asked for.

A case with `same_as_short` is one that the short path has to answer as well, once it has been asked.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dnslib
import pytest
import yaml
from signed_zone import complete

from gslb.answer.compile import ZoneTable
from gslb.answer.respond import Silence, respond
from gslb.answer.short import ShortPath
from gslb.answer.table import AnswerTable
from gslb.steering.conditions import Conditions, Health, Override, OverrideNote, Verdict
from gslb.wire.codes import Rcode, type_from_text
from gslb.wire.names import name_from_text
from gslb.wire.rdata import rdata_from_text, rdata_to_text
from gslb.zone.rrset import RRset
from gslb.zone.steered import AllDown, Member, Monitor, Pool, Rule, Steered, SteeredKey
from gslb.zone.zone import Zone

FOLDER = Path(__file__).parent
SECTIONS = ("answer", "authority", "additional")
ASKED_WITH = {"class", "flags", "edns", "do", "version", "tcp", "down", "held", "random", "turn"}
KEYS = {"name", "ask", "same_as_short", "reply"} | ASKED_WITH


@dataclass
class Source:
    """A draw source of the numbers in a case."""

    numbers: list[float]
    turns: int | None
    asked: int = field(default=0)

    def random(self) -> float:
        return self.numbers.pop(0)

    def turn(self, _key: SteeredKey) -> int:
        assert self.turns is not None, "a turn was taken that the case does not name"
        self.asked += 1
        return self.turns + self.asked - 1

    def is_used_up(self) -> bool:
        return not self.numbers and (self.turns is None or self.asked > 0)


def monitor(value: str) -> Monitor:
    return Monitor("tcp", value, "{}", 5.0, 2.0, 2, 3)


def steered_from(form: dict[str, Any]) -> Steered:
    """`{owner, type, ttl, values, pools: {name: {members: {value: weight}, fallback, min_healthy}}, policy, ...}`;
    without pools the values are the one pool's members."""
    owner, rtype = name_from_text(form["owner"]), type_from_text(form["type"])

    def rdata(text: str) -> bytes:
        return rdata_from_text(rtype, text, b"\x00")

    def pool(name: str, options: dict[str, Any]) -> Pool:
        members = tuple(
            Member(rdata(value), weight=int(weight), monitor=monitor(value))
            for value, weight in options["members"].items()
        )
        return Pool(name, members, options.get("fallback"), float(options.get("min_healthy", 0)))

    pools = form.get("pools") or {"main": {"members": dict.fromkeys(form["values"], "1")}}
    return Steered(
        RRset(owner.lower(), rtype, int(form["ttl"]), tuple(rdata(value) for value in form["values"])),
        tuple(pool(name, options) for name, options in pools.items()),
        (Rule(next(iter(pools))),),
        form.get("policy", "weighted"),
        int(form.get("answers", 1)),
        AllDown(form.get("all_down", "values")),
    )


def conditions_of(case: dict[str, Any], steered: list[Steered]) -> Conditions:
    down = Verdict(Health.DOWN, 1.0, "refused", 1.0)
    held = OverrideNote(Override.DOWN, "ann", "", 1.0)
    return Conditions(
        {monitor(value).key: down for value in case.get("down", [])},
        {
            (each.key, member.value): held
            for each in steered
            for pool in each.pools
            for member in pool.members
            if rdata_to_text(each.rrset.rtype, member.value) in case.get("held", [])
        },
    )


def query_of(case: dict[str, Any]) -> bytes:
    qname, qtype = case["ask"].split()
    flags = sum(int(dns.flags.from_text(flag)) for flag in case.get("flags", ["rd"]))
    header = b"\xab\xcd" + flags.to_bytes(2, "big") + bytes((0, 1, 0, 0, 0, 0, 0, 1 if "edns" in case else 0))
    qclass = dns.rdataclass.from_text(case.get("class", "IN"))
    question = name_from_text(qname) + type_from_text(qtype).to_bytes(2, "big") + int(qclass).to_bytes(2, "big")
    opt = b""
    if "edns" in case:
        do = b"\x80\x00" if case.get("do") == "yes" else b"\x00\x00"
        version = bytes((0, int(case.get("version", 0))))
        opt = b"\x00\x00\x29" + int(case["edns"]).to_bytes(2, "big") + version + do + b"\x00\x00"
    return header + question + opt


def text_of(wire: bytes) -> str:
    """A reply in the form of the scenario files, read by dnspython."""
    message = dns.message.from_wire(wire, one_rr_per_rrset=True)
    flags = dns.flags.to_text(message.flags).lower().split()
    assert flags[0] == "qr"
    lines = [" ".join([dns.rcode.to_text(message.rcode()), *flags[1:]])]
    for section in SECTIONS:
        for rrset in getattr(message, section):
            rtype = dns.rdatatype.to_text(rrset.rdtype)
            lines.append(f"{section} {rrset.name} {rrset.ttl} {rtype} {_shown(rrset[0])}")
    if message.edns >= 0:
        lines.append(f"opt {message.payload}" + (" do" if message.ednsflags & 0x8000 else ""))
    return "\n".join(lines)


def _shown(rdata: dns.rdata.Rdata) -> str:
    """Of a signature, what it covers and with how many labels; the rest is made up."""
    if rdata.rdtype == dns.rdatatype.RRSIG:
        return f"{dns.rdatatype.to_text(rdata.type_covered)} {rdata.labels}"
    return str(rdata)


def cases() -> list[Any]:
    found = []
    for path in sorted(FOLDER.glob("*.yaml")):
        written = yaml.load(path.read_text(), yaml.BaseLoader)
        for case in written["cases"]:
            unknown = set(case) - KEYS
            assert not unknown, f"{path.name}: {case['name']}: unknown keys {unknown}"
            found.append(pytest.param(written, case, id=f"{path.stem}: {case['name']}"))
    return found


def table_of(written: dict[str, Any], case: dict[str, Any], zone_of: Callable[..., Zone]) -> AnswerTable:
    steered = [steered_from(form) for form in written.get("steered", [])]
    conditions = conditions_of(case, steered)
    table = AnswerTable()
    for text in written.get("zones", []):
        plain = zone_of(text)
        inside = [each for each in steered if each.rrset.owner.endswith(plain.apex)]
        table = table.with_zone(ZoneTable(zone_of(text, *inside)), conditions)
    for text in written.get("signed", []):
        table = table.with_zone(ZoneTable(complete(zone_of(text))), conditions)
    for apex in written.get("failed", []):
        table = table.with_failed(name_from_text(apex))
    return table


def source_of(case: dict[str, Any]) -> Source:
    return Source([float(number) for number in case.get("random", [])], int(case["turn"]) if "turn" in case else None)


@pytest.mark.parametrize(("written", "case"), cases())
def test_scenario(written: dict[str, Any], case: dict[str, Any], zone_of: Callable[..., Zone]) -> None:
    table, query, source = table_of(written, case, zone_of), query_of(case), source_of(case)
    reply = respond(query, table, source, udp=case.get("tcp") != "yes")
    if isinstance(reply, Silence):
        assert case["reply"].strip() == "silence"
        return
    assert text_of(reply.wire) == case["reply"].strip()
    assert source.is_used_up()
    assert reply.facts.rcode is not Rcode.SERVFAIL or reply.outcomes == (), "no member is counted that was not sent"
    question_end = query.find(0, 12) + 5
    assert reply.wire[:2] == query[:2]
    assert reply.wire[12:question_end] == query[12:question_end], "the question comes back octet by octet"
    dnslib.DNSRecord.parse(reply.wire)
    short = ShortPath().answer(query, table, source_of(case))
    if case.get("same_as_short") == "yes":
        assert short is not None
    if short is not None:
        assert (short[0], short[1].facts) == (reply.wire, reply.facts)
        assert ((short[2],) if short[2] else ()) == reply.outcomes


def test_every_scenario_has_a_name_of_its_own() -> None:
    names = [param.id for param in cases()]
    assert len(names) == len(set(names))
    assert len(names) > 50
