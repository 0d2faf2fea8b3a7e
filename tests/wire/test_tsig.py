"""TSIG: dnspython, an implementation of its own, signs what we verify and verifies what we sign, in both roles."""

import base64
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from types import SimpleNamespace

import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.renderer
import dns.rrset
import dns.tsig
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gslb.wire.codes import AA, QR, Rcode, RRType
from gslb.wire.message import NO_RECORDS, render_header
from gslb.wire.names import Name, name_from_text
from gslb.wire.pack import pack_message
from gslb.wire.records import Question, Record, parse_message
from gslb.wire.tsig import (
    FUDGE_SECONDS,
    MAX_UNSIGNED,
    ResponseSigner,
    ResponseVerifier,
    SignedRequest,
    TsigError,
    TsigFault,
    TsigKey,
    sign_request,
    tsig_octets,
    verify_request,
)

EXAMPLE = name_from_text("example.")
QUESTION = Question(EXAMPLE, RRType.SOA)
OLD = TsigKey(name_from_text("old.key."), "hmac-sha256", b"the secret of the old key")
NEW = TsigKey(name_from_text("new.key."), "hmac-sha512", b"the secret of the new key")
MIDDLE = TsigKey(name_from_text("middle.key."), "hmac-sha384", b"the secret of the middle key")
EVERY_KEY = pytest.mark.parametrize("key", [OLD, NEW, MIDDLE], ids=lambda key: key.algorithm)
KEYS = {key.name: key for key in (OLD, NEW)}
ALL_KEYS = {key.name: key for key in (OLD, NEW, MIDDLE)}
NOW = 1_800_000_000.0


@pytest.fixture(autouse=True)
def dnspython_at_now(monkeypatch: pytest.MonkeyPatch) -> None:
    """dnspython reads the clock by itself; here it stands, however long the tests before took."""
    for module in (dns.message, dns.renderer):
        monkeypatch.setattr(module, "time", SimpleNamespace(time=lambda: NOW))


QUERY = pack_message(b"\xab\xcd", 0, QUESTION.wire)
REPLY = pack_message(b"\xab\xcd", QR | AA, QUESTION.wire, answer=[Record(EXAMPLE, RRType.A, 60, b"\xc0\x00\x02\x01")])
NEXT = pack_message(b"\xab\xcd", QR | AA, b"", answer=[Record(EXAMPLE, RRType.A, 60, b"\xc0\x00\x02\x02")])


def theirs(key: TsigKey) -> dns.tsig.Key:
    return dns.tsig.Key(dns.name.from_wire(key.name, 0)[0], key.secret, key.algorithm)


def asked_by_dnspython(key: TsigKey, *, edns: bool = False) -> tuple[dns.message.Message, bytes]:
    query = dns.message.make_query("example.", "SOA", use_edns=edns)
    query.use_tsig(theirs(key))
    return query, query.to_wire()


def refusal(data: bytes, now: float = NOW, keys: dict[Name, TsigKey] = KEYS) -> TsigError:
    with pytest.raises(TsigError) as caught:
        verify_request(data, keys, now)
    return caught.value


def read_unverified(data: bytes) -> dns.message.Message:
    return dns.message.from_wire(data, keyring=False)


def mac_by_dnspython(data: bytes, key: TsigKey, request_mac: bytes) -> bytes:
    """The MAC that dnspython gives a message with the other fields of its TSIG."""
    rdata = read_unverified(data).tsig[0]
    start = parse_message(data).tsig_start
    bare = data[:10] + (int.from_bytes(data[10:12], "big") - 1).to_bytes(2, "big") + data[12:start]
    return dns.tsig.sign(bare, theirs(key), rdata, rdata.time_signed, request_mac)[0].mac


def signed_by(key: TsigKey, now: float = NOW) -> bytes:
    return sign_request(QUERY, key, now)[0]


def without_tsig(data: bytes) -> bytes:
    return data[:10] + bytes(2) + data[12 : parse_message(data).tsig_start]


def with_signature(data: bytes, **fields: object) -> bytes:
    """The signed message with fields of its TSIG record replaced, the MAC as it was if it is not one of them."""
    message = read_unverified(data)
    rdata = message.tsig[0].replace(**fields)
    record = dns.rrset.from_rdata(message.tsig.name, 0, rdata)
    body = without_tsig(data)
    start = parse_message(data).tsig_start
    assert start is not None
    rendered = bytes(rdata.to_wire())
    fixed = b"\x00\xfa\x00\xff\x00\x00\x00\x00" + len(rendered).to_bytes(2, "big")
    return body[:10] + b"\x00\x01" + body[12:] + record.name.to_wire() + fixed + rendered


