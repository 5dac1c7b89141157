"""
Where a server lives and as whom it runs.

An ordinary user runs it as himself, from the wheel, with the data in the state folder. A database
must not run as root, so for root it runs as `nobody`, who cannot enter private folders such as
those below /root. For root the programs are therefore copied to a folder that only root may write
and all may enter, and the data goes to a folder of its own beside it; a pointer file in the state
folder says where. No folder that was there before has its permissions changed.
"""

import contextlib
import hashlib
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tenantry.demo.problems import DemoProblem
from tenantry.demo.state import write_private

# Kept data must not lie where the system tidies up old files; data of a test may.
LASTING_BASES = (Path("/var/lib"), Path("/var/tmp"))  # noqa: S108 - never a guessable file in it
PASSING_BASES = (Path("/var/tmp"), Path("/tmp"))  # noqa: S108 - see above

_LASTING_PREFIX = "tenantry-data-"
_PASSING_PREFIX = "tenantry-passing-"
_OWNER_NOTE = "belongs-to"
_SWEPT_AFTER = 3600.0


@dataclass(frozen=True)
class Account:
    """Whom a server runs as, when not as ourselves."""

    name: str
    uid: int
    gid: int

    @property
    def numbers(self) -> tuple[str, str]:
        """User and group for a command line."""
        return str(self.uid), str(self.gid)


def unprivileged() -> Account | None:
    """Say whom servers are to run as: `nobody` when we are root, else None (ourselves)."""
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError:
        raise DemoProblem(
            "A database must not run as root, and this system has no account `nobody` to run it "
            "as; start the demo from an ordinary account."
        ) from None
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def trusted_copy(
    name: str, files: Mapping[str, Path], *, probe: str, account: Account, bases: Sequence[Path]
) -> Path:
    """
    Give a folder that holds exactly these files, owned and writable by root alone.

    A folder of an earlier start is used again when its owner, its modes and every byte are right; a
    damaged one is replaced, and one that belongs to someone else is left alone and another name
    taken. `probe` is the program that must answer `--version` when `account` starts it, which finds
    disks that refuse to run programs.
    """
    digest = _digest(files)
    for base in _usable(bases):
        for attempt in range(3):
            suffix = f"-{attempt}" if attempt else ""
            folder = base / f"tenantry-{name}-{digest[:16]}{suffix}"
            if _belongs_to_another(folder):
                continue
            if not _is_true_copy(folder, digest):
                try:
                    _copy(files, folder)
                except OSError:
                    break
                if not _is_true_copy(folder, digest):
                    continue
            if _runs(folder / probe, account):
                return folder
            break
    raise DemoProblem(
        f"As root, the demo needs a folder from which the account {account.name} may run programs; "
        f"none of {', '.join(map(str, bases))} will do. Start the demo from an ordinary account."
    )


def private_folder(
    pointer: Path,
    inner: str,
    *,
    account: Account | None,
    bases: Sequence[Path],
    may_be_lost: bool,
) -> Path:
    """
    Give the folder in which a server keeps its data, made at the first start and found again later.

    Its parent is ours alone, so a server can neither move the folder away nor put another one in
    its place. A folder that is gone is a problem to be told, unless it `may_be_lost`.
    """
    if account is None:
        folder = pointer.parent / inner
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder
    with contextlib.suppress(FileNotFoundError):
        folder = Path(pointer.read_text(encoding="utf-8").strip())
        if _is_ours(folder, account):
            return folder
        if may_be_lost and not folder.exists():
            raise FileNotFoundError
        raise DemoProblem(
            f"{pointer} says that the data is in {folder}, which is gone or belongs to someone "
            f"else. Put it back, or delete {pointer} to begin from nothing."
        )
    for base in _usable(bases):
        if may_be_lost:
            _sweep(base)
        with contextlib.suppress(OSError):
            prefix = _PASSING_PREFIX if may_be_lost else _LASTING_PREFIX
            home = Path(tempfile.mkdtemp(dir=base, prefix=prefix))
            home.chmod(0o711)
            write_private(home / _OWNER_NOTE, f"{pointer}\n")
            folder = home / inner
            folder.mkdir(mode=0o700)
            os.chown(folder, account.uid, account.gid)
            write_private(pointer, f"{folder}\n")
            return folder
    raise DemoProblem(f"No folder for data can be made in {', '.join(map(str, bases))}.")


def forget_folder(pointer: Path, inner: str) -> None:
    """Delete the data that `private_folder` gave, and the pointer to it."""
    if pointer.is_file():
        folder = Path(pointer.read_text(encoding="utf-8").strip())
        if folder.name == inner and folder.parent.name.startswith(
            (_LASTING_PREFIX, _PASSING_PREFIX)
        ):
            shutil.rmtree(folder.parent, ignore_errors=True)
        pointer.unlink(missing_ok=True)
    shutil.rmtree(pointer.parent / inner, ignore_errors=True)


