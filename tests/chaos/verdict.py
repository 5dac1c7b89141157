"""What is wrong in an installation when everything has ended: it should be nothing."""

from typing import Any

from sqlalchemy import exists, func, select

from tenantry.models import Deployment, DeploymentStep, JobRecord, Tenant
from tenantry.planning.states import ENDED_DEPLOYMENT, OPEN_JOB
from tests.installation import Installation

Step = DeploymentStep
MAILS_OUT = 40


def verdict(
    place: Installation, *, wanted: str = "succeeded", mails: bool = True
) -> dict[str, Any]:
    """
    Counts of lost, doubled, dangling, extra or missing mail; each is nought where all is well.

    Lost: a deployment that is not in the state that was wanted. Dangling: an open row under an
    ended deployment, a lease without a claim, an intent without an outcome, a project on the target
    that no tenant knows, or a tenant whose project is not there.
    """
    if mails:
        place.until_quietly(lambda: _letters(place) >= _ended(place), seconds=MAILS_OUT)
    with place.shop.desk.reading() as session:
        lost = session.scalar(
            select(func.count()).select_from(Deployment).where(Deployment.status != wanted)
        )
        dangling = sum(int(session.scalar(count) or 0) for count in _dangling())
        known = set(session.scalars(select(Tenant.dokploy_project_id)).all()) - {None}
    there = {row["id"] for row in place.world()["projects"]}
    found = {
        "lost": int(lost or 0),
        "doubled": len(place.doubles()),
        "dangling": dangling + len(known ^ there),
    }
    if mails:
        found["missing mails"] = max(0, _ended(place) - _letters(place))
        found["extra mails"] = max(0, _letters(place) - _ended(place) - place.mails_at_risk)
    return found


def _letters(place: Installation) -> int:
    return len(place.mailbox.messages)


def _ended(place: Installation) -> int:
    """Mails that were due: one for each ended epoch."""
    with place.shop.desk.reading() as session:
        return int(
            session.scalar(
                select(func.count())
                .select_from(Step)
                .where(Step.gates.is_(False), Step.status.not_in(("pending", "skipped")))
            )
            or 0
        )


def _dangling() -> list[Any]:
    under_ended = exists().where(
        Deployment.id == Step.deployment_id, Deployment.status.in_(ENDED_DEPLOYMENT)
    )
    count = select(func.count()).select_from(Step)
    return [
        count.where(Step.gates, Step.status.in_(("running", "waiting")), under_ended),
        count.where(Step.status != "running", Step.lease_until.is_not(None)),
        count.where(Step.status == "success", Step.intent_at.is_not(None)),
        select(func.count())
        .select_from(JobRecord)
        .join(Step, Step.id == JobRecord.step_id)
        .where(JobRecord.status.in_(OPEN_JOB), Step.status.in_(("success", "skipped", "failed"))),
    ]
