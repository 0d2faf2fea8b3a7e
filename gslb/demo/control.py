"""Killing and reviving backends from another terminal: `curl -X POST http://127.0.0.1:PORT/kill/1`."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from gslb.demo.child import ChildError
from gslb.demo.cluster import Cluster
from gslb.demo.plan import LOOPBACK

Action = Callable[[int], Awaitable[str]]


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
        app.router.add_post("/kill/{number}", self._route(self._kill))
        app.router.add_post("/revive/{number}", self._route(self._revive))
        return app

    def _route(self, action: Action) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            known = {str(number): number for number in self._cluster.backends}
            number = known.get(request.match_info["number"])
            if number is None:
                return web.Response(status=404, text=f"no such backend; there are {', '.join(known)}\n")
            return web.Response(text=f"backend {number} {await action(number)}\n")

        return handle

    async def _kill(self, number: int) -> str:
        return "is killed" if self._cluster.kill(number) else "does not run"

    async def _revive(self, number: int) -> str:
        try:
            return "runs again" if await self._cluster.revive(number) else "runs already"
        except ChildError as error:
            return str(error)
