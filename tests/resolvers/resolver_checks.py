"""What is checked of each resolver in the small internet: one function a check, which says what it saw.

A check that fails raises `WrongError`. Each uses names of its own, so that what resolvers have in their caches from one
check is nothing to another. `CHECKS` go for one resolver at a time, while everything runs.
"""

import random
import re
from collections import Counter
from collections.abc import Callable, Mapping

import dns.message
import dns.rcode
import dns.rdatatype
from expected_answers import EXPECTED_ANSWERS
from our_zones import (
    FAST_NEGATIVE_SECONDS,
    SHARES,
)
from small_internet import SmallInternet

DRAWS = 700
SHARE_TOLERANCE = 0.12
"""Of a share: more than six standard deviations of DRAWS draws."""
STRICT = ("unbound", "unbound-tcp")
IP_VERSIONS = {"unbound": {4, 6}, "unbound-tcp": {4, 6}, "named": {6}, "named-ipv4": {4}}
"""By which of them a resolver asks our nodes. BIND prefers IPv6 by 50 ms, and nothing here is that far."""
DANGLING = ("to-no-name.example.com.", "CNAME")
"""An unbound that minimises strictly asks for an address at an alias first. Told that what it points to is not there,
it takes the alias for not there; whoever serves the zone."""


class WrongError(Exception):
    """A resolver found something else than it should; the text says what."""


def expect(condition: object, said: str) -> None:
    if not condition:
        raise WrongError(said)


# What resolvers find


def _whole(name: str) -> str:
    return name if name.endswith(".") else f"{name}.example.com."


def _records(reply: dns.message.Message, rtype: str) -> set[str]:
    return {
        rdata.to_text() for rrset in reply.answer if dns.rdatatype.to_text(rrset.rdtype) == rtype for rdata in rrset
    }


def found_as_expected(title: str) -> Callable[[SmallInternet, str], str]:
    """The check of one table of `EXPECTED_ANSWERS`."""

    def check(internet: SmallInternet, resolver: str) -> str:
        for name, rtype, rcode, records in EXPECTED_ANSWERS[title]:
            reply = internet.ask(resolver, _whole(name), rtype)
            got = dns.rcode.to_text(reply.rcode()), _records(reply, rtype)
            expect(got == (rcode, records), f"{_whole(name)} {rtype}: {got}, not {(rcode, records)}")
        return f"{len(EXPECTED_ANSWERS[title])} questions"

    return check


def every_record(internet: SmallInternet, resolver: str) -> str:
    types: Counter[str] = Counter()
    for rrset in internet.plain_rrsets:
        rtype = dns.rdatatype.to_text(rrset.rdtype)
        types[rtype] += 1
        if resolver in STRICT and (rrset.name.to_text(), rtype) == DANGLING:
            continue
        reply = internet.ask(resolver, rrset.name.to_text(), rtype)
        got = reply.get_rrset(reply.answer, rrset.name, rrset.rdclass, rrset.rdtype)
        expect(got is not None and set(got) == set(rrset), f"{rrset} is {got} ({reply.answer})")
    return f"{sum(types.values())} rrsets of {len(types)} types: {' '.join(sorted(types))}"


def large_answers_by_tcp(internet: SmallInternet, resolver: str) -> str:
    since = internet.watch.mark()
    reply = internet.ask(resolver, f"{resolver}.big.example.com.", "TXT")
    octets = len(reply.to_wire())
    expect(len(_records(reply, "TXT")) == 14, f"{len(_records(reply, 'TXT'))} of 14 records")
    truncated = sum(each.kind == "truncated" for each in internet.watch.exchanges(resolver, since))
    connections = sum(internet.watch.connections(resolver, since).values())
    expect(truncated or resolver == "unbound-tcp", "nothing was truncated over UDP")
    return f"{octets} octets; {truncated} truncated over UDP, {connections} new TCP connections"


def mixed_case(internet: SmallInternet, resolver: str) -> str:
    """Asked in mixed case, all kinds of answers are found."""
    draw = random.Random(resolver)
    kinds: Counter[str] = Counter()
    for number in range(10):
        for below, rcode in (
            (f"CaSe{number}.wild", "NOERROR"),
            (f"CaSe{number}.weighted", "NOERROR"),
            (f"CaSe{number}.nothing", "NXDOMAIN"),
            (f"CaSe{number}.there.wild", "NXDOMAIN"),
            (f"CaSe{number}.child", "NXDOMAIN"),
            (f"CaSe{number}.wildcname", "NOERROR"),
            (f"CaSe{number}.cut-{resolver}", "NXDOMAIN"),
        ):
            name = "".join(draw.choice((each.upper(), each.lower())) for each in f"{below}.example.com.")
            reply = internet.ask(resolver, name)
            expect(dns.rcode.to_text(reply.rcode()) == rcode, f"{name}: {dns.rcode.to_text(reply.rcode())}")
            expect(bool(reply.answer) == (rcode == "NOERROR"), f"{name}: {reply.answer}")
            kinds[rcode] += 1
    return ", ".join(f"{count} {rcode}" for rcode, count in kinds.items())


