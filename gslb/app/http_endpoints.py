"""Where a node is spoken to over HTTP: the control socket, for the commands, and `api`, for what watches it."""

import os

from aiohttp import web

from gslb.api.control import Controlled, control_app, control_socket
from gslb.config.node_config import NodeConfig
from gslb.server.listen import ListenError


class HttpEndpoints:
    """`api_address` is what is bound, the real port included; None without `api`."""

    def __init__(self) -> None:
        self.api_address: tuple[str, int] | None = None
        self._runners: list[web.AppRunner] = []

    async def open_control(self, config: NodeConfig, commands: Controlled) -> None:
        """Listen for the commands. Raises `OSError`."""
        runner = await self._runner(control_app(commands))
        await web.SockSite(runner, control_socket(config.state_dir)).start()

    async def open_api(self, config: NodeConfig, app: web.Application) -> None:
        """Serve `app` where `api` says, if it does. Raises `ListenError`."""
        if config.api is None:
            return
        host, port = config.api
        runner = await self._runner(app)
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as error:
            raise ListenError(
                f"cannot open `api` on {host} port {port}: {os.strerror(error.errno or 0)}: choose another port"
            ) from None
        bound = runner.addresses[0]
        self.api_address = (bound[0], bound[1])

    async def _runner(self, app: web.Application) -> web.AppRunner:
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        self._runners.append(runner)
        return runner

    async def close(self) -> None:
        """Close what is open."""
        for runner in self._runners:
            await runner.cleanup()
