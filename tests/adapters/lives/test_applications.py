"""Applications and projects on the twin and on the stand-in server: both keep the same quirks."""

import pytest

from tenantry.errors import Permanent
from tenantry.planning.limits import Limits
from tenantry.planning.sources import GitSource, Volume
from tenantry.ports import (
    ImageSeen,
    RedirectSeen,
    Running,
)
from tests.adapters.lives.levers import build, swarm, until, up

HALF = Limits(0.5, 512)


def test_settling_is_seen_in_full(target, app):
    running = Running(replicas=2, limits=HALF, args=("serve", "--port 80"), stop_first=True)
    target.configure_application(app.id, running)
    target.set_environment(app.id, "A=1")
    target.set_fresh_build(app.id, fresh=True)
    seen = target.application(app.id)
    assert (seen.id, seen.name, seen.app_name) == (app.id, "web", app.app_name)
    assert (seen.replicas, seen.memory, seen.cpu) == (2, "536870912", "500000000")
    assert (seen.args, seen.stop_first) == (("serve", "--port 80"), True)
    assert (seen.auto_deploy, seen.fresh_build, seen.rollback) == (False, True, False)
    assert (seen.git, seen.image, seen.source_type) == (
        GitSource("https://git.example.test/ok.git", "main"),
        None,
        "git",
    )
    assert seen.env == "A=1"
    target.configure_application(app.id, Running())
    seen = target.application(app.id)
    assert (seen.replicas, seen.memory, seen.cpu, seen.args, seen.stop_first) == (
        1,
        None,
        None,
        (),
        False,
    )


def test_scaling_is_stored_and_comes_with_a_reload(target, app):
    build(target, app)
    until(lambda: up(target, app.app_name) == 1)
    target.configure_application(app.id, Running(replicas=3))
    assert up(target, app.app_name) == 1
    target.reload_application(app.id, app.app_name)
    until(lambda: up(target, app.app_name) == 3)
    found = swarm(target, app.app_name)
    assert (found.running, found.wanted) == (3, 3)
    times = target.container_times(app.app_name, None)
    running = {t.id for t in target.containers(app.app_name, None) if t.state == "running"}
    assert set(times) == running
    assert all(t.started_at is not None for t in times.values())
    target.configure_application(app.id, Running(replicas=0))
    target.reload_application(app.id, app.app_name)
    until(lambda: swarm(target, app.app_name).wanted == 0)
    assert up(target, app.app_name) == 0


def test_a_stop_keeps_the_replicas_for_the_next_reload(target, app):
    target.configure_application(app.id, Running(replicas=2))
    build(target, app)
    until(lambda: up(target, app.app_name) == 2)
    target.stop_application(app.id)
    until(lambda: up(target, app.app_name) == 0)
    assert target.application_status(app.id) == "idle"
    assert target.application(app.id).replicas == 2
    target.reload_application(app.id, app.app_name)
    until(lambda: up(target, app.app_name) == 2)


def test_a_reload_of_what_was_never_built_is_accepted_and_runs_nothing(target, app):
    target.reload_application(app.id, app.app_name)
    assert up(target, app.app_name) == 0


def test_trap_52_a_silent_engine_is_no_absence(target, levers, app):
    build(target, app)
    until(lambda: up(target, app.app_name) == 1)
    levers.silence(silent=True)
    for read in (
        target.containers(app.app_name, None),
        target.nodes(None),
        target.node_apps(None),
        target.container_times(app.app_name, None),
        target.volumes(None),
        target.images(None),
    ):
        assert not read
    levers.silence(silent=False)
    assert target.nodes(None)
    assert up(target, app.app_name) == 1


