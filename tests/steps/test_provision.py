"""`internal.provision`."""

from dataclasses import replace

import pytest

from tenantry.errors import Permanent, StepTrouble, Transient
from tenantry.ports import HttpAnswer
from tests.steps.scene import Scene

KEY = "internal.provision"


def without(scene: Scene, **more) -> None:
    first, *rest = scene.blueprint.services
    scene.blueprint = replace(scene.blueprint, services=(replace(first, **more), *rest))


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_every_success_is_success(scene: Scene, status: int):
    scene.twins.web.answers("setup", status)
    assert scene.claim(KEY, "backend").message == f"Provisioned ({status})"


def test_a_conflict_says_that_it_was_set_up_before(scene: Scene):
    scene.twins.web.answers("setup", 409)
    assert scene.claim(KEY, "backend").message == "Provisioned before (409)"


@pytest.mark.parametrize("status", [301, 302, 400, 401, 403, 404, 405, 410, 413, 422])
def test_a_refusal_is_permanent(scene: Scene, status: int):
    scene.twins.web.answers("setup", status)
    with pytest.raises(Permanent, match=f"answered {status}"):
        scene.claim(KEY, "backend")


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_trouble_of_the_moment_is_tried_again(scene: Scene, status: int):
    scene.twins.web.answers("setup", status)
    with pytest.raises(Transient, match=f"answered {status}"):
        scene.claim(KEY, "backend")
    assert scene.claim(KEY, "backend").message == "Provisioned (200)"


def test_no_answer_leaves_the_outcome_unknown(scene: Scene):
    scene.twins.web.answers("setup", HttpAnswer(None, 25_000, "timed out"))
    with pytest.raises(Transient) as trouble:
        scene.claim(KEY, "backend")
    assert not trouble.value.outcome_known
    assert scene.step(KEY, "backend").intent is not None


def test_key_and_body_are_the_same_in_every_try_epoch_and_deployment(scene: Scene):
    scene.twins.web.answers("setup", 503, "reset", 200)
    for _ in range(2):
        with pytest.raises(StepTrouble):
            scene.claim(KEY, "backend")
    scene.resume()
    scene.claim(KEY, "backend")
    calls = scene.twins.web.seen
    assert {call.headers["Idempotency-Key"] for call in calls} == {"tenantry:backend"}
    assert all(call.body == calls[0].body for call in calls)
    assert calls[0].body == {
        "tenant": {
            "id": scene.blueprint.tenant_id,
            "name": "Acme",
            "subdomain": "acme",
        }
    }


def test_the_call_goes_to_the_tenants_own_hostname_with_its_token(scene: Scene):
    scene.claim(KEY, "backend")
    (call,) = scene.twins.web.seen
    assert (call.method, call.url) == ("POST", "https://acme-backend.example.com/setup/")
    assert call.headers["Authorization"] == "Bearer tok-12345678"


def test_without_a_secret_no_authorization_is_sent(scene: Scene):
    without(scene, provision_secret=None)
    scene.claim(KEY, "backend")
    assert "Authorization" not in scene.twins.web.seen[0].headers
    assert scene.opened == []


def test_the_token_stands_in_no_intent_message_or_detail(scene: Scene):
    scene.twins.web.answers("setup", "reset")
    with pytest.raises(Transient) as trouble:
        scene.claim(KEY, "backend")
    done = scene.claim(KEY, "backend")
    kept = f"{trouble.value}{done}{scene.step(KEY, 'backend')}{scene.lines}"
    assert "tok-12345678" not in kept


@pytest.mark.parametrize("missing", ["hostname", "provision_endpoint"])
def test_a_service_without_an_address_cannot_be_set_up(scene: Scene, missing: str):
    without(scene, **{missing: None})
    with pytest.raises(Permanent, match="no provisioning address"):
        scene.claim(KEY, "backend")


def test_a_forbidden_address_is_permanent(scene: Scene):
    scene.twins.web.fail("post", Permanent("the address is not public"))
    with pytest.raises(Permanent, match="not public"):
        scene.claim(KEY, "backend")
