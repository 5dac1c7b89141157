"""Freezing: a run is what it was when it was created."""

import json
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from tenantry.errors import Invalid
from tenantry.models import IntegrationSecret, TemplateRelease, Tenant, TenantService
from tenantry.operations import blueprints, environments, tenants
from tenantry.planning.blueprint import Blueprint, from_json, to_json
from tenantry.planning.environment import Winner, winners
from tenantry.ports import Sealed
from tests.operations.ledger import refused
from tests.stage import BACKEND, FRONTEND, IMAGE_ONLY, ME, PRODUCT, Stage


def put(stage: Stage, key: str, value: str, service: str | None = None) -> None:
    def act(session: Session) -> None:
        place = environments.place_of(tenants.find(session, "acme"), service)
        environments.set_value(session, ME, stage.desk.secrets, place, key, value)

    stage.desk.do(act)


def frozen(stage: Stage, public_id: str | None = None) -> Blueprint:
    return from_json(stage.deployment(public_id).blueprint)


def test_later_edits_do_not_change_a_run(stage: Stage):
    stage.ready()
    first = stage.deploy()
    before = frozen(stage, first)
    changed = BACKEND | {"port": 9999, "repo_branch": "next", "env": {}}
    stage.product(PRODUCT | {"name": "Renamed", "services": [changed], "notify_emails": []})
    with stage.engine.begin() as conn:
        conn.execute(update(Tenant).values(name="Renamed"))
    put(stage, "NEW", "1")
    assert frozen(stage, first) == before
    stage.finish()
    assert stage.deployment(first).status == "succeeded"
    assert stage.deployment(first).tenant_name == "Acme"
    assert stage.twins.target.app("backend").git.branch == "main"
    second = frozen(stage, stage.deploy())
    assert [s.name for s in second.services] == ["backend"]
    assert (second.services[0].port, second.tenant_name) == (9999, "Renamed")
    assert second.services[0].git is not None
    assert second.services[0].git.branch == "next"


def test_a_deployment_names_the_release_it_runs_against(stage: Stage):
    stage.ready()
    stage.deploy()
    stage.finish()
    stage.product(PRODUCT | {"description": "new"})
    stage.deploy()
    with stage.desk.reading() as session:
        release = session.get_one(TemplateRelease, stage.deployment().release_id)
        assert release.number == 2


def test_a_source_that_staff_changed_for_a_tenant_stays(stage: Stage):
    stage.ready()
    with stage.engine.begin() as conn:
        conn.execute(
            update(TenantService)
            .where(TenantService.name == "backend")
            .values(repo_branch="hotfix", source_overridden=True)
        )
    stage.deploy()
    backend, frontend = frozen(stage).services
    assert backend.git is not None
    assert frontend.git is not None
    assert (backend.git.branch, frontend.git.branch) == ("hotfix", "main")


def test_layers_of_the_environment_cover_each_other_in_order(stage: Stage):
    every = {f"K{n}": "product" for n in range(1, 6)}
    service = BACKEND | {"env": {f"K{n}": "service" for n in range(2, 6)}}
    stage.product(PRODUCT | {"default_env": every, "services": [service, FRONTEND]})
    stage.tenant(env={f"K{n}": "tenant" for n in range(3, 6)})
    put(stage, "K4", "own", "backend")
    put(stage, "K5", "own", "backend")
    stage.deploy(env={"K5": "deployment"})
    backend, frontend = frozen(stage).services
    won = winners(backend.env)
    assert [won[f"K{n}"].source for n in range(1, 6)] == [
        "product",
        "service backend of the product",
        "tenant",
        "service backend of the tenant",
        "this deployment",
    ]
    assert won["K5"].value == "deployment"
    assert (won["K4"].value, won["K4"].version is None) == ("", False)
    assert winners(frontend.env)["K4"].source == "tenant"


@pytest.mark.parametrize("env", [{"lower": "x"}, {"A": 1}, {"A": "${NOPE}"}, []])
def test_bad_overrides_are_refused_and_nothing_is_started(stage: Stage, env: Any):
    stage.ready()
    refused(stage, lambda: stage.deploy(env=env), Invalid)


def test_commands_become_variables_that_every_other_layer_covers(stage: Stage):
    build = {"build_command": "make", "start_command": "serve"}
    stage.ready(PRODUCT | {"services": [BACKEND | {"build_config": build}]})
    stage.deploy()
    won = winners(frozen(stage).services[0].env)
    assert won["NIXPACKS_BUILD_CMD"] == Winner("build settings", "make")
    assert won["NIXPACKS_START_CMD"] == Winner("build settings", "serve")


def test_people_are_told_once_each(stage: Stage):
    stage.product()
    stage.tenant(notify_emails=["client@example.com", "staff@example.com"])
    stage.deploy()
    assert frozen(stage).notify_emails == ("staff@example.com", "client@example.com")


def test_a_blueprint_holds_no_secret_value(stage: Stage):
    stage.ready()
    stage.deploy()
    with stage.desk.reading() as session:
        row = session.scalars(
            select(IntegrationSecret).where(IntegrationSecret.name == "setup_token")
        ).one()
    # A mark of its version, by which a rotation is noticed.
    assert frozen(stage).secrets == {"setup_token": str(row.public_id)}
    value = stage.twins.secrets.open(Sealed(row.encrypted_value, row.key_id, row.bound_to))
    assert value not in json.dumps(to_json(frozen(stage)))


def test_an_image_has_no_repository_and_no_database_is_planned_without_one(stage: Stage):
    stage.ready(IMAGE_ONLY)
    stage.deploy()
    made = frozen(stage)
    assert made.database is None
    assert made.services[0].git is None
    assert made.services[0].image is not None


def test_a_tenant_whose_database_service_is_missing_is_told_so(stage: Stage):
    stage.ready()
    with stage.desk.reading() as session:
        tenant = tenants.find(session, "acme")
        release = session.scalars(select(TemplateRelease)).one()
        row = next(s for s in tenant.services if s.service_type == "db")
        row.db_name = None
        with pytest.raises(Invalid, match="db_required"):
            blueprints.make(session, tenant, release)


def test_a_deactivated_service_is_not_planned_but_keeps_its_row(stage: Stage):
    stage.ready()
    stage.product(PRODUCT | {"services": [BACKEND]})
    stage.deploy()
    assert [s.name for s in frozen(stage).services] == ["backend"]
    assert stage.service_row("frontend").domain == "acme.delivery.example.com"


def test_the_bare_hostname_stays_primary_when_the_base_domain_changes(stage: Stage):
    stage.ready()
    stage.product(PRODUCT | {"base_domain": "new.example.org"})
    stage.deploy()
    primary = frozen(stage).primary()
    assert primary is not None
    assert primary.hostname == "acme.delivery.example.com"
