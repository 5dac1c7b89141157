"""Dokploy behind ports.Target: configured servers, their kept connections, and who uses them."""

import hashlib
import ssl
import threading
from collections import OrderedDict
from collections.abc import Iterable

from tenantry.adapters.dokploy.client import DokployClient, Server, serve
from tenantry.adapters.dokploy.target import DokployTarget
from tenantry.adapters.wire import CONNECT_SECONDS, DEFAULT_SECONDS, DeadlineTransport
from tenantry.config import TargetSettings
from tenantry.errors import Permanent
from tenantry.ports import Target

MOST_KEPT = 256


class DokployTargets:
    """
    ports.OpenTarget over the configured servers; threads share it.

    `total` is the deadline of a whole call in seconds, `connect` what connecting may take of it.
    Connections belong to a server and serve all its keys; what is kept for a (server, key) is
    small and bounded. Certificates are verified, against `ca_file` alone where one is configured.
    """

    def __init__(
        self,
        targets: Iterable[TargetSettings],
        *,
        total: float = DEFAULT_SECONDS,
        connect: float = CONNECT_SECONDS,
    ) -> None:
        self._settings = {target.name: target for target in targets}
        self._total = total
        self._connect = connect
        self._servers: dict[str, Server] = {}
        self._opened: OrderedDict[tuple[str, bytes], Target] = OrderedDict()
        self._lock = threading.Lock()

    def __call__(self, name: str, api_key: str | None = None) -> Target:
        """
        The target of that name; connects to nothing yet.

        `api_key` replaces the configured key. Permanent where no such target is configured, or
        its CA file cannot be read.
        """
        settings = self._settings.get(name)
        if settings is None:
            raise Permanent(f"Target {name} is not configured")
        key = api_key or settings.key
        kept = name, hashlib.sha256(key.encode()).digest()
        with self._lock:
            if kept not in self._opened:
                client = DokployClient(self._server(settings), key)
                self._opened[kept] = DokployTarget(client, restore=settings.restore)
            self._opened.move_to_end(kept)
            if len(self._opened) > MOST_KEPT:
                self._opened.popitem(last=False)
            return self._opened[kept]

    def close(self) -> None:
        """Closes every kept connection. Calls under way end as broken; later calls connect anew."""
        with self._lock:
            servers = list(self._servers.values())
            self._servers.clear()
            self._opened.clear()
        for server in servers:
            server.http.close()

    def _server(self, settings: TargetSettings) -> Server:
        if settings.name not in self._servers:
            transport = DeadlineTransport(tls=_tls(settings), connect_seconds=self._connect)
            self._servers[settings.name] = serve(
                settings.name, settings.url, transport, self._total
            )
        return self._servers[settings.name]


def _tls(settings: TargetSettings) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=settings.ca_file)
    except OSError as trouble:
        raise Permanent(
            f"The CA file of target {settings.name} cannot be read: {trouble.strerror}"
        ) from trouble
