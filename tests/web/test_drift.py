"""Drift in the panel: the list, a tenant's own section, and who may do what about it."""

from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from tenantry.engine.drift import Auditor
from tenantry.models import AuditEntry, Deployment, DriftFinding, Tenant
from tenantry.operations import pending
from tenantry.planning.sources import ImageSource
from tests.web.conftest import ROLES, SCRIPT, World
from tests.web.test_queries import MOST, counted

JSON = {"Accept": "application/json"}


@pytest.fixture
def moved(world: World) -> World:
    """Two findings of a tenant, one with hostile words, and a project of nobody."""
    stage = world.stage
    # The fleet was furnished by other twins: their ids must not come again.
    stage.twins.target._number = 9000
    stage.tenant("moved", "tools")
    stage.deploy("moved")
    stage.finish()
    row = stage.twins.target.app("web")
    row.replicas, row.image = 4, ImageSource(f"x{SCRIPT}")
    stage.twins.target.create_project(f"theirs {SCRIPT}", "")
    look(world)
    return world


def look(world: World) -> None:
    stage = world.stage
    wanted = pending.wanted_by(stage.desk.sessions, stage.desk.secrets)
    auditor = Auditor(stage.engine, stage.ports, wanted)
    auditor.tenant(world.row(Tenant, subdomain="moved").id)
    auditor.foreign("main")


def finding(world: World, field: str) -> DriftFinding:
    found: DriftFinding = world.row(DriftFinding, field=field)
    return found


def test_everybody_may_look_and_only_operators_act(moved: World, role: str) -> None:
    person = moved.client(role)
    page = person.page("/drift/")
    assert "replicas" in page
    assert SCRIPT not in page
    tenant = moved.row(Tenant, subdomain="moved")
    own = person.page(f"/tenants/{tenant.public_id}")
    assert "Drift" in own
    acts = role != ROLES[0]
    for text in (page, own):
        assert ("A deployment puts the target back" in text) is acts
        assert ("For how many days" in text) is acts
    url = f"/drift/{finding(moved, 'replicas').public_id}/adopt"
    assert person.post(url, headers=JSON).status_code == (200 if acts else 403)
    assert finding(moved, "replicas").state == ("adopted" if acts else "open")


def test_a_forged_request_changes_nothing(moved: World) -> None:
    row = finding(moved, "replicas")
    for deed in ("adopt", "revert", "ignore"):
        assert moved.client("admin").bare_post(f"/drift/{row.public_id}/{deed}").status_code == 400
    assert finding(moved, "replicas").state == "open"


def test_revert_starts_a_deployment_and_leads_to_it(moved: World) -> None:
    person, row = moved.client("operator"), finding(moved, "replicas")
    answer = person.post(f"/drift/{row.public_id}/revert")
    made = moved.rows(Deployment, subdomain="moved")[-1]
    assert answer.location == f"/deployments/{made.public_id}"
    assert finding(moved, "replicas").state == "reverted"
    again = person.post(f"/drift/{row.public_id}/revert", headers=JSON)
    assert again.status_code == 409
    entry = moved.row(AuditEntry, action="drift.reverted")
    assert entry.actor == "operator@example.com"


def test_what_cannot_be_is_said(moved: World) -> None:
    person = moved.client("operator")
    foreign = finding(moved, "extra")
    for deed in ("revert", "adopt"):
        answer = person.post(f"/drift/{foreign.public_id}/{deed}", headers=JSON)
        assert answer.status_code == 409
        assert "belongs to no tenant" in answer.json["error"]
    assert person.post(f"/drift/{uuid4()}/adopt").status_code == 404
    assert person.post(f"/drift/{foreign.public_id}/explode").status_code == 404


@pytest.mark.parametrize("days", ["", "0", "x", "4000", "-1"])
def test_ignoring_asks_for_days(moved: World, days: str) -> None:
    row = finding(moved, "replicas")
    answer = moved.client("operator").post(
        f"/drift/{row.public_id}/ignore", {"days": days}, headers=JSON
    )
    assert (answer.status_code, answer.json["field"]) == (400, "days")


def test_an_ignored_one_is_marked_and_closed_ones_are_behind_a_filter(moved: World) -> None:
    person, row = moved.client("operator"), finding(moved, "replicas")
    person.post(f"/drift/{row.public_id}/ignore", {"days": "5"})
    assert "Ignored" in person.page("/drift/")
    target = moved.stage.twins.target
    target.app("web").replicas = 1
    look(moved)
    assert finding(moved, "replicas").state == "gone"
    assert "replicas" not in person.page("/drift/")
    assert "replicas" in person.page("/drift/?flt0_state_equals=gone")
    assert "replicas" in person.page(f"/drift/details/?id={row.public_id}")


def test_more_findings_ask_no_more_questions(moved: World) -> None:
    viewer = moved.client("viewer")
    tenant = moved.row(Tenant, subdomain="moved")
    urls = ["/drift/", f"/tenants/{tenant.public_id}"]
    before: dict[str, int] = {}
    for url in urls:
        with counted(moved) as seen:
            viewer.page(url)
        before[url] = len(seen)
    assert before["/drift/"] <= MOST
    row: Any = moved.stage.twins.target.app("web")
    row.memory, row.cpu, row.args = "1", "1", ("x",)
    row.seen = replace(row.seen, description="")
    look(moved)
    for url in urls:
        with counted(moved) as seen:
            viewer.page(url)
        assert len(seen) <= before[url], "\n".join(seen)
