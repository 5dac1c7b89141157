"""`service.<name>.create`, `.git_attach`, `.build_config` and `.env_set`."""

from dataclasses import replace

import pytest

from tenantry.errors import Invalid, Permanent, Transient
from tenantry.planning.blueprint import EnvLayer
from tests.planning.blueprints import IMAGE, blueprint, service
from tests.planning.dotenv_reader import read
from tests.steps.scene import PASSWORD, Scene

CREATE = "service.backend.create"
GIT = "service.backend.git_attach"
BUILD = "service.backend.build_config"
ENV = "service.backend.env_set"


def double(scene: Scene, description: str = "tenantry:backend Acme") -> str:
    made = scene.target.create_application(
        scene.tenant.environment_id, "backend", "dms-acme-backend", description, None
    )
    return str(made.id)


def test_an_application_is_made_once_with_automatic_deploys_off(scene: Scene):
    scene.with_project()
    assert scene.claim(CREATE, "backend").details["how"] == "created"
    assert scene.claim(CREATE, "backend").details["how"] == "found"
    row = scene.app()
    assert (row.auto_deploy, row.failure_action, row.args) == (False, "pause", ("serve",))
    assert row.seen.app_name.startswith("dms-acme-backend-")
    assert scene.services["backend"].app_id == row.seen.id
    assert scene.services["backend"].app_name == row.seen.app_name


def test_automatic_deploys_are_off_before_a_source_is_attached(scene: Scene):
    scene.blueprint = blueprint(service("backend", git=None, image=IMAGE))
    scene.with_project()
    scene.target.fail("attach_image", Transient("reset"))
    with pytest.raises(Transient):
        scene.claim(CREATE, "backend")
    assert not scene.app().auto_deploy
    scene.claim(CREATE, "backend")
    assert scene.app().image == IMAGE


@pytest.mark.parametrize("method", ["create_application", "settle_application"])
def test_a_lost_answer_leads_to_adoption(scene: Scene, method: str):
    scene.with_project()
    scene.target.fail(method, Transient("reset", outcome_known=False), "after")
    with pytest.raises(Transient):
        scene.claim(CREATE, "backend")
    assert scene.claim(CREATE, "backend").details["how"] == "found"
    assert len(scene.target.services()) == 1


def test_a_double_with_our_marker_that_was_never_built_is_removed(scene: Scene):
    scene.with_app()
    extra = double(scene)
    scene.claim(CREATE, "backend")
    assert extra not in scene.target.apps
    assert [s.id for s in scene.target.services()] == [scene.services["backend"].app_id]


def test_a_double_that_was_built_is_left_alone_and_told_of(scene: Scene):
    scene.with_app()
    extra = double(scene)
    scene.target.trigger_build(extra, "by hand", "")
    scene.target.finish_builds()
    scene.claim(CREATE, "backend")
    assert extra in scene.target.apps
    assert any(extra in line and "left alone" in line for line in scene.said("system"))


@pytest.mark.parametrize("description", ["", "tenantry:backend2 x", "xtenantry:backend", "Acme"])
def test_foreign_applications_are_never_touched(scene: Scene, description: str):
    scene.with_project()
    other = double(scene, description)
    before = replace(scene.target.apps[other].seen)
    scene.claim(CREATE, "backend")
    scene.claim(CREATE, "backend")
    assert scene.target.apps[other].seen == before
    assert scene.target.apps[other].auto_deploy
    assert scene.target.calls["delete_application"] == 0


def test_without_a_project_nothing_is_made(scene: Scene):
    with pytest.raises(Permanent, match="no project"):
        scene.claim(CREATE, "backend")
    assert scene.target.calls["create_application"] == 0


def test_an_application_that_is_not_listed_yet_is_looked_for_again(scene: Scene, monkeypatch):
    scene.with_project()
    monkeypatch.setattr(scene.target, "project", lambda project_id: None)
    with pytest.raises(Transient, match="not listed yet"):
        scene.claim(CREATE, "backend")
    monkeypatch.undo()
    assert scene.claim(CREATE, "backend").details["how"] == "found"


def test_repository_and_build_are_sent_whole_and_may_be_repeated(scene: Scene):
    scene.with_app()
    for _ in range(2):
        scene.claim(GIT, "backend")
        scene.claim(BUILD, "backend")
    spec = scene.blueprint.service("backend")
    assert spec is not None
    assert scene.app().git == spec.git
    assert scene.app().build == spec.build
    assert scene.facts["git_attached"]
    assert scene.facts["build_configured"]


def test_an_image_has_no_repository_to_attach(scene: Scene):
    scene.blueprint = blueprint(service("backend", git=None, image=IMAGE))
    scene.with_app()
    with pytest.raises(Permanent, match="no repository"):
        scene.claim(GIT, "backend")


@pytest.mark.parametrize("key", [GIT, BUILD, ENV])
def test_settings_need_an_application(scene: Scene, key: str):
    with pytest.raises(Permanent, match="was not created"):
        scene.claim(key, "backend")


