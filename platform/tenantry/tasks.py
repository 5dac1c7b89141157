"""
Celery's door: its settings, its tasks of two lines, and how a chain is sent.

A message carries ids and an epoch only; tasks return nothing; there is no result backend. Early
ack: a lost message is late, never wrong, because the watchdog publishes it again from the rows.
"""

import queue
import threading
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import redis
import structlog
from celery import Celery, chain
from celery.schedules import crontab
from kombu.entity import Exchange, Queue

from tenantry.clock import monotonic
from tenantry.engine.dispatch import Chain, Send
from tenantry.planning.catalogue import QUEUES, SLOW_QUEUE, STEPS_QUEUE, SUSPECT_QUEUE

log = structlog.get_logger(__name__)
RUN_STEP = "tenantry.run_step"
RECONCILE = "tenantry.reconcile"
RECONCILE_MINUTES = 10
KEEP_HOUSE = "tenantry.keep_house"
LOOK_FOR_DRIFT = "tenantry.look_for_drift"
MOST_PENDING = 1000


class Runs(Protocol):
    """What a worker does with a message."""

    def run(self, deployment_id: int, step_id: int, epoch: int, *, suspect: bool = False) -> bool:
        """Whether the chain may go on."""


class Reconciles(Protocol):
    """What compares targets with rows."""

    def recent(self, seconds: float) -> int:
        """Tenants whose deployment ended within so many seconds."""

    def everything(self) -> int:
        """Every tenant."""


class Audits(Protocol):
    """What compares our record, the products and the targets."""

    def recent(self, seconds: float) -> int:
        """Tenants whose deployment ended within so many seconds."""

    def everything(self) -> int:
        """Every tenant, and what else stands on the targets."""


class KeepsHouse(Protocol):
    """What happens by itself, a few times an hour."""

    def round(self) -> dict[str, int]:
        """What was done, by name."""


def _queue(name: str) -> Queue:
    # Left to its defaults, every queue is bound to the same key and gets a copy of each message.
    exchange = Exchange(name, type="direct")  # type: ignore[no-untyped-call]
    return Queue(name, exchange=exchange, routing_key=name)  # type: ignore[no-untyped-call]


def settings_of(redis_url: str) -> dict[str, Any]:
    """Celery's own settings, each with its reason in docs/adr/0003."""
    return {
        "broker_url": redis_url,
        "broker_transport": "tenantry.broker:Transport",
        "result_backend": None,
        "task_ignore_result": True,
        "task_store_errors_even_if_ignored": False,
        "task_acks_late": False,
        "task_serializer": "json",
        "accept_content": ["json"],
        "task_default_queue": STEPS_QUEUE,
        "task_queues": [_queue(name) for name in QUEUES],
        "task_create_missing_queues": False,
        "task_publish_retry": False,
        "worker_prefetch_multiplier": 1,
        "worker_send_task_events": True,
        # A step that was sent shows as received a moment later: one event less for each.
        "task_send_sent_event": False,
        "worker_hijack_root_logger": False,
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "broker_transport_options": {
            # No copy of unacked messages in the broker: two pipelines less for each step. A clean
            # stop returns what was prefetched; what a kill loses is a hint, and hints are repeated.
            "ack_emulation": False,
            "socket_timeout": 2,
            "socket_connect_timeout": 2,
            "socket_keepalive": True,
            "health_check_interval": 30,
            "retry_on_timeout": False,
            # Whoever publishes asks once; left to itself it asks until the broker is back, and a
            # step's thread is held for so long. The watchdog repeats what was not sent.
            "max_retries": 0,
        },
        "beat_schedule": {
            "reconcile what ended lately": {
                "task": RECONCILE,
                "schedule": RECONCILE_MINUTES * 60.0,
                "args": (False,),
                "options": {"queue": SLOW_QUEUE, "expires": RECONCILE_MINUTES * 60},
            },
            "keep house": {
                "task": KEEP_HOUSE,
                "schedule": RECONCILE_MINUTES * 60.0,
                "options": {"queue": SLOW_QUEUE, "expires": RECONCILE_MINUTES * 60},
            },
            "look for drift of what ended lately": {
                "task": LOOK_FOR_DRIFT,
                "schedule": RECONCILE_MINUTES * 60.0,
                "args": (False,),
                "options": {"queue": SLOW_QUEUE, "expires": RECONCILE_MINUTES * 60},
            },
            "look for drift at night": {
                "task": LOOK_FOR_DRIFT,
                "schedule": crontab(hour=3, minute=20),
                "args": (True,),
                "options": {"queue": SLOW_QUEUE, "expires": 6 * 3600},
            },
            "reconcile everything at night": {
                "task": RECONCILE,
                "schedule": crontab(hour=2, minute=20),
                "args": (True,),
                "options": {"queue": SLOW_QUEUE, "expires": 6 * 3600},
            },
        },
        "timezone": "UTC",
        "enable_utc": True,
    }


