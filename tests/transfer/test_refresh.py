"""When a secondary asks which primary, and until when it serves: exact, with times and draws as arguments."""

from dataclasses import replace

import pytest
from fake_primary import soa

from gslb.transfer.refresh import (
    BackOff,
    Found,
    Hint,
    Timers,
    begin,
    confirmed,
    end_round,
    expire,
    failed,
    hear,
    order,
    reset,
    take_hint,
    transferred,
)
from gslb.zone.zone import Soa

REFRESH, RETRY, EXPIRE = 3600, 600, 86400
NOW = 1_000_000.0
SOA = Soa.from_rdata(soa(5, REFRESH, RETRY, EXPIRE).rdata)
LOADED = begin(3, NOW, 0.0, (SOA, NOW))


def newer(serial):
    return replace(SOA, serial=serial)


def a_round(state, now, found, draw=0.0):
    state, hint = take_hint(state)
    return end_round(state, now, draw, found, hint)


class TestTimers:
    @pytest.mark.parametrize(
        ("refresh", "retry", "expire_after", "timers"),
        [
            (3600, 600, 86400, (3600, 600, 86400)),
            (0, 0, 0, (1, 1, 2)),
            (1, 1, 5, (1, 1, 5)),
            (3600, 600, 1000, (500, 500, 1000)),
            (2**31, 2**31, 2**31, (604800, 604800, 2**31)),
        ],
    )
    def test_the_soa_is_taken_within_reason(self, refresh, retry, expire_after, timers):
        assert Timers.of(Soa.from_rdata(soa(1, refresh, retry, expire_after).rdata)) == Timers(*timers)


class TestStart:
    def test_without_a_version_the_first_round_is_at_once(self):
        state = begin(1, NOW, 0.7)
        assert (state.due, state.name, state.serial, state.expires_at) == (NOW, "loading", None, None)

    def test_a_stored_version_is_asked_after_within_a_second(self):
        state = begin(1, NOW, 0.7, (SOA, NOW - 5000))
        assert (state.due, state.name, state.serial) == (NOW + 0.7, "ok", 5)

    def test_the_time_to_expire_counts_over_the_restart(self):
        assert begin(1, NOW, 0.0, (SOA, NOW - 86000)).expires_at == NOW + 400

    def test_a_version_past_its_time_is_expired_from_the_start(self):
        state = begin(1, NOW, 0.7, (SOA, NOW - 86400))
        assert (state.name, state.due) == ("expired", NOW)

    def test_a_contact_in_the_future_counts_as_now(self):
        assert begin(1, NOW, 0.0, (SOA, NOW + 9e6)).expires_at == NOW + EXPIRE


class TestRounds:
    @pytest.mark.parametrize(("draw", "wait"), [(0.0, 3600), (0.5, 3420), (1.0, 3240)])
    def test_after_a_contact_the_next_round_waits_for_refresh_less_up_to_a_tenth(self, draw, wait):
        assert a_round(LOADED, NOW, Found.SAME, draw).due == NOW + wait

    @pytest.mark.parametrize(("draw", "wait"), [(0.0, 600), (1.0, 540)])
    def test_after_a_failure_it_waits_for_retry(self, draw, wait):
        state = a_round(LOADED, NOW, Found.NOTHING, draw)
        assert (state.due, state.name) == (NOW + wait, "retrying")

    def test_a_contact_ends_the_retrying(self):
        state = a_round(a_round(LOADED, NOW, Found.NOTHING), NOW, Found.SAME)
        assert (state.name, state.due) == ("ok", NOW + REFRESH)

    def test_without_a_zone_the_waits_double_up_to_a_minute(self):
        state, waits = begin(1, NOW, 0.0), []
        for _ in range(8):
            state = a_round(state, NOW, Found.NOTHING)
            waits.append(state.due - NOW)
        assert waits == [1, 2, 4, 8, 16, 32, 60, 60]
        assert state.name == "loading"

    def test_a_new_version_brings_its_own_timers(self):
        soa_of_it = Soa.from_rdata(soa(6, 100, 10, 1000).rdata)
        state = a_round(transferred(LOADED, 0, NOW, soa_of_it, None), NOW, Found.NEWER)
        assert (state.serial, state.due, state.expires_at) == (6, NOW + 100, NOW + 1000)

    def test_asking_for_a_round_gives_every_primary_a_chance(self):
        state = reset(failed(a_round(LOADED, NOW, Found.SAME), 0, NOW), NOW + 5)
        assert state.due == NOW + 5
        assert order(state, NOW + 5) == (0, 1, 2)


class TestPrimaries:
    def test_they_are_asked_in_order(self):
        assert order(LOADED, NOW) == (0, 1, 2)

    def test_one_that_failed_is_passed_over_for_retry(self):
        state = failed(LOADED, 0, NOW)
        assert order(state, NOW + RETRY - 1) == (1, 2)
        assert order(state, NOW + RETRY) == (0, 1, 2)

    def test_its_time_doubles_with_each_failure_up_to_an_hour(self):
        state, waits = LOADED, []
        for _ in range(5):
            state = failed(state, 0, NOW)
            waits.append(state.back_off[0].until - NOW)
        assert waits == [600, 1200, 2400, 3600, 3600]

    def test_a_contact_clears_its_failures(self):
        assert confirmed(failed(LOADED, 0, NOW), 0, NOW, None).back_off[0] == BackOff()

    def test_when_all_failed_all_are_asked_the_soonest_ready_first(self):
        state = failed(failed(failed(failed(LOADED, 0, NOW), 0, NOW), 1, NOW + 2), 2, NOW + 1)
        assert order(state, NOW + 3) == (2, 1, 0)

    def test_the_sender_of_a_notify_is_asked_first_whatever_happened_before(self):
        state = hear(failed(LOADED, 2, NOW), 6, 2, NOW)
        assert order(state, NOW) == (2, 0, 1)


