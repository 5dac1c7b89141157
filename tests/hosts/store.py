"""PostgreSQL, Valkey and mail where other hosts can reach them."""

import asyncio
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Self

from tenantry.demo.postgres import Postgres
from tenantry.demo.spawning import Program
from tenantry.demo.valkey import Valkey
from tests.hosts.network import NET, STORE

LOOPBACK = "127.0.0.1"


def reached(text: str) -> str:
    """The same address as other hosts write it."""
    return text.replace(LOOPBACK, STORE)


class OpenPostgres(Postgres):
    """Listens on the bridge too, and takes passwords from there."""

    def program(self) -> Program:
        """The same with one address more."""
        plain = super().program()
        argv = [*plain.argv, "-c", f"listen_addresses={LOOPBACK},{STORE}"]
        return replace(plain, argv=argv)

    def _install(self, data: Path) -> None:
        super()._install(data)
        rules = data / "pg_hba.conf"
        line = f"host all all {NET}.0/24 scram-sha-256\n"
        if line not in rules.read_text():
            with rules.open("a") as file:
                file.write(line)


class OpenValkey(Valkey):
    """Listens on the bridge too."""

    def program(self) -> Program:
        """The same with one address more."""
        plain = super().program()
        return replace(plain, argv=_bound(plain.argv))


def _bound(argv: Sequence[str]) -> list[str]:
    found = list(argv)
    found[found.index("--bind") + 1] = f"{LOOPBACK} {STORE}"
    return found


class Relay:
    """Carries connections to the bridge's address on to the same port of the loopback."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._loop = asyncio.new_event_loop()

    def __enter__(self) -> Self:
        ready = threading.Event()
        threading.Thread(target=self._run, args=(ready,), daemon=True).start()
        ready.wait(5)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)

    def _run(self, ready: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(asyncio.start_server(self._carry, STORE, self.port))
        ready.set()
        self._loop.run_forever()

    async def _carry(self, came: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        reader, writer = await asyncio.open_connection(LOOPBACK, self.port)
        await asyncio.gather(_pour(came, writer), _pour(reader, back), return_exceptions=True)


async def _pour(source: asyncio.StreamReader, drain: asyncio.StreamWriter) -> None:
    try:
        while piece := await source.read(65_536):
            drain.write(piece)
            await drain.drain()
    finally:
        drain.close()
