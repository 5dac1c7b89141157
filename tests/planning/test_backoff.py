"""Back-off: bounded, growing, spread."""

import random

from hypothesis import given
from hypothesis import strategies as st

from tenantry.planning.backoff import HEALTH, TRANSIENT, Backoff

backoffs = st.builds(
    Backoff,
    base=st.floats(0.1, 100),
    factor=st.floats(1, 10),
    cap=st.floats(1, 3600),
    jitter=st.floats(0, 0.9),
)
counts = st.integers(-(10**9), 10**9)


@given(backoffs, counts, st.integers())
def test_a_wait_is_positive_and_never_longer_than_the_cap_and_its_jitter(rule, failed, seed):
    seconds = rule.seconds(failed, random.Random(seed))
    assert 0 < seconds <= rule.cap * (1 + rule.jitter)


@given(backoffs, st.integers(0, 200))
def test_without_jitter_a_later_wait_is_never_shorter(rule, failed):
    plain = Backoff(rule.base, rule.factor, rule.cap, jitter=0)
    assert plain.seconds(failed) <= plain.seconds(failed + 1)


def test_the_cap_holds_for_counts_that_would_overflow():
    assert Backoff(5, jitter=0).seconds(10**12) == 300
    assert Backoff(5, factor=10.0, jitter=0).seconds(5000) == 300


def test_the_shape_is_base_times_a_power_of_two():
    plain = Backoff(5, jitter=0)
    assert [plain.seconds(n) for n in range(8)] == [5, 10, 20, 40, 80, 160, 300, 300]
    assert plain.seconds(-3) == 5


def test_jitter_spreads_a_fleet_that_failed_together():
    waits = {TRANSIENT.seconds(3) for _ in range(50)}
    assert len(waits) > 40
    assert all(40 * 0.8 <= wait <= 40 * 1.2 for wait in waits)


def test_the_same_seed_gives_the_same_waits():
    one, two = random.Random(7), random.Random(7)
    assert [HEALTH.seconds(n, one) for n in range(9)] == [HEALTH.seconds(n, two) for n in range(9)]
