"""A database of each kind on the small stage, from its first day to its last."""

from typing import Any

import pytest
from sqlalchemy import delete

from tenantry.errors import Invalid
from tenantry.models import IntegrationSecret
from tenantry.operations import rollbacks, scaling, secrets, templates, tenants
from tenantry.operations.scaling import Scale
from tenantry.operations.wishes import Wish
from tenantry.planning.actions import SUSPEND, TEARDOWN, UNSUSPEND
from tenantry.planning.databases import DATABASE_KINDS, IMAGE_KINDS, facts
from tenantry.planning.limits import Capabilities
from tests.engine.scenes import Deaths
from tests.products import KINDS, OUTSIDE, STACK, STACKED, of_kind
from tests.stage import ME, Stage

EVERY = pytest.mark.parametrize("kind", KINDS)


def done(stage: Stage, wish: Any) -> None:
    stage.desk.deploy(ME, "acme", wish=wish)
    stage.finish()
    assert stage.deployment().status == "succeeded", stage.deployment().summary


def ran(stage: Stage) -> list[str]:
    public_id = str(stage.deployment().public_id)
    return [s.step_key for s in stage.steps(public_id) if s.gates]


def running(stage: Stage, document: dict[str, Any]) -> Stage:
    stage.ready(document).deploy()
    stage.finish()
    assert stage.deployment().status == "succeeded", stage.deployment().summary
    return stage


def more_memory(megabytes: int = 1024) -> Any:
    wanted = Scale("db", None, {"memory_mb": megabytes})
    return lambda session, tenant: scaling.store(session, ME, tenant, wanted, Capabilities())


def url_in(stage: Stage, name: str = "web") -> str:
    text = stage.twins.target.app(name).dotenv or ""
    return next(line for line in text.splitlines() if line.startswith("DATABASE_URL="))


def everything_stored(stage: Stage) -> str:
    """All that the deployment left in rows, as text."""
    with stage.desk.reading() as session:
        tables = type(stage.deployment()).metadata.sorted_tables
        kept = [t for t in tables if t.name != "integration_secret"]
        return str([[dict(row._mapping) for row in session.execute(t.select())] for t in kept])


def password_of(stage: Stage) -> str:
    url = url_in(stage)
    return url.partition("@")[0].rpartition(":")[2]


@EVERY
def test_a_database_of_each_kind_is_brought_up_and_its_url_is_right(stage: Stage, kind: str):
    running(stage, of_kind(kind))
    row, own = stage.twins.target.app("db"), stage.service_row("db")
    assert row.seen.kind == (kind if kind in DATABASE_KINDS else "application")
    assert (own.app_id is None) == (kind in DATABASE_KINDS)
    assert any(c.state == "running" for c in row.containers)
    known, password = facts(kind), password_of(stage)
    url = known.url.format(user="t_acme", password=password, host=row.seen.app_name, name="t_acme")
    assert url_in(stage).removeprefix("DATABASE_URL=").strip("'`\"") == url
    assert password.isalnum()
    assert password not in everything_stored(stage)
    assert stage.desk.preview(ME, "acme").nothing


@EVERY
def test_new_limits_come_with_one_restart_which_the_preview_tells(stage: Stage, kind: str):
    running(stage, of_kind(kind))
    row = stage.twins.target.app("db")
    before = {c.id for c in row.containers if c.wanted == "running"}
    preview = stage.desk.preview(ME, "acme", more_memory())
    assert any("restart" in words for words in preview.warnings)
    done(stage, more_memory())
    assert ran(stage) == ["db.settings", "db.restart"]
    assert row.applied == ("1073741824", None)
    live = [c for c in row.containers if c.wanted == "running"]
    assert len(live) == 1
    assert live[0].id not in before
    assert stage.desk.preview(ME, "acme").nothing


