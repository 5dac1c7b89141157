"""
Races made certain: one transaction has written and not yet committed when the other one comes.

On SQLite the second waits before its first statement, on PostgreSQL in the middle of its own.
"""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from tenantry.errors import Conflict, Permanent
from tenantry.models import Deployment, LogEntry, TemplateRelease
from tenantry.operations import deployments, resuming, steps, targets, tenants
from tests.engine.scenes import message, quiet, then_freeze
from tests.stage import IMAGE_ONLY, ME, Stage


def held_open(stage: Stage, first: Callable[[Session], Any], then: Callable[[], Any]) -> Any:
    """What `then` comes to while `first` has written, and commits a moment later."""
    written, go = threading.Event(), threading.Event()

    def hold(session: Session) -> None:
        first(session)
        session.flush()
        written.set()
        assert go.wait(10)

    holder = threading.Thread(target=lambda: stage.desk.do(hold))
    holder.start()
    assert written.wait(10)
    result: list[Any] = []

    def second() -> None:
        try:
            result.append(then())
        except Conflict as lost:
            result.append(lost)

    other = threading.Thread(target=second)
    other.start()
    other.join(0.3)
    go.set()
    for thread in (other, holder):
        thread.join(10)
    return result[0]


def create(stage: Stage, subdomain: str = "acme", **more: Any) -> Callable[[Session], Deployment]:
    def act(session: Session) -> Deployment:
        targets.sync(session, stage.settings.targets)
        tenant = tenants.find(session, subdomain)
        return deployments.create(session, ME, tenant, stage.desk.secrets, **more)

    return act


def newest(stage: Stage) -> str:
    return str(stage.deployment().public_id)


@pytest.fixture
def scene(shipped: Stage) -> Stage:
    return quiet(shipped, {"project.create": [Permanent("no")]}).ready(IMAGE_ONLY)


def test_the_second_of_two_deployments_hears_of_the_first(scene: Stage) -> None:
    lost = held_open(scene, create(scene), scene.deploy)
    assert isinstance(lost, Conflict)
    assert lost.winner == newest(scene)


def test_the_second_of_one_request_gets_the_firsts_answer(scene: Stage) -> None:
    again = held_open(scene, create(scene, request_key="k"), lambda: scene.deploy(request_key="k"))
    assert again == newest(scene)
    with scene.desk.reading() as session:
        assert len(list(session.scalars(select(Deployment)))) == 1


def test_the_same_request_for_two_tenants_is_one_of_them(scene: Stage) -> None:
    scene.tenant("beta", "tools")
    lost = held_open(
        scene,
        create(scene, request_key="k"),
        lambda: scene.deploy("beta", request_key="k"),
    )
    assert isinstance(lost, Conflict)
    assert "another tenant" in str(lost)


def test_two_deployments_that_freeze_the_same_new_release_share_it(scene: Stage) -> None:
    """As after an upgrade that changed what a release holds."""
    scene.tenant("beta", "tools")
    with scene.engine.begin() as conn:
        conn.execute(update(TemplateRelease).values(digest="of an older version"))
    public_id = held_open(scene, create(scene), lambda: scene.deploy("beta"))
    assert isinstance(public_id, str)
    with scene.desk.reading() as session:
        releases = list(session.scalars(select(Deployment.release_id)))
    assert len(releases) == 2
    assert len(set(releases)) == 1


def test_a_resume_beside_a_new_deployment_hears_of_it(scene: Stage) -> None:
    old = scene.deploy()
    scene.play()
    lost = held_open(scene, create(scene), lambda: scene.desk.resume(ME, old))
    assert isinstance(lost, Conflict)
    assert scene.deployment(old).status == "failed"
    assert newest(scene) != old


def test_a_new_deployment_beside_a_resume_hears_of_it(scene: Stage) -> None:
    old = scene.deploy()
    scene.play()

    def resume(session: Session) -> None:
        resuming.resume(session, ME, deployments.find(session, old))

    lost = held_open(scene, resume, scene.deploy)
    assert isinstance(lost, Conflict)
    assert lost.winner == old
    assert newest(scene) == old


def test_a_cancel_beside_an_end_finds_the_deployment_ended(scene: Stage) -> None:
    public_id = scene.deploy()

    def cancel(session: Session) -> None:
        deployments.cancel(session, ME, deployments.find(session, public_id))

    lost = held_open(scene, cancel, lambda: scene.desk.cancel(ME, public_id))
    assert isinstance(lost, Conflict)
    scene.play()
    assert scene.deployment().status == "cancelled"


def test_a_settle_that_waits_behind_a_skip_ends_the_deployment(shipped: Stage) -> None:
    """What is open is other than when it began to wait: it must not leave the end to others."""
    stage = quiet(shipped).ready(IMAGE_ONLY)
    stage.deploy()
    *others, last, end = [step for step in stage.steps() if step.gates]
    for step in others:
        message(stage, step)
    written = threading.Event()

    def skip(session: Session) -> None:
        steps.skip(session, ME, steps.find(session, str(end.public_id)), "not wanted")
        session.flush()
        written.set()
        # Kept open until the settle waits for it.
        time.sleep(0.5)

    holder = threading.Thread(target=lambda: stage.desk.do(skip))

    def begin() -> None:
        holder.start()
        assert written.wait(10)

    assert not message(stage, last, stage.runner(at=then_freeze("before_settle", begin)))
    holder.join(10)
    assert stage.deployment().status == "succeeded"
    with stage.engine.connect() as conn:
        lines = conn.execute(select(LogEntry.text).where(LogEntry.step_id == end.id)).scalars()
        assert list(lines) == [f"{end.step_key}: Skipped by {ME.name}: not wanted"]
    stage.finish()
