"""`listen_tls` and `tls`: the pair is read and tried; what stands in the way is told, and what would be right."""

import datetime as dt
import ssl
import subprocess
from pathlib import Path

import pytest
from certificates import SERVER_NAME, Authority, authority, redate

from gslb.config import tls
from gslb.config.node import load_node
from gslb.config.node_config import NodeConfig
from gslb.config.problems import ConfigError
from gslb.config.tls import validity

ZONE = "zones: {example.com: {file: example.com.yaml}}\n"
TLS = "listen_tls: 127.0.0.1\ntls: {certificate: tls/cert.pem, key: tls/key.pem}\n" + ZONE


@pytest.fixture(scope="module")
def made(tmp_path_factory, tool) -> Authority:
    return authority(tmp_path_factory.mktemp("authority"), tool("openssl"))


@pytest.fixture
def pair(tmp_path: Path, made: Authority) -> tuple[Path, Path]:
    (tmp_path / "tls").mkdir()
    certificate, key = tmp_path / "tls/cert.pem", tmp_path / "tls/key.pem"
    made.issue(certificate, key)
    return certificate, key


def load(folder: Path, text: str = TLS) -> NodeConfig:
    path = folder / "gslb.yaml"
    path.write_text(text)
    return load_node(path)


def refused(folder: Path, text: str = TLS) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(folder, text)
    return [str(problem).replace(f"{folder}/", "") for problem in caught.value.problems]


def test_a_pair_that_fits_is_read_and_watched_and_the_port_is_853(tmp_path: Path, pair) -> None:
    config = load(tmp_path)
    assert config.listen_tls == (("127.0.0.1", 853),)
    assert config.tls is not None
    lasts = dt.timedelta(seconds=config.tls.expires - config.tls.starts)
    assert lasts == dt.timedelta(days=30)
    assert set(pair) <= set(config.key_files)
    assert config.warnings == ()
    assert config.tls.context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert "key.pem" in repr(config.tls)
    assert pair[1].read_text() not in repr(config.tls)


def test_two_reads_of_one_pair_are_equal_and_another_pair_is_not(tmp_path: Path, pair, made: Authority) -> None:
    first = load(tmp_path).tls
    assert load(tmp_path).tls == first
    made.issue(*pair)
    assert load(tmp_path).tls != first


def test_what_is_missing_is_told(tmp_path: Path) -> None:
    assert refused(tmp_path) == [
        "gslb.yaml:2: tls.certificate: tls/cert.pem: no such file",
        "gslb.yaml:2: tls.key: tls/key.pem: no such file",
    ]
    assert refused(tmp_path, "listen_tls: 127.0.0.1\n") == [
        "gslb.yaml:1: listen_tls: there is no certificate to show; give `tls: {certificate: FILE, key: FILE}`"
    ]
    assert refused(tmp_path, "listen_tls: 127.0.0.1\ntls: {certificate: x}\n")[0] == "gslb.yaml:2: tls.key: is missing"


def test_a_key_of_another_certificate_is_refused(tmp_path: Path, pair, made: Authority) -> None:
    made.issue(tmp_path / "other.pem", pair[1])
    assert refused(tmp_path) == [
        "gslb.yaml:2: tls.key: tls/key.pem is not the key of tls/cert.pem; give the two that belong together"
    ]


def test_a_key_that_others_may_read_is_refused_and_one_for_a_group_is_not(tmp_path: Path, pair) -> None:
    pair[1].chmod(0o644)
    assert refused(tmp_path) == [
        "gslb.yaml:2: tls.key: tls/key.pem holds a secret and others can get at it; run: chmod 600 tls/key.pem"
    ]
    pair[1].chmod(0o640)
    assert load(tmp_path).tls is not None


def test_files_given_the_wrong_way_round_are_told_as_that_and_not_by_their_mode(tmp_path: Path, pair) -> None:
    certificate, key = pair
    chain = certificate.read_text()
    certificate.write_text(key.read_text())
    key.write_text(chain)
    key.chmod(0o644)
    assert refused(tmp_path) == [
        "gslb.yaml:2: tls.key: tls/key.pem has no private key in PEM form (-----BEGIN PRIVATE KEY-----)"
    ]


def test_a_key_that_goes_while_it_is_read_is_told(tmp_path: Path, pair, monkeypatch) -> None:
    read = tls.read_text

    def read_and_remove(path: Path) -> str:
        text = read(path)
        path.unlink()
        return text

    monkeypatch.setattr(tls, "read_text", read_and_remove)
    assert "cannot be used: No such file" in refused(tmp_path)[0]


def test_a_pair_that_is_renewed_while_it_is_read_is_read_as_one(
    tmp_path: Path, pair, made: Authority, monkeypatch
) -> None:
    read = tls.read_text
    times = 0

    def read_and_renew(path: Path) -> str:
        nonlocal times
        text = read(path)
        times += 1
        if times == 2:  # both texts are of the pair before, and what OpenSSL reads is not
            made.issue(*pair, "renewed")
        return text

    monkeypatch.setattr(tls, "read_text", read_and_renew)
    found = load(tmp_path).tls
    monkeypatch.undo()
    assert found == load(tmp_path).tls
    assert times == 4


