"""The logs of the programs: plain files, kept small, shown when something went wrong."""

import contextlib
import os
import shutil
from pathlib import Path

LINES_SHOWN = 12


def trim(log: Path, cap: int) -> None:
    """
    Keep a log under `cap` bytes, the older part of it in `<name>.1`.

    Its program goes on writing to the same file, so the file is copied and emptied; a line written
    in between may be lost.
    """
    with contextlib.suppress(OSError):
        if log.stat().st_size > cap:
            kept = log.with_name(f"{log.name}.1")
            kept.touch(mode=0o600)
            shutil.copyfile(log, kept)
            os.truncate(log, 0)


def tail(log: Path, lines: int = LINES_SHOWN) -> str:
    """Give the last lines of a log for a message to a person; empty when there is none."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 8000))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-lines:])
