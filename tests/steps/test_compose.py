"""A compose stack: created, filled, deployed, routed, judged, stopped, woken and removed."""

from dataclasses import replace
from typing import Any

import pytest

from tenantry.errors import Permanent, Transient
from tenantry.planning.blueprint import EnvLayer
from tenantry.planning.sources import ComposeSource
from tenantry.steps.outcomes import Done, Outcome, Unhealthy, Wait
from tests.planning.blueprints import DATABASE, blueprint, service
from tests.steps.scene import Scene

FILE = """\
services:
  web: {image: "acme/web:1", environment: {DATABASE_URL: "${DATABASE_URL}"}}
  jobs: {image: "acme/jobs:1"}
"""
LOST = Transient("reset", outcome_known=False)
ENV = (
    EnvLayer("product", {"SHARED": "1"}),
    EnvLayer("service shop of the product", {"DATABASE_URL": "${DATABASE_URL}", "LOST": "1"}),
)
HOST = "acme.example.com"


@pytest.fixture
def scene() -> Scene:
    """A product with a stack and a database."""
    stack = service(
        "shop", git=None, compose=ComposeSource(FILE, "web"), hostname=HOST, env=ENV, port=80
    )
    return Scene(blueprint=blueprint(stack, database=DATABASE))


def claim(scene: Scene, deed: str) -> Outcome:
    key = deed if "." in deed else f"service.shop.{deed}"
    return scene.claim(key, "shop")


def play(scene: Scene, deed: str, most: int = 14) -> Done:
    for _ in range(most):
        outcome = claim(scene, deed)
        if isinstance(outcome, Done):
            return outcome
    raise AssertionError(f"{deed} never ends")


def filled(scene: Scene) -> Scene:
    """The stack is there, with its file, environment and domain."""
    scene.with_database()
    for deed in ("create", "file_set", "env_set", "domains.create"):
        claim(scene, deed)
    return scene


def deployed(scene: Scene) -> Scene:
    filled(scene)
    claim(scene, "deploy")
    play(scene, "wait_deploy")
    return scene


def with_file(scene: Scene, file: str, name: str = "web") -> None:
    spec = replace(scene.blueprint.services[0], compose=ComposeSource(file, name))
    scene.blueprint = replace(scene.blueprint, services=(spec,))


def only_database(scene: Scene) -> bool:
    return not scene.target.services() and len(scene.target.services("postgres")) == 1


# create


def test_a_stack_is_made_once_and_is_no_application(scene: Scene):
    scene.with_project()
    assert claim(scene, "create").details["how"] == "created"
    assert claim(scene, "create").details["how"] == "found"
    (made,) = scene.target.services("compose")
    assert scene.target.services() == []
    own = scene.services["shop"]
    assert (own.compose_id, own.app_id, own.app_name) == (made.id, None, made.app_name)


def test_a_lost_answer_leads_to_adoption(scene: Scene):
    scene.with_project()
    scene.target.fail("create_compose", LOST, "after")
    with pytest.raises(Transient):
        claim(scene, "create")
    claim(scene, "create")
    assert len(scene.target.services("compose")) == 1


def test_a_refused_stack_fails_in_the_words_of_the_target(scene: Scene):
    scene.with_project()
    scene.target.fail("create_compose", Permanent("It answered 400: no"))
    with pytest.raises(Permanent, match="400: no"):
        claim(scene, "create")


def test_a_stack_needs_a_project(scene: Scene):
    with pytest.raises(Permanent, match="no project"):
        claim(scene, "create")
    with pytest.raises(Permanent, match="was not created"):
        claim(scene, "file_set")


def test_doubles_that_never_ran_are_removed_and_others_left(scene: Scene):
    scene.with_project()
    target, environment = scene.target, scene.tenant.environment_id
    first = target.create_compose(environment, "shop", "x", "tenantry:shop Acme", None)
    second = target.create_compose(environment, "shop", "x", "tenantry:shop Acme", None)
    ran = target.create_compose(environment, "shop", "x", "tenantry:shop Acme", None)
    target.deploy_compose(ran.id, "by hand", "")
    target.start_builds()
    claim(scene, "create")
    assert scene.services["shop"].compose_id == first.id
    assert [s.id for s in target.services("compose")] == [first.id, ran.id]
    assert second.id not in target.apps


def test_one_with_volumes_that_is_gone_is_never_replaced_by_an_empty_one(scene: Scene):
    deployed(scene)
    scene.target.delete_compose(scene.services["shop"].compose_id)
    with_file(scene, "services: {web: {image: a, volumes: ['d:/d']}}\nvolumes: {d: {}}\n")
    with pytest.raises(Permanent, match="gone from the target"):
        claim(scene, "create")
    with_file(scene, FILE)
    assert claim(scene, "create").details["how"] == "created"


# file_set and env_set


