"""The gate of `make hosts` closes."""

from typing import Any

import pytest

from tests.hosts.gate import SOME, STILL_HELD, broken

WELL: dict[str, Any] = {
    "wrong": {"lost": 0, "extra mails": 0},
    STILL_HELD: 0,
    **dict.fromkeys(SOME, 3),
}


def growing(*rates: float) -> dict[str, Any]:
    return {"growth": [{"hosts": 2**n, "steps/s": rate} for n, rate in enumerate(rates)]}


def test_what_is_well_passes() -> None:
    assert broken({"partition": WELL, **growing(20, 30.1, 20)}) == []


@pytest.mark.parametrize("name", WELL["wrong"])
def test_one_is_too_many(name: str) -> None:
    assert broken({"partition": WELL | {"wrong": WELL["wrong"] | {name: 1}}}) == [name]


def test_a_cut_off_host_keeps_no_claim() -> None:
    assert broken({"partition": WELL | {STILL_HELD: 1}}) == [STILL_HELD]


@pytest.mark.parametrize("name", ["wrong", STILL_HELD, *SOME])
def test_what_was_not_measured_is_broken(name: str) -> None:
    assert broken({"partition": {key: value for key, value in WELL.items() if key != name}})


@pytest.mark.parametrize("name", SOME)
def test_a_fault_that_hit_nothing_shows_nothing(name: str) -> None:
    assert broken({"partition": WELL | {name: 0}}) == [f"no {name}"]


def test_two_hosts_do_half_as_much_again() -> None:
    assert broken(growing(20, 29.9))
    assert broken(growing(20))