@pytest.mark.parametrize("key", [CREATE, GIT, BUILD, ENV])
def test_a_refusal_of_the_target_is_permanent_and_changes_nothing_of_ours(scene: Scene, key: str):
    scene.with_database().with_app()
    known = scene.services["backend"]
    for method in ("settle_application", "attach_git", "set_build", "set_environment"):
        scene.target.fail(method, Permanent("It answered 403: not yours"))
    with pytest.raises(Permanent, match="not yours"):
        scene.claim(key, "backend")
    assert scene.services["backend"] == known


def test_the_environment_is_filled_in_and_replaced_as_a_whole(scene: Scene):
    scene.with_database().with_app()
    done = scene.claim(ENV, "backend")
    host = scene.services["db"].app_name
    assert read(scene.app().dotenv or "") == {
        "DATABASE_URL": f"postgresql://t_acme:{PASSWORD}@{host}:5432/t_acme",
        "TOKEN": "tok-12345678",
    }
    assert done.message == "2 variables set"
    assert done.details["sources"] == {"DATABASE_URL": "product", "TOKEN": "product"}
    assert PASSWORD not in str(done)
    assert "tok-12345678" not in str(done)


def test_the_fingerprint_changes_with_the_environment_only(scene: Scene):
    scene.with_database().with_app()
    prints = []
    for token in ("one-1234", "one-1234", "two-1234"):
        scene.secrets["setup_token"] = token
        scene.claim(ENV, "backend")
        prints.append(scene.facts["env_fingerprint"])
    assert prints[0] == prints[1] != prints[2]


def test_a_secret_is_opened_only_where_it_is_used(scene: Scene):
    scene.with_database().with_app("frontend")
    scene.opened.clear()
    scene.claim("service.frontend.env_set", "frontend")
    assert scene.opened == []


def test_every_documented_placeholder_has_its_value(scene: Scene):
    names = (
        "TENANT_ID TENANT_NAME TENANT_SUBDOMAIN BASE_DOMAIN PRIMARY_HOSTNAME PRIMARY_URL "
        "DATABASE_URL DATABASE_HOST DATABASE_PORT DATABASE_NAME DATABASE_USER DATABASE_PASSWORD "
        "BACKEND_HOSTNAME BACKEND_URL BACKEND_INTERNAL_HOST FRONTEND_URL SECRET_SETUP_TOKEN"
    ).split()
    layer = EnvLayer("product", {name: f"${{{name}}}" for name in names})
    scene.blueprint = replace(
        scene.blueprint,
        https=False,
        services=tuple(replace(s, env=(layer,)) for s in scene.blueprint.services),
    )
    scene.with_database().with_app()
    scene.claim(ENV, "backend")
    got = read(scene.app().dotenv or "")
    assert got["PRIMARY_URL"] == got["FRONTEND_URL"] == "http://acme.example.com"
    assert got["BACKEND_INTERNAL_HOST"] == scene.app().seen.app_name
    assert got["DATABASE_PASSWORD"] == PASSWORD
    assert got["TENANT_SUBDOMAIN"] == "acme"
    assert all(got[name] and "${" not in got[name] for name in names)


@pytest.mark.parametrize("name", ["FRONTEND_INTERNAL_HOST", "JOBS_URL", "SECRET_OTHER", "NO_SUCH"])
def test_a_placeholder_without_a_value_names_its_key_and_sends_nothing(scene: Scene, name: str):
    layer = EnvLayer("tenant", {"BAD": f"${{{name}}}"})
    scene.blueprint = replace(scene.blueprint, services=(service("backend", env=(layer,)),))
    scene.with_database().with_app()
    with pytest.raises(Invalid, match=r"env\.BAD"):
        scene.claim(ENV, "backend")
    assert scene.app().dotenv is None


def test_without_a_database_its_placeholders_have_no_value(scene: Scene):
    scene.blueprint = replace(scene.blueprint, database=None)
    scene.with_app()
    with pytest.raises(Invalid, match="DATABASE_URL"):
        scene.claim(ENV, "backend")


def test_before_the_database_has_a_host_its_url_has_no_value(scene: Scene):
    scene.with_app()
    with pytest.raises(Invalid, match="DATABASE_URL"):
        scene.claim(ENV, "backend")


def test_a_client_name_cannot_smuggle_a_reference_into_the_environment(scene: Scene):
    layer = EnvLayer("product", {"NAME": "${TENANT_NAME}"})
    scene.blueprint = replace(
        scene.blueprint,
        tenant_name="${{environment.DATABASE_PASSWORD}}",
        services=(service("backend", env=(layer,)),),
    )
    scene.with_app()
    with pytest.raises(Invalid, match="own reference"):
        scene.claim(ENV, "backend")
    assert scene.app().dotenv is None


def test_a_redis_database_has_neither_name_nor_user(scene: Scene):
    assert scene.blueprint.database is not None
    database = replace(scene.blueprint.database, kind="redis", image="redis:8.2.1")
    layer = EnvLayer("product", {"URL": "${DATABASE_URL}"})
    scene.blueprint = replace(
        scene.blueprint, database=database, services=(service("backend", env=(layer,)),)
    )
    scene.with_database().with_app()
    scene.claim(ENV, "backend")
    host = scene.services["db"].app_name
    assert read(scene.app().dotenv or "") == {"URL": f"redis://default:{PASSWORD}@{host}:6379"}
