"""Everything there is to see in the small internet, in the order that disturbs least, as values for JSON."""

from collections.abc import Callable, Iterable
from typing import Any

import guide
import zonemaster
from cluster_events import EVENTS, PLAIN_EVENTS
from resolver_checks import CHECKS, PLAIN_CHECKS, WrongError
from small_internet import PEERS, InternetError, SmallInternet

OURS = "gslb"

Row = dict[str, Any]


def observe(internet: SmallInternet, say: Callable[[str], None]) -> dict[str, Any]:
    """`resolvers` by who serves the zones, `zonemaster`, `guide`, and the `problems`, which are about our nodes."""
    say("our nodes: zonemaster, the guide, resolvers")
    messages = {OURS: zonemaster.messages(internet.folder, internet.hints)}
    tried = [_tried(line) for line in guide.lines()]
    resolvers = {OURS: [*_checks(internet, CHECKS), *_events(internet, EVENTS)]}
    tried += _mistakes(internet)
    for kind in PEERS:
        say(f"{kind} at their addresses: zonemaster, resolvers")
        internet.give_way_to(kind)
        messages[kind] = zonemaster.messages(internet.folder, internet.hints)
        resolvers[kind] = [*_checks(internet, PLAIN_CHECKS), *_events(internet, PLAIN_EVENTS)]
    rows = zonemaster.table(messages)
    return {
        "resolvers": resolvers,
        "zonemaster": rows,
        "guide": tried,
        "problems": [
            *(f"{row['check']}, {row['resolver']}: {row['said']}" for row in resolvers[OURS] if not row["ok"]),
            *(f"zonemaster: {' '.join(message)}" for message in zonemaster.problems(messages[OURS])),
            *(
                f"{worse}, but not {kind}"
                for kind in PEERS
                for worse in zonemaster.worse(messages[OURS], messages[kind])
            ),
            *(f"{line['command']}: {line['wrong']}" for line in tried if line["wrong"]),
        ],
    }


def _checks(internet: SmallInternet, names: Iterable[str]) -> list[Row]:
    rows = []
    for name in names:
        for resolver in internet.resolvers:
            try:
                rows.append(_row(name, resolver, ok=True, said=CHECKS[name](internet, resolver)))
            except (WrongError, InternetError) as error:
                rows.append(_row(name, resolver, ok=False, said=str(error)))
    return rows


def _events(internet: SmallInternet, names: Iterable[str]) -> list[Row]:
    rows = []
    for name in names:
        try:
            seen = EVENTS[name](internet)
            rows += [_row(name, resolver, ok=True, said=said) for resolver, said in seen.items()]
        except (WrongError, InternetError) as error:
            rows += [_row(name, resolver, ok=False, said=str(error)) for resolver in internet.resolvers]
    return rows


def _tried(line: guide.Line) -> Row:
    return {"command": line.command, "wrong": guide.try_line(line)}


def _mistakes(internet: SmallInternet) -> list[Row]:
    """What a client sees of a node that is silent, and of one that does not run."""
    node = internet.nodes["ns2"]
    internet.silence("ns2")
    rows = [_tried(line) for line in guide.mistakes("silent")]
    internet.hear("ns2")
    node.stop()
    rows += [_tried(line) for line in guide.mistakes("stopped")]
    node.start()
    internet.wait_for_answers(node)
    return rows


def _row(check: str, resolver: str, *, ok: bool, said: str) -> Row:
    return {"check": check, "resolver": resolver, "ok": ok, "said": said}
