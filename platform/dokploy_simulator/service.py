"""One running simulator: three doors on one event loop."""

import asyncio
import contextlib
import logging
from dataclasses import asdict, dataclass

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application

from dokploy_simulator.api import ApiHandler
from dokploy_simulator.control import ControlHandler
from dokploy_simulator.misbehaviour import hang_up
from dokploy_simulator.names import NameServer
from dokploy_simulator.options import SimulatorOptions
from dokploy_simulator.proxy import ProxyHandler
from dokploy_simulator.world import World

logging.getLogger("tornado.access").setLevel(logging.CRITICAL)


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the doors are."""

    port: int
    apps_port: int
    dns_port: int

    def to_json(self) -> dict[str, int]:
        """For the line that says the simulator is ready."""
        return asdict(self)


class Service:
    """Opens and closes the doors. Use it within one event loop."""

    def __init__(self, options: SimulatorOptions) -> None:
        self._options = options
        self.world = World(options)
        self._servers: list[HTTPServer] = []
        self._names: asyncio.DatagramTransport | None = None

    async def open(self) -> Ports:
        """Listen. An OSError says that a port is taken."""
        api = Application(
            [
                (r"/api/.*", ApiHandler, {"world": self.world}),
                (r"/_sim/([\w-]+)", ControlHandler, {"world": self.world}),
            ],
        )
        apps = Application([(r".*", ProxyHandler, {"world": self.world})])
        port = self._listen(api, self._options.port)
        apps_port = self._listen(apps, self._options.apps_port)
        self._names, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: NameServer(self.world.names),
            local_addr=(self._options.host, self._options.dns_port),
        )
        dns_port = int(self._names.get_extra_info("sockname")[1])
        return Ports(port, apps_port, dns_port)

    def _listen(self, application: Application, port: int) -> int:
        sockets = bind_sockets(port, self._options.host, backlog=1024)
        server = HTTPServer(application)
        server.add_sockets(sockets)
        self._servers.append(server)
        return int(sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Hang up on everybody; builds that run are found cancelled at the next start."""
        self.world.queue.drop_all()
        self.world.drop_work()
        hang_up()
        for server in self._servers:
            server.stop()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(server.close_all_connections(), 1)
        if self._names is not None:
            self._names.close()
        self.world.store.close()
