"""Records gathered into a view: as `view_of` makes it, in small steps."""

from fake_primary import record, soa, zone
from hypothesis import given
from hypothesis import strategies as st

from gslb.transfer.gathering import Gathering
from gslb.zone.diff import view_of

LINES = [f"{owner} {ttl} A 192.0.2.{last}" for owner in ("a", "b") for ttl in (60, 300) for last in (1, 2)]
LINES += ["a 60 TXT x", "a 60 TXT y"]
LINES += [
    f"a {ttl} RRSIG {covered} 13 2 {ttl} 20300101000000 20200101000000 1 example. {data}"
    for covered, ttl in (("A", 60), ("TXT", 300))
    for data in ("AAAA", "BBBB")
]


def gathered(records):
    gathering = Gathering()
    for each in records:
        gathering.add(each)
    steps = len(list(gathering.freeze()))
    return gathering.view, steps


@given(st.lists(st.sampled_from(LINES)))
def test_it_is_the_view_of_the_records(lines):
    records = [soa(1), *map(record, lines)]
    assert gathered(records)[0] == view_of(records)


def test_many_large_rrsets_are_put_together_in_several_steps():
    records = zone(1, *(f"n{number} 60 A 192.0.2.{last}" for number in range(1200) for last in (1, 2)))
    view, steps = gathered(records)
    assert view == view_of(records)
    assert steps == 3
