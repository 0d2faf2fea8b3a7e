"""The delegation guide, command by command, from a client of the small internet, where zones are delegated as it says.

A line of deploy/DELEGATION.md that ends with `# -> this; that` must print this and that. Where a line's comment is for
people, what it must print stands in `SAID`.
"""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).parents[2] / "deploy/DELEGATION.md"
SECONDS = 60

SAID = {
    "dig +short +norec @192.0.2.53 example.com SOA": ["ns1.example.com. hostmaster.example.net."],
    "dig +short +norec @198.51.100.53 example.com SOA": ["ns1.example.com. hostmaster.example.net."],
    "dig +short com. NS": ["a.gtld-servers.net."],
    "dig +norec @a.gtld-servers.net example.com NS": [
        "flags: qr; QUERY: 1, ANSWER: 0, AUTHORITY: 2, ADDITIONAL: 5",
        "192.0.2.53",
        "2001:db8:2::53",
    ],
    "dig +short @a.gtld-servers.net example.com DS +norec": [],
    "dig +trace example.com SOA": ["from 203.0.113.101#53", "com.", "(ns"],
    "dig +nssearch example.com": ["from server 192.0.2.53", "from server 198.51.100.53"],
    "dig www.example.com": ["status: NOERROR", "flags: qr rd ra", "192.0.2."],
}
ALSO = {
    "delv -i @203.0.113.101 static.example.com A": ["192.0.2.30"],
    "delv -i @203.0.113.103 nobody.example.com A": ["negative response", "NXDOMAIN"],
    "dig +trace host.child.example.com A": ["203.0.113.80"],
    "ip netns exec ns1 ss -lun sport = :53": ["192.0.2.53:53", "[2001:db8:1::53]:53"],
    "ip netns exec ns2 ss -ltn sport = :53": ["198.51.100.53:53", "[2001:db8:2::53]:53"],
}
"""Other programs' ways to follow a delegation, and the guide's of finding what listens."""
_ASK = "dig +norec +tries=1 +time=1 @198.51.100.53 example.com SOA"
_NOBODY = "no servers could be reached"
MISTAKES = {
    "silent": [(_ASK, ["timed out", _NOBODY]), (f"{_ASK} +tcp", ["timed out", _NOBODY])],
    "stopped": [(_ASK, ["connection refused", _NOBODY]), (f"{_ASK} +tcp", ["connection refused", _NOBODY])],
}
"""What the guide's table of mistakes says one sees, while ns2 is so; dig ends with exit code 9 then."""


@dataclass(frozen=True)
class Line:
    command: str
    expected: list[str]
    exit_code: int = 0


def lines() -> list[Line]:
    """What is to be tried. Raises `KeyError` for a line of the guide that says nothing about what it prints."""
    blocks = re.findall(r"^```sh\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    found = []
    for text in (line for block in blocks for line in block.splitlines() if line.strip()):
        command, _, comment = re.match(r"(.*?)\s*(#\s*(.*))?$", text).groups()
        told = comment is not None and comment.startswith("-> ")
        found.append(Line(command, comment.removeprefix("-> ").split("; ") if told else SAID[command]))
    other_node = [
        Line(line.command.replace("192.0.2.53", "198.51.100.53"), line.expected)
        for line in found
        if "@192.0.2.53" in line.command
    ]
    return [*found, *other_node, *(Line(command, expected) for command, expected in ALSO.items())]


def try_line(line: Line) -> str | None:
    """What is wrong with what it prints; None when nothing is."""
    done = subprocess.run(line.command.split(), capture_output=True, text=True, timeout=SECONDS, check=False)
    if done.returncode != line.exit_code:
        return f"exit code {done.returncode}: {done.stdout}{done.stderr}"
    if not line.expected and done.stdout.strip():
        return f"prints {done.stdout}"
    missing = [text for text in line.expected if text not in done.stdout]
    return f"{missing} is not in\n{done.stdout}" if missing else None


def mistakes(state: str) -> list[Line]:
    """What is to be tried while ns2 is in a state of `MISTAKES`. Raises `ValueError` if the guide has it otherwise."""
    rows = [row for row in PAGE.read_text().splitlines() if row.startswith("| `")]
    found = []
    for command, expected in MISTAKES[state]:
        if not any(all(f"`{text}`" in row for text in expected) for row in rows):
            raise ValueError(f"no row of the guide has {expected}")
        found.append(Line(command, expected, exit_code=9))
    return found


def snippet() -> str:
    """The records for a parent zone, as the guide gives them."""
    (text,) = re.findall(r"^```\n(lb .*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    return str(text)
