"""What the answer to an AXFR or IXFR request amounts to, message by message."""

import dataclasses

import pytest
from fake_primary import APEX, NS, difference, ixfr_records, record, soa, view, zone
from hypothesis import given
from hypothesis import strategies as st

from gslb.transfer.acceptance import Acceptance
from gslb.transfer.faults import Fault, FaultError
from gslb.transfer.request import Asked, Wanted
from gslb.transfer.stream import AnswerStream, Bounds, Current, Differences, LoneSoa, Whole, in_steps
from gslb.wire.codes import AA, QR, TC, Rcode, RRType
from gslb.wire.names import name_from_text
from gslb.wire.records import Message, Question
from gslb.zone.diff import apply

ID = b"\x12\x34"


def message(*records, qtype=RRType.AXFR, **changes):
    made = Message(ID, QR | AA, Rcode.NOERROR, Question(APEX, qtype), tuple(records), (), (), None, None)
    return dataclasses.replace(made, **changes)


def stream(qtype=RRType.AXFR, have=None, kind="foreign", wanted=Wanted.NEWER, bounds=None):
    return AnswerStream(Asked(APEX, qtype, ID, have, wanted), Acceptance(APEX, kind), bounds or Bounds())


def feed(machine, *messages):
    """The outcome after the messages; all but the last leave it open."""
    for number, each in enumerate(messages, 1):
        machine.take(machine.open(each, 100))
        machine.close()
        assert (machine.outcome is not None) == (number == len(messages))
    return machine.outcome


def axfr(*messages, **options):
    return feed(stream(**options), *messages)


def ixfr(*messages, have=5):
    return feed(stream(RRType.IXFR, have), *(dataclasses.replace(each, question=None) for each in messages))


def view_in(outcome):
    assert isinstance(outcome, Whole)
    for _ in outcome.gathering.freeze():
        pass
    return outcome.gathering.view


def refused(fault, text, *messages, **options):
    with pytest.raises(FaultError, match=text) as raised:
        axfr(*messages, **options)
    assert raised.value.fault is fault


ZONE = zone(7, "www 300 A 192.0.2.1", "www 300 A 192.0.2.2", "mail 60 MX 10 www.example.")


class TestWhole:
    def test_a_zone_in_one_message(self):
        assert view_in(axfr(message(*ZONE, ZONE[0]))) == view(
            7, "www 300 A 192.0.2.1", "www 300 A 192.0.2.2", "mail 60 MX 10 www.example."
        )

    def test_a_zone_of_one_record_a_message(self):
        messages = [message(each, question=None) for each in (*ZONE, ZONE[0])]
        assert view_in(axfr(*messages)) == view_in(axfr(message(*ZONE, ZONE[0])))

    def test_the_closing_soa_may_differ_in_case(self):
        shouting = dataclasses.replace(
            ZONE[0], rdata=ZONE[0].rdata.replace(b"\x02ns", b"\x02NS").replace(b"\x07example", b"\x07EXAMPLE")
        )
        assert isinstance(axfr(message(*ZONE, shouting)), Whole)

    def test_an_axfr_of_our_serial_is_nothing_new(self):
        assert axfr(message(*ZONE, ZONE[0]), have=7) == Current()

    @pytest.mark.parametrize("wanted", [Wanted.WHOLE, Wanted.ANY])
    def test_an_axfr_of_our_serial_is_taken_when_all_is_wanted(self, wanted):
        assert isinstance(axfr(message(*ZONE, ZONE[0]), have=7, wanted=wanted), Whole)

    @pytest.mark.parametrize("wanted", [Wanted.NEWER, Wanted.WHOLE])
    def test_an_older_serial_is_refused(self, wanted):
        refused(Fault.OLDER, "serial 7, which is older than ours, 8", message(*ZONE), have=8, wanted=wanted)

    def test_an_older_serial_is_taken_when_told_to(self):
        assert isinstance(axfr(message(*ZONE, ZONE[0]), have=8, wanted=Wanted.ANY), Whole)

    def test_newer_is_meant_in_serial_arithmetic(self):
        assert isinstance(axfr(message(*ZONE, ZONE[0]), have=0xFFFFFFF0), Whole)

    def test_it_must_begin_with_the_soa(self):
        refused(Fault.MALFORMED, "begin with the SOA", message(NS))

    def test_it_must_begin_with_the_soa_of_the_zone(self):
        refused(Fault.MALFORMED, "begin with the SOA", message(soa(7, apex=name_from_text("other."))))

    def test_another_serial_at_the_end_is_refused(self):
        refused(Fault.MALFORMED, "second SOA .*serial 8", message(*ZONE, soa(8)))

    def test_an_soa_below_the_apex_is_refused(self):
        below = soa(7, apex=name_from_text("sub.example."))
        refused(Fault.MALFORMED, "second SOA .*sub.example.", message(*ZONE, below))

    def test_records_after_the_end_are_refused(self):
        refused(Fault.MALFORMED, "after the SOA", message(*ZONE, ZONE[0], NS))

    def test_a_record_of_another_zone_is_refused(self):
        refused(
            Fault.CONTENT,
            "www.example.net., which lies outside example.",
            message(*ZONE, record("www.example.net. 300 A 192.0.2.1")),
        )

    def test_steering_from_a_foreign_peer_is_refused(self):
        private = record(r"www._gslb 0 TYPE65282 \# 1 01")
        refused(Fault.CONTENT, "kind: gslb", message(ZONE[0], private))
        assert isinstance(axfr(message(*ZONE, private, ZONE[0]), kind="gslb"), Whole)

    def test_a_single_soa_is_the_beginning(self):
        machine = stream()
        machine.take(machine.open(message(ZONE[0]), 100))
        machine.close()
        assert machine.outcome is None


