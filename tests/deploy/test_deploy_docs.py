"""README.md and the guides hold: commands exist with the options shown, links lead somewhere, keys are those of
gslb.yaml, and the delegation's dig lines say what they are said to."""

import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from harness import Daemon

from gslb.app.pending import AT_START
from gslb.cli.main import parser
from gslb.config.node_schema import NodeSchema
from gslb.transfer.faults import Fault

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
PAGES = {
    str(path.relative_to(ROOT)): path.read_text()
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted(DEPLOY.glob("*.md"))]
}
"""What people read, by path from the top folder."""
RUNBOOK, DELEGATION = PAGES["deploy/RUNBOOK.md"], PAGES["deploy/DELEGATION.md"]
ALERTS = yaml.safe_load((DEPLOY / "prometheus/alerts.yaml").read_text())


def anchors(page: str) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"```.*?```", "", page, flags=re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def fenced(page: str, language: str) -> list[str]:
    return re.findall(rf"^ *```{language}\n(.*?)^ *```", page, re.MULTILINE | re.DOTALL)


def shell_lines(page: str) -> list[str]:
    """The commands of a page, without the text of here-documents."""
    typed = (
        re.sub(r"(<<'?END'?)\n.*?^END$", r"\1", block, flags=re.MULTILINE | re.DOTALL) for block in fenced(page, "sh")
    )
    return [line.strip() for block in typed for line in block.replace("\\\n", "").splitlines() if line.strip()]


def commands_of(program: str) -> list[str]:
    """Every command that begins with `program`, a pattern, in shell blocks and in the text of all pages."""
    said = [part.strip() for page in PAGES.values() for line in shell_lines(page) for part in re.split(r"[;|&]+", line)]
    prose = (re.sub(r"^ *```.*?^ *```", "", page, flags=re.MULTILINE | re.DOTALL) for page in PAGES.values())
    said += [text for page in prose for text in re.findall(r"`([^`]+)`", page.replace("\n", " "))]
    plain = (re.sub(r" [&#]? ?(2?>|#).*", "", text).strip() for text in said)
    return sorted({text for text in plain if re.match(rf"{program}(?!\S)", text)})


