"""Which secrets a step may open, and what happens where one is missing or does not open."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from tenantry.models import IntegrationSecret
from tenantry.operations import secrets, templates
from tenantry.steps import HANDLERS
from tenantry.steps.outcomes import Done
from tests.engine.scenes import quiet
from tests.stage import IMAGE_ONLY, ME, PRODUCT, Stage

KEY = "project.create"


def put(stage: Stage, slug: str, name: str, value: str) -> None:
    def act(session: Session) -> None:
        scope = {"project_id": templates.find(session, slug).id}
        secrets.put(session, ME, stage.desk.secrets, name, value, **scope)

    stage.desk.do(act)


def spoil(stage: Stage) -> None:
    with stage.engine.begin() as conn:
        conn.execute(update(IntegrationSecret).values(encrypted_value=b"not ours" * 8))


def test_a_secret_that_does_not_exist_fails_the_step_that_wants_it(shipped: Stage) -> None:
    stage = quiet(shipped, {KEY: [lambda ctx: Done(ctx.secret("nowhere"))]}).ready(IMAGE_ONLY)
    stage.deploy()
    stage.play()
    assert stage.step(KEY).message == "The secret nowhere does not exist"
    assert stage.deployment().status == "failed"


def test_a_secret_that_does_not_open_fails_the_step_and_hides_nothing_else(
    shipped: Stage,
) -> None:
    stage = quiet(shipped, {KEY: [lambda ctx: Done(ctx.secret("setup_token"))]}).ready(PRODUCT)
    spoil(stage)
    stage.deploy()
    stage.play()
    step = stage.step(KEY)
    assert (step.status, stage.deployment().status) == ("failed", "failed")
    assert "open" in step.message


def test_a_product_with_a_key_of_its_own_uses_it(shipped: Stage) -> None:
    stage = shipped.ready(IMAGE_ONLY)
    put(stage, "tools", "dokploy_api_key", "its-own-key")
    stage.deploy()
    stage.play()
    opened: Any = stage.ports.target
    assert set(opened.opened) == {("main", "its-own-key")}


def test_a_key_of_its_own_that_does_not_open_fails_every_step(shipped: Stage) -> None:
    stage = shipped.ready(IMAGE_ONLY)
    put(stage, "tools", "dokploy_api_key", "its-own-key")
    spoil(stage)
    stage.deploy()
    stage.play()
    assert stage.step(KEY).status == "failed"


def test_a_database_that_takes_no_intent_is_no_fault_of_the_step(shipped: Stage) -> None:
    """Nothing is sent without its intent; the step waits, and its tries are all still there."""
    stage = shipped.ready(IMAGE_ONLY)
    refusals = 5
    real = HANDLERS[KEY]

    def handler(ctx: Any) -> Any:
        def refuse(what: Mapping[str, Any]) -> None:
            nonlocal refusals
            if refusals:
                refusals -= 1
                raise OperationalError("UPDATE", {}, RuntimeError("no space left"))
            begin(what)

        begin, ctx.begin_change = ctx.begin_change, refuse
        return real(ctx)

    stage.handlers[KEY] = handler
    stage.deploy()
    stage.play()
    step = stage.step(KEY)
    assert step.message == "The database did not take a write (OperationalError)"
    assert stage.twins.target.calls["create_project"] == 0
    stage.finish(seconds=200)
    assert stage.deployment().status == "succeeded"
    assert stage.step(KEY).attempts == 6