def test_the_file_is_replaced_whole_and_automatic_deploys_are_off(scene: Scene):
    scene.with_project()
    claim(scene, "create")
    assert scene.app("shop").auto_deploy
    for _ in range(2):
        done = claim(scene, "file_set")
        assert done.message == "2 services: jobs, web"
    assert scene.app("shop").file == FILE
    assert not scene.app("shop").auto_deploy


def test_a_lost_answer_of_the_file_is_repaired_by_setting_it_again(scene: Scene):
    scene.with_project()
    claim(scene, "create")
    scene.target.fail("set_compose_file", LOST, "after")
    with pytest.raises(Transient):
        claim(scene, "file_set")
    claim(scene, "file_set")
    assert scene.app("shop").file == FILE


def test_a_refused_file_fails_in_the_words_of_the_target(scene: Scene):
    scene.with_project()
    claim(scene, "create")
    scene.target.fail("set_compose_file", Permanent("It answered 400: bad file"))
    with pytest.raises(Permanent, match="bad file"):
        claim(scene, "file_set")


def test_a_file_that_the_target_does_not_read_yet_is_asked_for_again(scene: Scene, monkeypatch):
    scene.with_project()
    claim(scene, "create")
    monkeypatch.setattr(scene.target, "compose_services", lambda key: [])
    with pytest.raises(Transient, match="does not list web"):
        claim(scene, "file_set")


def test_variables_that_reach_nothing_are_said(scene: Scene):
    filled(scene)
    assert "DATABASE_URL=postgresql://" in (scene.app("shop").dotenv or "")
    assert any("does not refer to LOST: " in line for line in scene.said("system"))


def test_the_internal_host_of_a_stack_names_its_service(scene: Scene):
    spec = scene.blueprint.services[0]
    layer = (EnvLayer("product", {"ME": "${SHOP_INTERNAL_HOST}"}),)
    scene.blueprint = replace(scene.blueprint, services=(replace(spec, env=layer),))
    filled(scene)
    row = scene.app("shop")
    assert f"{row.seen.app_name}_web" in (row.dotenv or "")


# deploy and wait_deploy


def test_it_is_deployed_once_and_followed_until_all_of_it_runs(scene: Scene):
    deployed(scene)
    row = scene.app("shop")
    assert len(row.history) == 1
    assert len(row.containers) == 2
    assert scene.facts["deployed"] is True
    assert scene.target.calls["trigger_build"] == 0


def test_a_deploy_whose_answer_is_lost_is_adopted(scene: Scene):
    filled(scene)
    scene.target.fail("deploy_compose", LOST, "after")
    with pytest.raises(Transient):
        claim(scene, "deploy")
    claim(scene, "deploy")
    play(scene, "wait_deploy")
    assert scene.target.calls["deploy_compose"] == 1


def test_a_queued_deploy_is_found_by_the_id_of_the_stack(scene: Scene):
    scene.target.looks_to_end = None
    filled(scene)
    claim(scene, "deploy")
    assert claim(scene, "wait_deploy").message == "Next in the target's queue"


def test_one_service_that_does_not_run_keeps_the_step_waiting(scene: Scene):
    scene.target.looks_to_end = None
    filled(scene)
    claim(scene, "deploy")
    scene.target.finish_builds()
    row = scene.app("shop")
    web, jobs = row.containers
    row.containers = [web, replace(jobs, state="starting")]
    waiting = claim(scene, "wait_deploy")
    assert isinstance(waiting, Wait)
    assert "does not run yet" in waiting.message
    row.containers = [web, jobs]
    assert isinstance(claim(scene, "wait_deploy"), Done)


def test_a_deploy_that_changes_nothing_ends_without_new_containers(scene: Scene, monkeypatch):
    deployed(scene)
    monkeypatch.setattr(scene.target, "run_container", lambda row: None)
    scene.steps.clear()
    claim(scene, "deploy")
    done = play(scene, "wait_deploy")
    assert "asked for a change" in done.message


# domains


def test_its_domain_leads_to_the_named_service_once(scene: Scene):
    filled(scene)
    assert claim(scene, "domains.create").details["how"] == "found"
    ((owner, domain),) = scene.target.domain_rows.values()
    assert owner == scene.services["shop"].compose_id
    assert (domain.host, domain.service, domain.port) == (HOST, "web", 80)
    assert scene.services["shop"].domain_id == domain.id


def test_a_lost_answer_of_a_domain_leads_to_adoption(scene: Scene):
    scene.with_project()
    claim(scene, "create")
    scene.target.fail("create_compose_domain", LOST, "after")
    with pytest.raises(Transient):
        claim(scene, "domains.create")
    claim(scene, "domains.create")
    assert len(scene.target.domain_rows) == 1


def test_a_domain_that_leads_to_another_service_is_replaced(scene: Scene):
    filled(scene)
    with_file(scene, FILE, "jobs")
    claim(scene, "domains.create")
    ((_, domain),) = scene.target.domain_rows.values()
    assert domain.service == "jobs"


