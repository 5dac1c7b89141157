"""
One watcher's stream of server-sent events, as text.

    log     lines of the log: {"seq", "step", "at", "stream", "text"} each, in order
    gap     older lines are not to be had here: read the log again
    state   the page has changed, ask for its live part: {"active"} tells whether more will come
    bye     the stream ends as planned: open the next one

Each id is `<last line>-<mark>`, all that is needed to go on without a gap and without a double:
a browser sends it back as Last-Event-ID.
"""

import json
import random
import re
from collections.abc import Iterator, Sequence

from tenantry.clock import monotonic
from tenantry.web.events.hub import Watch
from tenantry.web.events.topic import Line

LAST = re.compile(r"(\d{1,9})-([0-9a-f]{12})?")
LENGTH = 25.0
# A closed tab is noticed by the second thing that cannot be sent to it; its thread waits so long.
HEARTBEAT = 4.0
MOST_AT_ONCE = 200


def last_told(text: str) -> tuple[int | None, str]:
    """Cursor and mark of an id; from now on where it is none of ours."""
    found = LAST.fullmatch(text)
    return (int(found[1]), found[2] or "") if found else (None, "")


def stream_of(watch: Watch, seconds: float = LENGTH) -> Iterator[str]:
    """
    Events until about so many seconds have gone by; leaves the watch when it ends or is closed.

    Not all at once: those who were cut off together come back one by one.
    """
    try:
        ends = monotonic() + seconds * random.uniform(0.9, 1.1)  # noqa: S311 — spreads load only
        yield f"retry: {random.randint(800, 2500)}\n\n"  # noqa: S311
        while (left := ends - monotonic()) > 0 and not watch.over:
            before = watch.mark
            news = watch.next(min(left, HEARTBEAT))
            if news is None:
                yield ": still here\n\n"
                continue
            if news.gap:
                first = news.lines[0]["seq"] - 1 if news.lines else news.upto
                yield _event("gap", "{}", first, before)
            for at in range(0, len(news.lines), MOST_AT_ONCE):
                yield _lines(news.lines[at : at + MOST_AT_ONCE], before)
            if news.mark:
                told = json.dumps({"active": news.active})
                yield _event("state", told, news.upto, news.mark)
        yield "event: bye\ndata: {}\n\n"
    finally:
        watch.leave()


def _lines(lines: Sequence[Line], mark: str) -> str:
    return _event("log", json.dumps(lines, ensure_ascii=False), lines[-1]["seq"], mark)


def _event(name: str, told: str, cursor: int, mark: str) -> str:
    # JSON holds no line ends of its own, which would end the field.
    return f"id: {cursor}-{mark}\nevent: {name}\ndata: {told}\n\n"
