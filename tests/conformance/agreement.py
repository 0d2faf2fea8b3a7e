"""When two replies say the same, and what is made of four of them.

A reply is taken apart into facets. Two replies *match* when rcode, flags, answer and additional are the same as sets,
and authority too where either answer section is empty; a truncated one matches another that is truncated, whatever of
its records still fitted. TTLs, EDNS and repeated records are facets too, judged by themselves. The sizes that servers
offer, padding and extended errors are left out: those are settings.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.rdatatype
import dns.rrset
from fleet import OURS, PEERS

_FLAGS = dns.flags.QR | dns.flags.AA | dns.flags.RD | dns.flags.RA | dns.flags.AD | dns.flags.CD
_SETTINGS = {dns.edns.OptionType.EDE, dns.edns.OptionType.PADDING}

Records = frozenset[tuple[str, int, str]]


@dataclass(frozen=True, slots=True)
class Seen:
    """One reply. `ttls` are of the answer and authority sections; `repeated`: a record is there twice."""

    rcode: str
    flags: str = ""
    truncated: bool = False
    question: str = ""
    answer: Records = frozenset()
    authority: Records = frozenset()
    additional: Records = frozenset()
    ttls: frozenset[tuple[str, int, str, int]] = frozenset()
    edns: tuple[object, ...] | None = None
    repeated: bool = False
    size: int = 0

    def lines(self) -> list[str]:
        """As a reader wants to see it."""
        first = f"{self.rcode} {self.flags}{' TC' * self.truncated} ({self.size} octets) edns {self.edns}"
        ttl = {key[:3]: key[3] for key in self.ttls}
        return [first] + [
            f"  {section[:4]} {record[0]} {ttl.get(record, '')} {dns.rdatatype.to_text(record[1])} {record[2]}"
            for section in ("answer", "authority", "additional")
            for record in sorted(getattr(self, section))
        ]


SILENCE = Seen("silence")


def seen(wire: bytes | None) -> Seen:
    if wire is None:
        return SILENCE
    try:
        message = dns.message.from_wire(wire, one_rr_per_rrset=True, ignore_trailing=False)
    except (dns.exception.DNSException, ValueError) as error:
        return Seen(f"unreadable: {type(error).__name__}: {error}")
    sections = [_records(section) for section in (message.answer, message.authority, message.additional)]
    counts = [len(section) for section in (message.answer, message.authority, message.additional)]
    return Seen(
        dns.rcode.to_text(message.rcode()),
        dns.flags.to_text(message.flags & _FLAGS),
        bool(message.flags & dns.flags.TC),
        " ".join(rrset.to_text() for rrset in message.question),
        *sections,
        frozenset(ttl for section in (message.answer, message.authority, message.additional) for ttl in _ttls(section)),
        _edns(message),
        counts != [len(section) for section in sections],
        len(wire),
    )


def _records(section: list[dns.rrset.RRset]) -> Records:
    return frozenset(
        (rrset.name.to_text().lower(), int(rrset.rdtype), rdata.to_text().lower())
        for rrset in section
        for rdata in rrset
    )


def _ttls(section: list[dns.rrset.RRset]) -> list[tuple[str, int, str, int]]:
    return [
        (rrset.name.to_text().lower(), int(rrset.rdtype), rdata.to_text().lower(), rrset.ttl)
        for rrset in section
        for rdata in rrset
    ]


def _edns(message: dns.message.Message) -> tuple[object, ...] | None:
    if message.edns < 0:
        return None
    options = sorted({int(option.otype) for option in message.options} - _SETTINGS)
    return (message.edns, dns.flags.edns_to_text(message.ednsflags & 0xFFFF), tuple(options))


def differences(one: Seen, other: Seen) -> tuple[str, ...]:
    """The facets in which two replies do not match."""
    found = [facet for facet in ("rcode", "flags", "question", "truncated") if _differ(one, other, facet)]
    if not (one.truncated or other.truncated):
        found += [facet for facet in ("answer", "additional") if _differ(one, other, facet)]
        if not (one.answer and other.answer) and _differ(one, other, "authority"):
            found.append("authority")
    return tuple(found)


def _differ(one: Seen, other: Seen, facet: str) -> bool:
    return bool(getattr(one, facet) != getattr(other, facet))


def lesser_differences(one: Seen, other: Seen) -> tuple[str, ...]:
    """The facets that are judged by themselves, between replies that match."""
    found = [facet for facet in ("edns", "repeated") if _differ(one, other, facet)]
    common = {key[:3] for key in one.ttls} & {key[:3] for key in other.ttls}
    if {key for key in one.ttls if key[:3] in common} != {key for key in other.ttls if key[:3] in common}:
        found.append("ttls")
    return tuple(found)


class Verdict(Enum):
    AGREE = "all match"
    ALONE = "the peers match, and we differ"
    MINORITY = "two of three peers match, and we match none"
    OUTVOTED = "two of three peers match, and we match the third alone"
    SIDED = "the peers differ, and we match as many as match each other"
    SPLIT = "no two peers match, and we match none"
    LESSER = "the replies match, but not in TTLs, EDNS or repeated records"


def verdict_of(replies: Mapping[str, Seen]) -> Verdict:
    """What is made of the replies to one question: ours and those of two peers or three."""
    ours, peers = replies[OURS], peers_of(replies)
    same = [peer for peer in peers if not differences(ours, peer)]
    pairs = list(itertools.combinations(peers, 2))
    agreeing = [pair for pair in pairs if not differences(*pair)]
    if len(same) == len(peers):
        return Verdict.AGREE if not lesser_of(replies) else Verdict.LESSER
    if len(agreeing) == len(pairs):
        return Verdict.ALONE
    if same:
        return Verdict.OUTVOTED if _without(agreeing, same) else Verdict.SIDED
    return Verdict.MINORITY if agreeing else Verdict.SPLIT


def _without(pairs: Sequence[tuple[Seen, Seen]], same: Sequence[Seen]) -> bool:
    """True when two peers match each other, and we match neither."""
    return any(one not in same and other not in same for one, other in pairs)


def peers_of(replies: Mapping[str, Seen]) -> list[Seen]:
    return [replies[peer] for peer in PEERS if peer in replies]


def lesser_of(replies: Mapping[str, Seen]) -> tuple[str, ...]:
    """The lesser facets in which we differ from all peers, where these are the same."""
    first, *others = peers_of(replies)
    ours = lesser_differences(replies[OURS], first)
    among = {facet for other in others for facet in lesser_differences(first, other)} if ours else set()
    return tuple(facet for facet in ours if facet not in among)


def facets_of(replies: Mapping[str, Seen]) -> tuple[str, ...]:
    """The facets in which we differ from the peer that comes closest; of an outvoted reply, from the two others."""
    found = sorted((differences(replies[OURS], peer) for peer in peers_of(replies)), key=len)
    if verdict_of(replies) is Verdict.OUTVOTED:
        return found[1]
    return found[0] or lesser_of(replies)
