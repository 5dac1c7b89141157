"""A tenant's years on the small stage: change, scale, suspend, wake, roll back, leave."""

from typing import Any

import pytest

from tenantry.errors import Conflict, Invalid, NothingToDo, Permanent
from tenantry.operations import leaving, rollbacks, scaling, tenants
from tenantry.operations.scaling import Scale
from tenantry.operations.wishes import Wish
from tenantry.planning.actions import RESTART, SUSPEND, TEARDOWN, UNSUSPEND
from tenantry.planning.limits import Capabilities
from tests.stage import BACKEND, FRONTEND, IMAGE_ONLY, ME, PRODUCT, Stage


def done(stage: Stage, wish: Any) -> None:
    stage.desk.deploy(ME, "acme", wish=wish)
    stage.finish()
    assert stage.deployment().status == "succeeded", stage.deployment().summary


def ran(stage: Stage) -> list[str]:
    public_id = str(stage.deployment().public_id)
    return [s.step_key for s in stage.steps(public_id) if s.gates]


def scaled(service: str, replicas: int | None = None, **limits: Any) -> Any:
    wanted = Scale(service, replicas, limits or None)
    return lambda session, tenant: scaling.store(session, ME, tenant, wanted, Capabilities())


@pytest.fixture
def running(stage: Stage) -> Stage:
    stage.ready().deploy()
    stage.finish()
    assert stage.deployment().status == "succeeded"
    return stage


def test_nothing_to_do_is_said_and_nothing_is_written(running: Stage) -> None:
    with pytest.raises(NothingToDo, match="nothing differs"):
        running.desk.deploy(ME, "acme")
    assert running.desk.preview(ME, "acme").nothing


def test_a_product_whose_health_is_judged_otherwise_is_only_looked_at(running: Stage) -> None:
    running.product(PRODUCT | {"services": [BACKEND, FRONTEND | {"expected_status": "200"}]})
    assert not running.desk.preview(ME, "acme").nothing
    done(running, Wish())
    assert ran(running) == ["project.create", "health.check", "health.check"]
    with pytest.raises(NothingToDo, match="nothing differs"):
        running.desk.deploy(ME, "acme")


def test_what_failed_of_its_health_alone_is_looked_at_again(running: Stage) -> None:
    picky = FRONTEND | {"expected_status": "204", "health_retries": 0}
    running.product(PRODUCT | {"services": [BACKEND, picky]})
    running.desk.deploy(ME, "acme", wish=Wish())
    running.finish()
    assert running.deployment().status == "failed"
    assert running.tenant_row().attention
    running.product(PRODUCT)
    done(running, Wish())
    assert ran(running) == ["project.create", "health.check", "health.check"]
    assert running.tenant_row().attention == ""


def test_a_changed_product_deploys_only_the_service_that_changed(running: Stage) -> None:
    running.product(PRODUCT | {"services": [BACKEND, FRONTEND | {"repo_branch": "next"}]})
    preview = running.desk.preview(ME, "acme")
    assert preview.differing == {"frontend": ("source",)}
    done(running, Wish())
    assert ran(running) == [
        "project.create",
        "db.create",
        "db.deploy",
        "service.frontend.create",
        "service.frontend.git_attach",
        "service.frontend.deploy",
        "service.frontend.wait_deploy",
        "health.check",
    ]
    assert running.twins.target.app("frontend").git.branch == "next"
    assert len(running.twins.target.app("backend").history) == 1


def test_a_failed_roll_out_is_planned_again(running: Stage) -> None:
    target = running.twins.target
    running.product(PRODUCT | {"services": [BACKEND, FRONTEND | {"env": {"A": "1"}}]})
    target.plan_builds(target.app("frontend").seen.id, "error")
    running.desk.deploy(ME, "acme")
    running.finish()
    assert running.deployment().status == "failed"
    assert running.tenant_row().status == "running"
    assert "frontend" in running.desk.preview(ME, "acme").differing
    done(running, Wish())
    assert running.desk.preview(ME, "acme").nothing


