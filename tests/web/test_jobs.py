"""Jobs: what waits, what is late, and what operators may do about it."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import update

from tenantry.clock import utcnow
from tenantry.models import AuditEntry, DeploymentStep, JobRecord
from tests.web.conftest import World
from tests.web.test_queries import counted


def waiting(world: World) -> DeploymentStep:
    return world.row(DeploymentStep, status="waiting")  # type: ignore[no-any-return]


def make_late(world: World, minutes: int = 5) -> None:
    """A negative number makes them due later: on a slow machine they may be late by themselves."""
    with world.engine.begin() as conn:
        conn.execute(
            update(JobRecord)
            .where(JobRecord.status == "scheduled")
            .values(next_run_at=utcnow() - timedelta(minutes=minutes))
        )


def rows(page: str) -> int:
    return page.count("/jobs/details/?id=")


def test_open_jobs_come_first_and_ended_ones_have_a_shelf(world: World) -> None:
    viewer = world.client("viewer")
    opened = world.rows(JobRecord, status="scheduled")
    assert rows(viewer.page("/jobs/")) == len(opened) == 1
    assert rows(viewer.page("/jobs/?show=ended")) > 1
    make_late(world, -5)
    assert "Nothing is late. Good." in viewer.page("/jobs/?show=late")
    assert rows(viewer.page("/jobs/?flt0_status_equals=completed")) > 1


def test_late_jobs_are_told_and_listed(world: World) -> None:
    make_late(world)
    viewer = world.client("viewer")
    page = viewer.page("/jobs/?show=late")
    assert rows(page) == 1
    assert "the oldest due" in page
    assert ">Late</span>" in page.replace("</svg>", "")


def test_viewers_are_offered_nothing(world: World) -> None:
    assert "<form method=" not in world.client("viewer").page("/jobs/").split("Which jobs")[1]
    viewer, step = world.client("viewer"), waiting(world)
    assert viewer.post(f"/steps/{step.public_id}/postpone", {"minutes": "5"}).status_code == 403


def test_another_time_from_the_list_leads_back_to_it(world: World) -> None:
    person, step = world.client("operator"), waiting(world)
    page = person.page("/jobs/")
    assert f"/steps/{step.public_id}/postpone" in page
    answer = person.post(f"/steps/{step.public_id}/postpone", {"minutes": "60", "jobs": ""})
    assert (answer.status_code, answer.location) == (303, "/jobs/")
    assert "It looks again in 60 minutes." in person.flashes()
    ahead = (waiting(world).due_at - utcnow()).total_seconds()
    assert 3500 < ahead < 3700
    assert world.row(AuditEntry, action="step.postpone").actor == "operator@example.com"


@pytest.mark.parametrize("minutes", ["", "0", "1441", "-5", "1.5", "x", "9" * 40, "²"])
def test_strange_times_are_refused(world: World, minutes: str) -> None:
    person, step = world.client("operator"), waiting(world)
    person.post(f"/steps/{step.public_id}/postpone", {"minutes": minutes, "jobs": ""})
    assert "1 to 1440" in person.flashes()
    assert waiting(world).due_at == step.due_at


def test_run_now_and_cancel_from_the_list(world: World) -> None:
    person, step = world.client("operator"), waiting(world)
    answer = person.post(f"/steps/{step.public_id}/run_now", {"jobs": "late"})
    assert answer.location == "/jobs/?show=late"
    answer = person.post(f"/steps/{step.public_id}/skip", {"jobs": "", "reason": "known trouble"})
    assert answer.location == "/jobs/"
    assert world.row(DeploymentStep, id=step.id).status == "skipped"
    assert world.row(JobRecord, step_id=step.id).status == "cancelled"


def test_a_step_that_is_not_there_has_no_other_time(world: World) -> None:
    url = "/steps/0198aa11-1234-7abc-8def-001122334455/postpone"
    assert world.client("operator").post(url, {"minutes": "5"}).status_code == 404


def test_the_list_asks_few_questions_and_holds_no_handlers(world: World) -> None:
    person = world.client("operator")
    with counted(world) as seen:
        page = person.page("/jobs/")
    assert len(seen) <= 9, "\n".join(seen)
    assert not re.search(r"\son\w+=", page)
