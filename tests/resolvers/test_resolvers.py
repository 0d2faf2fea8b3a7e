"""Resolvers and zonemaster in a small internet find nothing wrong with our nodes, and nothing that peers do better."""

import json
import subprocess
import sys
from pathlib import Path

import guide
import pytest
import show
import zonemaster
from cluster_events import EVENTS, PLAIN_EVENTS
from expected_answers import EXPECTED_ANSWERS
from namespaces import why_not
from resolver_checks import CHECKS, PLAIN_CHECKS
from small_internet import PEERS
from world import RESOLVERS

SECONDS = 800


@pytest.fixture(scope="module")
def shown(tool, tmp_path_factory) -> dict:
    """What show.py reports; it runs once."""
    for program in show.PROGRAMS:
        tool(program)
    reason = why_not()
    if reason is not None:
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("net")
    command = [sys.executable, str(Path(show.__file__)), "--json", "--keep", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.stdout, done.stderr
    result = json.loads(done.stdout)
    assert "resolvers" in result, result["problems"]
    return result


def rows(shown: dict, server: str, check: str, resolver: str) -> list[dict]:
    return [row for row in shown["resolvers"][server] if (row["check"], row["resolver"]) == (check, resolver)]


@pytest.mark.daemon
@pytest.mark.parametrize("resolver", RESOLVERS)
@pytest.mark.parametrize("check", [*CHECKS, *EVENTS])
def test_a_resolver_finds_through_the_delegation_what_is_there(shown, check: str, resolver: str) -> None:
    (row,) = rows(shown, "gslb", check, resolver)
    assert row["ok"], row["said"]


@pytest.mark.daemon
@pytest.mark.parametrize("kind", PEERS)
def test_what_resolvers_find_is_found_of_a_peer_too(shown, kind: str) -> None:
    """The expectations are the protocol's, not ours: servers of other makes meet them."""
    failed = [row for row in shown["resolvers"][kind] if not row["ok"]]
    assert failed == []
    assert len(shown["resolvers"][kind]) == len(RESOLVERS) * (len(PLAIN_CHECKS) + len(PLAIN_EVENTS))


@pytest.mark.daemon
def test_zonemaster_finds_no_error_and_nothing_unexplained_or_worse_than_of_peers(shown) -> None:
    table = shown["zonemaster"]
    assert {row["zone"] for row in table} == set(zonemaster.OURS)
    assert {row["message"] for row in table} >= {"EDNS0_SUPPORT", "IPV6_DIFFERENT_ASN", "NO_UPWARD_REFERRAL"}
    unequal = [
        row for row in table if row["level"] != "INFO" and int(row["gslb"]) > min(int(row[kind]) for kind in PEERS)
    ]
    assert unequal == []
    assert [row for row in table if row["level"] in {"CRITICAL", "ERROR", "WARNING"}] == []
    assert [row for row in table if row["level"] == "NOTICE" and not row["why"]] == []


@pytest.mark.daemon
def test_every_command_of_the_delegation_guide_works(shown) -> None:
    assert [line for line in shown["guide"] if line["wrong"]] == []
    assert {line["command"] for line in shown["guide"]} >= guide.SAID.keys()


@pytest.mark.daemon
def test_there_is_no_other_problem(shown) -> None:
    assert shown["problems"] == []


def test_every_dig_line_of_the_guide_says_what_it_prints() -> None:
    assert len([line for line in guide.lines() if line.command.startswith("dig")]) > 20


NOTICE = ("NOTICE", "example.com", "ZONE02", "REFRESH_MINIMUM_VALUE_LOWER", "refresh=3600")
ERROR = ("ERROR", "example.com", "DELEGATION04", "IS_NOT_AUTHORITATIVE", "ns=ns1.example.com")


def test_an_error_or_a_remark_without_an_explanation_is_a_problem() -> None:
    strange = (*NOTICE[:3], "SOMETHING_NEW", "")
    assert zonemaster.problems({NOTICE}) == []
    assert zonemaster.problems({NOTICE, ERROR, strange}) == [ERROR, strange]


def test_what_is_said_of_us_more_often_than_of_a_peer_is_worse() -> None:
    twice = {NOTICE, (*NOTICE[:4], "refresh=1")}
    assert zonemaster.worse({NOTICE}, twice) == []
    assert zonemaster.worse(twice, {NOTICE}) == ["NOTICE example.com ZONE02 REFRESH_MINIMUM_VALUE_LOWER"]


def test_the_table_shows_where_servers_differ() -> None:
    (first, second) = zonemaster.table({"gslb": {NOTICE}, "Knot": {NOTICE, ERROR}})
    assert (first["message"], first["gslb"], first["Knot"]) == ("IS_NOT_AUTHORITATIVE", "0", "1")
    assert first["differs"] == "ns=ns1.example.com"
    assert (second["differs"], second["gslb"], second["Knot"]) == ("", "1", "1")
    assert second["why"]


def test_each_expected_name_is_asked_for_once_in_a_type() -> None:
    asked = [each[:2] for table in EXPECTED_ANSWERS.values() for each in table]
    assert len(asked) == len(set(asked))
