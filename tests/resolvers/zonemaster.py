"""zonemaster on the delegated zones, from within the small internet: what it says of each make of name server.

It asks from the root down by itself, from our hints, with its own profile but for two settings: where it looks up who
announces an address, and that addresses for documentation are no error here, where there are no others.
"""

import json
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from namespaces import PATH
from small_internet import InternetError
from world import OURS

SECONDS = 400
LEVELS = ("CRITICAL", "ERROR", "WARNING", "NOTICE", "INFO")
EXPLAINED = {
    "NAMESERVER_IP_PRIVATE_NETWORK": "addresses here are those set aside for documentation; INFO by our profile",
    "NEITHER_DNSKEY_NOR_DS": "the zone is not signed",
    "NOT_SIGNED": "the zone is not signed",
    "REFRESH_MINIMUM_VALUE_LOWER": "1 h: a missed NOTIFY is made good sooner than zonemaster's 4 h would",
    "RETRY_MINIMUM_VALUE_LOWER": "10 min: as above",
    "SOA_DEFAULT_TTL_MAXIMUM_VALUE_LOWER": "60 s: a name that was added is seen within a minute",
    "Z09_MISSING_MAIL_TARGET": "a part of a domain that takes no mail",
    "NAMESERVER_IP_PTR_MISMATCH": "one node has two names here, and its address leads back to the other",
}
"""Why we leave what zonemaster remarks on as it is."""

Message = tuple[str, str, str, str, str]
"""Level, zone, test case, tag, and arguments as text."""


def _profile() -> dict[str, object]:
    program = shutil.which("zonemaster-cli", path=PATH)
    assert program is not None, "needs the program 'zonemaster-cli'"
    done = subprocess.run([program, "--dump-profile"], capture_output=True, check=True, timeout=SECONDS)
    profile = json.loads(done.stdout)
    profile["asn_db"] = {"style": "cymru", "sources": {"cymru": ["asn.example"]}}
    profile["test_levels"]["ADDRESS"]["NAMESERVER_IP_PRIVATE_NETWORK"] = "INFO"
    return dict(profile)


def messages(folder: Path, hints: Path) -> set[Message]:
    """What it says of our zones as they are served now. Raises `InternetError` when it cannot be run."""
    profile = folder / "zonemaster.json"
    profile.write_text(json.dumps(_profile()))
    options = ["--json", "--no-progress", "--level", "INFO", "--show-testcase"]
    command = ["zonemaster-cli", *options, "--profile", str(profile), "--hints", str(hints)]
    return {
        (entry["level"], zone, entry["testcase"], entry["tag"], _arguments(entry["args"]))
        for zone in OURS
        for entry in _run([*command, zone])
    }


def _run(command: list[str]) -> list[dict[str, Any]]:
    environment = {"PATH": PATH, "LC_ALL": "C"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS, env=environment)
    if done.returncode or not done.stdout.startswith("["):
        raise InternetError(f"zonemaster-cli: {done.stdout[:500]}{done.stderr[:500]}")
    return list(json.loads(done.stdout))


def _arguments(args: dict[str, object]) -> str:
    """In an order of their own; lists, which come in any order, sorted; names, which it asks in any case, in lower."""
    texts = (f"{name}={_sorted(str(value).lower())}" for name, value in sorted(args.items()))
    return " ".join(texts)


def _sorted(value: str) -> str:
    for separator in (";", ","):
        value = separator.join(sorted(value.split(separator)))
    return value


def table(by_server: dict[str, set[Message]]) -> list[dict[str, str]]:
    """A row for each level, zone, test case and tag: how often each server got it; arguments not all got."""
    rows = []
    for key in sorted({each[:4] for found in by_server.values() for each in found}, key=_rank):
        said = {server: {each[4] for each in found if each[:4] == key} for server, found in by_server.items()}
        row = dict(zip(("level", "zone", "test case", "message"), key, strict=True))
        row |= {server: str(len(arguments)) for server, arguments in said.items()}
        differ = set.union(*said.values()) - set.intersection(*said.values())
        rows.append(row | {"differs": "; ".join(sorted(differ)), "why": EXPLAINED.get(key[3], "")})
    return rows


def _rank(key: tuple[str, str, str, str]) -> tuple[int, int, str, str]:
    return LEVELS.index(key[0]), OURS.index(key[1]), key[2], key[3]


def worse(ours: Iterable[Message], theirs: Iterable[Message]) -> list[str]:
    """What we got more often than they, and is no INFO."""
    more = Counter(each[:4] for each in ours) - Counter(each[:4] for each in theirs)
    return sorted(" ".join(key) for key in more if key[0] != "INFO")


def problems(ours: Iterable[Message]) -> list[Message]:
    """Errors, and remarks that nobody has explained."""
    severe = {message for message in ours if message[0] in {"CRITICAL", "ERROR"}}
    unexplained = {message for message in ours if message[0] != "INFO" and message[3] not in EXPLAINED}
    return sorted(severe | unexplained)