def test_scaling_is_applied_and_then_observed(running: Stage) -> None:
    done(running, scaled("frontend", 3, cpu_cores=0.5, memory_mb=512))
    row = running.twins.target.app("frontend")
    assert (row.replicas, row.memory, row.cpu) == (3, "536870912", "500000000")
    assert len([c for c in row.containers if c.state == "running"]) == 3
    seen = running.service_row("frontend")
    assert (seen.target_replicas, seen.running_replicas) == (3, 3)
    with running.desk.reading() as session:
        tasks = scaling.replicas_seen(session, [seen.id])[seen.id]
    assert len(tasks) == 3
    assert {task.state for task in tasks} == {"running"}
    # What was scaled is what should be: a deployment has nothing to do.
    assert running.desk.preview(ME, "acme").nothing


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        (scaled("frontend", 51), "replicas"),
        (scaled("frontend", None, memory_mb="512m"), "limits.memory_mb"),
        (scaled("frontend", None, gpu_units=1), "limits.gpu_units"),
        (scaled("frontend", None, storage_gb=10), "limits.storage_gb"),
        (scaled("db", 2), "replicas"),
    ],
)
def test_bad_limits_are_refused_and_nothing_is_kept(running: Stage, wish: Any, field: str) -> None:
    with pytest.raises(Invalid) as caught:
        running.desk.deploy(ME, "acme", wish=wish)
    assert caught.value.field == field
    assert running.service_row("frontend").target_replicas is None


def test_two_people_who_scale_at_once_have_one_winner(running: Stage) -> None:
    running.desk.deploy(ME, "acme", wish=scaled("frontend", 2))
    with pytest.raises(Conflict) as caught:
        running.desk.deploy(ME, "acme", wish=scaled("frontend", 5))
    assert caught.value.winner
    assert running.service_row("frontend").target_replicas == 2


def test_a_database_takes_new_limits_by_a_restart_and_the_preview_says_so(running: Stage) -> None:
    wish = scaled("db", None, memory_mb=1024)
    preview = running.desk.preview(ME, "acme", wish)
    assert any("restart" in words for words in preview.warnings)
    done(running, wish)
    assert ran(running) == ["db.settings", "db.restart"]
    assert running.twins.target.app("db").applied[0] == str(1024 * 1024 * 1024)


def test_a_restart_replaces_every_container(running: Stage) -> None:
    def live() -> set[str]:
        tasks = running.twins.target.app("backend").containers
        return {c.id for c in tasks if c.wanted == "running"}

    before = live()
    done(running, Wish(action=RESTART, services=("backend",)))
    assert live()
    assert before.isdisjoint(live())


def test_a_suspension_stops_what_serves_and_waking_brings_it_back(running: Stage) -> None:
    target = running.twins.target
    done(running, scaled("frontend", 2))
    schedule = target.schedule(target.app("backend").seen.id)
    done(running, Wish(action=SUSPEND))
    assert running.tenant_row().status == "suspended"
    assert not [c for name in ("backend", "frontend") for c in target.app(name).containers]
    assert target.app("db").containers
    assert not any(d.enabled for _, d in target.domain_rows.values())
    assert not target.schedule_rows[schedule.id].seen.enabled
    with pytest.raises(Conflict, match="suspended"):
        running.deploy()
    done(running, Wish(action=UNSUSPEND))
    assert running.tenant_row().status == "running"
    assert len([c for c in target.app("frontend").containers if c.state == "running"]) == 2
    assert all(d.enabled for _, d in target.domain_rows.values())
    assert target.schedule_rows[schedule.id].seen.enabled
    assert running.desk.preview(ME, "acme").nothing


def test_a_rollback_brings_the_branch_and_environment_of_then_back(running: Stage) -> None:
    first = str(running.deployment().public_id)
    changed = FRONTEND | {"repo_branch": "v2", "env": {"A": "2"}}
    running.product(PRODUCT | {"services": [BACKEND, changed]})
    done(running, Wish())
    with running.desk.reading() as session:
        tenant = tenants.find(session, "acme")
        back = rollbacks.prepare(session, tenant, first)
        assert [str(d.public_id) for d in rollbacks.candidates(session, tenant)] == [first]
    assert any("database" in words for words in back.cannot)
    done(running, back.wish)
    row = running.twins.target.app("frontend")
    assert row.git.branch == "main"
    assert "A=" not in row.dotenv
    # Forward again: the newest release is what should be.
    assert running.desk.preview(ME, "acme").differing == {"frontend": ("source", "environment")}


