"""
A real PostgreSQL out of a wheel, on loopback, with a password.

Nothing of it is installed in the system: the programs come from the wheel (or, for root, from a
copy of it, see placement), the data lives in a folder of its own, and the server is a child process
of whoever started it.
"""

import signal
from pathlib import Path

import psycopg
from psycopg import sql

from tenantry.demo import cluster, placement, processes
from tenantry.demo.ports import LOOPBACK
from tenantry.demo.server import STOPPED_WITHIN, Server
from tenantry.demo.spawning import Program
from tenantry.demo.wheels import choose_postgres

ROLE = "tenantry"
DATABASE = "tenantry"

_SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",  # a state folder can be too deep for a socket's path
    "max_connections": "300",
    "shared_buffers": "128MB",
    "work_mem": "8MB",
    "maintenance_work_mem": "64MB",
    "jit": "off",  # small queries only, and the wheels bring no compiler
    "timezone": "UTC",
    "log_timezone": "UTC",
    "lc_messages": "C",
    "log_line_prefix": "%m [%p] ",
    "max_wal_size": "256MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
}
# Safe against a killed server, not against a killed machine. Commits still wait until the system
# has them: with synchronous_commit off a killed server forgets what it had promised (tried).
_PASSING_SETTINGS = {"fsync": "off", "full_page_writes": "off"}


class Postgres(Server):
    """
    One PostgreSQL; see Server for its life.

    The product gets the role `tenantry`: no superuser, owner of its databases, may create more.
    Databases are UTF-8, times are UTC, 300 connections are allowed.
    """

    name = "postgres"
    called = "PostgreSQL"
    program_name = "postgres"
    port_was_taken = "could not bind"

    def __init__(self, state: Path, port: int | None = None, *, durable: bool = True) -> None:
        super().__init__(state, port, durable=durable)
        self._binaries: Path | None = None

    def url(self, database: str = DATABASE) -> str:
        """Give the SQLAlchemy address of a database, with the role and password of the product."""
        return self._url("postgresql+psycopg", ROLE, database)

    def admin_url(self, database: str = DATABASE) -> str:
        """Give the address with the rights of a superuser, for tests that break things."""
        return self._url("postgresql+psycopg", cluster.SUPERUSER, database)

    def create_database(self, name: str, *, template: str | None = None) -> None:
        """Create a database owned by the product's role; from a template nobody is connected to."""
        statement = sql.SQL("CREATE DATABASE {} OWNER {}").format(
            sql.Identifier(name), sql.Identifier(ROLE)
        )
        if template is not None:
            statement += sql.SQL(" TEMPLATE {}").format(sql.Identifier(template))
        self._as_superuser(statement)

    def drop_database(self, name: str) -> None:
        """Drop a database, cutting off who is connected; nothing happens when there is none."""
        self._as_superuser(
            sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
        )

    def program(self) -> Program:
        """Give the server as a program for a supervisor; `prepare()` comes first."""
        data = self._data
        settings = _SETTINGS | ({} if self._durable else _PASSING_SETTINGS)
        settings["cluster_name"] = self._mark(data)  # stands in the title of each of its processes
        argv = [f"{self._binaries}/postgres", "-D", str(data), "-p", str(self.port)]
        for name, value in settings.items():
            argv += ["-c", f"{name}={value}"]
        return Program(
            name=self.name,
            argv=argv,
            env=cluster.ENVIRONMENT,
            cwd=Path("/"),
            before=self.clear_the_way,
            ready=self.answers,
            ready_within=60.0,
            stop_signal=signal.SIGINT,
            stop_within=STOPPED_WITHIN,
            death_signal=signal.SIGINT,
            account=self._account,
            floor=0,
        )

    def answers(self) -> bool:
        """Say whether the server answers, and see to it that our role and database are there."""
        try:
            with self._connect() as connection:
                self._furnish(connection)
        except psycopg.OperationalError:
            return False
        return True

    def clear_the_way(self) -> None:
        """
        Make the data ready to be served again, whatever the last server left.

        Beside running processes that is the note of a process id which another program bears by
        now. The note of a dead server stays: PostgreSQL itself uses it to find what we cannot see.
        """
        super().clear_the_way()
        noted = cluster.noted_pid(self._data)
        if noted is not None and noted in processes.running():
            cluster.forget_pid(self._data)

    def _install(self, data: Path) -> None:
        if self._account is None:
            placement.require_named_account()
        install = choose_postgres(cluster.major_version(data))
        self._binaries = cluster.programs(install, self._account, self._bases)
        if cluster.major_version(data) is None:
            cluster.create(
                self._binaries,
                data,
                password=self._secrets.get(cluster.SUPERUSER),
                account=self._account,
                durable=self._durable,
            )

    def _server_pid(self, data: Path) -> int | None:
        noted = cluster.noted_pid(data)
        return noted if noted in self._processes(data) else None

    def _stop_signals(self, *, fast: bool) -> list[tuple[signal.Signals, float]]:
        # PostgreSQL's own meanings: TERM waits for clients, INT cuts them off, QUIT leaves the rest
        # to the next start.
        how = signal.SIGINT if fast else signal.SIGTERM
        return [(how, STOPPED_WITHIN), (signal.SIGINT, 3.0), (signal.SIGQUIT, 2.0)]

    def _url(self, scheme: str, role: str, database: str) -> str:
        password = self._secrets.get(role)
        return f"{scheme}://{role}:{password}@{LOOPBACK}:{self.port}/{database}"

    def _furnish(self, connection: "psycopg.Connection[tuple[object, ...]]") -> None:
        there = "SELECT 1 FROM pg_roles WHERE rolname = %s"
        if connection.execute(there, (ROLE,)).fetchone() is None:
            connection.execute(
                sql.SQL("CREATE ROLE {} LOGIN CREATEDB PASSWORD {}").format(
                    sql.Identifier(ROLE), sql.Literal(self._secrets.get(ROLE))
                )
            )
        there = "SELECT 1 FROM pg_database WHERE datname = %s"
        if connection.execute(there, (DATABASE,)).fetchone() is None:
            self.create_database(DATABASE)

    def _connect(self) -> "psycopg.Connection[tuple[object, ...]]":
        return psycopg.connect(
            self._url("postgresql", cluster.SUPERUSER, "postgres"),
            autocommit=True,
            connect_timeout=3,
        )

    def _as_superuser(self, statement: sql.Composed) -> None:
        with self._connect() as connection:
            connection.execute(statement)
