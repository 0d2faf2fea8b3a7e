"""Probes against small real servers on loopback, each with its own way to go wrong."""

import asyncio
import socket
import ssl
import struct
import subprocess
import tracemalloc
from pathlib import Path

import pytest

from gslb.health.probes import PROBES, ProbeImpossibleError

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
CUT_SHORT = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
REVOKING = "[ca]\ndefault_ca = own\n[own]\ndatabase = index\ndefault_md = sha256\n"


@pytest.fixture
def probe(serve):
    """One probe of a server that runs `script`."""

    def attempt(script, kind="http", target="127.0.0.1", timeout=20.0, tls=None, bind="127.0.0.1", **options):
        async def run():
            async with serve(script, bind, tls) as port:
                return await one(kind, target, timeout, port=port, **options)

        return asyncio.run(run())

    return attempt


async def one(kind, target, seconds, **options):
    return await PROBES[kind].run(target, PROBES[kind].options(**options), seconds)


def says(reply, seen=None):
    """A script that reads one request and writes `reply`."""

    async def script(reader, writer):
        request = await reader.readuntil(b"\r\n\r\n")
        if seen is not None:
            seen.append(request.decode())
        writer.write(reply)
        await writer.drain()

    return script


async def silent(reader, writer):
    await reader.read()


async def resets(reader, writer):
    await reader.read(1)
    linger_off = struct.pack("ii", 1, 0)  # closing sends RST
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_off)


async def slams(reader, writer):
    pass


