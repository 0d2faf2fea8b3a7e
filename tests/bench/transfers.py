"""How zones move: beside BIND, Knot and NSD, and beside Knot moving the same zones, in one run on loopback.

Needs named, knotd, knotc, nsd, nsupdate and dig. Everything runs in a temporary directory, and is stopped at the end.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

sys.path.append(str(Path(__file__).parent.parent))  # harness, foreign_servers and edited_zone of the tests

import pytest
from foreign_servers import find_program
from transfer_trials import TRIALS, Figures, Sizes, TrialError

PROGRAMS = {"named": "bind9", "knotd": "knot", "knotc": "knot", "nsd": "nsd"} | dict.fromkeys(
    ("nsupdate", "dig"), "bind9-dnsutils"
)
EXAMPLE = """example:
  tests/bench/transfers.py --trials edits,bulk --rounds 5 --json transfers.json

README.md beside this program tells how to read the figures.
"""


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    sizes = Sizes()
    parser = argparse.ArgumentParser(
        prog="transfers.py", description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--trials", type=_trials, default=tuple(TRIALS), metavar="A,B", help=f"some of {','.join(TRIALS)} (all)")
    add(
        "--edits",
        type=_count,
        default=sizes.edits,
        metavar="N",
        help="random edits that secondaries follow (%(default)s)",
    )
    add("--updates", type=_count, default=sizes.updates, metavar="N", help="updates of a foreign primary (%(default)s)")
    add(
        "--primary-names", type=_count, default=sizes.primary_names, metavar="N", help="names of its zone (%(default)s)"
    )
    add("--timed-edits", type=_count, default=sizes.timed_edits, metavar="N", help="edits that are timed (%(default)s)")
    add(
        "--bulk-names", type=_count, default=sizes.bulk_names, metavar="N", help="names of the large zone (%(default)s)"
    )
    add("--rounds", type=_count, default=sizes.rounds, metavar="N", help="moves of the large zone (%(default)s)")
    add("--json", type=Path, metavar="FILE", help="also write every figure to FILE")
    return parser.parse_args(arguments)


def _trials(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(text.split(",")))
    unknown = [name for name in names if name not in TRIALS]
    if unknown:
        raise argparse.ArgumentTypeError(f"{', '.join(map(repr, unknown))}: there are {', '.join(TRIALS)}")
    return names


def _count(text: str) -> int:
    if text.isdecimal() and 1 <= int(text) <= 1_000_000:
        return int(text)
    raise argparse.ArgumentTypeError(f"a whole number from 1 to 1000000, not {text!r}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 measured, 1 a server failed, 2 a program is missing."""
    options = vars(parse(arguments))
    names, output = options.pop("trials"), options.pop("json")
    missing = {program: package for program, package in PROGRAMS.items() if find_program(program) is None}
    if missing:
        packages = " ".join(sorted(set(missing.values())))
        print(f"transfers: needs {', '.join(missing)}: apt-get install {packages}", file=sys.stderr)
        return 2
    try:
        figures = measure(names, Sizes(**options))
    except (TrialError, RuntimeError, pytest.fail.Exception) as error:
        print(f"transfers: {error}", file=sys.stderr)
        return 1
    if output is not None:
        output.write_text(json.dumps(figures, indent=2) + "\n", "utf-8")
    return 0


def measure(names: Sequence[str], sizes: Sizes) -> dict[str, Figures]:
    """Run the trials one after the other, and print each as it ends."""
    found = {}
    for name in names:
        with TemporaryDirectory(prefix="gslb-xfr-") as folder:
            started = time.monotonic()
            found[name] = TRIALS[name](Path(folder), sizes, _tell)
            _tell(f"{name}: done in {time.monotonic() - started:.0f} s")
        print(*LINES[name](found[name]), sep="\n", end="\n\n", flush=True)
    return found


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


# ---- what is printed ----


def _of_secondaries(found: Figures) -> list[str]:
    times = found["octets_had_all_been_axfr"] / max(1.0, found["ixfr_octets"])
    return [
        f"BIND, Knot and NSD as secondaries of gslb: {found['edits']:,} random edits in {found['seconds']:.0f} s",
        f"  {found['versions']:,} versions; all three at the last serial with equal {found['records']:,} records",
        f"  {found['static_answers']:,} static answers equal, {found['steered_answers']:,} steered ones their `values`",
        f"  sent by IXFR {found['ixfr_octets']:,.0f} octets in {found['ixfr_transfers']:,.0f} transfers",
        f"  sent by AXFR {found['axfr_octets']:,.0f} octets in {found['axfr_transfers']:,.0f} transfers",
        f"  had all been AXFR, {found['one_axfr_octets']:,.0f} octets each: {times:.1f} times as many octets",
    ]


def _of_primaries(found: Figures) -> list[str]:
    lines = []
    for kind, each in found.items():
        lines += [
            f"gslb as a secondary of {kind}: {each['records']:,} records, equal after the first transfer",
            f"  {each['updates']:,} updates there in {each['update_seconds']:.1f} s",
            f"  equal again {each['equal_after_last_update_seconds']:.2f} s after the last of them",
            f"  {each['ixfr_transfers']:.0f} IXFRs of {each['ixfr_octets']:,.0f} octets in all",
            f"  {each['axfr_transfers']:.0f} AXFR, the first, of {each['axfr_octets']:,.0f}",
        ]
    return lines


def _of_edits(found: Figures) -> list[str]:
    def line(title: str, each: dict[str, Any]) -> str:
        return (
            f"  {title:42} median {each['median_ms']:7.1f} ms   p99 {each['p99_ms']:7.1f} ms   "
            f"({each['least_ms']:.1f} to {each['most_ms']:.1f})"
        )

    return [
        f"An edit, until the secondary answers it ({found['edits']} each, in turn)",
        line("gslb, from the saved file", found["gslb"]),
        line("  until the primary itself answers it", found["gslb_at_the_primary"]),
        line("Knot, from knotc zone-commit", found["knot"]),
        f"  gslb takes {found['median_ratio']:.1f} times as long (medians)",
    ]


def _of_bulk(found: Figures) -> list[str]:
    lines = [f"{found['names']:,} names to a serving secondary (medians of {len(found['rounds']['gslb'])})"]
    for kind in ("gslb", "knot"):
        each = found[kind]
        alone = f", the transfer alone {each['transfer_alone_seconds']:.2f} s" if kind == "gslb" else ""
        lines.append(f"  {kind}: {each['seconds']:.2f} s until it is served{alone}")
        for role in ("primary", "secondary"):
            side = each[role]
            quiet, during = side["quiet"], side["during"]
            lines.append(
                f"    {role:9}  memory {side['resident_before_mib']:6.1f} → peak {side['peak_mib']:6.1f} MiB   "
                f"query p50 {quiet['p50_ms']:.2f} → {during['p50_ms']:.2f} ms, "
                f"p99 {quiet['p99_ms']:.2f} → {during['p99_ms']:.2f} ms, worst {during['worst_ms']:.1f} ms "
                f"({during['count']:.0f} queries, {during['lost']:.0f} lost)"
            )
    lines.append(f"  gslb takes {found['gslb']['seconds'] / found['knot']['seconds']:.1f} times as long (medians)")
    return lines


LINES = {"secondaries": _of_secondaries, "primaries": _of_primaries, "edits": _of_edits, "bulk": _of_bulk}

if __name__ == "__main__":
    sys.exit(main())
