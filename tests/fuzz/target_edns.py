"""The options of an OPT record, and cookies."""

from collections.abc import Iterator
from random import Random

from fuzz_zones import NOW
from fuzzing import Target
from mutating import any_octets

from gslb.wire.cookies import COOKIE_OCTETS, ServerCookies, is_well_formed
from gslb.wire.edns import MAX_OPTIONS, Option, parse_options, render_option

OURS, OTHERS, BEFORE = ServerCookies(bytes(16), b"p" * 16), ServerCookies(b"o" * 16), ServerCookies(b"p" * 16)
CLIENT = "192.0.2.33"
MADE = OURS.answer(b"abcdefgh", CLIENT, NOW)[0][4:]
KNOWN = {MADE, BEFORE.answer(b"abcdefgh", CLIENT, NOW)[0][4:]}


def check(data: bytes) -> None:
    try:
        options = parse_options(data)
    except ValueError:
        return
    rendered = b"".join(render_option(code, value) for code, value in options)
    assert rendered == data if len(options) < MAX_OPTIONS else data.startswith(rendered)
    for code, value in options:
        if code == Option.COOKIE and is_well_formed(value):
            _check_cookie(value)


def _check_cookie(value: bytes) -> None:
    option, good = OURS.answer(value, CLIENT, NOW)
    ((code, ours),) = parse_options(option)
    assert (code, len(ours), ours[:8]) == (Option.COOKIE, COOKIE_OCTETS, value[:8])
    assert OURS.answer(ours, CLIENT, NOW)[1], "a cookie of ours is not good"
    assert not OTHERS.answer(ours, CLIENT, NOW)[1], "a cookie of ours is good for another secret"
    if good:  # nobody can make one without the secret: it is one of those that are in the seeds
        assert value in KNOWN or value == ours


def seeds() -> Iterator[bytes]:
    yield b""
    for value in (b"abcdefgh", *KNOWN, OTHERS.answer(b"abcdefgh", CLIENT, NOW)[0][4:], bytes(16), bytes(40), bytes(41)):
        yield render_option(Option.COOKIE, value)
    yield b"".join(render_option(code, bytes(code % 5)) for code in range(30))


def mutate(data: bytes, rng: Random) -> bytes:
    if rng.random() < 0.5:
        value = bytearray(rng.choice((b"abcdefgh", *sorted(KNOWN))))
        value[rng.randrange(len(value))] ^= 1 << rng.randrange(8)
        return render_option(Option.COOKIE, bytes(value)) + data[: rng.randrange(len(data) + 1)]
    return any_octets(data, rng)


TARGET = Target(
    "any octets are options that render to the same octets, or a ValueError; no cookie is good but those we made",
    seeds,
    check,
    mutate,
    most_octets=1024,
)