class TestIncremental:
    ONE = difference(soa(5), soa(6), ["www 300 A 192.0.2.1"], ["www 300 A 192.0.2.2"])
    TWO = difference(soa(6), soa(9), [], ["ftp 300 A 192.0.2.3"])

    def test_our_serial_alone_means_nothing_new(self):
        assert ixfr(message(soa(5))) == Current()

    def test_one_step(self):
        assert ixfr(message(*ixfr_records(self.ONE))) == Differences((self.ONE,))

    def test_a_chain_of_steps(self):
        assert ixfr(message(*ixfr_records(self.ONE, self.TWO))) == Differences((self.ONE, self.TWO))

    @pytest.mark.parametrize("cut", range(2, 9))
    def test_a_chain_cut_into_messages_anywhere(self, cut):
        records = ixfr_records(self.ONE, self.TWO)
        assert ixfr(message(*records[:cut]), message(*records[cut:])) == Differences((self.ONE, self.TWO))

    def test_steps_without_records(self):
        empty = difference(soa(5), soa(6))
        assert ixfr(message(*ixfr_records(empty))) == Differences((empty,))

    def test_an_answer_in_the_style_of_an_axfr(self):
        assert view_in(ixfr(message(*ZONE, ZONE[0]))) == view_in(axfr(message(*ZONE, ZONE[0])))

    def test_a_newer_soa_alone_asks_for_an_axfr(self):
        assert ixfr(message(soa(9))) == LoneSoa()

    def test_an_older_serial_is_refused(self):
        with pytest.raises(FaultError, match="older than ours, 5") as raised:
            ixfr(message(soa(4)))
        assert raised.value.fault is Fault.OLDER

    @pytest.mark.parametrize(
        ("records", "text"),
        [
            ([soa(9), soa(6), soa(9), soa(9)], "from serial 6, where those from 5 belong"),
            ([soa(9), soa(5), soa(5), soa(9)], "which is not newer"),
            ([soa(9), soa(5), soa(4), soa(9)], "which is not newer"),
            ([soa(9), soa(5), soa(6), soa(7), soa(9), soa(9)], "from serial 7, where those from 6 belong"),
            ([soa(9), soa(5), soa(9), soa(10)], "beyond the newest serial 9"),
            ([soa(9), soa(5), soa(9), soa(9), NS], "after the SOA"),
            ([soa(9), soa(5), soa(9, apex=name_from_text("sub.example."))], "which is not newer"),
            ([soa(9), soa(5), soa(9), soa(9, apex=name_from_text("sub.example."))], "among its differences"),
        ],
    )
    def test_a_broken_chain_is_refused(self, records, text):
        with pytest.raises(FaultError, match=text) as raised:
            ixfr(message(*records))
        assert raised.value.fault is Fault.MALFORMED

    @pytest.mark.parametrize("line", ["www.example.net. 300 A 192.0.2.1"])
    def test_added_records_are_judged_as_those_of_a_whole_zone(self, line):
        with pytest.raises(FaultError) as raised:
            ixfr(message(*ixfr_records(difference(soa(5), soa(6), [], [line]))))
        assert raised.value.fault is Fault.CONTENT


