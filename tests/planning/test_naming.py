"""Names: what people type, and what targets get."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantry.errors import Invalid
from tenantry.planning import naming
from tests.planning.blueprints import slugs

LDH = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")


@pytest.mark.parametrize(
    ("text", "label"),
    [("Client1", "client1"), ("ACME-Corp", "acme-corp"), ("a", "a"), ("9", "9"), ("a" * 63,) * 2],
)
def test_a_subdomain_is_one_label_in_lower_case(text: str, label: str):
    assert naming.subdomain(text) == label


@pytest.mark.parametrize(
    "text",
    [
        "",
        "client1\n",
        "\nclient1",
        " client1",
        "client1 ",
        "-a",
        "a-",
        "a.b",
        "*.x",
        "*",
        "a_b",
        "_acme-challenge",
        "xn--80ak6aa92e",
        "XN--80AK6AA92E",
        "ab--cd",
        "аpple",  # Cyrillic а
        "ﬁsh",  # a ligature that folds to two letters
        "\u212aelvin",  # the Kelvin sign, which lower-cases to k
        "ı",
        "①②",
        "a\u0000",
        "a\u200bb",
        "a/b",
        "a@b",
        "a" * 64,
        "a" * 100_000,
        "www",
        "WWW",
        "admin",
        "api",
        "mail",
        "localhost",
        "dokploy",
    ],
)
def test_a_bad_subdomain_is_refused_with_its_field(text: str):
    with pytest.raises(Invalid) as refused:
        naming.subdomain(text, "the_field")
    assert refused.value.field == "the_field"
    assert len(str(refused.value)) < 300


@pytest.mark.parametrize("value", [None, 7, ["a"], {"a": 1}, True])
def test_what_is_no_text_is_refused(value):
    for check in (naming.subdomain, naming.slug, naming.base_domain):
        with pytest.raises(Invalid):
            check(value)


@given(st.text(max_size=80))
def test_whatever_passes_is_a_plain_label_and_passes_again(text: str):
    try:
        label = naming.subdomain(text)
    except Invalid:
        return
    assert LDH.fullmatch(label)
    assert len(label) <= 63
    assert label not in naming.RESERVED_SUBDOMAINS
    assert naming.subdomain(label) == label == text.lower()


def test_a_hostname_is_one_label_under_the_base_domain():
    assert naming.hostname("acme", "example.com") == "acme.example.com"
    assert naming.hostname("acme", "example.com", "api") == "acme-api.example.com"


def test_a_hostname_whose_label_grows_too_long_is_refused():
    assert naming.hostname("a" * 59, "example.com", "api").index(".") == 63
    with pytest.raises(Invalid, match="63"):
        naming.hostname("a" * 60, "example.com", "api")


@pytest.mark.parametrize("text", ["example.com", "a.b.c.d", "Delivery.PK", "x1.example.co.uk"])
def test_a_base_domain_is_a_bare_name(text: str):
    assert naming.base_domain(text) == text.lower()


@pytest.mark.parametrize(
    "text",
    [
        "example",
        "example.com.",
        ".example.com",
        "*.example.com",
        "https://example.com",
        "example.com:80",
        "example.com/x",
        "example.com\n",
        "10.0.0.1",
        "exаmple.com",
        "a..b",
        "-a.com",
        ".".join(["a" * 60] * 4),
        "",
    ],
)
def test_a_bad_base_domain_is_refused(text: str):
    with pytest.raises(Invalid, match="base_domain"):
        naming.base_domain(text)


@given(slugs, st.from_regex(LDH, fullmatch=True).filter(lambda s: len(s) < 60))
def test_hostnames_never_pass_what_dns_allows(service: str, label: str):
    base = naming.base_domain(".".join(["b" * 60, "c" * 60, "d" * 60, "com"]))
    try:
        made = naming.hostname(label, base, service)
    except Invalid:
        assert len(label) + 1 + len(service) > 63
        return
    assert len(made) <= 253


@given(st.lists(st.text(max_size=70), min_size=1, max_size=3))
def test_a_target_name_is_legal_short_and_visible(parts: list[str]):
    name = naming.target_name(*parts)
    assert LDH.fullmatch(name)
    assert len(name) <= 56
    assert not name.startswith("dokploy-")
    assert name != "dokploy"
    assert name == naming.target_name(*parts)


@given(slugs, slugs, st.integers(1, 60), st.integers(1, 60))
def test_long_names_that_differ_at_their_end_stay_apart(a: str, b: str, first: int, second: int):
    one = naming.target_name(a, "x" * 60, b, "y" * first)
    two = naming.target_name(a, "x" * 60, b, "y" * second)
    assert (one == two) is (first == second)


@pytest.mark.parametrize("parts", [("dokploy", "acme"), ("Dokploy-x",), ("dokploy",), ("-", "")])
def test_names_that_the_target_hides_or_refuses_are_changed(parts: tuple[str, ...]):
    assert re.fullmatch(r"t(enant)?-[a-z0-9-]+", naming.target_name(*parts))


def test_a_short_plain_name_stays_as_it_is():
    assert naming.target_name("dms", "acme", "backend") == "dms-acme-backend"
    assert naming.target_name("dms", "Acme") != naming.target_name("dms", "acme")


@pytest.mark.parametrize("text", ["a", "acme-dms", "a" * 40, "x1-y2-z3"])
def test_a_slug_is_short_and_plain(text: str):
    assert naming.slug(text) == text


@pytest.mark.parametrize("text", ["", "1a", "A", "a_b", "a--b", "a-", "-a", "a\n", "a" * 41, "ä"])
def test_a_bad_slug_is_refused(text: str):
    with pytest.raises(Invalid, match="slug"):
        naming.slug(text)


def test_a_slug_is_made_from_a_name_or_refused():
    assert naming.slug_from("Acme DMS (2nd edition)") == "acme-dms-2nd-edition"
    assert len(naming.slug_from("word " * 30)) <= 40
    for name in ("", "!!!", "日本", "365 days"):
        with pytest.raises(Invalid) as refused:
            naming.slug_from(name)
        assert refused.value.field == "name"


def test_a_marker_is_one_word():
    assert naming.marker("0190-x").split() == ["tenantry:0190-x"]
