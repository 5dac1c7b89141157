"""The one writer of statuses: no move beside the table, and none without its change."""

import itertools
import re
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, select, update

import tenantry
from tenantry.engine.transitions import TABLES, move, move_known
from tenantry.errors import Conflict
from tenantry.models import Deployment, StatusChange
from tenantry.planning.states import MOVES, NEW
from tests.engine.scenes import broken_rules, quiet
from tests.stage import IMAGE_ONLY, Stage


def changes(engine: Engine) -> int:
    with engine.begin() as conn:
        return conn.execute(select(func.count()).select_from(StatusChange)).scalar_one()


def test_moves_that_are_not_in_the_table_are_refused(shipped: Stage) -> None:
    """Every pair of states of a deployment, tried on a real row."""
    stage = quiet(shipped).ready(IMAGE_ONLY)
    stage.deploy()
    row_id = stage.deployment().id
    states = sorted({state for pair in MOVES["deployment"] for state in pair} - {NEW})
    with stage.engine.connect() as conn:
        for old, new in itertools.product(states, states):
            transaction = conn.begin()
            conn.execute(update(Deployment).values(status=old))
            moved = move(conn, "deployment", new, Deployment.id == row_id, reason="tried")
            allowed = (old, new) in MOVES["deployment"]
            assert moved == ([row_id] if allowed else []), (old, new)
            now = conn.execute(select(Deployment.status)).scalar_one()
            assert now == (new if allowed else old)
            transaction.rollback()


@pytest.mark.parametrize("thing", TABLES)
def test_a_known_move_that_is_not_in_the_table_is_a_conflict(engine: Engine, thing: str) -> None:
    table = TABLES[thing]
    states = {state for pair in MOVES[thing] for state in pair} - {NEW}
    with engine.begin() as conn:
        for old, new in itertools.product(states, states):
            if (old, new) in MOVES[thing]:
                continue
            with pytest.raises(Conflict, match=f"cannot go from {old} to {new}"):
                move_known(conn, thing, old, new, update(table), {}, row_id=1, reason="tried")
    assert changes(engine) == 0


def test_a_move_that_did_not_land_leaves_no_change(shipped: Stage) -> None:
    stage = quiet(shipped).ready(IMAGE_ONLY)
    stage.deploy()
    before = changes(stage.engine)
    with stage.engine.begin() as conn:
        statement = update(Deployment).where(Deployment.id == -1).values(status="failed")
        assert not move_known(
            conn, "deployment", "running", "failed", statement, {}, row_id=-1, reason="x"
        )
        assert move(conn, "deployment", "failed", Deployment.id == -1, reason="x") == []
    assert changes(stage.engine) == before
    assert broken_rules(stage.engine) == []


def test_nobody_else_writes_a_status() -> None:
    """
    An UPDATE that sets a status is handed to `move_known`, or stands inside `move`; anything else
    would leave the history behind.
    """
    house = Path(tenantry.__file__).parent
    folders = ("engine", "operations", "journal", "steps", "web", "cli")
    sets_status = re.compile(r"\.values\((?:[^()]|\([^()]*\))*?\bstatus\s*=")
    writers = {
        path.name
        for folder in folders
        for path in (house / folder).rglob("*.py")
        for piece in path.read_text().split("update(")[1:]
        if sets_status.search(piece.split("insert(", maxsplit=1)[0])
    }
    assert writers <= {"transitions.py", "statements.py", "watchdog.py"}
