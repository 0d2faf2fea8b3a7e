"""Output for terminals and pipes: no name is cut short, and a pipe gets whole rows without blanks at their ends."""

import pytest
from rich.text import Text

from gslb.cli.terminal import columns, show

LONG = "a-name-of-a-service-that-is-long.department.example.com."
ROWS = [["short", "1", "why"], [LONG, "1000", Text("because " * 30)]]


def test_columns_stand_one_under_the_other_and_end_without_blanks() -> None:
    lines = [line.plain for line in columns([["a", "long cell", ""], ["longer", "b", "c"]], ("x", "y", "z"))]
    assert lines == ["  x       y          z", "  a       long cell", "  longer  b          c"]


def test_no_rows_are_no_lines_but_the_heads() -> None:
    assert [line.plain for line in columns([], ("zone", "serial"))] == ["  zone  serial"]


def test_a_pipe_gets_each_row_in_one_line_however_long(capsys: pytest.CaptureFixture[str]) -> None:
    for line in columns(ROWS):
        show(line)
    out = capsys.readouterr().out
    assert len(out.splitlines()) == 2
    assert LONG in out
    assert not any(line.endswith(" ") for line in out.splitlines())


def test_a_narrow_terminal_gets_every_name_whole(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    for line in columns(ROWS):
        show(line)
    out = capsys.readouterr().out
    assert LONG in out
    assert "…" not in out
    assert max(map(len, out.splitlines())) <= 81
