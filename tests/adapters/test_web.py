"""What an answer of a tenant may do to us; names are mapped to loopback, as the demo does."""

import time

import pytest

from tenantry.adapters.addresses import doors, may_call
from tenantry.adapters.web import OutboundWeb
from tenantry.adapters.wire import send_until
from tenantry.clock import monotonic
from tenantry.errors import Lost, Permanent
from tests.adapters.doors import resolver

PUBLIC = "93.184.216.34"
HALF = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nx"


@pytest.fixture
def near(door):
    """A web client whose names all end at a server on loopback."""

    def open_near(behave, tls=None, **more):
        server = door(behave, tls)
        web = OutboundWeb(mapped={"*.shop.example": f"127.0.0.1:{server.port}"}, **more)
        return server, web

    return open_near


def answering(status=200, body=b"fine", **headers):
    lines = "".join(f"{k.replace('_', '-')}: {v}\r\n" for k, v in headers.items())
    head = f"HTTP/1.1 {status} X\r\ncontent-length: {len(body)}\r\n{lines}\r\n"
    return lambda talk: talk.say(head.encode() + body)


def test_a_mapped_name_keeps_its_name(near):
    server, web = near(answering())
    answer = web.get("http://acme.shop.example/health?x=1", deadline=2)
    assert (answer.status, answer.body, answer.problem) == (200, "fine", "")
    assert answer.latency_ms >= 0
    head = server.requests[0].lower()
    assert head.startswith(b"get /health?x=1 http/1.1\r\n")
    assert b"host: acme.shop.example\r\n" in head
    assert b"accept-encoding: identity\r\n" in head
    assert b"x-api-key" not in head


@pytest.mark.parametrize("where", ["http://169.254.169.254/", "file:///etc/passwd", "/again"])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_d13_a_redirect_is_the_answer_and_is_not_followed(near, status, where):
    server, web = near(answering(status, location=where))
    assert web.get("http://acme.shop.example/", deadline=2).status == status
    assert len(server.requests) == 1


def test_a_large_answer_is_cut(near):
    _, web = near(answering(body=b"x" * 300_000))
    answer = web.get("http://acme.shop.example/", deadline=2)
    assert answer.status == 200
    assert len(answer.body) == 64 * 1024


def test_a_bomb_is_not_unpacked(near):
    _, web = near(answering(body=b"\x1f\x8b\x08bomb", content_encoding="gzip"))
    assert web.get("http://acme.shop.example/", deadline=2).status == 200


@pytest.mark.parametrize(
    ("how", "problem"),
    [
        (lambda talk: talk.silence(), "did not answer within"),
        (lambda talk: talk.drip(b"HTTP/1.1 200 OK\r\n" * 50), "did not answer within"),
        (lambda talk: talk.reset(), "broke"),
        (
            lambda talk: talk.say(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nx") and False,
            "broke",
        ),
        (lambda talk: talk.say(b"SSH-2.0-OpenSSH\r\n\r\n") and False, "broke off"),
    ],
)
def test_trouble_of_every_kind_is_an_answer_without_a_status(near, how, problem):
    _, web = near(how)
    start = time.monotonic()
    answer = web.get("http://acme.shop.example/", deadline=0.3)
    assert answer.status is None
    assert problem in answer.problem
    assert time.monotonic() - start < 1


def test_https_is_verified_against_the_name(near, server_tls, certificate):
    server, web = near(answering(), server_tls, ca_file=certificate[0])
    assert web.get("https://acme.shop.example/", deadline=2).status == 200
    _, trusting_nobody = near(answering(), server_tls)
    assert "not trusted" in trusting_nobody.get("https://acme.shop.example/", deadline=2).problem
    other = OutboundWeb(
        mapped={"other.example": f"127.0.0.1:{server.port}"}, ca_file=certificate[0]
    )
    assert "not trusted" in other.get("https://other.example/", deadline=2).problem


def test_an_opened_network_is_called_at_its_port(door):
    server = door(answering())
    names = resolver(acme_example=["127.0.0.1"])
    url = f"http://acme.example:{server.port}/"
    for allow in ("127.0.0.0/8:*", f"127.0.0.1/32:{server.port}"):
        web = OutboundWeb(allow=[allow], resolve=names)
        assert web.get(url, deadline=2).status == 200
        assert web.get(f"http://127.0.0.1:{server.port}/", deadline=2).status == 200
    for allow in ("127.0.0.0/8:1", "10.0.0.0/8:*", "[::1/128]:*"):
        assert (
            "not called" in OutboundWeb(allow=[allow], resolve=names).get(url, deadline=2).problem
        )


def test_an_address_behind_a_door_does_not_open_its_neighbours():
    (door,) = doors(["10.1.0.0/16:8080"])
    assert may_call("10.1.2.3", 8080, [door])
    assert not may_call("10.2.2.3", 8080, [door])
    assert not may_call("10.1.2.3", 80, [door])
    assert not may_call("not an address", 80, [door])


@pytest.mark.parametrize(
    "entry", ["127.0.0.1", "127.0.0.0/8", "localhost:80", "10.0.0.1/8:*", ":*"]
)
def test_a_bad_door_is_refused_at_once(entry):
    with pytest.raises(ValueError):
        doors([entry])


def test_a_bad_mapping_is_refused_at_once():
    with pytest.raises(ValueError, match="mapped"):
        OutboundWeb(mapped={"*.demo.test": "localhost"})


def test_a_post_is_json_with_our_headers(near):
    server, web = near(answering(201))
    headers = {"Authorization": "Bearer t0ken", "Idempotency-Key": "s1"}
    answer = web.post(
        "http://acme.shop.example/setup/", headers=headers, body={"a": "ä"}, deadline=2
    )
    assert answer.status == 201
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert body == b'{"a": "\\u00e4"}'
    assert b"Authorization: Bearer t0ken\r\n" in head
    assert b"Idempotency-Key: s1\r\n" in head
    assert b"content-type: application/json" in head.lower()


def test_d17_a_token_is_not_sent_over_plain_http(no_connection):
    web = OutboundWeb(resolve=resolver(shop_example=[PUBLIC]))
    with pytest.raises(Permanent, match="https"):
        web.post("http://shop.example/setup", headers={}, body={}, deadline=0.3)
    assert no_connection == []
    web.post("https://shop.example/setup", headers={}, body={}, deadline=0.3)
    assert no_connection == [(PUBLIC, 443)]


def test_d17_a_header_cannot_bring_another(near):
    server, web = near(answering())
    answer = web.post(
        "http://acme.shop.example/", headers={"X-Token": "a\r\nHost: evil"}, body={}, deadline=2
    )
    assert answer.status is None
    assert server.requests == []


def test_a_post_is_not_sent_after_its_last_instant(near):
    server, web = near(answering())
    send_until(monotonic())
    with pytest.raises(Lost):
        web.post("http://acme.shop.example/", headers={}, body={}, deadline=2)
    assert server.requests == []
    assert web.get("http://acme.shop.example/", deadline=2).status == 200


def test_a_host_that_answers_at_its_second_address_is_reached(door):
    server = door(answering())
    web = OutboundWeb(
        allow=["127.0.0.0/8:*"], resolve=resolver(acme_example=["127.0.0.2", "127.0.0.1"])
    )
    assert web.get(f"http://acme.example:{server.port}/", deadline=2).status == 200
