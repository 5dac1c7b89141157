"""What all measurements stand on: PostgreSQL with fsync, Valkey, and the API that does nothing."""

import os
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import Self

from sqlalchemy import create_engine, text

from benchmarks.api import Api
from benchmarks.meter import seconds
from tenantry.demo.postgres import Postgres
from tenantry.demo.valkey import Valkey
from tests.conftest import environment

ROOT = Path(__file__).resolve().parent.parent
PEERS_VENV = ROOT / "benchmarks" / ".peers-venv"


class Ground:
    """
    Use as a context manager; nothing is left afterwards.

    PostgreSQL forces to disk, as in production; Valkey keeps nothing on disk, so that engines are
    compared and not disks. Each engine has a database of its own in both.
    """

    def __init__(self, peers: Path = PEERS_VENV) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="bench-"))
        self.postgres = Postgres(self.folder)
        self.valkey = Valkey(self.folder, durable=False)
        self.api = Api()
        self._peers = peers
        self._names: list[str] = []

    @property
    def peers_python(self) -> str:
        """The interpreter of the peers' virtual environment."""
        return str(self._peers / "bin" / "python")

    def __enter__(self) -> Self:
        os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT / "platform"), str(ROOT)])
        self.postgres.start()
        self.valkey.start()
        self.api.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.api.__exit__()
        self.valkey.remove()
        self.postgres.remove()
        shutil.rmtree(self.folder, ignore_errors=True)

    def environ(self, name: str) -> dict[str, str]:
        """The environment of an engine's processes; its database is made at the first asking."""
        plain = {k: v for k, v in os.environ.items() if not k.startswith("COV_")}
        return plain | self.settings(name) | {"PYTHONUNBUFFERED": "1"}

    def settings(self, name: str) -> dict[str, str]:
        """The same without what this process has from its own."""
        tables = name.replace("-", "_")
        if name not in self._names:
            self._names.append(name)
            self.postgres.create_database(tables)
        number = self._names.index(name) + 1
        url = self.postgres.url(tables)
        more = {
            "REDIS_URL": self.valkey.url(number),
            "TARGET_MAIN_LIMIT": "1000",
            "BENCH_DATABASE": url,
            "BENCH_REDIS": self.valkey.url(number),
            "BENCH_API": self.api.url,
            "BENCH_FOLDER": str(self.folder),
        }
        return environment(url, **more)

    @property
    def server_pids(self) -> list[int]:
        """PostgreSQL and Valkey."""
        return [pid for pid in (self.postgres.pid, self.valkey.pid) if pid]

    def cpu(self, pids: list[int]) -> dict[str, float]:
        """Processor seconds so far, of an engine's processes and of both servers."""
        return {
            "workers": seconds(pids),
            "postgres": seconds(self.server_pids[:1]),
            "redis": seconds(self.server_pids[1:]),
        }

    def commit_ms(self) -> float:
        """What one commit costs on this disk: the yardstick of a machine."""
        engine = create_engine(self.postgres.url(), isolation_level="AUTOCOMMIT")
        samples: list[float] = []
        with engine.connect() as conn:
            conn.execute(text("CREATE TABLE IF NOT EXISTS yardstick (id int)"))
            for _ in range(50):
                began = time.perf_counter()
                conn.execute(text("INSERT INTO yardstick VALUES (1)"))
                samples.append((time.perf_counter() - began) * 1000)
        engine.dispose()
        return float(round(statistics.median(samples), 2))