def test_another_port_is_corrected_in_place(scene: Scene):
    filled(scene)
    spec = replace(scene.blueprint.services[0], port=8080)
    scene.blueprint = replace(scene.blueprint, services=(spec,))
    assert claim(scene, "domains.create").details["how"] == "corrected"
    ((_, domain),) = scene.target.domain_rows.values()
    assert (domain.port, domain.service) == (8080, "web")


def test_a_refused_domain_fails_in_the_words_of_the_target(scene: Scene):
    scene.with_project()
    claim(scene, "create")
    scene.target.fail("create_compose_domain", Permanent("It answered 400: bad host"))
    with pytest.raises(Permanent, match="bad host"):
        claim(scene, "domains.create")


# health


def hidden(scene: Scene) -> Scene:
    """Without a hostname, so that containers are judged."""
    spec = replace(scene.blueprint.services[0], hostname=None, service_type="worker")
    scene.blueprint = replace(scene.blueprint, services=(spec,))
    return scene


def test_a_stack_with_a_hostname_is_asked_there(scene: Scene):
    deployed(scene)
    claim(scene, "health.check")
    assert scene.twins.web.seen[-1].url == f"https://{HOST}/"


def test_one_without_is_judged_by_the_containers_of_its_named_service(scene: Scene):
    hidden(deployed(scene))
    assert "1 container running" in claim(scene, "health.check").message
    row = scene.app("shop")
    row.containers = [c for c in row.containers if "_jobs." in c.name]
    with pytest.raises(Unhealthy):
        claim(scene, "health.check")


# observe, stop, wake


def test_all_its_containers_are_counted(scene: Scene):
    deployed(scene)
    done = claim(scene, "observe")
    assert (done.message, scene.facts["running_replicas"]) == ("2 wanted, 2 running", 2)


def test_it_is_stopped_until_nothing_runs_and_woken_by_a_deploy(scene: Scene):
    deployed(scene)
    play(scene, "stop")
    assert scene.app("shop").containers == []
    play(scene, "stop")
    assert scene.target.calls["stop_compose"] == 1
    claim(scene, "wake")
    play(scene, "wait_wake")
    assert len(scene.app("shop").containers) == 2
    assert scene.target.calls["deploy_compose"] == 2


def test_a_lost_answer_of_a_stop_and_of_a_wake_leads_to_the_same_end(scene: Scene):
    deployed(scene)
    scene.target.fail("stop_compose", LOST, "after")
    with pytest.raises(Transient):
        claim(scene, "stop")
    play(scene, "stop")
    scene.target.fail("deploy_compose", LOST, "after")
    with pytest.raises(Transient):
        claim(scene, "wake")
    claim(scene, "wake")
    play(scene, "wait_wake")
    assert scene.target.calls["deploy_compose"] == 2


def test_a_silent_engine_is_no_proof_that_it_stopped(scene: Scene):
    deployed(scene)
    scene.target.engine_silent = True
    waiting = claim(scene, "stop")
    assert isinstance(waiting, Wait)
    assert "does not answer" in waiting.message


# remove


def test_it_is_removed_until_its_services_are_gone_too(scene: Scene):
    deployed(scene)
    scene.target.stack_lingers = True
    waiting = claim(scene, "remove")
    assert isinstance(waiting, Wait)
    assert "still runs" in waiting.message
    scene.target.orphans.clear()
    assert claim(scene, "remove").message == "The stack shop is removed"
    assert only_database(scene)


def test_removing_it_again_finds_nothing(scene: Scene):
    deployed(scene)
    claim(scene, "domains.remove")
    assert scene.target.domain_rows == {}
    claim(scene, "remove")
    scene.steps.clear()
    assert "gone already" in claim(scene, "remove").message


def test_a_lost_answer_of_a_removal_is_looked_at(scene: Scene):
    deployed(scene)
    scene.target.fail("delete_compose", LOST, "after")
    with pytest.raises(Transient):
        claim(scene, "remove")
    assert claim(scene, "remove").message == "The stack shop is removed"


def test_a_waiting_deploy_is_dropped_before_a_teardown(scene: Scene):
    scene.target.looks_to_end = None
    filled(scene)
    claim(scene, "deploy")
    scene.claim("teardown.wait_builds", None)
    assert scene.target.queue() == []
    assert scene.target.calls["drop_waiting_runs"] == 1


@pytest.mark.parametrize("deed", ["settings", "fresh_build", "cached_build"])
def test_what_a_stack_says_itself_is_skipped(scene: Scene, deed: str):
    deployed(scene)
    assert "compose" in claim(scene, deed).message


def test_nothing_that_is_kept_holds_the_environment(scene: Scene):
    deployed(scene)
    password = next(iter(scene.secrets.values()))
    kept: list[Any] = [scene.facts, scene.lines, [m.details for m in scene.steps.values()]]
    assert password not in str(kept)
    assert scene.secrets["db/db_password"] not in str(kept)
