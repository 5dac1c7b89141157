"""Drift on the small stage: what was really rolled out against what the target shows."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from tenantry.clock import utcnow
from tenantry.engine.drift import Auditor
from tenantry.errors import Conflict, Invalid, Permanent, TargetDown
from tenantry.models import AuditEntry, DriftFinding
from tenantry.models.dbtime import db_now
from tenantry.operations import drift_adoption, drifting, pending, scaling, tenants
from tenantry.operations.scaling import Scale
from tenantry.operations.wishes import Wish
from tenantry.planning.actions import SUSPEND, UNSUSPEND
from tenantry.planning.limits import Capabilities
from tenantry.planning.sources import Build, ImageSource, Volume
from tenantry.ports import MountSeen
from tests.stage import BACKEND, FRONTEND, IMAGE_ONLY, ME, PRODUCT, Stage
from tests.twins import TargetTwin

Plant = Callable[[TargetTwin], object]
VOLUME = {"name": "data", "path": "/data"}
PLAIN = IMAGE_ONLY["services"][0]
WORKER = {"name": "jobs", "service_type": "worker", "image": "acme/jobs:1"}
WITH_WORKER = IMAGE_ONLY | {"services": [PLAIN, WORKER]}


def auditor_of(stage: Stage) -> Auditor:
    wanted = pending.wanted_by(stage.desk.sessions, stage.desk.secrets)
    return Auditor(stage.engine, stage.ports, wanted)


def look(stage: Stage, *, thorough: bool = False) -> list[tuple[str, str, str]]:
    """(thing, field, mover) of what is found now."""
    seen = auditor_of(stage).tenant(stage.tenant_row().id, thorough=thorough)
    assert seen is not None
    return [(d.thing, d.field, d.mover) for d in seen.found]


def rows(stage: Stage, *states: str) -> list[DriftFinding]:
    with stage.desk.reading() as session:
        query = select(DriftFinding).order_by(DriftFinding.id)
        if states:
            query = query.where(DriftFinding.state.in_(states))
        return list(session.scalars(query))


def revert(stage: Stage) -> list[str]:
    """Puts everything that is open back; the keys of the steps that ran."""

    def wish(session: Any, tenant: Any) -> Wish:
        found = [drifting.find(session, str(row.public_id)) for row in rows(stage, "open")]
        return drifting.revert(session, ME, tenant, found)

    public_id = stage.desk.deploy(ME, "acme", wish=wish)
    stage.finish()
    assert stage.deployment().status == "succeeded", stage.deployment().summary
    return [s.step_key for s in stage.steps(public_id) if s.gates]


def adopt(stage: Stage) -> str:
    (row,) = rows(stage, "open")
    return stage.desk.do(
        lambda s: drift_adoption.adopt(s, ME, drifting.find(s, str(row.public_id)))
    )


@pytest.fixture
def up(stage: Stage) -> Stage:
    stage.ready().deploy()
    stage.finish()
    assert stage.deployment().status == "succeeded"
    return stage


def domain_of(target: TargetTwin, name: str) -> str:
    owner = target.app(name).seen.id
    return next(key for key, (app, _) in target.domain_rows.items() if app == owner)


def edit_domain(target: TargetTwin, **fields: Any) -> None:
    key = domain_of(target, "frontend")
    owner, seen = target.domain_rows[key]
    target.domain_rows[key] = owner, replace(seen, **fields)


def edit(name: str, **fields: Any) -> Plant:
    def act(target: TargetTwin) -> None:
        row = target.app(name)
        for field, value in fields.items():
            setattr(row, field, value)

    return act


def edit_seen(name: str, **fields: Any) -> Plant:
    def act(target: TargetTwin) -> None:
        row = target.app(name)
        row.seen = replace(row.seen, **fields)

    return act


def edit_git(**fields: Any) -> Plant:
    def act(target: TargetTwin) -> None:
        row = target.app("frontend")
        row.git = replace(row.git, **fields)

    return act


def lose_project_marker(target: TargetTwin) -> None:
    (found,) = target.project_rows.values()
    target.project_rows[found.id] = replace(found, description="mine")


def stop(name: str) -> Plant:
    return lambda target: target.stop_application(target.app(name).seen.id)


def stop_database(target: TargetTwin) -> None:
    target.stop_database("postgres", target.app("db").seen.id)


def second_domain(target: TargetTwin) -> None:
    _, seen = target.domain_rows[domain_of(target, "frontend")]
    app_id = target.app("frontend").seen.id
    target.create_domain(app_id, seen.host, seen.port or 0, https=True, certificate="letsencrypt")


FRONT = "frontend domain acme.delivery.example.com"
# What somebody does on the target, what is found of it, and the steps that put it back.
PLANTED: dict[str, tuple[Plant, tuple[str, str], tuple[str, ...]]] = {
    "replicas": (edit("frontend", replicas=4), ("frontend", "replicas"), ("settings", "reload")),
    "memory": (edit("frontend", memory="256m"), ("frontend", "memory"), ("settings", "reload")),
    "cpu": (edit("frontend", cpu="1"), ("frontend", "cpu"), ("settings", "reload")),
    "args": (edit("frontend", args=("x",)), ("frontend", "arguments"), ("settings", "reload")),
    "order": (edit("frontend", stop_first=True), ("frontend", "update order"), ("settings",)),
    "branch": (edit_git(branch="hack"), ("frontend", "branch"), ("git_attach", "deploy")),
    "url": (
        edit_git(url="https://me:tok@github.com/x/y"),
        ("frontend", "repository"),
        ("git_attach",),
    ),
    "path": (edit_git(build_path="/app"), ("frontend", "build path"), ("git_attach", "deploy")),
    "build": (
        edit("frontend", build=Build(type="static")),
        ("frontend", "build type"),
        ("build_config", "deploy"),
    ),
    "dockerfile": (
        edit("frontend", build=Build(dockerfile="Other")),
        ("frontend", "dockerfile"),
        ("build_config", "deploy"),
    ),
    "env": (edit("backend", dotenv="A=1"), ("backend", "environment"), ("env_set", "deploy")),
    "deploys": (
        edit("frontend", auto_deploy=True),
        ("frontend", "automatic deploys"),
        ("adopt",),
    ),
    "cache": (edit("frontend", fresh_build=True), ("frontend", "build cache"), ("cached_build",)),
    "marker": (edit_seen("frontend", description="x"), ("frontend", "marker"), ("adopt",)),
    "project": (lose_project_marker, ("the project", "marker"), ("adopt.project",)),
    "stopped": (stop("frontend"), ("frontend", "state"), ("settings", "reload")),
    "port": (lambda t: edit_domain(t, port=9), (FRONT, "port"), ("domains.create",)),
    "https": (lambda t: edit_domain(t, https=False), (FRONT, "https"), ("domains.create",)),
    "certificate": (
        lambda t: edit_domain(t, certificate="none"),
        (FRONT, "certificate"),
        ("domains.create",),
    ),
    "disabled": (lambda t: edit_domain(t, enabled=False), (FRONT, "router"), ("switch_on",)),
    "no domain": (
        lambda t: t.delete_domain(domain_of(t, "frontend")),
        (FRONT, "missing"),
        ("domains.create",),
    ),
    "two domains": (second_domain, (FRONT, "objects"), ("domains.create",)),
    "no service": (
        lambda t: t.delete_application(t.app("frontend").seen.id),
        ("frontend", "missing"),
        ("create", "git_attach", "build_config", "env_set", "deploy", "domains.create"),
    ),
    "marker of db": (edit_seen("db", description=""), ("db", "marker"), ("db.adopt",)),
    "db limits": (edit("db", memory="1"), ("db", "memory"), ("db.settings", "db.restart")),
    "db stopped": (stop_database, ("db", "state"), ("db.start",)),
}


@pytest.mark.parametrize(
    "document", [PRODUCT, IMAGE_ONLY, WITH_WORKER], ids=["whole", "image", "worker"]
)
def test_nothing_is_found_after_a_deployment_and_calls_are_counted(
    stage: Stage, document: Any
) -> None:
    stage.ready(document).deploy()
    stage.finish()
    before = stage.twins.target.calls.copy()
    assert look(stage) == []
    calls = stage.twins.target.calls - before
    databases = int(document["db_required"]) if "db_required" in document else 0
    assert calls["project"] == 1
    assert calls.total() == 1 + len(document["services"]) + databases
    assert stage.desk.preview(ME, "acme").nothing


@pytest.mark.parametrize("kind", PLANTED)
def test_each_kind_is_found_attributed_and_put_back(up: Stage, kind: str) -> None:
    plant, (thing, field), keys = PLANTED[kind]
    plant(up.twins.target)
    assert look(up) == [(thing, field, "target")]
    assert look(up) == [(thing, field, "target")]
    (row,) = rows(up)
    assert (row.state, row.thing, row.field) == ("open", thing, field)
    assert "tok@" not in row.theirs
    ran = revert(up)
    for key in keys:
        assert any(one == key or one.endswith(f".{key}") for one in ran), (key, ran)
    touched = {one.split(".")[1] for one in ran if one.startswith("service.")}
    assert touched <= {"backend" if kind == "env" else "frontend"}
    assert look(up) == []
    assert [row.state for row in rows(up)] == ["reverted"]


LEFT_ALONE: dict[str, tuple[Plant, tuple[str, str]]] = {
    "extra application": (
        lambda t: t.create_application(
            next(iter(t.project_rows.values())).environment_id, "theirs", "theirs", "", None
        ),
        ("application theirs", "extra"),
    ),
    "same name": (
        lambda t: t.create_application(
            next(iter(t.project_rows.values())).environment_id, "backend", "b", "", None
        ),
        ("application backend", "doubled"),
    ),
    "extra domain": (
        lambda t: t.create_domain(
            t.app("frontend").seen.id, "x.org", 80, https=False, certificate="none"
        ),
        ("frontend domain x.org", "extra"),
    ),
    "extra mount": (
        lambda t: t.app("frontend").mounts.append(MountSeen("m", "bind", "/etc", "/host")),
        ("frontend mount /host", "extra"),
    ),
    "rollback": (edit("frontend", rollback=True), ("frontend", "rollback")),
    "no database": (
        lambda t: t.remove_database("postgres", t.app("db").seen.id),
        ("db", "missing"),
    ),
    "no project": (
        lambda t: t.delete_project(next(iter(t.project_rows))),
        ("the project", "missing"),
    ),
    "schedule": (lambda t: t.schedule(t.app("frontend").seen.id), ("frontend schedule", "extra")),
}


@pytest.mark.parametrize("kind", LEFT_ALONE)
def test_what_no_step_puts_back_is_refused_with_the_reason(up: Stage, kind: str) -> None:
    plant, (thing, field) = LEFT_ALONE[kind]
    plant(up.twins.target)
    ((found, what, mover),) = look(up, thorough=True)
    assert found.startswith(thing)
    assert (what, mover) == (field, "target")
    with pytest.raises(Conflict, match=thing.partition(" (")[0]):
        revert(up)
    assert [row.state for row in rows(up)] == ["open"]
    # Nobody has to look thoroughly again for it to stay known.
    assert len(look(up)) == 1


def test_a_newer_product_and_own_settings_are_told_apart(up: Stage) -> None:
    up.product(PRODUCT | {"services": [BACKEND, FRONTEND | {"repo_branch": "next"}]})
    assert look(up) == [("frontend", "product: source", "product")]

    def store(session: Any) -> None:
        wanted = Scale("frontend", 3)
        scaling.store(session, ME, tenants.find(session, "acme"), wanted, Capabilities())

    up.desk.do(store)
    edit("frontend", memory="1")(up.twins.target)
    assert sorted(look(up)) == [
        ("frontend", "memory", "target"),
        ("frontend", "product: source", "product"),
        ("frontend", "tenant: replicas, limits and arguments", "tenant"),
    ]
    with pytest.raises(Conflict, match="nobody changed the target"):
        revert(up)
    up.desk.deploy(ME, "acme")
    up.finish()
    assert look(up) == []
    assert {row.state for row in rows(up)} == {"gone"}


def test_a_revert_runs_the_release_that_runs(up: Stage) -> None:
    up.product(PRODUCT | {"services": [BACKEND, FRONTEND | {"repo_branch": "next"}]})
    edit("frontend", replicas=4)(up.twins.target)
    auditor_of(up).tenant(up.tenant_row().id)

    def wish(session: Any, tenant: Any) -> Wish:
        found = [r for r in drifting.open_ones(session, tenant) if r.mover == "target"]
        return drifting.revert(session, ME, tenant, found)

    up.desk.deploy(ME, "acme", wish=wish)
    up.finish()
    assert up.twins.target.app("frontend").git.branch == "main"
    assert up.twins.target.app("frontend").replicas == 1
    assert look(up) == [("frontend", "product: source", "product")]


@pytest.mark.parametrize(
    ("plant", "words"),
    [
        (edit("frontend", replicas=4), "replicas of frontend is 4"),
        (edit("frontend", memory=str(1024 * 1024 * 1024)), "memory of frontend is 1024 MB"),
        (edit("frontend", cpu="1500000000"), "cpu of frontend is 1.5 cores"),
        (edit_git(branch="hotfix"), "branch of frontend is hotfix"),
    ],
    ids=["replicas", "memory", "cpu", "branch"],
)
def test_a_value_of_the_target_becomes_ours_and_nothing_is_left_to_do(
    up: Stage, plant: Plant, words: str
) -> None:
    plant(up.twins.target)
    assert len(look(up)) == 1
    assert words in adopt(up)
    assert look(up) == []
    assert up.desk.preview(ME, "acme").nothing
    assert [row.state for row in rows(up)] == ["adopted"]
    with up.desk.reading() as session:
        entry = session.scalars(
            select(AuditEntry).where(AuditEntry.action == "drift.adopted")
        ).one()
    assert entry.actor == ME.name


def test_an_image_of_the_target_becomes_ours(stage: Stage) -> None:
    stage.ready(IMAGE_ONLY).deploy()
    stage.finish()
    stage.twins.target.app("web").image = ImageSource("acme/tools:1.1")
    assert look(stage) == [("web", "image", "target")]
    adopt(stage)
    assert look(stage) == []
    assert stage.desk.preview(ME, "acme").nothing


@pytest.mark.parametrize(
    ("plant", "words"),
    [
        (edit("frontend", memory="256m"), "whole number of MB"),
        (edit("frontend", replicas=99), "from 0 to 50"),
        (edit("backend", dotenv="A=1"), "never read out"),
        (edit("frontend", args=("x",)), "belong to the product"),
        (edit("frontend", build=Build(type="static")), "belongs to the product"),
        (edit_seen("frontend", description=""), "revert it"),
        (lose_project_marker, "revert it"),
        (lambda t: edit_domain(t, port=9), "belongs to the product"),
        (LEFT_ALONE["extra domain"][0], "not proven"),
        (LEFT_ALONE["extra application"][0], "no part of any service"),
    ],
)
def test_what_cannot_become_ours_is_refused_with_the_reason(
    up: Stage, plant: Plant, words: str
) -> None:
    plant(up.twins.target)
    assert len(look(up)) == 1
    with pytest.raises((Conflict, Invalid), match=words):
        adopt(up)
    assert [row.state for row in rows(up)] == ["open"]
    assert up.service_row("frontend").target_replicas is None


def test_a_schedule_that_staff_call_right_is_known_until_it_changes(up: Stage) -> None:
    made = up.twins.target.schedule(up.twins.target.app("frontend").seen.id)
    assert len(look(up, thorough=True)) == 1
    adopt(up)
    assert look(up) == []
    row = up.twins.target.schedule_rows[made.id]
    row.seen = replace(row.seen, command="rm")
    assert [what for _, what, _ in look(up)] == ["schedule"]


def test_an_ignored_finding_is_quiet_until_its_date_or_another_change(up: Stage) -> None:
    edit("frontend", replicas=4)(up.twins.target)
    look(up)
    (row,) = rows(up)

    def ignore(until: Any) -> None:
        up.desk.do(lambda s: drifting.ignore(s, ME, drifting.find(s, str(row.public_id)), until))

    with pytest.raises(Invalid, match="lie ahead"):
        ignore(utcnow() - timedelta(days=1))
    ignore(utcnow() + timedelta(days=3))
    assert auditor_of(up).tenant(up.tenant_row().id).open == 0
    assert [r.state for r in rows(up)] == ["ignored"]
    edit("frontend", replicas=5)(up.twins.target)
    assert auditor_of(up).tenant(up.tenant_row().id).open == 1
    ignore(utcnow() + timedelta(days=3))
    with up.engine.begin() as conn:
        conn.execute(update(DriftFinding).values(ignored_until=db_now(-5)))
    assert auditor_of(up).tenant(up.tenant_row().id).open == 1
    assert len(rows(up)) == 1


def test_silence_opens_and_closes_nothing(up: Stage) -> None:
    edit("frontend", replicas=4)(up.twins.target)
    look(up)
    target = up.twins.target
    edit("frontend", replicas=1)(target)
    for trouble in (TargetDown("away"), Permanent("HTTP 403")):
        target.fail("application", trouble)
        assert auditor_of(up).tenant(up.tenant_row().id) is None
        target.mend()
    assert [row.state for row in rows(up)] == ["open"]
    stop("frontend")(target)
    target.engine_silent, target.node_names = True, []
    assert look(up) == []


def test_the_rest_of_a_silent_target_is_left_for_the_next_round(up: Stage) -> None:
    up.tenant("two")
    up.deploy("two")
    up.finish()
    up.twins.target.calls.clear()
    up.twins.target.fail("project", TargetDown("away"), times=9)
    assert auditor_of(up).recent(3600) == 0
    assert up.twins.target.calls["project"] == 1


def test_a_deployment_under_way_or_in_between_makes_the_look_void(up: Stage) -> None:
    edit("frontend", replicas=4)(up.twins.target)
    plain = auditor_of(up)

    def meanwhile(tenant_id: int) -> Any:
        up.deploy()
        return plain.wanted(tenant_id)

    assert replace(plain, wanted=meanwhile).tenant(up.tenant_row().id) is None
    assert plain.tenant(up.tenant_row().id) is None
    assert rows(up) == []
    up.finish()


def test_what_a_failed_deployment_left_behind_is_no_drift(up: Stage) -> None:
    target = up.twins.target
    up.product(PRODUCT | {"services": [BACKEND, FRONTEND | {"repo_branch": "next"}]})
    target.plan_builds(target.app("frontend").seen.id, "error")
    up.desk.deploy(ME, "acme")
    up.finish()
    assert up.deployment().status == "failed"
    assert target.app("frontend").git.branch == "next"
    assert look(up) == [("frontend", "product: source", "product")]
    edit_git(branch="third")(target)
    assert ("frontend", "branch", "target") in look(up)


def test_a_suspended_tenant_rests_as_it_should(up: Stage) -> None:
    schedule = up.twins.target.schedule(up.twins.target.app("frontend").seen.id)
    up.desk.deploy(ME, "acme", wish=Wish(action=SUSPEND))
    up.finish()
    assert look(up) == []
    up.twins.target.enable_schedule(schedule, enabled=True)
    edit_seen("backend", status="done")(up.twins.target)
    found = look(up)
    assert ("backend", "state", "target") in found
    assert (f"frontend paused schedule {schedule.id}", "enabled", "target") in found
    edit_seen("backend", status="idle")(up.twins.target)
    up.twins.target.enable_schedule(schedule, enabled=False)
    up.desk.deploy(ME, "acme", wish=Wish(action=UNSUSPEND))
    up.finish()
    assert [what for _, what, _ in look(up)] == ["extra"], "the schedule is somebody's own"


def test_volumes_are_looked_at(stage: Stage) -> None:
    stage.ready(IMAGE_ONLY | {"services": [PLAIN | {"volumes": [VOLUME]}]}).deploy()
    stage.finish()
    assert look(stage) == []
    row = stage.twins.target.app("web")
    kept, row.mounts = row.mounts, []
    assert look(stage) == [("web mount /data", "missing", "target")]
    assert "service.web.mount" in revert(stage)
    assert look(stage) == []
    row.mounts = [replace(kept[0], source="other")]
    assert look(stage) == [("web mount /data", "source", "target")]
    assert Volume(**VOLUME)


def test_foreign_projects_are_told_once_and_closed_when_gone(up: Stage) -> None:
    auditor, target = auditor_of(up), up.twins.target
    assert auditor.foreign("main") == 0
    ours = next(iter(target.project_rows.values()))
    target.create_project("theirs", "")
    target.create_project(ours.name, "a copy")
    assert auditor.everything() == 2
    assert sorted((r.field, r.tenant_id) for r in rows(up)) == [("doubled", None), ("extra", None)]
    target.fail("projects", TargetDown("away"))
    assert auditor.foreign("main") is None
    for project in list(target.project_rows.values()):
        if project.id != ours.id:
            target.delete_project(project.id)
    assert auditor.foreign("main") == 0
    assert {row.state for row in rows(up)} == {"gone"}


def test_a_project_that_a_deployment_is_making_is_not_foreign(stage: Stage) -> None:
    stage.ready()
    stage.twins.target.create_project("dms-acme", stage.tenant_row().external_ref)
    assert auditor_of(stage).foreign("main") == 0
