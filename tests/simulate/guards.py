"""
Guards of the engine, each taken out from outside.

Most are comparisons in statements: they are rewritten on their way to the database, so a guard is
gone wherever its statement is used, and a guard that is not found any more is told.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import patch

from sqlalchemy import event

from tenantry.engine import claim, transitions
from tenantry.planning.states import MOVES
from tests.simulate.storm import Storm
from tests.simulate.world import World

Guard = Callable[[World, Storm], AbstractContextManager[None]]
FOUND: dict[str, int] = {}
NOW = r"\(strftime\('%Y-%m-%d %H:%M:%f','now'(?:,\(\?\)\|\|' seconds')?\)\|\|'000'\)"


def sql(name: str, which: str, pattern: str, new: str, param: str = "") -> Guard:
    """
    Rewrites `pattern` in statements that match `which` and, if given, carry a parameter.

    Placeholders must stay as many as they were.
    """
    where, what = re.compile(which, re.DOTALL), re.compile(pattern, re.DOTALL)

    @contextmanager
    def guard(world: World, _storm: Storm) -> Iterator[None]:
        def rewrite(*call: Any) -> tuple[str, Any]:
            statement, parameters = call[2], call[3]
            if where.search(statement) and (not param or param in parameters):
                statement, found = what.subn(new, statement)
                FOUND[name] = FOUND.get(name, 0) + found
            return statement, parameters

        engine = world.store.engine
        event.listen(engine, "before_cursor_execute", rewrite, retval=True)
        try:
            yield
        finally:
            event.remove(engine, "before_cursor_execute", rewrite)

    return guard


def index(name: str) -> Guard:
    """Without a unique index."""

    @contextmanager
    def guard(world: World, _storm: Storm) -> Iterator[None]:
        FOUND[name] = FOUND.get(name, 0) + 1
        world.store.execute(f"DROP INDEX {name}")
        yield

    return guard


def plain(name: str, act: Callable[[World, Storm], None]) -> Guard:
    """A guard that is a setting of ours."""

    @contextmanager
    def guard(world: World, storm: Storm) -> Iterator[None]:
        FOUND[name] = FOUND.get(name, 0) + 1
        act(world, storm)
        yield

    return guard


def _blind(world: World, _storm: Storm) -> None:
    world.far.blind = True


def _unchecked(world: World, _storm: Storm) -> None:
    world.far.checks = False


def _no_settle(world: World, _storm: Storm) -> None:
    world.times = replace(world.times, settle=0.0)


def _nobody_watches(_world: World, storm: Storm) -> None:
    storm.watching.clear()


def _any_epoch(world: World, storm: Storm) -> None:
    def current(deployment_id: int, epoch: int) -> int:
        known = world.monitor.deployments.get(deployment_id)
        return known.epoch if known else epoch

    storm.epoch_of = current  # type: ignore[method-assign]


@contextmanager
def mingled(world: World, _storm: Storm) -> Iterator[None]:
    """
    Without locks: statements of several transactions mingle, each seen by all at once.

    Nobody dies inside a transaction here, for nothing of it could be taken back.
    """
    baton, engine = world.baton, world.store.engine

    def mingle(*call: Any) -> tuple[str, Any]:
        if call[2] == "BEGIN IMMEDIATE":
            FOUND["locks"] = FOUND.get("locks", 0) + 1
            return "SELECT 1", call[3]
        if world.dice.random() < 0.4 and not world.store.busy:
            baton.rest(world.dice.uniform(0.0, 0.6))
        return call[2], call[3]

    baton.mingling = True
    # Half of a transaction is no fault here; what it may end in is.
    world.heard = frozenset({"ended"})
    event.listen(engine, "before_cursor_execute", mingle, retval=True)
    try:
        yield
    finally:
        event.remove(engine, "before_cursor_execute", mingle)


def patched(name: str, *patches: tuple[Any, str, Any]) -> Guard:
    """Without a check that is no statement; AttributeError where it has gone elsewhere."""

    @contextmanager
    def guard(_world: World, _storm: Storm) -> Iterator[None]:
        FOUND[name] = FOUND.get(name, 0) + 1
        with ExitStack() as stack:
            for where, what, new in patches:
                stack.enter_context(patch.object(where, what, new))
            yield

    return guard


def _any_status(deployment: Any, step: Any) -> bool:
    """What the claim asks beside the step's own state stays asked."""
    return step.due_at is not None and (deployment.status == "running") == bool(step.gates)


STEP = "deployment_step"
CLAIMING = rf"^UPDATE {STEP} SET .*attempts=\({STEP}\.attempts"
READING_ONE = r"^SELECT .* AS (?:has_job|now)\b"
EPOCH = f"(SELECT d.epoch FROM deployment d WHERE d.id = {STEP}.deployment_id)"

look_at_status = patched(
    "the look at a status", (claim, "DONE_STEP", ()), (claim, "_may_run", _any_status)
)
legal_moves = patched(
    "the table of moves",
    (transitions, "sources", lambda thing, _new: tuple({old for old, _ in MOVES[thing]})),
)
look_up = plain("the look before a create", _blind)
last_check = plain("the transport's last check", _unchecked)
settle_time = plain("the settle time after an unanswered call", _no_settle)
watchdog = plain("the watchdog", _nobody_watches)
message_epoch = plain("the epoch of a message", _any_epoch)
active_index = index("one_active_per_tenant")
job_index = index("one_open_job_per_step")
fence = sql("the fence", STEP, rf"{STEP}\.fence = \?", "(? IS NOT NULL)")
fence_at_intent = sql("fence at intent", "SET .*intent=", rf"{STEP}\.fence = \?", "(? IS NOT NULL)")
lease_at_intent = sql("lease at intent", "SET .*intent=", rf"{STEP}\.lease_until >= {NOW}", "1")
order = sql("the order", CLAIMING, r"NOT \(EXISTS", "1 OR NOT (EXISTS")
compare_and_set = sql("the compare", CLAIMING, rf"{STEP}\.status = \?", "(? IS NOT NULL)")
row_epoch = sql("the epoch of a row", READING_ONE, rf"{STEP}\.epoch,", f"{EPOCH},")
intent_kept = sql(
    "the intent",
    rf"^UPDATE {STEP} SET (?!.*intent_at).*lease_until=\?",
    r"SET ",
    "SET intent_at=NULL, ",
)
old_job = sql("the old job", "^UPDATE job_record", "WHERE ", "WHERE 0 AND ", "completed")
admission = sql(
    "admission",
    "FROM deployment",
    r"^SELECT count\(\*\) (.*target_id = \?)",
    r"SELECT count(*) * 0 \1",
)
running_step = sql(
    "the look for a running step",
    rf"^SELECT EXISTS \(SELECT \* \nFROM {STEP}",
    r"status = \?",
    "status = ? AND 0",
)
lease_at_reap = sql("lease at reap", STEP, rf"{STEP}\.lease_until < {NOW}", "(1 OR ? IS NULL)")
