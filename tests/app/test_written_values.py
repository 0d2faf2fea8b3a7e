"""What a node says on its control socket is JSON, however it is written."""

import asyncio
import json
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from gslb.api.control import control_app

VALUES: list[dict[str, Any]] = [
    {},
    {"zones": [], "listen": [["127.0.0.1", 53]], "tls": None},
    {"zones": [{"zone": "ä\\000.", "problems": ['"', "\\"]}, {"zone": "b.", "since": 1.5}], "config": {"a": [1, {}]}},
]


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("path", ["/status", "/cluster"])
def test_a_value_arrives_as_it_was_said(value: dict[str, Any], path: str) -> None:
    async def say() -> dict[str, Any]:
        return value

    async def ask() -> str:
        async with TestClient(TestServer(control_app(SimpleNamespace(status=say, cluster_status=say)))) as client:
            return await (await client.get(path)).text()

    text = asyncio.run(ask())
    assert json.loads(text) == value
    assert text == json.dumps(value)
