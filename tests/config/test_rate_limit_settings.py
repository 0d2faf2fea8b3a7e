"""`rate_limit` of gslb.yaml."""

import ipaddress
from pathlib import Path

import pytest

from gslb.config.node import load_node
from gslb.config.problems import ConfigError
from gslb.config.rate_limit import RateLimits
from gslb.config.schema import json_schema_node


def load(folder: Path, text: str) -> RateLimits | None:
    path = folder / "gslb.yaml"
    path.write_text(f"node: a\n{text}\n")
    return load_node(path).rate_limit


@pytest.mark.parametrize("text", ["", "rate_limit:", "rate_limit: off"])
def test_there_is_no_limit_unless_it_is_written(tmp_path: Path, text: str) -> None:
    assert load(tmp_path, text) is None


def test_kinds_without_a_rate_of_their_own_have_the_common_one(tmp_path: Path) -> None:
    assert load(tmp_path, "rate_limit: {}") == RateLimits()
    limits = load(tmp_path, "rate_limit: {responses_per_second: 50, errors_per_second: 5, nodata_per_second: 0}")
    assert limits == RateLimits(answers=50, referrals=50, nodata=0, nxdomains=50, errors=5)


def test_everything_can_be_set(tmp_path: Path) -> None:
    text = """\
rate_limit:
  responses_per_second: 10
  referrals_per_second: 11
  nodata_per_second: 12
  nxdomains_per_second: 13
  errors_per_second: 14
  all_per_second: 15
  burst: 500ms
  slip: 1
  ipv4_prefix: 32
  ipv6_prefix: 64
  exempt: [192.0.2.0/24, "2001:db8::/32"]
  log_only: true
"""
    exempt = (ipaddress.ip_network("192.0.2.0/24"), ipaddress.ip_network("2001:db8::/32"))
    assert load(tmp_path, text) == RateLimits(10, 11, 12, 13, 14, 15, 0.5, 1, 32, 64, exempt, log_only=True)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{responses_per_second: -1}", "rate_limit.responses_per_second: must be at least 0, not '-1'"),
        ("{errors_per_second: 2000000}", "rate_limit.errors_per_second: must be at most 1000000"),
        ("{all_per_second: many}", "rate_limit.all_per_second: must be a whole number, not 'many'"),
        ("{burst: 5}", "rate_limit.burst: '5' has no unit; write 5s for seconds"),
        ("{burst: 2m}", "rate_limit.burst: must be at most 60"),
        ("{slip: 11}", "rate_limit.slip: must be at most 10"),
        ("{ipv4_prefix: 33}", "rate_limit.ipv4_prefix: must be at most 32"),
        ("{ipv6_prefix: 8}", "rate_limit.ipv6_prefix: must be at least 16"),
        ("{exempt: [192.0.2.1/24]}", "bits set behind its prefix; write 192.0.2.0/24"),
        ("{log_only: maybe}", "rate_limit.log_only: must be true or false"),
        ("{respones_per_second: 5}", "did you mean 'responses_per_second'?"),
    ],
)
def test_what_is_wrong_is_said_with_its_line_and_what_would_be_right(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, f"rate_limit: {text}")
    problem = caught.value.problems[0]
    assert problem.line == 2
    assert said in str(problem)


def test_the_schema_for_editors_knows_the_section_and_off() -> None:
    schema = json_schema_node()
    assert {"enum": ["off", False]} in schema["properties"]["rate_limit"]["anyOf"]
    assert schema["$defs"]["RateLimitSchema"]["properties"]["burst"]["default"] == "2s"
