"""`tenantry drift` and `tenantry tenant adopt`."""

import re

import pytest
from sqlalchemy import select

from tenantry.models import DriftFinding, IntegrationSecret
from tests.cli.counter import Counter
from tests.engine.test_adoption import WITHOUT_SECRETS, by_hand
from tests.stage import IMAGE_ONLY, Stage


@pytest.fixture
def up(stage: Stage) -> Stage:
    stage.ready(IMAGE_ONLY).deploy()
    stage.finish()
    return stage


def only_id(stage: Stage) -> str:
    with stage.desk.reading() as session:
        return str(session.scalars(select(DriftFinding.public_id)).one())


def test_looking_shows_what_differs_and_its_exit_code_tells(up: Stage, counter: Counter) -> None:
    assert "Nothing differs" in counter.does("drift", "acme")
    assert "Nothing differs" in counter.does("drift")
    up.twins.target.app("web").replicas = 4
    said = counter.refuses(1, "drift", "acme")
    assert "acme  web: replicas: 1 → 4  [target]" in said
    assert "replicas" in counter.refuses(1, "drift", "look", "--all")
    assert "replicas" in counter.does("drift", "show", "acme")
    assert "a deployment of the parts concerned" in counter.does("drift", "show", only_id(up))


def test_what_is_asked_for_must_be_clear(up: Stage, counter: Counter) -> None:
    assert "say --all" in counter.refuses(2, "drift", "look")
    assert "say --all" in counter.refuses(2, "drift", "look", "acme", "--all")
    assert "no tenant" in counter.refuses(4, "drift", "nobody")
    up.deploy()
    assert "cannot be compared now" in counter.refuses(3, "drift", "acme")


def test_adopt_revert_and_ignore(up: Stage, counter: Counter) -> None:
    target = up.twins.target
    target.app("web").replicas = 4
    counter.refuses(1, "drift", "acme")
    finding = only_id(up)
    assert "say --until or --days" in counter.refuses(2, "drift", "ignore", finding)
    assert "must be a day" in counter.refuses(2, "drift", "ignore", finding, "--until", "soon")
    assert "Ignored until" in counter.does("drift", "ignore", finding, "--days", "3")
    assert "Nothing differs" in counter.does("drift", "acme")
    assert "(ignored)" in counter.does("drift", "show", "--ignored")
    preview = counter.does("drift", "revert", finding, "--preview")
    assert "Apply without a build" in preview
    assert target.app("web").replicas == 4
    assert "Deployment" in counter.does("drift", "revert", finding)
    up.finish()
    assert target.app("web").replicas == 1
    assert "reverted already" in counter.refuses(3, "drift", "adopt", finding)
    assert "no such finding" in counter.refuses(4, "drift", "adopt", "nothing")


def test_a_value_of_the_target_is_taken(up: Stage, counter: Counter) -> None:
    up.twins.target.app("web").replicas = 4
    counter.refuses(1, "drift", "acme")
    assert "replicas of web is 4" in counter.does("drift", "adopt", only_id(up))
    counter.does("drift", "acme")


def test_a_project_is_taken_over(stage: Stage, counter: Counter) -> None:
    stage.product(WITHOUT_SECRETS)
    project = by_hand(stage)
    backend = stage.twins.target.app("backend").seen.id
    words = ("tenant", "adopt", "dms", project, "acme", "--service", f"backend={backend}")
    preview = counter.does(*words, "--preview")
    assert "Written on the target, and nothing else" in preview
    assert "password is unknown" in preview
    assert "must be NAME=ID" in counter.refuses(2, *words, "--service", "x")
    more = ("--db-name", "shop", "--db-user", "shop", "--db-password")
    said = counter.does(*words, *more, typed="Hunter2Hunter2\n")
    assert re.fullmatch(r"Deployment [0-9a-f-]{36}\n", said)
    stage.finish()
    assert stage.tenant_row().status == "running"
    assert "Nothing differs" in counter.does("drift", "acme")
    with stage.desk.reading() as session:
        (secret,) = session.scalars(select(IntegrationSecret))
    assert b"Hunter2" not in secret.encrypted_value
    assert "is not being taken over" in counter.refuses(3, "tenant", "give-up", "acme")
