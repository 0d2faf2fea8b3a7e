"""Killing and reviving from another terminal: `curl -X POST http://127.0.0.1:PORT/kill/1`, or `/kill/primary`."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from gslb.demo.child import ChildError
from gslb.demo.cluster import Cluster
from gslb.demo.parts import Part
from gslb.demo.plan import LOOPBACK

Action = Callable[[Part], Awaitable[str]]


class Control:
    """The demo's own HTTP server, on loopback."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._runner = web.AppRunner(self._app(), access_log=None, shutdown_timeout=1.0)

    async def start(self) -> None:
        await self._runner.setup()
        await web.TCPSite(self._runner, LOOPBACK, self._cluster.plan.control_port).start()

    async def stop(self) -> None:
        await self._runner.cleanup()

    def _app(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/kill/{name}", self._route(_kill))
        app.router.add_post("/revive/{name}", self._route(_revive))
        return app

    def _route(self, action: Action) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            part = self._cluster.parts.get(request.match_info["name"])
            if part is None:
                return web.Response(status=404, text=f"no such process; there are {', '.join(self._cluster.parts)}\n")
            return web.Response(text=f"{part.title} {await action(part)}\n")

        return handle


async def _kill(part: Part) -> str:
    return "is killed" if part.kill() else "does not run"


async def _revive(part: Part) -> str:
    try:
        return "runs again" if await part.revive() else "runs already"
    except ChildError as error:
        return f"does not run: {error}"
