"""What the tests of the demo share: closed folders, an ordinary account, patience."""

import os
import pwd
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tenantry.demo import processes

SOURCES = Path(__file__).parents[2] / "platform"
PACKAGES = sysconfig.get_paths()["purelib"]


@pytest.fixture
def closed(tmp_path: Path) -> Path:
    """A folder that nobody but its owner can enter, as /root and mktemp folders are."""
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o700)
    return folder / "state"


@pytest.fixture
def eventually() -> Callable[[Callable[[], object]], None]:
    """Wait until something holds, 10 s at most."""

    def wait(holds: Callable[[], object], within: float = 10.0) -> None:
        deadline = time.monotonic() + within
        while not holds():
            assert time.monotonic() < deadline, "it did not come to pass"
            time.sleep(0.02)

    return wait


@pytest.fixture
def runs() -> Callable[[int], bool]:
    """Say whether a process runs; one that ended and waits for its parent does not."""
    return lambda pid: pid in processes.running()


@pytest.fixture
def own_environment() -> dict[str, str]:
    """The environment in which a started Python finds our sources."""
    path = [str(SOURCES), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path)}


@pytest.fixture
def as_ordinary_user() -> Iterator[Callable[[str], "subprocess.CompletedProcess[str]"]]:
    """Run Python code as an account without rights and with an empty home folder."""
    if os.geteuid() != 0:
        pytest.skip("the whole suite runs as an ordinary user already")
    account = pwd.getpwnam("daemon")
    home = Path(tempfile.mkdtemp(prefix="home-"))
    os.chown(home, account.pw_uid, account.pw_gid)
    # The system's Python may be older than ours by a patch level; redis asks for this up to 3.11.2,
    # and installs it there.
    borrowed = Path(tempfile.mkdtemp(prefix="borrowed-"))
    borrowed.chmod(0o755)
    (borrowed / "async_timeout.py").write_text("from asyncio import timeout\n")
    environment = {
        "HOME": str(home),
        "TMPDIR": str(home),
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": f"{SOURCES}:{PACKAGES}:{borrowed}",
        "PYTHONDONTWRITEBYTECODE": "1",
    }

    def run(python: str, code: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [python, "-c", code],
            env=environment,
            cwd="/",
            user=account.pw_uid,
            group=account.pw_gid,
            extra_groups=[],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def find() -> str:
        version = f"python3.{sys.version_info.minor}"
        for candidate in (sys.executable, f"/usr/bin/{version}", f"/usr/local/bin/{version}"):
            try:
                if run(candidate, "import psycopg, redis, tenantry.demo").returncode == 0:
                    return candidate
            except OSError:
                continue
        pytest.skip("no Python of this version that an ordinary user could run")

    try:
        python = find()
        yield lambda code: run(python, code)
    finally:
        for folder in (home, borrowed):
            shutil.rmtree(folder, ignore_errors=True)
