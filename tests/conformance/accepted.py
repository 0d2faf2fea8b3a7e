"""Differences from the peers that are wanted, each with its rule. Every one is as narrow as it can be told."""

from collections.abc import Callable, Mapping

import dns.rdatatype
from agreement import OURS, Seen, Verdict, differences, lesser_of, peers_of, verdict_of
from random_zones import Group, Question

_PLAIN_LIMIT, _MOST = 512, 1232
_CLASS_IN = 1

Holds = Callable[[Group, Question, Mapping[str, Seen]], bool]


def _any(_: Group, question: Question, replies: Mapping[str, Seen]) -> bool:
    """We answer ANY with one rrset, of types that some peer answered too."""
    ours, peers = replies[OURS], peers_of(replies)
    answered = frozenset().union(*(peer.answer for peer in peers))
    return question.qtype == "ANY" and ours.answer <= answered and any(ours.rcode == peer.rcode for peer in peers)


def _room(_: Group, question: Question, replies: Mapping[str, Seen]) -> bool:
    """Something was left out, or TC set, where the peers' replies take more than half of what there is."""
    limit = max(_PLAIN_LIMIT, min(question.edns or 0, _MOST))
    ours, peers = replies[OURS], peers_of(replies)
    return (
        not question.tcp
        and all(set(differences(ours, peer)) <= {"truncated", "additional"} for peer in peers)
        and all(ours.truncated or ours.additional <= peer.additional for peer in peers)
        and any(peer.truncated or 2 * peer.size > limit for peer in peers)
    )


def _wildcard_cut(group: Group, _: Question, replies: Mapping[str, Seen]) -> bool:
    """A referral to a wildcard's NS records, or what is made of them, which BIND does not even load."""
    lines = (line for lines in group.zones.values() for line in lines)
    return any(line.startswith("*.") and line.split(" ")[3] == "NS" for line in lines) and "bind" not in replies


def _transfer(_: Group, question: Question, replies: Mapping[str, Seen]) -> bool:
    return question.qtype in {"AXFR", "IXFR"} and not question.tcp and not replies[OURS].answer


def _other_class(_: Group, question: Question, replies: Mapping[str, Seen]) -> bool:
    return question.qclass != _CLASS_IN and replies[OURS].rcode == "REFUSED"


def _endless(_: Group, __: Question, replies: Mapping[str, Seen]) -> bool:
    """A chain of DNAMEs or CNAMEs that comes back to itself, or is too long for some: the answers of all differ, but
    begin alike."""
    answers = [reply.answer for reply in replies.values()]
    chains = all({record[1] for record in answer} & {dns.rdatatype.DNAME, dns.rdatatype.CNAME} for answer in answers)
    return (
        chains
        and len({len(answer) for answer in answers}) > 1
        and len(min(answers, key=len)) < len(replies[OURS].answer)
    )


_HOSTED = {dns.rdatatype.AFSDB, dns.rdatatype.RT, dns.rdatatype.KX}


def _hosted(_: Group, __: Question, replies: Mapping[str, Seen]) -> bool:
    """The answer names hosts in a type that few servers look into, and we add addresses."""
    ours, peers = replies[OURS], peers_of(replies)
    asked = {record[1] for record in ours.answer}
    return bool(_HOSTED & asked) and all(
        differences(ours, peer) == ("additional",) and ours.additional > peer.additional for peer in peers
    )


def _once(_: Group, __: Question, replies: Mapping[str, Seen]) -> bool:
    """The peers send the first record of a chain again where it comes back to its begin, and we do not."""
    return not replies[OURS].repeated and verdict_of(replies) is Verdict.LESSER and lesser_of(replies) == ("repeated",)


_SERVICES = {dns.rdatatype.SVCB, dns.rdatatype.HTTPS}


def _services(_: Group, __: Question, replies: Mapping[str, Seen]) -> bool:
    """The answer is a service, and we add addresses as one peer does."""
    ours, peers = replies[OURS], peers_of(replies)
    return (
        bool(ours.answer)
        and {record[1] for record in ours.answer} <= _SERVICES
        and any(not differences(ours, peer) for peer in peers)
        and all(set(differences(ours, peer)) <= {"additional"} for peer in peers)
    )


ACCEPTED: dict[str, Holds] = {
    "ANY is answered with one rrset of our choice (RFC 8482 section 4.1)": _any,
    "names are not compressed in every place, so less fits (RFC 1035 section 4.1.4)": _room,
    "what NS records at a wildcard mean is not defined (RFC 4592 section 4.2)": _wildcard_cut,
    "transfers over UDP are not defined (RFC 5936 section 4.2)": _transfer,
    "only class IN is served; QCLASS ANY has no authoritative answer (RFC 1035 section 6.2)": _other_class,
    "AFSDB, RT and KX bring the addresses of their hosts (RFC 1183 sections 1 and 3.3, RFC 2230 section 3.1)": _hosted,
    "SVCB and HTTPS bring addresses of their hosts (RFC 9460 section 4.1)": _services,
    "a record stands in a reply once (RFC 2181 section 5)": _once,
    "where a chain without end is cut is the server's choice (RFC 1034 section 3.6.2)": _endless,
}


def accepted_by(group: Group, question: Question, replies: Mapping[str, Seen]) -> str | None:
    """The rule that argues for a difference, or None."""
    return next((rule for rule, holds in ACCEPTED.items() if holds(group, question, replies)), None)
