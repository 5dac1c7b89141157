"""Two at the same moment, on real databases: one wins, the other hears of it, nobody is locked."""

import pytest
from sqlalchemy import func, select

from tenantry.errors import Conflict, Permanent
from tenantry.models import Deployment
from tests.engine.scenes import at_once, quiet
from tests.stage import IMAGE_ONLY, ME, Stage

KEY = "project.create"
NO = Permanent("no")


def outcomes(results: list[object]) -> tuple[list[object], list[Conflict]]:
    """Winners and losers; any other error is a failure of the test."""
    lost = [r for r in results if isinstance(r, Conflict)]
    other = [r for r in results if isinstance(r, BaseException) and not isinstance(r, Conflict)]
    assert other == []
    return [r for r in results if not isinstance(r, Conflict)], lost


def failed(stage: Stage) -> str:
    quiet(stage, {KEY: [NO]}).ready(IMAGE_ONLY)
    public_id = stage.deploy()
    stage.play()
    assert stage.deployment().status == "failed"
    return public_id


def active(stage: Stage) -> int:
    with stage.desk.reading() as session:
        return session.scalars(
            select(func.count())
            .select_from(Deployment)
            .where(Deployment.status.in_(("pending", "running")))
        ).one()


def test_of_many_resumes_one_wins(stage: Stage) -> None:
    public_id = failed(stage)
    won, lost = outcomes(at_once(*[lambda: stage.desk.resume(ME, public_id)] * 6))
    assert (len(won), len(lost)) == (1, 5)
    assert {conflict.winner for conflict in lost} == {public_id}
    assert stage.deployment().epoch == 1
    assert [s.epoch for s in stage.steps() if not s.gates] == [0, 0, 1, 1]
    stage.finish()


def test_of_many_new_deployments_one_is_made(stage: Stage) -> None:
    quiet(stage).ready(IMAGE_ONLY)
    won, lost = outcomes(at_once(*[stage.deploy] * 6))
    assert (len(won), len(lost)) == (1, 5)
    assert {conflict.winner for conflict in lost} == set(won)
    assert active(stage) == 1
    stage.finish()


def test_the_same_request_again_gets_the_same_deployment(stage: Stage) -> None:
    quiet(stage).ready(IMAGE_ONLY)
    won, lost = outcomes(at_once(*[lambda: stage.deploy(request_key="abc")] * 6))
    assert lost == []
    assert len(set(won)) == 1
    stage.finish()
    assert stage.deploy(request_key="abc") == won[0]
    assert active(stage) == 0


def test_a_request_key_of_another_tenant_is_refused(stage: Stage) -> None:
    quiet(stage).ready(IMAGE_ONLY)
    stage.tenant("beta", "tools")
    stage.deploy(request_key="abc")
    with pytest.raises(Conflict, match="another tenant"):
        stage.deploy("beta", request_key="abc")
    won, lost = outcomes(
        at_once(
            lambda: stage.deploy("beta", request_key="def"),
            lambda: stage.deploy("beta", request_key="ghi"),
        )
    )
    assert (len(won), len(lost)) == (1, 1)


def test_first_deployments_of_one_product_at_the_same_moment_share_its_release(
    stage: Stage,
) -> None:
    quiet(stage)
    slug = stage.product(IMAGE_ONLY)
    names = [f"t-{n}" for n in range(6)]
    for name in names:
        stage.tenant(name, slug)
    won, lost = outcomes(at_once(*[lambda n=n: stage.deploy(n) for n in names]))
    assert (len(set(won)), lost) == (6, [])
    with stage.desk.reading() as session:
        assert len(set(session.scalars(select(Deployment.release_id)))) == 1


def test_a_resume_and_a_new_deployment_leave_one_active(stage: Stage) -> None:
    for _ in range(4):
        public_id = failed(stage) if stage.deployment() is None else _fail_again(stage)
        won, lost = outcomes(at_once(stage.deploy, lambda p=public_id: stage.desk.resume(ME, p)))
        assert (len(won), len(lost)) == (1, 1)
        assert active(stage) == 1


def _fail_again(stage: Stage) -> str:
    stage.handlers[KEY] = lambda _ctx: (_ for _ in ()).throw(NO)  # type: ignore[assignment]
    stage.finish()
    return str(stage.deployment().public_id)


def test_an_old_deployment_is_not_resumed_over_a_newer_success(stage: Stage) -> None:
    old = failed(stage)
    stage.deploy()
    with pytest.raises(Conflict, match="supersedes"):
        stage.desk.resume(ME, old)
    stage.finish()
    assert stage.deployment().status == "succeeded"
    with pytest.raises(Conflict, match="supersedes"):
        stage.desk.resume(ME, old)
    assert stage.deployment(old).status == "failed"


def test_an_old_deployment_may_go_on_where_the_newer_one_failed_too(stage: Stage) -> None:
    old = failed(stage)
    quiet(stage, {KEY: [NO]})
    new = stage.deploy()
    stage.play()
    stage.desk.resume(ME, old)
    with pytest.raises(Conflict) as caught:
        stage.desk.resume(ME, new)
    assert caught.value.winner == old
    stage.finish()
    assert stage.deployment(old).status == "succeeded"