# We as the server


@EVERY_KEY
def test_a_request_signed_by_dnspython_is_verified(key: TsigKey) -> None:
    query, data = asked_by_dnspython(key)
    assert verify_request(data, ALL_KEYS, NOW) == SignedRequest(key, query.mac, int(query.tsig[0].time_signed), 300)


@EVERY_KEY
def test_dnspython_verifies_our_reply(key: TsigKey) -> None:
    query, data = asked_by_dnspython(key)
    reply = ResponseSigner(verify_request(data, ALL_KEYS, NOW)).sign(query.id.to_bytes(2, "big") + REPLY[2:], NOW)
    message = dns.message.from_wire(reply, keyring=theirs(key), request_mac=query.mac)
    assert message.had_tsig
    assert message.answer[0][0].address == "192.0.2.1"


@EVERY_KEY
def test_dnspython_verifies_our_stream_of_messages(key: TsigKey) -> None:
    query, data = asked_by_dnspython(key)
    signer = ResponseSigner(verify_request(data, ALL_KEYS, NOW))
    context = None
    for body in (REPLY, NEXT, NEXT, NEXT):
        message = dns.message.from_wire(
            signer.sign(body, NOW),
            keyring=theirs(key),
            request_mac=query.mac,
            xfr=True,
            tsig_ctx=context,
            multi=True,
        )
        context = message.tsig_ctx
        assert message.had_tsig


def test_two_keys_are_live_at_once() -> None:
    assert [verify_request(signed_by(key), KEYS, NOW).key for key in (OLD, NEW)] == [OLD, NEW]


def test_the_name_of_a_key_is_matched_without_case() -> None:
    query = dns.message.make_query("example.", "SOA")
    query.use_tsig(dns.tsig.Key("OLD.Key.", OLD.secret, "HMAC-SHA256"))
    assert verify_request(query.to_wire(), KEYS, NOW).key == OLD


def test_a_forwarder_may_have_changed_the_message_id() -> None:
    assert verify_request(b"\x12\x34" + signed_by(OLD)[2:], KEYS, NOW).key == OLD


@EVERY_KEY
def test_a_signature_takes_the_octets_that_were_foretold(key: TsigKey) -> None:
    assert len(signed_by(key)) - len(QUERY) == tsig_octets(key)


def test_a_secret_is_in_no_repr() -> None:
    request = verify_request(signed_by(OLD), KEYS, NOW)
    assert "secret" not in repr(OLD) + repr(request)


# What we refuse, and the reply to it


def test_an_unknown_key_is_badkey_by_name() -> None:
    data = signed_by(MIDDLE)
    error = refusal(data)
    assert (error.tsig_error, error.reason) == (TsigFault.BADKEY, "we have no key middle.key.")
    with pytest.raises(dns.tsig.PeerBadKey):
        dns.message.from_wire(error.reply(data, NOW), keyring=theirs(MIDDLE), request_mac=b"")


def test_a_known_key_of_another_algorithm_is_badkey() -> None:
    data = signed_by(TsigKey(OLD.name, "hmac-sha384", OLD.secret))
    error = refusal(data)
    assert error.tsig_error == TsigFault.BADKEY
    assert error.reason == "signed with key old.key. of hmac-sha384, but here that key is of hmac-sha256"


@pytest.mark.parametrize("algorithm", ["hmac-md5.sig-alg.reg.int", "hmac-sha1", "hmac-sha224", "hmac-sha256-128"])
def test_weaker_algorithms_are_badkey(algorithm: str) -> None:
    query = dns.message.make_query("example.", "SOA")
    query.use_tsig(dns.tsig.Key("old.key.", OLD.secret, algorithm))
    assert refusal(query.to_wire()).tsig_error == TsigFault.BADKEY


def test_another_secret_is_badsig() -> None:
    data = signed_by(TsigKey(OLD.name, "hmac-sha256", b"another secret"))
    error = refusal(data)
    assert error.tsig_error == TsigFault.BADSIG
    with pytest.raises(dns.tsig.PeerBadSignature):
        dns.message.from_wire(error.reply(data, NOW), keyring=theirs(OLD), request_mac=b"")