@EVERY
def test_it_is_stopped_woken_and_torn_down(stage: Stage, kind: str):
    running(stage, of_kind(kind))
    target = stage.twins.target
    done(stage, Wish(action=SUSPEND, with_database=True))
    assert target.app("db").containers == []
    done(stage, Wish(action=UNSUSPEND))
    assert any(c.state == "running" for c in target.app("db").containers)
    volume = f"{target.app('db').seen.app_name}-data"
    done(stage, Wish(action=TEARDOWN))
    assert not target.apps
    assert not target.orphans
    assert target.volume_names == [volume]
    certificate = stage.step_of_latest("teardown.certify")
    assert certificate.details["volumes"] == [volume]


@pytest.mark.parametrize("kind", IMAGE_KINDS)
@pytest.mark.parametrize("point", ["after_claim", "before_call", "after_call", "before_commit"])
def test_a_restart_survives_the_death_of_its_worker(stage: Stage, kind: str, point: str):
    running(stage, of_kind(kind))
    stage.desk.deploy(ME, "acme", wish=more_memory())
    Deaths(stage, point).play()
    assert stage.deployment().status == "succeeded", stage.deployment().summary
    row = stage.twins.target.app("db")
    assert row.applied[0] == "1073741824"
    assert stage.twins.target.calls["reload_application"] == 1
    assert (row.replicas, row.stop_first, len(row.mounts)) == (1, True, 1)


def test_a_failed_start_of_an_image_is_followed_by_a_resume(stage: Stage):
    stage.ready(of_kind("keydb"))
    stage.deploy()
    target = stage.twins.target
    target.looks_to_end = None
    stage.play()
    target.plan_builds(target.app("db").seen.id, "error", log="manifest unknown\n")
    target.looks_to_end = 1
    stage.finish()
    assert "manifest unknown" in stage.deployment().summary
    stage.desk.resume(ME, str(stage.deployment().public_id))
    stage.finish()
    assert stage.deployment().status == "succeeded"


@pytest.mark.parametrize(("old", "new"), [("keydb", "redis"), ("postgres", "clickhouse")])
def test_the_kind_cannot_change_under_tenants(stage: Stage, old: str, new: str):
    running(stage, of_kind(old))
    with pytest.raises(Invalid, match=f"tenants have databases of kind {old}"):
        stage.product(of_kind(new))
    gone = of_kind(old) | OUTSIDE_FIELDS
    with pytest.raises(Invalid, match="tenants have databases"):
        stage.product(gone)


OUTSIDE_FIELDS = {
    name: OUTSIDE[name] for name in ("db_required", "db_type", "db_url_secret", "secrets")
}


def test_a_new_minor_version_is_rolled_out_and_a_major_one_is_refused(stage: Stage):
    running(stage, of_kind("postgres") | {"db_image": "postgres:17.5"})
    stage.product(of_kind("postgres") | {"db_image": "postgres:17.6"})
    assert "db" in stage.desk.preview(ME, "acme").differing
    done(stage, Wish())
    assert stage.twins.target.app("db").wish.image == "postgres:17.6"  # type: ignore[union-attr]
    assert stage.desk.preview(ME, "acme").nothing
    with pytest.raises(Invalid, match="needs a migration"):
        stage.product(of_kind("postgres") | {"db_image": "postgres:18.0"})


# A database outside

URL = "postgresql://u:Passw0rdOutside@db.supabase.example:5432/postgres"


def with_url(stage: Stage, value: str) -> None:
    def act(session: Any) -> None:
        product = templates.find(session, "stacked")
        secrets.put(session, ME, stage.desk.secrets, "database_url", value, project_id=product.id)

    stage.desk.do(act)


def test_a_database_outside_is_a_url_and_no_step(stage: Stage):
    stage.ready(OUTSIDE)
    with pytest.raises(Invalid, match="has no value yet"):
        stage.deploy()
    with_url(stage, URL)
    stage.deploy()
    stage.finish()
    assert stage.deployment().status == "succeeded"
    assert not [key for key in ran(stage) if key.startswith("db.")]
    assert URL in url_in(stage, "shop")
    assert "Passw0rdOutside" not in everything_stored(stage)
    with_url(stage, URL + "2")
    assert stage.desk.preview(ME, "acme").differing == {"shop": ("environment",)}


