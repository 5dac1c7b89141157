"""
`make crash-small`: every step of the sample plan × three points, the whole worker killed each time.

One tenant for each cell: its deployment runs through real processes at a fifteenth of the shipped
times, and the worker that comes to the cell's point in the cell's step dies there by SIGKILL. Every
deployment must succeed, and the stand-in must hold one of each resource.
"""

import shutil
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import redis
from sqlalchemy import select

from tenantry.demo.spawning import Program
from tenantry.models import Deployment, DeploymentStep, StatusChange
from tenantry.operations import deployments, tenants
from tests.crash.worker import KEY
from tests.installation import ME, Installation, servers

# Before the call, after the call before the commit, after the commit before publishing. A step
# that changes nothing has no call to be killed before; it dies right after its claim instead.
POINTS = ("before_call", "before_settle", "after_settle")
READS_ONLY = ("service.wait_deploy", "domains.wait_propagation", "health.check")
WORKERS = 6
SLOTS = 2
AT_ONCE = 14
LONGEST = 150.0


@dataclass
class Cell:
    """One step and one point."""

    number: int
    key: str
    service: str | None
    point: str
    deployment: str = ""
    began: float = 0.0
    seconds: float = 0.0
    outcome: str = ""
    step_id: int = 0
    recovery: list[float] = field(default_factory=list)

    @property
    def tenant(self) -> str:
        """Its own tenant."""
        return f"cell{self.number}"


class Matrix:
    """Runs the cells, a few at once."""

    def __init__(self, place: Installation, broker: redis.Redis) -> None:
        self.place = place
        self.broker = broker

    def cells(self) -> list[Cell]:
        """Every gating step of the sample plan, and its mail, × the points."""
        self.place.tenant("probe")
        public_id = self._create("probe")
        with self.place.shop.desk.reading() as session:
            found = deployments.find(session, public_id)
            steps = session.execute(
                select(DeploymentStep.step_key, DeploymentStep.service_name)
                .where(DeploymentStep.deployment_id == found.id)
                .where(DeploymentStep.step_key != "email.notify_failure")
                .order_by(DeploymentStep.order)
            ).all()
        self.place.shop.desk.cancel(ME, public_id)
        places = [(key, service, point) for key, service in steps for point in POINTS]
        return [Cell(n, *one) for n, one in enumerate(places, start=1)]

    def run(self, cells: list[Cell]) -> None:
        """Starts each cell as soon as there is room; waits for all of them."""
        waiting, running = list(cells), []
        began = time.monotonic()
        while waiting or running:
            while waiting and len(running) < AT_ONCE:
                cell = waiting.pop(0)
                self._start(cell)
                running.append(cell)
            for cell in list(running):
                ended = self.place.ended(cell.tenant)
                if ended or time.monotonic() - cell.began > LONGEST:
                    cell.outcome = ended or "did not end"
                    cell.seconds = time.monotonic() - cell.began
                    running.remove(cell)
            if time.monotonic() - began > 900:
                break
            time.sleep(0.1)

    def _start(self, cell: Cell) -> None:
        self.place.tenant(cell.tenant)
        cell.deployment = self._create(cell.tenant)
        with self.place.shop.desk.reading() as session:
            found = deployments.find(session, cell.deployment)
            step = session.scalars(
                select(DeploymentStep).where(
                    DeploymentStep.deployment_id == found.id,
                    DeploymentStep.step_key == cell.key,
                    DeploymentStep.service_name == cell.service
                    if cell.service
                    else DeploymentStep.service_name.is_(None),
                )
            ).one()
            cell.step_id = step.id
            target_id = found.target_id
        self.broker.set(KEY.format(step=step.id, point=_hook(cell)), 1)
        cell.began = time.monotonic()
        self.place.shop.dispatcher.admit(target_id)

    def _create(self, subdomain: str) -> str:
        desk = self.place.shop.desk

        def act(session: Any) -> str:
            tenant = tenants.find(session, subdomain)
            return str(deployments.create(session, ME, tenant, desk.secrets).public_id)

        return desk.do(act)

    def unreached(self) -> int:
        """How many of the armed points were never come to."""
        return sum(1 for _ in self.broker.scan_iter("crash:*"))

    def recoveries(self, cells: list[Cell]) -> list[float]:
        """Seconds from each kill's last sign of life to the step's next claim."""
        found = []
        with self.place.shop.desk.reading() as session:
            for cell in cells:
                moves = session.execute(
                    select(StatusChange.new, StatusChange.at)
                    .where(StatusChange.thing == "step", StatusChange.thing_id == cell.step_id)
                    .order_by(StatusChange.id)
                ).all()
                claims = [at for new, at in moves if new == "running"]
                found += [(b - a).total_seconds() for a, b in pairwise(claims)]
        return found


