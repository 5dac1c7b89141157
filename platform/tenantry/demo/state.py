"""
The state folder: what one demo keeps between two starts.

It is private (0700) and holds the generated secrets, the databases, the logs and the caught mail.
Delete it, and the next start begins from nothing.
"""

import contextlib
import errno
import fcntl
import json
import os
import secrets
import shutil
import tempfile
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from tenantry.demo.problems import DemoProblem

ROOM_NEEDED_MB = 400  # binaries, two fresh databases, logs and some days of playing


def default_folder() -> Path:
    """Name the state folder when nobody chose one: environment, XDG, then the home folder."""
    if chosen := os.environ.get("TENANTRY_STATE"):
        return Path(chosen).expanduser().absolute()
    base = os.environ.get("XDG_STATE_HOME", "")
    # The XDG rules say that a relative path there is to be ignored.
    home = Path(base) if Path(base).is_absolute() else Path("~/.local/state").expanduser()
    return home / "tenantry"


class FolderLock:
    """
    One holder at a time for a folder; the system lets go when the holder dies, however it dies.

    The file says who holds it, so that a refusal can name the process.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    @property
    def held(self) -> bool:
        """Whether this object holds the lock."""
        return self._descriptor is not None

    def take(self, refusal: str) -> None:
        """
        Hold the lock, or raise a DemoProblem made of `refusal`, which may say `{holder}`.

        Taking it twice through the same object is nothing.
        """
        if self._descriptor is not None:
            return
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.read(descriptor, 32).decode("ascii", "replace").strip() or "unknown"
            os.close(descriptor)
            raise DemoProblem(refusal.format(holder=f"process {holder}")) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        self._descriptor = descriptor

    def release(self) -> None:
        """Let the next one in; the file itself stays, since deleting it would let two in."""
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = None


class KeptSecrets:
    """
    Generated secrets in one JSON file of mode 0600: made once, found again ever after.

    The file is replaced whole, so a crash leaves either the old one or the new one.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def get(self, name: str, make: Callable[[], str] = lambda: secrets.token_urlsafe(32)) -> str:
        """Give the secret of that name; the first time ever, make it and keep it."""
        kept = self._read()
        if name not in kept:
            kept[name] = make()
            write_private(self._path, json.dumps(kept, indent=2) + "\n")
        return kept[name]

    def _read(self) -> dict[str, str]:
        try:
            text = self._path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return {}
        try:
            kept = json.loads(text)
        except ValueError:
            kept = None
        if not isinstance(kept, dict):
            raise DemoProblem(
                f"{self._path} is damaged. Without it the kept data cannot be opened: put the file "
                f"back, or delete the state folder {self._path.parent} to begin from nothing."
            )
        return {str(name): str(value) for name, value in kept.items()}


def write_private(path: Path, text: str) -> None:
    """Write a whole file that only its owner may read; others see the old one or the new one."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def new_key_ring() -> str:
    """Make a key ring of one key, `<key id>:<32 random bytes in base64>`."""
    return f"k1:{b64encode(secrets.token_bytes(32)).decode()}"


class State:
    """
    An opened state folder: checked, private, and held by this process alone.

    `with State.open() as state:` is the whole use; leaving the block lets the next demo in.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.logs = folder / "logs"
        self.mail = folder / "mail"
        self._lock = FolderLock(folder / "lock")
        self._secrets = KeptSecrets(folder / "secrets.json")

    @classmethod
    def open(cls, folder: Path | None = None, *, room_mb: int = ROOM_NEEDED_MB) -> Self:
        """Make the folder if it is new, check that it can be used, and hold its lock."""
        chosen = (folder or default_folder()).expanduser().absolute()
        make_private_folder(chosen)
        require_room(chosen, room_mb)
        state = cls(chosen)
        state._lock.take(
            f"Another demo ({{holder}}) runs in {str(chosen).replace('{', '{{').replace('}', '}}')}"
            f"; stop it, or choose another folder with TENANTRY_STATE."
        )
        for inner in (state.logs, state.mail):
            inner.mkdir(mode=0o700, exist_ok=True)
        return state

    def secret(self, name: str, make: Callable[[], str] = lambda: secrets.token_urlsafe(32)) -> str:
        """Give the secret of that name, made by `make` the first time ever."""
        return self._secrets.get(name, make)

    @property
    def secret_key(self) -> str:
        """The value for SECRET_KEY."""
        return self.secret("secret_key", lambda: secrets.token_urlsafe(48))

    @property
    def key_ring(self) -> str:
        """The value for KEY_RING."""
        return self.secret("key_ring", new_key_ring)

    @property
    def staff_password(self) -> str:
        """The password of the seeded staff account, short enough to be typed."""
        return self.secret("staff_password", lambda: secrets.token_urlsafe(12))

    def close(self) -> None:
        """Let the next demo in."""
        self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def make_private_folder(folder: Path) -> None:
    """Make a folder of mode 0700 that this account can write, or raise a DemoProblem."""
    choose = "choose another folder with TENANTRY_STATE"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if folder.stat().st_uid == os.geteuid():
            folder.chmod(0o700)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except FileExistsError:
        raise DemoProblem(f"{folder} is a file, not a folder; {choose}.") from None
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise DemoProblem(f"The disk of {folder} is full; make room, or {choose}.") from None
        if error.errno == errno.EROFS:
            raise DemoProblem(f"{folder} is on a read-only disk; {choose}.") from None
        if error.errno in {errno.EACCES, errno.EPERM}:
            raise DemoProblem(f"{folder} cannot be written by this account; {choose}.") from None
        raise DemoProblem(f"{folder} cannot be used ({error}); {choose}.") from None


def require_room(folder: Path, room_mb: int) -> None:
    """Raise a DemoProblem when the disk below the folder has less room than that."""
    with contextlib.suppress(OSError):
        free_mb = shutil.disk_usage(folder).free // 1_000_000
        if free_mb < room_mb:
            raise DemoProblem(
                f"The disk of {folder} has {free_mb} MB free and the demo needs {room_mb} MB; make "
                f"room, or choose another folder with TENANTRY_STATE."
            )