def test_of_a_database_outside_only_the_url_is_known(stage: Stage):
    env = {"DATABASE_URL": "${DATABASE_URL}", "H": "${DATABASE_HOST}"}
    with pytest.raises(Invalid, match="does not exist"):
        stage.product(OUTSIDE | {"services": [STACK | {"env": env}]})
    stage.product(OUTSIDE)
    with pytest.raises(Invalid, match="does not exist"):
        stage.tenant("beta", "stacked", env={"H": "${DATABASE_PASSWORD}"})
    stage.tenant("beta", "stacked", env={"H": "${DATABASE_URL}"})


def test_a_tenant_leaves_also_when_the_url_is_gone(stage: Stage):
    stage.product(OUTSIDE)
    with_url(stage, URL)
    running(stage, OUTSIDE)
    stage.desk.do(lambda session: session.execute(delete(IntegrationSecret)))
    done(stage, Wish(action=TEARDOWN))
    assert not stage.twins.target.apps


# Stacks, whole


def test_a_stack_lives_through_its_years(stage: Stage):
    running(stage, STACKED)
    target = stage.twins.target
    own = stage.service_row("shop")
    assert own.app_id is None
    assert own.compose_id == target.services("compose")[0].id
    assert stage.desk.preview(ME, "acme").nothing
    changed = STACK | {"compose_file": STACK["compose_file"].replace("1.0}", "2.0}")}
    stage.product(STACKED | {"services": [changed]})
    done(stage, Wish())
    assert [k for k in ran(stage) if k.startswith("service.")] == [
        "service.shop.create",
        "service.shop.file_set",
        "service.shop.deploy",
        "service.shop.wait_deploy",
    ]
    assert "2.0}" in target.app("shop").file
    done(stage, Wish(action=SUSPEND))
    assert target.app("shop").containers == []
    done(stage, Wish(action=UNSUSPEND))
    assert len([c for c in target.app("shop").containers if c.state == "running"]) == 2
    target.stack_lingers = True
    stage.desk.deploy(ME, "acme", wish=Wish(action=TEARDOWN))
    stage.play()
    assert "still runs" in stage.step_of_latest("service.shop.remove").message
    target.orphans.clear()
    stage.finish()
    assert stage.deployment().status == "succeeded", stage.deployment().summary
    with stage.desk.reading() as session:
        assert tenants.find(session, "acme", away=True).status == "archived"


def test_a_stack_goes_back_to_the_file_of_then(stage: Stage):
    running(stage, STACKED)
    first, before = str(stage.deployment().public_id), stage.twins.target.app("shop").file
    changed = STACK | {"compose_file": STACK["compose_file"].replace("1.0}", "2.0}")}
    stage.product(STACKED | {"services": [changed]})
    done(stage, Wish())
    with stage.desk.reading() as session:
        back = rollbacks.prepare(session, tenants.find(session, "acme"), first)
    done(stage, back.wish)
    assert stage.twins.target.app("shop").file == before


def test_a_restart_of_a_stack_replaces_every_container(stage: Stage):
    running(stage, STACKED)
    before = {c.id for c in stage.twins.target.app("shop").containers}
    done(stage, Wish(action="restart"))
    after = {c.id for c in stage.twins.target.app("shop").containers}
    assert len(after) == 2
    assert after.isdisjoint(before)


def test_a_running_service_does_not_turn_from_a_stack_into_an_application(stage: Stage):
    running(stage, STACKED)
    plain = {"name": "shop", "service_type": "frontend", "image": "acme/shop:1.0"}
    with pytest.raises(Invalid, match="as a compose stack"):
        stage.product(STACKED | {"services": [plain]})
    stage.product(STACKED | {"services": [plain | {"name": "shop-two"}]})


def test_variables_that_reach_nothing_are_told_before_the_click(stage: Stage):
    lost = STACK | {"env": STACK["env"] | {"LOST": "1"}}
    stage.ready(STACKED | {"services": [lost]})
    warnings = stage.desk.preview(ME, "acme").warnings
    assert any("LOST" in words and "reach nothing" in words for words in warnings)
