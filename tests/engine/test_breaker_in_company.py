"""What many workers meet at one target together: one pause for one outage, none for a hiccup."""

from typing import Any

import pytest
from sqlalchemy import select, update

from tenantry.errors import KeyRefused, TargetDown
from tenantry.models import Deployment, TargetRow
from tenantry.models.dbtime import db_now
from tenantry.steps.outcomes import Done
from tests.engine.scenes import quiet
from tests.stage import IMAGE_ONLY, Stage

KEY = "project.create"
REFUSED = KeyRefused("401 Unauthorized")
DOWN = TargetDown("it was not reached")


def target(stage: Stage) -> Any:
    with stage.desk.reading() as session:
        return session.scalars(select(TargetRow)).one()


def write(stage: Stage, table: Any, *where: Any, **values: Any) -> None:
    with stage.engine.begin() as conn:
        conn.execute(update(table).where(*where).values(**values))


def two(stage: Stage, *script: Any) -> list[Any]:
    """Two deployments that were published; their first steps answer from the script."""
    quiet(stage, {KEY: script})
    slug = stage.product(IMAGE_ONLY)
    for name in ("one", "two"):
        stage.tenant(name, slug)
        stage.deploy(name)
    chains, stage.sent[:] = list(stage.sent), []
    return chains


def link(stage: Stage, chain: Any, step_id: int) -> bool:
    return stage.runner().run(chain.deployment_id, step_id, chain.epoch)


def head(stage: Stage, chain: Any) -> bool:
    return link(stage, chain, chain.links[0].step_id)


@pytest.mark.parametrize("trouble", [REFUSED, DOWN])
def test_what_one_meets_while_others_are_answered_pauses_nobody(
    shipped: Stage, trouble: Exception
) -> None:
    stage = shipped
    chains: list[Any] = []

    def unlucky(_ctx: Any) -> Done:
        assert head(stage, chains[1])
        raise trouble

    chains += two(stage, unlucky)
    write(stage, TargetRow, breaker_count=4)
    assert not head(stage, chains[0])
    assert target(stage).breaker_until is None
    stage.finish()
    with stage.desk.reading() as session:
        assert set(session.scalars(select(Deployment.status))) == {"succeeded"}


@pytest.mark.parametrize("key", ["domains.wait_propagation", "health.check"])
def test_an_answer_from_elsewhere_is_none(shipped: Stage, key: str) -> None:
    stage = shipped
    chains: list[Any] = []

    def refused(_ctx: Any) -> Done:
        link(stage, chains[1], stage.step_of_latest(key).id)
        raise REFUSED

    chains += two(stage, Done("done"), refused)
    for each in chains[1].links:
        if each.step_id == stage.step_of_latest(key).id:
            break
        assert link(stage, chains[1], each.step_id)
    assert not head(stage, chains[0])
    assert stage.step_of_latest(key).status == "success"
    assert target(stage).breaker_reason == "401 Unauthorized"


def test_an_answer_to_another_key_does_not_speak_for_ours(shipped: Stage) -> None:
    stage = shipped
    chains: list[Any] = []

    def refused(_ctx: Any) -> Done:
        assert head(stage, chains[1])
        # As if its product had a key of its own all along.
        own = {**stage.deployment().blueprint, "api_key_secret": "dokploy_api_key"}
        write(stage, Deployment, Deployment.id == chains[1].deployment_id, blueprint=own)
        raise REFUSED

    chains += two(stage, refused)
    assert not head(stage, chains[0])
    assert target(stage).breaker_reason == "401 Unauthorized"


@pytest.mark.parametrize("trouble", [REFUSED, DOWN])
def test_those_who_met_the_same_outage_do_not_lengthen_its_pause(
    shipped: Stage, trouble: Exception
) -> None:
    stage = shipped
    opened: list[Any] = []

    def away(_ctx: Any) -> Done:
        # Others have met it since this claim began, and paused the target for it.
        write(stage, TargetRow, breaker_until=db_now(15), breaker_reason="away", breaker_count=5)
        opened.append(target(stage).breaker_until)
        raise trouble

    assert not head(stage, two(stage, away)[0])
    row = target(stage)
    assert ([row.breaker_until], row.breaker_count) == (opened, 5)
