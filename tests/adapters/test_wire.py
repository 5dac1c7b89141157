"""One instant for everything, and the truth about what was sent."""

import socket
import ssl
import threading
import time

import httpx
import pytest

from tenantry.adapters import sockets
from tenantry.adapters.wire import CHANGE, UNTIL, DeadlineTransport, WireTrouble, send_until
from tenantry.clock import monotonic
from tenantry.errors import Lost
from tests.adapters.doors import OK

SECONDS = 0.3
# A slow machine may need some time of its own to notice.
SLACK = 0.5


@pytest.fixture
def http():
    with httpx.Client(transport=DeadlineTransport(), trust_env=False) as client:
        yield client


def call(client, url, method="POST", seconds=SECONDS, *, changes=False, **more):
    body = {"content": b'{"a":1}'} if method == "POST" else {}
    known = {UNTIL: monotonic() + seconds, CHANGE: changes}
    return client.request(method, url, extensions=known, **{**body, **more})


def trouble_of(client, url, **more):
    start = monotonic()
    with pytest.raises(WireTrouble) as trouble:
        call(client, url, **more)
    assert monotonic() - start < SECONDS + SLACK
    return trouble.value


LATE = {
    "silence": lambda talk: talk.silence(),
    "a dripping head": lambda talk: talk.drip(OK * 9),
    "a dripping body": lambda talk: talk.say(OK[:-3]) and talk.drip(b"   ", 0.2),
    "endless interim answers": lambda talk: talk.drip(
        b"HTTP/1.1 103 Early Hints\r\n\r\n" * 99, 0.0
    ),
}
BROKEN = {
    "a reset": lambda talk: talk.reset(),
    "a close without a word": lambda talk: False,
    "half an answer": lambda talk: talk.say(OK[:-2]) and False,
    "half a head": lambda talk: talk.say(OK[:20]) and False,
    "another language": lambda talk: talk.say(b"220 mail.example ESMTP\r\n\r\n") and False,
}


@pytest.mark.parametrize("how", LATE)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_every_lateness_ends_by_the_deadline(door, http, how, method):
    trouble = trouble_of(http, door(LATE[how]).url, method=method)
    assert trouble.late
    assert trouble.sent


@pytest.mark.parametrize("how", BROKEN)
def test_every_broken_answer_may_have_been_a_deed(door, http, how):
    server = door(BROKEN[how])
    trouble = trouble_of(http, server.url)
    assert trouble.sent
    assert not trouble.late
    assert len(server.requests) == 1


def test_nobody_there_means_that_nothing_was_sent(http):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    trouble = trouble_of(http, f"http://127.0.0.1:{port}")
    assert not trouble.sent
    assert "refused" in str(trouble)


def test_a_server_that_takes_no_bytes_ends_by_the_deadline(http):
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        trouble = trouble_of(http, url, content=b"x" * 20_000_000)
    assert trouble.late
    assert trouble.sent


def test_connecting_has_its_own_shorter_limit():
    def black_hole(host, port, until):
        time.sleep(max(0.0, until - monotonic()))
        raise TimeoutError

    transport = DeadlineTransport(connect_seconds=0.1, opener=black_hole)
    with httpx.Client(transport=transport) as client:
        start = monotonic()
        trouble = trouble_of(client, "http://127.0.0.1:9", seconds=5)
    assert monotonic() - start < 1
    assert trouble.late
    assert not trouble.sent


def test_a_silent_handshake_ends_by_the_deadline_and_sent_nothing(http):
    with socket.create_server(("127.0.0.1", 0)) as mute:
        trouble = trouble_of(http, f"https://127.0.0.1:{mute.getsockname()[1]}")
    assert trouble.late
    assert not trouble.sent


def test_h11_an_unknown_certificate_is_refused_before_anything_is_sent(door, http, server_tls):
    server = door(lambda talk: talk.say(), server_tls)
    trouble = trouble_of(http, f"https://127.0.0.1:{server.port}")
    assert not trouble.sent
    assert "certificate is not trusted" in str(trouble)
    assert not server.requests


def test_a_name_that_does_not_resolve_in_time_is_left_behind(http, monkeypatch):
    released = threading.Event()
    monkeypatch.setattr(sockets.socket, "getaddrinfo", lambda *_, **__: released.wait(5) and [])
    try:
        trouble = trouble_of(http, "http://slow.example")
    finally:
        released.set()
    assert trouble.late
    assert not trouble.sent


