"""A renewed pair is taken though gslb.yaml is not, and the end of a certificate is told ahead, once."""

from dataclasses import replace
from pathlib import Path

import pytest
from certificates import Authority, authority
from structlog.testing import capture_logs

from gslb.app.certificate import CertificateWatch, with_renewed_pair
from gslb.config.node import load_node
from gslb.config.node_config import NodeConfig
from gslb.config.tls import TlsSettings, Validity

DAY = 86400
START = 1_800_000_000.0


@pytest.fixture(scope="module")
def made(tmp_path_factory, tool) -> Authority:
    return authority(tmp_path_factory.mktemp("authority"), tool("openssl"))


@pytest.fixture
def config(tmp_path: Path, made: Authority) -> NodeConfig:
    made.issue(tmp_path / "cert.pem", tmp_path / "key.pem")
    node_file = tmp_path / "gslb.yaml"
    node_file.write_text("listen_tls: 127.0.0.1\ntls: {certificate: cert.pem, key: key.pem}\n")
    return load_node(node_file)


@pytest.fixture
def pair(config: NodeConfig) -> TlsSettings:
    assert config.tls is not None
    return config.tls


def lasting(pair: TlsSettings, days: float) -> TlsSettings:
    return replace(pair, starts=START, expires=START + days * DAY, fingerprint=f"{days} days")


def test_a_renewed_pair_is_taken_whatever_has_become_of_the_node_file(config: NodeConfig, made: Authority) -> None:
    config.path.write_text("a: typo: in the file")
    assert config.tls is not None
    assert with_renewed_pair(config) == (config, ())
    made.issue(config.tls.certificate, config.tls.key, "renewed")
    renewed, problems = with_renewed_pair(config)
    assert problems == ()
    assert renewed.tls is not None
    assert renewed.tls != config.tls
    assert replace(renewed, tls=config.tls) == config


def test_a_pair_that_is_not_whole_leaves_the_configuration_as_it_is_and_is_told(
    config: NodeConfig, made: Authority, tmp_path: Path
) -> None:
    assert config.tls is not None
    made.issue(config.tls.certificate, tmp_path / "its.key")
    kept, (problem,) = with_renewed_pair(config)
    assert kept is config
    assert (problem.file, problem.line, problem.path) == (str(config.path), 2, "tls.key")
    assert "is not the key of" in problem.message


def test_without_tls_there_is_nothing_to_renew(config: NodeConfig) -> None:
    plain = replace(config, tls=None)
    assert with_renewed_pair(plain) == (plain, ())


def test_the_end_is_soon_two_weeks_ahead_or_in_the_last_sixth_of_a_short_life(pair: TlsSettings) -> None:
    year, day = lasting(pair, 365), lasting(pair, 1)
    found = [year.validity_at(START + days * DAY) for days in (-1, 0, 350.9, 351.1, 364.9, 365)]
    valid, soon, expired = Validity.VALID, Validity.SOON, Validity.EXPIRED
    assert found == [Validity.NOT_YET, valid, valid, soon, soon, expired]
    assert [day.validity_at(START + hours * 3600) for hours in (0, 19.9, 20.1, 24)] == [valid, valid, soon, expired]


def test_each_change_is_said_once_and_a_renewed_certificate_says_nothing(pair: TlsSettings) -> None:
    watch = CertificateWatch()
    first, renewed = lasting(pair, 90), lasting(pair, 180)
    said = []
    for now_days, shown in (
        (0, first),
        (77, first),
        (78, first),
        (90, first),
        (91, first),
        (91, renewed),
        (170, renewed),
    ):
        with capture_logs() as logs:
            watch.look(shown, START + now_days * DAY)
        said.append([entry["event"] for entry in logs])
    soon, expired = ["certificate_expires_soon"], ["certificate_expired"]
    assert said == [[], soon, [], expired, [], [], soon]


def test_what_was_out_of_its_dates_when_it_was_read_is_told_once_it_is_valid(pair: TlsSettings) -> None:
    watch = CertificateWatch()
    with capture_logs() as logs:
        for days in (-1, -0.5, 1):
            watch.look(lasting(pair, 90), START + days * DAY)
        watch.look(None, START)
        watch.look(lasting(pair, 90), START + 100 * DAY)
    assert [entry["event"] for entry in logs] == ["certificate_valid"]
