"""A tenant's life on the twin and on the stand-in server: both keep the same quirks."""

import pytest

from dokploy_simulator import Simulator
from tenantry.errors import Permanent, StepTrouble
from tenantry.planning.limits import Limits
from tenantry.planning.sources import GitSource, ImageSource, Volume
from tenantry.ports import (
    BackupWish,
    DatabaseWish,
    ImageSeen,
    RedirectSeen,
    Running,
    VolumeBackupWish,
)
from tests.adapters.levers import SimulatorLevers, TwinLevers, until

FILE = "services:\n  web:\n    image: nginx:1.27\n  worker:\n    image: nginx:1.27\n"
HALF = Limits(0.5, 512)


@pytest.fixture(params=["twin", "simulator"])
def levers(request):
    if request.param == "twin":
        yield TwinLevers()
        return
    with Simulator(speed=0) as simulator:
        found = SimulatorLevers(simulator)
        yield found
        found.close()


@pytest.fixture
def target(levers):
    return levers.target


@pytest.fixture
def project(target):
    return target.create_project("tenant-acme", "tenantry:t1 Acme")


@pytest.fixture
def app(target, project):
    made = target.create_application(
        project.environment_id, "web", "acme-web", "tenantry:s1 web", None
    )
    target.settle_application(made.id, Running())
    target.attach_git(made.id, GitSource("https://git.example.test/ok.git", "main"))
    return made


@pytest.fixture
def database(target, project):
    wish = DatabaseWish(
        "postgres", "db", "acme-db", "tenantry:s2 db", "acme", "bob", "Passw0rd", "postgres:17.2"
    )
    made = target.create_database(project.environment_id, wish, None)
    target.deploy_database("postgres", made.id, deadline=20)
    return made


@pytest.fixture
def stack(target, project):
    made = target.create_compose(
        project.environment_id, "stack", "acme-stk", "tenantry:s3 stack", None
    )
    target.set_compose_file(made.id, FILE)
    return made


def build(target, app):
    before = len(target.builds(app.id))
    target.trigger_build(app.id, "ours", "words")

    def ended():
        found = target.builds(app.id)
        return len(found) > before and found[0].status != "running" and found[0]

    return until(ended)


def deploy(target, stack):
    before = len(target.compose_builds(stack.id))
    target.deploy_compose(stack.id, "ours", "words")

    def ended():
        found = target.compose_builds(stack.id)
        return len(found) > before and found[0].status != "running" and found[0]

    return until(ended)


def up(target, app_name):
    """How many tasks run."""
    return sum(
        task.state == "running" and task.wanted == "running"
        for task in target.containers(app_name, None)
    )


def swarm(target, app_name):
    return next((app for app in target.node_apps(None) if app.name == app_name), None)


# Applications


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


# Databases


def test_a_database_in_full_and_its_limits(target, database):
    target.configure_database("postgres", database.id, HALF)
    seen = target.database_in_full("postgres", database.id)
    assert (seen.image, seen.memory, seen.cpu) == ("postgres:17.2", "536870912", "500000000")
    assert seen.volumes == (f"{database.app_name}-data",)
    assert (seen.backups, seen.external_port) == ((), None)


def test_a_database_stops_starts_and_leaves_its_volume(target, database):
    until(lambda: up(target, database.app_name) == 1)
    target.stop_database("postgres", database.id)
    until(lambda: up(target, database.app_name) == 0)
    assert target.database("postgres", database.id).status == "idle"
    target.start_database("postgres", database.id)
    until(lambda: up(target, database.app_name) == 1)
    assert target.database("postgres", database.id).status == "done"
    target.remove_database("postgres", database.id)
    target.remove_database("postgres", database.id)
    assert target.database_in_full("postgres", database.id) is None
    assert f"{database.app_name}-data" in target.volumes(None)


def test_starting_what_was_never_deployed_fails(target, project):
    wish = DatabaseWish("redis", "r", "acme-r", "tenantry:s4 r", "", "", "pw", "redis:7")
    made = target.create_database(project.environment_id, wish, None)
    with pytest.raises(StepTrouble):
        target.start_database("redis", made.id)


# Compose


def test_a_stack_is_stored_raw_and_nobody_deploys_it(target, stack):
    target.set_compose_environment(stack.id, "A=1")
    seen = target.compose(stack.id)
    assert (seen.file, seen.env, seen.stack, seen.auto_deploy) == (FILE, "A=1", True, False)
    assert list(target.compose_services(stack.id)) == ["web", "worker"]
    assert seen.status == "idle"


def test_a_stack_is_deployed_stopped_and_comes_back(target, stack):
    made = target.create_compose_domain(
        stack.id, "web", "s.demo.test", 80, https=False, certificate="none"
    )
    assert [(d.id, d.service) for d in target.compose_domains(stack.id)] == [(made.id, "web")]
    assert deploy(target, stack).status == "done"

    def names():
        tasks = target.compose_containers(stack.app_name, None)
        return {t.name.rpartition(".")[0] for t in tasks if t.state == "running"}

    both = {f"{stack.app_name}_web", f"{stack.app_name}_worker"}
    until(lambda: names() == both)
    assert {a.name for a in target.node_apps(None)} >= both
    target.stop_compose(stack.id)
    until(lambda: not names())
    assert target.compose(stack.id).status == "idle"
    deploy(target, stack)
    until(lambda: names() == both)
    target.delete_compose(stack.id)
    target.delete_compose(stack.id)
    assert target.compose(stack.id) is None
    assert list(target.compose_services(stack.id)) == list(target.compose_builds(stack.id)) == []


