"""
Ways to take a guard out of the engine from outside; which guards there are stands in `removals`.

Most are comparisons in statements: they are rewritten on their way to the database, so a guard is
gone wherever its statement is used, and a guard that is not found any more is told.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from sqlalchemy import event

from tests.simulate.storm import Storm
from tests.simulate.world import World

Guard = Callable[[World, Storm], AbstractContextManager[None]]
FOUND: dict[str, int] = {}
NOW = (
    r"(?:\(strftime\('%Y-%m-%d %H:%M:%f','now'(?:,\((\?)\)\|\|' seconds')?\)\|\|'000'\)"
    r"|\(statement_timestamp\(\) \+ make_interval\(secs => (%\(\w+\)s)\)\)"
    r"|statement_timestamp\(\))"
)
# A parameter: SQLite's have no names, and must stay as many as they were.
GIVEN = r"(\?|%\(\w+\)s(?:::[A-Z]+)?)"
STILL_GIVEN = r"(\1 IS NOT NULL)"


@dataclass(frozen=True)
class AtOnce:
    """
    The same guard in PostgreSQL's single statements: `pattern` in those that match `which`.

    `always`: there the general way is never taken.
    """

    which: str
    pattern: str
    new: str = "TRUE"
    always: bool = False


def sql(
    name: str,
    which: str,
    pattern: str,
    new: str | Callable[[re.Match[str]], str],
    param: str = "",
    at_once: AtOnce | None = None,
) -> Guard:
    """
    Rewrites `pattern` in statements that match `which` and, if given, carry a parameter.

    On PostgreSQL in those of `engine.fused` too, and each must be found there by itself.
    """
    where, what = re.compile(which, re.DOTALL), re.compile(pattern, re.DOTALL)

    @contextmanager
    def guard(world: World, _storm: Storm) -> Iterator[None]:
        def rewrite(*call: Any) -> tuple[str, Any]:
            statement, parameters = call[2], call[3]
            given = parameters.values() if isinstance(parameters, dict) else parameters
            if where.search(statement) and (not param or param in given):
                statement, found = what.subn(new, statement)
                FOUND[name] = FOUND.get(name, 0) + found
            return statement, parameters

        if world.store.memory or at_once is None or not at_once.always:
            FOUND.setdefault(name, 0)
        engine = world.store.engine
        event.listen(engine, "before_cursor_execute", rewrite, retval=True)
        try:
            with single(f"{name}, at once", world, at_once):
                yield
        finally:
            event.remove(engine, "before_cursor_execute", rewrite)

    return guard


@contextmanager
def single(name: str, world: World, at_once: AtOnce | None) -> Iterator[None]:
    """Rewrites single statements; SQLite has none."""
    if at_once is None or world.store.memory:
        yield
        return
    where, what = re.compile(at_once.which, re.DOTALL), re.compile(at_once.pattern, re.DOTALL)

    def rewrite(statement: str) -> str:
        if where.search(statement):
            statement, found = what.subn(at_once.new, statement)
            FOUND[name] = FOUND.get(name, 0) + found
        return statement

    FOUND.setdefault(name, 0)
    world.store.singles.rewrites.append(rewrite)
    try:
        yield
    finally:
        world.store.singles.rewrites.remove(rewrite)


def alone(name: str, at_once: AtOnce) -> Guard:
    """A guard that only single statements have."""

    @contextmanager
    def guard(world: World, _storm: Storm) -> Iterator[None]:
        # What it guards is a wait for a lock: let there be many.
        world.crossing.chance, world.crossing.longest = 1.0, 6.0
        with single(name, world, at_once):
            yield

    return guard


def index(name: str) -> Guard:
    """Without a unique index."""

    @contextmanager
    def guard(world: World, _storm: Storm) -> Iterator[None]:
        FOUND[name] = FOUND.get(name, 0) + 1
        world.store.drop_index(name)
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


def patched(name: str, *patches: tuple[Any, str, Any], at_once: AtOnce | None = None) -> Guard:
    """Without a check that is no statement; AttributeError where it has gone elsewhere."""

    @contextmanager
    def guard(world: World, _storm: Storm) -> Iterator[None]:
        FOUND[name] = FOUND.get(name, 0) + 1
        with ExitStack() as stack:
            for where, what, new in patches:
                stack.enter_context(patch.object(where, what, new))
            stack.enter_context(single(f"{name}, at once", world, at_once))
            yield

    return guard
