"""`nsid`, `version` and `cookies` of gslb.yaml."""

from pathlib import Path

import pytest

from gslb import __version__
from gslb.config.cookies import CookieSettings
from gslb.config.node import load_node
from gslb.config.problems import ConfigError
from gslb.config.schema import json_schema_node

SECRET = "000102030405060708090a0b0c0d0e0f"
OTHER = "F0F1F2F3F4F5F6F7F8F9FAFBFCFDFEFF"
OCTETS, OTHER_OCTETS = bytes.fromhex(SECRET), bytes.fromhex(OTHER)


@pytest.fixture
def write(tmp_path: Path):
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    (tmp_path / "other").write_text(f"  {OTHER}\n")
    (tmp_path / "open").write_text(SECRET)
    (tmp_path / "secret").chmod(0o600)
    (tmp_path / "other").chmod(0o600)
    (tmp_path / "open").chmod(0o644)

    def written(text: str, mode: int = 0o600) -> Path:
        path = tmp_path / "gslb.yaml"
        path.write_text(f"node: ns-a\n{text}\n")
        path.chmod(mode)
        return path

    return written


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", None),
        ("nsid: off", None),
        ("nsid: no", None),
        ("nsid:", None),
        ("nsid: on", b"ns-a"),
        ("nsid: true", b"ns-a"),
        ("nsid: fra-2", b"fra-2"),
        ("nsid: 17", b"17"),
        ("nsid: Köln", "Köln".encode()),
    ],
)
def test_nsid_is_off_or_the_node_or_a_text(write, text: str, expected: bytes | None) -> None:
    assert load_node(write(text)).nsid == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", None),
        ("version: off", None),
        ("version: on", f"gslb {__version__}".encode()),
        ("version: none of your business", b"none of your business"),
        ("version: 1.10", b"1.10"),
    ],
)
def test_version_is_off_or_the_programs_or_a_text(write, text: str, expected: bytes | None) -> None:
    assert load_node(write(text)).version == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", CookieSettings()),
        ("cookies: {}", CookieSettings()),
        ("cookies: off", None),
        (f"cookies: {{secret: {SECRET}}}", CookieSettings(OCTETS)),
        ("cookies: {file: secret}", CookieSettings(OCTETS)),
        (f"cookies: {{file: secret, previous: {OTHER}}}", CookieSettings(OCTETS, OTHER_OCTETS)),
        ("cookies: {file: secret, previous_file: other}", CookieSettings(OCTETS, OTHER_OCTETS)),
        ("cookies: {required: true}", CookieSettings(required=True)),
    ],
)
def test_cookies_are_on_unless_off_and_have_their_secrets_from_text_or_files(
    write, text: str, expected: CookieSettings | None
) -> None:
    assert load_node(write(text)).cookies == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"cookies: {{secret: {SECRET}, file: secret}}", "either `secret` or `file`"),
        (f"cookies: {{file: secret, previous: {OTHER}, previous_file: other}}", "either `previous` or `previous_file`"),
        (f"cookies: {{previous: {OTHER}}}", "`previous` goes with a `secret` or `file`"),
        ("cookies: {secret: 0123}", "cookies.secret: the secret is not 32 hexadecimal digits"),
        ("cookies: {file: gslb.yaml}", "cookies.file: the secret is not 32 hexadecimal digits"),
        ("cookies: {file: nowhere}", "cookies.file: "),
        ("cookies: {file: open}", "chmod 600"),
        ("cookies: {file: secret, previous_file: open}", "cookies.previous_file: "),
        ("cookies: {enforced: true}", "unknown key 'enforced'"),
        ("cookies: maybe", "cookies: "),
        ("nsid: " + "x" * 129, "nsid: must have 1 to 128 octets"),
        ("nsid: [a]", "nsid: must be text"),
        ("version: " + "x" * 129, "version: must have 1 to 128 octets"),
    ],
)
def test_what_is_wrong_is_said_with_its_line_and_without_the_secret(write, text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_node(write(text))
    assert "gslb.yaml:2: " in str(caught.value)
    assert said in str(caught.value)
    assert SECRET not in str(caught.value)
    assert OTHER not in str(caught.value)


def test_a_file_with_a_secret_in_it_is_for_its_owner_only(write) -> None:
    with pytest.raises(ConfigError, match="chmod 600"):
        load_node(write(f"cookies: {{secret: {SECRET}}}", mode=0o640))
    assert load_node(write("cookies: {file: secret}", mode=0o644)).cookies == CookieSettings(OCTETS)


def test_no_secret_is_shown(write) -> None:
    shown = repr(load_node(write(f"cookies: {{secret: {SECRET}, previous: {OTHER}}}")))
    assert "CookieSettings" in shown
    assert SECRET not in shown
    assert repr(OCTETS) not in shown


def test_the_json_schema_knows_both() -> None:
    properties = json_schema_node()["properties"]
    assert {"enum": ["off", False]} in properties["cookies"]["anyOf"]
    assert properties["nsid"]["type"] == properties["version"]["type"] == ["string", "boolean"]
