"""A primary that does not answer is passed over for a while, longer each time, and only until something comes."""

import dataclasses

from gslb.config.peers import Peer
from gslb.transfer.silence import FIRST_SECONDS, LONGEST_SECONDS, Silence

PEER = Peer("ns1", "192.0.2.1")


def test_it_holds_for_a_while_and_is_news_once() -> None:
    silence = Silence()
    assert not silence.holds(PEER, 0.0)
    assert silence.begin(PEER, 0.0)
    assert not silence.begin(PEER, 1.0)
    assert silence.holds(PEER, FIRST_SECONDS - 0.1)
    assert not silence.holds(PEER, FIRST_SECONDS)


def test_each_time_it_holds_twice_as_long_up_to_a_bound() -> None:
    silence, now, lengths = Silence(), 0.0, []
    for _ in range(8):
        assert silence.begin(PEER, now)
        end = now
        while silence.holds(PEER, end):
            end += 1.0
        lengths.append(end - now)
        now = end
    assert lengths[:3] == [FIRST_SECONDS, 2 * FIRST_SECONDS, 4 * FIRST_SECONDS]
    assert lengths[-1] == LONGEST_SECONDS


def test_whatever_comes_ends_it_and_the_next_one_is_short_again() -> None:
    silence = Silence()
    silence.begin(PEER, 0.0)
    silence.begin(PEER, 20.0)
    silence.end(PEER)
    assert not silence.holds(PEER, 21.0)
    assert silence.begin(PEER, 21.0)
    assert not silence.holds(PEER, 21.0 + FIRST_SECONDS)


def test_it_is_about_a_host_and_port_whatever_the_name() -> None:
    silence = Silence()
    silence.begin(PEER, 0.0)
    assert silence.holds(dataclasses.replace(PEER, name="again"), 1.0)
    assert not silence.holds(dataclasses.replace(PEER, port=5300), 1.0)