def make_celery(
    redis_url: str,
    runner: Callable[[], Runs],
    reconciler: Callable[[], Reconciles],
    housekeeper: Callable[[], KeepsHouse],
    auditor: Callable[[], Audits],
) -> Celery:
    """The Celery application. Its parts are asked for in the worker, after it forked."""
    app = Celery("tenantry", events="tenantry.broker:Events")
    app.conf.update(settings_of(redis_url))
    app.steps["consumer"].add("tenantry.broker:FlushEvents")

    @app.task(name=RUN_STEP, bind=True, shared=False)  # type: ignore[untyped-decorator]
    def run_step(self: Any, deployment_id: int, step_id: int, epoch: int) -> None:
        suspect = self.request.delivery_info.get("routing_key") == SUSPECT_QUEUE
        if not runner().run(deployment_id, step_id, epoch, suspect=suspect):
            # Ends the chain here. Raising Ignore would too, but sends no event: every step that
            # waits would stand in Flower as started, for ever.
            self.request.chain = None

    @app.task(name=RECONCILE, shared=False)  # type: ignore[untyped-decorator]
    def reconcile(everything: bool) -> None:  # noqa: FBT001 — a message has no keywords
        lately = 1.5 * RECONCILE_MINUTES * 60
        reconciler().everything() if everything else reconciler().recent(lately)

    @app.task(name=LOOK_FOR_DRIFT, shared=False)  # type: ignore[untyped-decorator]
    def look_for_drift(everything: bool) -> None:  # noqa: FBT001 — a message has no keywords
        lately = 1.5 * RECONCILE_MINUTES * 60
        auditor().everything() if everything else auditor().recent(lately)

    @app.task(name=KEEP_HOUSE, shared=False)  # type: ignore[untyped-decorator]
    def keep_house() -> None:
        housekeeper().round()

    return app


def sender(app: Celery) -> Send:
    """Sends chains at once; raises what the broker raises. For workers and the watchdog."""

    def send(wanted: Chain) -> None:
        tasks = [
            app.signature(
                RUN_STEP,
                args=(wanted.deployment_id, link.step_id, wanted.epoch),
                immutable=True,
                options={"queue": link.queue},
            )
            for link in wanted.links
        ]
        # Named on the head: `apply_async(task_id=…)` would name the last task of the chain.
        tasks[0].set(task_id=str(wanted.task_id))
        options = {"countdown": wanted.countdown} if wanted.countdown else {}
        (chain(*tasks) if len(tasks) > 1 else tasks[0]).apply_async(**options)

    return send


class BackgroundSender:
    """
    Sends from a thread of its own, so that a web request never waits for the broker.

    Bounded: what does not fit is dropped, and the watchdog publishes it. After one failure none
    is tried for `pause` seconds.
    """

    def __init__(self, send: Send, pause: float) -> None:
        self._send = send
        self._pause = pause
        self._waiting: queue.Queue[Chain] = queue.Queue(MOST_PENDING)
        self._resting_until = 0.0
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    def __call__(self, wanted: Chain) -> None:
        """Takes a chain and returns at once."""
        if monotonic() < self._resting_until:
            return
        try:
            self._waiting.put_nowait(wanted)
        except queue.Full:
            return
        with self._starting:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._work, name="publisher", daemon=True)
                self._thread.start()

    @property
    def resting(self) -> bool:
        """Whether the broker failed a moment ago: pages say so."""
        return monotonic() < self._resting_until

    def _work(self) -> None:
        while True:
            wanted = self._waiting.get()
            try:
                self._send(wanted)
            except Exception as trouble:  # noqa: BLE001 — any broker trouble is the watchdog's
                self._resting_until = monotonic() + self._pause
                log.warning("not published", error=type(trouble).__name__)


def queue_lengths(redis_url: str) -> Callable[[], Mapping[str, int] | None]:
    """How many messages wait in each queue; None where the broker does not answer in time."""
    client = redis.Redis.from_url(redis_url, socket_timeout=2, socket_connect_timeout=2)

    def lengths() -> Mapping[str, int] | None:
        try:
            return {name: int(client.llen(name)) for name in QUEUES}
        except redis.RedisError:
            return None

    return lengths
