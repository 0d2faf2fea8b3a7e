"""What a node says on its control socket to requests that are none."""

import asyncio

import pytest
from aiohttp.test_utils import TestClient, TestServer

from gslb.answer.compile import ZoneTable
from gslb.api.control import control_app
from gslb.app.answering import Answering
from gslb.app.commands import Commands
from gslb.app.settings import Settings
from gslb.config.node import load_node
from gslb.metrics import Metrics
from gslb.wire.names import name_from_text
from gslb.zone.rrset import RRset
from gslb.zone.steered import Member, Pool, Rule, Steered

MEMBER = bytes((192, 0, 2, 1))
WWW = Steered(
    RRset(name_from_text("www.example."), 1, 30, (MEMBER,)), (Pool("main", (Member(MEMBER),)),), (Rule("main"),)
)
ASKED = '"name": "www.example", "member": "192.0.2.1", "state": "down"'


@pytest.fixture
def app(zone_of, tmp_path):
    file = tmp_path / "gslb.yaml"
    file.write_text("node: test\nstate_dir: state\n")
    config, metrics = load_node(file), Metrics()
    settings, answering = Settings(config, metrics), Answering(config, metrics)
    zone = zone_of("example. 60 SOA ns.example. ops.example. 1 1 1 1 1\nexample. 60 NS ns.example.", WWW)
    answering.take({zone.apex: ZoneTable(zone)})
    unasked = dict.fromkeys(("zones", "cluster", "transports", "http", "reloading"))
    return control_app(Commands(settings=settings, answering=answering, started=0.0, **unasked))


def answered(app, method: str, body: bytes) -> tuple[int, dict]:
    async def ask() -> tuple[int, dict]:
        async with TestClient(TestServer(app)) as client:
            response = await client.request(method, "/override", data=body)
            return response.status, await response.json()

    return asyncio.run(ask())


@pytest.mark.parametrize("method", ["POST", "DELETE"])
@pytest.mark.parametrize("body", [b"", b"[]", b"7", b"null", b'"a"', b"{", b"\xff\xfe", b"[" * 50_000])
def test_a_body_that_is_no_object_is_refused_with_what_would_be_one(app, method: str, body: bytes) -> None:
    status, answer = answered(app, method, body)
    assert status == 400
    assert "is a JSON object" in answer["error"]


@pytest.mark.parametrize("seconds", ["0", "-1", "NaN", "Infinity", "1e300", "9" * 400, '"60"', "[]"])
def test_an_override_ends_at_a_time_that_a_clock_can_show(app, seconds: str) -> None:
    status, answer = answered(app, "POST", f'{{{ASKED}, "seconds": {seconds}}}'.encode())
    assert status == 400
    assert "`seconds` is how long the override lasts" in answer["error"]


@pytest.mark.parametrize("seconds", ["60", "0.5", "null"])
def test_an_override_with_an_end_or_without_is_taken(app, seconds: str) -> None:
    status, answer = answered(app, "POST", f'{{{ASKED}, "seconds": {seconds}}}'.encode())
    assert status == 200
    assert answer["override"]["state"] == "down"
