"""The judge of answers sees every mix of two versions; the ledger every step back."""

import dns.message
import dns.name
import dns.rcode
import dns.rrset
import pytest
from ledger import Ledger
from versioned_zone import MixedError, Version, WrongError, judge

ZONE = dns.name.from_text("chaos.example.")
SOA = "chaos.example. 60 IN SOA n1.chaos.example. h.chaos.example. 77 20 3 3600 60"


def answer(
    owner: str, qtype: str, *records: str, additional: tuple[str, ...] = (), soa: bool = False
) -> dns.message.Message:
    """An answer of these records, owners relative to the zone."""
    message = dns.message.make_response(dns.message.make_query(f"{owner}.chaos.example.", qtype, use_edns=False))
    message.answer = [rrset(record) for record in records]
    message.additional = [rrset(record) for record in additional]
    if soa:
        message.authority = [rrset(SOA)]
    if owner == "gone":
        message.set_rcode(dns.rcode.NXDOMAIN)
    return message


def rrset(record: str) -> dns.rrset.RRset:
    owner, ttl, _, rtype, rdata = record.split(" ", 4)
    return dns.rrset.from_text(dns.name.from_text(owner, ZONE), int(ttl), "IN", rtype, rdata)


ALIAS = "alias 60 IN CNAME v7.chaos.example."
MAIL = "mail 60 IN MX 300 host.chaos.example."
WAY = "way 60 IN CNAME pool258.chaos.example."
GONE = "gone 60 IN CNAME none7.chaos.example."


@pytest.mark.parametrize(
    ("message", "version"),
    [
        (answer("alias", "TXT", ALIAS, 'v7 60 IN TXT "7"'), Version(7)),
        (answer("mail", "MX", MAIL, additional=("host 60 IN A 10.0.1.44",)), Version(300)),
        (answer("way", "A", WAY, "pool258 5 IN A 10.1.1.2"), Version(258)),
        (answer("gone", "A", GONE, soa=True), Version(7, 77)),
    ],
)
def test_an_answer_of_one_version_tells_it(message, version) -> None:
    assert judge(message) == version


@pytest.mark.parametrize(
    "message",
    [
        answer("alias", "TXT", ALIAS, 'v7 60 IN TXT "8"'),
        answer("alias", "TXT", ALIAS),
        answer("alias", "TXT"),
        answer("mail", "MX", MAIL, additional=("host 60 IN A 10.0.1.45",)),
        answer("mail", "MX", MAIL),
        answer("way", "A", WAY, "pool258 5 IN A 10.1.1.3"),
        answer("way", "A", WAY, "pool258 5 IN A 10.0.1.2", "pool258 5 IN A 10.1.1.2"),
    ],
)
def test_two_versions_or_a_missing_half_are_a_mix(message) -> None:
    with pytest.raises(MixedError):
        judge(message)


def test_an_error_code_is_no_answer_of_the_zone() -> None:
    message = answer("alias", "TXT")
    message.set_rcode(dns.rcode.SERVFAIL)
    with pytest.raises(WrongError, match="SERVFAIL"):
        judge(message)


def test_a_serial_belongs_to_one_version_whichever_node_tells_it() -> None:
    ledger = Ledger()
    ledger.take("n1", "UDP", 0, answer("gone", "A", GONE, soa=True))
    ledger.take("n2", "UDP", 0, answer("gone", "A", GONE, soa=True))
    assert ledger.counts["mixed"] == 0
    ledger.take("n2", "UDP", 0, answer("gone", "A", GONE.replace("none7", "none8"), soa=True))
    assert ledger.counts["mixed"] == 1


def test_an_older_version_than_was_seen_before_the_question_is_a_step_back() -> None:
    ledger = Ledger()
    older = answer("alias", "TXT", ALIAS, 'v7 60 IN TXT "7"')
    newer = answer("alias", "TXT", ALIAS.replace("v7", "v8"), 'v8 60 IN TXT "8"')
    before = ledger.newest("n1")
    ledger.take("n1", "UDP", before, newer)
    ledger.take("n1", "TCP", before, older)  # asked before the newer one was seen
    ledger.take("n2", "UDP", ledger.newest("n2"), older)
    assert not ledger.back
    ledger.take("n1", "TCP", ledger.newest("n1"), older)
    assert ledger.back == {"n1": 1}
    assert ledger.served("n1") == {7, 8}
