import socket
from pathlib import Path

import pytest

from gslb.config import sources
from gslb.config.monitors import MonitorProfile
from gslb.config.node import load_node
from gslb.config.node_config import Limits
from gslb.config.problems import ConfigError
from gslb.config.sources import ZoneSource

EXAMPLE = b"\x07example\x03com\x00"


def test_a_file_that_says_little_gets_the_defaults(load, tmp_path):
    config = load("listen: 127.0.0.1\n")
    assert config.listen == (("127.0.0.1", 53),)
    assert config.node == socket.gethostname()
    assert str(config.state_dir) == "/var/lib/gslb"
    assert config.api == ("127.0.0.1", 8053)
    assert (config.log_format, config.log_level) == ("auto", "info")
    assert (dict(config.monitors), dict(config.keys), dict(config.zones)) == ({}, {}, {})
    assert config.limits == Limits()
    assert config.path == tmp_path / "gslb.yaml"


def test_it_listens_on_every_address_unless_told_otherwise(load):
    assert load("node: ns1\n").listen == (("0.0.0.0", 53), ("::", 53))


@pytest.mark.parametrize(
    ("written", "endpoint"),
    [
        ("127.0.0.1:5300", ("127.0.0.1", 5300)),
        ("127.0.0.1", ("127.0.0.1", 53)),
        ("127.0.0.1:0", ("127.0.0.1", 0)),
        ("::1", ("::1", 53)),
        ("[::1]", ("::1", 53)),
        ("[::1]:5300", ("::1", 5300)),
        ("2001:DB8::0:1", ("2001:db8::1", 53)),
    ],
)
def test_an_address_to_listen_on_may_have_a_port(load, written, endpoint):
    assert load(f'listen: ["{written}"]').listen == (endpoint,)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("localhost:53", "is not an address to listen on"),
        ("127.0.0.1:99999", "port 99999 is above 65535"),
        ("[::1", "is not an address"),
        (":53", "is not an address"),
        ("127.0.0.1:53x", "is not an address"),
        ("::ffff:192.0.2.1", "write it as 192.0.2.1"),
        ("fe80::1%eth0", "write one without a % part"),
    ],
)
def test_anything_else_to_listen_on_is_refused(refused, written, said):
    (problem,) = refused(f'listen: ["{written}"]')
    assert problem.startswith("gslb.yaml:1: listen: ")
    assert said in problem


def test_an_address_given_twice_is_refused_but_free_ports_are_not(load, refused):
    assert refused('listen: ["127.0.0.1:53", "127.0.0.1"]') == [
        "gslb.yaml:1: listen: 127.0.0.1, 127.0.0.1:53 is there twice"
    ]
    assert len(load('listen: ["127.0.0.1:0", "127.0.0.1:0"]').listen) == 2


def test_paths_are_relative_to_the_file(load, tmp_path):
    config = load("state_dir: state\nzones: {example.com: {file: z/example.com.yaml}}\n")
    assert config.state_dir == tmp_path / "state"
    assert dict(config.zones) == {EXAMPLE: ZoneSource(EXAMPLE, tmp_path / "z/example.com.yaml", "octodns")}


@pytest.mark.parametrize("word", ["off", "false", "no"])
def test_the_api_can_be_off(load, word):
    assert load(f"api: {word}").api is None


def test_the_api_listens_where_it_is_told(load):
    assert load('api: {listen: "[::1]:0"}').api == ("::1", 0)


def test_the_suffix_tells_the_format_of_a_zone_file_unless_it_is_said(load, refused):
    zones = load("zones: {a: {file: a.zone}, b: {file: b.yml}, c: {file: c.txt, format: master}}").zones
    assert [source.format for source in zones.values()] == ["master", "octodns", "master"]
    assert refused("zones: {c: {file: c.txt}}") == [
        "gslb.yaml:1: zones.c: the suffix of c.txt does not tell its format; add format: octodns or master"
    ]


def test_a_monitor_has_defaults_and_the_options_of_its_probe(load):
    config = load("monitors: {web: {probe: http, path: /healthz, interval: 5s}, db: {probe: tcp, port: 5432}}")
    web = config.monitors["web"]
    assert (web.interval_seconds, web.timeout_seconds, web.rise, web.fall, web.target) == (5.0, 2.0, 2, 3, None)
    assert web.for_target("192.0.2.1").option_values()["path"] == "/healthz"
    assert config.monitors["db"].for_target("192.0.2.1").option_values()["port"] == 5432


