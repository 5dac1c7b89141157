"""What is wrong in an installation when everything has ended: it should be nothing."""

from typing import Any

from sqlalchemy import exists, func, select

from tenantry.models import Deployment, DeploymentStep, JobRecord, Tenant
from tenantry.planning.states import ENDED_DEPLOYMENT, OPEN_JOB
from tests.chaos.letters import letters
from tests.chaos.place import Place
from tests.crash.findings import doubled

Step = DeploymentStep
MAILS_OUT = 40
SHOWN = 3


def verdict(place: Place, *, wanted: str = "succeeded") -> dict[str, Any]:
    """
    Counts of lost, doubled, dangling, extra or missing mail; each is nought where all is well.

    Lost: a deployment that is not in the state that was wanted. Doubled: what the crash matrix
    counts too. Dangling: an open row under an ended deployment, a lease without a claim, an intent
    without an outcome, a project on the target that no tenant knows, or a tenant whose project is
    not there. Mails are counted one by one: a double hides no missing one.
    """
    place.until_quietly(lambda: _all_told(place), seconds=MAILS_OUT)
    with place.shop.desk.reading() as session:
        lost = session.scalar(
            select(func.count()).select_from(Deployment).where(Deployment.status != wanted)
        )
        why = [
            f"{row.subdomain} {row.status}: {row.summary}"
            for row in session.execute(
                select(Deployment.subdomain, Deployment.status, Deployment.summary)
                .where(Deployment.status != wanted)
                .limit(SHOWN)
            )
        ]
        dangling = sum(int(session.scalar(count) or 0) for count in _dangling())
        known = set(session.scalars(select(Tenant.dokploy_project_id)).all()) - {None}
    world, mail = place.world(), letters(place)
    backends = sum(row["name"] == "backend" for row in world["applications"])
    twice = sorted(doubled(world, backends))
    runs = [
        f"{row['title']}: {row['status']} at {row['createdAt']}"
        for row in world["deployments"]
        if any(row["title"] in words for words in twice)
    ]
    for words in (why, twice, runs, mail.missing, mail.unexcused, mail.strange):
        if words:
            print(f"    {words[:SHOWN]}", flush=True)
    return {
        "lost": int(lost or 0),
        "doubled": len(twice),
        "dangling": dangling + len(known ^ {row["id"] for row in world["projects"]}),
        "missing mails": len(mail.missing),
        "extra mails": len(mail.unexcused),
        "unsent mails": mail.unsent,
        "strange mails": len(mail.strange),
    }


def _all_told(place: Place) -> bool:
    found = letters(place)
    return not found.missing and not found.unsent


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
