"""S8, S9: the target answers nonsense, or loses its queue."""

import time
from typing import Any

from sqlalchemy import select

from dokploy_simulator.faults import MODES
from tenantry.models import TargetRow
from tenantry.models.dbtime import db_now
from tests.chaos.field import Field, field
from tests.chaos.scenario import How, Told, scenario
from tests.chaos.verdict import verdict

# What a step may fail at, with the target's words: whoever asked again got another answer.
MAY_FAIL = ("500", "500-with-path", "401-permission")
# `slow` alone spoils nothing.
PASSING = tuple(mode for mode in MODES if mode not in (*MAY_FAIL, "slow"))
CHANCE = 0.4
EACH = 12
LONGEST = 150.0
# What a key that is refused as a whole looks like: the target's breaker is to open.
REFUSALS = ("401-no-code", "401-message-UNAUTHORIZED")
# A mode lasts until all have ended under it, and at most so long: twelve minutes as shipped. At
# 40 % a step of four calls gets through once in eight tries, and its back-off grows.
LASTS = 50.0


@scenario(
    "S8",
    "16 modes of fault at 40 %, each for 50 s or until all is done: nothing doubled, nothing fails"
    " that may not, all succeed afterwards at the latest; refused keys open the breaker",
)
def a_target_that_answers_nonsense_gets_no_double(how: How) -> Told:
    """Half of the faults come before the work, half after it: the answer alone is lost."""
    told = Told()
    with field(how, speed=0.02) as place:
        for number, mode in enumerate((*PASSING, *MAY_FAIL)):
            _mode(place, told, mode, number, how.seed)
        place.finish(60)
        told.kept(verdict(place.place))
    return told


def _mode(place: Field, told: Told, mode: str, number: int, seed: int) -> None:
    began = time.monotonic()
    place.place.control("faults", {"faults": _plans(mode), "seed": seed + number})
    names = [f"m{number}-{n}" for n in range(EACH)]
    place.deploy(names)
    breaker: set[str] = set()

    def over() -> bool:
        breaker.update(_breaker(place))
        return place.over()

    place.place.until_quietly(over, LASTS)
    seconds, spoilt = time.monotonic() - began, [plan["used"] for plan in place.faults()]
    done = len(set(names) & set(place.named("succeeded")))
    place.lift()
    place.finish(LONGEST)
    failed, why = place.named("failed"), place.failures()
    place.redeploy(failed)
    place.finish(LONGEST)
    told.figures[mode] = (
        f"{seconds:.0f} s, {sum(spoilt)} spoilt, {done} of {EACH} done meanwhile,"
        f" {len(failed)} failed and resumed{', breaker open' if breaker else ''}"
    )
    told.expect(all(spoilt), f"{mode}: a fault was never used: {spoilt}")
    told.expect(sum(spoilt) >= EACH, f"{mode}: only {sum(spoilt)} answers were spoilt")
    told.expect(not failed or mode in MAY_FAIL, f"{mode}: {len(failed)} failed: {why[:3]}")
    still = place.failures()
    told.expect(not still, f"{mode}: resumed without faults and failed again: {still[:3]}")
    told.expect(bool(breaker) or mode not in REFUSALS, f"{mode}: the breaker did not open")


def _plans(mode: str) -> list[dict[str, Any]]:
    """The second plan is asked where the first one passed: together they are the chance."""
    first = CHANCE / 2
    chances = {"before": first, "after": (CHANCE - first) / (1 - first)}
    return [
        {"mode": mode, "probability": chance, "when": when, "procedure": "*.*", "delay": 0.1}
        for when, chance in chances.items()
    ]


def _breaker(place: Field) -> list[str]:
    """Why the target is left alone just now; empty where it is not."""
    with place.place.shop.desk.reading() as session:
        return list(
            session.scalars(
                select(TargetRow.breaker_reason).where(TargetRow.breaker_until > db_now())
            )
        )


@scenario(
    "S9", "a target that restarts and loses its queue: builds are asked for again", brief=True
)
def a_target_that_restarts_loses_no_build(how: How) -> Told:
    """Once its rows are cancelled and its queue is lost, then its whole process is killed."""
    told = Told()
    with field(how) as place:
        place.place.control("speed", {"speed": 1.5})
        place.deploy([f"t{n}" for n in range(20)])
        place.place.until(lambda: place.place.running_step("service.web.wait_deploy", "waiting"))
        time.sleep(2)
        place.place.control("restart-queue", {})
        time.sleep(3)
        place.restart_target()
        place.place.control("speed", {"speed": 0.05})
        told.figures["all ended after s"] = round(place.finish(240), 1)
        told.kept(verdict(place.place))
    return told
