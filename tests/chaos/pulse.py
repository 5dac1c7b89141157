"""How an installation gets on while it is broken: a line every ten seconds, from a thread."""

import os
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis
from sqlalchemy import case, func, select

from tenantry.models import Deployment, DeploymentStep, TargetRow
from tenantry.models.dbtime import db_now
from tenantry.planning.catalogue import QUEUES
from tenantry.planning.states import DONE_STEP
from tests.chaos.field import Field

EVERY = 10.0
TICKS = os.sysconf("SC_CLK_TCK")
Step = DeploymentStep
HEAD = (
    f"    {'s':>5} {'open':>5} {'done':>6} {'steps/s':>7} {'at work':>7} {'due':>5} {'later':>5}"
    f" {'queues':>12} {'rests s':>7} {'misses':>6}  % of a core"
)


@contextmanager
def pulse(place: Field) -> Iterator[None]:
    """Prints lines meanwhile."""
    over = threading.Event()
    watch = threading.Thread(target=_watch, args=(place, over), name="pulse", daemon=True)
    watch.start()
    try:
        yield
    finally:
        over.set()
        watch.join(EVERY)


def _watch(place: Field, over: threading.Event) -> None:
    print(HEAD, flush=True)
    began = at = time.monotonic()
    done, cpu = 0, _cpu(place)
    while not over.wait(EVERY):
        now, rows, spent = time.monotonic(), _rows(place), _cpu(place)
        share = " ".join(
            f"{name} {100 * (spent[name] - cpu[name]) / (now - at):.0f}"
            for name in sorted(spent)
            if spent[name] > cpu[name]
        )
        line = f"    {now - began:5.0f} "
        if rows is None:
            line += f"{'the database does not answer':53} {_queues(place):>12} {'':14}"
        else:
            line += (
                f"{rows['open']:5} {rows['done']:6} {(rows['done'] - done) / (now - at):7.1f}"
                f" {rows['at work']:7} {rows['due']:5} {rows['later']:5} {_queues(place):>12}"
                f" {rows['rests']:7.1f} {rows['misses']:6}"
            )
            done = rows["done"]
        print(f"{line}  {share}", flush=True)
        at, cpu = now, spent


def _rows(place: Field) -> Mapping[str, Any] | None:
    """Of gating steps: those done, at work, waiting and due, waiting for later; the breaker."""
    waits = Step.gates & (Step.status == "waiting")
    steps = (
        select(
            func.count(case((Step.status.in_(DONE_STEP), 1))),
            func.count(case((Step.status == "running", 1))),
            func.count(case((waits & (Step.due_at <= db_now()), 1))),
            func.count(case((waits & (Step.due_at > db_now()), 1))),
        )
        .join(Deployment, Deployment.id == Step.deployment_id)
        .where(Deployment.status != "cancelled")
    )
    rests = select(
        func.coalesce(func.extract("epoch", func.max(TargetRow.breaker_until) - db_now()), 0),
        func.max(TargetRow.breaker_count),
    )
    try:
        found = place.statuses()
        with place.place.shop.desk.reading() as session:
            done, at_work, due, later = session.execute(steps).one()
            seconds, misses = session.execute(rests).one()
    except Exception:  # noqa: BLE001 — away is what these scenarios are about
        return None
    return {
        "open": found.get("pending", 0) + found.get("running", 0),
        "done": done,
        "at work": at_work,
        "due": due,
        "later": later,
        "rests": max(0.0, float(seconds)),
        "misses": misses,
    }


def _queues(place: Field) -> str:
    try:
        client = place.broker
        return "/".join(str(client.llen(name)) for name in QUEUES)
    except redis.RedisError:
        return "no answer"


def _cpu(place: Field) -> Counter[str]:
    """Seconds of CPU so far by kind of program, with what each has started."""
    kinds = {
        child.pid: child.name.partition("-")[0] for child in place.place.supervisor.status()
    } | {place.postgres.pid: "postgres", place.valkey.pid: "valkey", os.getpid(): "harness"}
    parents, spent = {}, {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(") ")[2].split()
        except OSError:
            continue
        pid = int(stat.parent.name)
        parents[pid] = int(fields[1])
        spent[pid] = (int(fields[11]) + int(fields[12])) / TICKS
    # What is left of all that was busy is not ours: a starved run shows it.
    told: Counter[str] = Counter(others=_busy())
    for pid, seconds in spent.items():
        above: int | None = pid
        while above is not None and above not in kinds:
            above = parents.get(above)
        if above is not None:
            told[kinds[above]] += seconds
            told["others"] -= seconds
    return told


def _busy() -> float:
    """Seconds of CPU that anything has spent, since the machine started."""
    user, nice, system, _idle, _wait, *rest = (
        int(word) for word in Path("/proc/stat").read_text().split("\n")[0].split()[1:9]
    )
    return (user + nice + system + sum(rest)) / TICKS
