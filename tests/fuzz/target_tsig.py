"""TSIG: requests and streams of replies, verified."""

from collections.abc import Iterator
from random import Random
from types import SimpleNamespace
from unittest.mock import patch

import dns.exception
import dns.message
import dns.name
import dns.tsig
from fuzz_zones import KEY, NOW, plain_query
from fuzzing import Target
from mutating import after, each_frame, join_frames, mutate_message, split_frames

from gslb.wire.codes import QR, RRType
from gslb.wire.names import name_from_text
from gslb.wire.records import MessageError, parse_message
from gslb.wire.tsig import ResponseSigner, ResponseVerifier, TsigError, sign_request, verify_request

RING = {dns.name.from_text("fuzz.key."): dns.tsig.Key("fuzz.key.", KEY.secret, "hmac-sha256.")}
QUERY = plain_query(name_from_text("example."), RRType.AXFR)
SIGNED, MAC = sign_request(QUERY, KEY, NOW)


def check(data: bytes) -> None:
    """The first octet says whether a request follows, or the framed messages of a reply."""
    if data[:1] and data[0] & 1:
        _check_stream(split_frames(data[1:]))
    elif len(data) > 12:
        _check_request(data[1:])


def _check_request(data: bytes) -> None:
    try:
        parse_message(data)
    except MessageError:
        return  # the exchange has refused it before
    try:
        request = verify_request(data, {KEY.name: KEY}, NOW)
    except TsigError as error:
        assert error.reason
        reply = parse_message(error.reply(data, NOW))
        assert reply.message_id == data[:2]
        assert reply.flags & QR
        return
    assert request.key is KEY
    assert abs(request.time_signed - NOW) <= request.fudge_seconds
    assert _dnspython_takes(data), "we take a signature that dnspython does not"


def _dnspython_takes(data: bytes) -> bool:
    """False when it finds the signature wrong. What it says of the rest of the message is of no interest here."""
    try:
        with patch("dns.message.time", SimpleNamespace(time=lambda: NOW)):
            dns.message.from_wire(data, keyring=RING)
    except (dns.tsig.BadSignature, dns.tsig.BadTime, dns.tsig.BadKey, dns.message.UnknownTSIGKey):
        return False
    except (dns.exception.DNSException, ValueError):
        return True
    return True


def _check_stream(messages: list[bytes]) -> None:
    verifier = ResponseVerifier(KEY, MAC)
    try:
        for message in messages:
            if len(message) < 12:
                return
            verifier.verify(message, NOW)
        verifier.finish()
    except TsigError as error:
        assert error.reason


def _replies(count: int, unsigned: int) -> list[bytes]:
    signer = ResponseSigner(verify_request(SIGNED, {KEY.name: KEY}, NOW))
    plain = QUERY[:2] + b"\x84\x00" + QUERY[4:]
    return [signer.sign(plain, NOW) if number % (unsigned + 1) == 0 else plain for number in range(count)]


def seeds() -> Iterator[bytes]:
    yield b"\x00" + SIGNED
    yield b"\x00" + sign_request(QUERY, KEY, NOW - 1000)[0]
    yield b"\x00" + QUERY
    for count in (1, 2, 5):
        yield b"\x01" + join_frames(_replies(count, 0))
    yield b"\x01" + join_frames(_replies(7, 2))


def mutate(data: bytes, rng: Random) -> bytes:
    if not data or not data[0] & 1:
        changed = after(1, mutate_message)(data, rng)
        if len(changed) > 13 and rng.random() < 0.3 and changed[11:13] != b"\xff\xff":
            changed = b"\x00" + sign_request(changed[1:], KEY, NOW)[0]
        return changed
    return data[:1] + each_frame(mutate_message)(data[1:], rng)


TARGET = Target(
    "any octets are a request that dnspython takes too, or a TsigError whose reply is a valid message",
    seeds,
    check,
    mutate,
)
