"""When an outage opens and closes, whose turn it is, and how sums give percentiles."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tenantry.planning.watching import (
    BOUNDS,
    BUCKETS,
    Change,
    Standing,
    Thresholds,
    bucket_of,
    judge,
    next_due,
    next_slot,
    percentile,
    spread,
    too_late,
    uptime,
)

START = datetime(2026, 1, 1, tzinfo=UTC)
rules = st.builds(
    Thresholds,
    failures=st.integers(1, 5),
    seconds=st.floats(0, 600),
    recoveries=st.integers(1, 3),
)
# Seconds since the last probe, whether it was good, whether a deployment was under way.
lives = st.lists(st.tuples(st.floats(1, 300), st.booleans(), st.booleans()), max_size=60)
intervals = st.floats(5, 3600)
moments = st.floats(-100_000, 100_000)


def told(life, rule):
    """The moment, the answer, what stood before and after, and what it brought about, each time."""
    standing, at = Standing(), START
    for seconds, ok, planned in life:
        at += timedelta(seconds=seconds)
        before = standing
        standing, change = judge(before, at, rule, ok=ok, planned=planned)
        yield at, ok, planned, before, standing, change


@given(lives, rules)
def test_outages_open_and_close_in_turn(life, rule):
    changes = [change for *_, change in told(life, rule) if change != Change.NOTHING]
    turns = [Change.OPENED, Change.CLOSED] * len(changes)
    assert changes == turns[: len(changes)]


@given(lives, rules)
def test_an_outage_opens_only_after_enough_failures_for_long_enough(life, rule):
    run = []
    for at, ok, planned, _, after, change in told(life, rule):
        run = [] if ok or planned else [*run, at]
        if change == Change.OPENED:
            assert len(run) >= rule.failures
            assert (at - run[0]).total_seconds() >= rule.seconds
            assert after.since == run[0]


@given(lives, rules)
def test_an_outage_opens_as_soon_as_it_may(life, rule):
    run = []
    for at, ok, planned, _, after, _ in told(life, rule):
        run = [] if ok or planned else [*run, at]
        if len(run) >= rule.failures and (at - run[0]).total_seconds() >= rule.seconds:
            assert after.state == "down"


@given(lives, rules)
def test_an_outage_closes_only_after_enough_good_answers(life, rule):
    run = []
    for at, ok, _, before, after, change in told(life, rule):
        run = [*run, at] if ok else []
        if change == Change.CLOSED:
            assert before.state == "down"
            assert len(run) >= rule.recoveries
            assert after.since >= run[0]


@given(st.lists(st.tuples(st.floats(1, 300), st.booleans()), max_size=60), rules)
def test_a_deployment_opens_nothing(life, rule):
    planned = [(seconds, ok, True) for seconds, ok in life]
    assert all(change == Change.NOTHING for *_, change in told(planned, rule))


@given(lives, rules)
def test_the_state_is_what_the_changes_say(life, rule):
    for _, ok, _, before, after, change in told(life, rule):
        if change == Change.OPENED:
            assert after.state == "down"
        elif change == Change.CLOSED or (ok and before.state != "down"):
            assert after.state == "up"
        else:
            assert after.state == before.state


@given(moments, moments, intervals, st.floats(-1, 1))
def test_the_next_probe_is_never_near_and_never_far(due, now, interval, draw):
    at, was = START + timedelta(seconds=now), START + timedelta(seconds=due)
    was = min(was, at)
    gap = (next_due(was, at, interval, draw) - at).total_seconds()
    assert 0.399 * interval <= gap <= 1.601 * interval


@given(moments, moments, intervals)
def test_the_next_slot_keeps_its_place_and_comes_within_an_interval(due, now, interval):
    at, was = START + timedelta(seconds=now), START + timedelta(seconds=due)
    was = min(was, at)
    slot = next_slot(was, at, interval)
    assert at < slot <= at + timedelta(seconds=interval + 0.001)
    turns = (slot - was).total_seconds() / interval
    assert abs(turns - round(turns)) * interval < 0.01


@given(intervals)
def test_what_is_a_little_late_is_probed_and_what_is_an_interval_late_is_left(interval):
    assert not too_late(START, START + timedelta(seconds=min(5, interval / 4)), interval)
    assert too_late(START, START + timedelta(seconds=interval + 0.01), interval)


@given(st.integers(1, 10**6), st.integers(2, 300), intervals)
def test_neighbours_are_spread(first, number, interval):
    places = sorted(spread(first + n, interval) for n in range(number))
    assert all(0 <= place < interval for place in places)
    gaps = [b - a for a, b in pairwise(places)]
    assert max(gaps) <= 3 * interval / number


@given(st.lists(st.integers(0, 20_000), min_size=1, max_size=200), st.floats(0.01, 1))
def test_a_percentile_lies_in_the_bucket_of_the_true_one(values, share):
    counts = [sum(bucket_of(v) == name for v in values) for name in BUCKETS]
    seen = percentile(counts, share, max(values))
    rank = next(n for n, v in enumerate(sorted(values), 1) if n >= share * len(values) - 1e-9)
    true = sorted(values)[rank - 1]
    edges = [0, *BOUNDS, max(*values, BOUNDS[-1])]
    place = BUCKETS.index(bucket_of(true))
    assert min(edges[place], max(values)) <= seen <= edges[place + 1]
    assert seen <= max(values)


@given(st.lists(st.integers(0, 50), min_size=15, max_size=15), st.floats(0, 1), st.floats(0, 1))
def test_percentiles_grow_with_their_share(counts, one, two):
    low, high = sorted([one, two])
    if sum(counts):
        assert percentile(counts, low, 30_000) <= percentile(counts, high, 30_000)
    else:
        assert percentile(counts, low, 30_000) is None


def test_uptime_is_a_share_or_nothing():
    assert uptime(0, 0) is None
    assert uptime(4, 1) == 0.75
