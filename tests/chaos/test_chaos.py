"""The cluster under faults: edits and queries go on while the network loses packets, is cut, and nodes are killed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import chaos
import pytest
from chaos_story import FULL, SHORT, kills, problems, serials_that_went_back

pytestmark = pytest.mark.chaos

HELD = {
    "mixed": 0,
    "wrong": 0,
    "lost": 0,
    "secondaries_went_back": 0,
    "seconds_to_equal": 3.2,
    "plan": {"refresh_seconds": 20},
    "whole_zones_equal": True,
    "crashes": [],
    "transfers": {"n3 from n2 by ixfr": 2},
}


def test_nothing_is_lost_mixed_or_left_behind_under_loss_cuts_and_kills(tool, tmp_path: Path) -> None:
    tool("ip")
    reason = chaos.why_not()
    if reason is not None:
        pytest.skip(reason)
    command = [sys.executable, str(Path(chaos.__file__)), "--json", "--keep", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.stdout, done.stderr
    result = json.loads(done.stdout)
    assert result["problems"] == [], done.stderr + done.stdout
    assert done.returncode == 0
    assert all(count > 0 for count in result["kills"].values())
    assert all(count > 5 for count in result["answered_by"].values())
    assert len(result["answered_by"]) == 12
    assert result["acknowledged"] > 20
    assert result["packets"]["lost"] > 0.05 * result["packets"]["frames"]


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ({"mixed": 1}, "1 answers of two versions"),
        ({"wrong": 2}, "2 answers with an error code"),
        ({"lost": 1}, "the primary was back at a version before one that was acknowledged"),
        ({"secondaries_went_back": 1}, "a secondary was back"),
        ({"seconds_to_equal": 20.1}, "not equal within refresh"),
        ({"whole_zones_equal": False}, "whole zones are not equal"),
        ({"crashes": [{"event": "internal_error"}]}, "internal_error"),
        ({"transfers": {"n3 from n1 by axfr": 9}}, "n3 never took a version from n2"),
    ],
)
def test_each_broken_promise_is_a_problem(broken, said) -> None:
    assert problems(HELD) == []
    (problem,) = problems(HELD | broken)
    assert said in problem


@pytest.mark.parametrize("plan", [SHORT, FULL])
def test_a_node_is_killed_at_each_beat_and_each_in_its_turn(plan) -> None:
    planned = list(kills(plan))
    assert [moment for moment, _ in planned] == [plan.beat * beat for beat in range(1, int(plan.end / plan.beat) + 1)]
    assert {name for _, name in planned[:3]} == {"n1", "n2", "n3"}
    assert not any(name == "n3" for moment, name in planned if plan.detour[0] <= moment < plan.detour[1])


def test_a_logged_version_that_is_older_than_the_one_before_is_seen() -> None:
    served = [{"event": "zone_loaded", "serial": serial} for serial in (5, 6, 6, 9)]
    assert serials_that_went_back(served) == 0
    assert serials_that_went_back([*served, {"event": "zone_loaded", "serial": 8}]) == 1


def test_without_the_right_to_make_namespaces_it_says_so(tmp_path: Path) -> None:
    unshare = tmp_path / "unshare"
    unshare.write_text("#!/bin/sh\necho unshare failed: Operation not permitted >&2\nexit 1\n")
    unshare.chmod(0o755)
    (tmp_path / "ip").symlink_to("/bin/true")
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    command = [sys.executable, chaos.__file__]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == chaos.UNABLE
    assert "needs the right to make network namespaces: unshare failed" in done.stderr
