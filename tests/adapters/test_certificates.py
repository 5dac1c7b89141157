"""Certificates by a real handshake, trusted or not, within one deadline and never inside."""

import ssl
import time
from datetime import UTC, datetime

import pytest

from tenantry.adapters.certificates import TlsCertificates
from tests.adapters.doors import resolver

NAME = "acme.shop.example"


@pytest.fixture
def shown(door, server_tls):
    return door(lambda talk: talk.say(), server_tls)


def look(port: int, ca_file: str | None = None) -> TlsCertificates:
    return TlsCertificates(mapped={NAME: f"127.0.0.1:{port}"}, ca_file=ca_file)


def test_a_certificate_that_is_trusted_has_its_end_and_its_issuer(shown, certificate):
    seen = look(shown.port, certificate[0]).expiry(NAME, 5)
    assert seen.problem == ""
    assert seen.issuer == "Tenantry tests"
    assert seen.expires_at is not None
    assert 0 < (seen.expires_at - datetime.now(UTC)).total_seconds() < 86_400
    assert shown.requests == []


def test_one_that_nobody_knows_is_read_all_the_same(shown):
    seen = look(shown.port).expiry(NAME, 5)
    assert seen.expires_at is not None
    assert "self-signed" in seen.problem or "certificate" in seen.problem


def test_one_of_another_name_is_not_trusted(shown, certificate):
    other = TlsCertificates(
        mapped={"acme.other.example": f"127.0.0.1:{shown.port}"}, ca_file=certificate[0]
    )
    seen = other.expiry("acme.other.example", 5)
    assert seen.expires_at is not None
    assert "acme.other.example" in seen.problem


def test_a_server_without_tls_and_one_that_is_silent_are_trouble_in_words(door):
    plain = door(lambda talk: talk.say(b"HTTP/1.1 400 no\r\n\r\n"))
    assert look(plain.port).expiry(NAME, 1).expires_at is None
    silent = door(lambda talk: talk.silence())
    began = time.monotonic()
    seen = look(silent.port).expiry(NAME, 0.4)
    assert seen.expires_at is None
    assert seen.problem
    assert time.monotonic() - began < 1.5


def test_nothing_inside_is_called(no_connection):
    for name in ("localhost", "127.0.0.1", "redis", "x.internal"):
        assert TlsCertificates().expiry(name, 1).problem
    leads_inside = TlsCertificates(resolve=resolver(a_example=["10.0.0.1"]))
    assert "10.0.0.1" in leads_inside.expiry("a.example", 1).problem
    assert no_connection == []


def test_the_eye_that_trusts_anybody_is_used_for_nothing_else():
    assert TlsCertificates()._tls.verify_mode == ssl.CERT_REQUIRED