def test_a_pair_that_never_stands_still_is_refused(tmp_path: Path, pair, monkeypatch) -> None:
    read = tls.read_text

    def read_and_touch(path: Path) -> str:
        text = read(path)
        path.with_suffix(".new").write_text(text)
        path.with_suffix(".new").chmod(0o600)
        path.with_suffix(".new").replace(path)
        return text

    monkeypatch.setattr(tls, "read_text", read_and_touch)
    assert refused(tmp_path) == [
        "gslb.yaml:2: tls: tls/cert.pem and tls/key.pem change all the time; give a pair that stands still"
    ]


def test_files_that_hold_something_else_are_told(tmp_path: Path, pair) -> None:
    certificate, key = pair
    chain, secret = certificate.read_text(), key.read_text()
    key.write_text(chain)
    assert refused(tmp_path) == [
        "gslb.yaml:2: tls.key: tls/key.pem has no private key in PEM form (-----BEGIN PRIVATE KEY-----)"
    ]
    key.write_text(secret)
    certificate.write_text(secret)
    assert refused(tmp_path) == [
        "gslb.yaml:2: tls.certificate: tls/cert.pem: no certificate in PEM form (-----BEGIN CERTIFICATE-----)"
    ]
    certificate.write_text(chain[:300] + "\n-----END CERTIFICATE-----\n")
    assert "is damaged" in refused(tmp_path)[0]
    certificate.write_text(chain)
    key.write_text(secret[:80] + "\n-----END PRIVATE KEY-----\n")
    assert "cannot be used" in refused(tmp_path)[0]


def test_a_key_with_a_passphrase_is_refused(tmp_path: Path, pair, made: Authority) -> None:
    import subprocess  # noqa: PLC0415  for this test only

    command = [made.openssl, "pkey", "-in", str(pair[1]), "-aes256", "-passout", "pass:secret"]
    encrypted = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    pair[1].write_text(encrypted)
    (problem,) = refused(tmp_path)
    assert "tls/key.pem is encrypted with a passphrase" in problem
    assert "openssl pkey -in tls/key.pem" in problem


def test_a_certificate_out_of_its_dates_is_a_warning_with_the_date(tmp_path: Path, pair) -> None:
    redate(pair[0], "200101000000Z", "200301120000Z")
    (warning,) = load(tmp_path).warnings
    assert "cert.pem expired on 2020-03-01 12:00 UTC; renew it" in str(warning)
    redate(pair[0], "490101000000Z", "490301120000Z")
    (warning,) = load(tmp_path).warnings
    assert "is not valid before 2049-01-01 00:00 UTC" in str(warning)


def test_a_certificate_without_a_listener_is_a_warning(tmp_path: Path, pair) -> None:
    (warning,) = load(tmp_path, TLS.partition("\n")[2]).warnings
    assert "nothing listens for TLS; add `listen_tls`" in str(warning)


def test_an_address_for_both_is_refused(tmp_path: Path, pair) -> None:
    (problem,) = refused(tmp_path, TLS.replace("127.0.0.1", '["127.0.0.1:53"]') + "listen: 127.0.0.1\n")
    assert "127.0.0.1 port 53 is under `listen` too" in problem


@pytest.mark.parametrize("text", ["", "-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----"])
def test_a_text_without_dates_is_no_certificate(text: str) -> None:
    with pytest.raises(ValueError, match="certificate"):
        validity(text)


def test_the_dates_are_those_that_openssl_tells(tmp_path: Path, pair) -> None:
    told = ssl._ssl._test_decode_cert(str(pair[0]))  # type: ignore[attr-defined]
    found = validity(pair[0].read_text())
    assert found == tuple(ssl.cert_time_to_seconds(told[name]) for name in ("notBefore", "notAfter"))
    assert SERVER_NAME in str(told["subjectAltName"])


@pytest.mark.parametrize("word", ["off", "none"])
def test_tls_can_be_off(tmp_path: Path, word: str) -> None:
    assert load(tmp_path, f"tls: {word}\n" + ZONE).tls is None
    assert refused(tmp_path, f"listen_tls: 127.0.0.1\ntls: {word}\n") == [
        "gslb.yaml:1: listen_tls: there is no certificate to show; give `tls: {certificate: FILE, key: FILE}`"
    ]


def test_files_in_der_form_are_told_as_that_with_the_command_that_makes_them_pem(tmp_path: Path, pair, tool) -> None:
    for openssl, path in (("x509", pair[0]), ("pkey", pair[1])):
        subprocess.run(
            [tool("openssl"), openssl, "-in", path, "-outform", "der", "-out", path.with_suffix(".der")], check=True
        )
        path.with_suffix(".der").replace(path)
    told = refused(tmp_path)
    assert told == [
        f"gslb.yaml:2: tls.{key}: tls/{name}.pem is in DER form; "
        f"make it PEM: openssl {openssl} -inform der -in tls/{name}.pem -out tls/{name}.pem.pem"
        for key, name, openssl in (("certificate", "cert", "x509"), ("key", "key", "pkey"))
    ]
    for problem in told:
        _, _, command = problem.partition("make it PEM: ")
        subprocess.run(command.split(), cwd=tmp_path, check=True)
    (tmp_path / "tls/key.pem.pem").chmod(0o600)
    made_pem = TLS.replace("cert.pem", "cert.pem.pem").replace("key.pem", "key.pem.pem")
    assert load(tmp_path, made_pem).tls is not None
