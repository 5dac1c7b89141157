"""The transport that the settings name, on a real Valkey."""

import base64
import json

from celery import Celery
from kombu import Connection, Consumer, Exchange, Queue
from redis import Redis

from tenantry.demo.valkey import Valkey
from tenantry.tasks import settings_of

NAME = "transport-test"


def test_a_clean_stop_returns_what_was_taken_and_not_begun(valkey: Valkey) -> None:
    conf = settings_of(valkey.url())
    queue = Queue(NAME, exchange=Exchange(NAME, type="direct"), routing_key=NAME)
    watch = Redis.from_url(valkey.admin_url())
    watch.delete(NAME)
    connection = Connection(
        conf["broker_url"],
        transport=conf["broker_transport"],
        transport_options=conf["broker_transport_options"],
    )
    channel = connection.channel()
    kept = channel._create_client()
    assert channel._create_client() is kept
    producer = connection.Producer(channel)
    for number in range(3):
        producer.publish({"n": number}, exchange=NAME, routing_key=NAME, declare=[queue])
    taken: list[object] = []
    with Consumer(channel, [queue], callbacks=[lambda body, _m: taken.append(body)]):
        for _ in range(3):
            connection.drain_events(timeout=5)
    assert (len(taken), watch.llen(NAME), watch.exists("unacked")) == (3, 0, 0)
    channel.close()
    connection.release()
    assert watch.llen(NAME) == 3
    watch.delete(NAME)


def test_events_wait_for_the_loop_and_go_together(valkey: Valkey) -> None:
    """No step publishes an event itself; what came since the last round is one message."""
    app = Celery("events", broker=valkey.url(), events="tenantry.broker:Events")
    woken: list[str] = []
    watch = Redis.from_url(valkey.admin_url()).pubsub(ignore_subscribe_messages=True)
    watch.psubscribe("*celeryev*")
    while watch.get_message(timeout=0.3):
        pass
    with app.connection_for_write() as sending:
        dispatcher = app.events.Dispatcher(
            sending, buffer_group=["task"], on_send_buffered=lambda: woken.append("loop")
        )
        for number in range(100):
            dispatcher.send("task-started", uuid=str(number))
        assert watch.get_message(timeout=0.3) is None
        dispatcher.flush()
        one = watch.get_message(timeout=5)
        dispatcher.close()
    assert woken == []
    assert one is not None
    sent = json.loads(base64.b64decode(json.loads(one["data"])["body"]))
    assert [event["uuid"] for event in sent] == [str(number) for number in range(100)]
    assert watch.get_message(timeout=0.3) is None
    watch.close()
