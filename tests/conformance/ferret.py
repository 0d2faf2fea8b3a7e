"""FERRET through the real daemon: zones and queries made from a formal model of the DNS, with the replies of BIND, NSD,
Knot and PowerDNS (Kakarla et al., NSDI 2022).

    python tests/conformance/ferret.py [--data FILE] [--json]

The zones share names, so each gets a label of its own, `.fz123.`, appended to every name of zone, query and
expectation; then one node serves all of them at once, and is asked over UDP. A reply matches when rcode, flags,
question, answer and additional are equal as sets, and authority too where either answer section is empty. TTLs are
counted apart, for the replies that match. Exit code 1 when a test fails that is not in `ALLOWED`.
"""

import argparse
import json
import lzma
import os
import re
import socket
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dns.flags
import dns.message
import dns.rcode

sys.path.insert(0, str(Path(__file__).parent.parent))
from harness import Daemon, wait_for

DATA = Path(__file__).parents[3] / "shared" / "conformance" / "ferret.jsonl.xz"
FLAGS = dns.flags.QR | dns.flags.AA | dns.flags.TC | dns.flags.RD | dns.flags.AD | dns.flags.CD
ALLOWED: Mapping[int, str] = {}
"""Tests that may fail, with the RFC's text that says why. A test that passes may not stand here."""

_ABSOLUTE = re.compile(r"(?<!\S)(\S+\.|\.)(?!\S)")
_SECONDS = 5.0
LOADING_SECONDS = 300.0
"""The zones are some thousands, and the machine may be busy."""
_AT_ONCE = 64
_ATTEMPTS = 3

Record = tuple[str, int, str]
TtlRecord = tuple[str, int, str, int]


@dataclass(frozen=True)
class Reply:
    """A reply as it is compared: sections as sets of records, apart from them with their TTLs."""

    rcode: int
    flags: int
    question: frozenset[str]
    sections: tuple[frozenset[Record], frozenset[Record], frozenset[Record]]
    with_ttls: tuple[frozenset[TtlRecord], frozenset[TtlRecord], frozenset[TtlRecord]]

    def matches(self, other: "Reply") -> bool:
        mine, theirs = self.sections, other.sections
        return (
            (self.rcode, self.flags, self.question) == (other.rcode, other.flags, other.question)
            and (mine[0], mine[2]) == (theirs[0], theirs[2])
            and (bool(mine[0] and theirs[0]) or mine[1] == theirs[1])
        )

    def has_the_ttls_of(self, other: "Reply") -> bool:
        """For replies that match."""
        mine, theirs = self.with_ttls, other.with_ttls
        return (mine[0], mine[2]) == (theirs[0], theirs[2]) and (bool(mine[0]) or mine[1] == theirs[1])

    def __str__(self) -> str:
        lines = [f"{dns.rcode.to_text(dns.rcode.Rcode(self.rcode))} {dns.flags.to_text(self.flags)}"]
        for name, section in zip(("answer", "authority", "additional"), self.with_ttls, strict=True):
            lines += sorted(f"{name} {owner} {ttl} TYPE{rtype} {rdata}" for owner, rtype, rdata, ttl in section)
        return "\n".join(lines)


@dataclass(frozen=True)
class Case:
    """One test under its own label; `expected` is each distinct reply with the servers that gave it."""

    number: int
    tag: str
    apex: str
    zone: str
    qname: str
    qtype: str
    expected: tuple[tuple[tuple[str, ...], Reply], ...]


@dataclass(frozen=True)
class Result:
    """What came back, None for nothing in time, and the servers whose reply it matches."""

    case: Case
    reply: Reply | None
    with_servers: tuple[str, ...]
    ttls_equal: bool

    @property
    def passed(self) -> bool:
        return bool(self.with_servers)

    @property
    def standing(self) -> str:
        """Whether all four servers agree; else whether we are with the most of them, half, or fewer."""
        sizes = sorted((len(servers) for servers, _ in self.case.expected), reverse=True)
        if len(sizes) == 1:
            return "all four agree"
        if not self.passed:
            return "with none"
        if len(self.with_servers) < sizes[0]:
            return "with fewer than others"
        return "with the most" if sizes[0] > sizes[1] else "with as many as others"


