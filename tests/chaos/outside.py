"""S10: names do not resolve, services are not well, mail servers refuse or say nothing."""

from collections import Counter
from datetime import datetime

from sqlalchemy import func, select

from tenantry.demo.mail_catcher import Fault
from tenantry.models import Deployment, DeploymentStep, JobRecord, StatusChange
from tenantry.planning.catalogue import KINDS
from tests.chaos.field import Field, field
from tests.chaos.letters import letters
from tests.chaos.scenario import How, Told, scenario
from tests.chaos.verdict import verdict
from tests.crash.products import SICK

NUMBER = 12
# What the third product's services answer before they are well.
BAD_ANSWERS = int(SICK["services"][0]["env"]["SIM_HEALTH_FAILS"])
NAMES, MAIL = "domains.wait_propagation", "email.notify_success"
HEALTH = ("health.check", "health.retry")
# Beyond the deadline of the call: the claim, the settling, and a busy machine.
SLACK = 1.0
SOON = 60.0
Step = DeploymentStep


@scenario(
    "S10",
    "DNS, health and SMTP that are away: each wait is a job, nothing fails, deployments succeed"
    " while their mail waits, no worker is held beyond a call's deadline",
)
def names_and_mail_that_are_away_fail_no_deployment(how: How) -> Told:
    """Each trouble lasts until all have met it, at a fifteenth of the product's times."""
    told = Told()
    with field(how, speed=0.02) as place:
        place.place.product(SICK)
        for trouble in ("nxdomain", "blackhole"):
            _names(place, told, trouble)
        _health(place, told)
        # A letter that is on its way while the server stops could come twice.
        place.place.until(lambda: not letters(place.place).unsent, SOON)
        for trouble in ("refused", "silent"):
            _mail(place, told, trouble)
        _deadlines(place, told)
        told.kept(verdict(place.place))
    return told


def _names(place: Field, told: Told, trouble: str) -> None:
    names = [f"{trouble}-{n}" for n in range(NUMBER)]
    hosts = [f"{name}.site.demo.test" for name in names]
    sick = {"nxdomain": hosts} if trouble == "nxdomain" else {"blackhole": True}
    place.place.control("dns", sick)
    place.deploy(names)
    place.place.until_quietly(lambda: len(_tried(place, names, NAMES, polls=2)) == NUMBER, SOON)
    waited = _tried(place, names, NAMES, polls=2)
    jobs = _jobs(place, names, NAMES)
    place.place.control("dns", {"nxdomain": [], "blackhole": False})
    seconds = place.finish(120)
    told.figures[f"{trouble}: waited, jobs, then ended after s"] = (
        f"{len(waited)}, {sum(jobs.values())}, {seconds:.1f}"
    )
    told.expect(len(waited) == NUMBER, f"{trouble}: only {len(waited)} waited")
    told.expect(set(jobs) == set(names), f"{trouble}: only {len(jobs)} have a job that waits")


def _health(place: Field, told: Told) -> None:
    """Names are known; the service itself answers badly at first."""
    names = [f"sick-{n}" for n in range(NUMBER)]
    place.deploy(names, SICK["slug"])
    seconds = place.finish(120)
    jobs = _jobs(place, names, *HEALTH, kind="health")
    told.figures["health: retries recorded, ended after s"] = f"{sum(jobs.values())}, {seconds:.1f}"
    wrong = {name: jobs[name] for name in names if jobs[name] != BAD_ANSWERS}
    told.expect(not wrong, f"health retries that are not {BAD_ANSWERS}: {wrong}")


def _mail(place: Field, told: Told, trouble: str) -> None:
    mailbox = place.place.mailbox
    if trouble == "refused":
        mailbox.stop()
    else:
        mailbox.misbehave(Fault.SILENT)
    names = [f"smtp-{trouble}-{n}" for n in range(NUMBER)]
    place.deploy(names)
    seconds = place.finish(90)
    # Each of them has tried, and had to give up, while its deployment stands as succeeded.
    place.place.until_quietly(lambda: len(_tried(place, names, MAIL, tries=2)) == NUMBER, SOON)
    tried = _tried(place, names, MAIL, tries=1)
    jobs = _jobs(place, names, MAIL, kind="email")
    well = set(place.named("succeeded")) & set(names)
    told.figures[f"SMTP {trouble}: ended after s"] = round(seconds, 1)
    told.figures[f"SMTP {trouble}: succeeded, mails tried, jobs"] = (
        f"{len(well)}, {len(tried)}, {sum(jobs.values())}"
    )
    told.expect(len(well) == NUMBER, f"SMTP {trouble}: only {len(well)} succeeded")
    told.expect(len(tried) == NUMBER, f"SMTP {trouble}: only {len(tried)} mails wait for a retry")
    told.expect(set(jobs) == set(names), f"SMTP {trouble}: only {len(jobs)} have a job")
    if trouble == "refused":
        mailbox.start()
    mailbox.misbehave(Fault.NONE)


def _tried(place: Field, names: list[str], key: str, tries: int = 1, polls: int = 0) -> set[str]:
    """Whose step of that kind is open after so many tries, or polls."""
    asked = (
        select(Deployment.subdomain)
        .join(Step, Step.deployment_id == Deployment.id)
        .where(Deployment.subdomain.in_(names), Step.step_key == key)
        .where(Step.status.in_(("running", "waiting")))
        .where(Step.attempts >= tries, Step.polls >= polls)
    )
    with place.place.shop.desk.reading() as session:
        return set(session.scalars(asked))


def _jobs(place: Field, names: list[str], *keys: str, kind: str = "retry") -> Counter[str]:
    """How many records of waits each of them has."""
    asked = (
        select(Deployment.subdomain, func.count())
        .join(JobRecord, JobRecord.deployment_id == Deployment.id)
        .join(Step, Step.id == JobRecord.step_id)
        .where(Deployment.subdomain.in_(names), Step.step_key.in_(keys))
        .where(JobRecord.job_type == kind)
        .group_by(Deployment.subdomain)
    )
    with place.place.shop.desk.reading() as session:
        return Counter(dict(session.execute(asked).tuples().all()))


def _deadlines(place: Field, told: Told) -> None:
    """From each claim to its settling, by the database's clock."""
    longest = _longest(place)
    scale = place.place.shop.settings.times.scale
    for key in (NAMES, *HEALTH, MAIL):
        deadline = KINDS[key].call_deadline * scale
        told.figures[f"longest {key} s (deadline)"] = f"{longest[key]:.2f} ({deadline:.2f})"
        told.expect(
            0 < longest[key] <= deadline + SLACK,
            f"{key} held a worker for {longest[key]:.2f} s, its deadline is {deadline:.2f} s",
        )


def _longest(place: Field) -> Counter[str]:
    asked = (
        select(Step.step_key, Step.id, StatusChange.old, StatusChange.new, StatusChange.at)
        .join(Step, Step.id == StatusChange.thing_id)
        .where(StatusChange.thing == "step")
        .order_by(Step.id, StatusChange.id)
    )
    longest: Counter[str] = Counter()
    began: dict[int, datetime] = {}
    with place.place.shop.desk.reading() as session:
        for row in session.execute(asked):
            if row.new == "running":
                began[row.id] = row.at
            elif row.old == "running":
                held = (row.at - began.pop(row.id)).total_seconds()
                longest[row.step_key] = max(longest[row.step_key], held)
    return longest
