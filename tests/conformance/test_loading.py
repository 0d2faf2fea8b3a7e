"""Which master files are read, and what is read in them, beside NSD, Knot and BIND."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from agreement import Verdict
from differential import ask
from fleet import PEERS, PROGRAMS, Fleet, refusal
from loading import FILES, OUR_WAY
from random_zones import Group, Question

from gslb.config.sources import ZoneSource
from gslb.config.zones import load_zone
from gslb.wire.codes import type_to_text
from gslb.wire.names import name_from_text, name_to_text
from gslb.wire.rdata import type_of_key

APEXES = {name: f"l{number}." for number, name in enumerate(FILES)}


@pytest.fixture(scope="module")
def fleet(tool: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    for program in PROGRAMS.values():
        tool(program)
    zones = {APEXES[name]: text.replace("{}", APEXES[name].rstrip(".")) for name, text in FILES.items()}
    with Fleet(tmp_path_factory.mktemp("fleet") / "f", zones) as found:
        yield found


def path_of(fleet: Fleet, name: str) -> Path:
    return fleet.folder / f"{list(FILES).index(name)}.zone"


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_read_as_most_peers_do(fleet: Fleet, name: str) -> None:
    takers = [peer for peer in PEERS if APEXES[name] in fleet.served[peer]]
    said = refusal(APEXES[name], path_of(fleet, name))
    if len(takers) > 1:
        assert (said is not None) == (name in OUR_WAY), f"{takers} read it; we say: {said}"
    elif not takers:
        assert said is not None, "no peer reads it"
    assert name not in OUR_WAY or len(takers) > 1, "no reason is needed where most peers refuse it"


def test_what_is_read_is_served_as_the_peers_serve_it(fleet: Fleet) -> None:
    asked = []
    for name, apex in APEXES.items():
        if apex in fleet.refused:
            continue
        zone = load_zone(ZoneSource(name_from_text(apex), path_of(fleet, name), "master"), {}).zone
        for owner, types in zone.rrsets.items():
            for key in types:
                question = Question(name_to_text(owner), type_to_text(type_of_key(key)), tcp=True)
                asked.append((Group({apex: (name,)}), "l", question))
    cases = [case for case in ask(fleet, asked) if len(case.replies) == 1 + len(PEERS)]
    assert len(cases) > len(FILES)
    wrong = [case for case in cases if case.verdict not in {Verdict.AGREE, Verdict.SIDED, Verdict.OUTVOTED}]
    assert not wrong, "\n\n".join(case.describe() for case in wrong)
