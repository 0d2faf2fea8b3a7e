"""Thousands of zones: a terminal gets first what is wrong, counts, and what to type for the rest; a pipe gets all."""

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest
from status_answer import status_answer, zone_row

from gslb.cli import check as module
from gslb.cli.check import check
from gslb.cli.show import status_view
from gslb.cli.show_cluster import cluster_view
from gslb.cli.terminal import most_rows, shortened, show

MANY = 5_000
MOST = 20
REST = "gslb status | less"


def status(*rows: dict[str, Any], **more: Any) -> dict[str, Any]:
    return status_answer(started=time.time(), zones=list(rows), **more)


def zones(ill: int = 0) -> list[dict[str, Any]]:
    """Many, the last `ill` of them with a problem."""
    made = [zone_row(zone=f"z{number}.example.") for number in range(MANY)]
    for each in made[len(made) - ill :]:
        each |= {"problems": [f"{each['zone']}yaml:3: is wrong"], "served_from": "last good version"}
    return made


def member(number: int, health: str = "up", **more: Any) -> dict[str, Any]:
    return {
        "owner": f"www.z{number // 2}.example.",
        "type": "A",
        "pool": "default",
        "value": f"192.0.2.{number % 250}",
        "health": health,
        "override": None,
        "monitor": "web",
        "since": None,
        "share": 0.5,
        "reason": "",
    } | more


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]):
    def of(value: dict[str, Any], view=status_view, most: int | None = MOST) -> list[str]:
        show(view(value, most))
        return capsys.readouterr().out.splitlines()

    return of


def test_many_zones_that_are_well_are_a_count(lines) -> None:
    shown = lines(status(*zones()))
    assert len(shown) < 10
    assert "5,000 zones: 5,000 file, all well" in shown
    assert f"  all of them: {REST}; one: gslb status | grep NAME" in shown


def test_what_is_wrong_comes_first_with_the_first_of_it_and_a_count(lines) -> None:
    shown = lines(status(*zones(ill=4_000)))
    assert len(shown) < 40
    heading = shown.index("Not taken, the version before is served:")
    assert shown[heading + 1] == "  z1000.example.yaml:3: is wrong"
    assert shown[heading + MOST // 2 + 1] == f"  … and 3,990 more: {REST}"
    counts = shown.index("5,000 zones: 4,000 last good version, 1,000 file; 4,000 not well")
    assert heading < counts
    assert shown[counts + 2].startswith("  z1000.example. ")


def test_the_zones_that_are_not_well_are_those_shown(lines) -> None:
    shown = lines(status(*zones(ill=2)))
    assert [line.split()[0] for line in shown if line.startswith("  z49") and "last good" in line] == [
        "z4998.example.",
        "z4999.example.",
    ]


def test_of_many_members_come_those_that_are_down_or_held(lines) -> None:
    members = [member(number) for number in range(1_000)]
    members[700] |= {"health": "down", "reason": "connection refused"}
    members[800] |= {"override": "drain"}
    members[900] |= {"monitor": None, "health": "unknown"}
    shown = lines(status(zone_row(), members=members))
    assert "1,000 members of 500 names: 2 not up, or held by an override" in shown
    assert [line.split()[2] for line in shown if line.startswith("  default")] == ["down", "up"]
    assert f"  all of them: {REST}; those of a name: gslb explain NAME" in shown


def test_a_pipe_gets_all_of_it(lines) -> None:
    everything = status(*zones(ill=4_000), members=[member(number) for number in range(1_000)])
    shown = lines(everything, most=None)
    assert sum(re.match(r"  z\d+\.example\. ", line) is not None for line in shown) == MANY
    assert sum(line.endswith("is wrong") for line in shown) == 4_000
    assert sum(line.startswith("  default") for line in shown) == 1_000
    assert "…" not in "".join(shown)


def test_a_bound_that_is_not_passed_changes_nothing(lines) -> None:
    few = status(*(zone_row(zone=f"z{number}.example.", problems=["is wrong"]) for number in range(MOST)))
    assert lines(few, most=MOST) == lines(few, most=None)


def test_a_cluster_of_many_zones_is_told_by_its_troubles_and_counts(lines) -> None:
    peers = [{"zone": each["zone"], "node": "ns2", "reachable": True, "lag": "equal"} for each in zones()]
    peers[7]["lag"] = "behind"
    troubles = [f"{each['zone']} on ns2: no answer" for each in zones()[:3_000]]
    value = {"node": "ns1", "zones": zones(), "peers": peers, "differences": [], "troubles": troubles}
    shown = lines(value, cluster_view)
    assert len(shown) < 20
    assert shown[1:3] == ["Not well:", "  z0.example. on ns2: no answer"]
    assert "  … and 2,990 more: gslb cluster status | less" in shown
    assert "5,000 zones on ns2: 4,999 equal, 1 behind" in shown


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A node of 30 zones, each with a mistake."""
    (tmp_path / "zones").mkdir()
    for number in range(30):
        (tmp_path / f"zones/z{number}.example.yaml").write_text("'': {type: NS, value: ns.}\nwww: {type: A}\n")
    (tmp_path / "gslb.yaml").write_text("zones_dir: zones\n")
    return tmp_path / "gslb.yaml"


def test_check_tells_the_first_problems_and_how_many_there_are(folder: Path, capsys, monkeypatch) -> None:
    monkeypatch.setattr(module, "most_rows", lambda *_: MOST)
    assert check(folder, [], as_json=False) == 2
    told = capsys.readouterr().err.splitlines()
    assert len(told) == MOST // 2 + 2
    assert told[-2] == "… and 20 more: gslb check 2>&1 | less"
    assert told[-1] == "30 problems in 30 files; 31 files read"


def test_check_names_no_zone_that_is_right_where_there_are_many(folder: Path, capsys, monkeypatch) -> None:
    for path in (folder.parent / "zones").iterdir():
        path.write_text("'': {type: NS, value: ns.}\n")
    monkeypatch.setattr(module, "most_rows", lambda *_: MOST)
    assert check(folder, [], as_json=False) == 0
    assert capsys.readouterr().out == "ok: 31 files, no problems\n"


def test_check_tells_a_pipe_and_a_program_everything(folder: Path, capsys) -> None:
    assert check(folder, [], as_json=False) == 2
    assert capsys.readouterr().err.splitlines()[-1] == "30 problems; 31 files read"
    assert check(folder, [], as_json=True) == 2
    assert len(json.loads(capsys.readouterr().out)["errors"]) == 30


def test_a_terminal_has_a_bound_and_a_pipe_none(monkeypatch: pytest.MonkeyPatch) -> None:
    assert most_rows() is None
    monkeypatch.setenv("FORCE_COLOR", "1")  # what is no terminal then counts as one
    assert most_rows() == MOST


@pytest.mark.parametrize("count", [0, 1, MOST, MOST + 1, MANY])
def test_what_is_left_out_is_counted(count: int) -> None:
    rows = [str(number) for number in range(count)]
    told = shortened(rows, MOST, REST)
    assert len(told) <= MOST
    left_out = re.match(r"… and ([\d,]+) more", told[-1]) if told else None
    assert len(told) + (int(left_out[1].replace(",", "")) - 1 if left_out else 0) == count
    assert shortened(rows, None, REST) == rows
