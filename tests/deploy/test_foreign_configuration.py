"""What docs/CLUSTER.md has for secondaries of other makes: each server's own checker takes it, as it stands there."""

import re
import subprocess
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs/CLUSTER.md"
SECRET = "c2VjcmV0IHNlY3JldCBzZWNyZXQ="
CHECKERS = {
    "named.conf": ("named-checkconf",),
    "knot.conf": ("knotc", "conf-check", "-c"),
    "nsd.conf": ("nsd-checkconf",),
}
"""The command that each file is given to."""


def written(file: str) -> str:
    """The block behind the words that name the file."""
    block = re.search(rf"`{re.escape(file)}`:\n\n```\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert block is not None
    return block[1]


def checked(tool, folder: Path, file: str, text: str) -> subprocess.CompletedProcess[str]:
    (folder / file).write_text(text)
    program, *arguments = CHECKERS[file]
    options = [*arguments[1:], str(folder / file), *arguments[:1]]
    return subprocess.run([tool(program), *options], capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("file", CHECKERS)
def test_the_configuration_of_a_secondary_is_taken_by_its_server(tool, tmp_path, file):
    text = written(file)
    assert text.count("<the secret>") == 1
    done = checked(tool, tmp_path, file, text.replace("<the secret>", SECRET))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("file", CHECKERS)
def test_a_configuration_with_an_unknown_key_is_not_taken(tool, tmp_path, file):
    text = written(file).replace("<the secret>", SECRET).replace("secret", "secert")
    assert checked(tool, tmp_path, file, text).returncode != 0