def under(label: str, text: str) -> str:
    """Master-file text with the label appended to every absolute name: all that ends in a dot."""
    return _ABSOLUTE.sub(lambda name: f"{name[0].lstrip('.') and name[0]}{label}.", text)


def reply_of(message: dns.message.Message) -> Reply:
    sections = [
        [
            (rrset.name.to_text().lower(), int(rrset.rdtype), rdata.to_text().lower(), rrset.ttl)
            for rrset in section
            for rdata in rrset
        ]
        for section in (message.answer, message.authority, message.additional)
    ]
    plain = tuple(frozenset(record[:3] for record in section) for section in sections)
    with_ttls = tuple(frozenset(section) for section in sections)
    question = frozenset(rrset.to_text().lower() for rrset in message.question)
    return Reply(int(message.rcode()), int(message.flags & FLAGS), question, plain, with_ttls)  # type: ignore[arg-type]


def case_of(written: Mapping[str, Any]) -> Case:
    label = f"fz{written['id']}"
    zone = under(label, written["zone"])
    apex = next(line.split()[0] for line in zone.splitlines() if " SOA" in line or "\tSOA" in line)
    expected = tuple(
        (tuple(entry["servers"]), reply_of(dns.message.from_text(under(label, "\n".join(entry["response"])))))
        for entry in written["expected"]
        if entry["response"]
    )
    qname = under(label, written["qname"])
    return Case(written["id"], written["tag"], apex, zone, qname, written["qtype"], expected)


def read_cases(path: Path) -> list[Case]:
    with lzma.open(path, "rt") as lines:
        return [case_of(json.loads(line)) for line in lines]


def prepared(cases: Iterable[Case], folder: Path) -> Daemon:
    """A node with every zone, from master files in one folder."""
    node = Daemon(folder)
    node.configure()
    for case in cases:
        (folder / "zones" / f"{case.apex}zone").write_text(case.zone)
    return node


def ask_all(cases: Sequence[Case], port: int) -> list[bytes | None]:
    """Each case's reply over UDP, some at once; one that does not come is asked for again."""
    queries = [dns.message.make_query(case.qname, case.qtype) for case in cases]
    for number, query in enumerate(queries):
        query.flags, query.id = 0, number & 0xFFFF
    replies: list[bytes | None] = [None] * len(cases)
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.connect(("127.0.0.1", port))
        sock.settimeout(_SECONDS)
        for start in range(0, len(cases), _AT_ONCE):
            window = range(start, min(start + _AT_ONCE, len(cases)))
            for _ in range(_ATTEMPTS):
                missing = [number for number in window if replies[number] is None]
                for number in missing:
                    sock.send(queries[number].to_wire())
                for _ in missing:
                    try:
                        data = sock.recv(65535)
                    except TimeoutError:
                        break
                    replies[start + (int.from_bytes(data[:2], "big") - start) % 65536] = data
    return replies


def judge(case: Case, data: bytes | None) -> Result:
    if data is None:
        return Result(case, None, (), ttls_equal=False)
    reply = reply_of(dns.message.from_wire(data))
    for servers, theirs in case.expected:
        if reply.matches(theirs):
            return Result(case, reply, servers, reply.has_the_ttls_of(theirs))
    return Result(case, reply, (), ttls_equal=False)


