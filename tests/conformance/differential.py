"""Ask our daemon, NSD, Knot and BIND the same questions about the same random zones, and tell where we stand apart.

    python tests/conformance/differential.py [--zones 300] [--seed 1] [--questions 40] [--roots 3]
        [--dense 0] [--shrink 5] [--json]

Needs nsd, knotd and named. Ends with status 1 when there is a difference that `ACCEPTED` does not argue for.
"""

import argparse
import itertools
import json
import random
import struct
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

sys.path += [str(Path(__file__).parent), str(Path(__file__).parent.parent)]

import dns.name
import dns.rdatatype
from accepted import accepted_by
from agreement import Seen, Verdict, differences, facets_of, seen, verdict_of
from dense_zones import dense_group, dense_questions
from fleet import OURS, SERVERS, Fleet, missing_programs
from random_zones import Group, Question, random_group, random_questions, written

GROUPS_AT_ONCE = 150
QUESTIONS_AT_ONCE = 20_000
ROUNDS = 8
PARTS = 6
ROOT = "."
LOOKED_AT = (Verdict.ALONE, Verdict.MINORITY, Verdict.LESSER, Verdict.OUTVOTED, Verdict.SPLIT)
FAILING = (Verdict.ALONE, Verdict.MINORITY, Verdict.LESSER)
UNABLE = 77
"""The exit status for "cannot be run here"."""


@dataclass(frozen=True)
class Case:
    """A question to a group, and the replies. `label` was the group's."""

    group: Group
    question: Question
    label: str
    replies: Mapping[str, Seen]

    @property
    def verdict(self) -> Verdict:
        return verdict_of(self.replies)

    @property
    def kind(self) -> tuple[str, ...]:
        """What makes two differences alike."""
        return (self.verdict.name, *facets_of(self.replies))

    def describe(self) -> str:
        lines = [f"? {written(str(self.question), self.label)}"]
        for apex, text in self.group.text(self.label).items():
            lines += [f"zone {apex}", *(f"    {line}" for line in text.splitlines())]
        for server, reply in self.replies.items():
            lines += [f"{server}: {line}" for line in reply.lines()]
        return "\n".join(lines)


@dataclass
class Tally:
    """What came of a run. `pairs`: how many replies of two servers matched."""

    groups: int = 0
    zones: int = 0
    questions: int = 0
    variants: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)
    compared: Counter[tuple[str, str]] = field(default_factory=Counter)
    pairs: Counter[tuple[str, str]] = field(default_factory=Counter)
    accepted: Counter[str] = field(default_factory=Counter)
    not_loaded: Counter[str] = field(default_factory=Counter)
    looked_at: list[Case] = field(default_factory=list)

    def take(self, case: Case) -> None:
        self.questions += 1
        self.variants += case.question != Question(case.question.qname, case.question.qtype)
        for one, other in itertools.combinations(case.replies, 2):
            self.compared[one, other] += 1
            self.pairs[one, other] += not differences(case.replies[one], case.replies[other])
        rule = accepted_by(case.group, case.question, case.replies) if case.verdict in LOOKED_AT else None
        if rule is not None:
            self.accepted[rule] += 1
        else:
            self.verdicts[case.verdict.name] += 1
            if case.verdict in LOOKED_AT:
                self.looked_at.append(case)

    def failing(self) -> list[Case]:
        return [case for case in self.looked_at if case.verdict in FAILING]

    def as_json(self) -> dict[str, object]:
        return {
            "groups": self.groups,
            "zones": self.zones,
            "questions": self.questions,
            "variants": self.variants,
            "verdicts": dict(self.verdicts),
            "accepted": dict(self.accepted),
            "not_loaded": dict(self.not_loaded),
            "agreement": {f"{one}-{other}": f"{self.rate(one, other):.4f}" for one, other in self.pairs},
            "differences": dict(Counter(" ".join(case.kind) for case in self.looked_at)),
        }

    def rate(self, one: str, other: str) -> float:
        return self.pairs[one, other] / self.compared[one, other]

    def report(self) -> str:
        lines = [f"{self.groups} groups, {self.zones} zones, {self.questions} questions, {self.variants} not plain"]
        lines += [f"  not loaded by {server}: {count} groups" for server, count in sorted(self.not_loaded.items())]
        lines += [f"  {verdict.value}: {self.verdicts[verdict.name]}" for verdict in Verdict]
        lines += [f"  accepted, {rule}: {count}" for rule, count in self.accepted.most_common()]
        if self.pairs:
            lines += [f"  {one} and {other} match: {self.rate(one, other):.2%}" for one, other in self.pairs]
        return "\n".join(lines)


