"""What happens in the small internet, and what each resolver sees of it: edits, members that die, nodes that stop.

An event gives what each resolver saw, as text, and raises `WrongError` when one saw something else than it should.
"""

import re
import time
from collections.abc import Callable

import dns.rcode
from our_zones import DETECTION_SECONDS, FAST, FAST_NEGATIVE_SECONDS, FAST_SECONDS, SHARES
from resolver_checks import expect, found
from small_internet import SmallInternet, until

EDIT_SECONDS = 2.0
"""How long an edit may take to be on both nodes: half a second to be seen, and a transfer."""
BUSY_SECONDS = 2.5
"""What a busy machine may add."""


def edit_is_seen_after_the_ttl(internet: SmallInternet) -> dict[str, str]:
    """A changed record by its TTL, a new name and a new type by the negative TTL."""
    names = {resolver: f"{resolver}-new.fast.example.com." for resolver in internet.resolvers}
    for resolver, name in names.items():
        expect(found(internet, resolver, "version.fast.example.com.", "TXT") == {'"v1"'}, f"{resolver}: not v1")
        expect(internet.ask(resolver, name).rcode() == dns.rcode.NXDOMAIN, f"{resolver}: {name} is there")
        expect(not found(internet, resolver, "host.fast.example.com.", "TXT"), f"{resolver}: TXT of host")
    added = "".join(f"{name.partition('.')[0]}: {{type: A, value: 192.0.2.41}}\n" for name in names.values())
    host = "host: [{type: A, ttl: 60, value: 192.0.2.40}, {type: TXT, value: added}]\n"
    text = re.sub(r"^host:.*\n", host, FAST.replace("v1", "v2"), flags=re.MULTILINE)
    start = time.monotonic()
    internet.edit("fast.example.com.yaml", text + added)
    bound = max(FAST_SECONDS, FAST_NEGATIVE_SECONDS) + 1 + EDIT_SECONDS + BUSY_SECONDS
    questions = {
        resolver: [
            ("version.fast.example.com.", "TXT", '"v2"'),
            (name, "A", "192.0.2.41"),
            ("host.fast.example.com.", "TXT", '"added"'),
        ]
        for resolver, name in names.items()
    }
    seen: dict[str, list[float]] = {resolver: [] for resolver in names}
    while any(questions.values()):
        for resolver, left in questions.items():
            for question in list(left):
                name, rtype, value = question
                if found(internet, resolver, name, rtype) == {value}:
                    left.remove(question)
                    seen[resolver].append(time.monotonic() - start)
        expect(time.monotonic() - start < bound, f"not seen within {bound:g} s: {questions}")
        time.sleep(0.05)
    return {resolver: f"seen after {min(times):.1f} to {max(times):.1f} s" for resolver, times in seen.items()}


def dead_backend_disappears(internet: SmallInternet) -> dict[str, str]:
    """Within detection and TTL nobody is sent to it any more; and again when it is back."""
    name, dead, next_one = "steady.example.com.", {"192.0.2.1"}, {"192.0.2.2"}
    for resolver in internet.resolvers:
        expect(found(internet, resolver, name) == dead, f"{resolver}: {name} is not {dead}, which is up")
    internet.stop_web(*dead)
    start = time.monotonic()
    bound = DETECTION_SECONDS + 1 + BUSY_SECONDS
    last = dict.fromkeys(internet.resolvers, 0.0)
    while time.monotonic() - start < bound + 1:
        for resolver in internet.resolvers:
            values = found(internet, resolver, name)
            expect(values in (dead, next_one), f"{resolver}: {values}")
            if values == dead:
                last[resolver] = time.monotonic() - start
        time.sleep(0.05)
    internet.start_web(*dead)
    for resolver, seconds in last.items():
        expect(seconds <= bound, f"{resolver} still led to it {seconds:.1f} s after; {bound:g} s are allowed")
        expect(seconds > 0, f"{resolver} did not lead to it when it was up")
        until(lambda resolver=resolver: found(internet, resolver, name) == dead, "it to be back")
    return {resolver: f"last answered {seconds:.1f} s after it died" for resolver, seconds in last.items()}


def _resolves_on(internet: SmallInternet, what: str) -> dict[str, str]:
    """Every question has its answer. Resolvers knew both nodes to be well before.

    They run without 0x20: when servers stop answering, unbound 1.17 starts over without it, and that now and then never
    ends for a name, whoever serves the zone.
    """
    seen = {}
    for resolver in internet.resolvers:
        worst = 0.0
        for number in range(40):
            start = time.monotonic()
            values = found(internet, resolver, f"{what}{number}.wild.example.com.")
            expect(values == {"192.0.2.32"}, f"{resolver}, question {number} without {what}: {values}")
            drawn = found(internet, resolver, f"{what}{number}.weighted.example.com.")
            expect(drawn and drawn <= set(SHARES), f"{resolver}, question {number} without {what}: {drawn}")
            worst = max(worst, time.monotonic() - start)
        seen[resolver] = f"80 of 80 resolved, the slowest two in {worst:.2f} s"
    return seen


def primary_stops(internet: SmallInternet) -> dict[str, str]:
    node = internet.nodes["ns1"]
    internet.start_resolvers_anew(with_0x20=False)
    node.stop()
    try:
        return _resolves_on(internet, "ns1")
    finally:
        node.start()
        internet.wait_for_answers(node)


def secondary_falls_silent(internet: SmallInternet) -> dict[str, str]:
    internet.start_resolvers_anew(with_0x20=False)
    internet.silence("ns2")
    try:
        return _resolves_on(internet, "ns2")
    finally:
        internet.hear("ns2")
        internet.wait_for_answers(internet.nodes["ns2"])


PLAIN_EVENTS = ("the primary stops", "the secondary falls silent")
"""What servers without steering are put to as well."""

Event = Callable[[SmallInternet], dict[str, str]]

EVENTS: dict[str, Event] = {
    "an edit is seen after the TTL": edit_is_seen_after_the_ttl,
    "a dead backend disappears": dead_backend_disappears,
    "the primary stops": primary_stops,
    "the secondary falls silent": secondary_falls_silent,
}
