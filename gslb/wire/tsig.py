"""TSIG: messages signed with a secret that both ends share (RFC 8945).

A TSIG record closes a message (`tsig_record` has its form). Its MAC covers the message before it, the key's name and
algorithm, and the time; that of a reply covers the MAC of the request too, and in a stream of replies the MAC of the
message before and, after the first, of the rest only the time (section 5.3.1). The server side is `verify_request` →
`SignedRequest` → `ResponseSigner`, or a `TsigError` that renders the reply the peer must get; the client side is
`sign_request` → `ResponseVerifier`. Time is an argument: seconds since 1970.

The algorithms are HMAC-SHA-256 and the stronger ones of section 6; MD5, SHA-1 and SHA-224 are not taken. We send whole
MACs and want whole ones: a truncated one is BADTRUNC (section 5.2.4). Several keys may be live at once, which is how
keys are rotated: a request is verified with the key it names. Times of earlier requests are not kept (section 5.2.3
would have us): what a key may ask is read-only, and IXFR over UDP may well arrive out of order.
"""

import enum
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import dns.rcode

from gslb.wire.codes import Rcode
from gslb.wire.edns import render_opt
from gslb.wire.message import NO_RECORDS, render_header
from gslb.wire.names import Name, name_to_text
from gslb.wire.query import HEADER_OCTETS
from gslb.wire.tsig_record import Signature, TsigRecordError, outline, read_signature, with_signature

Algorithm = Literal["hmac-sha256", "hmac-sha384", "hmac-sha512"]

FUDGE_SECONDS = 300
"""By how much clocks may differ (section 10 recommends it)."""
MAX_UNSIGNED = 99
"""How many messages of a stream may come between two signed ones (section 5.3.1)."""

# What hashlib calls the hash, and the octets of a MAC.
_HASHES: dict[Algorithm, tuple[str, int]] = {
    "hmac-sha256": ("sha256", 32),
    "hmac-sha384": ("sha384", 48),
    "hmac-sha512": ("sha512", 64),
}
_LEAST_MAC_OCTETS = 10
"""Below this, or below half of the hash, a MAC is malformed, not truncated (section 5.2.2.1)."""
_OCTETS_BESIDE_NAMES_AND_MAC = 26
_DO = 0x8000


class TsigFault(enum.IntEnum):
    """What the error field of a TSIG record says (section 3)."""

    BADSIG = 16
    BADKEY = 17
    BADTIME = 18
    BADTRUNC = 22


@dataclass(frozen=True, slots=True)
class TsigKey:
    """A key: its canonical name, its algorithm as RFC 8945 section 6 names it, and its secret, which no repr shows."""

    name: Name
    algorithm: Algorithm
    secret: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """A request whose signature is right; `mac` is what the reply's signature builds on."""

    key: TsigKey
    mac: bytes
    time_signed: int
    fudge_seconds: int


class TsigError(Exception):
    """A signature we do not accept, or the peer did not. The text is `reason`, which is made when it is asked for:
    anyone can send signatures that we do not accept, with a key's name of 127 labels.

    `tsig_error` is None where no TSIG error fits: a malformed TSIG record, or none where there must be one.
    """

    def __init__(
        self,
        tsig_error: TsigFault | None,
        reason: str | Callable[[], str],
        signature: Signature | None = None,
        key: TsigKey | None = None,
    ) -> None:
        super().__init__()
        self.tsig_error = tsig_error
        self._reason = reason
        self._signature = signature
        self._key = key

    @property
    def reason(self) -> str:
        return self._reason if isinstance(self._reason, str) else self._reason()

    def __str__(self) -> str:
        return self.reason

    def reply(self, data: bytes, now: float) -> bytes:
        """The whole reply to the request `data` that `verify_request` refused (sections 5.2 and 5.3.2).

        FORMERR for a malformed TSIG, else NOTAUTH with a TSIG that tells the error: unsigned for BADKEY and BADSIG,
        signed for BADTIME, which carries our time, and for BADTRUNC.
        """
        signature = self._signature
        if self.tsig_error is None or signature is None:
            return _error_message(data, Rcode.FORMERR)
        message = _error_message(data, Rcode.NOTAUTH)
        told = Signature(
            signature.key_name, signature.algorithm, int(now), FUDGE_SECONDS, b"", message[:2], self.tsig_error
        )
        if self._key is None:
            return with_signature(message, told)
        if self.tsig_error == TsigFault.BADTIME:  # at the client's time, so that it can verify it (section 5.2.3)
            ours = int(now).to_bytes(6, "big")
            told = replace(told, time_signed=signature.time_signed, fudge_seconds=signature.fudge_seconds, other=ours)
        return _signed(message, self._key, told, signature.mac)[0]


def tsig_octets(key: TsigKey) -> int:
    """The octets that signing with `key` adds to a message: what a packer keeps free."""
    return len(key.name) + len(_algorithm_name(key)) + _HASHES[key.algorithm][1] + _OCTETS_BESIDE_NAMES_AND_MAC