async def drips(reader, writer):
    writer.write(b"HTTP/1.1 200 OK\r\nX: ")
    while True:
        writer.write(b"X")
        await writer.drain()
        await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("reply", "options", "ok", "reason"),
    [
        (OK, {}, True, "200 OK"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", {}, True, "204 No Content"),
        (b"HTTP/1.1 503 Service Unavailable\r\n\r\n", {}, False, "503 Service Unavailable, wanted 200-399"),
        (b"HTTP/1.1 503 Busy\r\n\r\n", {"status": [200, "500-503"]}, True, "503 Busy"),
        (OK, {"status": ["201-299", "404"]}, False, "200 OK, wanted 201-299, 404"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n", {}, True, "302 Found"),
        (b"HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n", {"status": 200}, False, "302 Found, wanted 200"),
        (OK, {"body": "ell"}, True, "200 OK, body has 'ell'"),
        (OK, {"body": "help"}, False, "200, but the body lacks 'help'"),
        (OK, {"body": "hello", "body_limit": 4}, False, "200, but the body lacks 'hello' in its first 4 octets"),
        (b"HTTP/1.0 200 OK\r\n\r\nno length, closed", {"body": "closed"}, True, "200 OK, body has 'closed'"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nshort", {"body": "long"}, False, "the body broke off"),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            {"body": "x"},
            False,
            "not a proper HTTP reply",
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n\x1f\x8b",
            {"body": "x"},
            False,
            "it came packed as gzip, unasked",
        ),
        (b"SSH-2.0-OpenSSH_9.2\r\n", {}, False, "not a proper HTTP reply"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n", {}, False, "not a proper HTTP reply"),
        (b"\x00\xff\r\n\r\n", {}, False, "not a proper HTTP reply"),
        (b"", {}, False, "closed the connection without a reply"),
    ],
)
def test_the_reply_decides(probe, reply, options, ok, reason):
    result = probe(says(reply), **options)
    assert (result.ok, reason in result.reason) == (ok, True), result
    assert 0 < result.latency_seconds < 20


def test_the_request_goes_out_as_configured(probe):
    seen = []
    options = {"method": "POST", "path": "/a%2Fb//?x=1&y=%41", "host": "www.example.test", "headers": {"X-Key": "abc"}}
    assert probe(says(OK, seen), **options).ok
    lines = seen[0].splitlines()
    assert lines[0] == "POST /a%2Fb//?x=1&y=%41 HTTP/1.1"
    assert "Host: www.example.test" in lines
    assert "X-Key: abc" in lines
    assert "Connection: close" in lines
    assert any(line.startswith("User-Agent: gslb/") for line in lines)


def test_the_host_header_defaults_to_the_target_and_its_port(probe):
    seen = []
    assert probe(says(OK, seen)).ok
    assert "Host: 127.0.0.1:" in seen[0]


def test_proxies_of_the_environment_are_not_used(probe, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert probe(says(OK)).ok


def test_a_redirect_is_not_followed(probe):
    seen = []
    redirect = b"HTTP/1.1 301 Moved\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"
    assert probe(says(redirect, seen)).ok
    assert len(seen) == 1


@pytest.mark.parametrize("target", ["127.0.0.1", "localhost"])
def test_a_target_is_an_address_or_a_name(probe, target):
    assert probe(says(OK), target=target).ok


@pytest.mark.usefixtures("ipv6")
def test_a_target_is_an_ipv6_address(probe):
    assert probe(says(OK), target="::1", bind="::1").ok


@pytest.mark.parametrize(
    ("script", "timeout", "reason"),
    [
        (silent, 1.0, "timed out after 1 s waiting for the reply"),
        (resets, 20.0, "connection reset by peer"),
        (slams, 20.0, ""),
        (says(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"), 20.0, "the body broke off"),
    ],
)
def test_a_target_that_misbehaves_is_down_with_the_reason(probe, script, timeout, reason):
    result = probe(script, timeout=timeout, body="x")
    assert not result.ok
    assert reason in result.reason, result
    assert result.reason


def test_a_target_that_drips_is_cut_off_by_the_timeout(probe):
    assert probe(drips, timeout=1.0).reason == "timed out after 1 s waiting for the reply"


def test_a_body_without_end_is_cut_off_by_the_timeout(probe):
    async def stalls(reader, writer):
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx")
        await reader.read()

    assert probe(stalls, timeout=1.0, body="y").reason == "timed out after 1 s reading the body"


def test_a_refused_connection_is_down_with_the_reason(serve):
    async def run():
        async with serve(silent) as port:
            pass
        return await one("http", "127.0.0.1", 2, port=port)

    assert asyncio.run(run()).reason == "connection refused"


@pytest.mark.parametrize("target", ["a b", "", "user@127.0.0.1", "127.0.0.1/x", "x" * 300])
@pytest.mark.parametrize("kind", PROBES)
def test_a_target_that_is_no_host_fails_and_does_not_raise(kind, target):
    result = asyncio.run(one(kind, target, 5, port=1))
    assert not result.ok
    assert result.reason


@pytest.mark.parametrize("kind", PROBES)
def test_a_name_that_does_not_resolve_says_so(kind, monkeypatch):
    def unknown(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    result = asyncio.run(one(kind, "www.example.test", 5, port=1))
    assert result.reason == "the name does not resolve: Name or service not known"


def test_a_huge_body_is_read_up_to_the_limit_only(probe):
    sent = 0

    async def floods(reader, writer):
        nonlocal sent
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"z" * 65536)
            sent += 65536
            await writer.drain()

    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    tracemalloc.reset_peak()
    result = probe(floods, body="needle", body_limit=200_000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert result.reason == "200, but the body lacks 'needle' in its first 200000 octets"
    assert peak - before < 20_000_000
    assert sent < 100_000_000


def test_a_text_that_straddles_two_reads_is_found(probe):
    async def halves(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        for part in (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nxxxnee", b"dlex"):
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0.05)

    assert probe(halves, body="needle").ok


def test_what_a_target_says_stays_one_short_printable_line(probe):
    result = probe(says(b"HTTP/1.1 500 \x1b[31mred\x1b[0m" + b"y" * 3000 + b"\r\n\r\n"))
    assert not result.ok
    assert result.reason.isprintable()
    assert len(result.reason) <= 200


@pytest.fixture(scope="module")
def pki(tmp_path_factory, tool):
    """A CA, a certificate of it for www.example.test and ::1, an expired one, and one that signs itself."""
    folder = tmp_path_factory.mktemp("pki")

    def openssl(*words):
        subprocess.run([tool("openssl"), *map(str, words)], cwd=folder, check=True, capture_output=True)

    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    ca = ("-subj", "/CN=Test CA", "-addext", "keyUsage=critical,keyCertSign")
    openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-days", 2, *ca)
    openssl("req", "-x509", *key, "-keyout", "self.key", "-out", "self.pem", "-days", 2, "-subj", "/CN=self.test")
    (folder / "san").write_text("subjectAltName=DNS:www.example.test,IP:::1\n")
    for name, days in (("site", 2), ("old", -1)):
        openssl("req", "-new", *key, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        signing = ("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial")
        openssl(*signing, "-out", f"{name}.pem", "-days", days, "-extfile", "san")
    return folder


def served(pki, name, names=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pki / f"{name}.pem", pki / f"{name}.key")
    if names is not None:
        context.sni_callback = lambda _, asked, __: names.append(asked)
    return context


@pytest.mark.parametrize(
    ("certificate", "trusted", "options", "ok", "reason"),
    [
        ("site", True, {"host": "www.example.test"}, True, "200 OK"),
        ("site", True, {"host": "www.example.test:8443"}, True, "200 OK"),
        ("site", True, {"host": "other.test", "sni": "www.example.test"}, True, "200 OK"),
        ("site", True, {"sni": "other.test"}, False, "certificate is not valid for 'other.test'"),
        ("site", True, {}, False, "certificate is not valid for '127.0.0.1'"),
        ("site", False, {"host": "www.example.test"}, False, "unable to get local issuer certificate"),
        ("old", True, {"host": "www.example.test"}, False, "certificate refused: certificate has expired"),
        ("self", False, {"host": "self.test"}, False, "certificate refused: self-signed certificate"),
        ("self", False, {"verify": False}, True, "200 OK"),
    ],
)
def test_https_verifies_the_certificate_against_the_name(probe, pki, certificate, trusted, options, ok, reason):
    if trusted:
        options = options | {"ca_file": str(pki / "ca.pem")}
    result = probe(says(OK), kind="https", tls=served(pki, certificate), **options)
    assert (result.ok, reason in result.reason) == (ok, True), result


@pytest.mark.usefixtures("ipv6")
def test_https_to_an_ipv6_address_verifies_the_address(probe, pki):
    ca = str(pki / "ca.pem")
    assert probe(says(OK), "https", "::1", bind="::1", tls=served(pki, "site"), ca_file=ca).ok


def test_https_names_the_site_in_the_handshake_and_the_host_in_the_request(probe, pki):
    names, seen = [], []
    tls = served(pki, "site", names)
    probe(says(OK, seen), "https", tls=tls, sni="www.example.test", host="inner.test", verify=False)
    assert names == ["www.example.test"]
    assert "Host: inner.test\r\n" in seen[0]


def test_https_to_a_port_that_speaks_no_tls_is_down_with_the_reason(probe):
    async def greets(reader, writer):
        writer.write(b"220 mail.example.test ESMTP\r\n")
        await silent(reader, writer)

    assert probe(greets, "https", verify=False).reason == "TLS failed: wrong version number"


def test_https_to_a_port_that_is_silent_times_out_connecting(probe):
    assert probe(silent, "https", timeout=0.3, verify=False).reason == "timed out after 0.3 s connecting"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "no such file or directory"),
        ("", "no certificates in PEM form"),
        ("no certificate\n", "no certificates in PEM form"),
        (CUT_SHORT, "no certificates in PEM form"),
    ],
)
def test_a_ca_file_that_cannot_be_read_is_no_failure_of_the_target(probe, tmp_path, content, why):
    trusted = tmp_path / "trusted.pem"
    if content is not None:
        trusted.write_text(content)
    with pytest.raises(ProbeImpossibleError, match=f"trusted.pem: {why}; give a PEM file of certificates"):
        probe(says(OK), "https", ca_file=str(trusted))


@pytest.mark.parametrize("path", [Path("/dev/zero"), Path("/")])
def test_a_ca_file_that_is_no_file_is_not_read(probe, path):
    with pytest.raises(ProbeImpossibleError, match=f"{path}: not a file"):
        probe(says(OK), "https", ca_file=str(path))


def test_a_key_or_a_list_of_revocations_is_nothing_to_trust(probe, pki, tool):
    (pki / "ca.cnf").write_text(REVOKING)
    (pki / "index").write_text("")
    revoked = ("-gencrl", "-keyfile", "ca.key", "-cert", "ca.pem", "-crldays", "2", "-out", "crl.pem")
    subprocess.run([tool("openssl"), "ca", "-config", "ca.cnf", *revoked], cwd=pki, check=True, capture_output=True)
    for name in ("ca.key", "crl.pem"):
        with pytest.raises(ProbeImpossibleError, match=f"{name}: no certificates in PEM form"):
            probe(says(OK), "https", ca_file=str(pki / name))


def test_a_ca_file_that_changed_is_read_again(probe, pki, tmp_path):
    trusted = tmp_path / "trusted.pem"
    trusted.write_bytes((pki / "self.pem").read_bytes())
    options = {"host": "www.example.test", "ca_file": str(trusted)}
    assert not probe(says(OK), "https", tls=served(pki, "site"), **options).ok
    trusted.write_bytes((pki / "ca.pem").read_bytes())
    assert probe(says(OK), "https", tls=served(pki, "site"), **options).ok
