"""Fetching a zone from a primary over real sockets: what is asked, what is taken, and every way it can go wrong."""

import asyncio
import dataclasses
import time

import pytest
from fake_primary import APEX, HANG, HANG_UP, MARKER_RECORD, NS, PAUSE, FakePrimary, record, soa, view, zone

from gslb.transfer.faults import Fault, TransferError
from gslb.transfer.inbound import InboundLimits, Places, fetch
from gslb.transfer.request import Wanted
from gslb.transfer.stream import Bounds
from gslb.wire.codes import QR, TC, Rcode, RRType
from gslb.wire.edns import render_opt
from gslb.wire.names import name_from_text
from gslb.wire.pack import pack_message
from gslb.wire.tsig import TsigKey
from gslb.zone.diff import view_of

KEY = TsigKey(name_from_text("xfr."), "hmac-sha256", b"0123456789abcdef0123456789abcdef")
OTHER_SECRET = dataclasses.replace(KEY, secret=b"x" * 32)
OTHER_NAME = dataclasses.replace(KEY, name=name_from_text("other."))
PATIENT = InboundLimits(seconds=60, idle_seconds=30, connect_seconds=30, udp_seconds=(30,))
QUICK = dataclasses.replace(PATIENT, idle_seconds=0.5, udp_seconds=(0.3, 0.3))
"""For a primary that falls silent."""
LINES = ("www 300 A 192.0.2.1", "mail 300 MX 10 www.example.")


def fetched(primary, have=None, limits=PATIENT, key=None, **more):
    async def run():
        async with primary:
            return await fetch(APEX, primary.peer(key), have, limits=limits, **more)

    return asyncio.run(run())


def failure(primary, have=None, limits=PATIENT, **more):
    """The error, which names the peer."""
    with pytest.raises(TransferError) as raised:
        fetched(primary, have, limits, **more)
    assert str(raised.value).startswith(f"primary primary (127.0.0.1 port {primary.port}) ")
    return raised.value


@pytest.fixture(params=["unsigned", "hmac-sha256", "hmac-sha384", "hmac-sha512"])
def key(request):
    return None if request.param == "unsigned" else dataclasses.replace(KEY, algorithm=request.param)