def verify_request(data: bytes, keys: Mapping[Name, TsigKey], now: float) -> SignedRequest:
    """Verify a request that closes with a TSIG record; `keys` are the keys by name. Raises `TsigError`.

    The checks are section 5.2's, in its order: key, MAC, time, truncation.
    """
    found = _signature_of(data)
    if found is None:
        raise TsigError(None, "the request is not signed")
    start, signature = found
    key = _key_for(signature, keys)
    _check_mac_size(key, signature)
    ours = _digest(_started(key, b""), data, start, signature, signature.variables)
    if not hmac.compare_digest(signature.mac, ours[: len(signature.mac)]):
        raise TsigError(
            TsigFault.BADSIG,
            lambda: (
                f"the signature with key {name_to_text(key.name)} is wrong: are the secrets on both sides the same?"
            ),
            signature,
        )
    ahead = signature.time_signed - int(now)
    if abs(ahead) > signature.fudge_seconds:
        raise TsigError(TsigFault.BADTIME, _skew_text(ahead, signature.fudge_seconds), signature, key)
    if len(signature.mac) < len(ours):
        text = f"a MAC of {len(signature.mac)} octets; we want the whole {len(ours)} of {key.algorithm}"
        raise TsigError(TsigFault.BADTRUNC, text, signature, key)
    return SignedRequest(key, signature.mac, signature.time_signed, signature.fudge_seconds)


class ResponseSigner:
    """Signs the reply to a request: one message, or the messages of a stream in their order (section 5.3.1)."""

    def __init__(self, request: SignedRequest) -> None:
        self._key = request.key
        self._prior = request.mac
        self._first = True

    def sign(self, message: bytes, now: float) -> bytes:
        """The message with its TSIG record; it must leave `tsig_octets` free."""
        unsigned = _unsigned(self._key, message, now)
        signed, self._prior = _signed(message, self._key, unsigned, self._prior, timers_only=not self._first)
        self._first = False
        return signed


def sign_request(message: bytes, key: TsigKey, now: float) -> tuple[bytes, bytes]:
    """The request with its TSIG record, and the MAC in it, which a `ResponseVerifier` wants."""
    return _signed(message, key, _unsigned(key, message, now), b"")


class ResponseVerifier:
    """Verifies what answers a signed request: each message in order, then `finish`. One that raised is of no more use.

    Until a signed message has come, those before it are not to be trusted: take a stream for good after `finish`.
    """

    def __init__(self, key: TsigKey, request_mac: bytes) -> None:
        self._key = key
        self._context = _started(key, request_mac)
        self._first = True
        self._unsigned = 0

    def verify(self, data: bytes, now: float) -> None:
        """Take the next message. Raises `TsigError`, also for one in which the peer tells a TSIG error."""
        found = _signature_of(data)
        if found is None:
            self._take_unsigned(data)
            return
        start, signature = found
        self._check_names(signature)
        covered = signature.variables if self._first else signature.timers
        if not hmac.compare_digest(signature.mac, _digest(self._context, data, start, signature, covered)):
            raise TsigError(TsigFault.BADSIG, "the signature of the reply is wrong")
        _raise_told_error(signature, now)
        ahead = signature.time_signed - int(now)
        if abs(ahead) > signature.fudge_seconds:
            raise TsigError(TsigFault.BADTIME, _skew_text(ahead, signature.fudge_seconds))
        self._context = _started(self._key, signature.mac)
        self._first = False
        self._unsigned = 0

    def finish(self) -> None:
        """Check that the last message was signed. Raises `TsigError`."""
        if self._first or self._unsigned:
            raise TsigError(None, "the reply ends without a signature")

    def _take_unsigned(self, data: bytes) -> None:
        if self._first:
            rcode = dns.rcode.to_text(dns.rcode.Rcode.make(data[3] & 0xF))
            raise TsigError(None, f"the reply is not signed (its rcode is {rcode}): does the peer know our key?")
        self._unsigned += 1
        if self._unsigned > MAX_UNSIGNED:
            raise TsigError(None, f"more than {MAX_UNSIGNED} messages without a signature")
        self._context.update(data)

    def _check_names(self, signature: Signature) -> None:
        """The reply names our key; and a peer that does not know it, or our secret, says so without a MAC."""
        ours = name_to_text(self._key.name)
        if signature.error == TsigFault.BADKEY:
            raise TsigError(TsigFault.BADKEY, f"the peer has no key {ours} of {self._key.algorithm}")
        if signature.error == TsigFault.BADSIG:
            text = f"the peer says that our signature with key {ours} is wrong: are the secrets on both sides the same?"
            raise TsigError(TsigFault.BADSIG, text)
        if (signature.key_name, signature.algorithm) != (self._key.name, _algorithm_name(self._key)):
            text = f"the reply is signed with {_described(signature)}, not with {ours} of {self._key.algorithm}"
            raise TsigError(TsigFault.BADKEY, text)