def test_trap_46_a_deletion_leaves_the_volume_and_the_image(target, app):
    target.create_volume(app.id, Volume("acme-data", "/data"))
    (mount,) = target.application(app.id).mounts
    assert (mount.type, mount.source, mount.path) == ("volume", "acme-data", "/data")
    build(target, app)
    until(lambda: up(target, app.app_name) == 1)
    with pytest.raises(Permanent):
        target.remove_volume("acme-data", None)
    target.delete_application(app.id)
    target.delete_application(app.id)
    assert target.application(app.id) is None
    until(lambda: swarm(target, app.app_name) is None)
    assert "acme-data" in target.volumes(None)
    image = next(i for i in target.images(None) if i.repository == app.app_name)
    for _ in range(2):
        target.remove_volume("acme-data", None)
        target.remove_image(image, None)
    assert "acme-data" not in target.volumes(None)
    assert app.app_name not in {i.repository for i in target.images(None)}
    target.remove_image(ImageSeen("nope", "no/such", "1"), None)


def test_redirects(target, app):
    target.create_redirect(app.id, RedirectSeen("", "^/a", "/b", permanent=True))
    target.create_redirect(app.id, RedirectSeen("", "^/a", "/b", permanent=True))
    first, second = target.application(app.id).redirects
    assert (first.regex, first.replacement, first.permanent) == ("^/a", "/b", True)
    assert first.id != second.id
    target.delete_redirect(first.id)
    target.delete_redirect(first.id)
    assert [r.id for r in target.application(app.id).redirects] == [second.id]


def test_a_domain_is_switched_off_and_on_and_a_repeat_changes_nothing(target, app):
    made = target.create_domain(app.id, "a.demo.test", 80, https=True, certificate="none")
    assert made.enabled
    for enabled in (False, False, True, True):
        target.enable_domain(made.id, enabled=enabled)
        (seen,) = target.application(app.id).domains
        assert (seen.enabled, seen.port, seen.https) == (enabled, 80, True)


def test_schedules_are_listed_until_their_application_is_gone(target, levers, app):
    levers.schedule(app.id)
    (schedule,) = target.schedules_of(app.id)
    assert (schedule.name, schedule.cron, schedule.command, schedule.enabled) == (
        "nightly",
        "0 3 * * *",
        "true",
        True,
    )
    target.enable_schedule(schedule, enabled=False)
    (off,) = target.schedules_of(app.id)
    assert (off.enabled, off.command) == (False, "true")
    target.delete_schedule(schedule.id)
    target.delete_schedule(schedule.id)
    assert list(target.schedules_of(app.id)) == []
    levers.schedule(app.id)
    target.delete_application(app.id)
    assert list(target.schedules_of(app.id)) == []


def test_adoption_writes_and_changes_no_status(target, project, app, stack, database):
    target.adopt("project", project.id, "tenantry:t9 Acme")
    target.adopt("application", app.id, "tenantry:s9 web")
    target.adopt("compose", stack.id, "tenantry:s8 stack")
    target.adopt("postgres", database.id, "tenantry:s7 db")
    seen = target.project(project.id)
    assert seen.description == "tenantry:t9 Acme"
    assert {s.kind: s.description for s in seen.services} == {
        "application": "tenantry:s9 web",
        "compose": "tenantry:s8 stack",
        "postgres": "tenantry:s7 db",
    }
    assert not target.application(app.id).auto_deploy
    assert not target.compose(stack.id).auto_deploy
    assert target.database_in_full("postgres", database.id).status == "done"


def test_the_fleet_comes_without_descriptions(target, project, app, stack, database):
    target.create_project("empty", "nobody's")
    found = {p.id: p for p in target.projects()}
    assert len(found) == 2
    seen = found[project.id]
    assert (seen.environment_id, seen.description) == (project.environment_id, "tenantry:t1 Acme")
    assert {(s.kind, s.id, s.app_name) for s in seen.services} == {
        ("application", app.id, app.app_name),
        ("compose", stack.id, stack.app_name),
        ("postgres", database.id, database.app_name),
    }
    assert {s.description for s in seen.services} == {""}


def test_an_empty_project_goes_and_a_repeat_is_harmless(target, project):
    target.delete_project(project.id)
    target.delete_project(project.id)
    assert target.project(project.id) is None


def test_a_rollback_that_is_not_there_is_refused(target):
    with pytest.raises(Permanent):
        target.roll_back("no-such-rollback")