def test_a_deleted_stack_may_run_on(target, levers, stack):
    deploy(target, stack)
    name = f"{stack.app_name}_web"
    until(lambda: swarm(target, name) is not None)
    levers.linger()
    target.delete_compose(stack.id)
    assert target.compose(stack.id) is None
    assert swarm(target, name) is not None


# Backups


def wish_for(target, **more):
    (destination,) = target.destinations()
    given = {"prefix": "t1", "database": "acme", "schedule": "0 3 * * *", "keep": 2, **more}
    return BackupWish(destination.id, **given)


@pytest.fixture
def backup(target, database):
    target.create_backup("postgres", database.id, wish_for(target))
    return target.backups("postgres", database.id)[0]


def stored(target, backup, app_name):
    folder = f"{app_name}/{backup.wish.prefix}/"
    return list(target.backup_files(backup.wish.destination_id, folder))


def test_destinations_show_no_key(target):
    (destination,) = target.destinations()
    assert (destination.name, "hunter2" in repr(destination)) == ("store", False)


def test_a_stored_backup_is_seen_changed_and_removed(target, database, backup):
    assert backup.wish == wish_for(target)
    target.update_backup("postgres", backup.id, wish_for(target, keep=5, enabled=False))
    (seen,) = target.database_in_full("postgres", database.id).backups
    assert (seen.id, seen.wish.keep, seen.wish.enabled) == (backup.id, 5, False)
    target.create_backup("postgres", database.id, wish_for(target))
    target.create_backup("postgres", database.id, wish_for(target))
    assert len(target.backups("postgres", database.id)) == 3
    target.remove_backup(backup.id)
    target.remove_backup(backup.id)
    assert backup.id not in {b.id for b in target.backups("postgres", database.id)}


def test_runs_keep_so_many_files_for_a_prefix(target, database, backup):
    assert stored(target, backup, database.app_name) == []
    for _ in range(3):
        target.run_backup("postgres", backup.id, deadline=20)
    assert [r.status for r in target.backup_runs(backup.id)] == ["done"] * 3
    files = stored(target, backup, database.app_name)
    assert len(files) == 2
    assert all(f.path.startswith(f"{database.app_name}/t1/") for f in files)
    assert all(f.path.endswith(".sql.gz") and f.size for f in files)


def test_the_files_stay_when_the_database_goes(target, database, backup):
    target.run_backup("postgres", backup.id, deadline=20)
    target.remove_database("postgres", database.id)
    assert list(target.backups("postgres", database.id)) == []
    assert len(stored(target, backup, database.app_name)) == 1


def test_a_failed_run_says_nothing_of_the_storage(target, levers, database, backup):
    levers.fail_next(backup.id)
    with pytest.raises(Permanent, match="its log says why") as trouble:
        target.run_backup("postgres", backup.id, deadline=20)
    assert "hunter2" not in str(trouble.value)
    (run,) = target.backup_runs(backup.id)
    assert run.status == "error"
    assert "upload failed" in target.build_log(run.id, 100)
    assert stored(target, backup, database.app_name) == []


def test_a_stopped_database_cannot_be_backed_up(target, database, backup):
    target.stop_database("postgres", database.id)
    with pytest.raises(Permanent):
        target.run_backup("postgres", backup.id, deadline=20)
    (run,) = target.backup_runs(backup.id)
    assert "Container not found" in target.build_log(run.id, 100)


def test_a_restore_says_success_for_a_file_that_is_not_there(target, levers, database, backup):
    levers.data(database.id, "v1")
    target.run_backup("postgres", backup.id, deadline=20)
    (file,) = stored(target, backup, database.app_name)

    def restore(path):
        return target.restore(
            "postgres", database.id, "acme", backup.wish.destination_id, path, deadline=20
        )

    missing = restore("no/such.sql.gz")
    assert levers.restored_from(database.id) is None
    found = restore(file.path)
    assert levers.restored_from(database.id) == file.path
    assert missing[0] == found[0] == "Starting restore..."
    assert missing[-1] == found[-1] == "Restore completed successfully!"


def test_redis_cannot_be_backed_up(target, project):
    wish = DatabaseWish("redis", "r", "acme-r", "tenantry:s4 r", "", "", "pw", "redis:7")
    made = target.create_database(project.environment_id, wish, None)
    with pytest.raises(Permanent):
        target.create_backup("redis", made.id, wish_for(target))


def test_a_volume_backup_that_failed_is_answered_like_any_other(target, levers, app):
    target.create_volume(app.id, Volume("acme-data", "/data"))
    target.attach_image(app.id, ImageSource("nginx:1.27"))
    build(target, app)
    until(lambda: "acme-data" in target.volumes(None))
    (destination,) = target.destinations()
    wish = VolumeBackupWish("data", destination.id, "v", "acme-data", "0 5 * * *", 3)
    target.create_volume_backup("application", app.id, app.app_name, wish)
    (seen,) = target.volume_backups("application", app.id)
    assert seen.wish == wish
    levers.fail_next(seen.id)
    target.run_volume_backup(seen.id, deadline=20)
    target.run_volume_backup(seen.id, deadline=20)
    assert [r.status for r in target.volume_backup_runs(seen.id)] == ["done", "error"]
    (file,) = target.backup_files(destination.id, f"{app.app_name}/v/")
    assert file.path.startswith(f"{app.app_name}/v/acme-data-")
    target.remove_volume_backup(seen.id)
    target.remove_volume_backup(seen.id)
    assert list(target.volume_backups("application", app.id)) == []
    assert len(target.backup_files(destination.id, f"{app.app_name}/v/")) == 1
    target.create_volume_backup("application", app.id, app.app_name, wish)
    target.delete_application(app.id)
    assert list(target.volume_backups("application", app.id)) == []
