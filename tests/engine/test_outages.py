"""What a target that is away, or a product's own bad key, costs: time, and nobody else's."""

from dataclasses import replace

from sqlalchemy import select

from tenantry.errors import KeyRefused, TargetDown, Transient
from tenantry.models import TargetRow
from tenantry.operations import secrets, templates
from tests.stage import IMAGE_ONLY, ME, PRODUCT, Stage


def test_an_outage_of_an_hour_fails_no_deployment(stage: Stage) -> None:
    stage.ready().deploy()
    stage.twins.target.fail("*", TargetDown("connection refused"), when="before", times=10_000)
    for _ in range(60):
        stage.play()
        stage.pass_time(60)
    assert stage.deployment().status == "running"
    assert stage.step("project.create").attempts > 3
    stage.twins.target.mend()
    stage.finish()
    assert stage.deployment().status == "succeeded"


def test_a_products_own_bad_key_pauses_nobody_else(stage: Stage) -> None:
    slug = stage.product(PRODUCT)

    def own_key(session: object) -> None:
        template = templates.find(session, slug)  # type: ignore[arg-type]
        store = stage.desk.secrets
        name, kind = "dokploy_api_key", "dokploy_api_key"
        secrets.put(
            session,  # type: ignore[arg-type]
            ME,
            store,
            name,
            "a-key-of-its-own",
            secret_type=kind,
            project_id=template.id,
        )

    stage.desk.do(own_key)
    stage.tenant("acme", slug)
    stage.deploy("acme")
    stage.twins.target.fail("*", KeyRefused("401"), when="before", times=1)
    stage.play()
    with stage.engine.connect() as conn:
        row = conn.execute(select(TargetRow.breaker_until)).one()
    assert row.breaker_until is None
    stage.tenant("other", stage.product(IMAGE_ONLY))
    stage.deploy("other")
    stage.finish()
    assert stage.tenant_row("other").status == "running"
    assert stage.tenant_row("acme").status == "running"


def test_a_database_that_a_restart_left_running_is_started_again(stage: Stage) -> None:
    stage.ready().deploy()
    stage.twins.target.fail("deploy_database", TargetDown("gone"), when="before", times=1)
    for _ in range(3):
        stage.play()
        stage.pass_time(30)
        if stage.service_row("db").db_id:
            break
    row = stage.twins.target.row(stage.service_row("db").db_id)
    row.seen = replace(row.seen, status="running")
    stage.finish(rounds=90)
    assert stage.deployment().status == "succeeded"
    assert row.seen.status == "done"


def test_a_database_that_is_gone_is_not_replaced_by_an_empty_one(stage: Stage) -> None:
    stage.ready().deploy()
    stage.finish()
    stage.twins.target.apps.pop(stage.service_row("db").db_id)
    stage.deploy()
    stage.finish()
    assert stage.deployment().status == "failed"
    assert "gone from the target" in stage.step_of_latest("db.create").message


def test_a_corrected_port_reaches_the_domain(stage: Stage) -> None:
    stage.ready(IMAGE_ONLY).deploy()
    stage.finish()
    service = IMAGE_ONLY["services"][0] | {"port": 8080}
    stage.product(IMAGE_ONLY | {"services": [service]})
    stage.deploy()
    stage.finish()
    ((_, domain),) = stage.twins.target.domain_rows.values()
    assert domain.port == 8080
    assert stage.step_of_latest("domains.create").message.endswith("corrected")


def test_waiting_in_the_targets_own_line_is_never_too_long(stage: Stage) -> None:
    stage.twins.target.looks_to_end = None
    stage.ready(IMAGE_ONLY).deploy()
    for _ in range(100):
        stage.play()
        stage.pass_time(60)
    assert stage.step("service.web.wait_deploy").message.startswith("Next in")
    stage.twins.target.start_builds()
    stage.twins.target.finish_builds()
    stage.finish()
    assert stage.deployment().status == "succeeded"


def test_a_route_is_tried_as_often_as_all_else(stage: Stage) -> None:
    """It is in no greater hurry: five bad answers in a row once failed it within a minute."""
    stage.ready(IMAGE_ONLY).deploy()
    broken = Transient("it broke off its answer", outcome_known=False)
    stage.twins.target.fail("create_domain", broken, when="before", times=8)
    stage.finish()
    assert stage.deployment().status == "succeeded"
