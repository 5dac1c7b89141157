"""
How Celery's library speaks to Redis: its transport and its events, each changed in one thing.

As it comes, the transport makes a new client object for every operation: a tenth of a worker's CPU
on plain set-up of dictionaries. A client is safe to share between threads: it holds a pool of
connections and takes one for each command.

As it comes, whichever thread fills the buffer of events publishes them, while all others that have
an event wait for it: with a broker that stands still every step was held for 40 s. And each event
wakes the worker's loop, which publishes what there is: most often one, three times for a step, a
fifth of a worker's time. Here only the worker's own loop publishes them, some times a second, and
steps never wait.
"""

from collections import deque
from functools import cached_property
from typing import Any

from celery import bootsteps
from celery.app import events
from celery.events.dispatcher import EventDispatcher
from celery.worker import state
from celery.worker.consumer.events import Events as EventsStep
from kombu.transport import redis

# Batches of events that are kept for a broker that is away; the oldest go first.
MOST_KEPT = 1000
# Seconds until an event is published: Flower shows a step so much later.
EVENTS_EVERY = 0.2


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
    """Leaves the buffer to the worker's loop, however full it is; see `FlushEvents`."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.buffer_limit = float("inf")
        self.on_send_buffered = None
        self._outbound_buffer: deque[Any] = deque(maxlen=MOST_KEPT)

    def extend_buffer(self, other: Any) -> None:
        """Takes over what another had not published when its connection broke."""
        super().extend_buffer(other)
        for group, kept in other._group_buffer.items():  # noqa: SLF001 — its like
            self._group_buffer[group].extend(kept)


class Events(events.Events):  # type: ignore[misc]
    """Given to Celery's application."""

    dispatcher_cls = "tenantry.broker:Dispatcher"


class FlushEvents(bootsteps.StartStopStep):  # type: ignore[misc]
    """Publishes what is in the buffer, from the loop of the worker; one of its consumer's steps."""

    requires = (EventsStep,)

    def __init__(self, consumer: Any, **more: Any) -> None:
        self._timer: Any = None
        super().__init__(consumer, **more)

    def start(self, consumer: Any) -> None:
        """With each connection; stops with it."""
        self._timer = consumer.timer.call_repeatedly(EVENTS_EVERY, self._flush, (consumer,))

    def stop(self, consumer: Any) -> None:
        """Publishes the last of them where the worker is asked to end."""
        if self._timer is not None:
            consumer.timer.cancel(self._timer)
            self._timer = None
        if state.should_stop is not None:
            self._flush(consumer)

    def _flush(self, consumer: Any) -> None:
        if consumer.event_dispatcher:
            consumer.event_dispatcher.flush()
