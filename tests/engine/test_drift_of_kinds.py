"""Drift of what is no plain application: stacks, and databases of every kind."""

from dataclasses import replace
from typing import Any

import pytest

from tenantry.operations.wishes import Wish
from tenantry.planning.actions import SUSPEND
from tests.engine.test_drift import edit, edit_seen, look, revert
from tests.products import KINDS, STACKED, of_kind
from tests.stage import ME, Stage
from tests.twins import TargetTwin


@pytest.fixture
def stacked(stage: Stage) -> Stage:
    stage.ready(STACKED).deploy()
    stage.finish()
    assert stage.deployment().status == "succeeded", stage.deployment().summary
    return stage


def lose_domain(target: TargetTwin) -> None:
    target.domain_rows.clear()


@pytest.mark.parametrize(
    ("plant", "field", "deed"),
    [
        (edit("shop", file="services: {}"), "compose file", "file_set"),
        (edit("shop", dotenv="A=1"), "environment", "env_set"),
        (edit("shop", auto_deploy=True), "automatic deploys", "adopt"),
        (edit_seen("shop", description=""), "marker", "adopt"),
        (lose_domain, "missing", "create"),
    ],
    ids=["file", "environment", "deploys", "marker", "domain"],
)
def test_a_stack_is_compared_and_put_back(
    stacked: Stage, plant: Any, field: str, deed: str
) -> None:
    assert look(stacked) == []
    plant(stacked.twins.target)
    ((thing, found, mover),) = look(stacked)
    assert (found, mover) == (field, "target")
    assert thing.startswith("shop")
    assert any(key.endswith(f".{deed}") for key in revert(stacked))
    assert look(stacked) == []


def test_a_stack_that_rests_is_no_drift(stacked: Stage) -> None:
    stacked.desk.deploy(ME, "acme", wish=Wish(action=SUSPEND))
    stacked.finish()
    assert stacked.tenant_row().status == "suspended"
    assert look(stacked) == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_database_of_any_kind_is_clean_after_its_deployment(stage: Stage, kind: str) -> None:
    stage.ready(of_kind(kind)).deploy()
    stage.finish()
    assert stage.deployment().status == "succeeded", stage.deployment().summary
    assert look(stage) == []
    row = stage.twins.target.app("db")
    row.memory = "1"
    assert look(stage) == [("db", "memory", "target")]
    assert "db.restart" in revert(stage)
    assert look(stage) == []
    row = stage.twins.target.app("db")
    row.seen = replace(row.seen, description="")
    assert look(stage) == [("db", "marker", "target")]
    assert "db.adopt" in revert(stage)
    assert look(stage) == []
