"""S7, S11: the database restarts, is away, is full."""

import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from tenantry.models import Deployment, DeploymentStep, Tenant, TenantService
from tests.chaos.field import Field, field
from tests.chaos.scenario import How, Told, scenario
from tests.chaos.verdict import verdict

RESTARTS = 3
OUTAGE = 95.0
BACK_WITHIN = 30.0
FULL_SECONDS = 8.0
FULL_WITHIN = 10.0
DISK = "400m"
DISK_FULL = "53100"
FULL, TAKEN = "refused: disk full", "taken"


def _pids(place: Field) -> dict[str, int | None]:
    return {
        child.name: child.pid
        for child in place.place.supervisor.status()
        if child.name != "dokploy"
    }


@scenario("S7", "PostgreSQL killed three times and away for 95 s: no wrong state, no worker dies")
def a_database_that_restarts_and_stays_away_corrupts_nothing(how: How) -> Told:
    """Claims that were cut in the middle are recovered by their leases."""
    told = Told()
    with field(how) as place:
        place.place.control("speed", {"speed": 10.0})
        place.deploy([f"t{n}" for n in range(60)])
        before = _pids(place)
        for _ in range(RESTARTS):
            time.sleep(4)
            place.restart_postgres()
        time.sleep(3)
        told.figures["in flight"] = place.in_flight()
        place.stop_postgres()
        time.sleep(OUTAGE)
        place.start_postgres()
        at = place.db_time()
        place.place.control("speed", {"speed": 0.05})
        place.finish(180)
        slowest = place.slowest_to_go_on(at)
        told.figures |= {"restarts": RESTARTS, "away s": OUTAGE}
        told.figures["slowest to go on s"] = round(slowest, 1)
        told.expect(slowest <= BACK_WITHIN, f"slowest went on after {slowest:.1f} s")
        died = [name for name, pid in _pids(place).items() if before[name] != pid]
        told.figures["processes that died"] = len(died)
        told.expect(not died, f"died: {died}")
        told.kept(verdict(place.place))
    return told


@scenario(
    "S11",
    "a full disk refuses cleanly, leaves nothing half made and recovers within 10 s, no double",
)
def a_full_disk_is_refused_and_survived(how: How) -> Told:
    """The database's files lie in a small file system of their own, filled to the brim for 8 s."""
    told = Told()
    with field(how) as place, _small_disk(place, how.base / "disk") as disk:
        place.place.control("speed", {"speed": 0.3})
        place.deploy([f"t{n}" for n in range(40)])
        time.sleep(2)
        told.figures["in flight"] = place.in_flight()
        filler = disk / "filler"
        _run("dd", "if=/dev/zero", f"of={filler}", "bs=1M", check=False)
        tried = _ask_meanwhile(place)
        filler.unlink()
        back = place_answers(place)
        answers = Counter(tried.values())
        told.figures |= {"asked while full": dict(answers), "takes writes again after s": back}
        told.expect(answers[FULL] > 0, "no answer spoke of the disk: it was not full")
        told.expect(set(answers) <= {FULL, TAKEN}, f"not refused cleanly: {dict(answers)}")
        told.expect(back <= FULL_WITHIN, f"took writes again after {back} s")
        half = _half_made(place, tried)
        told.figures["half made"] = len(half)
        told.expect(not half, f"half made: {half[:3]}")
        _ask_again(place, tried)
        place.finish(180)
        told.kept(verdict(place.place))
    return told


def _ask_meanwhile(place: Field) -> dict[str, str]:
    """Somebody adds one new tenant after the other; what each was told."""
    tried: dict[str, str] = {}
    began = time.monotonic()
    while time.monotonic() - began < FULL_SECONDS:
        name = f"full{len(tried)}"
        try:
            place.deploy([name])
            tried[name] = TAKEN
        except DBAPIError as trouble:
            state = getattr(trouble.orig, "sqlstate", None)
            tried[name] = FULL if state == DISK_FULL else f"{type(trouble.orig).__name__} {state}"
        except Exception as trouble:  # noqa: BLE001 — whatever else it is, it is not clean
            tried[name] = f"{type(trouble).__name__}: {trouble}"[:80]
        time.sleep(0.2)
    return tried


def _half_made(place: Field, tried: dict[str, str]) -> list[str]:
    """Tenants without service, deployments without their steps, and what was taken in vain."""
    services = select(Tenant.subdomain, func.count(TenantService.id))
    services = services.outerjoin(TenantService).group_by(Tenant.subdomain)
    steps = (
        select(Deployment.subdomain, func.count(DeploymentStep.id))
        .outerjoin(DeploymentStep)
        .where(DeploymentStep.step_key.is_(None) | (DeploymentStep.step_key != "health.retry"))
        .group_by(Deployment.subdomain)
    )
    with place.place.shop.desk.reading() as session:
        has_services = dict(session.execute(services).tuples().all())
        has_steps = dict(session.execute(steps).tuples().all())
    whole = has_steps["t0"]
    bad = [f"{name}: {n} services" for name, n in has_services.items() if n != 1]
    bad += [f"{name}: {n} of {whole} steps" for name, n in has_steps.items() if n != whole]
    taken = [name for name, answer in tried.items() if answer == TAKEN]
    return bad + [f"{name}: taken, not there" for name in taken if name not in has_steps]


def _ask_again(place: Field, tried: dict[str, str]) -> None:
    """Who was refused asks once more: no name was spoilt by the refusal."""
    with place.place.shop.desk.reading() as session:
        there = set(session.scalars(select(Tenant.subdomain)))
        asked = set(session.scalars(select(Deployment.subdomain)))
    for name in tried:
        if name not in there:
            place.place.tenant(name, "site")
        if name not in asked:
            place.place.deploy(name)


@contextmanager
def _small_disk(place: Field, disk: Path) -> Iterator[Path]:
    """Moves the database's files into a file system of a few hundred megabytes."""
    data = place.postgres._data
    place.postgres.stop()
    disk.mkdir()
    _run("mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(disk))
    try:
        _run("cp", "-a", f"{data}/.", str(disk))
        _run("mount", "--bind", str(disk), str(data))
        try:
            place.start_postgres()
            yield disk
        finally:
            place.postgres.stop()
            _run("umount", "-l", str(data), check=False)
    finally:
        _run("umount", "-l", str(disk), check=False)


def place_answers(place: Field) -> float:
    """Seconds until a tenant can be added and deployed."""
    began = time.monotonic()

    def works() -> bool:
        place.deploy(["after"])
        return True

    place.place.until_quietly(works, 60)
    return round(time.monotonic() - began, 1)


def _run(*argv: str, check: bool = True) -> None:
    subprocess.run(argv, check=check, capture_output=True)