def _hook(cell: Cell) -> str:
    kind = cell.key if not cell.key.startswith("service.") else f"service.{cell.key.split('.')[2]}"
    reads = kind in READS_ONLY or cell.key.startswith("email.")
    return "after_claim" if cell.point == "before_call" and reads else cell.point


def worker(place: Installation, number: int, queue: str, slots: int) -> Program:
    """One worker that can be told to die."""
    return Program(
        name=f"{queue}-{number}",
        argv=[sys.executable, "-m", "tests.crash.worker", queue, str(slots)],
        env=place._env(),
        cwd=place.folder,
    )


def main() -> int:
    """Prints the table; 0 where nothing was lost or doubled."""
    base = Path(tempfile.mkdtemp(prefix="crash-"))
    postgres, valkey = servers(base)
    began = time.monotonic()
    try:
        with Installation(base / "place", postgres.url(), valkey.url(), limit=AT_ONCE + 1) as place:
            place.product()
            for number in range(WORKERS):
                place.supervisor.launch(worker(place, number, "steps", SLOTS))
            for number in range(2):
                place.supervisor.launch(worker(place, number, "slow", SLOTS))
                place.supervisor.launch(worker(place, number, "suspect", 1))
            place.start("watchdog")
            broker = redis.Redis.from_url(valkey.admin_url())
            matrix = Matrix(place, broker)
            cells = matrix.cells()
            matrix.run(cells)
            return _report(matrix, cells, place, time.monotonic() - began)
    finally:
        valkey.remove()
        postgres.remove()
        shutil.rmtree(base, ignore_errors=True)


def _report(matrix: Matrix, cells: list[Cell], place: Installation, seconds: float) -> int:
    place.until(lambda: len(place.mailbox.messages) >= len(cells), seconds=60)
    failed = [c for c in cells if c.outcome != "succeeded"]
    doubles = place.doubles()
    unreached = matrix.unreached()
    with place.shop.desk.reading() as session:
        active = session.scalars(
            select(Deployment.id).where(Deployment.status.in_(("pending", "running")))
        ).all()
    extra_mails = len(place.mailbox.messages) - len(cells)
    recoveries = sorted(matrix.recoveries(cells))
    print(f"{'cells':24}{len(cells)}")
    print(f"{'workers killed':24}{len(cells) - unreached}")
    print(f"{'succeeded':24}{len(cells) - len(failed)}")
    print(f"{'lost':24}{len(failed) + len(active)}")
    print(f"{'doubled':24}{len(doubles)}")
    print(f"{'extra mails':24}{extra_mails}")
    if recoveries:
        p95 = recoveries[int(len(recoveries) * 0.95) - 1]
        print(
            f"{'claim to next claim s':24}p50 {statistics.median(recoveries):.1f}  "
            f"p95 {p95:.1f}  max {recoveries[-1]:.1f}"
        )
    print(f"{'seconds in all':24}{seconds:.0f}")
    for cell in failed:
        print(f"  lost: {cell.key} {cell.service or ''} {cell.point}: {cell.outcome}")
    for double in doubles:
        print(f"  doubled: {double}")
    if failed:
        print(place.describe())
    return 1 if failed or doubles or active or unreached or extra_mails > len(POINTS) else 0


if __name__ == "__main__":
    sys.exit(main())
