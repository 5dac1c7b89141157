"""
The last step, with its deployment's end, and a mail, each settled in one statement (ADR 0014).

They write what the general way writes; what they do not know is left to it.
"""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine, insert, update

from tenantry.clock import utcnow
from tenantry.engine import runner
from tenantry.engine.claim import Claim, Message
from tenantry.engine.runner import Runner
from tenantry.engine.settle import Verdict
from tenantry.engine.transitions import move
from tenantry.models import Deployment, DeploymentStep, JobRecord, Tenant
from tenantry.models.base import uuid7
from tenantry.steps.outcomes import Done
from tests import kept
from tests.engine.test_fused import change, end, rows, take
from tests.stage import IMAGE_ONLY, PRODUCT, Stage

Step = DeploymentStep
Life = Callable[[Stage], None]


@pytest.fixture(autouse=True)
def _on_postgresql(engine: Engine) -> None:
    if engine.dialect.name != "postgresql":
        pytest.skip("SQLite has no data-modifying CTE")


def first(stage: Stage) -> None:
    stage.deploy()
    stage.finish()


def again(stage: Stage) -> None:
    first(stage)
    change(stage, Tenant, attention="look here", detail="it was sick")
    stage.deploy()
    stage.finish()


def closed(stage: Stage) -> None:
    """Staff have closed the onboarding: a success leaves that as it is."""
    first(stage)
    with stage.engine.begin() as conn:
        move(conn, "tenant", "completed", Tenant.id > 0, reason="closed by staff")
    stage.deploy()
    stage.finish()


def played(stage: Stage, life: Life, product: dict[str, Any]) -> dict[str, list[Any]]:
    stage.product(product)
    stage.tenant(slug=product["slug"])
    life(stage)
    return rows(stage)


@pytest.mark.parametrize("life", [first, again, closed])
@pytest.mark.parametrize("product", [IMAGE_ONLY, PRODUCT], ids=["image", "whole"])
def test_an_end_writes_the_same_rows_either_way(
    stage: Stage,
    monkeypatch: pytest.MonkeyPatch,
    engine: Engine,
    life: Life,
    product: dict[str, Any],
) -> None:
    settled: list[tuple[str, Verdict | None]] = []
    swift = runner.settle_at_once

    def watched(swift_engine: Engine, claim: Claim, *args: Any) -> Verdict | None:
        verdict = swift(swift_engine, claim, *args)
        settled.append((claim.step.step_key, verdict))
        return verdict

    monkeypatch.setattr(runner, "settle_at_once", watched)
    at_once = played(stage, life, product)
    by_key = {key: verdict for key, verdict in settled if verdict}
    assert "email.notify_success" in by_key, "the mail went the general way"
    assert "health.check" in by_key, "the check went the general way"
    if product is IMAGE_ONLY:
        assert any(verdict.ended for verdict in by_key.values()), "no end was written at once"

    monkeypatch.setattr(runner, "can_fuse", lambda _engine: False)
    settled.clear()
    general = played(Stage(kept.emptied(engine), stage.settings), life, product)
    assert settled == []
    assert at_once == general


def last_claim(stage: Stage) -> Claim:
    """A deployment of which one step is left, claimed by somebody."""
    stage.product(IMAGE_ONLY)
    stage.tenant(slug="tools")
    stage.deploy()
    last = stage.step("health.check")
    with stage.engine.begin() as conn:
        others = (Step.gates, Step.id != last.id)
        move(conn, "step", "skipped", *others, reason="not today", ended_at=utcnow())
    found = take(stage, Message(last.deployment_id, last.id, 0))
    assert found is not None
    assert found.is_last
    return found


def a_cancel(stage: Stage, _claim: Claim) -> None:
    change(stage, Deployment, cancel_requested=True)


def a_new_fence(stage: Stage, _claim: Claim) -> None:
    change(stage, Step, fence=7)


def another_open_step(stage: Stage, claim: Claim) -> None:
    with stage.engine.begin() as conn:
        other = (Step.gates, Step.id != claim.step.id)
        conn.execute(update(Step).where(*other).values(status="pending", ended_at=None))


def another_open_job(stage: Stage, claim: Claim) -> None:
    with stage.engine.begin() as conn:
        other = conn.execute(
            Step.__table__.select().where(Step.gates, Step.id != claim.step.id)
        ).first()
        assert other is not None
        values = {"deployment_id": claim.message.deployment_id, "step_id": other.id}
        conn.execute(
            insert(JobRecord).values(
                public_id=uuid7(), job_id=uuid7(), job_type="retry", status="scheduled", **values
            )
        )


@pytest.mark.parametrize("reason", [a_cancel, a_new_fence, another_open_step, another_open_job])
def test_an_end_in_one_statement_refuses(
    engine: Engine, settings: Any, reason: Callable[[Stage, Claim], None]
) -> None:
    # Its rows are bent on purpose: the rules are not looked at afterwards.
    stage = Stage(engine, settings)
    claim = last_claim(stage)
    reason(stage, claim)
    before = rows(stage)
    assert not end(stage, claim, Done("healthy"))
    assert rows(stage) == before


def test_an_end_makes_its_mail_due_and_names_its_chain(stage: Stage) -> None:
    claim = last_claim(stage)
    assert end(stage, claim, Done("healthy"))
    assert stage.deployment().status == "succeeded"
    assert stage.tenant_row().status == "running"
    assert stage.step("email.notify_success").due_at is not None
    assert stage.step("email.notify_failure").status == "skipped"
    stage.finish()
    assert len(stage.twins.mailer.outbox) == 1


def test_a_blueprint_is_brought_along_once(stage: Stage) -> None:
    """A worker keeps it; another deployment's is never taken for it."""
    stage.product(IMAGE_ONLY)
    stage.tenant(slug="tools")
    stage.deploy()
    worker: Runner = stage.runner()
    chain = stage.sent[0]
    for link in chain.links[:2]:
        worker.run(chain.deployment_id, link.step_id, chain.epoch)
    known = worker.blueprints.known(chain.deployment_id)
    assert known is not None
    assert known.document["template_name"] == "Tools"
    # An id may come again, with another public id beside it, in a database that was restored.
    change(stage, Deployment, public_id=uuid7(), blueprint={**known.document, "subdomain": "else"})
    worker.run(chain.deployment_id, chain.links[2].step_id, chain.epoch)
    newer = worker.blueprints.known(chain.deployment_id)
    assert newer is not None
    assert newer.blueprint.subdomain == "else"
    stage.finish()
