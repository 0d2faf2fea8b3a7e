"""The certificates that a probe over TLS trusts: a PEM file, or the system's store.

They are read once, and again when the file has changed. What is wrong with them is wrong here and says nothing about
any target: it is told as `ProbeImpossibleError`.
"""

import ssl
from functools import lru_cache
from pathlib import Path

from gslb.health.probes.probe import ProbeImpossibleError, network_reason


def trust(ca_file: str, *, verify: bool) -> ssl.SSLContext:
    """What a handshake trusts: `ca_file`, or the system's store where that is empty; anything without `verify`.
    Raises `ProbeImpossibleError`."""
    path = ca_file or ssl.get_default_verify_paths().cafile or ""
    try:
        changed = Path(path).stat().st_mtime_ns if path and verify else 0
        return _context(verify, ca_file, changed)
    except ssl.SSLError:
        raise ProbeImpossibleError(_unreadable(path, "no certificates in PEM form")) from None
    except (OSError, ValueError) as error:  # ValueError: a path with a zero octet
        raise ProbeImpossibleError(_unreadable(path, network_reason(error) or str(error))) from None


def _unreadable(path: str, why: str) -> str:
    advice = "give a PEM file of certificates (-----BEGIN CERTIFICATE-----) that gslb may read"
    return f"cannot read the trusted certificates in {path}: {why}; {advice}"


@lru_cache(maxsize=64)
def _context(verify: bool, ca_file: str, _changed: int) -> ssl.SSLContext:  # noqa: FBT001 - the cache's key
    """Kept, because reading the system's trust store takes tens of milliseconds; `_changed` is the file's mtime."""
    if ca_file and not Path(ca_file).is_file():  # a device or a pipe may never end
        raise ValueError("not a file")
    context = ssl.create_default_context(cafile=ca_file or None)
    if ca_file and not context.cert_store_stats()["x509"]:  # a list of revocations is PEM too
        raise ssl.SSLError("no certificate")
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
