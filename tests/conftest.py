"""Shared fixtures. A test that needs a program asks `tool` for it: missing, it skips by name; in CI it fails."""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import dns.rrset
import pytest
from harness import Backend, Daemon
from hypothesis import HealthCheck, settings
from ports import free_port, has_ipv6

from gslb.wire.codes import RRType
from gslb.zone.builder import ZoneBuilder
from gslb.zone.rrset import RRset
from gslb.zone.steered import Steered
from gslb.zone.zone import Zone

ROOT = Path(__file__).parent.parent
SHARED = ROOT.parent / "shared"

settings.register_profile(
    "gslb",
    deadline=None,  # a busy machine is no failure
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=True,  # the same examples in each run: looking for others is what `make fuzz` is for
    database=None,
)
settings.load_profile("gslb")


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
def ipv6() -> None:
    """For a test of ::1."""
    if not has_ipv6():
        pytest.skip("needs the address ::1, which this machine does not have")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of test data beside the checkout; absent from a plain clone."""
    if not SHARED.is_dir():
        pytest.skip("needs the test data folder ../shared, which a plain clone does not have")
    return SHARED


@pytest.fixture(scope="session")
def zone_of() -> Callable[..., Zone]:
    """A zone of records one a line, `owner ttl [IN] type rdata` with absolute names, and of steered owners."""

    def record(line: str) -> RRset:
        owner, ttl, rtype, rdata = re.match(r"\s*(\S+)\s+(\d+)\s+(?:IN\s+)?(\S+)\s+(.*)", line).groups()
        found = dns.rrset.from_text(owner, int(ttl), "IN", rtype, rdata)
        return RRset(found.name.to_wire().lower(), int(found.rdtype), found.ttl, (found[0].to_wire(),))

    def build(text: str, *steered: Steered) -> Zone:
        rrsets = [record(line) for line in text.splitlines() if line.strip()]
        builder = ZoneBuilder(next(rrset.owner for rrset in rrsets if rrset.rtype == RRType.SOA))
        for rrset in rrsets:
            builder.add(rrset)
        for each in steered:
            builder.steer(each)
        return builder.build()

    return build


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    # A Unix socket's path must stay short, and pytest's folders can be long.
    node = Daemon(tmp_path)
    yield node
    node.stop()


@pytest.fixture
def backends() -> Iterator[list[Backend]]:
    """Three backends on one port, at 127.0.0.11, .12 and .13."""
    first = Backend("127.0.0.11", free_port())
    started = [first, *(Backend(f"127.0.0.{last}", first.port) for last in (12, 13))]
    yield started
    for backend in started:
        backend.stop()
