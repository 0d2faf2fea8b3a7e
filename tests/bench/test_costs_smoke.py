"""The benchmark of dear packets: every class is one, is measured, and is held against the bound."""

import random

import costly_packets
import costs
import dns.message
import pytest


@pytest.mark.parametrize("title", costly_packets.CLASSES)
def test_a_class_is_a_pool_of_packets_that_fit_a_datagram(title: str) -> None:
    pool = costly_packets.CLASSES[title](random.Random(1))
    assert pool
    assert all(12 <= len(packet) <= 4200 for packet in pool)


def test_the_ordinary_query_is_one() -> None:
    for packet in costly_packets.CLASSES[costly_packets.YARDSTICKS[1]](random.Random(1)):
        query = dns.message.from_wire(packet)
        assert query.edns == 0
        assert query.question[0].name.is_subdomain(dns.name.from_text("costs.test."))


@pytest.mark.daemon
def test_every_class_is_measured_over_both_transports() -> None:
    rows = costs.measure(packets=256, rounds=1)
    for transport, classes in (
        ("udp", costly_packets.CLASSES),
        ("tcp", costly_packets.CLASSES | costly_packets.TCP_ONLY),
    ):
        assert {row.name for row in rows if row.transport == transport} == set(classes)
    assert all(row.ratio > 0 for row in rows)
    assert all(row.log_lines <= costs.MOST_LOG_LINES for row in rows), "a packet may not write a line each"
    assert len(list(costs.table(rows))) == len(rows) + 2 * 3


def test_a_class_over_the_bound_or_with_a_line_a_packet_is_not_well() -> None:
    row = costs.Row("udp", "x", 10.0, 9.9, 12.0, 100, 3)
    assert row.ok
    assert not costs.Row("udp", "x", 10.0, 10.1, 12.0, 100, 3).ok
    assert not costs.Row("udp", "x", 10.0, 1.0, 1.0, 100, 100).ok
