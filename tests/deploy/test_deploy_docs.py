"""The guides hold: commands exist, links lead somewhere, and the delegation's dig lines say what they are said to."""

import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from harness import Daemon

from gslb.cli.main import parser
from gslb.transfer.faults import Fault

DEPLOY = Path(__file__).parents[2] / "deploy"
PAGES = {name: (DEPLOY / name).read_text() for name in ("DELEGATION.md", "RUNBOOK.md")}
ALERTS = yaml.safe_load((DEPLOY / "prometheus/alerts.yaml").read_text())


def anchors(page: str) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"```.*?```", "", page, flags=re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def shell_lines(page: str) -> list[str]:
    blocks = re.findall(r"^ *```sh\n(.*?)^ *```", page, re.MULTILINE | re.DOTALL)
    return [line.strip() for block in blocks for line in block.splitlines() if line.strip()]


def gslb_commands() -> list[str]:
    said = [line for page in PAGES.values() for line in shell_lines(page)]
    said += [text for page in PAGES.values() for text in re.findall(r"`(gslb [^`]+)`", page.replace("\n", " "))]
    return sorted({re.split(r"\s+[#|]", line)[0] for line in said if line.startswith("gslb ")})


@pytest.mark.parametrize("command", gslb_commands())
def test_a_command_that_a_guide_gives_is_one_of_gslb(command: str) -> None:
    parser().parse_args(shlex.split(command)[1:])


def test_every_section_of_the_runbook_is_an_alert() -> None:
    sections = re.findall(r"^## (.*)$", PAGES["RUNBOOK.md"], re.MULTILINE)
    assert sections == [rule["alert"] for group in ALERTS["groups"] for rule in group["rules"]]


def test_the_runbook_knows_every_way_a_transfer_fails() -> None:
    table = re.search(r"^\| `fault`.*?\n\n", PAGES["RUNBOOK.md"], re.MULTILINE | re.DOTALL)
    assert table is not None
    assert [fault for fault in Fault if f"`{fault}`" not in table[0]] == []


def test_log_lines_that_the_runbook_names_are_written_somewhere() -> None:
    table = re.search(r"^\| in the log .*?\n\n", PAGES["RUNBOOK.md"], re.MULTILINE | re.DOTALL)
    assert table is not None
    events = [*re.findall(r"`(\w+)`", table[0]), "transfer_failed", "transfer_not_taken", "transfer_refused"]
    source = "".join(path.read_text() for path in (DEPLOY.parent / "gslb").rglob("*.py"))
    assert [event for event in events if f'"{event}"' not in source] == []


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_somewhere(name: str) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", PAGES[name]):
        file, _, anchor = target.partition("#")
        page = DEPLOY / (file or name)
        assert page.exists(), target
        assert not anchor or anchor in anchors(page.read_text()), target


def dig_lines() -> list[tuple[str, list[str]]]:
    """The lines of the delegation guide that ask the first node, with what the answer must hold."""
    asked = [line for line in shell_lines(PAGES["DELEGATION.md"]) if "@192.0.2.53" in line]
    split = [re.split(r"\s+# -> ", line) for line in asked]
    return [(line, expected[0].split("; ") if expected else []) for line, *expected in split]


@pytest.mark.daemon
def test_the_checks_of_the_delegation_guide_give_what_it_says(daemon: Daemon, tool: Callable[[str], str]) -> None:
    zone = re.search(r"^```yaml\n(.*?)^```", PAGES["DELEGATION.md"], re.MULTILINE | re.DOTALL)
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
    zone = re.search(r"^```yaml\n(.*?)^```", PAGES["DELEGATION.md"], re.MULTILINE | re.DOTALL)
    assert zone is not None
    daemon.configure()
    daemon.write("zones/example.com.yaml", re.sub(r"^ns2:\n(  .*\n)+", "", zone[1], flags=re.MULTILINE))
    checked = daemon.run("check")
    assert checked.returncode == 0
    assert "the name server ns2.example.com. has no address" in checked.stdout + checked.stderr
