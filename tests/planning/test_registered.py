"""Registered domains, and hostnames that clients bring along."""

import pytest

from tenantry.errors import Invalid
from tenantry.planning.registered import additional_hostname, registered_domain


@pytest.mark.parametrize(
    ("hostname", "domain"),
    [
        ("example.com", "example.com"),
        ("acme.delivery.example.com", "example.com"),
        ("Shop.Example.CO.UK", "example.co.uk"),
        ("a.b.example.com.pk", "example.com.pk"),
        ("co.uk", "co.uk"),
        ("a.b.c.de", "c.de"),
        ("localhost", "localhost"),
    ],
)
def test_certificates_are_counted_by_registered_domain(hostname: str, domain: str):
    assert registered_domain(hostname) == domain


@pytest.mark.parametrize(
    "text",
    ["example.com", "WWW.Example.com", " shop.example.co.uk ", "xn--bcher-kva.example", "a-1.b.de"],
)
def test_public_hostnames_are_taken_in_lower_case(text: str):
    assert additional_hostname(text) == text.strip().lower()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "com",
        "localhost",
        "https://example.com",
        "example.com/",
        "example.com:443",
        "example.com.",
        "*.example.com",
        "a b.com",
        "a..b.com",
        "-a.com",
        "bücher.de",
        "аpple.com",
        "192.0.2.1",
        "a.1x",
        "panel.internal",
        "x.local",
        "co.uk",
        "_dmarc.example.com",
        "a@b.com",
        "x" * 64 + ".com",
        ".".join(["x" * 60] * 5) + ".com",
        "a.com\nb.com",
        None,
    ],
)
def test_everything_else_is_refused(text: str):
    with pytest.raises(Invalid) as refused:
        additional_hostname(text)
    assert refused.value.field == "hostname"
