"""The transport that the settings name, on a real Valkey."""

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