def names_are_minimised(internet: SmallInternet, resolver: str) -> str:
    """On the way to a deep name the empty non-terminals are asked for by themselves."""
    since = internet.watch.mark()
    expect(found(internet, resolver, "q.m.i.n.wild.example.com.") == {"192.0.2.32"}, "no answer")
    deep = f"{resolver}.down.of.the.deep.tree.example.com."
    expect(internet.ask(resolver, deep).rcode() == dns.rcode.NXDOMAIN, f"{deep} is not NXDOMAIN")
    asked = {each.name.lower() for each in internet.watch.exchanges(resolver, since)}
    if resolver != "unbound-tcp":  # what it asks over TCP is not taken apart
        whole = {deep.lower(), "q.m.i.n.wild.example.com."}
        expect(asked - whole, "only whole names were asked")
        expect(any(name.endswith("n.wild.example.com.") and name not in whole for name in asked), f"asked: {asked}")
    return f"{len(asked)} names asked on the way"


def found(internet: SmallInternet, resolver: str, name: str, rtype: str = "A") -> set[str]:
    return _records(internet.ask(resolver, name, rtype), rtype)


# Steering


def _drawn(internet: SmallInternet, resolver: str, parent: str, count: int) -> Counter[str]:
    """What `count` names below a steered wildcard lead to; each is a draw of its own."""
    counts: Counter[str] = Counter()
    for number in range(count):
        name = f"draw{number}.{parent}.example.com."
        values = found(internet, resolver, name)
        expect(len(values) == 1, f"{name}: {values}")
        counts.update(values)
    return counts


def _shares_text(counts: Counter[str]) -> str:
    return ", ".join(f"{value} {count / counts.total():.0%}" for value, count in sorted(counts.items()))


def weighted_shares(internet: SmallInternet, resolver: str) -> str:
    counts = _drawn(internet, resolver, "weighted", DRAWS)
    for value, weight in SHARES.items():
        asked = weight / sum(SHARES.values())
        got = counts[value] / DRAWS
        expect(abs(got - asked) <= SHARE_TOLERANCE, f"{value}: {got:.0%} of {DRAWS} draws, asked were {asked:.0%}")
    return _shares_text(counts)


def turns(internet: SmallInternet, resolver: str) -> str:
    counts = _drawn(internet, resolver, "turns", 90)
    expect(all(20 <= counts[value] <= 40 for value in SHARES), f"{_shares_text(counts)} are not equal shares")
    return _shares_text(counts)


def failover(internet: SmallInternet, resolver: str) -> str:
    counts = _drawn(internet, resolver, "first", 10)
    expect(set(counts) == {"192.0.2.1"}, f"{_shares_text(counts)}; all are up, and 192.0.2.1 is first")
    return _shares_text(counts)


def answers_of_two(internet: SmallInternet, resolver: str) -> str:
    pairs: Counter[frozenset[str]] = Counter()
    for number in range(60):
        values = found(internet, resolver, f"draw{number}.pair.example.com.")
        expect(len(values) == 2, f"{values}")
        expect(values <= set(SHARES), f"{values}")
        pairs[frozenset(values)] += 1
    expect(len(pairs) == 3, f"only {len(pairs)} of three pairs in 60 draws")
    return f"{len(pairs)} pairs: {'/'.join(map(str, sorted(pairs.values())))}"


def steered_by_other_ways(internet: SmallInternet, resolver: str) -> str:
    """At the apex, for IPv6, as a CNAME, at the end of a chain, and in the zone that is a part of a domain."""
    pool = set(SHARES)
    expect(found(internet, resolver, "example.com.") < pool, "the apex")
    expect(len(found(internet, resolver, "example.com.")) == 2, "the apex")
    expect(found(internet, resolver, "six.example.com.", "AAAA") <= {"2001:db8:f::1", "2001:db8:f::2"}, "AAAA")
    expect(len(found(internet, resolver, "six.example.com.", "AAAA")) == 1, "AAAA")
    expect(found(internet, resolver, "to-steered.example.com.") <= pool, "a CNAME to a steered name")
    expect(len(found(internet, resolver, "to-steered.example.com.")) == 1, "a CNAME to a steered name")
    expect(len(found(internet, resolver, "www.lb.example.org.")) == 1, "www.lb.example.org")
    ends = {frozenset(found(internet, resolver, f"d{number}.cdn.example.com.")) for number in range(40)}
    expect(ends == {frozenset({"203.0.113.77"}), frozenset({"203.0.113.25"})}, f"the steered CNAME leads to {ends}")
    return "apex, AAAA, CNAME out of the zone, end of a chain, part of a domain"


