"""
A real Valkey out of a wheel, on loopback: the broker of the demo and of the tests.

One account, `app`, may do what Celery needs and nothing that runs code, reads the configuration or
empties the store; the default account is off.
"""

import hashlib
import os
import signal
from pathlib import Path
from urllib.parse import quote

import redis

from tenantry.demo import placement
from tenantry.demo.ports import LOOPBACK
from tenantry.demo.server import STOPPED_WITHIN, Server
from tenantry.demo.spawning import Program
from tenantry.demo.state import write_private
from tenantry.demo.wheels import valkey_server

USER = "app"
_ADMIN = "admin"
# What Celery 5.7 works with, found by trying; without evalsha its worker dies at start.
RULES = "~* &* +@all -@dangerous -@admin -@scripting +evalsha +script|load +script|exists"


class Valkey(Server):
    """
    One Valkey; see Server for its life.

    It never evicts: when its memory is full, writers are told. What it holds survives a crash up to
    the last second; with `durable=False` it holds nothing on disk.
    """

    name = "valkey"
    called = "Valkey"
    program_name = "valkey-server"
    port_was_taken = "Address already in use"

    def __init__(
        self,
        state: Path,
        port: int | None = None,
        password: str | None = None,
        *,
        durable: bool = True,
    ) -> None:
        super().__init__(state, port, durable=durable)
        self._chosen_password = password
        self._binary: Path | None = None

    def url(self, database: int = 0) -> str:
        """Give the address for Celery and redis clients; the default account being off, it names
        the user.
        """
        return self._url(USER, self._password, database)

    def admin_url(self, database: int = 0) -> str:
        """
        Give the address of an account that may do everything, for tests that flush and look inside.

        It exists with `durable=False` only: a demo has no use for it.
        """
        if self._durable:
            raise ValueError("a lasting Valkey has no administrator")
        return self._url(_ADMIN, self._secrets.get(_ADMIN), database)

    def program(self) -> Program:
        """Give the server as a program for a supervisor; `prepare()` comes first."""
        data = self._data
        settings = {
            "bind": LOOPBACK,
            "port": str(self.port),
            "protected-mode": "yes",
            "aclfile": str(self._acl_file(data)),
            "dir": str(data),
            "appendonly": "yes" if self._durable else "no",
            "appendfsync": "everysec",
            "save": "",
            "maxmemory": "256mb",
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
            # The mark tells our processes from others in the list of processes.
            "proc-title-template": f"{{title}} {{listen-addr}} {self._mark(data)}",
        }
        argv = [str(self._binary)]
        for name, value in settings.items():
            argv += [f"--{name}", value]
        return Program(
            name=self.name,
            argv=argv,
            env={"PATH": "/usr/bin:/bin", "TZ": "UTC", "LANG": "C"},
            cwd=Path("/"),
            before=self.clear_the_way,
            ready=self.answers,
            ready_within=60.0,
            stop_signal=signal.SIGTERM,
            stop_within=STOPPED_WITHIN,
            death_signal=signal.SIGTERM,
            account=self._account,
            floor=0,
        )

    def answers(self) -> bool:
        """Say whether the server answers us, which it does not while it reads its files."""
        client = redis.Redis.from_url(self.url(), socket_timeout=2, socket_connect_timeout=2)
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False
        finally:
            client.close()

    def _install(self, data: Path) -> None:
        binary = valkey_server()
        if self._account is None:
            self._binary = binary
        else:
            copy = placement.trusted_copy(
                "valkey",
                {binary.name: binary},
                probe=binary.name,
                account=self._account,
                bases=self._bases,
            )
            self._binary = copy / binary.name
        # The file has the hash alone. It is written at each start, so the rules are these here.
        lines = [_account_line(USER, self._password, RULES), "user default off"]
        if not self._durable:
            lines.append(_account_line(_ADMIN, self._secrets.get(_ADMIN), "~* &* +@all"))
        file = self._acl_file(data)
        write_private(file, "\n".join([*lines, ""]))
        if self._account is not None:
            os.chown(file, self._account.uid, self._account.gid)

    def _server_pid(self, data: Path) -> int | None:
        return next(iter(self._processes(data)), None)

    def _url(self, user: str, password: str, database: int) -> str:
        return f"redis://{user}:{quote(password, safe='')}@{LOOPBACK}:{self.port}/{database}"

    @property
    def _password(self) -> str:
        return self._chosen_password or self._secrets.get(USER)

    @staticmethod
    def _acl_file(data: Path) -> Path:
        # Beside the data folder, not in it: nothing the server writes can change who may do what.
        return data.parent / "users.acl"


def _account_line(user: str, password: str, rules: str) -> str:
    return f"user {user} on #{hashlib.sha256(password.encode()).hexdigest()} {rules}"
