"""A failure's cause: equal for what failed of the same thing, without what is a tenant's own."""

import re
from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantry.planning.causes import LONGEST, cause_of, common_words

UUID = "0198aa11-1234-7abc-8def-001122334455"

SAME = (
    (
        "Target main, domain.create: it answered 400, host: acme.tools.example.com is taken",
        "Target eu-2, domain.create: it answered 400, host: zeta.shop.example.org is taken",
        "domain.create: it answered 400, host: … is taken",
    ),
    (
        "https://acme.example.com/health?x=1 answered 503",
        "http://other.example.com:8080 answered 503",
        "… answered 503",
    ),
    (
        "Gave up after 30 minutes. Last seen: Target main, deployment.all: no answer in 20.0 s",
        "Gave up after 5 minutes. Last seen: Target main, deployment.all: no answer in 3 s",
        "Gave up after … minutes. Last seen: deployment.all: no answer in …",
    ),
    (
        f"It carries the marker of another tenant: tenantry:{UUID}",
        "It carries the marker of another tenant: tenantry:f581b5a1-911e-401c-bc99-160beec2e140",
        "It carries the marker of another tenant: tenantry:…",
    ),
    (
        "The volume tools-acme-db-ab12cd-data is still there",
        "The volume tools-zeta-db-99xy00-data is still there",
        "The volume … is still there",
    ),
    (
        "connect ECONNREFUSED 127.0.0.1:5432 at 2026-11-21T20:00:01.123Z",
        "connect ECONNREFUSED 10.0.0.12:15432 at 2025-01-02 03:04",
        "connect ECONNREFUSED … at …",
    ),
    (
        "fatal: couldn't find remote ref 'main' in \"acme/backend\"",
        "fatal: couldn't find remote ref 'stable/4' in \"zeta/backend\"",
        "fatal: couldn't find remote ref … in …",
    ),
    (
        "build failed with exit code 137 in /etc/dokploy/applications/tools-acme-3f9ab2/code",
        "build failed with exit code 137 in /etc/dokploy/applications/tools-zeta-11aa22/code",
        "build failed with exit code 137 in …",
    ),
    ("ada@example.com was refused", "bob.b+x@mail.example.org was refused", "… was refused"),
    ("[2001:db8::1]:443 refused", "2001:db8:0:1:2:3:4:5 refused", "… refused"),
    ("image sha256:0a1b2c3d4e5f60718293 is gone", "image 4bf92f3577b34 is gone", "image … is gone"),
    ("42 of 50 seats", "7 of 1,200 seats", "… of … seats"),
    (
        "The database V1StGXR8_Z5jdHi6B-myT is gone",
        "The database abcdefGHIJKLmnopqrstu is gone",
        "The database … is gone",
    ),
)
DIFFERENT = (
    ("HTTP 502 instead of 200", "HTTP 404 instead of 200"),
    ("it answered 401, no", "it answered 500, no"),
    ("only its proxy answered (502)", "only its proxy answered (503)"),
    ("exit code 1", "exit code 137"),
    ("Target main, domain.create: no", "Target main, application.create: no"),
    ("failed to read package.json", "failed to read requirements.txt"),
    ("The project is not on the target", "The database is not on the target"),
)


@pytest.mark.parametrize(("one", "other", "common"), SAME)
def test_what_failed_of_the_same_has_the_same_cause(one: str, other: str, common: str) -> None:
    assert common_words(one) == common_words(other) == common


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_what_says_what_went_wrong_stays(one: str, other: str) -> None:
    assert common_words(one) != common_words(other)


def test_a_cause_names_the_kind_of_step_whatever_the_service_is_called() -> None:
    assert cause_of("service.backend.deploy", "no") == "service.deploy: no"
    assert cause_of("service.web.deploy", "no") == "service.deploy: no"
    assert cause_of("health.retry", "no") == "health.check: no"
    assert cause_of("db.create", "") == "db.create"
    assert cause_of("db.create", "12 34 …") == "db.create"


def test_names_of_a_tenant_are_left_out_in_any_case_and_as_words_only() -> None:
    names = ("acme", "Acme Foods", "ab")
    assert common_words("ACME FOODS was refused", names) == "… was refused"
    assert common_words("acme and acmeology", names) == "… and acmeology"
    assert common_words("ab stays: it is too short", names) == "ab stays: it is too short"
    assert common_words("no c++ (x) here", ("c++", "(x)")) == "no … here"


@given(st.text(max_size=900), st.lists(st.text(max_size=20), max_size=3))
def test_any_words_make_one_short_line(text: str, names: list[str]) -> None:
    cause = cause_of("health.check", text, names)
    assert cause.startswith("health.check")
    assert len(cause) <= LONGEST
    assert "\n" not in cause
    assert cause == cause_of("health.check", text, names)


@given(st.uuids(), st.integers(0, 10**12), st.ip_addresses(v=4), st.datetimes())
def test_ids_numbers_machines_and_times_never_stay(
    uuid: object, number: int, address: object, at: object
) -> None:
    for value in (uuid, number, address, at):
        for text in (f"it met {value}", f"it met {value} twice", f"it met {value}, and"):
            assert not re.search(r"\d", common_words(text)), (text, common_words(text))


@pytest.mark.parametrize("piece", ["a.", "/a", "1:", "'", '"', "a-1", "0f", "://", "9,", "…", "-"])
def test_long_words_take_no_time(piece: str) -> None:
    began = perf_counter()
    common_words(piece * 4_000)
    assert perf_counter() - began < 1.0
