"""explain says why, and says what `respond` does."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import dns.message
import dns.rdatatype
import pytest

from gslb.answer.compile import ZoneTable
from gslb.answer.explain import Explanation, explain
from gslb.answer.respond import respond
from gslb.answer.table import AnswerTable
from gslb.steering.conditions import Conditions, Health, Override, OverrideNote, Verdict
from gslb.wire.codes import Rcode
from gslb.wire.names import name_from_text
from gslb.zone.rrset import RRset
from gslb.zone.steered import AllDown, Member, Monitor, Pool, Rule, Steered
from gslb.zone.zone import Zone

ZoneOf = Callable[..., Zone]

PLAIN = """e. 60 SOA ns.e. ops.e. 7 1 1 1 60
e. 60 NS ns.elsewhere.
alias.e. 60 CNAME www.e.
child.e. 60 NS ns.elsewhere.
"""
WWW = name_from_text("www.e.")


def monitor(number: int) -> Monitor:
    return Monitor("tcp", str(number), "{}", 5.0, 2.0, 2, 3)


def member(number: int, **options) -> Member:
    return Member(bytes((192, 0, 2, number)), monitor=monitor(number), **options)


def steered(*pools: Pool, **options) -> Steered:
    return Steered(RRset(WWW, 1, 30, (pools[0].members[0].value,)), pools, (Rule(pools[0].name),), **options)


def table_of(zone_of: ZoneOf, each: Steered, *down: int, held: tuple[int, ...] = ()) -> AnswerTable:
    verdicts = {monitor(number).key: Verdict(Health.DOWN, 100.0, "refused", 200.0) for number in down}
    overrides = {(each.key, member(number).value): OverrideNote(Override.DRAIN, "ann", "", 150.0) for number in held}
    return AnswerTable().with_zone(ZoneTable(zone_of(PLAIN, each)), Conditions(verdicts, overrides))


def members(explanation: Explanation) -> dict[str, tuple[float | None, str]]:
    """The share of each member, and why it was skipped, in the last step."""
    pools: list[dict[str, Any]] = explanation.steps[-1]["pools"]
    return {each["value"]: (each["share"], each["skipped"]) for pool in pools for each in pool["members"]}


def test_shares_and_why_the_others_are_skipped(zone_of: ZoneOf) -> None:
    main = Pool("main", (member(1, weight=3), member(2), member(3), member(4), member(5, weight=0)), "spare")
    table = table_of(zone_of, steered(main, Pool("spare", (member(6),))), 3, held=(4,))
    found = explain(table, WWW, 1)
    assert members(found) == {
        "192.0.2.1": (0.75, ""),
        "192.0.2.2": (0.25, ""),
        "192.0.2.3": (None, "refused"),
        "192.0.2.4": (None, "override drain by ann"),
        "192.0.2.5": (None, "weight 0: stands by until no other member of its pool is available"),
        "192.0.2.6": (None, "its pool is not used"),
    }
    (step,) = found.steps
    assert (step["kind"], step["pool"], step["ttl"], step["degraded"]) == ("steered", "main", 30, "")
    assert step["shares"] == {"192.0.2.1": 0.75, "192.0.2.2": 0.25}
    assert [pool["chosen"] for pool in step["pools"]] == [True, False]
    third = step["pools"][0]["members"][2]
    assert (third["health"], third["since"], third["monitor"]) == ("down", 100.0, monitor(3).key)


def test_a_member_that_failover_does_not_need_is_skipped_by_the_policy(zone_of: ZoneOf) -> None:
    table = table_of(zone_of, steered(Pool("main", (member(1), member(2))), policy="failover"))
    assert members(explain(table, WWW, 1)) == {
        "192.0.2.1": (1.0, ""),
        "192.0.2.2": (None, "the policy prefers other members"),
    }


@pytest.mark.parametrize(
    ("all_down", "expected", "rcode"),
    [
        (AllDown.SERVE_ALL, {"192.0.2.1": (0.75, ""), "192.0.2.2": (0.25, "")}, "NOERROR"),
        (AllDown.VALUES, {"192.0.2.1": (1.0, ""), "192.0.2.2": (None, "refused")}, "NOERROR"),
        (AllDown.EMPTY, {"192.0.2.1": (None, "refused"), "192.0.2.2": (None, "refused")}, "NOERROR"),
        (AllDown.SERVFAIL, {"192.0.2.1": (None, "refused"), "192.0.2.2": (None, "refused")}, "SERVFAIL"),
    ],
)
def test_with_everything_down_the_members_that_are_answered_have_shares(zone_of, all_down, expected, rcode) -> None:
    each = steered(Pool("main", (member(1, weight=3), member(2))), all_down=all_down)
    found = explain(table_of(zone_of, each, 1, 2), WWW, 1)
    assert members(found) == expected
    assert found.rcode == rcode
    assert found.steps[0]["pool"] is None
    assert f"all_down {all_down.value}" in found.steps[0]["degraded"]


@pytest.mark.parametrize(
    ("name", "qtype", "kinds", "rcode"),
    [
        ("www.e.", 1, ["steered"], "NOERROR"),
        ("alias.e.", 1, ["alias", "steered"], "NOERROR"),
        ("www.e.", 28, ["nodata"], "NOERROR"),
        ("nowhere.e.", 1, ["nxdomain"], "NXDOMAIN"),
        ("www.child.e.", 1, ["referral"], "NOERROR"),
        ("e.", 2, ["static"], "NOERROR"),
    ],
)
def test_each_step_has_a_kind(zone_of: ZoneOf, name: str, qtype: int, kinds: list[str], rcode: str) -> None:
    found = explain(table_of(zone_of, steered(Pool("main", (member(1),)))), name_from_text(name), qtype)
    assert [step["kind"] for step in found.steps] == kinds
    assert (found.zone, found.serial, found.rcode) == ("e.", 7, rcode)
    assert found.to_json()["steps"] == list(found.steps)


def test_what_is_not_ours_is_refused_and_a_failed_zone_is_servfail(zone_of: ZoneOf) -> None:
    table = table_of(zone_of, steered(Pool("main", (member(1),))))
    assert explain(table, name_from_text("x."), 1) == Explanation("x.", "A", None, None, "REFUSED", ())
    failed = table.with_failed(name_from_text("e."))
    assert explain(failed, WWW, 1) == Explanation("www.e.", "A", "e.", None, "SERVFAIL", ())


def test_explain_tells_the_rcode_and_the_members_of_respond(rich_table, rich_names, seeded) -> None:
    compared = 0
    for qname in rich_names:
        for qtype in (1, 2, 5, 16, 28, 43):
            found = explain(rich_table, qname.lower(), qtype)
            if any(step["kind"] == "steered" and step["type"] == "CNAME" for step in found.steps):
                continue  # where the draw leads is not known before it is taken
            query = bytes(5) + b"\x01" + bytes(6) + qname + qtype.to_bytes(2, "big") + b"\x00\x01"
            reply = respond(query, rich_table, seeded(compared))
            assert Rcode[found.rcode] == reply.facts.rcode
            assert (found.zone or "") == reply.facts.zone
            shares = found.steps[-1].get("shares", {}) if found.steps else {}
            assert {f"198.51.100.{outcome.value[3]}" for outcome in reply.outcomes} <= set(shares)
            assert bool(reply.outcomes) == bool(shares)
            compared += 1
    assert compared > 500


def test_weights_of_a_pool_that_stands_by_are_equal(zone_of: ZoneOf) -> None:
    pool = Pool("main", (member(1), replace(member(2), weight=0), replace(member(3), weight=0)))
    found = explain(table_of(zone_of, steered(pool), 1), WWW, 1)
    assert members(found)["192.0.2.2"] == members(found)["192.0.2.3"] == (0.5, "")


@pytest.mark.parametrize(
    ("name", "qtype", "kind", "found_at", "why"),
    [
        ("mail.example.", 1, "static", "mail.example.", "exact match"),
        ("x.wild.example.", 1, "static", "*.wild.example.", "the wildcard *.wild.example., for there is no such name"),
        ("alias.example.", 1, "alias", "alias.example.", "a CNAME to www.example., where the search goes on"),
        ("x.cwild.example.", 1, "alias", "*.cwild.example.", "the wildcard *.cwild.example.,"),
        ("outside.example.", 1, "alias", "outside.example.", "www.elsewhere., which is not in this zone: resolvers"),
        ("loop.example.", 1, "alias", "loop.example.", "runs in a circle, and ends here"),
        ("www.d.example.", 1, "dname", "d.example.", "below the DNAME d.example.: renamed to www.target.example."),
        ("x.child.example.", 1, "referral", "child.example.", "the zone cut child.example.: a referral"),
        ("mail.example.", 15, "nodata", "mail.example.", "exact match: it has A, but no MX"),
        ("b.c.example.", 1, "nodata", "b.c.example.", "nothing stands at this name, only below it"),
        ("x.wild.example.", 15, "nodata", "*.wild.example.", "it has A, TXT, but no MX"),
        ("no.such.example.", 1, "nxdomain", "example.", "the closest that exists is example., and it has no wildcard"),
        ("x.swild.example.", 1, "steered", "*.swild.example.", "the wildcard *.swild.example."),
        ("scname.example.", 1, "steered", "scname.example.", "a CNAME that is drawn"),
        ("www.example.", 255, "static", "www.example.", "one rrset of our choice (RFC 8482)"),
    ],
)
def test_the_first_step_says_where_the_answer_comes_from(rich_table, name, qtype, kind, found_at, why) -> None:
    step = explain(rich_table, name_from_text(name), qtype).steps[0]
    assert (step["kind"], step["found_at"]) == (kind, found_at)
    assert why in step["why"]


def test_a_chain_of_more_than_eight_steps_says_so(zone_of: ZoneOf) -> None:
    chain = "".join(f"c{number}.e. 60 CNAME c{number + 1}.e.\n" for number in range(12))
    table = AnswerTable().with_zone(ZoneTable(zone_of(PLAIN + chain)), Conditions())
    found = explain(table, name_from_text("c0.e."), 1)
    assert len(found.steps) == 9
    assert found.steps[-1]["why"].endswith("a chain ends after 8 steps")


def dug(records: list[dict[str, Any]], section: str) -> list[str]:
    """The records of a section in the form of dnspython's text."""
    return sorted(
        f"{record['owner']} {record['ttl']} IN {record['type']} {record['data']}"
        for record in records
        if record["section"] == section
    )