@pytest.mark.parametrize("at", range(2, len(signed_by(OLD))))  # the id is the TSIG's own: a forwarder may change it
def test_a_request_with_any_octet_changed_is_refused(at: int) -> None:
    data = bytearray(signed_by(OLD))
    data[at] ^= 1
    assert refusal(bytes(data)).tsig_error in {TsigFault.BADKEY, TsigFault.BADSIG, None}


@pytest.mark.parametrize(
    ("key_error", "data"), [("BADKEY", signed_by(MIDDLE)), ("BADSIG", with_signature(signed_by(OLD), mac=bytes(32)))]
)
def test_the_reply_to_a_wrong_key_or_signature_is_not_signed(key_error: str, data: bytes) -> None:
    reply = read_unverified(refusal(data).reply(data, NOW))
    assert (reply.rcode(), reply.tsig_error) == (dns.rcode.NOTAUTH, dns.rcode.from_text(key_error))
    assert (reply.tsig[0].mac, reply.tsig[0].other) == (b"", b"")
    assert reply.tsig.name == read_unverified(data).tsig.name


def test_badtime_tells_the_seconds_and_who_is_behind() -> None:
    assert "the peer's clock is 612 s behind ours, and 300 s are allowed" in refusal(signed_by(OLD), NOW + 612).reason
    assert "the peer's clock is 612 s ahead of ours" in refusal(signed_by(OLD), NOW - 612).reason


def test_a_clock_may_differ_by_the_fudge_and_no_second_more() -> None:
    assert verify_request(signed_by(OLD), KEYS, int(NOW) + FUDGE_SECONDS)
    assert verify_request(signed_by(OLD), KEYS, int(NOW) - FUDGE_SECONDS)
    assert refusal(signed_by(OLD), int(NOW) + FUDGE_SECONDS + 1).tsig_error == TsigFault.BADTIME


def test_the_fudge_is_the_clients_and_stands_in_the_reply_to_badtime() -> None:
    query = dns.message.make_query("example.", "SOA")
    query.use_tsig(theirs(OLD), fudge=10)
    data = query.to_wire()
    signed_at = query.tsig[0].time_signed
    assert verify_request(data, KEYS, signed_at + 10).fudge_seconds == 10
    reply = refusal(data, signed_at + 11).reply(data, signed_at + 11)
    assert read_unverified(reply).tsig[0].fudge == 10


def test_the_reply_to_badtime_is_signed_at_the_clients_time_and_tells_ours() -> None:
    data, mac = sign_request(QUERY, OLD, NOW)
    late = NOW + 612
    reply = refusal(data, late).reply(data, late)
    signature = read_unverified(reply).tsig[0]
    assert (signature.error, signature.time_signed, signature.fudge) == (dns.rcode.BADTIME, int(NOW), FUDGE_SECONDS)
    assert signature.other == int(late).to_bytes(6, "big")
    assert signature.mac == mac_by_dnspython(reply, OLD, mac)
    with pytest.raises(dns.tsig.PeerBadTime):
        dns.message.from_wire(reply, keyring=theirs(OLD), request_mac=mac)


def truncated(octets: int, key: TsigKey = OLD) -> bytes:
    data, mac = sign_request(QUERY, key, NOW)
    return with_signature(data, mac=mac[:octets])


@pytest.mark.parametrize(("key", "octets"), [(OLD, 16), (OLD, 31), (NEW, 32)])
def test_a_truncated_mac_that_is_right_is_badtrunc_in_a_signed_reply(key: TsigKey, octets: int) -> None:
    data = truncated(octets, key)
    error = refusal(data)
    assert error.tsig_error == TsigFault.BADTRUNC
    reply = error.reply(data, NOW)
    signature = read_unverified(reply).tsig[0]
    assert signature.error == dns.rcode.BADTRUNC
    assert signature.mac == mac_by_dnspython(reply, key, read_unverified(data).tsig[0].mac)
    with pytest.raises(dns.tsig.PeerBadTruncation):
        dns.message.from_wire(reply, keyring=theirs(key), request_mac=b"")


def test_a_truncated_mac_that_is_wrong_is_badsig() -> None:
    assert refusal(with_signature(signed_by(OLD), mac=bytes(16))).tsig_error == TsigFault.BADSIG


