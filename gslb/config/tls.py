"""`tls` of gslb.yaml: the certificate and key of DNS over TLS (RFC 7858), read and tried as a pair.

What is handed on is a finished context: new connections use it as it is, so a pair that does not fit together never
gets further than this. An expired certificate is a warning and no error: clients that do not verify go on, and the
node must not refuse to start.
"""

import base64
import binascii
import datetime as dt
import enum
import hashlib
import re
import ssl
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field

from gslb.config.problems import ConfigError, Findings
from gslb.config.textfile import read_text
from gslb.config.validated import Schema

_BLOCK = re.compile(r"-----BEGIN CERTIFICATE-----(.+?)-----END CERTIFICATE-----", re.DOTALL)
_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")
_TLS12_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
_GROUP_WRITES_OR_OTHERS = 0o027
_READ_TRIES = 5
_SOON_SECONDS = 14 * 86400
_SOON_SHARE = 1 / 6
"""Of its life: who renews by plan has done so by then, with a certificate of 90 days as with one of a day."""


class Validity(enum.StrEnum):
    """How a certificate stands at a moment; the words are for people."""

    NOT_YET = "is not valid yet"
    VALID = "is valid"
    SOON = "expires soon"
    EXPIRED = "has expired"


class TlsSchema(Schema):
    """What `listen_tls` shows its clients. The files are watched: a renewed pair is used from then on."""

    EXAMPLE: ClassVar[str] = "{certificate: tls/fullchain.pem, key: tls/privkey.pem}, or off"

    certificate: Annotated[Path, Field(description="PEM file: the certificate, then those it was issued by.")]
    key: Annotated[Path, Field(description="PEM file of the certificate's private key, not readable by others.")]


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """A pair that fits together. `starts` and `expires` are Unix seconds; two pairs of one `fingerprint` are equal.
    `line` is where gslb.yaml names it."""

    certificate: Path
    key: Path
    line: int = field(compare=False)
    starts: float = field(compare=False)
    expires: float = field(compare=False)
    fingerprint: str
    context: ssl.SSLContext = field(compare=False, repr=False)

    def validity_at(self, now: float) -> Validity:
        """How the certificate stands. `now`: Unix seconds."""
        if now >= self.expires:
            return Validity.EXPIRED
        if now < self.starts:
            return Validity.NOT_YET
        soon = min(_SOON_SECONDS, (self.expires - self.starts) * _SOON_SHARE)
        return Validity.SOON if self.expires - now < soon else Validity.VALID


class _EncryptedKeyError(Exception):
    """The key wants a passphrase."""


def read_tls(schema: TlsSchema, node_file: Path, findings: Findings, line: int) -> TlsSettings | None:
    """The settings, or None when the pair cannot be used; problems and warnings go to `findings` at `line`."""
    return read_pair(node_file.parent / schema.certificate, node_file.parent / schema.key, findings, line)


def read_pair(certificate: Path, key: Path, findings: Findings, line: int) -> TlsSettings | None:
    """As `read_tls`, of two files. What is given is of one moment: while a pair is renewed, the dates must not be of
    one certificate and the context of another."""
    for _ in range(_READ_TRIES):
        tried = Findings(findings.file)
        before = _stamp(certificate), _stamp(key)
        settings = _read_once(certificate, key, tried, line)
        if settings is None or before == (_stamp(certificate), _stamp(key)):
            break
    else:
        findings.error(line, "tls", f"{certificate} and {key} change all the time; give a pair that stands still")
        return None
    findings.problems += tried.problems
    findings.warnings += tried.warnings
    return settings