def wire(question: Question, label: str, rng: random.Random) -> bytes:
    """The query. With `mixed`, the case of its letters is drawn."""
    qname = dns.name.from_text(written(question.qname, label)).to_wire()
    if question.mixed:
        qname = bytes(
            octet ^ 32 if chr(octet).isalpha() and octet < 128 and rng.random() < 0.5 else octet for octet in qname
        )
    data = struct.pack("!6H", 0, question.flags, 1, 0, 0, question.edns is not None)
    data += qname + struct.pack("!2H", dns.rdatatype.from_text(question.qtype), question.qclass)
    if question.edns is not None:
        flags = 0x8000 if question.dnssec_ok else 0
        data += b"\0" + struct.pack("!4H", 41, question.edns, 0, flags)
        data += struct.pack("!H", len(question.options)) + question.options
    return data


def ask(fleet: Fleet, asked: Sequence[tuple[Group, str, Question]]) -> list[Case]:
    """Ask every server every question of groups under their labels."""
    rng = random.Random(1)
    queries = [wire(question, label, rng) for _, label, question in asked]
    over_tcp = [number for number, (_, _, question) in enumerate(asked) if question.tcp]
    over_udp = [number for number, (_, _, question) in enumerate(asked) if not question.tcp]
    replies: dict[str, list[Seen]] = {}
    for server in SERVERS:
        wires: list[bytes | None] = [None] * len(asked)
        for numbers, send in ((over_udp, fleet.ask), (over_tcp, fleet.ask_tcp)):
            for number, reply in zip(numbers, send(server, [queries[number] for number in numbers]), strict=True):
                wires[number] = reply
        replies[server] = [seen(reply) for reply in wires]
    return [
        Case(group, question, label, {server: replies[server][number] for server in holders(fleet, group, label)})
        for number, (group, label, question) in enumerate(asked)
    ]


def holders(fleet: Fleet, group: Group, label: str) -> tuple[str, ...]:
    """The servers that have every zone of the group."""
    return tuple(server for server in SERVERS if all(apex in fleet.served[server] for apex in group.text(label)))


def comparable(fleet: Fleet, groups: Mapping[str, Group]) -> dict[str, Group]:
    """The groups by label that we serve, and two peers at least."""
    serving = {label: holders(fleet, group, label) for label, group in groups.items()}
    return {label: groups[label] for label, servers in serving.items() if OURS in servers and len(servers) > 2}


def run(seeds: Sequence[int], questions: int, folder: Path, tally: Tally) -> None:
    """One batch: the groups of these seeds, served together."""
    groups = {f"d{seed:06}": random_group(seed) for seed in seeds}
    _compare(groups, lambda label: random_questions(groups[label], int(label[1:]), questions), folder, tally)


def run_dense(numbers: Sequence[int], folder: Path, tally: Tally) -> None:
    """One batch: the dense zones of these numbers, served together and asked all there is to ask."""
    groups = {f"d{number:06}": dense_group(number) for number in numbers}
    _compare(groups, lambda label: dense_questions(groups[label]), folder, tally)


def _compare(
    groups: Mapping[str, Group], questions_of: Callable[[str], list[Question]], folder: Path, tally: Tally
) -> None:
    zones = {apex: text for label, group in groups.items() for apex, text in group.text(label).items()}
    with Fleet(folder, zones) as fleet:
        served = comparable(fleet, groups)
        for label, group in groups.items():
            tally.not_loaded.update(server for server in SERVERS if server not in holders(fleet, group, label))
        tally.groups += len(groups)
        tally.zones += len(zones)
        asked = [(group, label, question) for label, group in served.items() for question in questions_of(label)]
        for at in range(0, len(asked), QUESTIONS_AT_ONCE):
            for case in ask(fleet, asked[at : at + QUESTIONS_AT_ONCE]):
                tally.take(case)


def run_root(seed: int, questions: int, folder: Path, tally: Tally) -> None:
    """One group by itself, with names below the root in place of a label's; its first zone is the root."""
    group = random_group(seed, "~")
    zones = group.text(ROOT)
    with Fleet(folder, zones) as fleet:
        tally.groups += 1
        tally.zones += len(zones)
        served = comparable(fleet, {ROOT: group})
        for case in ask(fleet, [(group, ROOT, question) for question in random_questions(group, seed, questions)]):
            if served:
                tally.take(case)


@dataclass
class Shrinking:
    """A difference on its way to as few lines as can be: `best` so far, and the groups to try next."""

    kind: tuple[str, ...]
    best: Case
    next: list[tuple[Group, Question]]

    def take(self, tried: Sequence[Case | None]) -> None:
        """Go on from the smallest group that is alike, and first without all that could be missed singly."""
        alike = [case for case in tried if case is not None and case.kind == self.kind]
        smaller = [case for case in alike if _size(case) < _size(self.best)]
        self.next = []
        if smaller:
            self.best = min(smaller, key=_size)
            question = self.best.question
            self.next = [(group, question) for group in (_common(alike), *_smaller(self.best.group)) if group.zones]


