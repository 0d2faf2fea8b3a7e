# ruff: noqa: E501  (tables of cases are read by the line)
"""What people write into gslb.yaml who guess: each is told what would be right, and what is shown as right is."""

import pytest

from gslb.config.rate_limit import RateLimits


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("rate_limit: on", "rate_limit: must be a mapping of keys, not 'on'; write e.g. {responses_per_second: 200}, {} for the defaults, or off"),
        ("rate_limit: 50", "rate_limit: must be a mapping of keys, not '50'; did you mean {responses_per_second: 50}?"),
        ("log: debug", "log: must be a mapping of keys, not 'debug'; did you mean {level: debug}?"),
        ("log: verbose", "log: must be a mapping of keys, not 'verbose'; write e.g. {level: debug}"),
        ("api: 127.0.0.1:9000", "api: must be a mapping of keys, not '127.0.0.1:9000'; did you mean {listen: 127.0.0.1:9000}?"),
        ("tls: fullchain.pem", "tls: must be a mapping of keys, not 'fullchain.pem'; write e.g. {certificate: tls/fullchain.pem, key: tls/privkey.pem}, or off"),
        ("zones: zones", "zones: must be a mapping of keys, not 'zones'; write e.g. {example.com: {file: zones/example.com.yaml}}, or for a folder `zones_dir: zones`"),
        ("zones: {example.com: a.yaml}", "zones.example.com: must be a mapping of keys, not 'a.yaml'; did you mean {file: a.yaml}?"),
        ("peers: {ns2: 192.0.2.2}", "peers.ns2: must be a mapping of keys, not '192.0.2.2'; write e.g. {address: 192.0.2.2, key: xfr}"),
        ("keys: {xfr: c2VjcmV0}", "keys.xfr: must be a mapping of keys; write e.g. {algorithm: hmac-sha256, file: xfr.key}"),
        ("cookies: 00112233", "cookies: must be a mapping of keys; write e.g. {file: cookie.secret}, {} for a secret made at each start, or off"),
        ("listen: any", "listen: 'any' is not an address to listen on; for every address write 0.0.0.0 and \"::\", with a port as in 0.0.0.0:53"),
        ("allow_query: [any]", "allow_query: 'any' is no network, key or peer; for everyone write [0.0.0.0/0, \"::/0\"]"),
        ("allow_transfer: none", "allow_transfer: 'none' is no network, key or peer; for nobody write []"),
        ("allow_query: [localhost]", "allow_query: 'localhost' is no network, key or peer; write [127.0.0.1, \"::1\"]"),
        ("allow_query: ['!10.0.0.0/8', 0.0.0.0/0]", "allow_query: a list says who may, and nobody else may: leave '!10.0.0.0/8' out, and name those who may"),
    ],
)  # fmt: skip
def test_a_likely_slip_is_told_with_what_would_be_right(refused, written, said):
    assert refused(written) == [f"gslb.yaml:1: {said}"]


def test_what_is_shown_as_right_is_right(load):
    networks = [
        load(f"allow_query: {right}\nzones_dir: .\n") for right in ("[]", '[0.0.0.0/0, "::/0"]', '[127.0.0.1, "::1"]')
    ]
    assert all(config.warnings[1:] == () for config in networks)
    for right in ("{responses_per_second: 200}", "{}"):
        assert load(f"rate_limit: {right}").rate_limit == RateLimits()
    assert load("rate_limit: off").rate_limit is None


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("rate_limit", "nothing is limited; write e.g. {responses_per_second: 200}, {} for the defaults, or off"),
        ("allow_query", "everyone may ask; for some write a list, as [10.0.0.0/8]; for nobody []"),
        ("tls", "there is no certificate; write {certificate: FILE, key: FILE}, or off"),
    ],
)
def test_an_empty_key_that_few_mean_is_warned_of(load, key, said):
    (warning,) = load(f"zones: {{a: {{file: a.yaml}}}}\n{key}:\n").warnings
    assert (warning.line, warning.path, warning.message) == (2, key, f"nothing is written here, so {said}")


def test_an_empty_key_of_a_zone_is_warned_of_too(load):
    (warning,) = load("zones:\n  a:\n    file: a.yaml\n    allow_query:\n").warnings
    assert (warning.line, warning.path) == (4, "zones.a.allow_query")
    assert "the list at the top of the file goes for the zone too" in warning.message


def test_a_section_that_is_commented_out_is_no_slip(load):
    assert load("limits:\n#  tcp_idle: 5s\nlog:\nmonitors:\nzones: {a: {file: a.yaml}}\n").warnings == ()


def test_a_node_without_zones_is_warned_of(load, tmp_path):
    (tmp_path / "empty").mkdir()
    for text in ("node: ns1\n", "zones:\n", "zones_dir: empty\n"):
        (warning,) = load(text).warnings
        assert "there are no zones, so every query is answered REFUSED; name them under `zones`" in warning.message
