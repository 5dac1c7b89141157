"""
`python -m tests.chaos.timed worker --queue Q`: a worker that writes down how long a message held
one of its threads, from its arrival to the hand-over of the next.

The product's own otherwise. What holds a thread for a second or more is written while it lasts,
so that one that never comes back is seen too; the first message is told whatever it took, which
shows that the clock runs.
"""

import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from celery.concurrency import thread

from tenantry import app
from tenantry.cli import commands

EVERY = 0.5
WORTH_TELLING = 1.0
DEEP = 12


class Threads:
    """When each busy thread took up what it works at."""

    def __init__(self, told: Path) -> None:
        self._told = told
        self._since: dict[int, float] = {}
        self._where: dict[int, str] = {}
        self._silent = True

    def timing(self, plain: Callable[..., Any]) -> Callable[..., Any]:
        """The same function, on the clock."""

        def timed(*args: Any, **more: Any) -> Any:
            me, began = threading.get_ident(), time.time()
            self._since[me] = began
            try:
                return plain(*args, **more)
            finally:
                self._since.pop(me, None)
                self._tell(began, self._where.pop(me, ""))

        return timed

    def watch(self) -> None:
        """For ever: tells of those that are not back yet."""
        while True:
            time.sleep(EVERY)
            frames = sys._current_frames()
            for thread_id, began in list(self._since.items()):
                if thread_id in frames and time.time() - began >= WORTH_TELLING:
                    self._where[thread_id] = _place_of(frames[thread_id])
                self._tell(began, self._where.get(thread_id, ""))

    def _tell(self, began: float, where: str) -> None:
        held = time.time() - began
        if held >= WORTH_TELLING or self._silent:
            self._silent = False
            with self._told.open("a") as lines:
                lines.write(f"{began} {held} {where}\n")


def _place_of(frame: FrameType) -> str:
    """The functions that a thread is in, the innermost last."""
    names = [f"{Path(f.filename).stem}.{f.name}" for f in traceback.extract_stack(frame)]
    return ">".join(names[-DEEP:]).replace(" ", "")


def longest_held(folder: Path, since: float, until: float) -> tuple[float, str]:
    """
    Seconds of the thread that was held longest between two moments, and where it was.

    AssertionError where no worker has written anything.
    """
    longest, files = (0.0, ""), list(folder.glob("held-*"))
    assert files, "no worker told how long its threads were held"
    for told in files:
        for line in told.read_text().splitlines():
            began, held, *where = line.split()
            if float(began) + float(held) >= since and float(began) <= until:
                longest = max(longest, (float(held), *where, "")[:2])
    return longest


def main() -> None:
    """Runs `tenantry run …` with a clock for each thread."""
    threads = Threads(Path(f"held-{os.getpid()}"))
    thread.apply_target = threads.timing(thread.apply_target)  # type: ignore[attr-defined]
    threading.Thread(target=threads.watch, name="threads", daemon=True).start()
    workshop = app.Workshop(os.environ)
    app.set_up_logging(workshop.settings)
    commands(["run", *sys.argv[1:]], obj=workshop)


if __name__ == "__main__":
    main()