def test_only_what_once_ran_can_come_back(running: Stage) -> None:
    with running.desk.reading() as session:
        tenant = tenants.find(session, "acme")
        with pytest.raises(Conflict, match="what runs now"):
            rollbacks.prepare(session, tenant, str(running.deployment().public_id))


@pytest.mark.parametrize("document", [PRODUCT, IMAGE_ONLY], ids=["whole", "image"])
def test_a_teardown_leaves_nothing_but_volumes(stage: Stage, document: Any) -> None:
    stage.ready(document).deploy()
    stage.finish()
    done(stage, Wish(action=TEARDOWN))
    target = stage.twins.target
    assert target.project_rows == {}
    assert not target.apps
    assert target.domain_rows == {}
    with stage.desk.reading() as session:
        tenant = tenants.find(session, "acme", away=True)
        assert (tenant.status, tenant.deleted_at is None) == ("archived", False)
    # Its name is free again.
    stage.tenant("acme", document["slug"])


def test_a_teardown_that_finds_something_left_says_what_and_can_be_resumed(running: Stage) -> None:
    target = running.twins.target
    environment = target.projects()[0].environment_id
    foreign = target.create_application(environment, "theirs", "theirs", "", None)
    running.desk.deploy(ME, "acme", wish=Wish(action=TEARDOWN))
    running.finish()
    assert running.deployment().status == "failed"
    assert "application theirs" in running.deployment().summary
    assert running.tenant_row().status == "running"
    target.delete_application(foreign.id)
    running.desk.resume(ME, str(running.deployment().public_id))
    running.finish()
    assert running.deployment().status == "succeeded"


def test_a_suspension_that_was_cancelled_half_way_is_told_and_can_be_put_right(
    running: Stage,
) -> None:
    public_id = running.desk.deploy(ME, "acme", wish=Wish(action=SUSPEND))
    runner = running.runner()
    for link in running.sent.pop(0).links[:4]:
        runner.run(running.deployment().id, link.step_id, 0)
    running.desk.cancel(ME, public_id)
    running.finish()
    assert running.deployment().status == "cancelled"
    row = running.tenant_row()
    assert row.status == "running"
    assert "suspend was cancelled half-way" in row.attention
    done(running, Wish(action=UNSUSPEND))
    target = running.twins.target
    assert (running.tenant_row().status, running.tenant_row().attention) == ("running", "")
    assert all(d.enabled for _, d in target.domain_rows.values())
    assert all(target.app(name).containers for name in ("backend", "frontend"))


def test_a_tenant_that_is_leaving_takes_no_deployment(running: Stage) -> None:
    def leave(session: Any) -> None:
        tenant = tenants.find(session, "acme")
        leaving.leave(session, ME, tenant, days=3, reason="contract ended")

    running.desk.do(leave)
    for action in (RESTART, UNSUSPEND):
        with pytest.raises(Conflict, match="is leaving"):
            running.desk.deploy(ME, "acme", wish=Wish(action=action))


def test_a_tenant_that_was_never_deployed_leaves_at_once(stage: Stage) -> None:
    stage.ready()
    done(stage, Wish(action=TEARDOWN))
    with stage.desk.reading() as session:
        assert tenants.find(session, "acme", away=True).status == "archived"


def test_a_first_deployment_that_failed_half_way_can_be_torn_down(stage: Stage) -> None:
    stage.ready()
    stage.deploy()
    stage.play()
    stage.twins.target.fail("settle_application", Permanent("no"), times=9)
    stage.finish()
    done(stage, Wish(action=TEARDOWN))
    assert not stage.twins.target.apps
    assert stage.twins.target.project_rows == {}
