"""Certificates for tests, made by `openssl`: an authority of their own, and a server's certificate from it."""

import base64
import re
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

SERVER_NAME = "ns.tls.example"


@dataclass(frozen=True)
class Authority:
    """An authority in a folder; `certificate` is what its clients trust."""

    folder: Path
    openssl: str

    @property
    def certificate(self) -> Path:
        return self.folder / "authority.pem"

    def issue(self, certificate: Path, key: Path, common_name: str = SERVER_NAME) -> None:
        """Write a pair for SERVER_NAME; `common_name` tells one from another."""
        request, names = self.folder / "request.pem", self.folder / "names"
        names.write_text(f"subjectAltName=DNS:{SERVER_NAME}\n")
        _run(self.openssl, "req", *_NEW_KEY, "-keyout", key, "-out", request, "-subj", f"/CN={common_name}")
        signer = ["-CA", self.certificate, "-CAkey", self.folder / "authority.key", "-CAcreateserial"]
        _run(
            self.openssl, "x509", "-req", "-in", request, *signer, "-days", "30", "-extfile", names, "-out", certificate
        )
        key.chmod(0o600)


_NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


def authority(folder: Path, openssl: str) -> Authority:
    found = Authority(folder, openssl)
    names = ["-keyout", folder / "authority.key", "-out", found.certificate, "-subj", "/CN=authority"]
    _run(openssl, "req", "-x509", *_NEW_KEY, *names, "-days", "30")
    return found


def _run(*command: str | Path) -> None:
    subprocess.run([str(part) for part in command], check=True, capture_output=True, timeout=120)


def redate(certificate: Path, starts: str, expires: str) -> None:
    """Write other dates (`YYMMDDHHMMSSZ`) into a certificate. Its signature is wrong then, which a server never looks
    at."""
    der = ssl.PEM_cert_to_DER_cert(certificate.read_text())
    dates = re.findall(rb"\x17\x0d(\d{12}Z)", der)
    assert len(dates) == 2
    for old, new in zip(dates, (starts, expires), strict=True):
        der = der.replace(old, new.encode(), 1)
    text = base64.encodebytes(der).decode()
    certificate.write_text(f"-----BEGIN CERTIFICATE-----\n{text}-----END CERTIFICATE-----\n")


def client_context(found: Authority, **more: object) -> ssl.SSLContext:
    """A client that trusts the authority."""
    context = ssl.create_default_context(cafile=found.certificate)
    for name, value in more.items():
        setattr(context, name, value)
    return context
