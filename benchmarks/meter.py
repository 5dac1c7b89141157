"""What processes cost, from /proc: processor seconds of whole families, and their memory."""

import os
from collections.abc import Iterable
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def family(roots: Iterable[int]) -> set[int]:
    """The processes and all that they started."""
    parents = {pid: fields[1] for pid in _running() if (fields := stat(pid))}
    found = set(roots) & set(parents)
    while True:
        more = {pid for pid, parent in parents.items() if parent in found} - found
        if not more:
            return found
        found |= more


def seconds(roots: Iterable[int]) -> float:
    """Processor time of these families so far, of children that have ended too."""
    return sum(sum(fields[11:15]) for pid in family(roots) if (fields := stat(pid))) / TICKS


def megabytes(roots: Iterable[int]) -> float:
    """Memory in megabytes; what several processes share is counted once (Pss)."""
    return sum(_pss(pid) for pid in family(roots)) / 1024


def _pss(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def own_megabytes(pid: int) -> float:
    """Resident memory of one process of its own, shared buffers left out; 0 if ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("RssAnon:")) / 1024


def handles(pid: int) -> int:
    """Open file handles of one process; 0 where it has ended."""
    try:
        return len(list(Path(f"/proc/{pid}/fd").iterdir()))
    except OSError:
        return 0


def _running() -> list[int]:
    return [int(folder.name) for folder in Path("/proc").iterdir() if folder.name.isdigit()]


def stat(pid: int) -> list[int]:
    """Fields of /proc/N/stat from the state on; empty where it has ended."""
    try:
        line = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return []
    return [0, *(int(word) for word in line.rpartition(")")[2].split()[1:])]
