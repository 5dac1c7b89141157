"""What only the twin can be told to do, and the quirks of a target after the first day."""

import pytest

from tenantry.errors import Permanent
from tenantry.planning.limits import Limits
from tenantry.planning.sources import GitSource
from tenantry.ports import DatabaseWish, Running
from tests.twins import TargetTwin

FILE = "services:\n  web:\n    image: nginx\n"


@pytest.fixture
def twin():
    return TargetTwin(looks_to_end=None)


@pytest.fixture
def environment(twin):
    return twin.create_project("tenant-acme", "tenantry:t1").environment_id


@pytest.fixture
def app(twin, environment):
    made = twin.create_application(environment, "web", "acme-web", "tenantry:s1", None)
    twin.attach_git(made.id, GitSource("https://g.example/x.git", "main"))
    return made


def test_a_build_that_runs_brings_a_deleted_application_back(twin, app):
    twin.trigger_build(app.id, "ours", "")
    twin.start_builds()
    twin.delete_application(app.id)
    assert twin.application(app.id) is None
    assert list(twin.node_apps(None)) == []
    assert [q.state for q in twin.queue()] == ["active"]
    twin.finish_builds()
    assert [a.name for a in twin.node_apps(None)] == [app.app_name]
    assert len(twin.containers(app.app_name, None)) == 1


def test_an_orphaned_build_ends_by_looks_at_the_engine(environment):
    twin = TargetTwin(looks_to_end=1)
    place = twin.create_project("p", "m").environment_id
    app = twin.create_application(place, "web", "acme-web", "m", None)
    twin.trigger_build(app.id, "ours", "")
    twin.builds(app.id)
    twin.delete_application(app.id)
    assert list(twin.containers(app.app_name, None)) != []


def test_what_waits_goes_with_its_application_and_by_itself(twin, app):
    for _ in range(2):
        twin.trigger_build(app.id, "ours", "")
    twin.drop_waiting_builds(app.id)
    assert list(twin.queue()) == []
    twin.trigger_build(app.id, "ours", "")
    twin.delete_application(app.id)
    assert list(twin.queue()) == []


def test_a_project_goes_and_what_is_in_it_runs_on(twin, app):
    twin.trigger_build(app.id, "ours", "")
    twin.finish_builds()
    (project,) = twin.projects()
    twin.delete_project(project.id)
    assert twin.application(app.id) is None
    assert [a.name for a in twin.node_apps(None)] == [app.app_name]


def test_a_schedule_fires_on_when_its_application_is_gone(twin, app):
    made = twin.schedule(app.id)
    twin.delete_application(app.id)
    assert list(twin.schedules_of(app.id)) == []
    twin.delete_schedule(made.id)
    assert made.id in twin.schedule_rows
    with pytest.raises(Permanent):
        twin.enable_schedule(made, enabled=False)


def test_a_rollback_makes_no_row_and_belongs_to_a_run(twin, app):
    twin.app("web").rollback = True
    twin.plan_builds(app.id, "error")
    twin.trigger_build(app.id, "ours", "")
    twin.finish_builds()
    (run,) = twin.builds(app.id)
    assert run.rollback_id
    twin.roll_back(run.rollback_id)
    assert twin.rolled_back == [run.rollback_id]
    assert len(twin.builds(app.id)) == 1


def test_what_is_replaced_keeps_its_name_behind_a_mark(twin, app):
    for _ in range(3):
        twin.trigger_build(app.id, "ours", "")
        twin.finish_builds()
    names = [c.name for c in twin.containers(app.app_name, None)]
    assert names == [f"{app.app_name}.1", *[f"\\_ {app.app_name}.1"] * 2]
    assert len(twin.container_times(app.app_name, None)) == 1
    twin.away.add("twin")
    assert twin.container_times(app.app_name, None) == {}


def test_a_stop_of_a_silent_engine_is_answered_and_changes_nothing(twin, app):
    twin.trigger_build(app.id, "ours", "")
    twin.finish_builds()
    twin.engine_silent = True
    twin.stop_application(app.id)
    twin.engine_silent = False
    assert twin.application_status(app.id) == "idle"
    assert [c.state for c in twin.containers(app.app_name, None)] == ["running"]


def test_limits_of_a_database_come_with_a_deploy_only(twin, environment):
    wish = DatabaseWish("postgres", "db", "acme-db", "m", "acme", "bob", "pw", "postgres:17")
    made = twin.create_database(environment, wish, None)
    twin.deploy_database("postgres", made.id, deadline=1)
    twin.configure_database("postgres", made.id, Limits(0.5, 512))
    twin.stop_database("postgres", made.id)
    twin.start_database("postgres", made.id)
    assert twin.app("db").applied == (None, None)
    twin.deploy_database("postgres", made.id, deadline=1)
    assert twin.app("db").applied == ("536870912", "500000000")


def test_scaling_comes_with_a_reload_only(twin, app):
    twin.trigger_build(app.id, "ours", "")
    twin.finish_builds()
    twin.configure_application(app.id, Running(replicas=3))
    assert twin.app("web").scale == 1
    twin.reload_application(app.id, app.app_name)
    assert twin.app("web").scale == 3


def test_jobs_of_stacks_are_in_the_queue_and_may_end_badly(twin, environment):
    stack = twin.create_compose(environment, "stack", "acme-stk", "m", None)
    twin.set_compose_file(stack.id, FILE)
    twin.plan_builds(stack.id, "error", log="no such network\n")
    twin.deploy_compose(stack.id, "ours", "words")
    assert [(q.app_id, q.state) for q in twin.queue()] == [(stack.id, "waiting")]
    twin.finish_builds()
    (run,) = twin.compose_builds(stack.id)
    assert (run.status, twin.compose(stack.id).status) == ("error", "error")
    assert "no such network" in twin.build_log(run.id, 10)
    twin.deploy_compose(stack.id, "ours", "words")
    twin.drop_waiting_runs(stack.id)
    assert list(twin.queue()) == []
