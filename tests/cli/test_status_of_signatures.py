"""`gslb status` of a signed zone: signatures that have expired are not well, for resolvers get SERVFAIL of them."""

from pathlib import Path
from typing import Any

import pytest
from status_answer import status_answer, zone_row

from gslb.cli.ask import status

END = 1_793_491_200.0  # 2026-11-01 00:00 UTC


def answer(state: str) -> dict[str, Any]:
    signing = {"denial": "NSEC", "expires": END, "state": state}
    return status_answer(zones=[zone_row(zone="signed.example.", since=END, signing=signing)])


@pytest.mark.parametrize(
    ("state", "exit_code", "said"),
    [
        ("hold", 0, ["NSEC; until 2026-11-01 00:00 UTC"]),
        ("expire soon", 0, ["NSEC; until 2026-11-01 00:00 UTC"]),
        ("have expired", 1, ["NSEC; EXPIRED 2026-11-01 00:00 UTC", "validating resolvers answer SERVFAIL"]),
    ],
)
def test_expired_signatures_are_told_and_are_not_well(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], state: str, exit_code: int, said: list[str]
) -> None:
    monkeypatch.setattr("gslb.cli.ask.call", lambda *_: answer(state))
    monkeypatch.setenv("COLUMNS", "160")
    assert status(Path(), as_json=False, watch=False) == exit_code
    shown = capsys.readouterr().out
    assert all(each in shown for each in said)
    assert ("EXPIRED" in shown) == (exit_code == 1)
