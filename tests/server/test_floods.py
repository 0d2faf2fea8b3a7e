"""Which networks are said to be limited, and how much of it is told."""

from gslb.server import floods
from gslb.server.floods import MAX_FOLLOWED, QUIET_SECONDS, TOLD_PER_MINUTE, Floods
from gslb.server.rate import Judgement, ReplyKind


def note(followed: Floods, network: str, now: float, judgement: Judgement = Judgement.DROP) -> floods.Flood | None:
    return followed.note(network, ReplyKind.ANSWER, b"\x01a\x00", judgement, now)


def test_a_flood_is_told_when_it_begins_and_when_it_has_been_quiet() -> None:
    followed = Floods()
    begun = note(followed, "a", 0.0)
    assert begun is not None
    assert note(followed, "a", 5.0) is None
    assert note(followed, "a", 9.0, Judgement.SLIP) is None
    assert followed.ended(9.0 + QUIET_SECONDS - 0.1) == []
    assert followed.ended(9.0 + QUIET_SECONDS) == [begun]
    assert (begun.dropped, begun.slipped, begun.since, begun.last) == (2, 1, 0.0, 9.0)
    assert len(followed) == 0
    assert note(followed, "a", 30.0) is not None


def test_of_many_networks_a_few_a_minute_are_told_and_the_rest_counted() -> None:
    followed = Floods()
    told = [note(followed, str(number), 0.0) for number in range(100)]
    assert sum(flood is not None for flood in told) == TOLD_PER_MINUTE
    assert followed.untold == 100 - TOLD_PER_MINUTE
    assert note(followed, "later", 60.0) is not None
    assert len(followed.ended(1000.0)) == TOLD_PER_MINUTE + 1, "the end is told of those whose beginning was"


def test_the_number_of_networks_followed_is_bounded() -> None:
    followed = Floods()
    for number in range(2 * MAX_FOLLOWED):
        note(followed, str(number), 0.0)
    assert len(followed) == MAX_FOLLOWED


def test_the_busiest_come_first() -> None:
    followed = Floods()
    for network, times in (("few", 1), ("most", 5), ("some", 3)):
        for _ in range(times):
            note(followed, network, 0.0)
    assert [flood.network for flood in followed.busiest(2)] == ["most", "some"]


def test_what_is_asked_most_is_kept_while_anybody_is_limited() -> None:
    followed = Floods()
    for name, times in ((b"\x01a\x00", 2), (b"\x01b\x00", 7), (b"\x01c\x00", 1)):
        for _ in range(times):
            followed.note("net", ReplyKind.ANSWER, name, Judgement.SLIP, 5.0)
    assert followed.asked_most(2) == [(ReplyKind.ANSWER, b"\x01b\x00", 7), (ReplyKind.ANSWER, b"\x01a\x00", 2)]
    followed.ended(5.0 + QUIET_SECONDS)
    assert followed.asked_most(2) == []


def test_the_number_of_names_kept_is_bounded_and_those_kept_go_on_counting() -> None:
    followed = Floods()
    for _ in range(2):
        for number in range(2 * MAX_FOLLOWED):
            followed.note("net", ReplyKind.ANSWER, number.to_bytes(4, "big"), Judgement.DROP, 0.0)
    kept = followed.asked_most(3 * MAX_FOLLOWED)
    assert len(kept) == MAX_FOLLOWED
    assert {times for *_, times in kept} == {2}
