"""A step of a newer version: in a message it is ignored, in a row it waits for a newer worker."""

from typing import Any

from sqlalchemy import update

from tenantry.models import DeploymentStep
from tests.engine.scenes import message, quiet
from tests.stage import IMAGE_ONLY, ME, Killed, Stage, die_at

NEW = "service.web.warm_up"


def rename(stage: Stage, old: str, new: str) -> None:
    with stage.engine.begin() as conn:
        conn.execute(
            update(DeploymentStep).where(DeploymentStep.step_key == old).values(step_key=new)
        )


def test_messages_that_fit_nothing_are_ignored(shipped: Stage) -> None:
    stage = quiet(shipped).ready(IMAGE_ONLY)
    stage.deploy()
    step = stage.step("project.create")
    run: Any = stage.runner().run
    assert not run(step.deployment_id, 999_999, 0)
    assert not run(999_999, step.id, 0)
    assert not run(step.deployment_id, step.id, 7)
    assert not run(step.deployment_id, step.id, -1)
    # A later step is not at its turn.
    assert not message(stage, stage.step("service.web.create"))
    assert {s.status for s in stage.steps()} == {"pending"}
    assert {s.attempts for s in stage.steps()} == {0}


def test_a_stray_message_of_a_later_step_moves_no_tenant(shipped: Stage) -> None:
    stage = quiet(shipped).ready()
    stage.deploy()
    assert not message(stage, stage.step("internal.provision"))
    assert stage.tenant_row().status == "provisioning"


def test_a_step_of_a_newer_version_waits_and_nothing_passes_it(shipped: Stage) -> None:
    stage = quiet(shipped).ready(IMAGE_ONLY)
    stage.deploy()
    rename(stage, "service.web.env_set", NEW)
    stage.play()
    for _ in range(5):
        stage.pass_time(200)
        stage.play()
    step = stage.step(NEW)
    assert (step.status, step.attempts) == ("pending", 0)
    assert stage.deployment().status == "running"
    assert stage.step("service.web.deploy").status == "pending"
    assert stage.watchdog.sweep() == 0
    # The newer worker is there.
    rename(stage, NEW, "service.web.env_set")
    stage.finish()
    assert stage.deployment().status == "succeeded"


def test_a_step_of_a_newer_version_whose_worker_died_is_taken_back(shipped: Stage) -> None:
    stage = quiet(shipped).ready(IMAGE_ONLY)
    stage.deploy()
    try:
        message(stage, stage.step("project.create"), stage.runner(at=die_at("after_claim")))
    except Killed:
        rename(stage, "project.create", "project.adopt")
    stage.pass_time(60)
    stage.watchdog.repair()
    assert stage.step("project.adopt").status == "pending"
    stage.watchdog.sweep()
    assert stage.sent[-1].links[0].queue == "suspect"
    stage.desk.step(ME, str(stage.step("project.adopt").public_id), "skip", "rolled back")
    stage.finish()
    assert stage.deployment().status == "succeeded"
