"""
Server-sent events of watched deployments.

One hub for each web process asks the database for all who watch; a stream holds no connection and
never asks anything itself (docs/adr/0015).
"""

import signal
import threading
from types import FrameType
from typing import cast

from flask import Flask, Response, abort, current_app, session

from tenantry.clock import utcnow
from tenantry.web.door import desk_of
from tenantry.web.events.hub import Hub
from tenantry.web.events.stream import LENGTH, last_told, stream_of
from tenantry.web.security import LONGEST_SESSION, SINCE

KEY = "tenantry.events"

__all__ = ["answer", "hub", "set_up_events"]


def set_up_events(app: Flask) -> None:
    """One hub for the application; it starts with the first who watches."""
    desk = desk_of(app)
    app.extensions[KEY] = made = Hub(desk.reading, most=desk.settings.streams)
    _end_with_process(made)


def _end_with_process(made: Hub) -> None:
    """A server that is told to stop waits for its answers, and a stream is a long one."""
    before = signal.getsignal(signal.SIGTERM)
    if not callable(before) or threading.current_thread() is not threading.main_thread():
        return

    def stop(number: int, frame: FrameType | None) -> None:
        made.stop()
        before(number, frame)

    signal.signal(signal.SIGTERM, stop)


def hub() -> Hub:
    """The hub of the current application."""
    return cast("Hub", current_app.extensions[KEY])


def answer(deployment_id: int, told: str) -> Response:
    """
    The stream from the event of that id on; 503 where too many watch already.

    It ends with the session of who asked: its browser comes back, and is told to log in.
    """
    cursor, mark = last_told(told)
    watch = hub().watch(deployment_id, cursor, mark)
    if watch is None:
        abort(503, "Too many pages are watched at once; this one asks now and then instead.")
    left = session.get(SINCE, 0) + LONGEST_SESSION.total_seconds() - utcnow().timestamp()
    stream = Response(stream_of(watch, min(LENGTH, left)), mimetype="text/event-stream")
    # Also for a HEAD, or a browser that left before the first event.
    stream.call_on_close(watch.leave)
    # A proxy that buffers would hand it over when it has ended.
    stream.headers["X-Accel-Buffering"] = "no"
    return stream
