"""The benchmark of transfers: its arithmetic, its arguments, and a run of the smallest size."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import steady
import transfers

PROGRAM = Path(transfers.__file__)


@pytest.mark.parametrize(("count", "share", "rank"), [(100, 0.99, 99), (100, 0.5, 50), (1000, 0.99, 990), (1, 0.99, 1)])
def test_a_quantile_is_the_least_value_that_the_share_does_not_exceed(count: int, share: float, rank: int) -> None:
    assert steady.quantile([float(number) for number in range(1, count + 1)], share) == rank


def test_a_late_reply_counts_as_lost() -> None:
    waits = steady.Waits.of([0.001, 0.002, steady.LOST_SECONDS])
    assert (waits.count, waits.lost, waits.unanswered) == (3, 1, 0)
    assert (waits.p50, waits.worst) == (0.002, steady.LOST_SECONDS)


def test_a_query_that_is_never_answered_is_told_from_a_late_reply() -> None:
    waits = steady.Waits.of([0.001, 3 * steady.LOST_SECONDS, steady.NEVER])
    assert (waits.count, waits.lost, waits.unanswered) == (3, 2, 1)
    assert (waits.p50, waits.worst) == (steady.LOST_SECONDS, 3 * steady.LOST_SECONDS)


@pytest.mark.parametrize("wrong", [["--trials", "edits,nothing"], ["--rounds", "0"], ["--bulk-names", "many"]])
def test_wrong_arguments_are_told(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        transfers.parse(wrong)
    assert ended.value.code == 2
    assert wrong[0] in capsys.readouterr().err


@pytest.mark.daemon
def test_a_small_run_measures_and_writes_its_figures(tool: Callable[[str], str], tmp_path: Path) -> None:
    for program in transfers.PROGRAMS:
        tool(program)
    output = tmp_path / "out.json"
    sizes = ["--trials", "secondaries,edits", "--edits", "5", "--timed-edits", "2", "--json", str(output)]
    done = subprocess.run(
        [sys.executable, str(PROGRAM), *sizes], capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "Knot, from knotc zone-commit" in done.stdout
    found = json.loads(output.read_text())
    assert found["secondaries"]["versions"] == 5
    assert found["secondaries"]["ixfr_octets"] > 0
    assert found["edits"]["gslb"]["median_ms"] > 0
