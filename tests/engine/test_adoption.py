"""A project that somebody made by hand becomes a tenant: marked, and nothing of it is touched."""

from dataclasses import replace
from typing import Any

import pytest

from tenantry.errors import Conflict, Invalid, NotFound, Permanent, Transient
from tenantry.models import TenantDomain
from tenantry.operations import (
    adoption,
    adoption_preview,
    drifting,
    found_projects,
    templates,
    tenants,
)
from tenantry.operations.adoption import Adoption
from tenantry.operations.found_projects import Found
from tenantry.operations.wishes import Wish
from tenantry.planning.actions import TEARDOWN
from tenantry.planning.adoption import PROJECT
from tenantry.planning.sources import Build, GitSource
from tenantry.ports import DatabaseWish, Running
from tests.engine.scenes import Deaths
from tests.engine.test_drift import look
from tests.stage import BACKEND, FRONTEND, ME, PRODUCT, Stage

DOMAIN = "delivery.example.com"
WITHOUT_SECRETS = PRODUCT | {
    "secrets": [],
    "services": [
        {k: v for k, v in BACKEND.items() if not k.startswith("internal")},
        FRONTEND,
    ],
}
EVERYTHING = (PROJECT, "backend", "frontend", "db")
WANTED = Adoption("dms", "acme", "Acme", db_name="shop", db_user="shop", password="Hunter2Hunter2")


def by_hand(stage: Stage, **frontend: Any) -> str:
    """What staff have clicked together; the id of the project."""
    target = stage.twins.target
    project = target.create_project("acme by hand", "since 2021")
    database = target.create_database(
        project.environment_id,
        DatabaseWish(
            "postgres",
            "db",
            "acme-db",
            "",
            "shop",
            "shop",
            "x",
            frontend.get("image", "postgres:17.6"),
        ),
        None,
    )
    target.deploy_database("postgres", database.id, deadline=1)
    host = database.app_name
    env = f"DATABASE_URL=postgresql://shop:Hunter2Hunter2@{host}:5432/shop"
    for name, number in (("backend", 1), ("frontend", 2)):
        made = target.create_application(project.environment_id, name, f"acme-{name}", "", None)
        source = GitSource(f"https://github.com/acme/{name}", "main")
        target.attach_git(made.id, source)
        target.set_build(made.id, Build())
        target.set_environment(made.id, env if number == 1 else frontend.get("env", ""))
        target.configure_application(made.id, Running(replicas=frontend.get("replicas", 1)))
        hosts = ["acme-backend"] if number == 1 else frontend.get("hosts", ["acme"])
        for label in hosts:
            full = label if "." in label else f"{label}.{DOMAIN}"
            target.create_domain(
                made.id, full, frontend.get("port", 3000), https=True, certificate="letsencrypt"
            )
        target.trigger_build(made.id, "by hand", "")
        target.start_builds()
    target.calls.clear()
    return project.id


def found_in(stage: Stage, project_id: str, **named: str) -> Found:
    with stage.desk.reading() as session:
        kinds = found_projects.kinds_of(templates.find(session, "dms"))
    return found_projects.look(stage.twins.target, project_id, kinds, named)


def take_over(stage: Stage, project_id: str, wanted: Adoption = WANTED) -> None:
    adoption.start(stage.desk, ME, wanted, found_in(stage, project_id))


def changed(stage: Stage) -> set[str]:
    reads = (
        "project projects application database_in_full compose schedules_of containers nodes "
        "projects_marked builds domains queue build_log"
    ).split()
    return set(stage.twins.target.calls) - set(reads)


@pytest.fixture
def port(stage: Stage) -> int:
    """The product, and the port that its services are reached at."""
    stage.product(WITHOUT_SECRETS)
    return 3000


def test_a_preview_says_what_is_written_and_what_differs(stage: Stage, port: int) -> None:
    project_id = by_hand(stage, port=port, replicas=3, env="COLOUR=red\nEXTRA=1")
    stage.product(
        WITHOUT_SECRETS
        | {"services": [WITHOUT_SECRETS["services"][0], FRONTEND | {"env": {"COLOUR": "blue"}}]}
    )
    found = found_in(stage, project_id)
    seen = adoption_preview.preview(stage.desk, ME, WANTED, found)
    assert len(seen.writes) == 4
    assert all("marker" in words for words in seen.writes)
    assert {(d.thing, d.field, d.ours, d.theirs) for d in seen.differing} == {
        ("backend", "replicas", "1", "3"),
        ("frontend", "replicas", "1", "3"),
    }
    words = " ".join(seen.notes)
    assert "remove EXTRA from its environment" in words
    assert "change COLOUR" in words
    assert "red" not in words
    assert changed(stage) == set()
    with pytest.raises(NotFound):
        stage.desk.preview(ME, "acme")