class TestWhatIsAsked:
    def test_without_a_version_the_whole_zone_is_transferred(self, key):
        primary = FakePrimary(zone(5, *LINES), key)
        found = fetched(primary)
        assert found.view == view(5, *LINES)
        assert (found.how, found.serial, found.change_sets, found.messages) == ("axfr", 5, None, 1)
        assert found.octets > 100
        assert primary.asked == [("udp", "SOA"), ("tcp", "AXFR")]

    def test_with_one_the_differences_are(self, key):
        primary = FakePrimary(zone(5, *LINES), key)
        primary.edit(removed=[LINES[0]], added=["www 300 A 192.0.2.2"])
        primary.edit(added=["ftp 300 A 192.0.2.3"])
        found = fetched(primary, view(5, *LINES))
        assert found.view == view_of(primary.records)
        assert (found.how, found.serial, found.change_sets) == ("ixfr", 7, tuple(primary.history))
        assert primary.asked == [("udp", "SOA"), ("tcp", "IXFR")]

    def test_the_version_that_we_have_is_not_transferred(self, key):
        primary = FakePrimary(zone(5, *LINES), key)
        have = view(5, *LINES)
        found = fetched(primary, have)
        assert (found.how, found.serial) == ("current", 5)
        assert found.view is have
        assert primary.asked == [("udp", "SOA")]

    def test_a_whole_zone_is_taken_at_the_same_serial_when_asked_for(self):
        assert fetched(FakePrimary(zone(5, *LINES)), view(5), wanted=Wanted.WHOLE).how == "axfr"

    def test_a_zone_without_ns_is_taken_as_its_primary_serves_it(self):
        assert fetched(FakePrimary([soa(5)])).serial == 5

    def test_any_serial_is_taken_when_asked_for(self):
        assert fetched(FakePrimary(zone(4, *LINES)), view(5), wanted=Wanted.ANY).serial == 4

    def test_an_answer_in_the_style_of_an_axfr_is_taken(self):
        primary = FakePrimary(zone(6, *LINES))
        found = fetched(primary, view(5))
        assert (found.how, found.serial, found.change_sets, found.instead_of) == ("axfr", 6, None, None)
        assert primary.asked[-1] == ("tcp", "IXFR")

    def test_a_zone_of_many_messages(self, key):
        lines = [f"n{number} 300 A 192.0.2.{number % 250}" for number in range(2000)]
        found = fetched(FakePrimary(zone(5, *lines), key, limit=600))
        assert found.view == view(5, *lines)
        assert found.messages > 50

    def test_the_expire_option_is_handed_on(self):
        primary = FakePrimary(zone(5))
        opt = render_opt(0, dnssec_ok=False)[:-2] + b"\x00\x08\x00\x09\x00\x04\x00\x00\x02\x00"
        primary.behave[RRType.SOA] = lambda request: primary.pack(request, [soa(5)], opt=opt)
        assert fetched(primary, view(5)).expire_seconds == 512

    def test_places_bound_how_many_transfer_at_once_and_polls_go_on(self):
        primary = FakePrimary(zone(5, *LINES))

        async def run():
            places = Places.of(transfers=1)
            async with primary:
                async with places.transfers:
                    waiting = asyncio.create_task(fetch(APEX, primary.peer(), None, limits=PATIENT, places=places))
                    polled = await fetch(APEX, primary.peer(), view(5), limits=PATIENT, places=places)
                    polled = await fetch(APEX, primary.peer(), view(5), limits=PATIENT, places=places)
                    assert primary.asked == [("udp", "SOA")] * 3
                assert (polled.how, (await waiting).how) == ("current", "axfr")

        asyncio.run(run())


class TestPollOverTcp:
    def test_when_udp_is_not_answered(self):
        primary = FakePrimary(zone(5), udp=False)
        assert fetched(primary, view(5)).how == "current"
        assert primary.asked == [("tcp", "SOA")]

    def test_when_udp_is_silent(self):
        primary = FakePrimary(zone(5))
        primary.behave[RRType.SOA] = lambda request: (
            [] if ("tcp", "SOA") not in primary.asked else primary.serve(request)
        )
        limits = dataclasses.replace(PATIENT, udp_seconds=QUICK.udp_seconds)
        assert fetched(primary, view(5), limits).how == "current"
        assert primary.asked == [("udp", "SOA"), ("udp", "SOA"), ("tcp", "SOA")]

    def test_when_udp_is_truncated(self):
        primary = FakePrimary(zone(5))

        def truncated(request):
            if ("tcp", "SOA") in primary.asked:
                return primary.serve(request)
            return [pack_message(request.message_id, QR | TC, request.question.wire)]

        primary.behave[RRType.SOA] = truncated
        assert fetched(primary, view(5)).how == "current"

    def test_a_forged_answer_with_another_id_is_waited_past(self):
        primary = FakePrimary(zone(5))

        def forged(request):
            right = next(primary.serve(request))
            return [bytes(2) + right[2:], right]

        primary.behave[RRType.SOA] = forged
        assert fetched(primary, view(5)).how == "current"
        assert primary.asked == [("udp", "SOA")]

    @pytest.mark.parametrize("rcode", [Rcode.FORMERR, Rcode.NOTIMP])
    def test_a_server_without_edns_is_asked_without(self, rcode):
        primary = FakePrimary(zone(5))
        primary.behave[RRType.SOA] = lambda request: (
            primary.serve(request) if request.edns is None else primary.pack(request, [], rcode)
        )
        assert fetched(primary, view(5)).how == "current"
        assert primary.asked == [("udp", "SOA")] * 2


