"""What a target holds under our markers, compared with the rows."""

from dataclasses import replace
from typing import Any

import pytest

from tenantry.engine.reconcile import Reconciler
from tests.products import STACKED, of_kind
from tests.stage import Stage


@pytest.fixture
def reconciler(stage: Stage) -> Reconciler:
    stage.ready().deploy()
    stage.finish()
    return Reconciler(stage.engine, stage.ports, stage.settings.times)


def double(stage: Stage, name: str, *, created_at: str, built: bool = False) -> str:
    """A second application with our marker, as a frozen sender leaves it behind."""
    first = stage.twins.target.app(name)
    made = stage.twins.target.create_application(
        first.environment_id, name, "dms-acme-backend", first.seen.description, None
    )
    row = stage.twins.target.row(made.id)
    row.seen = replace(row.seen, created_at=created_at)
    if built:
        stage.twins.target.trigger_build(made.id, "by hand", "")
        stage.twins.target.start_builds()
    return made.id


def test_nothing_is_found_where_all_is_well(stage: Stage, reconciler: Reconciler) -> None:
    assert reconciler.recent(3600) == 0
    assert stage.tenant_row().attention == ""


def test_an_old_double_that_was_never_built_is_removed(
    stage: Stage, reconciler: Reconciler
) -> None:
    made = double(stage, "backend", created_at="2026-01-01T00:00:00.000Z")
    found = reconciler.tenant(stage.tenant_row().id)
    assert [(f.kind, f.id, f.removed) for f in found] == [("doubled", made, True)]
    assert [s.name for s in stage.twins.target.services()] == ["backend", "frontend"]


def test_a_double_that_was_built_is_reported_and_left_alone(
    stage: Stage, reconciler: Reconciler
) -> None:
    double(stage, "backend", created_at="2026-01-01T00:00:00.000Z", built=True)
    found = reconciler.tenant(stage.tenant_row().id)
    assert [(f.kind, f.removed) for f in found] == [("doubled", False)]
    assert "stands twice" in stage.tenant_row().attention


def test_a_young_double_is_left_alone(stage: Stage, reconciler: Reconciler) -> None:
    double(stage, "backend", created_at="2999-01-01T00:00:00.000Z")
    found = reconciler.tenant(stage.tenant_row().id)
    assert [(f.kind, f.removed) for f in found] == [("doubled", False)]


def test_what_people_made_is_no_business_of_ours(stage: Stage, reconciler: Reconciler) -> None:
    environment = stage.twins.target.app("backend").environment_id
    stage.twins.target.create_application(environment, "by hand", "x", "a note", None)
    assert reconciler.tenant(stage.tenant_row().id) == []


def test_what_is_gone_is_reported(stage: Stage, reconciler: Reconciler) -> None:
    gone = stage.service_row("frontend").app_id
    stage.twins.target.delete_application(gone)
    found = reconciler.tenant(stage.tenant_row().id)
    assert [(f.kind, f.id) for f in found] == [("dangling", gone)]


def test_nothing_is_compared_during_a_deployment(stage: Stage, reconciler: Reconciler) -> None:
    double(stage, "backend", created_at="2026-01-01T00:00:00.000Z")
    stage.deploy()
    assert reconciler.tenant(stage.tenant_row().id) == []


# Stacks, and databases that are an image


def reconciled(stage: Stage, document: Any) -> Reconciler:
    stage.ready(document).deploy()
    stage.finish()
    return Reconciler(stage.engine, stage.ports, stage.settings.times)


@pytest.mark.parametrize("document", [STACKED, of_kind("keydb")], ids=["stack", "image database"])
def test_what_a_row_refers_to_is_neither_doubled_nor_orphaned(stage: Stage, document: Any) -> None:
    assert reconciled(stage, document).tenant(stage.tenant_row().id) == []


@pytest.mark.parametrize(
    ("document", "name", "key"),
    [(STACKED, "shop", "compose_id"), (of_kind("keydb"), "db", "app_id")],
    ids=["stack", "image database"],
)
def test_a_stack_or_image_that_is_gone_is_reported(
    stage: Stage, document: Any, name: str, key: str
) -> None:
    reconciler = reconciled(stage, document)
    gone = getattr(stage.service_row(name), key)
    stage.twins.target.drop(gone)
    found = reconciler.tenant(stage.tenant_row().id)
    assert [(f.kind, f.id) for f in found] == [("dangling", gone)]


@pytest.mark.parametrize("ran", [True, False])
def test_a_second_stack_goes_only_when_it_never_ran(stage: Stage, *, ran: bool) -> None:
    reconciler = reconciled(stage, STACKED)
    target, first = stage.twins.target, stage.twins.target.app("shop")
    made = target.create_compose(first.environment_id, "two", "x", first.seen.description, None)
    row = target.row(made.id)
    row.seen = replace(row.seen, created_at="2026-01-01T00:00:00.000Z")
    if ran:
        target.deploy_compose(made.id, "by hand", "")
        target.start_builds()
    found = reconciler.tenant(stage.tenant_row().id)
    assert [(f.kind, f.id, f.removed) for f in found] == [("doubled", made.id, not ran)]
    assert (made.id in target.apps) is ran
