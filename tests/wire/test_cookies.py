"""Server cookies against the vectors of RFC 9018, and when one is good, kept, renewed or replaced."""

import pytest

from gslb.wire.cookies import ServerCookies, is_well_formed

# RFC 9018 appendix A.1.
SECRET = bytes.fromhex("e5e973e5a6b2a43f48e7dc849e37bfcf")
CLIENT_COOKIE = bytes.fromhex("2464c4abcf10c957")
MADE = bytes.fromhex("2464c4abcf10c957010000005cf79f111f8130c3eee29480")
MADE_AT = 1559731985
HOST = "198.51.100.100"
# Appendix A.4, after the secret was changed.
SECRET6 = bytes.fromhex("445536bcd2513298075a5d379663c962")
MADE6 = bytes.fromhex("22681ab97d52c298010000005cf7c609a6bb79d16625507a")
MADE6_AT = 0x5CF7C609
HOST6 = "2001:db8:220:1:59de:d0f4:8769:82b8"
OTHER = bytes(range(16))
HEADER = b"\x00\x0a\x00\x18"


def shown(value: bytes, now: float, client: str = HOST, cookies: ServerCookies | None = None) -> tuple[bytes, bool]:
    option, good = (cookies or ServerCookies(SECRET)).answer(value, client, now)
    assert option[:4] == HEADER
    return option[4:], good


@pytest.mark.parametrize(
    ("secret", "client", "value", "made_at"), [(SECRET, HOST, MADE, MADE_AT), (SECRET6, HOST6, MADE6, MADE6_AT)]
)
def test_a_cookie_of_the_rfc_is_known_and_stays(secret: bytes, client: str, value: bytes, made_at: int) -> None:
    assert shown(value, made_at, client, ServerCookies(secret)) == (value, True)


def test_a_client_that_has_none_is_given_one_that_is_good_from_then_on() -> None:
    made, good = shown(CLIENT_COOKIE, MADE_AT)
    assert not good
    assert made[:12] == CLIENT_COOKIE + b"\x01\x00\x00\x00"
    assert 0 <= MADE_AT - int.from_bytes(made[12:16], "big") < 60
    assert shown(made, MADE_AT) == (made, True)


@pytest.mark.parametrize(
    ("age", "good", "stays"),
    [
        (0, True, True),
        (1700, True, True),
        (1900, True, False),  # good, and renewed before it ends
        (3500, True, False),
        (3700, False, False),
        (-240, True, True),  # made by a node whose clock is ahead
        (-480, False, False),
        (40_000_000, False, False),
    ],
)
def test_a_cookie_is_good_for_an_hour_and_renewed_after_half_of_it(age: int, good: bool, stays: bool) -> None:
    value, was_good = shown(MADE, MADE_AT + age)
    assert was_good is good
    assert (value == MADE) is stays
    assert shown(value, MADE_AT + age)[1]


def test_timestamps_wrap_as_serial_numbers() -> None:
    early, late = shown(CLIENT_COOKIE, 2**32 - 30)[0], 2**32 + 600
    assert shown(early, late) == (early, True)
    assert shown(shown(CLIENT_COOKIE, late)[0], late)[1]


@pytest.mark.parametrize(
    "value",
    [
        MADE[:-1] + b"\x00",
        b"\x25" + MADE[1:],  # another client cookie
        MADE[:8] + b"\x02" + MADE[9:],  # a version that is not ours
        MADE[:9] + b"\x01" + MADE[10:],  # reserved octets, which are hashed too
        MADE[:16],
        MADE + b"\x00",
        MADE[:8] + bytes(32),
    ],
)
def test_another_cookie_is_not_good_and_is_replaced(value: bytes) -> None:
    made, good = shown(value, MADE_AT)
    assert not good
    assert made[:8] == value[:8]
    assert shown(made, MADE_AT)[1]


def test_a_cookie_is_good_for_its_own_address_alone() -> None:
    assert not shown(MADE, MADE_AT, "198.51.100.101")[1]
    assert not shown(MADE, MADE_AT, "2001:db8::1")[1]


def test_a_cookie_of_the_previous_secret_is_good_and_replaced() -> None:
    rolled = ServerCookies(OTHER, SECRET)
    made, good = shown(MADE, MADE_AT, HOST, rolled)
    assert good
    assert made != MADE
    assert shown(made, MADE_AT, HOST, ServerCookies(OTHER)) == (made, True)
    assert not shown(MADE, MADE_AT, HOST, ServerCookies(OTHER))[1]


def test_what_is_kept_changes_no_answer() -> None:
    kept = ServerCookies(SECRET)
    for now in (MADE_AT, MADE_AT + 1, MADE_AT + 61, MADE_AT + 4000, MADE_AT, MADE_AT - 4000, MADE_AT + 1.5):
        for value in (MADE, CLIENT_COOKIE, MADE[:8] + bytes(16)):
            for client in (HOST, HOST6, "fe80::1%eth0", ""):
                expected = ServerCookies(SECRET).answer(value, client, now)
                assert kept.answer(value, client, now) == kept.answer(value, client, now) == expected


def test_a_flood_of_cookies_fills_no_memory() -> None:
    cookies = ServerCookies(SECRET)
    cookies._kept = dict.fromkeys([(number.to_bytes(8, "big"), "") for number in range(20_000)], (b"", False))
    cookies._from, cookies._until = 0.0, 60.0
    assert shown(CLIENT_COOKIE, 1, HOST, cookies)[0][:8] == CLIENT_COOKIE
    assert len(cookies._kept) == 1


@pytest.mark.parametrize("octets", range(42))
def test_lengths_of_rfc_7873(octets: int) -> None:
    assert is_well_formed(bytes(octets)) is (octets == 8 or 16 <= octets <= 40)


@pytest.mark.parametrize("secret", [b"", bytes(15), bytes(17)])
def test_a_secret_has_sixteen_octets(secret: bytes) -> None:
    for pair in ((secret, None), (SECRET, secret)):
        with pytest.raises(ValueError, match="16 octets"):
            ServerCookies(*pair)


def test_a_secret_is_never_shown() -> None:
    assert SECRET.hex() not in repr(ServerCookies(SECRET))
