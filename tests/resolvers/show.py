"""A small internet: a root, top-level domains, our two nodes below them; what resolvers and zonemaster make of them.

    python tests/resolvers/show.py [--json] [--keep FOLDER] [--play]

Machines are network namespaces, name servers listen on port 53. `unbound` and `named`, set as strictly as they can be,
resolve through the delegation while members die, nodes stop and zones are edited; `zonemaster-cli` looks at the
delegated zone; the commands of deploy/DELEGATION.md are tried. Then Knot and NSD serve the same zones at the same
addresses, for comparison. Ends with status 1 when something was not as it should be. `--play` makes it and hands you a
shell on a machine in it.

Needs Linux, unbound, named, nsd, knotd, zonemaster-cli, dig, delv, `ip` and `ss` (iproute2), and the right to make
namespaces: root, or a system that lets users make them. Everything happens in mount, network and process namespaces
made for it, which the kernel removes with all that is in them when it ends, however it ends.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[1]))
from namespaces import PATH, UNABLE, again_within, settle, why_not

PROGRAMS = ("unbound", "named", "nsd", "knotd", "zonemaster-cli", "dig", "delv", "ip", "ss")
HINT = """\
This shell is on the machine `client`, whose resolver is unbound. Leave it to end everything.
    dig www.example.com                       dig +trace www.example.com
    dig @203.0.113.103 www.example.com        named; named-ipv4 is 203.0.113.104, unbound-tcp 203.0.113.102
    dig +norec @192.0.2.53 example.com NS     ns1; ns2 is 198.51.100.53
    ip netns exec ns1 ss -lun                 on another machine; `ip netns` lists them
    {gslb} status -c {folder}/ns1/gslb.yaml
    zonemaster-cli --hints {folder}/root.hints example.com
Configurations, zones and logs: {folder}
"""


COLUMNS = ("level", "zone", "test case", "message", "differs", "why")
"""Of zonemaster's table, besides one for each server."""


def missing() -> list[str]:
    return [program for program in PROGRAMS if shutil.which(program, path=PATH) is None]


def outside(arguments: argparse.Namespace) -> int:
    """Start this program again within namespaces of its own."""
    reason = f"needs {', '.join(missing())}" if missing() else why_not()
    if reason is not None:
        print(reason, file=sys.stderr)
        return UNABLE
    return again_within("gslb-net-", arguments.keep)


def inside(arguments: argparse.Namespace) -> int:
    """Make the small internet and look at it; the namespaces are ours alone."""
    from observations import observe  # noqa: PLC0415  needs Linux
    from small_internet import InternetError, SmallInternet  # noqa: PLC0415

    settle()
    try:
        internet = SmallInternet(arguments.inside)
        if arguments.play:
            return play(arguments.inside)
        result = observe(internet, say)
    except InternetError as error:
        result = {"problems": [str(error)]}
    if arguments.json:
        print(json.dumps(result, indent=2))
    else:
        report(result)
    return 1 if result["problems"] else 0


def play(folder: Path) -> int:
    print(HINT.format(folder=folder, gslb=f"{sys.executable} -m gslb"))
    return subprocess.run([os.environ.get("SHELL", "/bin/sh")], check=False).returncode


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def report(result: dict[str, Any]) -> None:
    """Everything as tables."""
    for server, observed in result.get("resolvers", {}).items():
        print(f"\n== Resolvers, with {server} serving the zones ==")
        for row in observed:
            print(f"{'ok ' if row['ok'] else 'BAD'} {row['check']:32} {row['resolver']:12} {row['said']}")
    if "zonemaster" in result:
        print("\n== zonemaster: how often it says what, by who serves the zones ==")
        _print_zonemaster(result["zonemaster"])
    if "guide" in result:
        print("\n== The commands of the delegation guide ==")
        for row in result["guide"]:
            print(
                f"{'BAD' if row['wrong'] else 'ok '} {row['command']}{': ' if row['wrong'] else ''}{row['wrong'] or ''}"
            )
    print()
    for problem in result["problems"]:
        print(f"PROBLEM: {problem}")
    if not result["problems"]:
        print("all is as it should be")


def _print_zonemaster(rows: list[dict[str, Any]]) -> None:
    """What is more than information, or not said of all alike."""
    servers = [server for server in rows[0] if server not in COLUMNS]
    print(f"{'level':7} {'zone':21} {'test case':12} {'message':36} {' '.join(f'{server:>5}' for server in servers)}")
    for row in rows:
        if row["level"] == "INFO" and not row["differs"]:
            continue
        counts = " ".join(f"{row[server]:>5}" for server in servers)
        start = f"{row['level']:7} {row['zone']:21} {row['test case']:12} {row['message']:36} {counts}"
        print(f"{start}  {row['why'] or row['differs']}".rstrip())
    equal = sum(row["level"] == "INFO" and not row["differs"] for row in rows)
    print(f"and {equal} kinds of INFO, said of all alike")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print JSON, for programs")
    parser.add_argument("--keep", type=Path, help="keep configurations, zones and logs in this empty folder")
    parser.add_argument("--play", action="store_true", help="make it, check nothing, and give a shell in it")
    parser.add_argument("--inside", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    return outside(arguments) if arguments.inside is None else inside(arguments)


if __name__ == "__main__":
    sys.exit(main())