class TestFallingBackToAxfr:
    def fall_back(self, answer, limits=PATIENT):
        primary = FakePrimary(zone(6, *LINES))
        primary.behave[RRType.IXFR] = lambda request: answer(primary, request)
        found = fetched(primary, view(5), limits)
        assert (found.how, found.view) == ("axfr", view(6, *LINES))
        assert primary.asked == [("udp", "SOA"), ("tcp", "IXFR"), ("tcp", "AXFR")]
        return found.instead_of

    @pytest.mark.parametrize("rcode", [Rcode.FORMERR, Rcode.NOTIMP, Rcode.REFUSED, Rcode.SERVFAIL])
    def test_when_ixfr_is_not_answered_well(self, rcode):
        assert rcode.name in self.fall_back(lambda primary, request: primary.pack(request, [], rcode))

    def test_when_the_newest_soa_comes_alone(self):
        assert "alone" in self.fall_back(lambda primary, request: primary.pack(request, [soa(6)]))

    def test_when_the_connection_breaks_off(self):
        assert "closed" in self.fall_back(lambda primary, request: [HANG_UP])

    def test_when_the_differences_do_not_fit(self):
        gone = record("never 300 A 192.0.2.1")
        records = [soa(6), soa(5), gone, soa(6), soa(6)]
        assert "never.example." in self.fall_back(lambda primary, request: primary.pack(request, records))

    def test_when_the_differences_start_elsewhere(self):
        records = [soa(6), soa(4), soa(6), soa(6)]
        assert "from serial 4" in self.fall_back(lambda primary, request: primary.pack(request, records))

    def test_when_there_are_more_of_them_than_may_be(self):
        limits = dataclasses.replace(PATIENT, bounds=Bounds(records=10))
        records = [soa(6), soa(5), *[NS] * 20]
        assert "more than 10" in self.fall_back(lambda primary, request: primary.pack(request, records), limits)

    def test_not_when_the_primary_is_silent(self):
        primary = FakePrimary(zone(6))
        primary.behave[RRType.IXFR] = lambda request: [HANG]
        assert failure(primary, view(5), QUICK).fault is Fault.TIMEOUT
        assert primary.asked[-1] == ("tcp", "IXFR")


class TestKinds:
    """A primary that is a node of ours sends its steering; another must not."""

    STEERING = (*zone(5, *LINES), MARKER_RECORD)

    def test_steering_is_taken_from_a_gslb_primary(self):
        found = fetched(FakePrimary(list(self.STEERING), KEY, "gslb"))
        assert found.view == view_of(self.STEERING)

    def test_a_gslb_primary_without_the_marker_is_refused(self):
        error = failure(FakePrimary(zone(6, *LINES), KEY, "gslb"), view_of(self.STEERING))
        assert error.fault is Fault.CONTENT
        assert "without its steering" in error.reason

    def test_differences_that_take_the_marker_away_are_refused(self):
        primary = FakePrimary(list(self.STEERING), KEY, "gslb")
        primary.edit(removed=[r"_gslb 0 TYPE65282 \# 3 017b7d"])
        error = failure(primary, view_of(self.STEERING))
        assert (error.fault, error.phase) == (Fault.CONTENT, "ixfr")

    def test_a_foreign_primary_with_steering_is_refused(self):
        error = failure(FakePrimary(list(self.STEERING)))
        assert (error.fault, error.phase) == (Fault.CONTENT, "axfr")

    def test_a_peer_whose_kind_was_changed_is_asked_for_everything_at_the_same_serial(self):
        assert fetched(FakePrimary(list(self.STEERING), KEY, "gslb"), view(5, *LINES)).how == "axfr"
        assert fetched(FakePrimary(zone(5, *LINES)), view_of(self.STEERING)).how == "axfr"


