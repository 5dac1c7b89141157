"""
The common cases in one statement: they write what the general way writes, and refuse the rest.

PostgreSQL only; on SQLite the general way does everything.
"""

import re
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, Table, select, update

from tenantry.clock import utcnow
from tenantry.engine import fused, runner
from tenantry.engine.blueprints import Blueprints
from tenantry.engine.claim import Claim, Message
from tenantry.engine.fused import claim_at_once, settle_at_once
from tenantry.engine.progress import lock_deployment
from tenantry.journal import Redactor
from tenantry.models import Base, Deployment, DeploymentStep, TargetRow, Tenant
from tenantry.steps.outcomes import Done, Wait
from tests import kept
from tests.stage import Stage

Step = DeploymentStep


@pytest.fixture
def stage(engine: Engine, stage: Stage) -> Stage:
    if engine.dialect.name != "postgresql":
        pytest.skip("SQLite has no data-modifying CTE")
    return stage


def head(stage: Stage, key: str = "project.create") -> Message:
    step = stage.step(key)
    return Message(step.deployment_id, step.id, 0)


def take(stage: Stage, message: Message) -> Claim | None:
    return claim_at_once(
        stage.engine,
        message,
        owner="swift",
        times=stage.settings.times,
        blueprints=Blueprints(),
    )


def end(stage: Stage, claim: Claim, result: Any) -> bool:
    times = stage.settings.times
    return settle_at_once(stage.engine, claim, result, [], Redactor(), times) is not None


def change(stage: Stage, table: Any, **values: Any) -> None:
    with stage.engine.begin() as conn:
        conn.execute(update(table).values(**values))


def rows(stage: Stage) -> dict[str, list[tuple[Any, ...]]]:
    """Everything that is stored, but for what differs by nature: ids, keys, clocks and ciphers."""
    with stage.engine.connect() as conn:
        return {
            table.name: sorted(
                (tuple(_lasts(str(v)) for v in row) for row in conn.execute(_lasting(table))),
                key=str,
            )
            for table in Base.metadata.sorted_tables
        }


def _lasts(text: str) -> str:
    """Without public ids and what is keyed with them."""
    return re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\b[0-9a-f]{16,}\b", "…", text)


def _lasting(table: Table) -> Any:
    kept = [
        column
        for column in table.c
        if column.type.__class__.__name__ not in {"UTCDateTime", "Uuid"}
        and column.name not in {"id", "latency_ms", "encrypted_value", "external_ref"}
        and not column.foreign_keys
        and not (table.name == "status_change" and column.name == "thing_id")
    ]
    return select(*kept)


def test_a_deployment_writes_the_same_rows_either_way(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, engine: Engine
) -> None:
    taken: list[bool] = []
    swift = runner.claim_at_once

    def counted(*args: Any, **more: Any) -> Claim | None:
        found = swift(*args, **more)
        taken.append(found is not None)
        return found

    monkeypatch.setattr(runner, "claim_at_once", counted)
    stage.ready().deploy()
    stage.finish()
    at_once = rows(stage)
    # Provisioning and mail are claimed the general way, everything else in one statement.
    assert taken.count(True) > 15
    assert taken.count(False) <= 4

    monkeypatch.setattr(runner, "can_fuse", lambda _engine: False)
    taken.clear()
    other = Stage(kept.emptied(engine), stage.settings)
    other.ready().deploy()
    other.finish()
    assert taken == []
    general = rows(other)
    assert at_once == general


def a_cancel(stage: Stage) -> None:
    change(stage, Deployment, cancel_requested=True)


def an_epoch(stage: Stage) -> None:
    change(stage, Deployment, epoch=1)


def an_end(stage: Stage) -> None:
    change(stage, Deployment, status="failed")


def a_time_to_come(stage: Stage) -> None:
    change(stage, Step, due_at=utcnow() + timedelta(minutes=1))


def a_loss(stage: Stage) -> None:
    change(stage, Step, lost=1)


def an_intent(stage: Stage) -> None:
    change(stage, Step, intent_at=utcnow())


def a_breaker(stage: Stage) -> None:
    change(stage, TargetRow, breaker_until=utcnow() + timedelta(minutes=1))


def an_unknown_key(stage: Stage) -> None:
    change(stage, Step, step_key="project.praise", gates=True, due_at=utcnow())


def another_claim(stage: Stage) -> None:
    lease = utcnow() + timedelta(minutes=1)
    change(stage, Step, status="running", owner="other", lease_until=lease)