class TestNotify:
    def test_it_starts_a_round_at_once(self):
        assert hear(LOADED, 6, 0, NOW).due == NOW

    def test_without_a_serial_it_starts_one_too(self):
        assert hear(LOADED, None, None, NOW).due == NOW

    @pytest.mark.parametrize("serial", [5, 4, 0x80000005])
    def test_a_serial_that_is_not_newer_is_passed_over(self, serial):
        assert hear(LOADED, serial, 0, NOW) is LOADED

    def test_any_serial_is_news_without_a_zone_or_with_an_expired_one(self):
        expired = expire(LOADED, NOW + EXPIRE)
        for state in (begin(1, NOW, 0.0), expired):
            assert hear(state, 4, 0, NOW).hint == Hint(4, 0)

    def test_many_are_one_round(self):
        state = hear(hear(hear(LOADED, 6, 0, NOW), 8, 1, NOW + 1), 7, 2, NOW + 2)
        assert (state.due, state.hint) == (NOW, Hint(8, 1))
        assert a_round(transferred(state, 1, NOW, newer(8), None), NOW, Found.NEWER).due == NOW + REFRESH

    def test_one_heard_during_a_round_is_for_the_next(self):
        state, hint = take_hint(hear(LOADED, 6, 0, NOW))
        state = hear(state, 7, 0, NOW + 1)
        state = end_round(transferred(state, 0, NOW + 2, newer(6), None), NOW + 2, 0.0, Found.NEWER, hint)
        assert (state.due, state.hint) == (NOW + 2, Hint(7, 0))

    def test_one_heard_during_a_round_that_brought_its_serial_is_done(self):
        state, hint = take_hint(hear(LOADED, 6, 0, NOW))
        state = hear(state, 7, 0, NOW + 1)
        state = end_round(transferred(state, 0, NOW + 2, newer(7), None), NOW + 2, 0.0, Found.NEWER, hint)
        assert (state.due, state.hint) == (NOW + 2 + REFRESH, None)

    @pytest.mark.parametrize("found", [Found.NOTHING, Found.SAME])
    def test_a_serial_not_found_is_looked_for_again_a_few_times(self, found):
        state, now, waits = hear(LOADED, 6, 0, NOW), NOW, []
        while state.hint is not None:
            state = a_round(state, now, found)
            waits.append(state.due - now)
            now = state.due
        assert waits[:-1] == [1, 2, 4, 8, 8]
        assert waits[-1] == (RETRY if found is Found.NOTHING else REFRESH)

    def test_forged_ones_cost_a_round_each_eight_seconds_at_most(self):
        state, now, rounds = LOADED, NOW, 0
        while now < NOW + 1000:
            state = hear(state, 1000 + rounds, 0, now)
            now = max(now, state.due)
            state = a_round(state, now, Found.SAME)
            rounds += 1
        assert rounds <= 1000 / 8 + 5

    def test_one_without_a_serial_is_not_looked_for_again(self):
        state = a_round(hear(LOADED, None, 0, NOW), NOW, Found.SAME)
        assert (state.hint, state.due) == (None, NOW + REFRESH)

    def test_after_a_transfer_the_next_one_is_followed_at_once(self):
        state = a_round(hear(LOADED, 6, 0, NOW), NOW, Found.NOTHING)
        state = a_round(transferred(state, 0, NOW + 1, newer(6), None), NOW + 1, Found.NEWER)
        assert hear(state, 7, 0, NOW + 1.1).due == NOW + 1.1


class TestExpiry:
    def test_it_comes_when_the_soa_says_and_not_before(self):
        assert expire(LOADED, NOW + EXPIRE - 0.001) is LOADED
        assert expire(LOADED, NOW + EXPIRE).name == "expired"

    def test_an_expired_zone_is_asked_for_at_once_and_eagerly(self):
        state = expire(a_round(LOADED, NOW + EXPIRE - 5, Found.NOTHING), NOW + EXPIRE)
        assert state.due == NOW + EXPIRE
        assert a_round(state, NOW + EXPIRE, Found.NOTHING).due == NOW + EXPIRE + 2

    def test_a_contact_puts_it_off(self):
        assert confirmed(LOADED, 0, NOW + 100, None).expires_at == NOW + 100 + EXPIRE

    def test_a_failure_does_not(self):
        assert a_round(failed(LOADED, 0, NOW + 100), NOW + 100, Found.NOTHING).expires_at == NOW + EXPIRE

    def test_a_transfer_ends_it(self):
        state = transferred(expire(LOADED, NOW + EXPIRE), 0, NOW + EXPIRE + 1, SOA, None)
        assert (state.name, state.expires_at) == ("ok", NOW + EXPIRE + 1 + EXPIRE)

    def test_a_transfer_takes_the_time_that_a_secondary_as_primary_has_left(self):
        assert transferred(LOADED, 0, NOW, newer(6), 1000).expires_at == NOW + 1000

    def test_of_two_words_on_it_the_longer_counts_while_the_serial_is_the_same(self):
        assert confirmed(LOADED, 1, NOW + 100, 1000).expires_at == NOW + EXPIRE
        assert confirmed(LOADED, 1, NOW + 100, EXPIRE - 10).expires_at == NOW + 100 + EXPIRE - 10

    def test_no_word_makes_it_longer_than_the_soa_says(self):
        assert confirmed(LOADED, 1, NOW + 100, 10 * EXPIRE).expires_at == NOW + 100 + EXPIRE