def test_options_written_out_or_left_at_their_defaults_make_equal_monitors(load):
    config = load("monitors: {a: {probe: http}, b: {probe: http, port: 80, interval: 10s, status: [200-399]}}")
    assert config.monitors["a"] == config.monitors["b"]


def test_a_profile_probes_the_member_unless_it_names_a_target():
    profile = MonitorProfile("tcp", "{}", 10.0, 2.0, 2, 3)
    assert profile.for_target("192.0.2.1").target == "192.0.2.1"
    fixed = MonitorProfile("tcp", "{}", 10.0, 2.0, 2, 3, target="192.0.2.9")
    assert fixed.for_target("192.0.2.1").target == "192.0.2.9"


@pytest.mark.parametrize(
    ("content", "why"), [(None, "no such file or directory"), ("no certificate\n", "no certificates in PEM form")]
)
def test_certificates_that_a_monitor_cannot_trust_are_told_before_it_takes_members_down(
    load, refused, tmp_path, content, why
):
    trusted = tmp_path / "ours.pem"
    if content is not None:
        trusted.write_text(content)
    text = f"monitors:\n  web:\n    probe: https\n    ca_file: {trusted}\n"
    said = f"cannot read the trusted certificates in ours.pem: {why}"
    advice = "give a PEM file of certificates (-----BEGIN CERTIFICATE-----) that gslb may read"
    assert refused(text) == [f"gslb.yaml:4: monitors.web.ca_file: {said}; {advice}"]
    with pytest.raises(ConfigError) as caught:
        load(text)
    assert trusted in caught.value.files  # its mend


def test_every_problem_of_the_file_is_told_with_its_line_and_the_mend(refused):
    text = """\
nodee: ns1
api: {lisen: 127.0.0.1:8053}
log: {format: xml}
monitors:
  web: {probe: htp, port: 8080}
  slow: {probe: http, prt: 8080, interval: 5, rise: x}
  tight: {probe: tcp, interval: 1s, timeout: 2s}
  odd: [a]
  none: {port: 80}
keys: {both: {secret: c2VjcmV0c2VjcmV0, file: x}, bad: {secret: "!!"}}
zones: {a: {fil: a.yaml}, a..b: {file: x.yaml}}
limits: {tcp_idle: 5, udp_size: 100}
"""
    assert refused(text) == [
        "gslb.yaml:1: nodee: unknown key 'nodee'; did you mean 'node'?",
        "gslb.yaml:2: api.lisen: unknown key 'lisen'; did you mean 'listen'?",
        "gslb.yaml:3: log.format: must be one of 'auto', 'console' or 'json', not 'xml'",
        "gslb.yaml:5: monitors.web.probe: unknown probe 'htp'; did you mean 'http'?",
        "gslb.yaml:6: monitors.slow.interval: '5' has no unit; write 5s for seconds",
        "gslb.yaml:6: monitors.slow.prt: unknown key 'prt'; did you mean 'port'?",
        "gslb.yaml:6: monitors.slow.rise: must be a whole number, not 'x'",
        "gslb.yaml:7: monitors.tight: the timeout (2s) must not be longer than the interval (1s)",
        "gslb.yaml:7: monitors.tight.port: is missing",
        "gslb.yaml:8: monitors.odd: must be a mapping of keys, such as {probe: http, port: 80}",
        "gslb.yaml:9: monitors.none.probe: is missing",
        "gslb.yaml:10: keys.bad.secret: the secret is not base64 text of at least 8 octets",
        "gslb.yaml:10: keys.both: a key has either `secret` or `file`",
        "gslb.yaml:11: zones.a..b: 'a..b' is not a domain name: A DNS label is empty",
        "gslb.yaml:11: zones.a.fil: unknown key 'fil'; did you mean 'file'?",
        "gslb.yaml:12: limits.tcp_idle: '5' has no unit; write 5s for seconds",
        "gslb.yaml:12: limits.udp_size: must be at least 512, not '100'",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "catalog: x",
        "zones: {a: {file: a.yaml, catalog: x}}",
        "zones: {a: {file: a.yaml, dynamic_names: [x]}}",
        "zones: {a: {file: a.yaml, writer: api}}",
    ],
)
def test_what_comes_later_is_refused_and_never_ignored(refused, text):
    (problem,) = refused(text)
    assert ": not supported yet: " in problem


