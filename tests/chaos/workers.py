"""S13 to S15: workers are restarted, poisoned, and live in another time."""

import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from tenantry.demo.spawning import Program
from tenantry.models import DeploymentStep, StepAttempt
from tests.chaos.field import SITE, field
from tests.chaos.place import Place
from tests.chaos.scenario import How, Told, scenario
from tests.chaos.verdict import verdict

LOSSES = 6
# Seconds that the clocks of two workers are off.
OFFSETS = {"ahead": 600, "behind": -600}
NEAR = 5.0
FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")


@scenario("S13", "workers restarted in turn by SIGTERM under load: no claim is lost, none doubled")
def a_rolling_restart_loses_no_claim(how: How) -> Told:
    """Each is told to stop, given its time, and started again; there is always another one."""
    told = Told()
    with field(how, steps=2) as place:
        place.place.control("speed", {"speed": 0.3})
        place.deploy([f"t{n}" for n in range(120)])
        longest = 0.0
        for _ in range(3):
            for name in ("steps-0", "steps-1"):
                began = time.monotonic()
                place.place.supervisor.stop(name)
                longest = max(longest, time.monotonic() - began)
                again = place.place.worker(name, "steps", "--concurrency", "20")
                place.place.supervisor.start(again)
                time.sleep(2)
        told.figures |= {"restarts": 6, "longest stop s": round(longest, 1)}
        place.finish(180)
        told.figures["claims lost"] = place.reaped()
        told.expect(place.reaped() == 0, f"{place.reaped()} claims were lost")
        told.kept(verdict(place.place))
    return told


@scenario("S14", "a step that kills its worker fails after six losses; the others succeed")
def a_poisonous_step_harms_no_other(how: How) -> Told:
    """After the first loss it is tried only where a crash has no bystanders."""
    told = Told()
    poison = SITE | {"name": "Poison", "slug": "poison", "base_domain": "poison.demo.test"}

    def poisoned(place: Place) -> list[Program]:
        return [
            place.worker("poisoned", "steps", "--concurrency", "20", entry="tests.chaos.worker"),
            place.worker("poisoned-suspect", "suspect", entry="tests.chaos.worker"),
        ]

    with field(how, steps=0, workers=poisoned) as place:
        # The product's own suspect worker has no poison: only ours may take the step.
        place.place.supervisor.stop("worker-suspect")
        place.place.product(poison)
        place.deploy(["poisoned"], "poison")
        place.deploy([f"t{n}" for n in range(20)])
        place.finish(240)
        failed = place.named("failed")
        with place.place.shop.desk.reading() as session:
            step = session.execute(
                select(DeploymentStep.lost, DeploymentStep.message).where(
                    DeploymentStep.lost > 0, DeploymentStep.status == "failed"
                )
            ).first()
        told.figures |= {"failed": failed, "losses": step.lost if step else 0}
        told.figures["words"] = step.message if step else ""
        told.expect(failed == ["poisoned"], f"failed: {failed}")
        told.expect(bool(step) and step.lost == LOSSES, f"lost {step.lost if step else 0} times")
        found = verdict(place.place)
        found["lost"] -= len(failed)
        told.kept(found)
    return told


@scenario("S15", "workers whose clocks are ten minutes off do the same as all others")
def clocks_that_are_off_change_nothing(how: How) -> Told:
    """One worker ten minutes ahead, one ten minutes behind; the database's clock decides."""
    told = Told()
    _need_faketime()

    def strange(place: Place) -> list[Program]:
        return [_off(place, name, f"{seconds:+d}s") for name, seconds in OFFSETS.items()]

    with field(how, steps=0, workers=strange) as place:
        place.place.control("speed", {"speed": 0.2})
        with told_times(place.place) as off:
            place.deploy([f"t{n}" for n in range(40)])
            place.place.until(lambda: {place.place.supervisor.pid(n) for n in OFFSETS} <= set(off))
        told.figures["all ended after s"] = round(place.finish(180), 1)
        for name, seconds in OFFSETS.items():
            pid = place.place.supervisor.pid(name) or 0
            steps = _done_by(place.place, pid)
            told.figures[f"{name}: clock off by s, steps done"] = f"{off.get(pid)}, {steps}"
            told.expect(abs(off.get(pid, 0) - seconds) < NEAR, f"{name}: off by {off.get(pid)} s")
            told.expect(steps > 0, f"{name} has done no step")
        told.figures["claims lost"] = place.reaped()
        told.kept(verdict(place.place))
    return told


def _off(place: Place, name: str, offset: str) -> Program:
    plain = place.worker(name, "steps", "--concurrency", "20")
    env = dict(plain.env or {}) | {
        "LD_PRELOAD": str(FAKETIME),
        "FAKETIME": offset,
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    return Program(
        name=name, argv=plain.argv, env=env, cwd=plain.cwd, stop_within=plain.stop_within
    )


@contextmanager
def told_times(place: Place) -> Iterator[dict[int, float]]:
    """By process: seconds its clock is off, by the time that its own events bear."""
    off: dict[int, float] = {}
    over = threading.Event()

    def note(event: dict[str, Any]) -> None:
        off[event["pid"]] = round(event["timestamp"] - time.time(), 1)

    def listen() -> None:
        with place.shop.celery.connection_for_read() as connection:
            receiver = place.shop.celery.events.Receiver(connection, handlers={"*": note})
            while not over.is_set():
                with suppress(TimeoutError):
                    receiver.capture(limit=None, timeout=1.0, wakeup=False)

    listener = threading.Thread(target=listen, name="events", daemon=True)
    listener.start()
    try:
        yield off
    finally:
        over.set()
        listener.join(10)


def _done_by(place: Place, pid: int) -> int:
    """Steps that this process has brought to their goal."""
    done = select(func.count()).select_from(StepAttempt)
    done = done.where(StepAttempt.owner.like(f"%:{pid}"), StepAttempt.outcome == "success")
    with place.shop.desk.reading() as session:
        return int(session.scalar(done) or 0)


def _need_faketime() -> None:
    """Debian's library that tells a process another time."""
    if FAKETIME.exists():
        return
    for argv in (
        ["apt-get", "update", "-qq"],
        ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "libfaketime"],
    ):
        subprocess.run(argv, check=True, capture_output=True)
