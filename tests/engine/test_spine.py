"""A deployment from request to end, and what the rows say of it."""

from sqlalchemy import select

from tenantry.models import HealthCheck, LogEntry
from tests.stage import IMAGE_ONLY, Stage

GOLDEN = [
    ("project.create", None),
    ("db.create", "db"),
    ("db.deploy", "db"),
    ("service.backend.create", "backend"),
    ("service.backend.git_attach", "backend"),
    ("service.backend.build_config", "backend"),
    ("service.backend.env_set", "backend"),
    ("service.frontend.create", "frontend"),
    ("service.frontend.git_attach", "frontend"),
    ("service.frontend.build_config", "frontend"),
    ("service.frontend.env_set", "frontend"),
    ("service.backend.deploy", "backend"),
    ("service.backend.wait_deploy", "backend"),
    ("service.frontend.deploy", "frontend"),
    ("service.frontend.wait_deploy", "frontend"),
    ("domains.create", "backend"),
    ("domains.create", "frontend"),
    ("domains.wait_propagation", "backend"),
    ("domains.wait_propagation", "frontend"),
    ("health.check", "backend"),
    ("health.check", "frontend"),
    ("internal.provision", "backend"),
    ("email.notify_success", None),
    ("email.notify_failure", None),
]


def test_every_planned_step_is_a_row_before_anything_runs(stage: Stage) -> None:
    stage.ready().deploy()
    assert [(s.step_key, s.service_name) for s in stage.steps()] == GOLDEN
    assert {s.status for s in stage.steps()} == {"pending"}
    assert stage.deployment().status == "running"
    assert stage.tenant_row().status == "provisioning"


def test_a_deployment_reaches_its_end_and_tells_of_it(stage: Stage) -> None:
    stage.ready().deploy()
    stage.finish()
    assert stage.deployment().status == "succeeded"
    assert stage.tenant_row().status == "running"
    assert stage.tenant_row().completed_at is not None
    assert {s.status for s in stage.steps()} == {"success", "skipped"}
    assert len(stage.twins.mailer.outbox) == 1
    assert "succeeded" in stage.twins.mailer.outbox[0].subject
    assert [s.name for s in stage.twins.target.services()] == ["backend", "frontend"]


def test_the_tenant_shows_that_it_waits_for_its_own_provisioning(stage: Stage) -> None:
    stage.ready().deploy()
    stage.finish()
    assert stage.changes("tenant") == [
        ("∅", "pending"),
        ("pending", "provisioning"),
        ("provisioning", "waiting_for_internal_provision"),
        ("waiting_for_internal_provision", "provisioning"),
        ("provisioning", "running"),
    ]


def test_log_lines_are_numbered_without_gaps(stage: Stage) -> None:
    stage.ready().deploy()
    stage.finish()
    with stage.desk.reading() as session:
        numbers = list(session.scalars(select(LogEntry.seq).order_by(LogEntry.id)))
    assert numbers == list(range(1, len(numbers) + 1))


def test_health_checks_keep_status_and_latency(stage: Stage) -> None:
    stage.ready(IMAGE_ONLY).deploy()
    stage.finish()
    with stage.desk.reading() as session:
        check = session.scalars(select(HealthCheck)).one()
    assert (check.ok, check.http_status, check.latency_ms) == (True, 200, 5)


def test_the_database_password_reaches_the_target_and_no_row(stage: Stage) -> None:
    stage.ready().deploy()
    stage.finish()
    env = stage.twins.target.app("backend").dotenv or ""
    password = env.split(":")[2].split("@")[0]
    assert len(password) == 32
    with stage.desk.reading() as session:
        rows = [str(row.__dict__) for row in stage.steps()]
        rows += [line.text for line in session.scalars(select(LogEntry))]
    assert not [row for row in rows if password in row]