class TestBadInput:
    def test_a_primary_that_is_down(self):
        async def run():
            async with FakePrimary([]) as gone:
                peer = gone.peer()
            await fetch(APEX, peer, None, limits=PATIENT)

        with pytest.raises(TransferError, match=r"cannot be reached \(.*refused.*\): is the server up") as raised:
            asyncio.run(run())
        assert (raised.value.fault, raised.value.phase) == (Fault.UNREACHABLE, "soa")

    def test_a_primary_that_says_nothing(self):
        primary = FakePrimary(zone(5))
        primary.behave[RRType.SOA] = lambda request: [HANG]
        error = failure(primary, limits=QUICK)
        assert (error.fault, error.phase) == (Fault.TIMEOUT, "soa")

    def test_a_primary_that_stops_in_the_middle(self):
        primary = FakePrimary(zone(5))
        primary.behave[RRType.AXFR] = lambda request: [*primary.pack(request, zone(5)), HANG]
        error = failure(primary, limits=QUICK)
        assert (error.fault, error.phase) == (Fault.TIMEOUT, "axfr")
        assert "no whole message within 0.5 s" in error.reason
        assert error.octets > 50

    def test_a_primary_that_is_slow(self):
        primary = FakePrimary(zone(5))

        def drip(request):
            yield next(primary.pack(request, zone(5)))
            while True:
                yield PAUSE
                yield next(primary.pack(request, [NS]))

        primary.behave[RRType.AXFR] = drip
        error = failure(primary, limits=dataclasses.replace(PATIENT, seconds=0.3))
        assert error.fault is Fault.TIMEOUT
        assert "within 0.3 s (`limits.transfer_timeout`)" in error.reason

    def test_a_primary_that_breaks_off(self):
        primary = FakePrimary(zone(5))
        primary.behave[RRType.AXFR] = lambda request: [*primary.pack(request, zone(5)), HANG_UP]
        assert failure(primary).fault is Fault.BROKEN_OFF

    def test_a_primary_with_an_older_serial(self):
        primary = FakePrimary(zone(4))
        error = failure(primary, view(5))
        assert error.fault is Fault.OLDER
        assert "serial 4, which is older than ours, 5" in error.reason
        assert primary.asked == [("udp", "SOA")]

    def test_a_primary_whose_transfer_is_older_than_its_word(self):
        primary = FakePrimary(zone(4))
        primary.behave[RRType.SOA] = lambda request: primary.pack(request, [soa(6)])
        primary.behave[RRType.IXFR] = lambda request: primary.pack(request, [], Rcode.NOTIMP)
        error = failure(primary, view(5))
        assert (error.fault, error.phase) == (Fault.OLDER, "axfr")

    def test_a_primary_of_another_zone(self):
        primary = FakePrimary(zone(5))
        primary.behave[RRType.SOA] = lambda request: primary.pack(request, [], Rcode.REFUSED)
        error = failure(primary)
        assert error.fault is Fault.RCODE
        assert "REFUSED" in error.reason
        assert primary.asked == [("udp", "SOA")]

    def test_records_of_another_zone(self):
        error = failure(FakePrimary([*zone(5), record("www.other. 300 A 192.0.2.1")]))
        assert error.fault is Fault.CONTENT
        assert "www.other." in error.reason

    def test_garbage(self):
        primary = FakePrimary(zone(5))
        primary.behave[RRType.AXFR] = lambda request: [request.message_id + b"\xff" * 100]
        error = failure(primary)
        assert error.fault is Fault.MALFORMED
        assert "is a DNS server there?" in error.reason

    def test_garbage_over_udp_is_followed_by_tcp(self):
        primary = FakePrimary(zone(5))
        primary.behave[RRType.SOA] = lambda request: [request.message_id + b"\xff" * 100]
        assert failure(primary).fault is Fault.MALFORMED
        assert primary.asked == [("udp", "SOA"), ("tcp", "SOA")]

    def test_an_endless_transfer(self):
        primary = FakePrimary(zone(5))

        def endless(request):
            yield next(primary.pack(request, zone(5)))
            while True:
                yield next(primary.pack(request, [NS] * 100))

        primary.behave[RRType.AXFR] = endless
        error = failure(primary, limits=dataclasses.replace(PATIENT, bounds=Bounds(octets=100_000)))
        assert error.fault is Fault.BOUNDS
        assert "100,000 octets" in error.reason
        assert 100_000 < error.octets < 200_000

    def test_a_zone_that_is_signed_in_part(self):
        error = failure(FakePrimary([*zone(5), record("@ 300 DNSKEY 256 3 13 AAAA")]))
        assert error.fault is Fault.CONTENT
        assert "sent a signed zone that is not complete: example.: no RRSIG covers the SOA records" in error.reason


