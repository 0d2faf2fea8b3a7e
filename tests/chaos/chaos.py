"""A cluster of three nodes on a slow and lossy network that is cut, while nodes are killed, under queries and edits.

    python tests/chaos/chaos.py [--full] [--json] [--keep FOLDER]

Ends with status 1 when a promise was broken: an acknowledged edit lost, an answer of two versions, a node behind. Needs
Linux, `ip` (iproute2) and the right to make namespaces: root, or a system that lets users make them. Everything happens
in mount, network and process namespaces made for it, which the kernel removes with all that is in them when it ends,
however it ends.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[1]))
from namespaces import UNABLE, again_within, settle, why_not


def outside(arguments: argparse.Namespace) -> int:
    """Start this program again within namespaces of its own."""
    reason = why_not()
    if reason is not None:
        print(reason, file=sys.stderr)
        return UNABLE
    return again_within("gslb-chaos-", arguments.keep)


def inside(arguments: argparse.Namespace) -> int:
    """Play the story; the namespaces are ours alone."""
    from chaos_story import FULL, SHORT, Story, StoryError  # noqa: PLC0415  needs Linux

    settle()
    try:
        result = Story(FULL if arguments.full else SHORT, arguments.inside, say).play()
    except StoryError as error:
        result = {"problems": [str(error)]}
    if arguments.json:
        print(json.dumps(result, indent=2))
    else:
        report(result)
    return 1 if result["problems"] else 0


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def report(result: dict[str, Any]) -> None:
    """The counts as text."""
    hidden = {"plan", "problems", "crashes", "examples"}
    for key, value in result.items():
        if key in hidden:
            continue
        title = key.replace("_", " ")
        if isinstance(value, dict):
            print(f"{title}:")
            for name, count in value.items():
                print(f"    {name:32} {_shown(count):>9}")
        else:
            print(f"{title:36} {_shown(value):>9}")
    for kind, examples in result.get("examples", {}).items():
        print(f"{kind}, for example:", *examples, sep="\n")
    for problem in result["problems"]:
        print(f"PROBLEM: {problem}")
    if not result["problems"]:
        print("every promise was kept")


def _shown(value: float | str) -> str:
    if isinstance(value, bool):
        return "yes" if value else "NO"
    return value if isinstance(value, str) else f"{value:,}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="two minutes of kills and a cut of 60 s, not half a minute")
    parser.add_argument("--json", action="store_true", help="print JSON, for programs")
    parser.add_argument("--keep", type=Path, help="keep the nodes' folders, logs too, in this empty folder")
    parser.add_argument("--inside", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    return outside(arguments) if arguments.inside is None else inside(arguments)


if __name__ == "__main__":
    sys.exit(main())