@pytest.mark.parametrize("command", commands_of(r"(?:\S+/)?gslb \S+"))
def test_a_command_that_a_page_gives_is_one_of_gslb(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = shlex.split(command)[1:]
    if len(arguments) > 1:
        parser().parse_args(arguments)
        return
    with pytest.raises(SystemExit) as ended:  # `gslb override` names a command; that takes more
        parser().parse_args([*arguments, "--help"])
    assert ended.value.code == 0
    assert capsys.readouterr().out


@pytest.mark.parametrize("command", commands_of(r"make \S+"))
def test_a_target_that_a_page_gives_is_one_of_the_makefile(command: str) -> None:
    targets = re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert command.split()[1] in targets


@pytest.mark.parametrize("command", commands_of(r"python (?:-m pytest|tests/\S+)"))
def test_a_program_that_a_page_gives_is_there_with_its_options(command: str) -> None:
    _, *words = shlex.split(command)
    program = next(word for word in words if word.startswith("tests/"))
    assert (ROOT / program).exists()
    options = [word for word in words if word.startswith("--")]
    folder = "".join(path.read_text() for path in (ROOT / program).parent.glob("*.py")) if options else ""
    assert [option for option in options if f'"{option}"' not in folder] == []


def test_every_page_is_reached_from_the_readme() -> None:
    linked = re.findall(r"\]\(([^)#]+)", PAGES["README.md"])
    assert [page for page in PAGES if page not in {*linked, "README.md"}] == []


def test_the_table_of_keys_is_that_of_gslb_yaml() -> None:
    table = re.search(r"^\| key .*?\n\n", PAGES["docs/NODE.md"], re.MULTILINE | re.DOTALL)
    assert table is not None
    rows = re.findall(r"^\| `(\w+)` .*?(\*start\* )?\|$", table[0], re.MULTILINE)
    assert sorted(key for key, _ in rows) == sorted(NodeSchema.model_fields)
    assert sorted(key for key, start in rows if start) == sorted(AT_START)


def node_parts() -> list[str]:
    """The blocks of YAML that stand for a part of gslb.yaml: all but zones, which have quotes for their apex."""
    return [block for page in PAGES.values() for block in fenced(page, "yaml") if not block.startswith("''")]


@pytest.mark.parametrize("part", node_parts())
def test_a_part_of_gslb_yaml_has_keys_that_there_are(part: str) -> None:
    NodeSchema.model_validate(yaml.safe_load(part))


def test_every_section_of_the_runbook_is_an_alert() -> None:
    sections = re.findall(r"^## (.*)$", RUNBOOK, re.MULTILINE)
    assert sections == [rule["alert"] for group in ALERTS["groups"] for rule in group["rules"]]


def test_the_runbook_knows_every_way_a_transfer_fails() -> None:
    table = re.search(r"^\| `fault`.*?\n\n", RUNBOOK, re.MULTILINE | re.DOTALL)
    assert table is not None
    assert [fault for fault in Fault if f"`{fault}`" not in table[0]] == []


def test_log_lines_that_the_runbook_names_are_written_somewhere() -> None:
    table = re.search(r"^\| in the log .*?\n\n", RUNBOOK, re.MULTILINE | re.DOTALL)
    assert table is not None
    events = [*re.findall(r"`(\w+)`", table[0]), "transfer_failed", "transfer_not_taken", "transfer_refused"]
    source = "".join(path.read_text() for path in (DEPLOY.parent / "gslb").rglob("*.py"))
    assert [event for event in events if f'"{event}"' not in source] == []


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_somewhere(name: str) -> None:
    page = ROOT / name
    for target in re.findall(r"\]\(([^)]+)\)", PAGES[name]):
        if target.startswith("https://"):
            continue
        file, _, anchor = target.partition("#")
        there = page.parent / file if file else page
        assert there.exists(), target
        assert not anchor or anchor in anchors(there.read_text()), target


def test_the_zone_of_the_guide_is_one(daemon: Daemon) -> None:
    (zone,) = (block for block in fenced(PAGES["docs/ZONES.md"], "yaml") if block.startswith("''"))
    daemon.configure("monitors: {web: {probe: tcp, port: 80}}\nzones_dir: zones\n")
    daemon.write("zones/example.com.yaml", zone)
    checked = daemon.run("check")
    assert checked.returncode == 0, checked.stdout + checked.stderr


def dig_lines() -> list[tuple[str, list[str]]]:
    """The lines of the delegation guide that ask the first node, with what the answer must hold."""
    asked = [line for line in shell_lines(DELEGATION) if "@192.0.2.53" in line]
    split = [re.split(r"\s+# -> ", line) for line in asked]
    return [(line, expected[0].split("; ") if expected else []) for line, *expected in split]


@pytest.mark.daemon
def test_the_checks_of_the_delegation_guide_give_what_it_says(daemon: Daemon, tool: Callable[[str], str]) -> None:
    zone = re.search(r"^```yaml\n(.*?)^```", DELEGATION, re.MULTILINE | re.DOTALL)
    assert zone is not None
    daemon.configure()
    daemon.write("zones/example.com.yaml", zone[1])
    daemon.start()
    tool("dig")
    assert len(dig_lines()) >= 6
    for line, expected in dig_lines():
        command = shlex.split(line.replace("@192.0.2.53", f"@127.0.0.1 -p {daemon.port}"))
        said = subprocess.run(
            [tool("dig"), *command[1:]], capture_output=True, text=True, timeout=20, check=True
        ).stdout
        assert said.strip(), line
        assert [text for text in expected if text not in said] == [], f"{line}\n{said}"


@pytest.mark.daemon
def test_check_warns_of_the_guides_zone_without_the_address_of_a_server(daemon: Daemon) -> None:
    zone = re.search(r"^```yaml\n(.*?)^```", DELEGATION, re.MULTILINE | re.DOTALL)
    assert zone is not None
    daemon.configure()
    daemon.write("zones/example.com.yaml", re.sub(r"^ns2:\n(  .*\n)+", "", zone[1], flags=re.MULTILINE))
    checked = daemon.run("check")
    assert checked.returncode == 0
    assert "the name server ns2.example.com. has no address" in checked.stdout + checked.stderr
