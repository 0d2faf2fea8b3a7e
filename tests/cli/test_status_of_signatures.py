"""`gslb status` of a signed zone: signatures that have expired are not well, for resolvers get SERVFAIL of them."""

from pathlib import Path
from typing import Any

import pytest

from gslb.cli.ask import status

END = 1_793_491_200.0  # 2026-11-01 00:00 UTC


def answer(state: str) -> dict[str, Any]:
    zone = {
        "zone": "signed.example.",
        "serial": 1,
        "owners": 3,
        "steered": 0,
        "signing": {"denial": "NSEC", "expires": END, "state": state},
        "served_from": "file",
        "since": END,
        "problems": [],
        "warnings": [],
        "gone_seconds_left": None,
        "allow_query": None,
        "role": "primary",
    }
    return {
        "node": "ns1",
        "version": "0",
        "pid": 1,
        "started": END,
        "state": "serving",
        "listen": [],
        "tls": None,
        "api": None,
        "config": {"problems": [], "warnings": [], "pending_restart": []},
        "replies": 0,
        "rate_limit": None,
        "descriptors_short": None,
        "prober": {"state": "running", "pid": 2, "restarts": 0, "last_exit": ""},
        "zones": [zone],
        "degraded": [],
        "members": [],
        "overrides": [],
    }


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