@pytest.mark.parametrize(
    "reason",
    [
        a_cancel,
        an_epoch,
        an_end,
        a_time_to_come,
        a_loss,
        an_intent,
        a_breaker,
        an_unknown_key,
        another_claim,
    ],
)
def test_a_claim_in_one_statement_refuses(
    engine: Engine, settings: Any, reason: Callable[[Stage], None]
) -> None:
    if engine.dialect.name != "postgresql":
        pytest.skip("SQLite has no data-modifying CTE")
    # Its rows are bent on purpose: the rules are not looked at afterwards.
    stage = Stage(engine, settings).ready()
    stage.deploy()
    message = head(stage)
    reason(stage)
    before = rows(stage)
    assert take(stage, message) is None
    assert rows(stage) == before


def test_a_step_is_not_claimed_before_its_turn(stage: Stage) -> None:
    stage.ready().deploy()
    assert take(stage, head(stage, "db.create")) is None
    mail = stage.step("email.notify_success")
    assert take(stage, Message(mail.deployment_id, mail.id, 0)) is None


def test_a_claim_is_had_once(stage: Stage) -> None:
    stage.ready().deploy()
    first = take(stage, head(stage))
    assert first is not None
    assert take(stage, head(stage)) is None
    assert (first.fence, first.attempts, first.budget_used) == (1, 1, 1)
    assert end(stage, first, Done("made"))


@pytest.mark.parametrize("what", ["line", "nothing"])
def test_what_was_committed_while_it_waited_for_the_lock_is_not_missed(
    stage: Stage, what: str
) -> None:
    """Locked by somebody who writes what the claim would read: then the general way decides."""
    stage.ready().deploy()
    message = head(stage)
    got: list[Claim | None] = []
    waits = threading.Thread(target=lambda: got.append(take(stage, message)))
    with stage.engine.begin() as conn:
        lock_deployment(conn, message.deployment_id)
        waits.start()
        waits.join(0.5)
        assert waits.is_alive()
        if what == "line":
            # As every settle does that ends a step.
            conn.execute(update(Tenant).values(dokploy_project_id="made a moment ago"))
            conn.execute(update(Deployment).values(next_seq=Deployment.next_seq + 1))
    waits.join(5)
    if what == "line":
        assert got == [None]
        assert stage.step("project.create").status == "pending"
    else:
        assert got[0] is not None


def claimed(stage: Stage) -> Claim:
    stage.ready().deploy()
    found = take(stage, head(stage))
    assert found is not None
    return found


def test_a_settle_in_one_statement_needs_the_fence(stage: Stage) -> None:
    claim = claimed(stage)
    change(stage, Step, fence=7)
    before = rows(stage)
    assert not end(stage, claim, Done("made"))
    assert rows(stage) == before


def test_a_settle_in_one_statement_leaves_a_cancel_to_the_general_way(stage: Stage) -> None:
    claim = claimed(stage)
    a_cancel(stage)
    assert not end(stage, claim, Done("made"))
    assert stage.step("project.create").status == "running"


def test_a_settle_in_one_statement_never_ends_a_deployment(stage: Stage) -> None:
    claim = claimed(stage)
    others = (Step.id != claim.step.id, Step.gates, Step.status == "pending")
    with stage.engine.begin() as conn:
        conn.execute(update(Step).where(*others).values(status="success"))
    assert not end(stage, claim, Done("made"))
    with stage.engine.begin() as conn:
        conn.execute(update(Step).where(Step.status == "success").values(status="pending"))


def test_waits_and_facts_of_tenants_go_the_general_way(stage: Stage) -> None:
    claim = claimed(stage)
    assert not end(stage, claim, Wait(1.0, "not yet"))
    assert not end(stage, claim, Done("made", tenant={"dokploy_project_id": "p"}))


def test_a_line_that_came_between_sends_the_settle_the_general_way(stage: Stage) -> None:
    claim = claimed(stage)
    got: list[bool] = []
    waits = threading.Thread(target=lambda: got.append(end(stage, claim, Done("made"))))
    with stage.engine.begin() as conn:
        lock_deployment(conn, claim.message.deployment_id)
        waits.start()
        waits.join(0.5)
        assert waits.is_alive()
        conn.execute(update(Deployment).values(next_seq=Deployment.next_seq + 1))
    waits.join(5)
    assert got == [False]


def test_it_is_used_on_postgresql_alone(engine: Engine) -> None:
    assert fused.can_fuse(engine) == (engine.dialect.name == "postgresql")
