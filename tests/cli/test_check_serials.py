"""`gslb check` holds the serial of a master file against what the node of the configuration has served."""

from pathlib import Path

import pytest

from gslb.cli.check import check
from gslb.config.node import load_node
from gslb.config.versions import VersionStore
from gslb.config.zones import load_zone

HEAD = "$TTL 60\n@ IN SOA ns.x.example. ops.x.example. (\n  {serial} 3600 600 86400 60 )\n@ NS ns\nns A 192.0.2.1\n"


class Folder:
    """A node's folder with one master file; `serve` is what the node does when it takes the file."""

    def __init__(self, path: Path) -> None:
        self.config, self.zone = path / "gslb.yaml", path / "x.example.zone"
        self.config.write_text("state_dir: state\nzones: {x.example: {file: x.example.zone}}\n")

    def write(self, serial: int, more: str = "") -> None:
        self.zone.write_text(HEAD.format(serial=serial) + more)

    def serve(self) -> int:
        config = load_node(self.config)
        (source,) = config.zones.values()
        read = load_zone(source, {})
        store = VersionStore(config.state_dir)
        zone, version = store.number(read.zone, self.zone.read_text(), "master", 0, read.serial_floor)
        store.keep([version] if version is not None else [])
        return zone.serial

    def check(self) -> int:
        return check(self.config, [], as_json=False)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_a_serial_below_the_one_served_is_warned_of_where_it_stands_with_the_one_it_gets(
    folder: Folder, capsys
) -> None:
    folder.write(2024010100)
    assert folder.serve() == 2024010100
    folder.write(7, "www A 192.0.2.2\n")
    assert folder.check() == 0
    told = capsys.readouterr().err
    said = "its serial 7 is below what was served before: the zone is served under 2024010101; raise it above that"
    assert told == f"warning: {folder.zone}:2: @.SOA: {said}\n"
    assert folder.serve() == 2024010101, "as was said"


def test_a_serial_that_is_newer_or_that_of_the_same_content_is_right(folder: Folder, capsys) -> None:
    folder.write(5)
    assert folder.check() == 0, "nothing was served before"
    folder.serve()
    assert folder.check() == 0
    folder.write(6, "www A 192.0.2.2\n")
    assert folder.check() == 0
    assert capsys.readouterr().err == ""


def test_checking_leaves_the_state_as_it_is(folder: Folder) -> None:
    folder.write(5)
    assert folder.check() == 0
    assert not (folder.config.parent / "state").exists()


def test_a_damaged_version_counts_as_none(folder: Folder, capsys) -> None:
    folder.write(5)
    folder.serve()
    (stored,) = (folder.config.parent / "state/zones").iterdir()
    stored.write_text("{")
    folder.write(4, "www A 192.0.2.2\n")
    assert folder.check() == 0
    assert capsys.readouterr().err == ""


def test_a_state_that_may_not_be_read_is_told_with_who_may(folder: Folder, capsys, monkeypatch) -> None:
    folder.write(5)

    def refused(*_: object, **__: object) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("gslb.config.versions.json.loads", refused)
    folder.serve()
    assert folder.check() == 0
    told = capsys.readouterr().err
    assert "its serial 5 cannot be compared with what was served: Permission denied: " in told
    assert told.endswith("; run this as the user that the node runs as\n")


def test_a_signed_zone_whose_serial_is_not_newer_is_an_error(folder: Folder, capsys, monkeypatch) -> None:
    folder.write(5)
    folder.serve()
    folder.write(5, "www A 192.0.2.2\n")
    monkeypatch.setattr("gslb.config.versions.is_signed", lambda _: True)
    assert folder.check() == 2
    told = capsys.readouterr().err
    assert f"{folder.zone}:2: @.SOA: its serial 5 is not newer than 5, which was served before" in told
    assert "raise it, and sign the zone again" in told
