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
                move_known(conn, thing, old, new, update(table), row_id=1, reason="tried")
    assert changes(engine) == 0


def test_a_move_that_did_not_land_leaves_no_change(shipped: Stage) -> None:
    stage = quiet(shipped).ready(IMAGE_ONLY)
    stage.deploy()
    before = changes(stage.engine)
    with stage.engine.begin() as conn:
        statement = update(Deployment).where(Deployment.id == -1)
        assert not move_known(
            conn, "deployment", "running", "failed", statement, row_id=-1, reason="x"
        )
        assert move(conn, "deployment", "failed", Deployment.id == -1, reason="x") == []
    assert changes(stage.engine) == before
    assert broken_rules(stage.engine) == []


def test_nobody_else_writes_a_status() -> None:
    """Outside the engine's one writer, `status=` stands only where a row is made."""
    house = Path(tenantry.__file__).parent
    writers = []
    for path in [*house.glob("engine/*.py"), *house.glob("operations/*.py")]:
        text = path.read_text()
        for call in re.findall(r"update\((?:\w+)\)[^=]*?\.values\(([^)]*)\)", text):
            if re.search(r"\bstatus\s*=", call):
                writers.append(path.name)
    assert writers in ([], ["transitions.py"])