# Caches


def negatives_are_cached(internet: SmallInternet, resolver: str) -> str:
    """NXDOMAIN and NODATA come again from the cache, for no longer than the SOA's minimum."""
    seen = []
    for name, rtype in ((f"{resolver}-nothing.fast.example.com.", "A"), ("host.fast.example.com.", "LOC")):
        first = internet.ask(resolver, name, rtype)
        since = internet.watch.mark()
        again = internet.ask(resolver, name, rtype)
        for reply in (first, again):
            expect(reply.rcode() == (dns.rcode.NXDOMAIN if rtype == "A" else dns.rcode.NOERROR), f"{name} {rtype}")
            expect(reply.authority, f"no SOA with {name} {rtype}")
            expect(reply.authority[0].ttl <= FAST_NEGATIVE_SECONDS, f"{name}: TTL {reply.authority[0].ttl}")
        asked = [each.name for each in internet.watch.exchanges(resolver, since) if each.name.lower() == name]
        expect(not asked, f"{name} {rtype} was asked again at once")
        seen.append(f"{rtype} TTL {first.authority[0].ttl} s")
    return ", ".join(seen)


# What was said on the wire, all checks together


def letters_came_back_as_sent(internet: SmallInternet, resolver: str) -> str:
    exchanges = internet.watch.exchanges(resolver)
    kinds: Counter[str] = Counter()
    for each in exchanges:
        asked, said = each.question_octets
        expect(asked == said, f"{each.node} was asked {asked!r} and answered {said!r} ({each.kind})")
        if each.name != each.name.lower():
            kinds[each.kind] += 1
    if resolver == "unbound-tcp":
        return f"asks over TCP only; {len(exchanges)} over UDP"
    missing = {"answer", "referral", "NXDOMAIN", "nodata"} - kinds.keys()
    expect(not missing, f"no query in mixed case was answered by {missing}")
    return f"{kinds.total()} of {len(exchanges)} queries in mixed case: " + _counted(kinds)


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))


def nobody_fell_back(internet: SmallInternet, resolver: str) -> str:
    """No resolver had to give up 0x20, or found fault with a reply of ours."""
    log = internet.resolvers[resolver].log()
    faults = re.findall(
        r".*(?:apsforid|caps fallback|FORMERR|DNS format error|lame server|unexpected RCODE).*", log, re.IGNORECASE
    )
    ours = [line for line in faults if "around" not in line and "long.example.com" not in line]
    expect(not ours, "; ".join(ours[:3]))
    return "none in the log"


def both_families(internet: SmallInternet, resolver: str) -> str:
    counts: Counter[int] = Counter(6 if ":" in each.client else 4 for each in internet.watch.exchanges(resolver))
    counts += internet.watch.connections(resolver)
    expect(set(counts) == IP_VERSIONS[resolver], f"queries by IP version: {dict(counts)}")
    return _counted({f"over IPv{version}": count for version, count in counts.items()})


def cookies(internet: SmallInternet, resolver: str) -> str:
    exchanges = internet.watch.exchanges(resolver)
    octets: Counter[int] = Counter(each.cookie_octets for each in exchanges)
    refused = sum(each.kind == "BADCOOKIE" for each in exchanges)
    if resolver != "named":  # the only one that sends them
        expect(set(octets) <= {0}, f"cookies of {octets}")
        return "sends none"
    expect(octets[24], "no cookie of ours came back")
    return f"{octets[8]} queries with a cookie of its own, {octets[24]} with one of ours too; {refused} BADCOOKIE"


Check = Callable[[SmallInternet, str], str]

CHECKS: dict[str, Check] = {
    "every record as written": every_record,
    **{title: found_as_expected(title) for title in EXPECTED_ANSWERS},
    "names are minimised": names_are_minimised,
    "mixed case": mixed_case,
    "large answers by TCP": large_answers_by_tcp,
    "weighted shares": weighted_shares,
    "turns": turns,
    "failover": failover,
    "answers of two": answers_of_two,
    "steered by other ways": steered_by_other_ways,
    "negatives are cached": negatives_are_cached,
    "letters came back as sent": letters_came_back_as_sent,
    "nobody fell back": nobody_fell_back,
    "both families": both_families,
    "cookies": cookies,
}

PLAIN_CHECKS = (
    "every record as written",
    *EXPECTED_ANSWERS,
    "names are minimised",
    "mixed case",
    "large answers by TCP",
)
"""What servers without steering are put to as well."""