def test_a_take_over_writes_markers_and_nothing_else(stage: Stage, port: int) -> None:
    project_id = by_hand(stage, port=port)
    target = stage.twins.target
    containers = {row.seen.name: list(row.containers) for row in target.apps.values()}
    builds = {row.seen.name: len(row.history) for row in target.apps.values()}
    take_over(stage, project_id)
    stage.finish()
    assert stage.deployment().status == "succeeded", stage.deployment().summary
    assert stage.tenant_row().status == "running"
    assert changed(stage) == {"adopt"}
    assert target.calls["adopt"] == 4
    marker = stage.tenant_row().external_ref
    assert target.project_rows[project_id].description == f"{marker} since 2021"
    assert target.project_rows[project_id].name == "acme by hand"
    assert not target.app("backend").auto_deploy
    assert {row.seen.name: list(row.containers) for row in target.apps.values()} == containers
    assert {row.seen.name: len(row.history) for row in target.apps.values()} == builds
    # What was found is as the product says: nothing is left to do, and nothing has drifted.
    assert stage.desk.preview(ME, "acme").nothing
    assert look(stage) == []


def test_a_later_deployment_plans_only_what_really_differs(stage: Stage, port: int) -> None:
    project_id = by_hand(stage, port=port, env="COLOUR=red")
    take_over(stage, project_id)
    stage.finish()
    target = stage.twins.target
    first = target.app("frontend").seen.id
    preview = stage.desk.preview(ME, "acme")
    assert preview.differing == {"frontend": ("environment",)}
    assert [(thing, mover) for thing, _, mover in look(stage)] == [("frontend", "tenant")]
    target.set_environment(first, "COLOUR=green")
    assert ("frontend", "environment", "target") in look(stage)
    stage.desk.deploy(ME, "acme")
    stage.finish()
    assert stage.deployment().status == "succeeded", stage.deployment().summary
    assert target.app("frontend").seen.id == first
    assert target.app("frontend").dotenv == ""
    assert len(target.project_rows) == 1
    assert len(target.apps) == 3
    assert look(stage) == []


def test_hostnames_stay_as_they_are_found_and_are_reserved(stage: Stage, port: int) -> None:
    project_id = by_hand(stage, port=port, hosts=["shop.acme.org", "www.acme.org"])
    take_over(stage, project_id)
    stage.finish()
    assert stage.service_row("frontend").domain == "shop.acme.org"
    with stage.desk.reading() as session:
        held = {d.hostname: d.additional for d in session.query(TenantDomain)}
    assert held == {
        f"acme-backend.{DOMAIN}": False,
        "shop.acme.org": False,
        "www.acme.org": True,
    }
    assert look(stage) == [("frontend domain www.acme.org", "extra", "target")]
    other = by_hand(stage, port=port, hosts=["shop.acme.org"])
    with pytest.raises(Conflict, match="reserved for another tenant"):
        take_over(stage, other, replace(WANTED, subdomain="two"))
    with pytest.raises(NotFound):
        stage.desk.preview(ME, "two")


def test_an_unknown_password_fails_what_would_send_it_and_says_so(stage: Stage, port: int) -> None:
    project_id = by_hand(stage, port=port)
    wanted = replace(WANTED, password=None)
    seen = adoption_preview.preview(stage.desk, ME, wanted, found_in(stage, project_id))
    assert any("password is unknown" in words for words in seen.notes)
    take_over(stage, project_id, wanted)
    stage.finish()
    assert stage.deployment().status == "succeeded"
    assert stage.desk.preview(ME, "acme").differing == {"backend": ("environment",)}
    stage.desk.deploy(ME, "acme")
    stage.finish()
    assert stage.deployment().status == "failed"
    assert "db_password does not exist" in stage.deployment().summary
    assert "Hunter2" in str(stage.twins.target.app("backend").dotenv), "nothing was overwritten"


def test_nothing_is_taken_over_twice(stage: Stage, port: int) -> None:
    project_id = by_hand(stage, port=port)
    take_over(stage, project_id)
    for _ in range(2):
        with pytest.raises(Conflict, match="has this project"):
            take_over(stage, project_id, replace(WANTED, subdomain="two"))
        stage.finish()


def test_a_marker_of_somebody_else_is_respected(stage: Stage, port: int) -> None:
    project_id = by_hand(stage, port=port)
    row = stage.twins.target.app("backend")
    row.seen = replace(row.seen, description="tenantry:0190-of-another-house backend")
    with pytest.raises(Conflict, match="another house"):
        take_over(stage, project_id)


def test_a_copy_of_a_tenants_project_is_not_taken_for_another(stage: Stage, port: int) -> None:
    """A target's own "duplicate" copies descriptions, and with them our marker."""
    take_over(stage, by_hand(stage, port=port))
    stage.finish()
    copy = by_hand(stage, port=port, hosts=["copy.example.org"])
    target = stage.twins.target
    words = stage.tenant_row().external_ref
    target.project_rows[copy] = replace(target.project_rows[copy], description=words)
    with pytest.raises(Conflict, match="another tenant"):
        take_over(stage, copy, replace(WANTED, subdomain="two"))


