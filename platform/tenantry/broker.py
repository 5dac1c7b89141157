"""
The Redis transport of Celery's library, with one client kept for each channel.

As it comes, it makes a new client object for every operation: a tenth of a worker's CPU on plain
set-up of dictionaries. A client is safe to share between threads: it holds a pool of connections
and takes one for each command.
"""

from functools import cached_property
from typing import Any

from kombu.transport import redis


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
