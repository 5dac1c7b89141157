"""PostgreSQL's files: the programs, the data folder, and what a crash left in it."""

import contextlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from tenantry.demo import placement
from tenantry.demo.placement import Account
from tenantry.demo.problems import DemoProblem
from tenantry.demo.wheels import PostgresInstall

SUPERUSER = "postgres"
# An own small world: no variable of the caller's such as PGOPTIONS may reach the server.
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "TZ": "UTC", "LANG": "C"}


def major_version(data: Path) -> str | None:
    """Say which major version made the data; None when there is none yet."""
    with contextlib.suppress(FileNotFoundError):
        return (data / "PG_VERSION").read_text(encoding="ascii").strip()
    return None


def programs(install: PostgresInstall, account: Account | None, bases: tuple[Path, ...]) -> Path:
    """Give a folder of programs that `account` can run: the wheel's own, or a copy of it."""
    if account is None:
        return install.root / "bin"
    # The programs look for share/, lib/ and the wheel's libraries by where they are themselves.
    inner = f"{install.package}/{install.root.name}"
    files = {
        f"{inner}/{path.relative_to(install.root).as_posix()}": path
        for path in install.root.rglob("*")
        if path.is_file() and _is_needed(path.relative_to(install.root))
    }
    files |= {
        f"{install.libraries.name}/{path.name}": path for path in install.libraries.glob("*.so*")
    }
    copy = placement.trusted_copy(
        f"pg-{install.version}",
        files,
        probe=f"{inner}/bin/postgres",
        account=account,
        bases=bases,
    )
    return copy / inner / "bin"


def _is_needed(relative: Path) -> bool:
    top = relative.parts[0]
    if top == "bin":
        return relative.name in {"postgres", "initdb"}
    return top == "share" or (top == "lib" and ".so" in relative.suffixes)


def create(
    binaries: Path, data: Path, *, password: str, account: Account | None, durable: bool
) -> None:
    """
    Make a fresh cluster in the empty folder `data`: UTF-8, passwords for everyone.

    It is made beside its place and moved there whole, so a start that was killed half-way leaves
    nothing that looks like data.
    """
    fresh = data.with_name(f"{data.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(mode=0o700)
    with tempfile.NamedTemporaryFile("w", dir=data.parent, prefix=".pw-") as file:
        file.write(password)
        file.flush()
        if account is not None:
            os.chown(fresh, account.uid, account.gid)
            os.chown(file.name, account.uid, account.gid)
        command = [
            str(binaries / "initdb"),
            f"--pgdata={fresh}",
            f"--username={SUPERUSER}",
            f"--pwfile={file.name}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            *([] if durable else ["--no-sync"]),
        ]
        # Plain C alone would give SQL_ASCII; with the encoding said it is a fallback for systems
        # that do not know C.UTF-8.
        for locale in ("--locale=C.UTF-8", "--no-locale"):
            answer = subprocess.run(
                [*command, locale],
                env=ENVIRONMENT,
                cwd="/",
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
                timeout=300,
                umask=0o077,
                user=None if account is None else account.uid,
                group=None if account is None else account.gid,
                extra_groups=None if account is None else [],
            )
            if answer.returncode == 0:
                break
            if "invalid locale name" not in answer.stderr:
                break
    if answer.returncode != 0:
        shutil.rmtree(fresh, ignore_errors=True)
        raise DemoProblem(f"PostgreSQL could not make its data folder:\n{answer.stderr.strip()}")
    fresh.rename(data)


def noted_pid(data: Path) -> int | None:
    """Read the process id that the last server noted in its data folder; it may be long dead."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int((data / "postmaster.pid").read_text(encoding="ascii").split()[0])
    return None


def forget_pid(data: Path) -> None:
    """Take away a note that is known to be of no running server; PostgreSQL would heed it."""
    (data / "postmaster.pid").unlink(missing_ok=True)