def replied(rrsets: list[dns.rrset.RRset]) -> list[str]:
    return sorted(
        f"{rrset.name.to_text().lower()} {rrset.ttl} IN {rdata_line(rrset, rdata)}"
        for rrset in rrsets
        for rdata in rrset
    )


def rdata_line(rrset: dns.rrset.RRset, rdata: dns.rdata.Rdata) -> str:
    return f"{dns.rdatatype.to_text(rrset.rdtype)} {rdata.to_text()}"


def test_explain_shows_the_records_of_respond_section_by_section(rich_table, rich_names, seeded) -> None:
    compared = 0
    for qname in rich_names:
        for qtype in (1, 2, 5, 6, 15, 16, 28, 33, 39, 43, 65, 97, 255):
            found = explain(rich_table, qname.lower(), qtype)
            records = [record for step in found.steps for record in step["records"]]
            if any(step["kind"] == "steered" for step in found.steps):
                continue
            query = bytes(5) + b"\x01" + bytes(6) + qname + qtype.to_bytes(2, "big") + b"\x00\x01"
            reply = dns.message.from_wire(respond(query, rich_table, seeded(1), udp=False).wire)
            for section in ("answer", "authority", "additional"):
                assert dug(records, section) == replied(getattr(reply, section)), (qname, qtype)
            compared += 1
    assert compared > 1000


