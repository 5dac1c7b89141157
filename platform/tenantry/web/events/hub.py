"""
The one thread of a web process that asks the database for everybody who watches.

It starts with the first watcher and ends with the last. What it learns is handed to the streams
in memory; they never ask anything themselves.
"""

import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

import structlog
from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from tenantry.clock import iso, monotonic
from tenantry.models import DeploymentStep, LogEntry
from tenantry.web.events.standing import standings
from tenantry.web.events.topic import Line, News, Topic

log = structlog.get_logger(__name__)
PERIOD = 0.15
# However slow the database is, it is asked for a tenth of the time at most.
IDLE_SHARE = 9
Reading = Callable[[], AbstractContextManager[Session]]


@dataclass(slots=True)
class Watch:
    """One watcher; `cursor` and `mark` are what it has been told."""

    topic: Topic
    cursor: int | None
    mark: str
    _left: Callable[[], None] = field(repr=False)
    _open: bool = True

    def next(self, seconds: float) -> News | None:
        """The next news, or None after so many seconds without any, and at the end."""
        topic = self.topic
        with topic.changed:
            found: News | None = None

            def ready() -> bool:
                nonlocal found
                found = topic.news(self.cursor, self.mark)
                return found is not None or topic.over

            topic.changed.wait_for(ready, seconds)
        if found is not None:
            self.cursor = found.upto
            self.mark = found.mark or self.mark
        return found

    @property
    def over(self) -> bool:
        """Whether nothing more will come."""
        return self.topic.over

    def leave(self) -> None:
        """Watches no longer; safe to repeat."""
        if self._open:
            self._open = False
            self._left()


class Hub:
    """Shared by all threads of a process. Who comes when `most` watch polls, and tries later."""

    def __init__(self, reading: Reading, *, most: int, period: float = PERIOD) -> None:
        self._reading = reading
        self._period = period
        self._most = most
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._topics: dict[int, Topic] = {}
        self._watchers = 0
        self._stopping = False
        self._thread: threading.Thread | None = None

    def watch(self, deployment_id: int, cursor: int | None = None, mark: str = "") -> Watch | None:
        """
        A watcher who knows the lines up to `cursor` and the page of `mark`; None where it is full.

        Whatever came after those two is told, each once, however long ago that was.
        """
        with self._lock:
            if self._watchers >= self._most or self._stopping:
                return None
            self._watchers += 1
            topic = self._topics.get(deployment_id)
            if topic is None or topic.over:
                topic = self._topics[deployment_id] = Topic()
            topic.watchers += 1
            # A child that was forked from us has no such thread; it starts its own.
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="events", daemon=True)
                self._thread.start()
        if topic.want(cursor):
            self._wake.set()
        return Watch(topic, cursor, mark, lambda: self._leave(deployment_id, topic))

    @property
    def watchers(self) -> int:
        """How many watch now."""
        return self._watchers

    @property
    def running(self) -> bool:
        """Whether the thread is there."""
        return self._thread is not None and self._thread.is_alive()

    def stop(self) -> None:
        """Ends all streams soon and takes nobody any more; takes no lock, for signal handlers."""
        self._stopping = True
        self._wake.set()

    def _leave(self, deployment_id: int, topic: Topic) -> None:
        with self._lock:
            self._watchers -= 1
            topic.watchers -= 1
            if topic.watchers == 0 and self._topics.get(deployment_id) is topic:
                del self._topics[deployment_id]

    def _watched(self) -> dict[int, Topic]:
        """Who is watched; the thread's end is decided under the lock that starts it."""
        with self._lock:
            if not self._topics:
                self._thread = None
            return dict(self._topics)

    def _run(self) -> None:
        while topics := self._watched():
            began = monotonic()
            if self._stopping:
                self._let_go(topics)
                continue
            try:
                self._ask(topics)
            except Exception as trouble:  # noqa: BLE001 — the next who watches starts it again
                log.warning("events stopped", error=type(trouble).__name__)
                self._let_go(topics)
            took = monotonic() - began
            self._wake.wait(max(self._period - took, took * IDLE_SHARE))
            self._wake.clear()

    def _let_go(self, topics: Mapping[int, Topic]) -> None:
        """Their browsers poll then, and say it where that fails too."""
        with self._lock:
            for deployment_id, topic in topics.items():
                if self._topics.get(deployment_id) is topic:
                    del self._topics[deployment_id]
        for topic in topics.values():
            topic.end()

    def _ask(self, topics: Mapping[int, Topic]) -> None:
        with self._reading() as session:
            found = standings(session, topics.keys())
            wanted = {
                deployment_id: topics[deployment_id].missing(now.next_seq)
                for deployment_id, now in found.items()
            }
            lines = _lines(session, wanted)
        self._let_go({key: topic for key, topic in topics.items() if key not in found})
        for deployment_id, now in found.items():
            numbers = wanted[deployment_id]
            topics[deployment_id].learn(now, numbers, lines.get(deployment_id, []))


def _lines(session: Session, wanted: Mapping[int, range]) -> dict[int, list[Line]]:
    """The wanted lines of all deployments, in one query; none where nothing was written."""
    ranges = [
        and_(
            LogEntry.deployment_id == deployment_id,
            LogEntry.seq >= numbers.start,
            LogEntry.seq < numbers.stop,
        )
        for deployment_id, numbers in wanted.items()
        if numbers
    ]
    if not ranges:
        return {}
    rows = session.execute(
        select(
            LogEntry.deployment_id,
            LogEntry.seq,
            LogEntry.at,
            LogEntry.stream,
            LogEntry.text,
            DeploymentStep.public_id,
        )
        .outerjoin(DeploymentStep, DeploymentStep.id == LogEntry.step_id)
        .where(or_(*ranges))
        .order_by(LogEntry.deployment_id, LogEntry.seq)
    )
    found: dict[int, list[Line]] = {}
    for row in rows:
        found.setdefault(row.deployment_id, []).append(
            {
                "seq": row.seq,
                "step": str(row.public_id) if row.public_id else "",
                "at": iso(row.at),
                "stream": row.stream,
                "text": row.text,
            }
        )
    return found
