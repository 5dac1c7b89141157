"""The narrow places under the pool: which bytes left, which names are known, whose turn it is."""

import socket
import ssl
import threading
import time

import httpcore
import httpx
import pytest

from tenantry.adapters import sockets, wire
from tenantry.adapters.sockets import addresses_of, connect_first, is_readable
from tenantry.adapters.streams import DeadlineStream, now
from tenantry.adapters.wire import UNTIL, DeadlineTransport, WireTrouble
from tenantry.clock import monotonic


class Wire:
    """A socket whose sends do what they are told; reads are fine."""

    def __init__(self, *sends):
        self.sends, self.pair = list(sends), socket.socketpair()

    def send(self, piece):
        what = self.sends.pop(0)
        if isinstance(what, Exception):
            raise what
        return min(what, len(piece))

    def recv(self, _):
        return b"x"

    def settimeout(self, _):
        pass

    def fileno(self):
        return self.pair[0].fileno()

    def close(self):
        for end in self.pair:
            end.close()


@pytest.fixture
def stream():
    opened = []

    def make(*sends, kept=False):
        opened.append(Wire(*sends))
        now.until, now.change, now.wrote = monotonic() + 5, True, False
        made = DeadlineStream(opened[-1])
        if kept:
            made.read(1)
        return made

    yield make
    for one in opened:
        one.close()


def test_bytes_that_the_kernel_refused_did_not_leave(stream):
    with pytest.raises(httpcore.WriteError):
        stream(BrokenPipeError()).write(b"head")
    assert not now.wrote


def test_a_kept_connection_that_refuses_its_first_bytes_is_replaced(stream):
    with pytest.raises(httpcore.ConnectionNotAvailable):
        stream(ConnectionResetError(), kept=True).write(b"head")
    assert not now.wrote


def test_a_kept_connection_that_refuses_later_bytes_is_not_replaced(stream):
    kept = stream(4, ConnectionResetError(), kept=True)
    kept.write(b"head")
    with pytest.raises(httpcore.WriteError):
        kept.write(b"body")
    assert now.wrote


def test_a_kept_connection_that_took_half_of_the_first_bytes_is_not_replaced(stream):
    with pytest.raises(httpcore.WriteError):
        stream(2, ConnectionResetError(), kept=True).write(b"head")
    assert now.wrote


@pytest.mark.parametrize("trouble", [TimeoutError(), ssl.SSLError("odd")])
def test_a_doubtful_write_may_have_left(stream, trouble):
    with pytest.raises((httpcore.WriteTimeout, httpcore.WriteError)):
        stream(trouble, kept=True).write(b"head")
    assert now.wrote


def test_a_write_that_is_taken_in_pieces_is_whole(stream):
    wire_ = stream(1, 2, 3, 4)
    wire_.write(b"0123456789")
    assert now.wrote
    assert wire_._sock.sends == []


def test_without_time_nothing_is_written(stream):
    late = stream(4)
    now.until = monotonic() - 1
    with pytest.raises(httpcore.WriteTimeout):
        late.write(b"head")
    with pytest.raises(httpcore.ReadTimeout):
        late.read(1)
    assert not now.wrote


def test_a_closed_socket_counts_as_readable():
    one, other = socket.socketpair()
    assert not is_readable(one)
    other.close()
    assert is_readable(one)
    one.close()
    assert is_readable(one)


def test_an_address_needs_no_look_up(monkeypatch):
    monkeypatch.setattr(sockets.socket, "getaddrinfo", None)
    assert addresses_of("192.0.2.1", 80, monotonic() + 1) == ("192.0.2.1",)
    assert addresses_of("2001:db8::1", 80, monotonic() + 1) == ("2001:db8::1",)


def test_a_name_gives_each_address_once(monkeypatch):
    rows = [(2, 1, 6, "", ("192.0.2.2", 80)), (2, 1, 6, "", ("192.0.2.1", 80))]
    monkeypatch.setattr(sockets.socket, "getaddrinfo", lambda *_, **__: [*rows, *rows])
    assert addresses_of("a.example", 80, monotonic() + 1) == ("192.0.2.2", "192.0.2.1")


@pytest.mark.parametrize("trouble", [socket.gaierror(-2, "unknown"), UnicodeError("too long")])
def test_an_unknown_name_is_an_oserror(monkeypatch, trouble):
    def refuse(*_, **__):
        raise trouble

    monkeypatch.setattr(sockets.socket, "getaddrinfo", refuse)
    with pytest.raises(OSError, match=r"unknown|no such name"):
        addresses_of("a.example", 80, monotonic() + 1)


def test_connecting_without_addresses_or_time():
    with pytest.raises(OSError, match="no address"):
        connect_first((), 80, monotonic() + 1)
    with pytest.raises(TimeoutError):
        connect_first(("192.0.2.1",), 80, monotonic() - 1)


def test_a_full_pool_ends_by_the_deadline_and_sent_nothing(door, monkeypatch):
    monkeypatch.setattr(wire, "CONNECTIONS", 1)
    server = door(lambda talk: talk.silence())
    with httpx.Client(transport=DeadlineTransport()) as client:

        def call(seconds):
            client.post(server.url, extensions={UNTIL: monotonic() + seconds})

        def first():
            with pytest.raises(WireTrouble):
                call(0.8)

        holder = threading.Thread(target=first)
        holder.start()
        while not server.requests:
            time.sleep(0.005)
        with pytest.raises(WireTrouble, match="no connection was free") as trouble:
            call(0.2)
        holder.join()
    assert trouble.value.late
    assert not trouble.value.sent
    assert len(server.requests) == 1