def test_a_steered_step_shows_the_records_that_may_be_drawn(zone_of: ZoneOf) -> None:
    each = steered(Pool("main", (member(1, weight=3), member(2), member(3))))
    (step,) = explain(table_of(zone_of, each, 3), WWW, 1).steps
    assert dug(step["records"], "answer") == ["www.e. 30 IN A 192.0.2.1", "www.e. 30 IN A 192.0.2.2"]


@pytest.mark.parametrize(("all_down", "shown"), [(AllDown.EMPTY, ["SOA"]), (AllDown.SERVFAIL, [])])
def test_with_nothing_to_draw_the_negative_answer_is_shown_under_its_ttl(zone_of: ZoneOf, all_down, shown) -> None:
    table = table_of(zone_of, steered(Pool("main", (member(1),)), all_down=all_down), 1)
    (step,) = explain(table, WWW, 1).steps
    assert [(record["type"], record["ttl"]) for record in step["records"]] == [(rtype, 30) for rtype in shown]


def test_a_failover_pool_is_shown_in_its_order(zone_of: ZoneOf) -> None:
    pool = Pool("main", (replace(member(1), priority=20), replace(member(2), priority=10), member(3)))
    (step,) = explain(table_of(zone_of, steered(pool, policy="failover")), WWW, 1).steps
    shown = [(each["value"], each["priority"]) for each in step["pools"][0]["members"]]
    assert step["in_order"]
    assert shown == [("192.0.2.3", 0), ("192.0.2.2", 10), ("192.0.2.1", 20)]