def test_a_zone_named_twice_in_two_spellings_is_refused(refused):
    assert refused("zones: {a.b: {file: a.yaml}, A.B.: {file: b.yaml}}") == [
        "gslb.yaml:1: zones.A.B.: the zone a.b. is there twice"
    ]


def test_sections_with_nothing_in_them_count_as_left_out(load):
    assert load("monitors:\nzones:\nlimits: ~\nlog:\n").limits == Limits()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("# nothing\n", "the file has no keys; write at least where its zones are, such as zones_dir: zones"),
        ("- a\n", "must be a mapping of keys"),
        ("", "the file is empty; write at least where its zones are, such as zones_dir: zones"),
        ("monitors: [a]\n", "monitors: must be a mapping of keys; write e.g. {web: {probe: http, path: /healthz}}"),
    ],
)
def test_a_file_that_is_no_mapping_is_one_problem(refused, text, said):
    (problem,) = refused(text)
    assert problem == f"gslb.yaml:1: {said}"


def test_a_missing_file_is_one_problem(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.yaml:1: no such file"):
        load_node(tmp_path / "none.yaml")


class TestKeys:
    SECRET = "c2VjcmV0IHNlY3JldA=="

    def test_a_secret_comes_from_a_file_of_its_own(self, load, tmp_path):
        (tmp_path / "xfr.key").write_text(f"{self.SECRET}\n")
        (tmp_path / "xfr.key").chmod(0o600)
        key = load("keys: {Xfr.example: {algorithm: hmac-sha512, file: xfr.key}}").keys["Xfr.example"]
        assert (key.name, key.algorithm, key.secret) == (b"\x03xfr\x07example\x00", "hmac-sha512", b"secret secret")

    def test_no_text_shows_a_secret(self, load):
        config = load(f"keys: {{xfr: {{secret: {self.SECRET}}}}}")
        assert config.keys["xfr"].secret == b"secret secret"
        assert "secret secret" not in repr(config)
        assert self.SECRET not in repr(config)

    @pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o620])
    def test_a_key_file_that_others_can_use_names_the_mend(self, refused, tmp_path, mode):
        (tmp_path / "xfr.key").write_text(self.SECRET)
        (tmp_path / "xfr.key").chmod(mode)
        assert refused("keys:\n  xfr: {file: xfr.key}") == [
            "gslb.yaml:2: keys.xfr.file: xfr.key holds a secret and others can read it; run: chmod 600 xfr.key"
        ]

    def test_so_does_gslb_yaml_itself_when_it_holds_a_secret(self, tmp_path):
        path = tmp_path / "gslb.yaml"
        path.write_text(f"keys: {{xfr: {{secret: {self.SECRET}}}}}")
        path.chmod(0o644)
        with pytest.raises(ConfigError, match=r"run: chmod 600 .*gslb\.yaml"):
            load_node(path)

    def test_without_a_secret_anyone_may_read_gslb_yaml(self, tmp_path):
        path = tmp_path / "gslb.yaml"
        path.write_text("node: a")
        path.chmod(0o644)
        assert load_node(path).node == "a"

    @pytest.mark.parametrize("secret", ["'!!'", "c2VjcmV", "c2VjcmV0", "c2VjcmV0c2VjcmV"])
    def test_a_bad_or_short_secret_is_refused_without_being_shown(self, refused, secret):
        (problem,) = refused(f"keys: {{xfr: {{secret: {secret}}}}}")
        assert problem == "gslb.yaml:1: keys.xfr.secret: the secret is not base64 text of at least 8 octets"

    @pytest.mark.parametrize(
        "text",
        [
            f'key "xfr" {{\n\talgorithm hmac-sha256;\n\tsecret "{SECRET}";\n}};\n',
            f"key:\n  - id: xfr\n    algorithm: hmac-sha256\n    secret: {SECRET}\n",
        ],
    )
    def test_of_a_key_as_bind_or_knot_has_it_the_secret_alone_is_wanted(self, refused, tmp_path, text):
        (tmp_path / "xfr.key").write_text(text)
        (tmp_path / "xfr.key").chmod(0o600)
        (problem,) = refused("keys: {xfr: {file: xfr.key}}")
        assert problem.startswith(
            "gslb.yaml:1: keys.xfr.file: the secret is not base64 text of at least 8 octets; write "
        )
        assert "nothing else: no name, no algorithm" in problem
        assert self.SECRET not in problem

    def test_an_empty_key_file_is_told_what_belongs_in_it(self, refused, tmp_path):
        (tmp_path / "xfr.key").touch(0o600)
        (problem,) = refused("keys: {xfr: {file: xfr.key}}")
        assert problem.endswith(": xfr.key: the file is empty; write the secret in base64: openssl rand -base64 32")

    def test_a_file_that_may_not_be_read_says_who_is_to_be_let(self, refused, tmp_path, monkeypatch):
        (tmp_path / "xfr.key").touch(0o600)
        read = Path.read_bytes

        def denied(path):
            if path.name == "xfr.key":
                raise PermissionError(13, "Permission denied")
            return read(path)

        monkeypatch.setattr(Path, "read_bytes", denied)
        (problem,) = refused("keys: {xfr: {file: xfr.key}}")
        advice = "let the user that the node runs as read it, and look into its folder"
        assert problem.endswith(f": xfr.key: cannot be read: Permission denied; {advice}")

    def test_a_missing_key_file_is_a_problem(self, refused):
        assert refused("keys: {xfr: {file: none.key}}") == ["gslb.yaml:1: keys.xfr.file: none.key: no such file"]


