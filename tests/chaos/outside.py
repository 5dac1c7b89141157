"""S10: names do not resolve, mail servers refuse or say nothing."""

import time

from sqlalchemy import func, select

from tenantry.demo.mail_catcher import Fault
from tenantry.models import JobRecord
from tests.chaos.field import Field, field
from tests.chaos.scenario import How, Told, scenario
from tests.chaos.verdict import verdict

NUMBER = 12
BAD = 12.0


@scenario("S10", "DNS and SMTP that refuse or keep silent: retries are recorded, nothing fails")
def names_and_mail_that_are_away_fail_no_deployment(how: How) -> Told:
    """Each trouble lasts a few seconds at a fifteenth of the product's times."""
    told = Told()
    with field(how, speed=0.02) as place:
        _names(place, told)
        for trouble in ("refused", "silent"):
            _mail(place, told, trouble)
        told.kept(verdict(place.place))
    return told


def _names(place: Field, told: Told) -> None:
    for number, trouble in enumerate(("nxdomain", "blackhole")):
        names = [f"dns{number}-{n}" for n in range(NUMBER)]
        hosts = [f"{name}.site.demo.test" for name in names]
        sick = {"nxdomain": hosts} if trouble == "nxdomain" else {"blackhole": True}
        place.place.control("dns", sick)
        place.deploy(names)
        time.sleep(BAD)
        waiting = place.in_flight()
        place.place.control("dns", {"nxdomain": [], "blackhole": False})
        seconds = place.finish(120)
        told.figures[f"{trouble}: waited, then ended after s"] = f"{waiting}, {seconds:.1f}"
        told.expect(waiting == NUMBER, f"{trouble}: only {waiting} waited")
    with place.place.shop.desk.reading() as session:
        jobs = session.scalar(select(func.count()).select_from(JobRecord))
    told.figures["jobs recorded"] = jobs
    told.expect(bool(jobs), "no wait was recorded")


def _mail(place: Field, told: Told, trouble: str) -> None:
    mailbox = place.place.mailbox
    if trouble == "refused":
        mailbox.stop()
    else:
        mailbox.misbehave(Fault.SILENT)
    names = [f"{trouble}-{n}" for n in range(NUMBER)]
    place.deploy(names)
    seconds = place.finish(90)
    told.figures[f"SMTP {trouble}: ended after s"] = round(seconds, 1)
    told.expect(seconds < 90, f"SMTP {trouble}: the deployments did not end")
    told.expect(not place.named("failed"), f"SMTP {trouble}: a deployment failed")
    if trouble == "refused":
        mailbox.start()
    mailbox.misbehave(Fault.NONE)