def test_an_answer_that_is_too_large_is_trouble_or_cut(door):
    server = door(
        lambda talk: talk.say(b"HTTP/1.1 200 OK\r\ncontent-length: 90000\r\n\r\n" + b"x" * 90_000)
    )
    with httpx.Client(transport=DeadlineTransport(largest=1000)) as client:
        assert "larger than 1000" in str(trouble_of(client, server.url))
    with httpx.Client(transport=DeadlineTransport(largest=1000, cut=True)) as client:
        assert len(call(client, server.url).content) == 1000


def test_connections_are_kept_and_shared_by_threads(door, http):
    server = door(lambda talk: talk.say())
    for _ in range(3):
        assert call(http, server.url).json() is True
    assert server.connections == 1
    workers = [threading.Thread(target=call, args=(http, server.url)) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(server.requests) == 11


def test_a_kept_connection_that_was_closed_is_replaced_before_anything_is_sent(door, http):
    server = door(lambda talk: talk.say() and talk.number > 1)
    call(http, server.url)
    time.sleep(0.1)
    assert call(http, server.url).status_code == 200
    assert len(server.requests) == 2
    assert server.connections == 2


def test_a_connection_closed_behind_the_pools_back_is_noticed_at_the_first_write(
    door, http, monkeypatch
):
    server = door(lambda talk: talk.say() and talk.number > 1)
    call(http, server.url)
    time.sleep(0.1)
    # The pool's own look comes too early: it sees an open connection.
    real, looks = sockets.is_readable, []
    monkeypatch.setattr(
        "tenantry.adapters.streams.is_readable",
        lambda sock: looks.append(1) is None and len(looks) > 1 and real(sock),
    )
    assert call(http, server.url).status_code == 200
    assert len(server.requests) == 2


def test_a_kept_connection_that_dies_under_a_change_is_unknown_and_sent_once(door, http):
    server = door(lambda talk: talk.say() if talk.number == 1 else talk.reset())
    call(http, server.url)
    assert trouble_of(http, server.url).sent
    assert len(server.requests) == 2


def test_a_change_is_not_sent_after_its_last_instant(door, http):
    server = door(lambda talk: talk.say())
    send_until(monotonic() - 0.001)
    with pytest.raises(Lost):
        call(http, server.url)
    assert call(http, server.url, method="GET").status_code == 200
    send_until(None)
    assert call(http, server.url).status_code == 200
    assert [r[:4] for r in server.requests] == [b"GET ", b"POST"]


def test_a_get_that_changes_something_obeys_its_last_instant_too(door, http):
    server = door(lambda talk: talk.say())
    send_until(monotonic() - 0.001)
    with pytest.raises(Lost):
        call(http, server.url, method="GET", changes=True)
    assert not server.requests


def test_a_change_frozen_between_head_and_body_is_never_whole(door, http):
    server = door(lambda talk: talk.say())

    def frozen():
        yield b'{"a":'
        send_until(monotonic())
        yield b"1}"

    with pytest.raises(Lost):
        call(http, server.url, content=frozen(), headers={"content-length": "7"})
    time.sleep(0.1)
    assert not server.requests


def test_the_last_instant_holds_for_one_thread(door, http):
    server = door(lambda talk: talk.say())
    send_until(monotonic())
    other = threading.Thread(target=call, args=(http, server.url))
    other.start()
    other.join()
    assert len(server.requests) == 1


def test_cookies_and_encodings_of_a_server_are_not_for_us(door, http):
    head = (
        b"HTTP/1.1 200 OK\r\nset-cookie: s=1\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\n"
    )
    server = door(lambda talk: talk.say(head + b"true"))
    assert call(http, server.url).json() is True
    call(http, server.url)
    assert b"cookie" not in server.requests[1].lower()


def test_a_closed_pool_opens_anew(door):
    server = door(lambda talk: talk.say())
    transport = DeadlineTransport()
    with httpx.Client(transport=transport) as client:
        call(client, server.url)
        transport.close()
        assert call(client, server.url).status_code == 200
    assert server.connections == 2


def test_https_works_against_a_pinned_ca(door, certificate, server_tls):
    server = door(lambda talk: talk.say(), server_tls)
    context = ssl.create_default_context(cafile=certificate[0])
    with httpx.Client(transport=DeadlineTransport(tls=context)) as client:
        for _ in range(2):
            assert call(client, f"https://127.0.0.1:{server.port}", seconds=2).json() is True
    assert server.connections == 1
