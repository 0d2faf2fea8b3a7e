"""`gslb status` of the certificate: how it stands now, not how it stood when it was read."""

from pathlib import Path
from typing import Any

import pytest
from status_answer import status_answer

from gslb.cli.ask import status

START, END = 1_761_955_200.0, 1_793_491_200.0  # 2025-11-01 and 2026-11-01, 00:00 UTC


def answer(state: str) -> dict[str, Any]:
    dates = {"certificate": "c.pem", "starts": START, "expires": END, "state": state}
    return status_answer(tls={"listen": [["192.0.2.1", 853]], **dates})


@pytest.mark.parametrize(
    ("state", "exit_code", "said"),
    [
        ("is valid", 0, "c.pem is valid until 2026-11-01 00:00 UTC\n"),
        ("expires soon", 0, "c.pem is valid until 2026-11-01 00:00 UTC; renew it"),
        ("has expired", 1, "over TLS:\n  c.pem has expired on 2026-11-01 00:00 UTC"),
        ("is not valid yet", 1, "over TLS:\n  c.pem is not valid before 2025-11-01 00:00 UTC"),
    ],
)
def test_a_certificate_out_of_its_dates_is_not_well(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], state: str, exit_code: int, said: str
) -> None:
    monkeypatch.setattr("gslb.cli.ask.call", lambda *_: answer(state))
    monkeypatch.setenv("COLUMNS", "160")
    assert status(Path(), as_json=False, watch=False) == exit_code
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert said in "\n".join([*lines, ""])