@pytest.mark.parametrize("qtype", [0, 41, 128, 249, 250, 251, 252, 253, 254, 255])
def test_the_rcode_explained_is_the_one_that_is_answered(zone_of: ZoneOf, seeded, qtype: int) -> None:
    table = table_of(zone_of, steered(Pool("main", (member(1),))))
    query = b"\xab\xcd\x00\x00\x00\x01" + bytes(6) + WWW + qtype.to_bytes(2, "big") + b"\x00\x01"
    assert explain(table, WWW, qtype).rcode == Rcode(respond(query, table, seeded(0), udp=False).facts.rcode).name


def test_a_dname_into_itself_is_explained_by_its_first_step(zone_of: ZoneOf) -> None:
    table = AnswerTable().with_zone(ZoneTable(zone_of(PLAIN + "d.e. 60 DNAME x.d.e.\n")), Conditions())
    (step,) = explain(table, name_from_text("a.d.e."), 1).steps
    assert "renamed to a.x.d.e., and so on without end" in step["why"]


def test_a_dname_that_leads_on_twice_is_shown_once(zone_of: ZoneOf) -> None:
    table = AnswerTable().with_zone(ZoneTable(zone_of(PLAIN + "up.e. 60 DNAME e.\n")), Conditions())
    steps = explain(table, name_from_text("a.up.up.e."), 1).steps
    assert [record["type"] for step in steps for record in step["records"]] == ["DNAME", "CNAME", "CNAME", "SOA"]


@pytest.mark.parametrize(
    ("all_down", "said"),
    [
        (AllDown.VALUES, "the record's own values, 192.0.2.1"),
        (AllDown.SERVE_ALL, "its first pool, as if all were up"),
        (AllDown.EMPTY, "no records"),
        (AllDown.SERVFAIL, "SERVFAIL"),
    ],
)
def test_what_an_outage_would_be_answered_is_told_ahead(zone_of: ZoneOf, all_down: AllDown, said: str) -> None:
    table = table_of(zone_of, steered(Pool("main", (member(1), member(2))), all_down=all_down))
    (step,) = explain(table, WWW, 1).steps
    assert step["last_resort"] == said