class TestSignatures:
    @pytest.mark.parametrize("phase", ["soa", "axfr"])
    def test_a_missing_signature(self, phase):
        primary = FakePrimary(zone(5), KEY, sign=False)
        if phase == "axfr":
            primary.sign = True
            primary.behave[RRType.AXFR] = lambda request: (
                setattr(primary, "sign", False),
                *primary.pack(request, [soa(5), NS, soa(5)]),
            )[1:]
        error = failure(primary)
        assert (error.fault, error.phase) == (Fault.SIGNATURE, phase)
        assert "not signed" in error.reason

    def test_a_wrong_secret(self):
        error = failure(FakePrimary(zone(5), KEY), key=OTHER_SECRET)
        assert error.fault is Fault.SIGNATURE
        assert "secrets on both sides the same?" in error.reason

    def test_an_unknown_key(self):
        error = failure(FakePrimary(zone(5), KEY), key=OTHER_NAME)
        assert error.fault is Fault.SIGNATURE
        assert "no key other." in error.reason
        assert "equal on both sides" in error.reason

    def test_a_primary_that_knows_no_keys(self):
        assert failure(FakePrimary(zone(5)), key=KEY).fault is Fault.SIGNATURE

    @pytest.mark.parametrize(("ahead", "word"), [(600, "ahead of"), (-600, "behind")])
    def test_a_clock_ten_minutes_off(self, ahead, word):
        error = failure(FakePrimary(zone(5), KEY, clock=lambda: time.time() + ahead))
        assert error.fault is Fault.SIGNATURE
        assert f"the peer's clock is {abs(ahead)} s {word} ours" in error.reason.replace("599", "600").replace(
            "601", "600"
        )
        assert "NTP" in error.reason

    def test_a_changed_message_in_the_middle(self):
        primary = FakePrimary(zone(5, *(f"n{number} 300 A 192.0.2.1" for number in range(100))), KEY, limit=600)
        honest = primary.answers

        def changed(data, transport):
            for number, message in enumerate(honest(data, transport)):
                yield message.replace(bytes((192, 0, 2, 1)), bytes((192, 0, 2, 9))) if number == 3 else message

        primary.answers = changed
        error = failure(primary)
        assert (error.fault, error.phase) == (Fault.SIGNATURE, "axfr")

    def test_an_end_that_is_not_signed(self):
        primary = FakePrimary(zone(5), KEY)

        def last_unsigned(request):
            yield next(primary.pack(request, zone(5)))
            primary.sign = False
            yield next(primary.pack(request, [soa(5)]))

        primary.behave[RRType.AXFR] = last_unsigned
        error = failure(primary)
        assert (error.fault, error.phase) == (Fault.SIGNATURE, "axfr")
        assert "ends without a signature" in error.reason


def test_the_event_loop_gets_its_turn_between_messages():
    lines = [f"n{number} 300 A 192.0.2.1" for number in range(5000)]
    primary = FakePrimary(zone(5, *lines))
    turns = 0

    async def run():
        async with primary:
            task = asyncio.create_task(fetch(APEX, primary.peer(), None, limits=PATIENT))
            nonlocal turns
            while not task.done():
                turns += 1
                await asyncio.sleep(0)
            return task.result()

    assert asyncio.run(run()).messages >= 5
    assert turns >= 5000 / 500
