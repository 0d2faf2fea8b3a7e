"""The command line: exit codes, help that fits a terminal, and words for those who typed something else."""

import argparse
import errno
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from gslb.cli import config_file
from gslb.cli import main as command_line
from gslb.cli.main import main, parser


def commands(of: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    yield of
    for action in of._actions:  # argparse tells its subcommands in no other way
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield from commands(command)


def test_the_help_of_every_command_fits_eighty_columns_and_tells_the_exit_codes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    every = list(commands(parser()))
    assert len(every) == 14
    for command in every:
        text = command.format_help()
        assert [line for line in text.splitlines() if len(line) > 80] == [], command.prog
        assert "Exit codes: 0" in text, command.prog


@pytest.mark.parametrize("words", [[], ["override"], ["cluster"]])
def test_without_a_command_or_action_the_help_is_shown_and_the_exit_code_is_2(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert (out, err[:6]) == ("", "usage:")


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder without a configuration, nor one elsewhere."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GSLB_CONFIG", raising=False)
    monkeypatch.setattr(config_file, "DEFAULT_CONFIG", str(tmp_path / "etc/gslb.yaml"))
    return tmp_path


@pytest.mark.parametrize("command", ["check", "serve", "status", "reload"])
def test_a_configuration_that_is_nowhere_is_told_with_where_it_was_looked_for(
    nowhere: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    assert main([command]) == 2
    told = capsys.readouterr().err
    assert f"there is no gslb.yaml in this folder, and no {nowhere}/etc/gslb.yaml; name the node's file with -c" in told
    assert main([command, "-c", "other.yaml"]) == 2
    assert capsys.readouterr().err == "gslb: -c other.yaml: no such file\n"
    monkeypatch.setenv("GSLB_CONFIG", "third.yaml")
    assert main([command]) == 2
    assert capsys.readouterr().err == "gslb: $GSLB_CONFIG says third.yaml: no such file\n"


def test_files_that_are_not_there_are_not_counted_as_read(nowhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "example.com.yaml"]) == 2
    assert capsys.readouterr().err == "example.com.yaml:1: no such file\n1 problem; 0 files read\n"
    assert main(["check", "--json", "-c", "none.yaml"]) == 2
    assert json.loads(capsys.readouterr().out) == {
        "files": [],
        "errors": ["none.yaml:1: no such file"],
        "warnings": [],
    }


def test_files_that_cannot_be_looked_at_are_told_like_any_that_cannot_be_read(
    nowhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    long = "x" * 300  # no name of a file is as long: looking fails also for root
    said = "cannot be read: File name too long"
    assert main(["check", f"{long}/example.com.yaml"]) == 2
    assert capsys.readouterr().err.startswith(f"{long}/example.com.yaml:1: {said}\n1 problem;")
    assert main(["check", "-c", f"{long}/gslb.yaml"]) == 2
    assert capsys.readouterr().err.startswith(f"{long}/gslb.yaml:1: {said}\n1 problem;")
    entry = f"zones: {{example.com: {{file: {long}.yaml}}}}\n"
    (nowhere / "gslb.yaml").write_text("node: ns1\nlisten: [127.0.0.1:5300]\n" + entry)
    assert main(["check"]) == 2
    assert f"{long}.yaml:1: {said}\n" in capsys.readouterr().err
    (nowhere / "gslb.yaml").write_text("nonsense: 1\nlisten: [127.0.0.1:5300]\n" + entry)
    assert main(["check"]) == 2
    assert "nonsense" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["www.example.com", "AA"], "'AA' is not a record type; did you mean 'A' or 'AAAA'?"),
        (["www.example.com", "-t", "TTX"], "'TTX' is not a record type; did you mean 'TXT'?"),
        (["www.example.com", "+dnssec"], "'+dnssec' is not a record type; write e.g. gslb explain www.example.com TXT"),
        (["MX", "example.com"], "the name comes first: gslb explain example.com MX"),
        (["www.example.com", "A", "-t", "TXT"], "the type is there twice: A, and --type TXT"),
        (["www..com"], "'www..com' is not a domain name: A DNS label is empty"),
        (["www.example.com", "--client", "me"], "--client 'me' is not an address; write one like 203.0.113.9 or"),
    ],
)
def test_a_question_that_cannot_be_asked_is_told_with_the_one_that_was_meant(
    capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    assert main(["explain", *words]) == 2
    assert capsys.readouterr().err.startswith(f"gslb: {said}")


def test_the_type_may_be_an_option_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked = []
    monkeypatch.setattr(command_line.ask, "explain", lambda *words, as_json: asked.append((words[1:], as_json)) or 0)
    monkeypatch.setattr(command_line, "state_dir", lambda _: tmp_path)
    for words in (["x.example", "MX"], ["x.example", "-t", "MX"], ["--type", "MX", "x.example"], ["x.example"]):
        assert main(["explain", *words]) == 0
    assert [rtype for (_, rtype, _), _ in asked] == ["MX", "MX", "MX", "A"]


def test_a_running_node_is_found_though_its_file_is_no_yaml_any_more(
    nowhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (nowhere / "gslb.yaml").write_text("state_dir: 'here'  # of this node\nlog: {}\nlog: {}\n")
    assert main(["status"]) == 1
    told = capsys.readouterr().err
    assert "gslb.yaml:3: log: this key is already on line 2" in told
    assert "no node answers at here/control.sock" in told


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM])
@pytest.mark.parametrize("command", [["status"], ["override", "list"], ["reload"], ["cluster", "status"]])
def test_who_may_not_ask_the_node_is_told_who_may(
    nowhere: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    command: list[str],
) -> None:
    """Root may, whatever the mode of the socket, so the kernel's word is put in its mouth."""

    def refuse(_: socket.socket, address: object) -> None:
        raise PermissionError(number, os.strerror(number))

    monkeypatch.setattr(socket.socket, "connect", refuse)
    (nowhere / "gslb.yaml").write_text("node: ns1\nlisten: [127.0.0.1:5300]\nstate_dir: here\nzones: {}\n")
    assert main(command) == 1
    said = "permission denied; run this as root, or as the user that the node runs as"
    assert capsys.readouterr().err == f"gslb: may not open here/control.sock: {said}\n"
