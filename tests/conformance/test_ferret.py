"""The FERRET tests through the real daemon; see `ferret`, which is a command too."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import dns.message
import ferret
import pytest

pytestmark = pytest.mark.daemon

TESTS = 4332


@pytest.fixture(scope="module")
def results(shared: Path) -> list[ferret.Result]:
    cases = ferret.read_cases(shared / "conformance" / "ferret.jsonl.xz")
    with ferret.scratch_folder() as folder:
        return ferret.run(cases, Path(folder))


def test_every_test_passes_but_those_argued_from_the_rfcs(results: list[ferret.Result]) -> None:
    assert len(results) == TESTS
    assert ferret.unexpected(results) == ([], []), "\n".join(ferret.report(results))


def test_where_servers_differ_we_are_never_with_fewer_than_others(results: list[ferret.Result]) -> None:
    assert ferret.summary(results)["with_fewer_than_others"] == []


def test_ttls_are_those_of_the_servers_we_match(results: list[ferret.Result]) -> None:
    assert [result.case.number for result in results if result.passed and not result.ttls_equal] == []


def test_the_judge_finds_what_differs(results: list[ferret.Result]) -> None:
    """Each part of a reply counts; authority only where an answer section is empty."""
    by_answer = {bool(result.reply.sections[0]): result for result in results if result.reply.sections[1]}
    for has_answer, result in by_answer.items():
        reply = result.reply
        assert reply.matches(reply)
        answer, authority, additional = reply.sections
        extra = frozenset({("extra.", 1, "192.0.2.1")})
        assert not replace(reply, rcode=2).matches(reply)
        assert not replace(reply, flags=0).matches(reply)
        assert not replace(reply, question=frozenset()).matches(reply)
        assert not replace(reply, sections=(answer | extra, authority, additional)).matches(reply)
        assert not replace(reply, sections=(answer, authority, additional | extra)).matches(reply)
        assert replace(reply, sections=(answer, authority | extra, additional)).matches(reply) is has_answer
    assert set(by_answer) == {False, True}


def test_names_are_put_under_a_label_of_their_own() -> None:
    assert ferret.under("fz7", "a.b. 500 IN NS ns.c.\n. 1 IN SOA . x. 3") == (
        "a.b.fz7. 500 IN NS ns.c.fz7.\nfz7. 1 IN SOA fz7. x.fz7. 3"
    )


def test_the_command_reads_any_file_of_the_kind_and_tells_of_a_failure(tmp_path: Path, shared: Path) -> None:
    with ferret.lzma.open(shared / "conformance" / "ferret.jsonl.xz", "rt") as lines:
        case = json.loads(next(lines))
    message = dns.message.from_text("\n".join(case["expected"][0]["response"]))
    message.set_rcode(2)
    case["expected"][0]["response"] = message.to_text().splitlines()
    with ferret.lzma.open(tmp_path / "one.jsonl.xz", "wt") as lines:
        lines.write(json.dumps(case) + "\n")
    command = [sys.executable, ferret.__file__, "--data", str(tmp_path / "one.jsonl.xz"), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 1
    assert json.loads(done.stdout)["failed"] == [case["id"]]
