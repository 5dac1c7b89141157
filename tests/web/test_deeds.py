"""What operators do: forms through the desk, one winner for each race."""

from uuid import uuid4

import pytest
from sqlalchemy import update

from tenantry.models import AuditEntry, Deployment, DeploymentStep, Tenant
from tenantry.models.dbtime import db_now
from tests.web.conftest import World

JSON = {"Accept": "application/json"}


def deploy(world: World, subdomain: str = "fresh") -> str:
    return f"/tenants/{world.row(Tenant, subdomain=subdomain).public_id}/deploy"


def test_deploy_starts_one_and_leads_to_its_page(world: World) -> None:
    person = world.client("operator")
    answer = person.post(deploy(world), {"key": uuid4().hex})
    made = world.row(Deployment, subdomain="fresh")
    assert answer.status_code == 303
    assert answer.location == f"/deployments/{made.public_id}"
    assert made.actor == "operator@example.com"
    assert made.creator_type == "manual"
    assert "Fresh is being deployed" in person.flashes()


def test_pressing_twice_is_pressing_once(world: World) -> None:
    person, key = world.client("operator"), uuid4().hex
    first = person.post(deploy(world), {"key": key})
    second = person.post(deploy(world), {"key": key})
    assert first.location == second.location
    assert len(world.rows(Deployment, subdomain="fresh")) == 1


def test_another_persons_deploy_is_told_who_won(world: World) -> None:
    world.client("operator").post(deploy(world), {"key": uuid4().hex})
    won = world.row(Deployment, subdomain="fresh").public_id
    late = world.client("admin")
    answer = late.post(deploy(world), {"key": uuid4().hex})
    assert answer.location == f"/deployments/{won}"
    told = late.flashes()
    assert "already" in told
    assert f'href="/deployments/{won}"' in told


def test_programs_get_409_and_the_winner(world: World) -> None:
    person = world.client("operator")
    first = person.post(deploy(world), headers=JSON)
    assert first.status_code == 200
    won = world.row(Deployment, subdomain="fresh").public_id
    answer = person.post(deploy(world), headers=JSON)
    assert answer.status_code == 409
    assert answer.json["winner"] == str(won)
    assert "already" in answer.json["error"]


def test_an_idempotency_key_of_a_strange_shape_is_refused(world: World) -> None:
    answer = world.client("operator").post(deploy(world), {"key": "x' OR 1"}, headers=JSON)
    assert answer.status_code == 400
    assert answer.json["field"] == "key"
    assert world.rows(Deployment, subdomain="fresh") == []


def test_resume_and_cancel(world: World) -> None:
    person = world.client("operator")
    failed = world.row(Deployment, status="failed")
    page = f"/deployments/{failed.public_id}"
    assert "Resume" in person.page(page)
    assert person.post(f"{page}/resume").location == page
    assert world.row(Deployment, id=failed.id).epoch == 1
    again = person.post(f"{page}/resume", headers=JSON)
    assert again.status_code == 409
    assert "only a failed or cancelled one" in again.json["error"]
    assert person.post(f"{page}/cancel").status_code == 303
    assert world.row(Deployment, id=failed.id).status == "cancelled"
    assert person.post(f"{page}/cancel", headers=JSON).status_code == 409


def test_resume_failed_only_skips_what_a_cancel_left(world: World) -> None:
    person = world.client("operator")
    failed = world.row(Deployment, status="failed")
    # Before a tenant ran once, the rest would be missing for good.
    refused = person.post(
        f"/deployments/{failed.public_id}/resume_failed", headers={"Accept": "application/json"}
    )
    assert refused.status_code == 409
    with world.stage.engine.begin() as conn:
        conn.execute(update(Tenant).values(completed_at=db_now()))
    person.post(f"/deployments/{failed.public_id}/resume_failed")
    steps = world.rows(DeploymentStep, deployment_id=failed.id)
    assert next(s for s in steps if s.step_key == "domains.create").status == "pending"
    assert "skipped" in {s.status for s in steps}


def test_an_unknown_deed_does_not_exist(world: World) -> None:
    failed = world.row(Deployment, status="failed")
    person = world.client("admin")
    assert person.post(f"/deployments/{failed.public_id}/explode").status_code == 404
    step = world.rows(DeploymentStep, deployment_id=failed.id)[0]
    assert person.post(f"/steps/{step.public_id}/explode").status_code == 404
    assert person.post(f"/steps/{uuid4()}/retry").status_code == 404


def test_retry_goes_on_from_the_failed_step(world: World) -> None:
    step = world.row(DeploymentStep, status="failed", step_key="domains.create")
    answer = world.client("operator").post(f"/steps/{step.public_id}/retry")
    assert answer.status_code == 303
    assert world.row(DeploymentStep, id=step.id).status == "pending"


@pytest.mark.parametrize("reason", ["", "  ", "no"])
def test_mark_done_needs_a_reason(world: World, reason: str) -> None:
    step = world.row(DeploymentStep, status="failed", step_key="domains.create")
    person = world.client("operator")
    answer = person.post(f"/steps/{step.public_id}/mark_done", {"reason": reason}, headers=JSON)
    assert answer.status_code == 400
    assert answer.json["field"] == "reason"
    assert world.row(DeploymentStep, id=step.id).status == "failed"


def test_mark_done_with_a_reason_counts_and_is_written_down(world: World) -> None:
    step = world.row(DeploymentStep, status="failed", step_key="domains.create")
    person = world.client("operator")
    person.post(f"/steps/{step.public_id}/mark_done", {"reason": "The domain is there"})
    after = world.row(DeploymentStep, id=step.id)
    assert after.status == "success"
    assert "operator@example.com: The domain is there" in after.message
    entry = world.row(AuditEntry, action="step.mark_done")
    assert (entry.actor, entry.reason) == ("operator@example.com", "The domain is there")
    assert len(entry.request_id) == 16


def test_run_now_and_skip_a_waiting_step(world: World) -> None:
    person = world.client("operator")
    step = world.row(DeploymentStep, status="waiting")
    assert person.post(f"/steps/{step.public_id}/run_now").status_code == 303
    answer = person.post(f"/steps/{step.public_id}/skip", {"reason": "Known trouble"})
    assert answer.status_code == 303
    assert world.row(DeploymentStep, id=step.id).status == "skipped"
    late = person.post(f"/steps/{step.public_id}/run_now", headers=JSON)
    assert late.status_code == 409


def test_the_panel_works_while_the_broker_is_away(world: World) -> None:
    world.resting = True
    person = world.client("operator")
    assert "broker does not answer" in person.page("/")
    assert person.post(deploy(world), {"key": uuid4().hex}).status_code == 303
