"""The members of one zone, for its peers, and those of all, for `gslb status`."""

import pytest

from gslb.answer.compile import ZoneTable
from gslb.answer.table import AnswerTable
from gslb.app import status
from gslb.app.status import members_status
from gslb.steering.conditions import Conditions
from gslb.wire.names import name_from_text
from gslb.zone.rrset import RRset
from gslb.zone.steered import Member, Pool, Rule, Steered

ADDRESSES = (bytes((192, 0, 2, 1)), bytes((192, 0, 2, 2)))
APEXES = ("a.example.", "b.example.", "c.example.")


def steered(owner: str) -> Steered:
    members = tuple(map(Member, ADDRESSES))
    return Steered(RRset(name_from_text(owner), 1, 30, ADDRESSES[:1]), (Pool("main", members),), (Rule("main"),))


@pytest.fixture
def table(zone_of) -> AnswerTable:
    table = AnswerTable()
    for apex in APEXES:
        zone = zone_of(f"{apex} 60 SOA ns.o. ops.o. 1 1 1 1 1\n{apex} 60 NS ns.o.", steered(f"www.{apex}"))
        table = table.with_zone(ZoneTable(zone), Conditions())
    return table


def test_those_of_one_zone_are_among_those_of_all(table: AnswerTable) -> None:
    every = members_status(table, Conditions())
    assert [row["owner"] for row in every] == [f"www.{apex}" for apex in APEXES for _ in ADDRESSES]
    keys = table.zones[name_from_text("b.example.")].zone.steered
    assert members_status(table, Conditions(), keys) == every[2:4]
    assert members_status(table, Conditions(), ()) == []


def test_those_of_one_zone_cost_no_look_at_the_others(table: AnswerTable, monkeypatch: pytest.MonkeyPatch) -> None:
    """A peer asks for each zone, and there may be thousands."""
    rendered: list[bytes] = []

    def noted(_: int, value: bytes) -> str:
        rendered.append(value)
        return ""

    monkeypatch.setattr(status, "rdata_to_text", noted)
    members_status(table, Conditions(), table.zones[name_from_text("b.example.")].zone.steered)
    assert len(rendered) == len(ADDRESSES)