def run(cases: Sequence[Case], folder: Path) -> list[Result]:
    """Ask a node that is started for it and stopped. Zones that it refuses are told on stderr, and their tests fail.
    Raises `RuntimeError` when it answers otherwise when asked again."""
    node = prepared(cases, folder)
    try:
        node.start(wait=False)
        wait_for(node.serving, "the node to serve", LOADING_SECONDS)
        for event in node.events():
            if event["event"] == "zone_not_taken":
                print(event["problem"], file=sys.stderr)
        replies = ask_all(cases, node.port)
        if ask_all(cases, node.port) != replies:  # now from what was kept of the first
            raise RuntimeError("the node answers otherwise when it is asked again")
        return [judge(case, data) for case, data in zip(cases, replies, strict=True)]
    finally:
        node.stop()


def summary(results: Sequence[Result]) -> dict[str, Any]:
    """The counts, as plain JSON values."""
    tags: dict[str, dict[str, int]] = {}
    for result in results:
        counts = tags.setdefault(result.case.tag, {"passed": 0, "failed": 0, "ttls_equal": 0})
        counts["passed" if result.passed else "failed"] += 1
        counts["ttls_equal"] += result.ttls_equal
    standing = Counter(result.standing for result in results)
    disagreeing = Counter(
        server for result in results if result.standing != "all four agree" for server in result.with_servers
    )
    return {
        "tests": len(results),
        "passed": sum(result.passed for result in results),
        "ttls_equal": sum(result.ttls_equal for result in results),
        "tags": dict(sorted(tags.items())),
        "standing": dict(sorted(standing.items())),
        "same_as_where_servers_differ": dict(sorted(disagreeing.items())),
        "failed": sorted(result.case.number for result in results if not result.passed),
        "with_fewer_than_others": sorted(
            result.case.number for result in results if result.standing == "with fewer than others"
        ),
    }


def report(results: Sequence[Result]) -> Iterator[str]:
    counts = summary(results)
    yield f"{'tag':5}{'passed':>8}{'failed':>8}{'TTLs equal':>12}"
    for tag, of_tag in counts["tags"].items():
        yield f"{tag:5}{of_tag['passed']:8}{of_tag['failed']:8}{of_tag['ttls_equal']:12}"
    failed = len(counts["failed"])
    yield f"{'all':5}{counts['passed']:8}{failed:8}{counts['ttls_equal']:12}"
    yield ""
    for standing, count in counts["standing"].items():
        yield f"{count:6} {standing}"
    yield f"where they differ, as: {', '.join(f'{s} {n}' for s, n in counts['same_as_where_servers_differ'].items())}"
    for result in results:
        if not result.passed or result.standing == "with fewer than others":
            yield from told(result)


def told(result: Result) -> Iterator[str]:
    """A test that failed, or where most servers answer otherwise, in full."""
    case = result.case
    allowed = f": {ALLOWED[case.number]}" if case.number in ALLOWED else ""
    yield f"\n{case.number} ({case.tag}) {case.qname} {case.qtype}: {result.standing}{allowed}"
    yield case.zone.strip()
    yield f"ours: {result.reply if result.reply is not None else 'silence'}"
    for servers, theirs in case.expected:
        yield f"{', '.join(servers)}: {theirs}"


def unexpected(results: Sequence[Result]) -> tuple[list[int], list[int]]:
    """The tests that fail without leave, and those that have leave to and pass."""
    failed = {result.case.number for result in results if not result.passed}
    return sorted(failed - set(ALLOWED)), sorted(set(ALLOWED) - failed)


def scratch_folder() -> tempfile.TemporaryDirectory[str]:
    """In memory where that can be: a node flushes to disk what it keeps of each zone, one by one."""
    return tempfile.TemporaryDirectory(prefix="ferret", dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA, metavar="FILE", help="tests as .jsonl.xz (%(default)s)")
    parser.add_argument("--json", action="store_true", help="print the counts as JSON")
    options = parser.parse_args()
    if not options.data.is_file():
        parser.error(f"there is no {options.data}")
    with scratch_folder() as folder:
        results = run(read_cases(options.data), Path(folder))
    print(json.dumps(summary(results), indent=2) if options.json else "\n".join(report(results)))
    return 1 if any(unexpected(results)) else 0


if __name__ == "__main__":
    sys.exit(main())