def test_what_is_missing_is_told_beside_what_is_written_wrong(refused):
    assert refused(
        "nonsense: 1\n"
        "zones_dir: nowhere\n"
        "keys: {xfr: {file: none.key}}\n"
        "cookies: {file: none.cookie}\n"
        "tls: {certificate: none.pem, key: none.pem}\n"
        "zones: {a: {file: none.yaml}, b: {file: b.yaml, notfy: []}}\n"
    ) == [
        "gslb.yaml:1: nonsense: unknown key 'nonsense'; did you mean 'zones'?",
        "gslb.yaml:2: zones_dir: nowhere is not a folder",
        "gslb.yaml:3: keys.xfr.file: none.key: no such file",
        "gslb.yaml:4: cookies.file: none.cookie: no such file",
        "gslb.yaml:5: tls.certificate: none.pem: no such file",
        "gslb.yaml:5: tls.key: none.pem: no such file",
        "gslb.yaml:6: zones.b.notfy: unknown key 'notfy'; did you mean 'notify'?",
    ]


def test_missing_zone_files_are_told_too_where_nobody_comes_to_read_them(load, tmp_path):
    with pytest.raises(ConfigError):
        load("nonsense: 1\nzones: {a: {file: none.yaml}, b: {primaries: [ns1]}}\n")
    with pytest.raises(ConfigError, match=r"gslb\.yaml:2: zones\.a\.file: .*none\.yaml: no such file"):
        load_node(tmp_path / "gslb.yaml", zone_files_too=True)


def test_a_missing_zone_file_alone_is_not_the_problem_of_gslb_yaml(load):
    assert list(load("zones: {a: {file: none.yaml}}").zones) == [b"\x01a\x00"]


