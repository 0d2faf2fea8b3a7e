"""The requests that a node takes on its control socket: what `gslb override` and `gslb explain` send."""

import asyncio
import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from fuzz_zones import fresh_table
from fuzzing import Target
from mutating import of_words
from yarl import URL

from gslb.api.control import control_app
from gslb.app.commands import Commands

WORDS = (
    '"', ":", ",", "{", "}", "[", "]", "null", "true", "0", "-1", "1e999", "1e300", "NaN", "Infinity", "9" * 400,
    "\\ud800", "\\u0000", '"name":', '"type":', '"member":', '"state":', '"author":', '"note":', '"seconds":',
    "www.steered.test", "192.0.2.1", "A", "AAAA", "TYPE1", "TYPE99999", "up", "down", "drain", "..", "\\\\000", "*",
    "a" * 300, "&", "=", "name", "client", "%00", "::1", "ü",
)  # fmt: skip
_METHODS = ("POST", "DELETE", "GET")


class _Health:
    """Takes overrides and keeps none."""

    conditions = SimpleNamespace(overrides={})

    def set_override(self, key: Any, note: Any) -> None:
        """Passed over."""

    def clear_override(self, key: Any) -> bool:
        return key is not None


def _app() -> web.Application:
    parts: dict[str, Any] = {
        "settings": SimpleNamespace(config=SimpleNamespace(node="fuzz")),
        "answering": SimpleNamespace(table=fresh_table(), health=_Health()),
        "transports": SimpleNamespace(access=None),
        "zones": SimpleNamespace(entries={}),
    }
    unasked = dict.fromkeys(("cluster", "http", "reloading"))
    app = control_app(Commands(**parts, **unasked, started=0.0))
    app.freeze()
    return app


APP = _app()
LOOP = asyncio.new_event_loop()


def check(data: bytes) -> None:
    """The first octet: set an override, clear one, explain; then the body, or for `explain` the query."""
    method = _METHODS[data[0] % 3] if data else "GET"
    if method == "GET":
        name, _, rest = data[1:].decode(errors="replace").partition("&")
        rtype, _, client = rest.partition("&")
        query = {"name": name, "type": rtype or "A"} | ({"client": client} if client else {})
        path, body = str(URL("/explain").with_query(query)), b""
    else:
        path, body = "/override", data[1:]
    request = make_mocked_request(method, path, app=APP)
    request._read_bytes = body  # as if it had come
    response = LOOP.run_until_complete(APP._handle(request))
    assert isinstance(response, web.Response)
    answer = json.loads(response.body)
    assert (response.status == 200) is ("error" not in answer)
    assert response.status in {200, 400}
    assert response.status == 200 or answer["error"]


def seeds() -> Iterator[bytes]:
    member = {"name": "www.steered.test", "member": "192.0.2.1"}
    for number, more in enumerate(
        ({"state": "down"}, {"state": "drain", "author": "x", "note": "y", "seconds": 60}, {})
    ):
        yield bytes((number % 2,)) + json.dumps(member | more).encode()
    yield b"\x02www.steered.test.&A&192.0.2.1"
    yield b"\x02over.steered.test&CNAME"
    yield b"\x00[]"


TARGET = Target(
    "any request on the control socket is answered in JSON, with an error that says what would be accepted",
    seeds,
    check,
    of_words(WORDS),
    most_octets=2048,
)
