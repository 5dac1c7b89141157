"""What is said of a failure, and where its buttons lead."""

import re

import pytest
from sqlalchemy import insert, update

from tenantry.journal import Redactor, logged
from tenantry.models import Deployment, DeploymentStep, FailureNote
from tenantry.models.base import uuid7
from tenantry.steps.outcomes import LogText
from tenantry.web import advice
from tests.web.conftest import SCRIPT, World
from tests.web.test_deployment_page import text_of, url_of


@pytest.mark.parametrize(
    ("key", "message", "place"),
    [
        (
            "project.create",
            "Target main, project.create: it refused our API key (401). That may be a limit",
            advice.TARGET,
        ),
        ("project.create", "Target second is not configured", advice.TARGET),
        ("service.web.env_set", "The secret setup_token does not exist", advice.SECRET),
        ("service.web.env_set", "A stored secret does not open with our keys", advice.SECRET),
        (
            "service.web.deploy",
            "The environment on the target is not what was set: changed: A. Somebody changed it",
            advice.DRIFT,
        ),
        (
            "service.web.wait_deploy",
            "The build failed: fatal: could not read Username for 'https://github.com'",
            advice.PRODUCT,
        ),
        (
            "service.web.wait_deploy",
            "The build failed: manifest for acme/tools:9 not found",
            advice.PRODUCT,
        ),
        ("service.web.wait_deploy", "The build failed: No space left on device", advice.TARGET),
        ("service.web.wait_deploy", "The build failed: npm ERR! code 1", advice.LOG),
        ("service.web.wait_deploy", "Built, but no new container runs: exited (1)", advice.LOG),
        ("domains.create", "HTTP 400: x is no host", advice.HOSTNAMES),
        ("domains.wait_propagation", "Gave up after 60 minutes. Last seen: ", advice.HOSTNAMES),
        ("health.retry", "it answered 502", advice.ENVIRONMENT),
        ("internal.provision", "https://x answered 403", advice.PRODUCT),
        ("backup.gate", "There is no backup policy: set one", advice.BACKUPS),
        (
            "db.deploy",
            "The tenant's database db-1 is gone from the target",
            advice.TARGET,
        ),
        ("service.web.create", "Target main: only its proxy answered (502)", advice.RESUME),
        (
            "service.web.create",
            "Target main, application.create: it answered 400, Bad: name: Invalid input",
            advice.PRODUCT,
        ),
    ],
)
def test_words_of_a_failure_lead_to_the_right_place(key: str, message: str, place: str) -> None:
    found = advice.advise(key, message)
    assert found is not None
    assert found.place == place
    assert found.cause.endswith(".")


def test_nothing_is_guessed_of_words_that_nobody_knows() -> None:
    assert advice.advise("service.web.create", "Something quite else") is None
    assert advice.advise("service.web.create", "") is None


def failed_with(world: World, message: str, cause: str = "") -> None:
    made = world.row(Deployment, subdomain="broken")
    with world.engine.begin() as conn:
        conn.execute(
            update(DeploymentStep)
            .where(DeploymentStep.deployment_id == made.id, DeploymentStep.status == "failed")
            .values(message=message)
        )
        conn.execute(update(Deployment).where(Deployment.id == made.id).values(cause=cause))


def card(world: World, role: str) -> str:
    html = world.client(role).page(url_of(world, "broken"))
    return html.split('class="panel failure"')[1].split('class="tiles')[0]


@pytest.mark.parametrize(
    ("message", "button"),
    [
        ("HTTP 400: x is no host", "Open its hostnames"),
        ("Target main is not configured", "Open target main"),
        ("The build failed: npm ERR!", "Open its log"),
        ("manifest unknown", "Open the product"),
        ("Somebody changed it there", "Open drift"),
        ("There is no backup policy", "Open its backups"),
    ],
)
def test_the_button_of_an_advice_leads_to_a_page(world: World, message: str, button: str) -> None:
    failed_with(world, message)
    html = card(world, "viewer")
    link = re.search(rf'<a class="button small" href="([^"]+)">(?:(?!</a>).)*{button}', html)
    assert link, html
    assert world.client("viewer").get(link[1]).status_code == 200


def test_secrets_are_opened_by_admins_alone_and_only_operators_resume(world: World) -> None:
    failed_with(world, "The secret setup_token does not exist")
    assert "Open secrets" in card(world, "admin")
    assert "Open secrets" not in card(world, "operator")
    failed_with(world, "It was not reached")
    assert "Resume" in text_of(card(world, "operator"))
    assert "<form" not in card(world, "viewer")


def test_what_staff_know_of_the_cause_stands_there(world: World) -> None:
    failed_with(world, "x is no host", cause="domains.create: … is no host")
    with world.engine.begin() as conn:
        conn.execute(
            insert(FailureNote).values(
                public_id=uuid7(),
                cause="domains.create: … is no host",
                note=f"Asked support {SCRIPT}",
                hint="Use a name without dots",
                author="ada@example.com",
            )
        )
    html = card(world, "viewer")
    words = text_of(html)
    assert "Known to staff" in words
    assert "Use a name without dots" in words
    assert SCRIPT not in html
    assert "All that failed of this" in words
    link = re.search(r'href="([^"]+)">All that failed of this', html)
    assert link
    assert world.client("viewer").get(link[1].replace("&amp;", "&")).status_code == 200


def test_the_end_of_what_it_was_told_stands_in_the_card(world: World) -> None:
    made = world.row(Deployment, subdomain="broken")
    step = world.row(DeploymentStep, deployment_id=made.id, status="failed")
    with world.engine.begin() as conn:
        lines = [*[f"build line {n}" for n in range(20)], f"last {SCRIPT}"]
        logged(conn, Redactor(), made.id, step.id, 1, [LogText(lines, stream="stdout")])
    html = card(world, "viewer")
    assert "build line 19" in html
    assert "build line 2\n" not in html
    assert SCRIPT not in html