def _stamp(path: Path) -> tuple[int, int, int, int] | None:
    """What is another when a file was written or another is there; None when there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_dev, found.st_ino, found.st_size, found.st_ctime_ns)


def _read_once(certificate: Path, key: Path, findings: Findings, line: int) -> TlsSettings | None:
    chain = _read(certificate, "tls.certificate", "x509", findings, line)
    secret = _read(key, "tls.key", "pkey", findings, line)
    if chain is None or secret is None:
        return None
    if _KEY.search(secret) is None:
        findings.error(line, "tls.key", f"{key} has no private key in PEM form (-----BEGIN PRIVATE KEY-----)")
        return None
    if _open_to_others(key):
        findings.error(line, "tls.key", f"{key} holds a secret and others can get at it; run: chmod 600 {key}")
        return None
    try:
        starts, expires = validity(chain)
    except ValueError as error:
        findings.error(line, "tls.certificate", f"{certificate}: {error}")
        return None
    context = _context(certificate, key, findings, line)
    if context is None:
        return None
    _warn_of_dates(certificate, starts, expires, findings, line)
    fingerprint = hashlib.sha256(f"{chain}\0{secret}".encode()).hexdigest()
    return TlsSettings(certificate, key, line, starts, expires, fingerprint, context)


def _read(path: Path, where: str, openssl: str, findings: Findings, line: int) -> str | None:
    """The text of a file; `openssl` is the command of that program which reads what belongs into it."""
    try:
        return read_text(path)
    except ConfigError as error:
        if _is_der(path):
            out = path.with_suffix(".pem") if path.suffix != ".pem" else path.with_name(f"{path.name}.pem")
            advice = f"make it PEM: openssl {openssl} -inform der -in {path} -out {out}"
            findings.error(line, where, f"{path} is in DER form; {advice}")
            return None
        for problem in error.problems:
            findings.error(line, where, f"{problem.file}: {problem.message}")
        return None


def _is_der(path: Path) -> bool:
    """True for a file that is one DER sequence, as certificates and keys are, and no text."""
    try:
        with path.open("rb") as file:
            ((tag, _),) = _elements(file.read(_MAX_DER_OCTETS))
    except (OSError, ValueError, IndexError):
        return False
    return tag == _SEQUENCE


def _open_to_others(path: Path) -> bool:
    try:
        return bool(path.stat().st_mode & _GROUP_WRITES_OR_OTHERS)
    except OSError:  # gone since it was read, as it may be while a pair is renewed: the context tells it
        return False


def _context(certificate: Path, key: Path, findings: Findings, line: int) -> ssl.SSLContext | None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_TLS12_CIPHERS)
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
    context.set_alpn_protocols(["dot"])
    try:
        context.load_cert_chain(certificate, key, password=_no_passphrase)
    except _EncryptedKeyError:
        advice = f"nobody is there to type it; take it off: openssl pkey -in {key} -out {key}.plain"
        findings.error(line, "tls.key", f"{key} is encrypted with a passphrase, and {advice}")
    except OSError as error:  # ssl.SSLError is one
        reason = getattr(error, "reason", None) or error.strerror or str(error)
        if reason in {"KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH"}:
            findings.error(line, "tls.key", f"{key} is not the key of {certificate}; give the two that belong together")
        else:
            findings.error(line, "tls", f"{certificate} and {key} cannot be used: {reason}")
    else:
        return context
    return None


def _no_passphrase() -> str:
    raise _EncryptedKeyError


def _warn_of_dates(certificate: Path, starts: float, expires: float, findings: Findings, line: int) -> None:
    now = time.time()
    if now >= expires:
        findings.warn(line, "tls.certificate", f"{certificate} expired on {day(expires)}; renew it")
    elif now < starts:
        findings.warn(line, "tls.certificate", f"{certificate} is not valid before {day(starts)}; is the clock right?")


def day(moment: float) -> str:
    """A moment in Unix seconds, for people: `2027-03-01 12:00 UTC`."""
    return dt.datetime.fromtimestamp(moment, dt.UTC).strftime("%Y-%m-%d %H:%M UTC")


def validity(chain: str) -> tuple[float, float]:
    """From when until when the first certificate of a PEM text is valid, in Unix seconds (RFC 5280 section 4.1).
    Raises `ValueError`."""
    block = _BLOCK.search(chain)
    if block is None:
        raise ValueError("no certificate in PEM form (-----BEGIN CERTIFICATE-----)")
    try:
        der = base64.b64decode("".join(block[1].split()), validate=True)
        (_, certificate), *_ = _elements(der)
        (_, signed), *_ = _elements(certificate)
        fields = [each for each in _elements(signed) if each[0] != _VERSION_TAG]
        (first, last) = _elements(fields[_VALIDITY][1])
        return _moment(*first), _moment(*last)
    except (ValueError, IndexError, binascii.Error):
        raise ValueError("the certificate is damaged: not DER in base64 that tells its dates") from None


_SEQUENCE = 0x30
_MAX_DER_OCTETS = 1 << 16
_VERSION_TAG = 0xA0
_VALIDITY = 3  # after serial number, signature algorithm and issuer
_UTC_TIME = 0x17


def _elements(der: bytes) -> list[tuple[int, bytes]]:
    """The DER elements that stand one after another, as tag and content. Raises `ValueError` or `IndexError`."""
    found = []
    position = 0
    while position < len(der):
        tag, length = der[position], der[position + 1]
        position += 2
        if length & 0x80:
            octets = length & 0x7F
            length = int.from_bytes(der[position : position + octets], "big")
            position += octets
        if position + length > len(der):
            raise ValueError("cut short")
        found.append((tag, der[position : position + length]))
        position += length
    return found


def _moment(tag: int, content: bytes) -> float:
    text = content.decode("ascii")
    if tag == _UTC_TIME:  # two digits of a year, 50 being 1950 (RFC 5280 section 4.1.2.5.1)
        text = ("19" if text >= "5" else "20") + text
    return dt.datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=dt.UTC).timestamp()
