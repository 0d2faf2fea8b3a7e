"""Response rate limiting, with times as arguments."""

import ipaddress

import dns.flags
import dns.message
import dns.rrset
import pytest

from gslb.config.rate_limit import RateLimits
from gslb.server import rate
from gslb.server.rate import About, Judgement, RateLimiter, ReplyKind, kind_of, slipped

SEND, SLIP, DROP = Judgement.SEND, Judgement.SLIP, Judgement.DROP
ANSWER, NXDOMAIN = ReplyKind.ANSWER, ReplyKind.NXDOMAIN
LIMITS = RateLimits(5, 5, 5, 5, 5, burst_seconds=2.0, slip=2)
NETWORK = "192.0.2.0/24"


def judge(
    limiter: RateLimiter,
    times: int,
    about: About = b"\x01a\x00",
    kind: ReplyKind = ANSWER,
    network: str = NETWORK,
    now: float = 0.0,
) -> list[Judgement]:
    return [limiter.judge(network, kind, about, now) for _ in range(times)]


def test_a_burst_goes_out_then_every_second_refusal_slips() -> None:
    assert judge(RateLimiter(LIMITS), 16) == [SEND] * 10 + [DROP, SLIP] * 3


def test_tokens_come_back_with_time_up_to_the_burst() -> None:
    limiter = RateLimiter(LIMITS)
    judge(limiter, 10)
    assert judge(limiter, 3, now=0.4) == [SEND, SEND, DROP]
    assert judge(limiter, 11, now=1000.0).count(SEND) == 10


def test_a_clock_that_goes_back_takes_no_tokens() -> None:
    limiter = RateLimiter(LIMITS)
    judge(limiter, 1, now=1000.0)
    assert judge(limiter, 10, now=0.0) == [SEND] * 9 + [DROP]


def test_networks_kinds_and_what_is_asked_about_have_tokens_of_their_own() -> None:
    limiter = RateLimiter(LIMITS)
    judge(limiter, 10)
    assert judge(limiter, 1) == [DROP]
    assert judge(limiter, 1, network="192.0.3.0/24") == [SEND]
    assert judge(limiter, 1, kind=ReplyKind.REFERRAL) == [SEND]
    assert judge(limiter, 1, about=b"\x01b\x00") == [SEND]


def test_the_limit_of_everything_holds_over_all_names_and_kinds() -> None:
    limiter = RateLimiter(RateLimits(everything=5, burst_seconds=1.0, slip=0))
    sent = [limiter.judge(NETWORK, kind, bytes([number]), 0.0) for number in range(10) for kind in (ANSWER, NXDOMAIN)]
    assert sent == [SEND] * 5 + [DROP] * 15
    assert limiter.judge("192.0.3.0/24", ANSWER, b"", 0.0) is SEND


@pytest.mark.parametrize(("slip", "expected"), [(0, [DROP] * 4), (1, [SLIP] * 4), (3, [DROP, DROP, SLIP, DROP])])
def test_slip_says_how_often_a_cut_reply_goes_out(slip: int, expected: list[Judgement]) -> None:
    limiter = RateLimiter(RateLimits(answers=1, burst_seconds=1.0, slip=slip))
    assert judge(limiter, 5) == [SEND, *expected]


def test_a_kind_of_rate_zero_is_never_limited() -> None:
    assert judge(RateLimiter(RateLimits(answers=1, nxdomains=0)), 5000, kind=NXDOMAIN) == [SEND] * 5000


@pytest.mark.parametrize(
    ("client", "network"),
    [
        ("192.0.2.254", "192.0.2.0/24"),
        ("2001:db8:0:1ff::1", "2001:db8:0:100::/56"),
        ("fe80::1%eth0", "fe80::/56"),
        ("198.51.100.7", None),
        ("2001:db8:ffff::1", None),
    ],
)
def test_a_client_belongs_to_its_network_unless_it_is_exempt(client: str, network: str | None) -> None:
    exempt = (ipaddress.ip_network("198.51.100.0/24"), ipaddress.ip_network("2001:db8:ffff::/48"))
    assert RateLimiter(RateLimits(exempt=exempt)).network_of(client) == network


@pytest.mark.parametrize("length", [8, 17, 24, 31, 32])
def test_networks_are_those_of_the_standard_library(length: int) -> None:
    limiter = RateLimiter(RateLimits(ipv4_prefix=length, ipv6_prefix=3 * length))
    for client, prefix in (("203.0.113.213", length), ("2001:db8:cafe:f00d:1234:5678:9abc:def0", 3 * length)):
        assert limiter.network_of(client) == str(ipaddress.ip_network((client, prefix), strict=False))


def test_the_number_of_buckets_is_bounded_and_those_in_use_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate, "MAX_BUCKETS", 100)
    limiter = RateLimiter(LIMITS)
    judge(limiter, 10)
    for number in range(1000):
        judge(limiter, 1, network=f"10.{number >> 8}.{number & 255}.0/24")
        assert judge(limiter, 1) != [SEND]
        assert len(limiter) <= 100


def test_the_number_of_addresses_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate, "_MAX_ADDRESSES", 10)
    limiter = RateLimiter(LIMITS)
    for number in range(100):
        limiter.network_of(f"192.0.2.{number}")
    assert len(limiter._networks) <= 10


def reply(rcode: int = 0, answers: int = 1, flags: int = dns.flags.AA) -> bytes:
    message = dns.message.make_response(dns.message.make_query("www.x.", "A"))
    message.set_rcode(rcode)
    message.flags |= flags
    if answers:
        message.answer.append(dns.rrset.from_text("www.x.", 60, "IN", "A", *(f"192.0.2.{n}" for n in range(answers))))
    return message.to_wire()


@pytest.mark.parametrize(
    ("wire", "rcode", "kind"),
    [
        (reply(), 0, ReplyKind.ANSWER),
        (reply(answers=0, flags=dns.flags.AA | dns.flags.TC), 0, ReplyKind.ANSWER),
        (reply(answers=0), 0, ReplyKind.NODATA),
        (reply(answers=0, flags=0), 0, ReplyKind.REFERRAL),
        (reply(rcode=3, answers=1), 3, ReplyKind.NXDOMAIN),
        (reply(rcode=5, answers=0), 5, ReplyKind.ERROR),
        (reply(answers=0, flags=0), 16, ReplyKind.ERROR),
    ],
)
def test_the_kind_is_told_by_rcode_and_header(wire: bytes, rcode: int, kind: ReplyKind) -> None:
    assert kind_of(wire, rcode) is kind


def test_a_slipped_reply_is_truncated_empty_and_no_longer_than_the_query() -> None:
    wire = slipped(reply(answers=20), b"")
    message = dns.message.from_wire(wire)
    assert message.flags & dns.flags.TC
    assert message.flags & dns.flags.AA
    assert not message.answer
    assert message.question[0].name.to_text() == "www.x."
    assert len(wire) == len(dns.message.make_query("www.x.", "A").to_wire())


def test_a_slipped_reply_has_its_whole_question_where_a_label_holds_a_zero_octet() -> None:
    response = dns.message.make_response(dns.message.make_query("w\\000w.x.", "A"))
    message = dns.message.from_wire(slipped(response.to_wire(), b""))
    assert message.question == response.question


def test_a_slipped_reply_to_a_query_for_a_cookie_alone_has_no_question() -> None:
    header = b"\xab\xcd\x80\x00" + bytes(7) + b"\x01"
    opt = b"\x00\x00\x29\x04\xd0" + bytes(6)
    assert slipped(header + opt, opt) == b"\xab\xcd\x82\x00" + bytes(7) + b"\x01" + opt