class TestMessages:
    @pytest.mark.parametrize(
        ("changes", "fault", "text"),
        [
            ({"message_id": b"\x00\x00"}, Fault.MALFORMED, "another question"),
            ({"flags": AA}, Fault.MALFORMED, "another question"),
            ({"flags": QR | 4 << 11}, Fault.MALFORMED, "another question"),
            ({"flags": QR | TC}, Fault.MALFORMED, "truncated"),
            ({"question": Question(name_from_text("other."), RRType.AXFR)}, Fault.MALFORMED, "answers other. AXFR"),
            ({"question": Question(APEX, RRType.SOA)}, Fault.MALFORMED, "answers example. SOA"),
            ({"question": Question(APEX, RRType.AXFR, 3)}, Fault.MALFORMED, "was not asked"),
            ({"rcode": Rcode.REFUSED}, Fault.RCODE, "REFUSED to AXFR of example.: allow it there"),
            ({"rcode": Rcode.NOTAUTH}, Fault.RCODE, "NOTAUTH .*is the zone configured there"),
            ({"rcode": Rcode.SERVFAIL}, Fault.RCODE, "SERVFAIL .*see its log"),
            ({"rcode": 3841}, Fault.RCODE, "3841"),
            ({"answer": ()}, Fault.MALFORMED, "without records"),
        ],
    )
    @pytest.mark.parametrize("place", ["first", "second"])
    def test_each_message_is_judged(self, changes, fault, text, place):
        bad = message(*ZONE, **changes)
        refused(fault, text, *([] if place == "first" else [message(*ZONE)]), bad)

    def test_the_question_may_come_in_any_case(self):
        assert isinstance(axfr(message(*ZONE, ZONE[0], question=Question(b"\x07EXAMPLE\x00", RRType.AXFR))), Whole)

    @pytest.mark.parametrize(
        ("bounds", "text"),
        [
            (Bounds(octets=950), "more than 950 octets .*limits.transfer_size"),
            (Bounds(messages=9), "more than 9 messages"),
            (Bounds(records=13), "more than 13 records"),
        ],
    )
    def test_an_endless_transfer_ends_at_each_bound(self, bounds, text):
        machine = stream(bounds=bounds)
        machine.take(machine.open(message(*ZONE), 100))
        for _ in range(8):
            machine.take(machine.open(message(NS), 100))
        assert (machine.messages, machine.records, machine.octets) == (9, 13, 900)
        with pytest.raises(FaultError, match=text) as raised:
            machine.open(message(NS), 100)
        assert raised.value.fault is Fault.BOUNDS


class TestInSteps:
    CHANGE = difference(
        soa(5), soa(6), [f"a{n} 300 A 192.0.2.{n}" for n in range(5)], [f"b{n} 300 A 192.0.2.{n}" for n in range(4)]
    )

    @pytest.mark.parametrize("size", [1, 2, 3, 100])
    def test_the_steps_amount_to_the_change(self, size):
        before = view(5, *(f"a{n} 300 A 192.0.2.{n}" for n in range(5)))
        after = before
        for step in in_steps(self.CHANGE, size):
            assert len(step.removed) + len(step.added) <= size
            after = apply(after, step)
        assert after == apply(before, self.CHANGE)

    def test_the_new_soa_comes_last(self):
        steps = list(in_steps(self.CHANGE, 2))
        assert {step.to_serial for step in steps[:-1]} == {5}
        assert steps[-1].to_serial == 6


@given(
    st.lists(st.sampled_from([soa(5), soa(6), soa(7), NS, record("www 60 A 192.0.2.1")]), max_size=12), st.booleans()
)
def test_any_order_of_records_is_an_outcome_or_a_fault(records, incremental):
    machine = stream(RRType.IXFR, 5) if incremental else stream()
    try:
        machine.take(machine.open(message(*records, question=None), 100))
    except FaultError:
        return
    machine.close()
    assert machine.outcome is None or isinstance(machine.outcome, Current | Whole | Differences | LoneSoa)
