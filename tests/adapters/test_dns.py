"""The real protocol against small servers: what people read while their hostname is not known."""

import socket
import time

import pytest
from dnslib import AAAA, QTYPE, RCODE, RR, TXT, A, DNSRecord
from dnslib.server import BaseResolver, DNSServer

from tenantry.adapters.dns import DnsResolver

LIFETIME = 0.4


class Zone(BaseResolver):
    """`answers`: (name, type) → addresses; a name may also have a code of its own."""

    def __init__(self, answers, codes=None, delay=0.0):
        self.answers, self.codes, self.delay = answers, codes or {}, delay
        self.asked = []

    def resolve(self, request, handler):
        time.sleep(self.delay)
        name, kind = str(request.q.qname).rstrip("."), QTYPE[request.q.qtype]
        self.asked.append((name, kind))
        reply: DNSRecord = request.reply()
        found = self.answers.get((name, kind), ())
        known = any(n == name for n, _ in self.answers)
        reply.header.rcode = self.codes.get(name, RCODE.NOERROR if known else RCODE.NXDOMAIN)
        record = {"A": A, "AAAA": AAAA, "TXT": TXT}
        for address in found:
            reply.add_answer(RR(name, QTYPE.reverse[kind], rdata=record[kind](address)))
        return reply


@pytest.fixture
def zone():
    servers = []

    def start(answers, **more):
        resolver = Zone(answers, **more)
        server = DNSServer(resolver, address="127.0.0.1", port=0)
        server.start_thread()
        servers.append(server)
        return resolver, f"127.0.0.1:{server.server.server_address[1]}"

    yield start
    for server in servers:
        server.stop()
        server.server.server_close()


@pytest.fixture
def mute():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{sock.getsockname()[1]}"


def test_each_resolver_answers_for_itself_in_order(zone):
    _, old = zone({("a.example", "A"): ["192.0.2.1"]})
    _, new = zone({("a.example", "A"): ["192.0.2.2"], ("a.example", "AAAA"): ["2001:db8::2"]})
    answers = DnsResolver([old, new], lifetime=LIFETIME).lookup("a.example")
    assert [(a.resolver, a.addresses, a.problem) for a in answers] == [
        (old, ("192.0.2.1",), ""),
        (new, ("192.0.2.2", "2001:db8::2"), ""),
    ]


@pytest.mark.parametrize(
    ("name", "codes", "problem"),
    [
        ("gone.example", {}, "NXDOMAIN"),
        ("ill.example", {"ill.example": RCODE.SERVFAIL}, "SERVFAIL"),
        ("no.example", {"no.example": RCODE.REFUSED}, "REFUSED"),
        ("bare.example", {}, "has no address"),
        ("a..b", {}, "not a hostname"),
        ("x" * 64 + ".example", {}, "not a hostname"),
        ("", {}, ""),
    ],
)
def test_d15_what_is_wrong_is_said_in_plain_words(zone, name, codes, problem):
    _, server = zone({("bare.example", "TXT"): []}, codes=codes)
    (answer,) = DnsResolver([server], lifetime=LIFETIME).lookup(name)
    assert answer.addresses == ()
    assert problem in answer.problem


def test_d15_a_black_hole_ends_in_time_and_holds_up_nobody(zone, mute):
    _, good = zone({("a.example", "A"): ["192.0.2.1"]})
    start = time.monotonic()
    dark, light = DnsResolver([mute, good], lifetime=LIFETIME).lookup("a.example")
    assert time.monotonic() - start < LIFETIME + 0.5
    assert dark.problem == f"no answer within {LIFETIME} s"
    assert light.addresses == ("192.0.2.1",)


def test_a_resolver_that_is_not_there_is_said_so():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    (answer,) = DnsResolver([f"127.0.0.1:{port}"], lifetime=LIFETIME).lookup("a.example")
    assert answer.addresses == ()
    assert answer.problem


def test_a_lost_datagram_is_asked_for_again(zone, monkeypatch):
    resolver, server = zone({("a.example", "A"): ["192.0.2.1"]}, delay=0.0)
    monkeypatch.setattr("tenantry.adapters.dns.ONE_TRY", 0.1)
    real, lost = resolver.resolve, []

    def lossy(request, handler):
        if len(lost) < 2:
            lost.append(1)
            raise TimeoutError
        return real(request, handler)

    resolver.resolve = lossy
    (answer,) = DnsResolver([server], lifetime=1.0).lookup("a.example")
    assert answer.addresses == ("192.0.2.1",)


def test_no_search_list_is_ever_used(zone):
    resolver, server = zone({})
    DnsResolver([server], lifetime=LIFETIME).lookup("acme")
    assert {name for name, _ in resolver.asked} == {"acme"}


def test_texts_are_joined_from_their_parts_and_kept_as_they_are(zone):
    long = [b"tenantry-verify=" + b"x" * 200, b"y" * 50]
    _, server = zone({("_t.a.example", "TXT"): ["plain text", long]})
    (answer,) = DnsResolver([server], lifetime=LIFETIME).texts("_t.a.example")
    assert (answer.resolver, answer.problem) == (server, "")
    assert set(answer.texts) == {"plain text", b"".join(long).decode()}


@pytest.mark.parametrize(
    ("name", "problem"),
    [("gone.example", "NXDOMAIN"), ("a.example", "no TXT record"), ("a..b", "not a hostname")],
)
def test_without_a_text_the_reason_is_said(zone, mute, name, problem):
    _, server = zone({("a.example", "A"): ["192.0.2.1"]})
    seen, dark = DnsResolver([server, mute], lifetime=LIFETIME).texts(name)
    assert (seen.texts, dark.texts) == ((), ())
    assert problem in seen.problem
    assert dark.problem
    assert DnsResolver([server], lifetime=LIFETIME).texts("")[0].texts == ()


@pytest.mark.parametrize(
    "text", ["dns.example", "", "127.0.0.1:0", "127.0.0.1:99999", "127.0.0.1:x", "[::1]:", "1.2.3"]
)
def test_a_resolver_must_be_an_address(text):
    with pytest.raises(ValueError, match="resolver"):
        DnsResolver([text])


@pytest.mark.parametrize(
    ("text", "address", "port"),
    [
        ("192.0.2.1", "192.0.2.1", 53),
        ("192.0.2.1:5353", "192.0.2.1", 5353),
        ("2001:db8::1", "2001:db8::1", 53),
        ("[2001:db8::1]:5353", "2001:db8::1", 5353),
        ("[2001:db8::1]", "2001:db8::1", 53),
    ],
)
def test_ways_to_write_a_resolver(text, address, port):
    (server,) = DnsResolver([text])._servers
    assert (server.name, server.address, server.port) == (text, address, port)


def test_without_any_the_systems_are_asked():
    servers = DnsResolver()._servers
    assert all(server.port == 53 for server in servers)