def shrink(cases: Sequence[Case], folder: Path) -> list[Case]:
    """The same kinds of difference from groups with fewer lines; all of them in the same rounds, because starting the
    servers is what takes time."""
    found = []
    for case in cases:
        plain = Question(case.question.qname, case.question.qtype)
        tries = [(case.group, plain), *((group, case.question) for group in _smaller(case.group))]
        found.append(Shrinking(case.kind, case, tries))
    for step in range(ROUNDS):
        under_way = [each for each in found if each.next]
        if not under_way:
            break
        tried = iter(_tried([each for shrinking in under_way for each in shrinking.next], folder / str(step)))
        for shrinking in under_way:
            shrinking.take(list(itertools.islice(tried, len(shrinking.next))))
    return [shrinking.best for shrinking in found]


def _common(cases: Sequence[Case]) -> Group:
    """What all these groups have."""
    first = cases[0].group.zones
    return Group(
        {
            apex: tuple(line for line in lines if all(line in case.group.zones[apex] for case in cases))
            for apex, lines in first.items()
            if all(apex in case.group.zones for case in cases)
        }
    )


def _size(case: Case) -> int:
    """How much there is to read; plain questions come first."""
    plain = case.question == Question(case.question.qname, case.question.qtype)
    return 2 * sum(len(lines) for lines in case.group.zones.values()) + (not plain)


def _smaller(group: Group) -> Iterator[Group]:
    """The group without one of its zones, or one or several lines of one."""
    for apex, lines in group.zones.items():
        if len(group.zones) > 1:
            yield group.without_zone(apex)
        rest = range(2, len(lines))  # a zone keeps its SOA and an NS
        size = max(1, len(lines) // PARTS)
        for at in rest[::size]:
            yield group.without(apex, *range(at, min(at + size, len(lines))))


def _tried(candidates: Sequence[tuple[Group, Question]], folder: Path) -> list[Case | None]:
    """What each group answers to its question, None where a server does not load it."""
    groups = {f"d{number:06}": group for number, (group, _) in enumerate(candidates)}
    zones = {apex: text for label, group in groups.items() for apex, text in group.text(label).items()}
    with Fleet(folder, zones) as fleet:
        served = comparable(fleet, groups)
        asked = [(groups[label], label, candidates[int(label[1:])][1]) for label in served]
        by_label = {case.label: case for case in ask(fleet, asked)}
    return [by_label.get(label) for label in groups]


def first_of_each(cases: Sequence[Case]) -> list[Case]:
    """The smallest case of each kind and type of question, the most frequent first."""
    found: dict[tuple[object, ...], list[Case]] = {}
    for case in cases:
        found.setdefault((case.kind, tuple(reply.rcode for reply in case.replies.values())), []).append(case)
    alike = sorted(found.values(), key=len, reverse=True)
    return [min(each, key=_size) for each in alike]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--zones", type=int, default=300, help="groups of zones (default: 300)")
    parser.add_argument("--seed", type=int, default=1, help="the first seed (default: 1)")
    parser.add_argument("--questions", type=int, default=40, help="questions a group (default: 40)")
    parser.add_argument("--shrink", type=int, default=5, help="differences to make small and show (default: 5)")
    parser.add_argument("--roots", type=int, default=0, help="further groups whose first zone is the root (default: 0)")
    parser.add_argument("--dense", type=int, default=0, help="zones of dense_zones.py, all questions (default: 0)")
    parser.add_argument("--json", action="store_true", help="the figures as JSON")
    arguments = parser.parse_args()
    if missing := missing_programs():
        print(f"needs {', '.join(missing)}", file=sys.stderr)
        return UNABLE
    tally = Tally()
    with tempfile.TemporaryDirectory(prefix="gslb-differential-") as temporary:
        seeds = range(arguments.seed, arguments.seed + arguments.zones)
        for at in range(0, len(seeds), GROUPS_AT_ONCE):
            run(seeds[at : at + GROUPS_AT_ONCE], arguments.questions, Path(temporary) / f"batch{at}", tally)
            print(f"{at + len(seeds[at : at + GROUPS_AT_ONCE])} of {len(seeds)} groups", file=sys.stderr)
        dense = range(arguments.seed, arguments.seed + arguments.dense)
        for at in range(0, len(dense), GROUPS_AT_ONCE):
            run_dense(dense[at : at + GROUPS_AT_ONCE], Path(temporary) / f"dense{at}", tally)
            print(f"{at + len(dense[at : at + GROUPS_AT_ONCE])} of {len(dense)} dense zones", file=sys.stderr)
        for seed in range(arguments.seed, arguments.seed + arguments.roots):
            run_root(seed, arguments.questions, Path(temporary) / f"root{seed}", tally)
        print(f"differences: {dict(Counter(' '.join(case.kind) for case in tally.looked_at))}", file=sys.stderr)
        for small in shrink(first_of_each(tally.looked_at)[: arguments.shrink], Path(temporary) / "shrink"):
            print(f"\n{' '.join(small.kind)}: {small.verdict.value}\n{small.describe()}", file=sys.stderr)
    print(json.dumps(tally.as_json(), indent=2) if arguments.json else tally.report())
    return 1 if tally.failing() else 0


if __name__ == "__main__":
    sys.exit(main())
