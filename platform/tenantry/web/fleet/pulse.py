"""Which processes are silent: asked of the broker now and then, never for each page."""

from dataclasses import dataclass, field
from threading import Lock

import redis
from flask import current_app

from tenantry.clock import monotonic
from tenantry.web.door import desk
from tenantry.web.health import HEARTBEAT

KEY = "tenantry.pulse"
# A page may wait that long for it, once in so many seconds and process.
WAIT, APART = 0.25, 15.0
BROKER = (
    "The message broker is silent",
    "Deployments wait and lose nothing; they go on when it is back.",
)
WATCHDOG = (
    "The watchdog is silent",
    "It has not beaten for 30 s: nothing repairs lost messages, and nothing new is let in.",
)


@dataclass(slots=True)
class _Felt:
    """What was felt last, and when."""

    at: float = -APART
    silent: tuple[tuple[str, str], ...] = ()
    lock: Lock = field(default_factory=Lock)


def silent() -> tuple[tuple[str, str], ...]:
    """Name and meaning of each process that is silent, at most 15 s old; never raises."""
    felt: _Felt = current_app.extensions.setdefault(KEY, _Felt())
    # Whoever comes meanwhile is told what was felt before.
    if monotonic() - felt.at >= APART and felt.lock.acquire(blocking=False):
        try:
            felt.silent, felt.at = _feel(), monotonic()
        finally:
            felt.lock.release()
    return felt.silent


def _feel() -> tuple[tuple[str, str], ...]:
    url = desk().settings.redis_url
    try:
        with redis.Redis.from_url(url, socket_timeout=WAIT, socket_connect_timeout=WAIT) as client:
            return () if client.exists(HEARTBEAT) else (WATCHDOG,)
    except redis.RedisError:
        return (BROKER,)
