"""The zone that every server loads, the questions put to it, and what each question must get.

One zone, `gslb.example`: 100 names with 3 IPv4 and 2 IPv6 addresses each, and the weighted name `wrr`, 10:20:70. The
plain form is a master file, in which `wrr` is an rrset of 3 addresses; ours is octoDNS YAML with the weights. All of
it is a function of nothing, or of a fixed seed: two runs ask the same questions in the same order.
"""

import json
import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum

ORIGIN = "gslb.example."
NAMES = tuple(f"svc{number:03d}" for number in range(100))
WEIGHTED_NAME = "wrr"
WEIGHTS = {"203.0.113.1": 10, "203.0.113.2": 20, "203.0.113.3": 70}
NAMESERVERS = {"ns1": "192.0.2.1", "ns2": "192.0.2.2"}
TTL_SECONDS = 30
NS_TTL_SECONDS = 3600
SEED = 20_240


class Outcome(Enum):
    """What a reply says."""

    ANSWER = "answer"
    NODATA = "nodata"
    NXDOMAIN = "nxdomain"
    OTHER = "other"  # an rcode but NOERROR and NXDOMAIN, or TC


@dataclass(frozen=True, slots=True)
class Question:
    """One line of a query file, and the outcome a right server gives it."""

    qname: str
    qtype: str
    outcome: Outcome = Outcome.ANSWER

    def to_text(self) -> str:
        return f"{self.qname} {self.qtype}"


@dataclass(frozen=True, slots=True)
class Workload:
    """A named list of questions, asked from the first to the last and round again."""

    name: str
    questions: tuple[Question, ...]

    def to_text(self) -> str:
        return "".join(f"{question.to_text()}\n" for question in self.questions)

    def outcome_shares(self) -> dict[Outcome, float]:
        """The share of the questions, 0 to 1, that must get each outcome."""
        counted = Counter(question.outcome for question in self.questions)
        return {outcome: count / len(self.questions) for outcome, count in counted.items()}


def addresses(name: str) -> dict[str, list[str]]:
    """The addresses of one of `NAMES`, by type."""
    number = NAMES.index(name)
    return {
        "A": [f"198.51.{number}.{host}" for host in (1, 2, 3)],
        "AAAA": [f"2001:db8:{number + 1:x}::{host}" for host in (1, 2)],
    }


def master_file() -> str:
    """The zone in RFC 1035 section 5 form, the weighted name as a plain rrset."""
    soa = f"@ {NS_TTL_SECONDS} IN SOA ns1 hostmaster 1 3600 600 1209600 60"
    lines = [f"$ORIGIN {ORIGIN}", soa]
    lines += [f"@ {NS_TTL_SECONDS} IN NS {name}" for name in NAMESERVERS]
    lines += [f"{owner} {ttl} IN {rtype} {value}" for owner, rtype, ttl, values in _rrsets() for value in values]
    return "\n".join(lines) + "\n"


def octodns_yaml() -> str:
    """The zone in our form: octoDNS YAML, the weights under `gslb:`. One owner a line, each in JSON, which is YAML."""
    owners: dict[str, list[Mapping[str, object]]] = {"": [_apex_ns()]}
    for owner, rtype, ttl, values in _rrsets():
        record: dict[str, object] = {"type": rtype, "ttl": ttl, "values": values}
        if owner == WEIGHTED_NAME:
            record["gslb"] = {"weights": WEIGHTS}
        owners.setdefault(owner, []).append(record)
    return "".join(f"{json.dumps(owner)}: {json.dumps(records)}\n" for owner, records in owners.items())


def _apex_ns() -> dict[str, object]:
    values = [f"{name}.{ORIGIN}" for name in NAMESERVERS]
    return {"type": "NS", "ttl": NS_TTL_SECONDS, "values": values, "gslb": {"soa": {"minimum": 60}}}


def _rrsets() -> Iterator[tuple[str, str, int, list[str]]]:
    """Everything below the apex: owner, type, TTL in seconds, values."""
    for name, address in NAMESERVERS.items():
        yield name, "A", NS_TTL_SECONDS, [address]
    for name in NAMES:
        for rtype, values in addresses(name).items():
            yield name, rtype, TTL_SECONDS, values
    yield WEIGHTED_NAME, "A", TTL_SECONDS, list(WEIGHTS)


def workload(name: str) -> Workload:
    """One of `WORKLOADS` by name."""
    rng = random.Random(f"{name} {SEED}")
    make, count = WORKLOADS[name]
    return Workload(name, tuple(make(rng) for _ in range(count)))


def _hit(rng: random.Random) -> Question:
    return Question(f"{rng.choice(NAMES)}.{ORIGIN}", "A")


def _aaaa(rng: random.Random) -> Question:
    return Question(f"{rng.choice(NAMES)}.{ORIGIN}", "AAAA")


def _nxdomain(rng: random.Random) -> Question:
    return Question(f"nx{rng.getrandbits(40):010x}.{ORIGIN}", "A", Outcome.NXDOMAIN)


def _weighted(_rng: random.Random) -> Question:
    return Question(f"{WEIGHTED_NAME}.{ORIGIN}", "A")


def _mix(rng: random.Random) -> Question:
    (make,) = rng.choices((_hit, _aaaa, _nxdomain, _weighted), weights=(70, 10, 10, 10))
    return make(rng)


# How to make one question, and how many make the list.
WORKLOADS: Mapping[str, tuple[Callable[[random.Random], Question], int]] = {
    "hits": (_hit, 10_000),  # 100 names, 3 addresses in every answer
    "nxdomain": (_nxdomain, 100_000),  # names that do not exist: too many to be worth keeping answers for
    "weighted": (_weighted, 1),  # one name, one of 3 addresses drawn 10:20:70; elsewhere a plain rrset of 3
    "mix": (_mix, 100_000),  # 70 % hits, 10 % AAAA, 10 % NXDOMAIN, 10 % weighted
}
