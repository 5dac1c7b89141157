"""A deployment beside the tenant's run before it."""

import copy
from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import update

from tenantry.models import Deployment, DeploymentStep
from tenantry.operations import environments, tenants
from tenantry.planning.blueprint import EnvLayer, from_json
from tenantry.web.timeline.compare import keys_that_differ
from tests.stage import IMAGE_ONLY, ME
from tests.web.conftest import World
from tests.web.test_deployment_page import text_of
from tests.web.test_queries import counted


def again(world: World, subdomain: str) -> Any:
    """One more deployment of a tenant, played to its end."""
    public_id = world.stage.deploy(subdomain)
    world.stage.finish()
    return world.stage.deployment(public_id)


def page(world: World, deployment: Any, role: str = "viewer") -> str:
    return world.client(role).page(f"/deployments/{deployment.public_id}/compare")


def test_the_first_of_its_kind_has_nothing_beside_it(world: World) -> None:
    first = world.row(Deployment, subdomain="acme")
    assert "nothing to compare" in text_of(page(world, first))


def test_steps_stand_side_by_side_with_what_took_longer(world: World) -> None:
    first = world.row(Deployment, subdomain="acme")
    second = again(world, "acme")
    with world.engine.begin() as conn:
        for made, seconds in ((first, 10), (second, 25)):
            step = next(
                s for s in world.rows(DeploymentStep, deployment_id=made.id) if "wait" in s.step_key
            )
            conn.execute(
                update(DeploymentStep)
                .where(DeploymentStep.id == step.id)
                .values(ended_at=step.started_at + timedelta(seconds=seconds))
            )
    words = text_of(page(world, second))
    assert "Wait for build web Success 10 s Success 25 s +15 s" in words
    assert "+15 s" in words
    assert "Same release, sources, commits and settings" in words
    assert "No key differs" in words


def test_another_action_of_the_tenant_is_not_its_run_before(world: World) -> None:
    first = world.row(Deployment, subdomain="acme")
    second = again(world, "acme")
    with world.engine.begin() as conn:
        conn.execute(update(Deployment).where(Deployment.id == first.id).values(action="restart"))
    assert "nothing to compare" in text_of(page(world, second))


def test_what_changed_is_named_without_a_value(world: World) -> None:
    world.stage.desk.do(lambda session: _set(session, world, "LEVEL", "quiet-value-one"))
    world.stage.desk.do(lambda session: _set(session, world, "SMTP_PASSWORD", "another hunter3"))
    made = again(world, "acme")
    with world.engine.begin() as conn:
        blueprint = {**made.blueprint}
        blueprint["services"] = [
            {**s, "image": {"image": "acme/tools:2.0"}} for s in blueprint["services"]
        ]
        conn.execute(update(Deployment).where(Deployment.id == made.id).values(blueprint=blueprint))
    html = page(world, made)
    words = text_of(html)
    assert "New LEVEL" in words
    assert "Changed SMTP_PASSWORD" in words
    assert "web: image acme/tools:1.0 acme/tools:2.0" in words
    assert "quiet-value-one" not in html
    assert "hunter" not in html


def test_what_the_product_changed_stands_there(world: World) -> None:
    newer = copy.deepcopy(IMAGE_ONLY)
    newer["services"][0] |= {"health_path": "/alive", "env": {"DB_PASSWORD": "of-all-5"}}
    world.stage.product(newer)
    made = again(world, "acme")
    html = page(world, made)
    words = text_of(html)
    assert "Release 1 2" in words
    assert "web Health path / /alive" in words, words
    assert "Environment DB_PASSWORD not there ••••" in words, words
    assert "of-all-5" not in html


def _set(session: Any, world: World, key: str, value: str) -> None:
    place = environments.place_of(tenants.find(session, "acme"))
    environments.set_value(session, ME, world.stage.desk.secrets, place, key, value)


def test_a_rotated_secret_counts_as_changed(world: World) -> None:
    plan = from_json(world.row(Deployment, subdomain="acme").blueprint)
    spec = plan.services[0]
    layer = EnvLayer("product", {"TOKEN": "${SECRET_API}", "SAME": "x"})
    before = replace(plan, services=(replace(spec, env=(layer,)),), secrets={"api": "v1"})
    now = replace(before, secrets={"api": "v2"})
    assert keys_that_differ(before, before, "m") == []
    [found] = keys_that_differ(before, now, "m")
    assert (found.added, found.changed, found.removed) == ((), ("TOKEN",), ())
    gone = replace(now, services=())
    [found] = keys_that_differ(before, gone, "m")
    assert found.removed == ("SAME", "TOKEN")


def test_a_fixed_number_of_questions(world: World) -> None:
    made = again(world, "acme")
    viewer = world.client("viewer")
    with counted(world) as seen:
        viewer.page(f"/deployments/{made.public_id}/compare")
    assert len(seen) <= 9, "\n".join(seen)
