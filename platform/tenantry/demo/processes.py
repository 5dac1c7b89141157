"""
What runs on this machine, as the system tells it: by /proc, or by `ps` where there is none.

Only facts that any account may read are used: root inside a container may be refused the rest.
"""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_STEP = 0.02


@dataclass(frozen=True)
class Running:
    """One process. `born` tells it from a later one with the same id, where the system says so."""

    pid: int
    parent: int
    group: int
    born: str


def running() -> dict[int, Running]:
    """List all processes that still run; those that ended and were not yet waited for are not."""
    found = _from_proc() if (_PROC / "self" / "stat").exists() else _from_ps()
    return {each.pid: each for each in found}


def family(leader: int) -> list[Running]:
    """List a process, all that descends from it, and all that is in its group."""
    everything = running()
    members = {leader}
    while True:
        more = {
            each.pid
            for each in everything.values()
            if each.parent in members or each.group == leader
        }
        if more <= members:
            return [everything[pid] for pid in sorted(members) if pid in everything]
        members |= more


def still_running(those: Iterable[Running]) -> list[Running]:
    """Say which of those run on, taking care of ids that were given to another process since."""
    wanted = list(those)
    if not wanted:
        return []
    now = running()
    return [each for each in wanted if each.pid in now and now[each.pid].born == each.born]


def titled(program: str, mark: str) -> list[int]:
    """List the processes of a program whose command line or title bears the mark."""
    found = []
    for pid, words in _titles():
        name = words.split("\0", 1)[0].split(" ", 1)[0].rstrip(":").rsplit("/", 1)[-1]
        if name == program and mark in words:
            found.append(pid)
    return found


def send(pid: int, number: signal.Signals) -> None:
    """Send a signal; a process that is gone already is nothing."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def send_group(group: int, number: signal.Signals) -> None:
    """Send a signal to a whole group; one that is gone, or another's by now, is nothing."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _from_proc() -> Iterable[Running]:
    for entry in _PROC.iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            # The name in the middle is in brackets and may itself hold brackets and spaces.
            words = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()
            state, parent, group, born = words[0], words[1], words[2], words[19]
            if state not in {"Z", "X"}:
                yield Running(int(entry.name), int(parent), int(group), born)


def _from_ps() -> Iterable[Running]:
    for line in _ps("pid=,ppid=,pgid=,stat=").splitlines():
        pid, parent, group, state = line.split()[:4]
        if not state.startswith("Z"):
            yield Running(int(pid), int(parent), int(group), "")


def _titles() -> Iterable[tuple[int, str]]:
    if (_PROC / "self" / "cmdline").exists():
        for entry in _PROC.iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError):
                    yield int(entry.name), (entry / "cmdline").read_text(errors="replace")
    else:
        for line in _ps("pid=,command=").splitlines():
            pid, _, words = line.strip().partition(" ")
            yield int(pid), words.strip()


def _ps(columns: str) -> str:
    answer = subprocess.run(
        ["ps", "-axww", "-o", columns], capture_output=True, text=True, check=False, timeout=10
    )
    return answer.stdout


def gone_within(seconds: float, those: Iterable[Running]) -> bool:
    """Wait until all of those are gone; False when some are not by then."""
    wanted = list(those)
    deadline = time.monotonic() + seconds
    while still_running(wanted):
        if time.monotonic() > deadline:
            return False
        time.sleep(_STEP)
    return True
