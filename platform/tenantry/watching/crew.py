"""
A bounded number of threads for calls that may hang for seconds.

Unlike those of the standard library's pool they are daemons: a process that is told to stop does
not wait for a server that never answers.
"""

import queue
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

import structlog

A = TypeVar("A")
R = TypeVar("R")
log = structlog.get_logger(__name__)


class Crew(Generic[A, R]):
    """Given and taken by one thread; at most `size` pieces of work are out at a time."""

    def __init__(self, name: str, size: int, act: Callable[[A], R]) -> None:
        self._name = name
        self._size = size
        self._act = act
        self._wanted: queue.SimpleQueue[A] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[R | None] = queue.SimpleQueue()
        self._threads = 0
        self._out = 0

    @property
    def room(self) -> int:
        """How many more pieces may be given."""
        return self._size - self._out

    @property
    def idle(self) -> bool:
        """Whether nothing is out."""
        return self._out == 0

    def give(self, work: A) -> None:
        """Hands out one piece; a thread is started where all are busy."""
        self._out += 1
        if self._threads < min(self._out, self._size):
            self._threads += 1
            name = f"{self._name}-{self._threads}"
            threading.Thread(target=self._serve, name=name, daemon=True).start()
        self._wanted.put(work)

    def take(self) -> list[R]:
        """What has been finished since the last time; never waits."""
        found: list[R] = []
        while True:
            try:
                one = self._done.get_nowait()
            except queue.Empty:
                return found
            self._out -= 1
            if one is not None:
                found.append(one)

    def _serve(self) -> None:
        while True:
            work = self._wanted.get()
            result: R | None = None
            try:
                result = self._act(work)
            except Exception as trouble:  # noqa: BLE001 — a thread outlives whatever it meets
                log.warning("work failed", crew=self._name, error=type(trouble).__name__)
            self._done.put(result)
