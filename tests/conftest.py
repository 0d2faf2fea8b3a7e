"""Shared fixtures. A test that needs a program asks `tool` for it: missing, it skips by name; in CI it fails."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SHARED = ROOT.parent / "shared"


@pytest.fixture(scope="session")
def tool() -> Callable[[str], str]:
    """The path of a program: `tool("dig")`."""

    def find(name: str) -> str:
        path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
        if path is None:
            message = f"needs the program {name!r}"
            if os.environ.get("GSLB_REQUIRE_TOOLS"):
                pytest.fail(message)
            pytest.skip(message)
        return path

    return find


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of test data beside the checkout; absent from a plain clone."""
    if not SHARED.is_dir():
        pytest.skip("needs the test data folder ../shared, which a plain clone does not have")
    return SHARED
