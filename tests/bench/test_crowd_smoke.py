"""The measurement of a crowd: its arguments, and a run of the smallest size."""

import json
import subprocess
import sys
from pathlib import Path

import crowd
import pytest

PROGRAM = Path(crowd.__file__)


@pytest.mark.parametrize("wrong", [["--idle", "0"], ["--rounds", "x"], ["--seconds", "1.5"]])
def test_wrong_arguments_are_told(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        crowd.parse(wrong)
    assert ended.value.code == 2
    assert wrong[0] in capsys.readouterr().err


@pytest.mark.daemon
def test_a_small_crowd_locks_nobody_out(tmp_path: Path) -> None:
    output = tmp_path / "out.json"
    sizes = ["--idle", "50", "--slow", "10", "--rate", "200", "--seconds", "2", "--rounds", "1", "--json", str(output)]
    done = subprocess.run(
        [sys.executable, str(PROGRAM), *sizes], capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(output.read_text())
    assert (found["roomy"]["held"], found["roomy"]["evicted"]) == (60, 0)
    assert found["full"]["held"] <= found["full"]["places"] == 54
    assert found["full"]["evicted"] > 0
    for each in found.values():
        assert each["crowded"]["udp_unanswered"] == 0
        assert each["crowded"]["tcp_unanswered"] == 0