class TestZonesDir:
    @pytest.fixture
    def folder(self, tmp_path):
        (tmp_path / "zones").mkdir()
        return tmp_path / "zones"

    def test_every_zone_file_of_the_folder_is_served(self, load, folder):
        for name in ["example.com.yaml", "2.0.192.in-addr.arpa.zone", ".hidden.yaml", "README.md", "x.yaml~"]:
            (folder / name).write_text("")
        zones = load("zones_dir: zones").zones
        assert {source.path.name: source.format for source in zones.values()} == {
            "example.com.yaml": "octodns",
            "2.0.192.in-addr.arpa.zone": "master",
        }
        assert EXAMPLE in zones

    def test_what_is_named_wins_over_what_is_found(self, load, folder, tmp_path):
        (folder / "example.com.yaml").write_text("")
        zones = load("zones_dir: zones\nzones: {example.com: {file: other.yaml}}").zones
        assert zones[EXAMPLE].path == tmp_path / "other.yaml"

    def test_a_file_named_for_one_zone_is_not_found_as_another(self, load, folder):
        (folder / "a.yaml").write_text("")
        zones = load("zones_dir: zones\nzones: {b: {file: zones/a.yaml}}").zones
        assert list(zones) == [b"\x01b\x00"]

    def test_so_is_one_that_leads_there_by_a_link(self, load, folder, tmp_path):
        (folder / "a.yaml").write_text("")
        (folder / "c.yaml").symlink_to("a.yaml")
        (tmp_path / "other").symlink_to("zones")
        zones = load("zones_dir: other\nzones: {b: {file: zones/a.yaml}}").zones
        assert list(zones) == [b"\x01b\x00"]

    def test_a_folder_that_may_not_be_listed_is_a_problem(self, refused, folder, monkeypatch):
        """Its mode says so to everybody but root."""

        def scandir(_):
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(sources.os, "scandir", scandir)
        advice = "let the user that the node runs as read it"
        said = f"gslb.yaml:2: zones_dir: zones cannot be listed: Permission denied; {advice}"
        assert refused("node: a\nzones_dir: zones") == [said]

    def test_gslb_yaml_in_the_same_folder_is_no_zone(self, load):
        assert dict(load("zones_dir: .").zones) == {}

    def test_a_link_to_itself_keeps_no_zone_from_being_found(self, load, folder):
        (folder / "example.com.yaml").write_text("")
        for name in ["a.yaml", "a..b.yaml"]:
            (folder / name).symlink_to(name)
        config = load("node: a\nzones_dir: zones")
        assert set(config.zones) == {EXAMPLE, b"\x01a\x00"}
        assert ["a..b.yaml is not served" in str(warning) for warning in config.warnings] == [True]

    def test_two_files_of_one_zone_are_a_problem(self, refused, folder):
        (folder / "a.yaml").write_text("")
        (folder / "A.zone").write_text("")
        assert refused("zones_dir: zones") == [
            "gslb.yaml:1: zones_dir: a. has two files: A.zone and a.yaml; keep one of them"
        ]

    def test_files_that_look_like_zones_and_are_not_served_are_warned_of(self, load, folder, tmp_path):
        for name in ["example.com.yaml", "example.org.yml", "a..b.yaml", f"{'x' * 64}.zone", "part.db", ".hidden.yml"]:
            (folder / name).write_text("")
        config = load("node: a\nzones_dir: zones")
        assert list(config.zones) == [EXAMPLE]
        not_a_domain = "the name is no domain: name the file after its zone, as in example.com.yaml, or move it away"
        rename = "zones_dir serves .yaml and .zone: rename it to example.org.yaml, or name it under `zones`"
        assert [str(warning) for warning in config.warnings] == [
            f"{tmp_path}/gslb.yaml:2: zones_dir: {folder}/{name} is not served: {advice}"
            for name, advice in [
                ("a..b.yaml", not_a_domain),
                ("example.org.yml", rename),
                (f"{'x' * 64}.zone", not_a_domain),
            ]
        ]

    def test_a_file_that_is_named_under_zones_is_not_warned_of(self, load, folder):
        (folder / "a.yml").write_text("")
        assert load("zones_dir: zones\nzones: {a: {file: zones/a.yml}}").warnings == ()

    def test_the_grace_is_ten_minutes_unless_it_is_said(self, load):
        assert load("node: a").zones_dir_grace_seconds == 600
        assert load("zones_dir_grace: 30s").zones_dir_grace_seconds == 30

    def test_a_folder_that_is_not_there_is_a_problem(self, refused):
        assert refused("node: a\nzones_dir: nowhere") == ["gslb.yaml:2: zones_dir: nowhere is not a folder"]
        assert refused(f"zones_dir: {'a' * 300}") == [f"gslb.yaml:1: zones_dir: {'a' * 300} is not a folder"]


def test_nameservers_are_full_names_given_to_each_zone(load):
    config = load("nameservers: [ns1.Example.net.]\nzones: {a: {file: a.yaml}}")
    assert config.nameservers == (b"\x03ns1\x07example\x03net\x00",)
    assert config.zones[b"\x01a\x00"].nameservers == config.nameservers


@pytest.mark.parametrize("value", ["[5s]", "{a: 5s}", "[]"])
@pytest.mark.parametrize("key", ["limits: {tcp_idle: %s}", "limits: {transfer_size: %s}", "zones_dir_grace: %s"])
def test_a_list_where_a_duration_or_a_size_belongs_is_told_with_its_line(refused, key, value):
    (problem,) = refused(key % value)
    assert problem.startswith("gslb.yaml:1: ")
    assert "; write one like " in problem


@pytest.mark.parametrize("key", ["listen", "listen_tls"])
def test_the_api_has_a_port_of_its_own(refused, key):
    problems = refused(f'{key}: ["127.0.0.1:8053"]\napi: {{listen: "127.0.0.1:8053"}}')
    said = f"gslb.yaml:2: api.listen: 127.0.0.1 port 8053 is under `{key}` too; give it another"
    assert said in problems