@pytest.mark.parametrize(
    ("named", "words"),
    [
        ({"backend": "app-9999"}, "no service of the project"),
        ({"nothing": "x"}, "none of the product's services"),
        ({"backend": "db"}, "must be of kind application"),
    ],
)
def test_a_wrong_name_is_said_before_anything_is_stored(
    stage: Stage, port: int, named: dict[str, str], words: str
) -> None:
    project_id = by_hand(stage, port=port)
    database = stage.twins.target.app("db").seen.id
    wanted = {name: database if key == "db" else key for name, key in named.items()}
    with pytest.raises(Invalid, match=words):
        found_in(stage, project_id, **wanted)
    with pytest.raises(NotFound, match="no project"):
        found_in(stage, "prj-none")


def test_data_that_the_product_could_not_read_is_not_taken_over(stage: Stage, port: int) -> None:
    project_id = by_hand(stage, port=port, image="postgres:18.1")
    with pytest.raises(Conflict, match="written by postgres:18"):
        take_over(stage, project_id)


def test_until_it_is_marked_nothing_else_may_be_done_with_it(stage: Stage, port: int) -> None:
    project_id = by_hand(stage, port=port)
    stage.twins.target.fail("adopt", Permanent("HTTP 400: no"))
    take_over(stage, project_id)
    stage.finish()
    assert (stage.deployment().status, stage.tenant_row().status) == ("failed", "failed")
    for wish in (Wish(), Wish(action=TEARDOWN)):
        with pytest.raises(Conflict, match="being taken over"):
            stage.desk.deploy(ME, "acme", wish=wish)
    stage.desk.resume(ME, str(stage.deployment().public_id))
    stage.finish()
    assert stage.tenant_row().status == "running"


def test_giving_up_frees_the_names_and_touches_nothing(stage: Stage, port: int) -> None:
    project_id = by_hand(stage, port=port)
    target = stage.twins.target
    target.fail("adopt", Permanent("HTTP 400: no"), when="after", times=1)
    take_over(stage, project_id)
    stage.finish()
    assert stage.deployment().status == "failed"
    calls = target.calls.copy()

    def give_up(session: Any) -> None:
        adoption.give_up(session, ME, tenants.find(session, "acme"))

    stage.desk.do(give_up)
    assert target.calls == calls
    # Its marker is left on the project; it is known as ours, and replaced.
    take_over(stage, project_id)
    stage.finish()
    assert stage.deployment().status == "succeeded", stage.deployment().summary
    words = target.project_rows[project_id].description.split()
    assert len([w for w in words if w.startswith("tenantry:")]) == 1


def test_an_answer_that_is_lost_is_looked_at(shipped: Stage) -> None:
    stage = shipped
    stage.product(WITHOUT_SECRETS)
    project_id = by_hand(stage)
    target = stage.twins.target
    for _ in range(4):
        target.fail("adopt", Transient("wrong", outcome_known=False), when="after")
    take_over(stage, project_id)
    stage.finish()
    assert stage.deployment().status == "succeeded"
    assert target.calls["adopt"] == 4, "each was found written, and not written again"
    assert {s.intent_at for s in stage.steps()} == {None}


@pytest.mark.parametrize(
    "point",
    ["before_claim", "after_claim", "before_call", "after_call", "before_settle", "after_settle"],
)
def test_every_step_survives_the_death_of_its_worker(stage: Stage, point: str) -> None:
    stage.product(WITHOUT_SECRETS)
    project_id = by_hand(stage)
    take_over(stage, project_id)
    deaths = Deaths(stage, point)
    deaths.play()
    assert stage.deployment().status == "succeeded"
    assert changed(stage) == {"adopt"}
    assert stage.twins.target.calls["adopt"] == 4
    keys = {key.split("/")[0] for key in deaths.killed}
    assert {
        "adopt.project",
        "service.backend.adopt",
        "service.frontend.adopt",
        "db.adopt",
    } <= keys


def test_what_is_marked_already_is_not_written_again(stage: Stage, port: int) -> None:
    project_id = by_hand(stage, port=port)
    take_over(stage, project_id)
    stage.finish()
    target = stage.twins.target
    row = target.app("frontend")
    row.seen = replace(row.seen, description="lost")
    assert look(stage) == [("frontend", "marker", "target")]
    target.calls.clear()
    applied = stage.service_row("frontend").applied

    def wish(session: Any, tenant: Any) -> Wish:
        found = drifting.open_ones(session, tenant)
        return replace(drifting.revert(session, ME, tenant, found), marks=EVERYTHING)

    stage.desk.deploy(ME, "acme", wish=wish)
    stage.finish()
    assert stage.deployment().status == "succeeded", stage.deployment().summary
    assert target.calls["adopt"] == 1
    assert stage.service_row("frontend").applied == applied
    assert look(stage) == []
