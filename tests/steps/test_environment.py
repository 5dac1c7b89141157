"""`service.<name>.env_set` with sealed values, and the look whether the target still holds them."""

from dataclasses import replace

import pytest

from tenantry.errors import Invalid, Permanent
from tenantry.planning.blueprint import EnvLayer
from tenantry.steps.environment import KEYS, ORIGINS, check_environment
from tenantry.steps.outcomes import Done
from tests.planning.dotenv_reader import read
from tests.steps.scene import Scene

SENTINEL = "hunter2-sentinel"


def given(scene: Scene, *layers: EnvLayer) -> Scene:
    first, *others = scene.blueprint.services
    spec = replace(first, env=layers)
    scene.blueprint = replace(scene.blueprint, services=(spec, *others))
    return scene


@pytest.fixture
def scene() -> Scene:
    made = Scene(versions={"v1": f"{SENTINEL}-${{SECRET_SETUP_TOKEN}}", "v2": "two"}).with_app()
    return given(
        made,
        EnvLayer("product", {"A": "1", "B": "1"}),
        EnvLayer("tenant", {}, {"B": "v1", "C": "v2"}),
        EnvLayer("this deployment", {"C": "3"}),
    )


def put(scene: Scene) -> Done:
    done = scene.claim("service.backend.env_set", "backend")
    assert isinstance(done, Done)
    return done


def test_sealed_values_are_opened_where_they_hold_and_filled_in(scene: Scene):
    done = put(scene)
    assert read(scene.app().dotenv or "") == {
        "A": "1",
        "B": f"{SENTINEL}-tok-12345678",
        "C": "3",
    }
    # What is covered is not opened at all.
    assert "v2" not in scene.opened
    told = str([done.message, done.details, done.service, scene.lines])
    assert SENTINEL not in told
    assert done.details["sources"] == {"A": "product", "B": "tenant", "C": "this deployment"}


def test_no_other_step_opens_them(scene: Scene):
    put(scene)
    scene.opened.clear()
    for key in ("service.backend.deploy", "domains.create"):
        scene.claim(key, "backend")
    assert not {"v1", "v2"} & set(scene.opened)


def test_origins_change_with_the_version_and_with_secrets_referred_to(scene: Scene):
    given(
        scene,
        EnvLayer("product", {"REF": "${SECRET_SETUP_TOKEN}", "A": "1"}),
        EnvLayer("tenant", {}, {"B": "v1"}),
    )
    before = put(scene).service["applied"][ORIGINS]
    assert put(scene).service["applied"][ORIGINS] == before
    scene.blueprint = replace(scene.blueprint, secrets={"setup_token": "rotated"})
    scene.versions["v3"] = scene.versions["v1"]
    first, *others = scene.blueprint.services
    spec = replace(first, env=(first.env[0], EnvLayer("tenant", {}, {"B": "v3"})))
    scene.blueprint = replace(scene.blueprint, services=(spec, *others))
    after = put(scene).service["applied"]
    changed = {key for key in before if before[key] != after[ORIGINS][key]}
    assert changed == {"REF", "B"}
    assert set(after[KEYS]) == set(after[ORIGINS]) == {"REF", "A", "B"}


def test_a_change_on_the_target_names_the_keys_and_no_value(scene: Scene):
    put(scene)
    check_environment(scene.context("service.backend.wait_deploy", "backend"))
    scene.app().dotenv = f"A={SENTINEL}\nC=3\nADDED={SENTINEL}\n"
    with pytest.raises(Permanent) as trouble:
        check_environment(scene.context("service.backend.wait_deploy", "backend"))
    words = str(trouble.value)
    assert "changed: A; missing: B; added: ADDED" in words
    assert SENTINEL not in words


def test_a_change_of_mere_wording_is_said_as_that(scene: Scene):
    put(scene)
    scene.app().dotenv = f"# a comment\n{scene.app().dotenv}"
    with pytest.raises(Permanent, match="its wording differs"):
        check_environment(scene.context("service.backend.wait_deploy", "backend"))


def test_what_cannot_be_sent_is_refused_by_its_key(scene: Scene):
    scene.versions["v1"] = f"{SENTINEL}-${{NOPE}}"
    with pytest.raises(Invalid) as trouble:
        put(scene)
    assert "B" in str(trouble.value)
    assert SENTINEL not in str(trouble.value)
    assert scene.target.calls["set_environment"] == 0
