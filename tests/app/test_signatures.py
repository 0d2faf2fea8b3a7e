"""How long signatures hold: what is shown, and what is said once as their end comes near."""

from collections.abc import Callable

import pytest
from signed_zone import with_signatures
from structlog.testing import capture_logs

from gslb.answer.compile import ZoneTable
from gslb.answer.table import AnswerTable
from gslb.app.signatures import SOON_SECONDS, SignatureWatch, signature_readings, signing_status
from gslb.steering.conditions import Conditions
from gslb.zone.serial import nearest
from gslb.zone.zone import Zone

END = 2208988800  # 2040-01-01, which is what `with_signatures` writes
SIGNED = """
a. 60 SOA ns.b. ops.b. 1 1 1 1 1
a. 60 NS ns.b.
a. 60 DNSKEY 257 3 13 AAAA
a. 60 NSEC a. NS SOA RRSIG NSEC DNSKEY
"""
UNSIGNED = "b. 60 SOA ns.b. ops.b. 1 1 1 1 1\nb. 60 NS ns.b."


@pytest.fixture
def table(zone_of: Callable[..., Zone]) -> AnswerTable:
    zones = (with_signatures(zone_of(SIGNED)), zone_of(UNSIGNED))
    table = AnswerTable()
    for zone in zones:
        table = table.with_zone(ZoneTable(zone), Conditions({}, {}))
    return table


def test_status_tells_the_chain_and_the_end(table: AnswerTable) -> None:
    signed, unsigned = table.zones.values()
    assert signing_status(signed, END - 5 * SOON_SECONDS) == {"denial": "NSEC", "expires": END, "state": "hold"}
    assert signing_status(signed, END - 5)["state"] == "expire soon"
    assert signing_status(signed, END + 5)["state"] == "have expired"
    assert signing_status(unsigned, END) is None
    assert signing_status(None, END) is None


def test_the_metric_counts_down_and_goes_on_below_zero(table: AnswerTable) -> None:
    for now, left in ((END - 100, 100.0), (END + 50, -50.0)):
        (family,) = signature_readings(table, now)
        assert [(sample.labels, sample.value) for sample in family.samples] == [({"zone": "a."}, left)]


def test_each_change_is_said_once(table: AnswerTable) -> None:
    watch = SignatureWatch()
    said = []
    for now in (END - 2 * SOON_SECONDS, END - 10, END - 9, END + 1, END + 2, END - 2 * SOON_SECONDS):
        with capture_logs() as logs:
            watch.look(table, now)
        said.append([entry["event"] for entry in logs])
    assert said == [[], ["signatures_expire_soon"], [], ["signatures_expired"], [], ["signatures_hold_again"]]


@pytest.mark.parametrize(
    ("number", "to", "found"),
    [(5, 10, 5), (5, 2**32 - 5, 2**32 + 5), (2**32 - 5, 2**32 + 5, 2**32 - 5), (END, 1_700_000_000, END)],
)
def test_a_time_modulo_2_32_is_the_nearest_one(number: int, to: int, found: int) -> None:
    """RFC 4034 section 3.1.5."""
    assert nearest(number, to) == found
