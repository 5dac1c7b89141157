"""What every part of a target shares: its client, and the version asked once."""

from tenantry.adapters.dokploy import hosts
from tenantry.adapters.dokploy.client import DokployClient


class Connected:
    """
    A server under one key; threads share it.

    The first call asks the server for its version, once for each process: Permanent where it is
    older than we support. All other errors are those of `faults`.
    """

    def __init__(self, client: DokployClient) -> None:
        self._connected = client

    @property
    def _client(self) -> DokployClient:
        if self._connected.server.known_version is None:
            self.version()
        return self._connected

    def version(self) -> str:
        """Asked anew at each call. Permanent where the server is older than 0.30.2."""
        found = hosts.version(self._connected)
        self._connected.server.known_version = found
        return found
