"""What is said of a hostname and of a certificate."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantry.planning.hostnames import (
    WARN_DAYS,
    judge_certificate,
    judge_dns,
    warning_level,
)
from tenantry.planning.watching import CERTIFICATE_STATES, DNS_STATES

NOW = datetime(2026, 1, 1, tzinfo=UTC)
addresses = st.lists(st.ip_addresses(v=4).map(str), max_size=4).map(tuple)
problems = st.sampled_from(["", "NXDOMAIN", "no answer within 3 s", "the name has no address"])
answers = st.lists(st.tuples(addresses, problems), max_size=4)


def dns(found, expected=(), *, answers=False, ours=False):
    return judge_dns("shop.client.com", found, expected, answers=answers, ours=ours)


def test_the_client_is_asked_in_plain_words():
    seen = dns([(("1.2.3.4",), "")], ["5.6.7.8"])
    assert seen.words == (
        "shop.client.com points to 1.2.3.4, should be 5.6.7.8; "
        "ask the client to correct the record at their DNS provider"
    )
    assert "your own domain" in dns([(("1.2.3.4",), "")], ["5.6.7.8"], ours=True).words
    several = dns([(("1.1.1.1", "2.2.2.2"), "")], ["3.3.3.3"]).words
    assert "points to 1.1.1.1 and 2.2.2.2" in several


@given(answers, addresses, st.booleans(), st.booleans())
def test_every_verdict_is_known_and_every_bad_one_says_what_to_do(found, expected, up, ours):
    seen = dns(found, expected, answers=up, ours=ours)
    assert seen.state in DNS_STATES
    assert seen.bad == ("correct the record" in seen.words)
    assert (seen.state == "ok") == (not seen.words)
    assert seen.bad <= (seen.state == "missing" or not up)


@given(addresses, addresses)
def test_one_right_address_is_enough(found, expected):
    common = set(found) & set(expected)
    if found:
        right = bool(common) or not expected
        assert (dns([(found, "")], expected).state == "ok") == right


def test_nobody_is_blamed_for_a_resolver_that_is_away():
    assert dns([((), "no answer within 3 s")], ["1.2.3.4"]).state == "unknown"
    assert dns([]).state == "unknown"
    assert dns([((), "no answer within 3 s"), ((), "NXDOMAIN")]).state == "missing"


@pytest.mark.parametrize(
    ("days", "level"),
    [(21.1, None), (21, 21), (7.1, 21), (7, 7), (1.1, 7), (1, 1), (0, 0), (-9, 0)],
)
def test_warnings_come_at_21_7_and_1_days(days, level):
    assert warning_level(NOW + timedelta(days=days), NOW) == level


@given(st.floats(-50, 400), st.floats(-50, 400))
def test_a_certificate_never_gets_better_by_waiting(one, two):
    early, late = sorted([one, two], reverse=True)
    order = [None, *WARN_DAYS, 0]
    levels = [order.index(warning_level(NOW + timedelta(days=d), NOW)) for d in (early, late)]
    assert levels[0] <= levels[1]


@given(st.none() | st.floats(-50, 400), st.sampled_from(["", "self-signed certificate"]))
def test_every_certificate_has_a_state_and_words_where_something_is_wrong(days, problem):
    until = None if days is None else NOW + timedelta(days=days)
    seen = judge_certificate("a.example.com", until, problem, NOW)
    assert seen.state in CERTIFICATE_STATES
    assert (seen.state == "ok") == (not seen.words)
    assert bool(seen.warning) == (seen.state not in {"ok", "unknown"})


def test_the_last_day_is_one_day():
    seen = judge_certificate("a.example.com", NOW + timedelta(hours=5), "", NOW)
    assert seen.words == "The certificate of a.example.com expires on 2026-01-01, in 1 day"