MALFORMED = {
    "a MAC of half the hash less one octet": truncated(15),
    "no MAC": truncated(0),
    "a MAC longer than the hash": with_signature(signed_by(OLD), mac=bytes(33)),
    "no TSIG record": QUERY,
    "an octet after the TSIG record": signed_by(OLD) + b"\x00",
    "a TSIG record that is cut short": signed_by(OLD)[:-1],
    "a TSIG record of class IN": signed_by(OLD).replace(b"\x00\xfa\x00\xff", b"\x00\xfa\x00\x01"),
    "a TSIG record with a TTL": signed_by(OLD).replace(b"\xfa\x00\xff\x00", b"\xfa\x00\xff\x01"),
    "two TSIG records": sign_request(signed_by(OLD), OLD, NOW)[0],
    "a TSIG record as the answer": QUERY[:6] + b"\x00\x01" + bytes(4) + signed_by(OLD)[12:],
}


@pytest.mark.parametrize("data", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_signature_gets_formerr_without_a_signature(data: bytes) -> None:
    error = refusal(data)
    assert error.tsig_error is None
    reply = dns.message.from_wire(error.reply(data, NOW))
    assert (reply.rcode(), reply.had_tsig, reply.id) == (dns.rcode.FORMERR, False, 0xABCD)


def test_a_refusal_repeats_the_question_and_the_opcode_and_has_an_opt_where_the_request_has_one() -> None:
    notify = dns.message.make_query("example.", "SOA", use_edns=True)
    notify.set_opcode(dns.opcode.NOTIFY)
    notify.use_tsig(theirs(MIDDLE))
    data = notify.to_wire()
    reply = read_unverified(refusal(data).reply(data, NOW))
    assert (reply.id, reply.opcode(), reply.question) == (notify.id, dns.opcode.NOTIFY, notify.question)
    assert reply.flags & dns.flags.QR
    assert reply.edns == 0
    plain = signed_by(MIDDLE)
    assert read_unverified(refusal(plain).reply(plain, NOW)).edns == -1


def verified_or_refused(data: bytes) -> SignedRequest | bytes:
    try:
        return verify_request(data, KEYS, NOW)
    except TsigError as error:
        return error.reply(data, NOW)


@given(st.binary(min_size=12, max_size=200))
def test_any_octets_are_refused_with_a_reply(data: bytes) -> None:
    reply = verified_or_refused(data)
    assert (reply[:2], reply[2] >> 7, reply[3] & 0xF in {Rcode.FORMERR, Rcode.NOTAUTH}) == (data[:2], 1, True)


@given(st.data())
def test_any_change_to_a_signed_request_is_refused_or_changes_nothing_that_is_signed(data: st.DataObject) -> None:
    whole = signed_by(OLD)
    at = data.draw(st.integers(0, len(whole) - 1))
    changed = whole[:at] + data.draw(st.binary(max_size=4)) + whole[at + data.draw(st.integers(0, 4)) :]
    if isinstance(verified_or_refused(changed.ljust(12, b"\x00")), SignedRequest):
        assert changed[2:].lower() == whole[2:].lower()


# We as the client


def answered_by_dnspython(data: bytes, key: TsigKey, **options: object) -> bytes:
    query = dns.message.from_wire(data, keyring=theirs(key))
    return dns.message.make_response(query, **options).to_wire()


@EVERY_KEY
def test_dnspython_verifies_our_request_and_we_its_reply(key: TsigKey) -> None:
    data, mac = sign_request(QUERY, key, NOW)
    verifier = ResponseVerifier(key, mac)
    verifier.verify(answered_by_dnspython(data, key), NOW)
    verifier.finish()


def streamed_by_dnspython(data: bytes, key: TsigKey, count: int, unsigned: frozenset[int] = frozenset()) -> list[bytes]:
    """The messages of a stream that answers `data`, those numbered in `unsigned` without a signature."""
    query = dns.message.from_wire(data, keyring=theirs(key))
    context, messages = None, []
    for number in range(count):
        response = dns.message.make_response(query)
        if number in unsigned:
            response.tsig, response.want_tsig_sign = None, False
            messages.append(response.to_wire())
            context.update(messages[-1])
        else:
            messages.append(response.to_wire(multi=True, tsig_ctx=context))
            context = response.tsig_ctx
    return messages


def verified(key: TsigKey, mac: bytes, messages: list[bytes], now: float = NOW) -> None:
    verifier = ResponseVerifier(key, mac)
    for message in messages:
        verifier.verify(message, now)
    verifier.finish()


@EVERY_KEY
def test_a_stream_signed_by_dnspython_is_verified(key: TsigKey) -> None:
    data, mac = sign_request(QUERY, key, NOW)
    verified(key, mac, streamed_by_dnspython(data, key, 5))


def test_up_to_99_messages_of_a_stream_may_come_without_a_signature() -> None:
    data, mac = sign_request(QUERY, OLD, NOW)
    between = frozenset(range(1, MAX_UNSIGNED + 1))
    verified(OLD, mac, streamed_by_dnspython(data, OLD, MAX_UNSIGNED + 3, between))
    too_many = streamed_by_dnspython(data, OLD, MAX_UNSIGNED + 3, between | {MAX_UNSIGNED + 1})
    with pytest.raises(TsigError, match="more than 99 messages without a signature"):
        verified(OLD, mac, too_many)


def test_the_last_message_of_a_stream_must_be_signed() -> None:
    data, mac = sign_request(QUERY, OLD, NOW)
    with pytest.raises(TsigError, match="ends without a signature"):
        verified(OLD, mac, streamed_by_dnspython(data, OLD, 3, frozenset({2})))
    with pytest.raises(TsigError, match="ends without a signature"):
        verified(OLD, mac, [])


@pytest.mark.parametrize("unsigned", [frozenset(), frozenset({1, 2})], ids=["all signed", "two unsigned"])
@pytest.mark.parametrize("change", ["drop", "swap", "alter", "repeat"])
def test_a_stream_that_was_tampered_with_is_refused(change: str, unsigned: frozenset[int]) -> None:
    data, mac = sign_request(QUERY, OLD, NOW)
    messages = streamed_by_dnspython(data, OLD, 5, unsigned)
    messages[2] = b"\xab\xcd" + messages[2][2:]
    verified(OLD, mac, messages)
    tampered = {
        "drop": messages[:2] + messages[3:],
        "swap": [messages[0], messages[3], messages[2], messages[1], messages[4]],
        "alter": [*messages[:2], messages[2][:3] + b"\x05" + messages[2][4:], *messages[3:]],
        "repeat": [*messages[:3], messages[2], *messages[3:]],
    }[change]
    with pytest.raises(TsigError):
        verified(OLD, mac, tampered)


def test_an_unsigned_reply_is_refused_and_its_rcode_told() -> None:
    refused = render_header(b"\xab\xcd", 0, 0, Rcode.REFUSED, NO_RECORDS) + QUESTION.wire
    with pytest.raises(TsigError, match=r"not signed .*REFUSED") as caught:
        ResponseVerifier(OLD, b"mac").verify(refused, NOW)
    assert caught.value.tsig_error is None


def test_a_reply_to_another_request_is_refused() -> None:
    data, _ = sign_request(QUERY, OLD, NOW)
    _, other_mac = sign_request(QUERY, OLD, NOW + 1)
    with pytest.raises(TsigError, match="the signature of the reply is wrong"):
        ResponseVerifier(OLD, other_mac).verify(answered_by_dnspython(data, OLD), NOW)


def test_a_reply_with_a_truncated_mac_is_refused() -> None:
    data, mac = sign_request(QUERY, OLD, NOW)
    reply = answered_by_dnspython(data, OLD)
    short = with_signature(reply, mac=read_unverified(reply).tsig[0].mac[:16])
    with pytest.raises(TsigError):
        ResponseVerifier(OLD, mac).verify(short, NOW)


def test_a_reply_signed_with_another_key_is_refused_by_name() -> None:
    _, mac = sign_request(QUERY, OLD, NOW)
    reply = ResponseSigner(SignedRequest(NEW, mac, int(NOW), 300)).sign(REPLY, NOW)
    with pytest.raises(TsigError, match=r"signed with key new\.key\. of hmac-sha512, not with old\.key\."):
        ResponseVerifier(OLD, mac).verify(reply, NOW)


def test_a_reply_of_another_time_is_refused_with_the_seconds() -> None:
    data, mac = sign_request(QUERY, OLD, NOW)
    reply = answered_by_dnspython(data, OLD)
    signed_at = read_unverified(reply).tsig[0].time_signed
    with pytest.raises(TsigError, match="the peer's clock is 400 s behind ours") as caught:
        ResponseVerifier(OLD, mac).verify(reply, signed_at + 400)
    assert caught.value.tsig_error == TsigFault.BADTIME


def told(data: bytes, mac: bytes, keys: dict[Name, TsigKey], now: float = NOW) -> TsigError:
    """What our client says of the reply of our server that refuses `data`, the server's clock being `now`."""
    with pytest.raises(TsigError) as caught:
        ResponseVerifier(OLD, mac).verify(refusal(data, now, keys).reply(data, now), NOW)
    return caught.value


def test_a_peer_that_refuses_tells_why() -> None:
    data, mac = sign_request(QUERY, OLD, NOW)
    without = told(data, mac, {})
    assert (without.tsig_error, without.reason) == (TsigFault.BADKEY, "the peer has no key old.key. of hmac-sha256")
    wrong = told(data, mac, {OLD.name: TsigKey(OLD.name, "hmac-sha256", b"another secret")})
    assert (wrong.tsig_error, "are the secrets" in wrong.reason) == (TsigFault.BADSIG, True)
    late = told(data, mac, KEYS, NOW + 612)
    assert late.tsig_error == TsigFault.BADTIME
    assert late.reason.startswith("refused by the peer: the peer's clock is 612 s ahead of ours")


def test_a_peer_that_wants_longer_macs_is_told_of() -> None:
    data = truncated(16)
    short = read_unverified(data).tsig[0].mac
    assert told(data, short, KEYS).reason == "the peer answers with the TSIG error BADTRUNC"


def test_a_signed_error_that_we_do_not_know_is_told_by_its_number() -> None:
    data, mac = sign_request(QUERY, OLD, NOW)
    reply = with_signature(answered_by_dnspython(data, OLD), error=19)
    signed = with_signature(reply, mac=mac_by_dnspython(reply, OLD, mac))
    with pytest.raises(TsigError, match="the TSIG error 19"):
        ResponseVerifier(OLD, mac).verify(signed, NOW)


def test_a_badtime_that_is_not_signed_is_not_believed() -> None:
    data, mac = sign_request(QUERY, OLD, NOW)
    reply = refusal(data, NOW + 612).reply(data, NOW + 612)
    with pytest.raises(TsigError, match="the signature of the reply is wrong"):
        ResponseVerifier(OLD, mac).verify(with_signature(reply, mac=bytes(32)), NOW)


# dig


@pytest.fixture
def responder() -> Iterator[int]:
    """A UDP server on loopback whose replies are ours; its port. It ends when it is sent an empty packet."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        thread = threading.Thread(target=serve, args=(server,))
        thread.start()
        yield server.getsockname()[1]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stopping:
            stopping.sendto(b"", server.getsockname())
        thread.join(10)


def serve(server: socket.socket) -> None:
    while True:
        data, client = server.recvfrom(65535)
        if not data:
            return
        question = data[12 : 12 + len(QUESTION.wire)]
        body = pack_message(data[:2], QR | AA, question, answer=parse_message(REPLY).answer)
        try:
            reply = ResponseSigner(verify_request(data, KEYS, time.time())).sign(body, time.time())
        except TsigError as error:
            reply = error.reply(data, time.time())
        server.sendto(reply, client)


@pytest.mark.parametrize(
    ("key", "expected", "unexpected"),
    [
        (OLD, "status: NOERROR", "verify failure"),
        (NEW, "status: NOERROR", "verify failure"),
        (MIDDLE, "BADKEY", "status: NOERROR"),
        (TsigKey(OLD.name, "hmac-sha256", b"another secret"), "BADSIG", "status: NOERROR"),
    ],
    ids=["one key", "the other", "an unknown one", "another secret"],
)
def test_dig_takes_our_signatures_and_understands_our_refusals(
    tool, responder: int, key: TsigKey, expected: str, unexpected: str
) -> None:
    text = f"{key.algorithm}:{theirs(key).name}:{base64.b64encode(key.secret).decode()}"
    command = [tool("dig"), "-y", text, "@127.0.0.1", "-p", str(responder), "+tries=1", "+time=5", "example.", "SOA"]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert expected in shown.stdout + shown.stderr
    assert unexpected not in shown.stdout + shown.stderr