def _raise_told_error(signature: Signature, now: float) -> None:
    """Raise what a reply with a right signature says of ours."""
    if signature.error == TsigFault.BADTIME and len(signature.other) == 6:
        skew = int.from_bytes(signature.other, "big") - int(now)
        raise TsigError(TsigFault.BADTIME, f"refused by the peer: {_skew_text(skew, signature.fudge_seconds)}")
    if signature.error:
        known = signature.error in set(TsigFault)
        fault = TsigFault(signature.error) if known else None
        name = fault.name if fault is not None else str(signature.error)
        raise TsigError(fault, f"the peer answers with the TSIG error {name}")


def _skew_text(ahead_seconds: int, fudge_seconds: int) -> str:
    where = "ahead of" if ahead_seconds > 0 else "behind"
    return (
        f"the peer's clock is {abs(ahead_seconds)} s {where} ours, and {fudge_seconds} s are allowed: "
        "are both set by NTP?"
    )


# Checks


def _signature_of(data: bytes) -> tuple[int, Signature] | None:
    """Where the TSIG record of a message begins, and its fields; None: it has none."""
    try:
        start = outline(data).tsig_start
        return None if start is None else (start, read_signature(data, start))
    except TsigRecordError as error:
        raise TsigError(None, str(error)) from None


def _key_for(signature: Signature, keys: Mapping[Name, TsigKey]) -> TsigKey:
    key = keys.get(signature.key_name)
    if key is None:
        raise TsigError(TsigFault.BADKEY, lambda: f"we have no key {name_to_text(signature.key_name)}", signature)
    if _algorithm_name(key) != signature.algorithm:
        raise TsigError(
            TsigFault.BADKEY,
            lambda: f"signed with {_described(signature)}, but here that key is of {key.algorithm}",
            signature,
        )
    return key


def _check_mac_size(key: TsigKey, signature: Signature) -> None:
    whole = _HASHES[key.algorithm][1]
    if not max(_LEAST_MAC_OCTETS, whole // 2) <= len(signature.mac) <= whole:
        raise TsigError(None, f"a MAC of {len(signature.mac)} octets, which {key.algorithm} never has")


def _described(signature: Signature) -> str:
    return f"key {name_to_text(signature.key_name)} of {name_to_text(signature.algorithm)[:-1]}"


# The MAC


def _algorithm_name(key: TsigKey) -> Name:
    return bytes((len(key.algorithm),)) + key.algorithm.encode() + b"\x00"


def _started(key: TsigKey, prior_mac: bytes) -> hmac.HMAC:
    """A MAC that has taken in the one it builds on, if there is one (sections 4.3.1 and 5.3.1)."""
    context = hmac.new(key.secret, digestmod=_HASHES[key.algorithm][0])
    if prior_mac:
        context.update(len(prior_mac).to_bytes(2, "big") + prior_mac)
    return context


def _digest(context: hmac.HMAC, data: bytes, start: int, signature: Signature, covered: bytes) -> bytes:
    """The MAC of `data` as it was before the TSIG record at `start` was added (section 4.3.2), with `covered`."""
    additional = int.from_bytes(data[10:12], "big") - 1
    context.update(signature.original_id + data[2:10] + additional.to_bytes(2, "big") + data[12:start])
    context.update(covered)
    return context.digest()


def _unsigned(key: TsigKey, message: bytes, now: float) -> Signature:
    return Signature(key.name, _algorithm_name(key), int(now), FUDGE_SECONDS, b"", message[:2])


def _signed(
    message: bytes, key: TsigKey, unsigned: Signature, prior_mac: bytes, *, timers_only: bool = False
) -> tuple[bytes, bytes]:
    """The message with its TSIG record, and the MAC in it."""
    context = _started(key, prior_mac)
    context.update(message)
    context.update(unsigned.timers if timers_only else unsigned.variables)
    mac = context.digest()
    return with_signature(message, replace(unsigned, mac=mac)), mac


def _error_message(data: bytes, rcode: Rcode) -> bytes:
    """A reply to `data` with nothing but its question, if it has one, and an OPT record if it has one."""
    flags, questions = int.from_bytes(data[2:4], "big"), data[4:6]
    try:
        around = outline(data)
    except TsigRecordError:
        return render_header(data[:2], flags, 0, rcode, NO_RECORDS, questions=0)
    question = data[HEADER_OCTETS : around.question_end] if questions == b"\x00\x01" else b""
    opt = b"" if around.opt_flags is None else render_opt(rcode, dnssec_ok=bool(around.opt_flags & _DO))
    counts = (0, 0, 1 if opt else 0)
    return render_header(data[:2], flags, 0, rcode, counts, questions=1 if question else 0) + question + opt