def _sweep(base: Path) -> None:
    """
    Delete data of tests that were killed: old enough, and nothing points to it any more.

    Data of a demo is never judged so: its state folder may be on a disk that is away just now.
    """
    for home in base.glob(f"{_PASSING_PREFIX}*"):
        with contextlib.suppress(OSError):
            facts = home.lstat()
            if facts.st_uid != 0 or not stat.S_ISDIR(facts.st_mode) or facts.st_mode & 0o022:
                continue
            pointer = Path((home / _OWNER_NOTE).read_text(encoding="utf-8").strip())
            is_old = time.time() - facts.st_mtime > _SWEPT_AFTER
            if is_old and not (pointer.is_file() and str(home) in pointer.read_text("utf-8")):
                shutil.rmtree(home, ignore_errors=True)


def require_named_account() -> None:
    """Raise a DemoProblem when our user id has no name, which PostgreSQL will not run with."""
    try:
        pwd.getpwuid(os.geteuid())
    except KeyError:
        raise DemoProblem(
            f"PostgreSQL will not run for user id {os.geteuid()}, which has no entry in "
            f"/etc/passwd; run as a named account, or set DATABASE_URL to a server of your own."
        ) from None


def _usable(bases: Sequence[Path]) -> Iterator[Path]:
    for base in bases:
        if all(_cannot_be_swapped(folder) for folder in (base, *base.parents)):
            yield base


def _cannot_be_swapped(folder: Path) -> bool:
    """Say whether all may pass through this folder, but only root can rename what others own."""
    try:
        facts = folder.lstat()
    except OSError:
        return False
    open_to_all = bool(facts.st_mode & stat.S_IXOTH)
    sticky_or_closed = bool(facts.st_mode & stat.S_ISVTX) or not facts.st_mode & 0o022
    return stat.S_ISDIR(facts.st_mode) and facts.st_uid == 0 and open_to_all and sticky_or_closed


def _belongs_to_another(folder: Path) -> bool:
    try:
        facts = folder.lstat()
    except FileNotFoundError:
        return False
    return facts.st_uid != 0 or not stat.S_ISDIR(facts.st_mode)


def _is_ours(folder: Path, account: Account) -> bool:
    try:
        facts, home = folder.lstat(), folder.parent.lstat()
    except OSError:
        return False
    return (
        stat.S_ISDIR(facts.st_mode)
        and facts.st_uid == account.uid
        and stat.S_ISDIR(home.st_mode)
        and home.st_uid == 0
        and not home.st_mode & 0o022
    )


def _is_true_copy(folder: Path, digest: str) -> bool:
    if not folder.is_dir():
        return False
    files = {}
    for path in (folder, *folder.rglob("*")):
        facts = path.lstat()
        if facts.st_uid != 0 or facts.st_mode & 0o022 or stat.S_ISLNK(facts.st_mode):
            return False
        if stat.S_ISREG(facts.st_mode):
            files[path.relative_to(folder).as_posix()] = path
    return _digest(files) == digest


def _copy(files: Mapping[str, Path], folder: Path) -> None:
    """Fill a folder beside the goal and move it there whole, so that nobody sees half a copy."""
    fresh = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    try:
        for relative, source in files.items():
            target = fresh / relative
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
            target.chmod(0o755 if source.stat().st_mode & stat.S_IXUSR else 0o644)
        for inner in (fresh, *(path for path in fresh.rglob("*") if path.is_dir())):
            inner.chmod(0o755)
        if folder.exists():  # damaged: it is ours, or we would not be here
            folder.rename(fresh.with_name(f"{fresh.name}.old"))
        with contextlib.suppress(OSError):  # another start was quicker; its copy is judged next
            fresh.rename(folder)
    finally:
        for left in (fresh, fresh.with_name(f"{fresh.name}.old")):
            shutil.rmtree(left, ignore_errors=True)


def _digest(files: Mapping[str, Path]) -> str:
    """Stand for all names, bytes and whether they may be run; only the owner's bit counts."""
    total = hashlib.sha256()
    for relative in sorted(files):
        path = files[relative]
        runs = bool(path.stat().st_mode & stat.S_IXUSR)
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        total.update(f"{relative}\0{runs}\0{content}\n".encode())
    return total.hexdigest()


def _runs(program: Path, account: Account) -> bool:
    try:
        answer = subprocess.run(
            [program, "--version"],
            user=account.uid,
            group=account.gid,
            extra_groups=[],
            cwd="/",
            capture_output=True,
            check=False,
            timeout=20,
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return answer.returncode == 0
