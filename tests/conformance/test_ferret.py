"""FERRET: zones and queries generated from a formal model of the DNS, with the replies of BIND, NSD, Knot and
PowerDNS (Kakarla et al., NSDI 2022), through `respond`.

A reply matches when rcode, flags, answer and additional are equal as sets, and authority too where either answer
section is empty. TTLs are compared nowhere.
"""

import json
import lzma
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dns.flags
import dns.message
import pytest

from gslb.answer.compile import ZoneTable
from gslb.answer.respond import Reply, respond
from gslb.answer.short import ShortPath
from gslb.answer.table import AnswerTable
from gslb.steering.conditions import Conditions
from gslb.wire.codes import type_from_text
from gslb.wire.names import name_from_text
from gslb.zone.steered import SteeredKey
from gslb.zone.zone import Zone

TESTS = 4332
MATCHING = 4332
ALL_DIFFER = "differs where 1 of four agree"
FLAGS = dns.flags.QR | dns.flags.AA | dns.flags.TC | dns.flags.RD | dns.flags.AD | dns.flags.CD

Sets = tuple[int, int, frozenset, frozenset, frozenset]


class NoDraws:
    """Nothing here is steered, so a draw is a mistake."""

    def random(self) -> float:
        raise AssertionError("a draw in a zone without steered owners")

    def turn(self, key: SteeredKey) -> int:
        raise AssertionError(f"a turn of {key} in a zone without steered owners")


def sets_of(message: dns.message.Message) -> Sets:
    def records(section: list) -> frozenset:
        return frozenset(
            (rrset.name.to_text().lower(), rrset.rdtype, rdata.to_text().lower())
            for rrset in section
            for rdata in rrset
        )

    sections = (records(section) for section in (message.answer, message.additional, message.authority))
    return (message.rcode(), message.flags & FLAGS, *sections)


def match(ours: Sets, theirs: Sets) -> bool:
    authority_counts = not (ours[2] and theirs[2])
    return ours[:4] == theirs[:4] and (not authority_counts or ours[4] == theirs[4])


def asked(case: dict[str, Any], zone_of: Callable[..., Zone]) -> Sets:
    table = AnswerTable().with_zone(ZoneTable(zone_of(case["zone"])), Conditions())
    question = name_from_text(case["qname"]) + type_from_text(case["qtype"]).to_bytes(2, "big") + b"\x00\x01"
    query = b"\xab\xcd\x00\x00\x00\x01" + bytes(6) + question
    reply = respond(query, table, NoDraws())
    assert isinstance(reply, Reply)
    short = ShortPath().answer(query, table, NoDraws())
    assert short is None or short[0] == reply.wire
    return sets_of(dns.message.from_wire(reply.wire))


def expectations(case: dict[str, Any]) -> Iterator[tuple[int, Sets]]:
    """Each reply the servers gave, and how many gave it."""
    for entry in case["expected"]:
        if entry["response"]:
            yield len(entry["servers"]), sets_of(dns.message.from_text("\n".join(entry["response"])))


def cases(shared: Path) -> Iterator[dict[str, Any]]:
    with lzma.open(shared / "conformance" / "ferret.jsonl.xz", "rt") as lines:
        for line in lines:
            yield json.loads(line)


@pytest.fixture(scope="module")
def results(shared: Path, zone_of: Callable[..., Zone]) -> list[tuple[dict[str, Any], str]]:
    """Each case with what became of it."""
    found = []
    for case in cases(shared):
        ours, theirs = asked(case, zone_of), list(expectations(case))
        matching = sum(servers for servers, sets in theirs if match(ours, sets))
        most = max(servers for servers, _ in theirs)
        found.append((case, "matches" if matching == most else f"differs where {most} of four agree"))
    return found


def report(results: list[tuple[dict[str, Any], str]]) -> str:
    """The failures by category, and the first few questions of each."""
    failing = [(case, verdict) for case, verdict in results if verdict != "matches"]
    counts = Counter((case["tag"], verdict) for case, verdict in failing)
    lines = [f"{tag}: {verdict}: {count}" for (tag, verdict), count in sorted(counts.items())]
    lines += [f"  {case['id']} {case['qname']} {case['qtype']} ({case['tag']})" for case, _ in failing[:20]]
    return "\n".join(lines)


def test_where_servers_agree_we_answer_as_the_most_of_them_do(results) -> None:
    failing = [case for case, verdict in results if verdict not in {"matches", ALL_DIFFER}]
    assert not failing, report(results)


def test_as_many_replies_match_as_ever_did(results) -> None:
    assert len(results) == TESTS
    matching = sum(verdict == "matches" for _, verdict in results)
    assert matching >= MATCHING, report(results)


def test_what_differs_are_endless_dnames_for_which_no_two_servers_agree(results) -> None:
    differing = {case["tag"] for case, verdict in results if verdict != "matches"}
    assert differing <= {"D1"}, report(results)
