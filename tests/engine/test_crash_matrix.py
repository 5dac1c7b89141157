"""
A worker dies once in every step, at every point: nothing is lost and nothing is doubled.

One deployment for each point; in it every step that comes to the point loses its worker there the
first time, is found by the watchdog, and is taken up by the suspect queue.
"""

from typing import Any

import pytest

from tests.engine.scenes import Deaths
from tests.products import STACKED, of_kind
from tests.stage import IMAGE_ONLY, PRODUCT, Stage

POINTS = (
    "before_claim",
    "after_claim",
    "before_intent",
    "before_call",
    "after_call",
    "before_settle",
    "before_commit",
    "after_settle",
    "after_publish",
)
# Dead between the sending of a mail and the row that says so: it is sent once more.
MAIL_MAY_DOUBLE = {"after_call", "before_settle", "before_commit"}
NEVER_CHANGE = ("wait_deploy", "wait_propagation", "health")


def everything_once(stage: Stage, apps: list[str], databases: int) -> None:
    """One of each; `db` among the applications is a database that is an image."""
    target = stage.twins.target
    assert len(target.project_rows) == 1
    built = [s.name for kind in ("application", "compose") for s in target.services(kind)]
    assert sorted(built) == sorted(apps)
    assert len(target.services("postgres")) == databases
    hosts = [domain.host for _, domain in target.domain_rows.values()]
    assert len(hosts) == len(set(hosts)) == len(set(apps) - {"db"})
    assert all(len(target.app(name).history) == 1 for name in apps)
    assert all(len(target.app(name).mounts) == (name == "db") for name in apps)
    assert target.calls["deploy_database"] == databases
    keys = {asked.headers["Idempotency-Key"] for asked in stage.twins.web.seen if asked.body}
    assert len(keys) <= 1


@pytest.mark.parametrize(
    ("document", "apps", "databases"),
    [
        (PRODUCT, ["backend", "frontend"], 1),
        (IMAGE_ONLY, ["web"], 0),
        (STACKED, ["shop"], 1),
        (of_kind("clickhouse"), ["web", "db"], 0),
    ],
    ids=["backend-frontend-database", "image-only", "stack", "image-database"],
)
@pytest.mark.parametrize("point", POINTS)
def test_every_step_survives_the_death_of_its_worker(
    stage: Stage, point: str, document: Any, apps: list[str], databases: int
) -> None:
    stage.ready(document).deploy()
    deaths = Deaths(stage, point)
    deaths.play()
    assert stage.deployment().status == "succeeded"
    everything_once(stage, apps, databases)
    steps = stage.steps()
    assert {s.status for s in steps} == {"success", "skipped"}
    assert {j.status for j in stage.jobs()} <= {"completed", "cancelled"}
    _all_died(deaths, steps, point)
    mails = [letter.message_id for letter in stage.twins.mailer.outbox]
    assert len(mails) == (2 if point in MAIL_MAY_DOUBLE else 1)
    assert len(set(mails)) == 1
    # A worker that died after its settle, or before its claim, is nobody's loss.
    lost = sum(s.lost for s in steps)
    silent = {"before_claim", "after_settle", "after_publish"}
    assert lost == (0 if point in silent else deaths.killed.total())


def _all_died(deaths: Deaths, steps: list[Any], point: str) -> None:
    ran = {f"{s.step_key}/{s.service_name}" for s in steps if s.status == "success"}
    if point in {"before_intent", "before_call"}:
        ran = {key for key in ran if not any(word in key for word in NEVER_CHANGE)}
    assert set(deaths.killed) == ran


def test_a_worker_that_dies_six_times_in_one_step_fails_it(stage: Stage) -> None:
    stage.ready(IMAGE_ONLY).deploy()

    class Always(Deaths):
        def _at(self, name: str) -> None:
            if self._keys[self._step].startswith("service.web.env_set"):
                self.killed.clear()
                super()._at(name)

    Always(stage, "after_claim").play()
    assert stage.deployment().status == "failed"
    step = stage.step("service.web.env_set")
    assert (step.status, step.lost, step.attempts) == ("failed", 6, 6)
    assert stage.deployment().summary == "Failed at service.web.env_set: worker lost 6 times"
    assert stage.twins.target.calls["trigger_build"] == 0
    assert len(stage.twins.mailer.outbox) == 1


def test_deaths_between_publishing_and_the_rest_of_the_chain_only_cost_time(stage: Stage) -> None:
    stage.ready().deploy()
    Deaths(stage, "after_publish").play()
    attempts = {s.step_key: s.attempts for s in stage.steps() if s.status == "success"}
    polling = {"service.backend.wait_deploy", "service.frontend.wait_deploy"}
    assert {key for key, tries in attempts.items() if tries > 1} <= polling
