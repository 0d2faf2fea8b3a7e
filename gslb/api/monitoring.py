"""/metrics, /healthz and /readyz, on a loopback address by default.

healthz says that the process answers. readyz is 200 when DNS is served and every zone is the one in its file, else
503 with a line per problem.
"""

import asyncio
from collections.abc import Callable

from aiohttp import web
from prometheus_client.exposition import choose_encoder

from gslb.metrics import Metrics


def monitoring_app(
    metrics_of_node: Metrics, before_scrape: Callable[[], None], not_ready: Callable[[], list[str]]
) -> web.Application:
    """`before_scrape` brings counters up to date; `not_ready` lists what is wrong, empty when ready."""

    async def metrics(request: web.Request) -> web.Response:
        before_scrape()
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        body = await asyncio.to_thread(encode, metrics_of_node.scrape())
        return web.Response(body=body, headers={"Content-Type": content_type})

    async def healthz(_: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def readyz(_: web.Request) -> web.Response:
        problems = not_ready()
        text = "".join(f"{problem}\n" for problem in problems) or "ok\n"
        return web.Response(text=text, status=503 if problems else 200)

    app = web.Application()
    app.router.add_get("/metrics", metrics)
    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", readyz)
    return app
