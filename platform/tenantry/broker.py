"""
How Celery's library speaks to Redis: its transport and its events, each changed in one thing.

As it comes, the transport makes a new client object for every operation: a tenth of a worker's CPU
on plain set-up of dictionaries. A client is safe to share between threads: it holds a pool of
connections and takes one for each command.

As it comes, whichever thread fills the buffer of events publishes them, while all others that have
an event wait for it: with a broker that stands still every step was held for 40 s. Here only the
worker's own loop publishes them, and steps never wait.
"""

from collections import deque
from functools import cached_property
from typing import Any

from celery.app import events
from celery.events.dispatcher import EventDispatcher
from kombu.transport import redis

# Batches of events that are kept for a broker that is away; the oldest go first.
MOST_KEPT = 1000


class Channel(redis.Channel):
    """Publishes and consumes through one client; forked children get channels of their own."""

    def _create_client(self, asynchronous: bool = False) -> Any:  # noqa: FBT001, FBT002 — kombu's
        # Blocking reads and subscriptions hold a connection of their own: as they were.
        return self._new_client(asynchronous=True) if asynchronous else self._kept_client

    @cached_property
    def _kept_client(self) -> Any:
        return self._new_client(asynchronous=False)

    def _new_client(self, *, asynchronous: bool) -> Any:
        return super()._create_client(asynchronous)  # type: ignore[no-untyped-call]


class Transport(redis.Transport):
    """Named in Celery's `broker_transport`."""

    Channel = Channel


class Dispatcher(EventDispatcher):  # type: ignore[misc]
    """Leaves the buffer to the worker's loop, however full it is."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.buffer_limit = float("inf")
        self._outbound_buffer: deque[Any] = deque(maxlen=MOST_KEPT)


class Events(events.Events):  # type: ignore[misc]
    """Given to Celery's application."""

    dispatcher_cls = "tenantry.broker:Dispatcher"
